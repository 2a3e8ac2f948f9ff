"""Readers in pure Python as functions of bytes, which return, or raise where the promise was not kept."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy.dialects import postgresql

from api import wfs_filter
from api.drawn import to_parcels
from api.geojson import parse, read_features
from gis.ingest import read_mapped
from gis.rules import loader
from gis.rules.files import RuleFile
from gis.served_crs import CRS84
from gis.settings import Settings
from gis.store import filters
from gis.store.collections import COLLECTIONS, Collection
from gis.vct import read_vct
from tests.fuzz.promise import kept

CORPUS = Path(__file__).parent / "corpus"
FILTERED = tuple(COLLECTIONS[id_] for id_ in ("parcel", "data_centre", "water_intake_zone"))
"""Collections that filters are held against: together they have properties of every type."""
TODAY = date(2026, 11, 22)

_DIALECT = postgresql.dialect()
_SETTINGS = Settings()
_RULE_FILE = re.compile(rb"# ([a-z_]+\.(?:yaml|csv))\r?\n")


def vct(data: bytes) -> None:
    """Read a VCT file."""
    with tempfile.TemporaryDirectory(prefix="onemap-") as folder, kept():
        path = Path(folder) / "a.vct"
        path.write_bytes(data)
        read_vct(path)


def table(data: bytes) -> None:
    """Read a text table as rows of the layer whose fields are of most types."""
    with tempfile.TemporaryDirectory(prefix="onemap-") as folder, kept():
        path = Path(folder) / "a.csv"
        path.write_bytes(data)
        read_mapped("data_centre", path, source_crs="EPSG:4326")


def cql2_text(data: bytes) -> None:
    """Parse a filter in text, and make a condition of it on each collection."""
    with kept() as refused:
        tree = filters.parse_text(data.decode("utf-8", "replace"))
    if not refused:
        _conditions(tree)


def cql2_json(data: bytes) -> None:
    """Parse a filter in JSON, and make a condition of it on each collection."""
    with kept() as refused:
        tree = filters.parse_json(data.decode("utf-8", "replace"))
    if not refused:
        _conditions(tree)


def wfs_xml(data: bytes) -> None:
    """Parse a filter in XML, and make a condition of it on each collection."""
    for collection in FILTERED:
        with kept():
            found = wfs_filter.parse(data.decode("utf-8", "replace"), collection)
            wfs_filter.feature_ids(found.ids, collection)
            if found.tree is not None:
                _condition(found.tree, collection)


def _conditions(tree: Any) -> None:
    for collection in FILTERED:
        with kept():
            _condition(tree, collection)


def _condition(tree: Any, collection: Collection) -> None:
    filters.condition(tree, collection, CRS84).compile(dialect=_DIALECT)


def rules(data: bytes) -> None:
    """Read the built-in rules with one file in place of another: a first line `# NAME` says which."""
    texts = {p.name: p.read_bytes() for p in (loader.BUILT_IN / "beijing").iterdir()}
    named = _RULE_FILE.match(data)
    name = named[1].decode() if named else "ruleset.yaml"
    texts[name] = data[named.end() :] if named and name.endswith(".csv") else data
    # Files that are as they were are parsed once.
    with kept(), patch.object(loader, "RuleFile", lambda name, texts: _file(name, texts.get(name))):
        loader.parse_ruleset(texts, TODAY)


@lru_cache(maxsize=64)
def _file(name: str, raw: bytes | None) -> RuleFile:
    return RuleFile(name, {} if raw is None else {name: raw})


def body(data: bytes) -> None:
    """Read the body of a question about drawn polygons."""
    with kept():
        features, _ = read_features(parse(data), _SETTINGS)
        to_parcels(features, None)


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    f.__name__: f for f in (vct, table, cql2_text, cql2_json, wfs_xml, rules, body)
}


def seeds(name: str) -> dict[str, bytes]:
    """Return the corpus of a target by names; that of rules begins with the built-in files."""
    found = {path.name: path.read_bytes() for path in sorted((CORPUS / name).iterdir())}
    if name == "rules":
        built_in = sorted((loader.BUILT_IN / "beijing").iterdir())
        found |= {f"built_in_{p.name}": f"# {p.name}\n".encode() + p.read_bytes() for p in built_in}
    return found
