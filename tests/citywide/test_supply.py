"""What heat projects take of their sources: what is committed, else installed, else what the area needs."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from gis.crs import STORAGE_EPSG
from gis.facts.surroundings import Surroundings
from gis.resources import Resources
from gis.rules import load_ruleset
from gis.scoring.supply import supply

RULES = load_ruleset()
AT = shapely.Point(450_000.0, 4_420_000.0)
SOURCES = {
    "wastewater_plant": {"wastewater_plant_id": "P", "design_capacity_m3_per_d": 90_000.0},
    "data_centre": {"data_centre_id": "D", "it_load_kw": 20_000.0},
    "geothermal_field": {"geothermal_field_id": "G"},
}
HEAT = [
    {"waste_heat_source_id": "W", "kind": "gas_chp", "recoverable_heat_kw": 9_000.0},
    {"waste_heat_source_id": "B", "kind": "biomass", "recoverable_heat_kw": 9_000.0},
]
INDEX = RULES.demand_parameters[RULES.demand.mixed_heat_index].number()
ALL = {
    "reclaimed_water_kw": 100.0, "geothermal_kw": 200.0, "waste_heat_kw": 300.0, "biomass_kw": 400.0,
    "shallow_ground_source_kw": 500.0, "air_source_kw": 600.0, "heated_area_m2": 10_000.0,
}  # fmt: skip


def frame(layer: str, rows: list[dict[str, object]]) -> gpd.GeoDataFrame:
    place = shapely.multipolygons([AT.buffer(2_000.0)]) if layer == "geothermal_field" else AT
    return gpd.GeoDataFrame(pd.DataFrame(rows), geometry=[place] * len(rows), crs=STORAGE_EPSG)


def taken(**project: object) -> float:
    """Return what one project takes of the source that it names, by itself and in the ledger."""
    row = {"heat_project_id": "H", "status": "running", "committed_kw": np.nan, **ALL, **project}
    frames = {layer: frame(layer, [source]) for layer, source in SOURCES.items()}
    frames |= {
        "waste_heat_source": frame("waste_heat_source", HEAT),
        "heat_project": frame("heat_project", [row]),
    }
    found = supply(Surroundings(Resources(frames, dict.fromkeys(frames, 1))), RULES, 2_000.0)
    [kw], [source] = found.projects["kw"], found.projects["source"]
    committed = found.claimed.committed_kw
    if source >= 0:
        assert committed[source] == pytest.approx(kw, nan_ok=True)
    assert np.delete(committed, source if source >= 0 else []).sum() == 0.0
    return float(kw)


@pytest.mark.parametrize(
    ("layer", "id_", "kw"),
    [
        ("wastewater_plant", "P", 100.0),
        ("geothermal_field", "G", 200.0),
        ("data_centre", "D", 300.0),
        ("waste_heat_source", "W", 300.0),
        ("waste_heat_source", "B", 400.0),
        # Of no source nothing is taken; what the area needs is told all the same.
        ("wastewater_plant", "gone", 10_000.0 * INDEX / 1000.0),
        (None, None, 10_000.0 * INDEX / 1000.0),
    ],
)
def test_what_is_installed_of_the_technology_that_fits_the_source(layer, id_, kw):
    assert taken(source_layer=layer, source_id=id_) == pytest.approx(kw)


PLANT = {"source_layer": "wastewater_plant", "source_id": "P"}


def test_what_is_committed_comes_before_what_is_installed():
    assert taken(**PLANT, committed_kw=70.0) == 70.0
    assert taken(**PLANT, committed_kw=0.0) == 0.0


def test_without_the_fitting_technology_the_area_decides_and_without_that_nothing_is_known():
    assert taken(**PLANT, reclaimed_water_kw=np.nan) == pytest.approx(10_000.0 * INDEX / 1000.0)
    assert np.isnan(taken(**PLANT, reclaimed_water_kw=np.nan, heated_area_m2=np.nan))
