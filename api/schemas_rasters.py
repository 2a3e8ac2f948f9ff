"""What is answered about rasters and the potential of the ground."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, Field

from layers.spec import Text


class RasterValue(BaseModel):
    """The value of one raster at a place; null where its cell there has none."""

    id: str
    title: Text
    unit: str
    value: float | None


class RasterValues(BaseModel):
    """Values of rasters at a place."""

    values: list[RasterValue]


class PotentialBand(BaseModel):
    """One band of the file, in its order."""

    id: str
    column: str
    unit: str
    title: Text
    description: Text
    cell_count: int = Field(description="cells with a value")
    minimum: float | None
    maximum: float | None
    shown: list[float | None] = Field(description="values at both ends of the colours of its tiles")


class Potential(BaseModel):
    """What the potential of the ground was made of, and how."""

    title: str
    ruleset_id: str
    ruleset_hash: str
    ruleset_as_of: date
    reference: dict[str, float] = Field(description="use that every hectare is judged for")
    parameters: dict[str, Any]
    layer_versions: dict[str, int]
    sources: dict[str, list[str]]
    synthetic_layers: list[str]
    excluded: str
    not_included: str
    software: str
    cell_m: float
    rows: int
    columns: int
    bounds: list[float] = Field(description="west, south, east, north in EPSG:4548")
    bands: list[PotentialBand]
    made_at: datetime
    current: bool = Field(description="whether it is that of the layers loaded now")
    size: int = Field(description="bytes of the file")
    file: str
