"""How long a run over a stored city takes, and one after a moved main.

`python -m tests.benchmarks.bench_run DATA_DIR [--runs 3] [--moves 5]`, over a store that
`tests.benchmarks.city` made. A full run reads parcels and layers from PostGIS, judges, and
writes verdicts with reasons, indexed; then mains are moved, each followed by a run; at the
end a full run must give the same results for the parcels around these mains and for 20,000
others.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import sqlalchemy as sa

from gis.rules import load_ruleset
from gis.runs import Runs
from gis.settings import Settings
from gis.store import RunRecord, Store, open_store

OTHERS = 20_000
PLACES = 997
MAINS = "reclaimed_water_pipeline"
SAME = 1e-9


def timed_run(runs: Runs, label: str, *, everything: bool = False) -> RunRecord:
    """Make a run and print seconds of the clock and of this program's processor time, and peak memory."""
    start, before = time.perf_counter(), os.times()
    run = runs.score(load_ruleset(), everything=everything)
    after = os.times()
    busy = after.user + after.system - before.user - before.system
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{label:<24}{time.perf_counter() - start:8.2f} s {busy:8.2f} CPU s {run.scored_count:>10,} parcels"
        f" {peak_gib:6.2f} GiB peak",
        flush=True,
    )
    return run


def move_main(store: Store, place: int) -> None:
    """Move one main by 170 m, as an import of that one feature does."""
    mains = store.read(MAINS)
    main = mains.iloc[[place % len(mains)]].reset_index(drop=True)
    store.write_layer(
        MAINS,
        main.set_geometry(main.geometry.translate(150.0, 80.0)),
        mode="upsert",
        source_name="bench_run",
        source_sha256="0" * 64,
        report={},
        rejects=pd.DataFrame(columns=["row", "reason", "attributes", "wkt"]),
    )


def around(store: Store, places: Sequence[int]) -> list[str]:
    """Return the parcels within 1.5 km of some mains, and others from all over the city."""
    mains = store.read(MAINS)
    keys = [mains["reclaimed_water_pipeline_id"].iloc[place % len(mains)] for place in places]
    with store.engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        near = connection.scalars(
            sa.text(
                "SELECT DISTINCT parcel_id FROM layer.parcel p JOIN layer.reclaimed_water_pipeline m "
                "ON ST_DWithin(p.geom, m.geom, 1500) WHERE reclaimed_water_pipeline_id = ANY(:keys)"
            ),
            {"keys": keys},
        ).all()
        others = connection.scalars(
            sa.text("SELECT parcel_id FROM layer.parcel ORDER BY md5(parcel_id) LIMIT :count"),
            {"count": OTHERS},
        ).all()
    return sorted({*near, *others})


def compare(store: Store, ids: list[str], runs: Runs) -> None:
    """Hold stored results against those of a full run."""
    parts = store.result_rows(ids)
    timed_run(runs, "full run, to compare", everything=True)
    for part, whole in zip(parts, store.result_rows(ids), strict=True):
        for name in whole:
            same = (
                part[name].equals(whole[name])
                if whole[name].dtype == object
                else np.allclose(part[name], whole[name], rtol=SAME, atol=0, equal_nan=True)
            )
            if not same:
                raise SystemExit(f"{name} differs from a full run")
    print(f"{len(ids):,} parcels: equal to the full run")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--runs", type=int, default=3, help="full runs")
    parser.add_argument("--moves", type=int, default=5, help="mains to move, one between two runs")
    options = parser.parse_args()
    with open_store(Settings(database_url=None, data_dir=options.data_dir)) as store:
        runs = Runs(store)
        for _ in range(options.runs):
            timed_run(runs, "full run", everything=True)
        for number in range(options.moves):
            move_main(store, PLACES * number + 7)
            timed_run(runs, "one main moved")
        compare(store, around(store, [PLACES * n + 7 for n in range(options.moves)]), runs)


if __name__ == "__main__":
    main()
