"""The form and the answer of POST /api/areas; OpenAPI is made from them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from api.schemas import Body
from gis.crs import Datum
from gis.ingest.values import Fault

AREA_FORM: dict[str, Any] = {
    "type": "object",
    "required": ["file"],
    "additionalProperties": False,
    "properties": {
        "file": {
            "type": "string",
            "format": "binary",
            "description": ".geojson, .json, .kml, .kmz, or a .zip with one of them or a shapefile; 10 MB",
        },
        "source_crs": {
            "type": "string",
            "maxLength": 40,
            "description": "EPSG:n, gcj02 or bd09, where the file does not say it",
        },
    },
}


class AreaWarning(Body):
    """Something that the reader should check before the answer is used."""

    code: Literal[
        "axes_swapped", "crs_assumed", "outside_city", "shift_suspected", "other_datum", "lines_closed",
        "not_areas", "repaired",
    ]  # fmt: skip
    zh: str
    en: str


class DroppedArea(Body):
    """A feature that was left out, by its number in the file, from 1, and why."""

    feature: int
    code: Fault
    zh: str
    en: str


class AreaNotes(Body):
    """What was read, and how."""

    source: str = Field(description="name of the file")
    crs: str = Field(description="the coordinate system that coordinates were read in")
    crs_assumed: bool = Field(description="the file did not say it")
    read_count: int = Field(description="features in the file")
    feature_count: int = Field(description="areas in the answer")
    columns: dict[str, str] = Field(description="fields of a parcel that were found: field to column")
    repaired: list[int] = Field(description="features whose shape was made valid, no vertex moved")
    dropped: list[DroppedArea]
    suspected_crs: Datum | None = Field(
        description="what the coordinates look like, though it was not declared: `source_crs` reads them so"
    )
    warnings: list[AreaWarning]


class Area(Body):
    """One area; its id is its number in the file. Known properties have the names of a parcel's fields."""

    type: Literal["Feature"]
    id: str
    geometry: dict[str, Any]
    properties: dict[str, Any]


class FoundAreas(Body):
    """The areas of a file in longitude and latitude (CRS84)."""

    type: Literal["FeatureCollection"]
    features: list[Area]
    notes: AreaNotes


_RING = [[116.7, 39.9], [116.704, 39.9], [116.704, 39.903], [116.7, 39.903], [116.7, 39.9]]
AREAS_EXAMPLE: dict[str, Any] = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "id": "1",
            "geometry": {"type": "MultiPolygon", "coordinates": [[_RING]]},
            "properties": {"name": "示例地块", "floor_area_ratio": 2.0},
        }
    ],
    "notes": {
        "source": "地块.zip",
        "crs": "EPSG:4490 (China Geodetic Coordinate System 2000)",
        "crs_assumed": False,
        "read_count": 1,
        "feature_count": 1,
        "columns": {"name": "名称", "floor_area_ratio": "容积率"},
        "repaired": [],
        "dropped": [],
        "suspected_crs": None,
        "warnings": [],
    },
}
