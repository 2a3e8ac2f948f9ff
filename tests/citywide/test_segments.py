"""Mains from tap to tap: held against a walk by hand, and against the ledger."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from gis.citywide import match
from gis.crs import STORAGE_EPSG
from gis.heat.constants import SECONDS_PER_DAY, WATER_RHO_C_KJ_PER_M3_K
from gis.resources import Resources
from gis.rules import load_ruleset

X, Y = 450_000.0, 4_420_000.0


def frame(layer, rows, shapes):
    return gpd.GeoDataFrame(pd.DataFrame(rows), geometry=shapes, crs=STORAGE_EPSG)


def one_main(committed_kw=None):
    """Return parcels at 100 and 800 m of a main of 1 km, and that main with a project at 300 m."""
    ends = [[(X, Y), (X + 600, Y)], [(X + 600, Y), (X + 1000, Y)]]
    line = shapely.multilinestrings(shapely.linestrings(ends))
    main = {
        "reclaimed_water_pipeline_id": "M", "name": "main", "medium": "reclaimed_water", "diameter_mm": 800.0,
        "winter_flow_m3_per_d": 20_000.0, "winter_temperature_degc": 14.0, "wastewater_plant_id": None,
        "committed_kw": np.nan if committed_kw is None else committed_kw,
    }  # fmt: skip
    project = {
        "heat_project_id": "H", "name": "project", "status": "running", "source_id": "M",
        "source_layer": "reclaimed_water_pipeline", "committed_kw": 1000.0, "heated_area_m2": np.nan,
    }  # fmt: skip
    resources = Resources(
        {
            "reclaimed_water_pipeline": frame("reclaimed_water_pipeline", [main], [line]),
            "heat_project": frame("heat_project", [project], [shapely.Point(X + 300, Y + 5)]),
        },
        {"reclaimed_water_pipeline": 1, "heat_project": 1},
    )
    boxes = [shapely.multipolygons([shapely.box(X + a, Y + 50, X + a + 40, Y + 90)]) for a in (780, 80)]
    rows = {"parcel_id": ["far", "near"], "land_use_code": "070102", "building_status": "new"}
    rows |= {"heated_area_m2": [30_000.0, 20_000.0], "building_density_frac": 1.0}
    parcels = gpd.GeoDataFrame(rows, geometry=boxes, crs=STORAGE_EPSG)
    return parcels, resources


def test_a_main_is_walked_tap_by_tap():
    parcels, resources = one_main()
    ruleset = load_ruleset()
    found = match(parcels, resources, ruleset)
    rows = found.segments
    assert rows["tap_id"].fillna("end").tolist() == ["near", "H", "far", "end"]
    np.testing.assert_allclose(rows["to_m"], [100.0, 300.0, 800.0, 1000.0], atol=0.01)
    assert rows["from_m"].tolist() == [0.0, *rows["to_m"][:-1]]
    cop = ruleset.options["reclaimed_water"].number("cop")
    given = found.connections.set_index("parcel_id")["allocated_kw"]
    delivered = [given["near"], 1000.0, given["far"]]
    assert rows["tapped_kw"].tolist()[:-1] == delivered
    kw_per_k = WATER_RHO_C_KJ_PER_M3_K / SECONDS_PER_DAY * 20_000.0
    drop = np.array(delivered) * (cop - 1.0) / cop / kw_per_k
    np.testing.assert_allclose(rows["temperature_degc"], 14.0 - np.append(0.0, np.cumsum(drop)))
    ledger = found.sources.set_index("source_id").loc["M"]
    left = ledger["exploitable_kw"] - np.append(0.0, np.cumsum(delivered))
    np.testing.assert_allclose(rows["left_kw"], left)
    assert rows["left_kw"].iloc[-1] == pytest.approx(ledger["free_kw"], abs=0.01)


def test_what_the_record_commits_beyond_projects_is_taken_at_the_head():
    parcels, resources = one_main(committed_kw=1500.0)
    rows = match(parcels, resources, load_ruleset()).segments
    head = rows.iloc[0]
    assert (head["tap_layer"], head["to_m"], head["tapped_kw"]) == ("reclaimed_water_pipeline", 0.0, 500.0)


def test_every_main_of_known_flow_has_segments_that_end_where_the_ledger_does(matched):
    rows = matched.base.segments
    mains = matched.base.sources.query("source_layer == 'reclaimed_water_pipeline'").set_index("source_id")
    assert set(rows["source_id"]) == set(mains.index[mains["exploitable_kw"].notna()])
    last = rows.groupby("source_id").last()
    length = matched.around.frame("reclaimed_water_pipeline").set_index("reclaimed_water_pipeline_id").length
    np.testing.assert_allclose(last["to_m"], length.reindex(last.index))
    own = (mains["remaining_kw"] - mains["allocated_kw"]).reindex(last.index)
    np.testing.assert_allclose(last["left_kw"], np.maximum(own, 0.0), atol=0.01)
    assert (rows.groupby("source_id")["temperature_degc"].diff().dropna() <= 1e-12).all()
