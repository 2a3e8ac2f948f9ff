"""Tokens of what tiles show: a tile with the same token is the same tile."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, text

import gis.webmap
from gis.store import Store
from gis.webmap.match_tiles import SOURCES
from gis.webmap.tiles import RESULT_LAYER
from layers import LAYERS, POTENTIAL

# Every tile asks first: texts take the driver a third of the time that lists and times do.
_LOADS = """
SELECT DISTINCT ON (layer) layer, concat_ws(' ', version, extract(epoch FROM loaded_at), source_sha256)
FROM meta.layer_version WHERE layer = ANY(string_to_array(:layers, ',')) ORDER BY layer, version DESC
"""
_RUN = """
SELECT concat_ws(' ', run_id, ruleset_hash, extract(epoch FROM finished_at))
FROM meta.run ORDER BY run_id DESC LIMIT 1
"""
_POTENTIAL = "SELECT concat_ws(' ', made_of, extract(epoch FROM made_at)) FROM result.ground_potential"
_MATCHES = "SELECT scenario, extract(epoch FROM finished_at)::text FROM meta.match ORDER BY scenario"


def token(*parts: object) -> str:
    """Return a short text that is another one for other parts."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


@cache
def _drawing() -> str:
    """Return the token of how tiles are drawn: another version of this program draws them anew."""
    folder = Path(gis.webmap.__file__).parent
    return token([path.read_bytes() for path in sorted(folder.glob("*.py"))])


def _loads(connection: Connection, layers: Iterable[str]) -> dict[str, str]:
    rows = connection.execute(text(_LOADS), {"layers": ",".join(layers)})
    return {layer: token(_drawing(), layer, load) for layer, load in rows}


def tile_versions(
    store: Store,
    wanted: Iterable[str] = (RESULT_LAYER, *LAYERS),
    readable: Container[str] = LAYERS,
) -> dict[str, str]:
    """Return a version token for each wanted layer, raster and result that can be drawn.

    One never loaded is absent. Zones drawn from the townships that they list have another token where
    townships are not `readable`. Tokens differ between stores too: two data folders served on one port do
    not share tiles in a browser's cache. Only runs are asked for where results are wanted.
    """
    asked = set(wanted)
    listed = {s.id for s in LAYERS.values() if s.by_township} & asked
    more = {"township"} if listed and "township" in readable else set()
    more |= {"parcel"} if RESULT_LAYER in asked else set()
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        loads = _loads(connection, (asked | more) - {RESULT_LAYER, *POTENTIAL})
        versions = {name: found for name, found in loads.items() if name in asked}
        for layer in listed & versions.keys():
            versions[layer] = token(versions[layer], loads.get("township") if more else None)
        made = asked & POTENTIAL.keys() and connection.execute(text(_POTENTIAL)).scalar_one_or_none()
        run = connection.execute(text(_RUN)).one_or_none() if RESULT_LAYER in asked else None
    if made:
        versions |= {name: token(_drawing(), name, made) for name in asked & POTENTIAL.keys()}
    if run is not None:
        versions[RESULT_LAYER] = token(*run, loads.get("parcel"))
    return versions


def match_versions(store: Store) -> dict[str, str]:
    """Return a version token per scenario that was matched, for the tiles of its run.

    Outlines and the places of sources are those of the present layers.
    """
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        loads = _loads(connection, ("parcel", *(s.id for s in SOURCES)))
        drawn = sorted(loads.items())
        return {scenario: token(scenario, at, drawn) for scenario, at in connection.execute(text(_MATCHES))}
