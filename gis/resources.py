"""The layers that surround the parcels, as one immutable bundle for the scoring engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd

from gis.errors import InputError
from layers import LAYERS


@dataclass(frozen=True, eq=False)
class Resources:
    """Loaded layers by id, without the parcels.

    A layer that is absent was never loaded and makes what depends on it unknown;
    a layer with no rows was loaded and holds nothing. Frames have the columns of
    their `LayerSpec` and `geometry` in EPSG:4548, sorted by key.
    """

    frames: Mapping[str, gpd.GeoDataFrame]
    versions: Mapping[str, int]

    def __post_init__(self) -> None:
        for layer_id, frame in self.frames.items():
            if layer_id not in LAYERS:
                raise InputError(f"{layer_id!r} is not a layer; the layers are {', '.join(LAYERS)}")
            missing = {LAYERS[layer_id].key, "geometry"} - set(frame.columns)
            if missing:
                raise InputError(f"layer {layer_id}: the table lacks {', '.join(sorted(missing))}")

    def without(self, *layer_ids: str) -> Resources:
        """Return the bundle as if `layer_ids` had never been loaded."""
        keep = [i for i in self.frames if i not in layer_ids]
        return Resources({i: self.frames[i] for i in keep}, {i: self.versions[i] for i in keep})

    def replace(self, layer_id: str, frame: gpd.GeoDataFrame) -> Resources:
        """Return the bundle with `layer_id` holding `frame`, its version counted up."""
        return Resources(
            {**self.frames, layer_id: frame},
            {**self.versions, layer_id: self.versions.get(layer_id, 0) + 1},
        )
