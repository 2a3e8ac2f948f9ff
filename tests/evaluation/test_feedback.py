"""A month that is still under way stands for no whole one."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from gis.crs import STORAGE_CRS
from gis.evaluation.feedback import publish
from gis.monitoring.deliver import deliver_rows
from gis.rules import load_ruleset
from gis.store import open_store
from tests.conftest import NewDatabase, at

RULES = load_ruleset()


def test_the_last_of_the_twelve_months_is_whole(new_database: NewDatabase):
    days = np.arange("2023-01-01", "2024-01-15", dtype="datetime64[D]")
    january = np.isin(days.astype("datetime64[M]").astype(int) % 12, [0])
    heat = np.where(january, 1000.0, 100.0)
    with open_store(at(new_database("underway"))) as store:
        place = gpd.GeoDataFrame(
            {"heat_project_id": ["A"], "status": ["running"]},
            geometry=shapely.points([[450_000.0, 4_420_000.0]]),
            crs=STORAGE_CRS,
        )
        given = {"source_name": "made", "source_sha256": "0" * 64, "report": {}, "rejects": pd.DataFrame()}
        store.write_layer("heat_project", place, mode="replace", **given)
        rows = {"id": ["A"] * len(days), "time": [str(day) for day in days], "heat_kwh": heat}
        deliver_rows(store, "heat_project", pa.table(rows), "A", "P1D")
        (values,) = [one.values for one in publish(store, RULES, RULES.ranking, dry_run=True)]
    # Of the twelve months to January 2024 95.3 % are known, but 17,000 kWh of 64,400 are not: what is told
    # is 31 days of 1,000 kWh and 334 of 100.
    assert [(v.field, v.value, v.of) for v in values] == [
        ("monitored_heat_mwh_per_a", 64.4, "2023-01/2023-12")
    ]
