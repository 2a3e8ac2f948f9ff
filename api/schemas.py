"""Bodies of the HTTP interface as pydantic models; OpenAPI is made from them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gis.vocabulary import Effect, Status, Technology
from layers import FieldSpec, StyleSpec, Text


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Place(_Body):
    """One place in a request that is wrong."""

    pointer: str = Field(description="JSON pointer into the body, or the location of a parameter")
    detail: str


class Problem(BaseModel):
    """RFC 9457 problem document."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[Place] | None = None


class LayerInfo(_Body):
    """One layer: its declaration and what is loaded. A layer never loaded has `loaded` false."""

    id: str
    title: Text
    description: Text
    group: str
    geometry: Literal["point", "line", "polygon"]
    key: str
    core: bool
    fields: list[FieldSpec]
    style: StyleSpec
    loaded: bool
    version: int | None
    feature_count: int | None
    loaded_at: datetime | None
    source_name: str | None


class Layers(_Body):
    """All layers of the catalogue in drawing order."""

    layers: list[LayerInfo]


class Amount(_Body):
    """Parcels with their sums; a sum covers the parcels whose value is known."""

    parcel_count: int
    heated_area_m2: float | None
    heat_load_kw: float | None


class Recommended(Amount):
    """Parcels that share a recommended technology and its status; null = none recommended."""

    technology: Technology | None
    status: Status | None


class SummaryRow(Amount):
    """One city, district or township."""

    district: str | None
    township: str | None
    area_m2: float | None
    heat_demand_mwh_per_a: float | None
    unknown_heated_area_count: int = Field(description="parcels without a known heated area")
    recommended: list[Recommended]
    status_counts: dict[Technology, dict[Status, int]]


class Summary(_Body):
    """Counts and sums of the stored results."""

    by: Literal["city", "district", "township"]
    as_of: date
    rows: list[SummaryRow]


class Hit(_Body):
    """One feature found by name or number; `bbox` is west, south, east, north."""

    layer: str
    id: str
    name: str | None
    district: str | None
    lon: float | None
    lat: float | None
    bbox: tuple[float, float, float, float] | None


class SearchResult(_Body):
    """Features found, best match first."""

    query: str
    results: list[Hit]


class Health(_Body):
    """The process answers."""

    status: Literal["ok"]


class Readiness(_Body):
    """The store is migrated, loaded and scored; `results_current` is false after a newer import."""

    status: Literal["ready"]
    parcel_count: int
    results_current: bool
    layer_versions: dict[str, int]


Evidence = dict[str, float | str | None]


class Assumption(_Body):
    """A parameter that no policy or standard fixes, with the value that was taken and where it is from."""

    parameter: str
    title: Text
    value: float | list[float] | list[str]
    unit: str | None
    source: str


class Reason(_Body):
    """Why: a check of the rule set with its clause, the fact and the threshold it was held against."""

    code: str
    effect: Effect
    clause_id: str | None
    fact: str
    value: float | str | None
    unit: str | None
    threshold: float | str | list[str] | list[float] | None
    threshold_kind: Literal["policy", "standard", "study", "assumption"] | None
    zh: str
    en: str


class TechnologyVerdict(_Body):
    """One technology, or one variant of it, in the order of the policy."""

    technology: Technology
    variant: Literal["hydrothermal", "closed_loop"] | None
    title: Text
    rank: int
    status: Status
    score: float | None = Field(ge=0, le=100)
    capacity_kw: float | None
    installed_share_frac: float | None
    energy_share_frac: float | None
    reasons: list[Reason]
    evidence: Evidence
    assumptions: list[Assumption]


class RuleSetInfo(_Body):
    """The rule set behind a verdict, as it stood on a day."""

    id: str
    as_of: date
    hash: str


class Location(_Body):
    """Where the parcel lies and what is planned on it."""

    district: str | None
    township: str | None
    planning_area: str | None
    area_m2: float
    land_use_code: str | None
    building_status: str | None


class Demand(_Body):
    """Heat and cooling demand; null where floor area, land use and population do not tell."""

    heated_area_m2: float | None
    heated_area_basis: str | None
    heat_index_w_per_m2: float | None
    heat_load_kw: float | None
    heat_demand_mwh_per_a: float | None
    cooling_load_kw: float | None
    cooling_demand_mwh_per_a: float | None
    assumptions: list[Assumption]


class Suitability(_Body):
    """The ranking of technologies of one parcel, with demand, reasons and evidence."""

    parcel_id: str
    ruleset: RuleSetInfo
    data_versions: dict[str, int]
    location: Location
    demand: Demand
    recommended: Technology | None
    recommended_variant: str | None
    recommended_status: Status | None
    recommended_title: Text | None
    undecided: list[Technology]
    technologies: list[TechnologyVerdict]


class SuitabilityResults(BaseModel):
    """One document per feature, in the order of the FeatureCollection."""

    results: list[Suitability]


def geojson_schema() -> dict[str, Any]:
    """Return the JSON schema of what POST /api/suitability takes."""
    position = {
        "type": "array",
        "prefixItems": [
            {"type": "number", "minimum": 114, "maximum": 120},
            {"type": "number", "minimum": 3, "maximum": 54},
        ],
        "items": {"type": "number"},
        "minItems": 2,
        "maxItems": 3,
    }
    ring = {"type": "array", "minItems": 4, "items": position}
    polygon = {"type": "array", "minItems": 1, "items": ring}

    def geometry(name: str, coordinates: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["type", "coordinates"],
            "properties": {"type": {"const": name}, "coordinates": coordinates},
        }

    shape = {
        "oneOf": [
            geometry("Polygon", polygon),
            geometry("MultiPolygon", {"type": "array", "minItems": 1, "items": polygon}),
        ]
    }
    feature = {
        "type": "object",
        "required": ["type", "geometry", "properties"],
        "properties": {
            "type": {"const": "Feature"},
            "id": {"type": ["string", "integer"]},
            "geometry": shape,
            "properties": {"type": ["object", "null"]},
        },
    }
    collection = {
        "type": "object",
        "required": ["type", "features"],
        "properties": {
            "type": {"const": "FeatureCollection"},
            "features": {"type": "array", "minItems": 1, "items": feature},
        },
    }
    return {"oneOf": [feature, collection, shape]}
