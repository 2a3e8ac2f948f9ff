"""PostGIS as a good administrator sets it up: GiST, ANALYZE, cut-up geometries, parallel workers."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import psycopg
import shapely
from psycopg import sql

from gis.compiled import CORES
from gis.crs import STORAGE_EPSG
from tests.benchmarks.city import City
from tests.benchmarks.peers.questions import LAYERS, MOST_VERTICES, Fact, Geometries, Rows

SCHEMA = "bench_facts"
CUT = {"main": 32, "field": MOST_VERTICES, "zone": MOST_VERTICES}
"""Layers that ST_Subdivide cuts to so many vertices."""

SETTINGS = {
    "max_parallel_workers_per_gather": str(CORES),
    "min_parallel_table_scan_size": "0",
    "min_parallel_index_scan_size": "0",
    "parallel_setup_cost": "10",
    "parallel_tuple_cost": "0.001",
    "work_mem": "256MB",
    "maintenance_work_mem": "512MB",
    "random_page_cost": "1.1",
    "synchronous_commit": "off",
    "jit": "off",
    "statement_timeout": "0",
    "client_min_messages": "warning",
    "search_path": f"{SCHEMA}, public",
}
# `<->` is the true distance here, and the index yields features in its order. As the value of a
# column the search runs in parallel workers; joined as LATERAL with a LIMIT it would run in one.
KNN = """
    SELECT p.id AS parcel, ARRAY(SELECT ARRAY[f.id, f.geom <-> p.geom] FROM {pieces} f {near}
        ORDER BY f.geom <-> p.geom LIMIT {k}) AS found FROM {asked} p"""
WITHIN = "WHERE f.geom && ST_Expand(p.geom, {reach})"
# Long lines are in pieces: those within reach are grouped.
GROUPED = """
    SELECT p.id AS parcel, ARRAY(SELECT ARRAY[f.id, min(ST_Distance(f.geom, p.geom))] FROM {pieces} f {near}
        GROUP BY f.id ORDER BY min(ST_Distance(f.geom, p.geom)) LIMIT {k}) AS found
    FROM {asked} p"""
UNPACKED = """
    SELECT parcel, found[i][1], found[i][2] FROM answer, generate_subscripts(found, 1) i
    WHERE found[i][2] <= {reach}"""
AREAS = {
    "overlap": """
        SELECT p.id AS parcel, 0 AS feature, sum(CASE WHEN ST_Covers(f.geom, p.geom) THEN ST_Area(p.geom)
            ELSE ST_Area(ST_Intersection(p.geom, f.geom)) END) AS value
        FROM {pieces} f JOIN {asked} p ON ST_Intersects(f.geom, p.geom) GROUP BY p.id""",
    "whole_area": """
        SELECT p.id AS parcel, 0 AS feature, sum(ST_Area(f.geom)) AS value
        FROM {asked} p JOIN {pieces} f ON ST_DWithin(p.geom, f.geom, {reach}) GROUP BY p.id""",
    "halo": """
        SELECT h.id AS parcel, 0 AS feature, sum(ST_Area(ST_Intersection(h.halo, f.geom))) AS value
        FROM (SELECT p.id, p.geom,
                ST_Difference(ST_Buffer(p.geom, {reach}, 'quad_segs=64'), p.geom) AS halo FROM {asked} p
            WHERE EXISTS (SELECT FROM {pieces} f WHERE ST_DWithin(p.geom, f.geom, {reach}))) h
        JOIN {pieces} f ON ST_DWithin(h.geom, f.geom, {reach}) GROUP BY h.id""",
}


class PostGIS:
    """Peer: SQL in PostGIS; the answer is made as an unlogged table, which a query may do in parallel."""

    title = "PostGIS"

    def __init__(self, city: City, url: str) -> None:
        self.parts = {1: "parcel"}
        self.connection = psycopg.connect(url, autocommit=True)
        for name, value in SETTINGS.items():
            self.connection.execute("SELECT set_config(%s, %s, false)", [name, value])
        self.connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE; CREATE SCHEMA {SCHEMA}")
        for name in ("parcel", *LAYERS):
            self._load(name, getattr(city, name))
        start = time.perf_counter()
        for name, most in CUT.items():
            cut = f"SELECT id, ST_Subdivide(geom, {most}) AS geom FROM {name}"
            self.connection.execute(f"CREATE UNLOGGED TABLE {name}_cut AS {cut}")
        for name in ("parcel", *LAYERS, *(f"{cut}_cut" for cut in CUT)):
            self.connection.execute(f"CREATE INDEX ON {name} USING gist (geom); ANALYZE {name}")
        self.long_mains = shapely.get_num_coordinates(city.main).max() > CUT["main"]
        self.build_s = time.perf_counter() - start

    def close(self) -> None:
        """Drop the tables and disconnect."""
        self.connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
        self.connection.close()

    def _load(self, name: str, geometries: Geometries) -> None:
        self.connection.execute(f"CREATE UNLOGGED TABLE {name} (id int PRIMARY KEY, geom geometry NOT NULL)")
        self.connection.execute(f"ALTER TABLE {name} ALTER geom SET STORAGE EXTERNAL")
        cursor = self.connection.cursor()
        with cursor.copy(f"COPY {name} FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int4", "bytea"])
            wkb = shapely.to_wkb(shapely.set_srid(geometries, STORAGE_EPSG), include_srid=True)
            for row in enumerate(wkb):
                copy.write_row(row)

    def _asked(self, step: int) -> str:
        """Return the table of every `step`-th parcel; a part is a table with an index of its own."""
        if step not in self.parts:
            part = self.parts[step] = f"parcel_{step}"
            self.connection.execute(
                f"CREATE UNLOGGED TABLE {part} AS SELECT * FROM parcel WHERE id % {step} = 0"
            )
            self.connection.execute(f"CREATE INDEX ON {part} USING gist (geom); ANALYZE {part}")
        return self.parts[step]

    def run(self, fact: Fact, step: int) -> Callable[[], Rows]:
        """Answer into a table; see `Peer`."""
        values = {
            "pieces": sql.Identifier(f"{fact.layer}_cut" if fact.layer in CUT else fact.layer),
            "asked": sql.Identifier(self._asked(step)),
            "k": sql.Literal(fact.k),
            "reach": sql.Literal(fact.reach_m),
        }
        fetched = "SELECT parcel, feature, value FROM answer"
        if fact.ask in AREAS:
            query = sql.SQL(AREAS[fact.ask]).format(**values)
        else:
            near = sql.SQL(WITHIN if np.isfinite(fact.reach_m) else "").format(**values)
            form = GROUPED if fact.ask == "nearest_k" and self.long_mains else KNN
            query, fetched = sql.SQL(form).format(near=near, **values), UNPACKED
        self.connection.execute("DROP TABLE IF EXISTS answer")
        self.connection.execute(sql.SQL("CREATE UNLOGGED TABLE answer AS {}").format(query))
        return lambda: self._fetched(sql.SQL(fetched).format(**values))

    def _fetched(self, query: sql.Composable) -> Rows:
        table = np.array(self.connection.execute(query).fetchall(), dtype=np.float64).reshape(-1, 3)
        return Rows(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2])
