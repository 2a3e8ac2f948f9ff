"""GeoPandas as its documentation says: sjoin_nearest, sjoin and overlay over whole layers."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import geopandas as gpd
import numpy as np
import pandas as pd

from gis.crs import STORAGE_EPSG
from tests.benchmarks.city import City
from tests.benchmarks.peers.questions import LAYERS, Fact, Geometries, Rows


def framed(geometries: Geometries, name: str) -> gpd.GeoDataFrame:
    """Return a frame with positions in a column of that name."""
    return gpd.GeoDataFrame({name: np.arange(len(geometries))}, geometry=geometries, crs=STORAGE_EPSG)


class GeoPandas:
    """Peer: GeoPandas, one core, as most people write it."""

    title = "GeoPandas"

    def __init__(self, city: City) -> None:
        self.parcels = framed(city.parcel, "parcel")
        self.layers = {name: framed(getattr(city, name), "feature") for name in LAYERS}
        start = time.perf_counter()
        for frame in self.layers.values():
            _ = frame.sindex
        self.build_s = time.perf_counter() - start

    def close(self) -> None:
        """Nothing to give back."""

    def run(self, fact: Fact, step: int) -> Callable[[], Rows] | None:
        """Answer now; see `Peer`."""
        if fact.ask == "halo":
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # overlay tells that it drops lines and points
            found = getattr(self, fact.ask)(fact, self.parcels.iloc[::step], self.layers[fact.layer])
        columns = (found["parcel"], found.get("feature", found["parcel"] * 0), found["value"])
        parcel, feature, value = (c.to_numpy() for c in columns)
        return lambda: Rows(parcel, feature, value)

    def nearest(self, fact: Fact, parcels: gpd.GeoDataFrame, layer: gpd.GeoDataFrame) -> pd.DataFrame:
        """Return the nearest features."""
        return parcels.sjoin_nearest(layer, distance_col="value").drop_duplicates("parcel")

    def nearest_k(self, fact: Fact, parcels: gpd.GeoDataFrame, layer: gpd.GeoDataFrame) -> pd.DataFrame:
        """Return the nearest features within reach: all of them, measured, sorted and cut."""
        pairs = parcels.sjoin(layer, predicate="dwithin", distance=fact.reach_m)
        other = layer.geometry.iloc[pairs["index_right"]]
        pairs["value"] = pairs.geometry.distance(other.set_axis(pairs.index, axis=0), align=False)
        return pairs.sort_values(["parcel", "value"]).groupby("parcel").head(fact.k)

    def overlap(self, fact: Fact, parcels: gpd.GeoDataFrame, layer: gpd.GeoDataFrame) -> pd.DataFrame:
        """Return shared areas."""
        shared = parcels.overlay(layer, how="intersection")
        return shared.assign(value=shared.area).groupby("parcel")["value"].sum().reset_index()

    def whole_area(self, fact: Fact, parcels: gpd.GeoDataFrame, layer: gpd.GeoDataFrame) -> pd.DataFrame:
        """Return the area of all features within reach."""
        pairs = parcels.sjoin(layer.assign(value=layer.area), predicate="dwithin", distance=fact.reach_m)
        return pairs.groupby("parcel")["value"].sum().reset_index()
