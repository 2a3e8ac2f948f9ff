"""A small town that is easy to reason about: one parcel, and what a test puts around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

import gis
from layers import LAYERS

X, Y = 450_000.0, 4_420_000.0
PARCEL = {
    "parcel_id": "P",
    "land_use_code": "0802",
    "floor_area_ratio": 1.5,
    "building_density_frac": 0.3,
    "building_status": "new",
}


def box(x: float, y: float, size: float) -> shapely.Geometry:
    """A square in the storage CRS, metres from the town's origin."""
    return shapely.MultiPolygon([shapely.box(X + x, Y + y, X + x + size, Y + y + size)])


def point(x: float, y: float) -> shapely.Geometry:
    """A point, metres from the town's origin."""
    return shapely.Point(X + x, Y + y)


def line(*xy: tuple[float, float]) -> shapely.Geometry:
    """A line, metres from the town's origin."""
    return shapely.MultiLineString([[(X + x, Y + y) for x, y in xy]])


def layer(layer_id: str, *rows: dict[str, Any]) -> gpd.GeoDataFrame:
    """Rows of a layer with all declared columns; `geometry` and any fields are given, the key is numbered."""
    spec = LAYERS[layer_id]
    filled = [{spec.key: f"{layer_id}-{i}", **row} for i, row in enumerate(rows)]
    columns = {n: [r.get(n) for r in filled] for n in spec.field_names}
    shapes = np.array([r.get("geometry") for r in filled] or [None], dtype=object)[: len(filled)]
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4548")


TOWN: dict[str, gpd.GeoDataFrame] = {
    "district": layer(
        "district", {"name": "甲区", "planning_area": "plain_new_town", "geometry": box(-2e4, -2e4, 4e4)}
    ),
    "township": layer(
        "township",
        {"name": "东镇", "district": "甲区", "geometry": box(-100, -1e4, 2e4)},
        {"name": "西镇", "district": "甲区", "geometry": box(-2e4 - 100, -1e4, 2e4)},
    ),
    "shallow_geothermal_zone": layer(
        "shallow_geothermal_zone",
        {
            "suitability": "suitable", "conductivity_w_per_m_k": 1.8, "heat_capacity_mj_per_m3_k": 2.4,
            "ground_temperature_degc": 15.0, "geometry": box(-2e4, -2e4, 4e4),
        },
    ),
    "drilling_exclusion": layer("drilling_exclusion"),
    "green_space": layer("green_space"),
    "wastewater_plant": layer("wastewater_plant", {"winter_flow_m3_per_d": 5e4, "geometry": point(1500, 0)}),
    "reclaimed_water_pipeline": layer("reclaimed_water_pipeline"),
    "geothermal_field": layer(
        "geothermal_field",
        {
            "name": "乙地热田", "temperature_degc": 60.0, "yield_m3_per_d": 1500.0,
            "geometry": box(-5e3, -5e3, 1e4),
        },
    ),
    "water_intake_zone": layer("water_intake_zone"),
    "data_centre": layer("data_centre", {"it_load_kw": 2e4, "geometry": point(0, 1900)}),
    "waste_heat_source": layer("waste_heat_source"),
    "heat_network": layer("heat_network"),
}  # fmt: skip


@pytest.fixture
def town() -> gis.Resources:
    """The whole town, every layer loaded."""
    return gis.Resources(dict(TOWN), dict.fromkeys(TOWN, 1))


@pytest.fixture(scope="session")
def ruleset() -> gis.RuleSet:
    """Beijing's rules."""
    return gis.load_ruleset("beijing")


@pytest.fixture(scope="session")
def judge(ruleset: gis.RuleSet) -> Callable[..., dict[str, Any]]:
    """A function that gives the verdict row of one parcel: judge(resources, **parcel fields)."""

    def run(resources: gis.Resources, **fields: Any) -> dict[str, Any]:
        parcel = layer("parcel", {**PARCEL, "geometry": box(0, 0, 200), **fields})
        result = gis.score(parcel, resources, ruleset)
        return {**result.facts.iloc[0].to_dict(), **result.verdicts.iloc[0].to_dict()}

    return run
