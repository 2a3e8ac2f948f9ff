"""Bodies of /api/checks: the last check of every layer's data."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from api.schemas import Body
from gis.health import LayerCheck
from layers import Text


class CheckedLayer(Body):
    """A layer or raster with what is loaded of it and its last check."""

    layer: str = Field(examples=["wastewater_plant"])
    title: Text
    kind: Literal["vector", "raster"]
    loaded: bool
    version: int | None = Field(description="the present one; null where the layer was never loaded")
    loaded_at: datetime | None
    source_name: str | None = Field(description="the file that it was loaded from")
    feature_count: int | None = Field(description="features, or cells with a value, of the present version")
    stale: bool | None = Field(
        description="whether a newer version is loaded than `check` is of; null without check"
    )
    check: LayerCheck | None = Field(
        description="null where the layer was never checked, and where what was checked may not be read"
    )


class Checks(Body):
    """Layers and rasters that the caller may read, in the order of their declarations."""

    checks: list[CheckedLayer]


class NewCheck(Body):
    """A check of loaded layers."""

    layers: list[Annotated[str, Field(max_length=60)]] | None = Field(
        None,
        min_length=1,
        max_length=50,
        description="layers and rasters; all that are loaded by default",
        examples=[["parcel", "wastewater_plant"]],
    )
