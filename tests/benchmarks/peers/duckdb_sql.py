"""DuckDB with its extension `spatial`: spatial joins on all cores; no nearest-neighbour search of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import duckdb_extension_spatial
import numpy as np
import pyarrow as pa
import shapely

from gis.compiled import CORES
from tests.benchmarks.city import City
from tests.benchmarks.peers.questions import LAYERS, Fact, Geometries, Rows

QUERIES = {
    "near": """
        INSERT INTO answer SELECT parcel, feature, value FROM (
            SELECT p.id AS parcel, f.id AS feature, ST_Distance(p.geom, f.geom) AS value,
                row_number() OVER (PARTITION BY p.id ORDER BY value, f.id) AS place
            FROM left_over p JOIN {layer} f ON ST_DWithin(p.geom, f.geom, {reach})) WHERE place <= {k}""",
    "overlap": """
        INSERT INTO answer
        SELECT p.id, 0, sum(ST_Area(ST_Intersection(p.geom, f.geom)))
        FROM asked p JOIN {layer} f ON ST_Intersects(p.geom, f.geom) GROUP BY p.id""",
    "whole_area": """
        INSERT INTO answer SELECT p.id, 0, sum(ST_Area(f.geom))
        FROM asked p JOIN {layer} f ON ST_DWithin(p.geom, f.geom, {reach}) GROUP BY p.id""",
}


class DuckDB:
    """Peer: DuckDB in memory; its spatial join builds an R-tree in every query."""

    title = "DuckDB"

    def __init__(self, city: City) -> None:
        start = time.perf_counter()
        (extension,) = Path(duckdb_extension_spatial.__file__).parent.rglob("*.duckdb_extension")
        self.connection = duckdb.connect(config={"threads": CORES, "autoinstall_known_extensions": False})
        self.connection.execute(f"LOAD '{extension}'")
        for name in ("parcel", *LAYERS):
            self._load(name, getattr(city, name))
        self.build_s = time.perf_counter() - start
        x0, y0, x1, y1 = shapely.total_bounds(city.parcel)
        # Within such a reach lies one feature on average.
        area = float((x1 - x0) * (y1 - y0))
        self.first_reach_m = {name: (area / len(getattr(city, name))) ** 0.5 for name in LAYERS}

    def close(self) -> None:
        """Disconnect."""
        self.connection.close()

    def _load(self, name: str, geometries: Geometries) -> None:
        binary = pa.array(shapely.to_wkb(geometries), pa.binary())
        wkb = pa.table({"id": np.arange(len(geometries)), "wkb": binary})
        self.connection.register("wkb", wkb)
        self.connection.execute(f"CREATE TABLE {name} AS SELECT id, ST_GeomFromWKB(wkb) AS geom FROM wkb")
        self.connection.unregister("wkb")

    def run(self, fact: Fact, step: int) -> Callable[[], Rows] | None:
        """Answer into a table; see `Peer`."""
        if fact.ask == "halo":
            return None
        sql = self.connection.execute
        sql("CREATE OR REPLACE TABLE answer (parcel BIGINT, feature BIGINT, value DOUBLE)")
        sql(f"CREATE OR REPLACE VIEW asked AS SELECT * FROM parcel WHERE id % {step} = 0")
        if fact.ask in ("nearest", "nearest_k"):
            self._near(fact)
        else:
            sql(QUERIES[fact.ask].format(layer=fact.layer, reach=fact.reach_m))
        return self._fetched

    def _near(self, fact: Fact) -> None:
        """Look about in reaches that double, for the parcels that have not found enough."""
        sql, reach = self.connection.execute, self.first_reach_m[fact.layer]
        sql("CREATE OR REPLACE TABLE left_over AS SELECT * FROM asked")
        while sql("SELECT count(*) FROM left_over").fetchall() != [(0,)]:
            reach = min(reach, fact.reach_m)
            sql(QUERIES["near"].format(layer=fact.layer, reach=reach, k=fact.k))
            if reach >= fact.reach_m:
                return
            enough = f"SELECT parcel FROM answer GROUP BY parcel HAVING count(*) >= {fact.k}"
            sql(f"DELETE FROM answer WHERE parcel NOT IN ({enough})")
            sql("DELETE FROM left_over WHERE id IN (SELECT parcel FROM answer)")
            reach *= 2

    def _fetched(self) -> Rows:
        found = self.connection.execute("SELECT parcel, feature, value FROM answer").fetchnumpy()
        return Rows(*(np.asarray(found[name]) for name in ("parcel", "feature", "value")))
