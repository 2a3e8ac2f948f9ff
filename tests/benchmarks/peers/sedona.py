"""SedonaDB: ST_KNN joins and spatial joins over tables in memory."""

from __future__ import annotations

import time
from collections.abc import Callable

import geopandas as gpd
import numpy as np
import pyarrow as pa
import sedonadb

from gis.crs import STORAGE_EPSG
from tests.benchmarks.city import City
from tests.benchmarks.peers.questions import LAYERS, Fact, Rows

QUERIES = {
    "nearest": """
        SELECT p.id AS parcel, f.id AS feature, ST_Distance(p.geometry, f.geometry) AS value
        FROM asked p JOIN {layer} f ON ST_KNN(p.geometry, f.geometry, {k}, false)""",
    "overlap": """
        SELECT p.id AS parcel, 0 AS feature, sum(ST_Area(ST_Intersection(p.geometry, f.geometry))) AS value
        FROM asked p JOIN {layer} f ON ST_Intersects(p.geometry, f.geometry) GROUP BY p.id""",
    "whole_area": """
        SELECT p.id AS parcel, 0 AS feature, sum(ST_Area(f.geometry)) AS value
        FROM asked p JOIN {layer} f ON ST_DWithin(p.geometry, f.geometry, {reach}) GROUP BY p.id""",
}
QUERIES["nearest_k"] = "SELECT * FROM (" + QUERIES["nearest"] + ") WHERE value <= {reach}"


class Sedona:
    """Peer: SedonaDB; its joins build an index in every query."""

    title = "SedonaDB"

    def __init__(self, city: City) -> None:
        start = time.perf_counter()
        self.context = sedonadb.connect()
        for name in ("parcel", *LAYERS):
            shapes = getattr(city, name)
            frame = gpd.GeoDataFrame({"id": np.arange(len(shapes))}, geometry=shapes, crs=STORAGE_EPSG)
            self.context.create_data_frame(frame).to_memtable().to_view(name)
        self.build_s = time.perf_counter() - start

    def close(self) -> None:
        """Nothing to give back."""

    def run(self, fact: Fact, step: int) -> Callable[[], Rows] | None:
        """Answer now; see `Peer`."""
        if fact.ask == "halo":
            return None
        asked = self.context.sql(f"SELECT * FROM parcel WHERE id % {step} = 0")
        asked.to_view("asked", overwrite=True)
        query = QUERIES[fact.ask].format(layer=fact.layer, k=fact.k, reach=fact.reach_m)
        found = pa.table(self.context.sql(query))
        return lambda: Rows(*(found[name].to_numpy() for name in ("parcel", "feature", "value")))
