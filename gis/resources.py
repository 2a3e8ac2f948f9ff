"""The layers and rasters that surround the parcels, as one immutable bundle for the scoring engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import geopandas as gpd
import numpy as np
import numpy.typing as npt

from gis.errors import InputError
from layers import LAYERS, RASTERS

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Raster:
    """Values by cell of a grid whose rows run from west to east, the northernmost first.

    values  (rows, columns), float32 or float64; NaN where a cell has no value
    bounds  west, south, east, north of the whole grid, in `crs`
    crs     any text that pyproj understands; x is east
    """

    values: npt.NDArray[np.floating[Any]]
    bounds: tuple[float, float, float, float]
    crs: str


@dataclass(frozen=True, eq=False)
class Resources:
    """Loaded layers and rasters by id, without the parcels.

    A layer that is absent was never loaded and makes what depends on it unknown;
    a layer with no rows was loaded and holds nothing. Frames have the columns of
    their `LayerSpec` and `geometry` in EPSG:4548, sorted by key.
    """

    frames: Mapping[str, gpd.GeoDataFrame]
    versions: Mapping[str, int]
    rasters: Mapping[str, Raster] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for layer_id, frame in self.frames.items():
            if layer_id not in LAYERS:
                raise InputError(f"{layer_id!r} is not a layer; the layers are {', '.join(LAYERS)}")
            missing = {LAYERS[layer_id].key, "geometry"} - set(frame.columns)
            if missing:
                raise InputError(f"layer {layer_id}: the table lacks {', '.join(sorted(missing))}")
        for layer_id in self.rasters:
            if layer_id not in RASTERS:
                raise InputError(f"{layer_id!r} is not a raster; the rasters are {', '.join(RASTERS)}")

    def without(self, *layer_ids: str) -> Resources:
        """Return the bundle as if `layer_ids` had never been loaded."""

        def kept(held: Mapping[str, T]) -> dict[str, T]:
            return {i: one for i, one in held.items() if i not in layer_ids}

        return Resources(kept(self.frames), kept(self.versions), kept(self.rasters))

    def replace(self, layer_id: str, frame: gpd.GeoDataFrame) -> Resources:
        """Return the bundle with `layer_id` holding `frame`, its version counted up."""
        return Resources(
            {**self.frames, layer_id: frame},
            {**self.versions, layer_id: self.versions.get(layer_id, 0) + 1},
            self.rasters,
        )
