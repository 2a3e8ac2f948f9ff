"""Bodies of the HTTP interface as pydantic models; OpenAPI is made from them.

The suitability document has a module of its own, `api.schemas_suitability`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gis.vocabulary import Status, Technology
from layers import FieldSpec, StyleSpec, Text
from layers.spec import Access


class Body(BaseModel):
    """A body that holds what is declared and nothing else."""

    model_config = ConfigDict(extra="forbid")


class Place(Body):
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
    request_id: str | None = Field(default=None, description="the answer's X-Request-Id, as logs have it")
    errors: list[Place] | None = None
    code: str | None = Field(default=None, description="the reason for programs, where a route tells one")


class Declared(Body):
    """A declaration and what is loaded of it; what was never loaded has `loaded` false."""

    id: str
    title: Text
    description: Text
    group: str
    access: Access = Field(description="class declared; what is synthetic throughout is open all the same")
    loaded: bool
    version: int | None
    loaded_at: datetime | None
    source_name: str | None


class LayerInfo(Declared):
    """One layer of features."""

    geometry: Literal["point", "line", "polygon"]
    key: str
    core: bool
    fields: list[FieldSpec]
    style: StyleSpec
    feature_count: int | None


class RasterInfo(Declared):
    """One raster: values from `minimum` to `maximum`, whose mean over a parcel becomes the fact `fact`."""

    fact: str
    unit: str
    minimum: float
    maximum: float
    cell_count: int | None = Field(description="cells with a value")


class Layers(Body):
    """The catalogue: all layers in drawing order, and all rasters."""

    layers: list[LayerInfo]
    rasters: list[RasterInfo]


class Amount(Body):
    """Parcels with their sums; a sum covers the parcels whose value is known."""

    parcel_count: int
    heated_area_m2: float | None
    heat_load_kw: float | None


class Recommended(Amount):
    """Parcels that share a recommended technology and its status; null = none recommended."""

    technology: Technology | None
    status: Status | None


class Hit(Body):
    """One feature found by name or number; `bbox` is west, south, east, north."""

    kind: Literal["feature"]
    layer: str
    id: str
    name: str | None
    district: str | None
    lon: float | None
    lat: float | None
    bbox: tuple[float, float, float, float] | None


class PointHit(Body):
    """The place that a query names by coordinates: degrees (CRS84), and how they were read."""

    kind: Literal["coordinate"]
    crs: str = Field(description="system in which the query was read", examples=["EPSG:4548"])
    lon: float
    lat: float
    read_as: Text
    inside: bool | None = Field(description="whether a district holds it; null where none is loaded")
    note: Text | None = Field(description="what to know of a place outside the city")


class SearchResult(Body):
    """What was found, best match first; a place by coordinates comes before features."""

    query: str
    results: list[Annotated[PointHit | Hit, Field(discriminator="kind")]]


class Health(Body):
    """The process answers."""

    status: Literal["ok"]


class Readiness(Body):
    """The store is migrated, loaded and scored; `results_current` is false after a newer import."""

    status: Literal["ready"]
    parcel_count: int
    results_current: bool
    layer_versions: dict[str, int]


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
