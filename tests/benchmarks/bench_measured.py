"""How fast measured values come in and are had again: `python -m tests.benchmarks.bench_measured DIR`.

`--projects` projects (1,000) have `--years` years (5) of hourly heat and electricity, gaps among them, as
Parquet and, a tenth of them, as CSV. The peer is the usual design, a row a value in a table of a partition a
year with a primary key, filled by COPY with a part of the same values in the same run; both have to give the
same sums first.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import shapely
import sqlalchemy as sa

from gis.crs import STORAGE_CRS
from gis.monitoring.deliver import deliver_file
from gis.settings import Settings
from gis.store import Store, open_store
from gis.store.copy import raw
from gis.store.series import month_pairs, month_totals, read_series

FIRST = 2020
_SEED = 11


def projects(store: Store, count: int) -> list[str]:
    """Load so many projects and return their ids."""
    ids = [f"HP-{i:04d}" for i in range(count)]
    places = shapely.points(np.linspace(440_000, 500_000, count), np.full(count, 4_420_000.0))
    frame = gpd.GeoDataFrame(
        {"heat_project_id": ids, "installed_kw": 9_000.0, "status": "running"},
        geometry=places,
        crs=STORAGE_CRS,
    )
    source = {"source_name": "bench", "source_sha256": "0" * 64, "report": {}}
    store.write_layer("heat_project", frame, mode="replace", rejects=pd.DataFrame(), **source)
    return ids


def written(ids: list[str], years: int, path: Path) -> int:
    """Write hourly heat (kWh) and electricity (kWh) of projects into a Parquet file; return the rows."""
    rng = np.random.default_rng(_SEED)
    first, end = np.datetime64(f"{FIRST}-01-01T00", "h"), np.datetime64(f"{FIRST + years}-01-01T00", "h")
    times = pa.array(np.arange(first, end).astype("datetime64[s]"))
    schema = pa.schema(
        [
            ("heat_project_id", pa.dictionary(pa.int32(), pa.string())),
            ("time", pa.timestamp("s")),
            ("heat_kwh", pa.float64()),
            ("electricity_kwh", pa.float64()),
        ]
    )
    with pq.ParquetWriter(path, schema) as writer:
        for i in range(len(ids)):
            heat = np.round(rng.gamma(2.0, 900.0, len(times)), 1).clip(max=9_000.0)
            electricity = np.round(heat / rng.uniform(2.6, 4.4), 1)
            heat[rng.random(len(times)) < 0.01] = np.nan
            named = pa.DictionaryArray.from_arrays(np.full(len(times), i, dtype=np.int32), pa.array(ids))
            columns = [named, times, pa.array(heat, from_pandas=True), pa.array(electricity)]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
    return len(times) * len(ids)


def timed(what: Callable[[], Any], repeats: int = 1) -> tuple[float, Any]:
    """Return the median of some runs in seconds, and what the last one gave."""
    took = []
    for _ in range(repeats):
        start = time.perf_counter()
        found = what()
        took.append(time.perf_counter() - start)
    return float(np.median(took)), found


def usual(connection: sa.Connection, table: pa.Table) -> float:
    """Fill the usual table with the values and return the seconds."""
    cursor = raw(connection)
    cursor.execute(
        "CREATE TABLE IF NOT EXISTS public.usual (project text, variable text, at timestamp, value float8, "
        "PRIMARY KEY (project, variable, at)) PARTITION BY RANGE (at)"
    )
    for year in range(FIRST, FIRST + 5):
        cursor.execute(
            f"CREATE TABLE IF NOT EXISTS public.usual_{year} PARTITION OF public.usual "
            f"FOR VALUES FROM ('{year}-01-01') TO ('{year + 1}-01-01')"
        )
    start = time.perf_counter()
    ids = table["heat_project_id"].cast(pa.string())
    for variable in ("heat_kwh", "electricity_kwh"):
        rows = pa.table(
            {
                "project": ids,
                "variable": pa.array([variable] * table.num_rows),
                "at": table["time"],
                "value": table[variable],
            }
        ).filter(table[variable].is_valid())
        sink = pa.BufferOutputStream()
        pyarrow.csv.write_csv(rows, sink, pyarrow.csv.WriteOptions(include_header=False))
        with cursor.cursor().copy("COPY public.usual FROM STDIN (FORMAT csv)") as copy:
            copy.write(sink.getvalue().to_pybytes())
    connection.commit()
    return time.perf_counter() - start


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--projects", type=int, default=1_000)
    parser.add_argument("--years", type=int, default=5)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    asked.folder.chmod(0o755)
    with open_store(Settings(database_url=None, data_dir=asked.folder / "data")) as store:
        ids = projects(store, asked.projects)
        path = asked.folder / "hourly.parquet"
        rows = written(ids, asked.years, path)
        took, done = timed(lambda: deliver_file(store, "heat_project", path))
        print(f"Parquet: {rows:,} rows of 2 variables in {took:.1f} s: {rows / took:,.0f} rows/s", flush=True)
        print(f"  {done.counts}", flush=True)
        took, again = timed(lambda: deliver_file(store, "heat_project", path))
        print(f"the same again: {took:.2f} s, nothing done: {again.repeated}")
        _files(store, asked.folder, path, ids)
        _reading(store, ids, asked.years)
        _peer(store, path, ids)


def _files(store: Store, folder: Path, path: Path, ids: list[str]) -> None:
    """Take a tenth of the values again as CSV: all are there."""
    part = pq.read_table(path, filters=[("heat_project_id", "in", ids[: max(len(ids) // 10, 1)])])
    pyarrow.csv.write_csv(part, folder / "hourly.csv")
    took, done = timed(lambda: deliver_file(store, "heat_project", folder / "hourly.csv"))
    print(
        f"CSV with the same values: {part.num_rows / took:,.0f} rows/s; new: {done.counts['new']}", flush=True
    )


def _reading(store: Store, ids: list[str], years: int) -> None:
    last = FIRST + years - 1
    with store.engine.connect() as connection:
        wanted = ("heat_kwh", "electricity_kwh")
        season = dt.date(last - 1, 11, 15), dt.date(last, 3, 15)
        took, _ = timed(
            lambda: read_series(connection, "heat_project", ids[len(ids) // 2], wanted, *season), 9
        )
        print(f"a project's season, hour by hour: {took * 1000:.1f} ms")
        whole = dt.date(FIRST, 1, 1), dt.date(last, 12, 31)
        took, totals = timed(lambda: month_totals(connection, "heat_project", *whole), 3)
        print(f"all months of all projects: {took:.2f} s ({len(totals):,} rows)")
        took, _ = timed(lambda: month_pairs(connection, *whole), 3)
        print(f"all months' heat and electricity over common hours: {took:.2f} s")
        print(f"on disk: {_mb(connection, 'monitoring.heat_project_block'):,.0f} MB")


def _mb(connection: sa.Connection, table: str) -> float:
    query = sa.text("SELECT sum(pg_total_relation_size(relid)) / 1e6 FROM pg_partition_tree(:name)")
    return float(connection.scalar(query, {"name": table}))


def _peer(store: Store, path: Path, ids: list[str]) -> None:
    """Hold import and sums of a part of the projects against the usual design."""
    some = ids[: max(len(ids) // 20, 1)]
    part = pq.read_table(path, filters=[("heat_project_id", "in", some)])
    with store.engine.connect() as connection:
        took = usual(connection, part)
        print(f"peer, a row a value: {part.num_rows / took:,.0f} rows/s of 2 variables")
        query = "SELECT sum(value), count(*) FROM {} WHERE variable = 'heat_kwh' AND {} = ANY(:ids)"
        theirs, count = connection.execute(
            sa.text(query.format("public.usual", "project")), {"ids": some}
        ).one()
        blocks = "SELECT sum(total), sum(value_count) FROM monitoring.heat_project_block "
        where = "WHERE variable = 'heat_kwh' AND feature_id = ANY(:ids)"
        ours, held = connection.execute(sa.text(blocks + where), {"ids": some}).one()
        assert count == held
        assert np.isclose(theirs, ours, rtol=1e-12)
        print(f"peer on disk: {_mb(connection, 'public.usual'):,.0f} MB for {len(some)} projects")


if __name__ == "__main__":
    main()
