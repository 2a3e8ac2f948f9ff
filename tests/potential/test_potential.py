"""The potential against the engine that judges parcels, and its grid by counts known beforehand."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pytest
import shapely

import gis
from gis.errors import InputError
from gis.facts.ragged import Shapes
from gis.potential import grid
from gis.potential.grid import Grid, grid_of
from gis.resources import Raster, Resources
from gis.rules import RuleSet
from layers import POTENTIAL
from tests.potential.towns import ROW, STORAGE, box, row_of_hectares, zone
from tests.scoring.conftest import X, Y, layer

SINGLE = 1e-6
"""Part by which float32 may differ."""


@pytest.fixture(scope="module")
def ruleset() -> RuleSet:
    return gis.load_ruleset("beijing")


def parcels() -> gpd.GeoDataFrame:
    """Every hectare of the row as a parcel without buildings."""
    return gpd.GeoDataFrame(
        {
            "parcel_id": list(ROW),
            "land_use_code": "0901",
            "floor_area_ratio": 1.0,
            "building_density_frac": 0.0,
        },
        geometry=[box(100 * i, 0, 100 * i + 100, 100) for i in range(len(ROW))],
        crs=STORAGE,
    )


def test_a_hectare_gives_what_the_engine_says_of_a_parcel_of_it(ruleset: RuleSet) -> None:
    around = row_of_hectares()
    judged = gis.score(
        parcels(),
        Resources({**around.frames, "green_space": layer("green_space")}, {}, around.rasters),
        ruleset,
    )
    facts, status = judged.facts, judged.verdicts["shallow_ground_source_status"]
    balance = float(facts["thermal_balance_frac"].iloc[0])
    found = gis.ground_potential(around, ruleset, balance_frac=balance)

    hours = facts["heat_demand_mwh_per_a"] * 1000.0 / facts["heat_load_kw"]
    assert hours.to_numpy() == pytest.approx(found.reference.full_load_h, rel=1e-12)
    # Counted by hand: what is excluded, what is not known, and what is open.
    assert status[status == "unsuitable"].index.tolist() == [
        "wholly_excluded", "unsuitable", "unsuitable_and_unknown"
    ]  # fmt: skip
    assert status[status == "unknown"].index.tolist() == ["no_capacity", "no_class"]
    opened = status.isin(["suitable", "conditional"])
    excluded, capacity = status == "unsuitable", judged.verdicts["shallow_ground_source_capacity_kw"]
    expected = {
        "borehole_heat": facts["borehole_heat_mwh_per_a"].where(opened),
        "ground_heat": (facts["borehole_count"] * facts["borehole_heat_mwh_per_a"])
        .where(opened)
        .mask(excluded, 0.0),
        "ground_capacity": capacity.where(opened).mask(excluded, 0.0),
    }
    for band, values in expected.items():
        assert found.band(band).values[0] == pytest.approx(values.to_numpy(), rel=SINGLE, nan_ok=True), band
    per_hectare = dict(zip(ROW, found.band("ground_heat").values[0].tolist(), strict=True))
    # The raster goes before the zone, of zones that of largest overlap; an exclusion takes its share.
    assert per_hectare["by_raster"] > 1.1 * per_hectare["open"] > 1.2 * per_hectare["border"]
    assert facts["borehole_count"].loc[["open", "part_excluded"]].tolist() == [200.0, 120.0]


def test_without_balance_the_ground_gives_less_and_the_rules_least_is_the_default(ruleset: RuleSet) -> None:
    around = row_of_hectares()
    least, none = (
        gis.ground_potential(around, ruleset),
        gis.ground_potential(around, ruleset, balance_frac=0.0),
    )
    assert least.reference.balance_frac == 0.8
    assert none.values[1, 0, 0] < 0.5 * least.values[1, 0, 0]
    for wrong in (-0.1, np.nan, np.inf):
        with pytest.raises(InputError, match="balance of"):
            gis.ground_potential(around, ruleset, balance_frac=wrong)


@pytest.mark.parametrize("missing", ["shallow_geothermal_zone", "drilling_exclusion"])
def test_a_layer_that_was_never_loaded_is_named(missing: str, ruleset: RuleSet) -> None:
    with pytest.raises(InputError, match=f"layer {missing} was never loaded"):
        gis.ground_potential(row_of_hectares().without(missing), ruleset)


def test_a_bundle_in_another_system_is_refused(ruleset: RuleSet) -> None:
    moved = gis.Resources.from_files(dict(row_of_hectares().frames), crs="EPSG:32650")
    with pytest.raises(InputError, match=r"EPSG:32650.*EPSG:4548"):
        gis.ground_potential(moved, ruleset)


def test_zones_without_a_feature_have_no_grid(ruleset: RuleSet) -> None:
    none = row_of_hectares().replace("shallow_geothermal_zone", layer("shallow_geothermal_zone"))
    with pytest.raises(InputError, match="is empty"):
        gis.ground_potential(none, ruleset)


def test_it_says_what_it_is_made_of(ruleset: RuleSet) -> None:
    zones = layer(
        "shallow_geothermal_zone",
        *(zone(100 * i, 100 * i + 100, source=f"survey {i:02}", synthetic=i == 3) for i in range(12)),
    )
    found = gis.ground_potential(row_of_hectares().replace("shallow_geothermal_zone", zones), ruleset)
    assert found.versions == {"shallow_geothermal_zone": 4, "drilling_exclusion": 3}
    assert found.sources["shallow_geothermal_zone"] == [*(f"survey {i:02}" for i in range(10)), "and 2 more"]
    assert found.synthetic == ("shallow_geothermal_zone",)
    assert (found.ruleset_id, found.ruleset_hash) == (ruleset.id, ruleset.hash)
    assert found.parameters["borehole_spacing_m"] == 5.0


def place(*rasters: Raster, east: float = 1000.0, cell_m: float | None = None) -> Grid:
    zones = layer("shallow_geothermal_zone", {"geometry": box(30, 30, east, 1000)})
    held = dict(zip(("ground_conductivity", "ground_temperature"), rasters, strict=False))
    return grid_of(Resources({"shallow_geothermal_zone": zones}, {}, held), cell_m)


def raster(cell_m: float, west: float = X, crs: str = STORAGE) -> Raster:
    return Raster(np.zeros((4, 5)), (west, Y, west + 5 * cell_m, Y + 4 * cell_m), crs)


def test_cells_are_those_of_the_finest_raster_else_of_100_m() -> None:
    assert place() == Grid(X, Y + 1000, 100.0, 10, 10)
    # Its lines are met, wherever they lie.
    assert place(raster(250.0, X + 7), raster(400.0)) == Grid(X + 7, Y + 1000, 250.0, 4, 4)
    assert place(raster(250.0), cell_m=60.0).cell_m == 60.0
    degrees = Raster(np.zeros((2, 2)), (116.4, 39.9, 116.42, 39.92), "OGC:CRS84")
    assert place(degrees).cell_m == pytest.approx(np.sqrt(854.0 * 1110.0), abs=5)


def test_cells_that_nobody_asked_for_grow_and_others_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid, "DEFAULT_CELLS", 30)
    monkeypatch.setattr(grid, "MAX_CELLS", 400)
    assert place().cell_m == 200.0
    assert place(raster(20.0)).cell_m == 180.0
    with pytest.raises(
        InputError, match=r"cells of 40 m would be 625, and the limit is 400; take cells of 50 m"
    ):
        place(cell_m=40.0)
    for wrong in (0.0, -5.0, np.nan, np.inf):
        with pytest.raises(InputError, match="are not usable"):
            place(cell_m=wrong)


def test_cells_are_squares_row_by_row_from_north_west() -> None:
    made, drawn = Grid(X, Y + 300, 100.0, 3, 2).cells(1, 3), []
    for south in (100, 0):
        drawn += [shapely.box(X + west, Y + south, X + west + 100, Y + south + 100) for west in (0, 100)]
    expected = Shapes.of(np.array(drawn, dtype=object), "polygon")
    assert made.bounds.tolist() == expected.bounds.tolist()
    assert made.area_m2.tolist() == [1e4] * 4


def test_blocks_make_no_difference(ruleset: RuleSet, monkeypatch: pytest.MonkeyPatch) -> None:
    around = row_of_hectares()
    whole = gis.ground_potential(around, ruleset, cell_m=10.0)
    monkeypatch.setattr("gis.potential.potential.BLOCK", 200)
    parts = gis.ground_potential(around, ruleset, cell_m=10.0)
    assert np.array_equal(whole.values, parts.values, equal_nan=True)
    assert whole.values.shape == (len(POTENTIAL), 10, 90)
    assert replace(whole, values=parts.values).encoded == whole.encoded
