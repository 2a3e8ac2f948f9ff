"""Reading the cases of tests/cases: a parcel, what lies around it, and what the answer must say.

Positions are metres: a feature stands `distance_m` east of the parcel's edge, `inside` it, or lies over
all (`covers_parcel`) or the western part (`covers_frac`) of it, `size_m` wide where that matters;
`parcel_in` names the side of a district that the parcel lies in. What `town` and `parcel` at the head of
a file declare holds for all its cases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import shapely
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

import gis
from gis.rules import loader
from gis.vocabulary import OPTIONS
from layers import LAYERS, Text
from tests.scoring.conftest import X, Y, layer

FOLDER = Path(__file__).parent.parent / "cases"
RULE_FILES = Path(loader.__file__).parent / "beijing"
TODAY = date(2026, 11, 21)
AROUND = sorted(set(LAYERS) - {"parcel"})
PLACES = ("distance_m", "inside", "covers_parcel", "covers_frac", "parcel_in", "size_m")
SIDES = {"east": (1, 0), "west": (-1, 0), "north": (0, 1), "south": (0, -1)}
FAR_M, OFFSET_M = 20_000.0, 3_000.0


class CaseError(ValueError):
    """A case that cannot be read; says the file and the case."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Option(_Strict):
    """What is expected of one option; `says` are words of its Chinese reasons."""

    status: Literal["suitable", "conditional", "unsuitable", "unknown"] | None = None
    reasons: list[str] = []
    without: list[str] = []
    says: list[str] = []
    share_at_least: float | None = None
    share_below: float | None = None
    listed: bool | None = None


class Plan(_Strict):
    """What is expected of the portfolio."""

    findings: list[str] = []
    without: list[str] = []
    technologies: list[str] | None = None
    installed_share_at_least: float | None = None
    installed_share_below: float | None = None
    subsidy_frac: float | None = None
    subsidy_valid_from: date | None = None


class Expectation(_Strict):
    """What the answer must say."""

    options: dict[str, Option] = {}
    recommended: str | None = None
    undecided: list[str] | None = None
    portfolio: Plan = Plan()
    changes: dict[str, str] = {}
    no_changes: list[str] = []
    checklist: list[str] = []
    not_on_checklist: list[str] = []
    areas: dict[str, str | None] = {}
    facts: dict[str, float | str] = {}


class CaseFields(_Strict):
    """One case as it is written; `rules` are figures of the rule set that the case sets otherwise."""

    name: Text
    clause: str
    as_of: date = TODAY
    rules: dict[str, Any] = {}
    parcel: dict[str, Any] = {}
    surroundings: dict[str, Any] = {}
    expect: Expectation


class FileFields(_Strict):
    """One file of cases."""

    about: Text
    town: dict[str, Any] = {}
    parcel: dict[str, Any] = {}
    cases: list[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Case:
    """A case with the head of its file; `where` is its file and name."""

    where: str
    fields: CaseFields
    parcel: dict[str, Any]
    around: dict[str, Any]

    @cached_property
    def result(self) -> gis.Result:
        """The parcel of the case, scored."""
        side = float(self.parcel.get("side_m", 200.0))
        own = {name: value for name, value in self.parcel.items() if name != "side_m"}
        table = layer("parcel", {"parcel_id": "P", **own, "geometry": box(0, 0, side, side)})
        return gis.score(
            table, resources(self.around, side, self.where), rules_with(self.fields.rules, self.fields.as_of)
        )

    @cached_property
    def document(self) -> dict[str, Any]:
        """The answer for the parcel of the case."""
        return self.result.explain("P")


@cache
def all_cases() -> tuple[Case, ...]:
    """Return the cases of tests/cases, read once."""
    return tuple(read_cases())


def read_cases(folder: Path = FOLDER) -> Iterator[Case]:
    """Return all cases of a folder; CaseError for anything that is not understood."""
    for path in sorted(folder.glob("*.yaml")):
        try:
            head = FileFields.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except ValidationError as error:
            raise CaseError(f"{path.name}: {_first(error)}") from error
        for written in head.cases:
            yield _case(path.name, head, written)


def _case(file_name: str, head: FileFields, written: dict[str, Any]) -> Case:
    name = written.get("name")
    where = f"{file_name}: {name.get('en') if isinstance(name, dict) else name}"
    expect = dict(written.get("expect") or {})
    options = {o.id: expect.pop(o.id) for o in OPTIONS if o.id in expect}
    try:
        fields = CaseFields.model_validate({**written, "expect": {**expect, "options": options}})
    except ValidationError as error:
        raise CaseError(f"{where}: {_first(error)}") from error
    parcel, around = {**head.parcel, **fields.parcel}, {**head.town, **fields.surroundings}
    allowed = {*LAYERS["parcel"].field_names, "side_m"}
    _known(where, "parcel", parcel, allowed)
    _known(where, "surroundings", around, {*AROUND, "absent"})
    for layer_id in set(around) - {"absent"}:
        for feature in _features(around[layer_id]):
            _known(where, layer_id, feature, {*LAYERS[layer_id].field_names, *PLACES})
    _known(where, "rules", fields.rules, _parameters())
    _known(where, "absent", dict.fromkeys(around.get("absent", [])), set(AROUND))
    return Case(where, fields, parcel, around)


@cache
def _parameters() -> set[str]:
    """Return the figures of the rule files as `file.parameter`."""
    files = {p.stem: yaml.safe_load(p.read_bytes()) for p in RULE_FILES.glob("*.yaml")}
    return {f"{stem}.{name}" for stem, content in files.items() for name in content.get("parameters", {})}


def _first(error: ValidationError) -> str:
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    return f"{'.'.join(str(p) for p in first['loc'])}: {first['msg']}"


def _known(where: str, what: str, given: dict[str, Any], allowed: set[str]) -> None:
    unknown = sorted(set(given) - allowed)
    if unknown:
        raise CaseError(f"{where}: {what} has the unknown key {unknown[0]!r}")


def _features(given: dict[str, Any] | list[dict[str, Any]]) -> list[dict[str, Any]]:
    return given if isinstance(given, list) else [given]


def resources(around: dict[str, Any], side_m: float, where: str) -> gis.Resources:
    """Return the layers of a case: loaded and empty unless it says what they hold or that they are absent."""
    frames = {}
    for layer_id in set(AROUND) - set(around.get("absent", [])):
        if layer_id not in around:
            frames[layer_id] = _empty(layer_id)
            continue
        rows = [
            {k: v for k, v in f.items() if k not in PLACES}
            | {"geometry": _place(LAYERS[layer_id].geometry, f, side_m, where)}
            for f in _features(around[layer_id])
        ]
        frames[layer_id] = layer(layer_id, *rows)
    return gis.Resources(frames, dict.fromkeys(frames, 1))


@cache
def _empty(layer_id: str) -> gpd.GeoDataFrame:
    return layer(layer_id)


def _place(kind: str, feature: dict[str, Any], side_m: float, where: str) -> shapely.Geometry | None:
    """Return the geometry of a feature; None where it is given as a list of townships."""
    if kind == "polygon":
        return _polygon(feature, side_m, where)
    if "distance_m" not in feature and not feature.get("inside"):
        raise CaseError(f"{where}: a {kind} needs distance_m or inside")
    east = side_m + feature["distance_m"] if "distance_m" in feature else side_m / 2
    if kind == "point":
        return shapely.Point(X + east, Y + side_m / 2)
    return shapely.MultiLineString([[(X + east, Y - FAR_M), (X + east, Y + FAR_M)]])


def _polygon(feature: dict[str, Any], side_m: float, where: str) -> shapely.Geometry | None:
    far, size = FAR_M, float(feature.get("size_m", 100.0))
    if feature.get("covers_parcel"):
        wide = size / 2 if "size_m" in feature else far
        return box(side_m / 2 - wide, side_m / 2 - wide, side_m / 2 + wide, side_m / 2 + wide)
    if "covers_frac" in feature:
        return box(-far, -far, side_m * feature["covers_frac"], far)
    if "distance_m" in feature:
        west = side_m + feature["distance_m"]
        return box(west, 0, west + size, size)
    if "parcel_in" in feature:
        sides = [SIDES[s] for s in feature["parcel_in"].split("_")]
        east, north = (-OFFSET_M * sum(s[i] for s in sides) for i in (0, 1))
        return box(east - far, north - far, east + far, north + far)
    if "townships" in feature:
        return None
    raise CaseError(f"{where}: a polygon needs distance_m, covers_parcel, covers_frac or parcel_in")


def box(west: float, south: float, east: float, north: float) -> shapely.Geometry:
    """Return a rectangle in the storage CRS, metres from the parcel's south-western corner."""
    return shapely.MultiPolygon([shapely.box(X + west, Y + south, X + east, Y + north)])


def rules_with(changed: dict[str, Any], as_of: date = TODAY) -> gis.RuleSet:
    """Return Beijing's rules with some figures set otherwise: {"air_source.design_supply_degc": 55}."""
    return _ruleset(as_of, tuple(sorted(changed.items())))


@cache
def _ruleset(as_of: date, changed: tuple[tuple[str, Any], ...]) -> gis.RuleSet:
    texts = {p.name: p.read_bytes() for p in sorted(RULE_FILES.iterdir())}
    for name, value in changed:
        file_name, _, parameter = name.partition(".")
        content = yaml.safe_load(texts[f"{file_name}.yaml"])
        first = content["parameters"][parameter]["values"][0]["from"]
        content["parameters"][parameter]["values"] = [{"from": first, "value": value}]
        texts[f"{file_name}.yaml"] = yaml.safe_dump(content, allow_unicode=True).encode()
    return loader.parse_ruleset(texts, as_of)
