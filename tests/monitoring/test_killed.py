"""A program that takes a delivery of many batches is killed again and again: nothing is lost or doubled."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import sqlalchemy as sa

from gis.store import Store
from tests.conftest import at
from tests.monitoring.conftest import contents, values_of

IMPORT = """
import sys
from pathlib import Path
from gis.monitoring import reading
from gis.monitoring.deliver import deliver_file
from gis.store import open_store
reading.BATCH_ROWS = 400
with open_store() as store:
    deliver_file(store, "heat_project", Path(sys.argv[1]))
"""
IDS, HOURS, KILLS = ["HP-1", "HP-2", "HP-3", "HP-4"], 2000, 4


def test_kills_in_the_middle_lose_and_double_nothing(meters: Store, tmp_path: Path):
    rng, random = np.random.default_rng(8), Random(8)
    times = pd.date_range("2023-11-10", periods=HOURS, freq="h")
    frame = pd.DataFrame({"id": np.repeat(IDS, HOURS), "time": np.tile(times, len(IDS))})
    frame["heat_kwh"] = np.round(rng.uniform(-1.0, 190.0, len(frame)), 2)
    frame["electricity_kwh"] = np.round(rng.uniform(1.0, 90.0, len(frame)), 2)
    path = tmp_path / "long.parquet"
    frame.to_parquet(path, index=False)
    rows = frame.melt(["id", "time"])
    good = rows[rows["value"] >= 0.0]
    expected = {
        (id_, variable, "PT1H", f"{when:%Y-%m-%d %H:%M:%S}"): value
        for id_, when, variable, value in good.itertuples(index=False)
    }
    settings = os.environ | {"ONEMAP_DATABASE_URL": str(at(meters.engine.url).database_url)}
    begun, parts = [sys.executable, "-c", IMPORT, str(path)], []
    for _ in range(KILLS):
        before = _count(meters)
        with subprocess.Popen(begun, env=settings) as program:
            # It is killed some batches after those that are there.
            wanted = before + random.randint(1, 3000)
            while program.poll() is None and _count(meters) < wanted:
                time.sleep(0.005)
            program.kill()
        parts.append(_count(meters))
        assert values_of(meters).items() <= expected.items()
    assert 0 < parts[0] < len(expected)
    subprocess.run(begun, env=settings, check=True)
    assert values_of(meters) == expected
    told = contents(meters)
    assert len(told["quarantine"]) == int((rows["value"] < 0.0).sum())
    assert (len(told["delivery"]), told["replaced"]) == (1, [])


def _count(store: Store) -> int:
    with store.engine.connect() as connection:
        query = sa.text("SELECT coalesce(sum(value_count), 0) FROM monitoring.heat_project_block")
        return int(connection.scalar(query) or 0)
