"""Sites in the sample city: gains against matching anew, places against shapely, limits that hold."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from gis.citywide import Scenario, SitePlan, match, site_store, sites
from gis.citywide.places import MOST_PLACES
from gis.errors import InputError, NotFoundError
from gis.facts.surroundings import ZONE_CLASSES, Surroundings
from gis.matching.columns import SITE_COLUMNS
from gis.resources import Resources
from gis.store.sites import sites_of, sitings

KW = 0.001
SPOT = shapely.Point(450_000.0, 4_420_000.0)


def places(*rows: tuple[str, str | None, float, shapely.Point]) -> gpd.GeoDataFrame:
    """Return (id, technology, kW, point) as places of a file."""
    ids, technology, kw, points = zip(*rows, strict=True)
    frame = {"site_id": ids, "name": None, "technology": technology, "capacity_kw": kw}
    return gpd.GeoDataFrame(frame, geometry=list(points), crs=4548)


def with_plants(matched, rows: pd.DataFrame) -> Surroundings:
    """Return the map with places as plants whose waste heat gives their capacity."""
    there = matched.around.resources
    plants = there.frames["waste_heat_source"]
    new = gpd.GeoDataFrame(
        {
            "waste_heat_source_id": "new-" + rows["site_id"].to_numpy(),
            "kind": "industry",
            "recoverable_heat_kw": rows["capacity_kw"].to_numpy(),
        },
        geometry=shapely.points(rows[["x_m", "y_m"]]),
        crs=plants.crs,
    )
    frame = pd.concat([plants, new], ignore_index=True).sort_values("waste_heat_source_id", ignore_index=True)
    return Surroundings(
        Resources({**there.frames, "waste_heat_source": frame}, there.versions, there.rasters)
    )


def served_kw(found) -> float:
    """Return what shared sources serve at most in all."""
    return sum(row["most_kw"] for row in found.summary["certificate"])


@pytest.fixture(scope="module")
def plants(matched):
    """Five plants of waste heat of 2 GW each, so large that they compete for parcels."""
    plan = SitePlan(5, "waste_heat", capacity_kw=2e6, spacing_m=3000.0)
    return sites(matched.parcels, matched.around, matched.ruleset, plan)


def test_every_gain_is_that_of_matching_with_the_sites_on_the_map(matched, plants):
    chosen = plants.places[plants.places["rank"].notna()]
    assert len(chosen) == 5
    assert (chosen["gain_kw"] < 1.9e6).any(), "no two of them compete"
    before = served_kw(matched.base)
    assert plants.summary["served_before_kw"] == pytest.approx(before, abs=KW / 10)
    for count in (1, 3, 5):
        again = match(matched.parcels, with_plants(matched, chosen.head(count)), matched.ruleset)
        gain = chosen["gain_kw"].head(count).sum()
        assert served_kw(again) - before == pytest.approx(gain, abs=KW / 2), count
    assert plants.summary["served_after_kw"] == pytest.approx(served_kw(again), abs=KW / 2)
    # What they come to under the least share is the same matching, to the kW of every technology.
    told = {row["technology"]: row["allocated_kw"] for row in again.summary["technologies"]}
    for row in plants.summary["after"]["technologies"]:
        assert row["allocated_kw"] == pytest.approx(told[row["technology"]], rel=1e-3), row["technology"]
    new = again.sources[again.sources["source_id"].str.startswith("new-")].set_index("source_id")
    own = chosen.set_index("new-" + chosen["site_id"])
    np.testing.assert_allclose(new["remaining_kw"], own["capacity_kw"].reindex(new.index))
    assert new["allocated_kw"].sum() == pytest.approx(own["allocated_kw"].sum(), rel=1e-3)


def test_the_first_is_the_best_of_all_taken_alone(matched, plants):
    head = plants.places.head(6)
    alone = {}
    for at in range(len(head)):
        row = head.iloc[[at]]
        again = match(matched.parcels, with_plants(matched, row), matched.ruleset)
        alone[row["site_id"].iloc[0]] = served_kw(again) - served_kw(matched.base)
    assert alone[head["site_id"].iloc[0]] == max(alone.values())
    assert max(alone.values()) == pytest.approx(head["gain_kw"].iloc[0], abs=KW / 2)
    gains = plants.places["gain_kw"].dropna()
    assert (np.diff(gains) <= KW).all(), "a later one is worth more than an earlier one"


def test_the_bound_holds_for_any_other_choice(matched, plants):
    told = plants.summary
    assert told["gain_kw"] <= told["most_gain_kw"] + KW
    assert told["proven_frac"] == pytest.approx(told["gain_kw"] / told["most_gain_kw"])
    assert told["proven_frac"] >= 1.0 - 1.0 / np.e
    rng = np.random.default_rng(3)
    for _ in range(3):
        other = plants.places.iloc[rng.choice(len(plants.places), 5, replace=False)]
        gain = served_kw(match(matched.parcels, with_plants(matched, other), matched.ruleset))
        assert gain - served_kw(matched.base) <= told["most_gain_kw"] + KW


def test_the_grid_stands_on_open_ground_of_heated_parcels_where_most_is_not_met(matched, plants):
    rows = matched.base.parcels.set_index("parcel_id")
    parcels = matched.parcels.set_index("parcel_id")
    grid = plants.places.sort_values("site_id")
    assert 50 < len(grid) <= MOST_PLACES
    host = parcels.loc[grid["parcel_id"]]
    land_m2 = matched.ruleset.parameters["site_land_m2"].number()
    assert (host.area * (1.0 - host["building_density_frac"]) >= land_m2).all()
    assert (rows.loc[grid["parcel_id"], "heat_load_kw"] > 0.0).all()
    box = parcels.bounds
    middle = pd.DataFrame({"x": box["minx"] + box["maxx"], "y": box["miny"] + box["maxy"]}) / 2.0
    np.testing.assert_allclose(middle.loc[grid["parcel_id"]], grid[["x_m", "y_m"]], atol=1e-3)
    cell = np.floor(middle / 3000.0)
    own = cell.loc[grid["parcel_id"]]
    assert not own.duplicated().any()
    rest = (rows["air_source_kw"] + rows["unmet_kw"]).fillna(0.0)
    by_cell = rest.groupby([cell["x"], cell["y"]]).sum()
    unmet = by_cell.loc[list(own.itertuples(index=False, name=None))].to_numpy()
    assert (np.diff(unmet) <= 1.0).all(), "cells with less come first"
    new = parcels["building_status"] == "new"
    fit = (parcels.area * (1.0 - parcels["building_density_frac"]) >= land_m2) & (rows["heat_load_kw"] > 0.0)
    has_new = (new & fit).groupby([cell["x"], cell["y"]]).any()
    assert (has_new.loc[list(own.itertuples(index=False, name=None))].to_numpy() == new[host.index]).all()
    assert 0 < new[host.index].sum() < len(grid)


def test_the_order_of_rows_makes_no_difference_and_the_store_returns_what_was_found(matched, plants):
    shuffled = matched.parcels.sample(frac=1.0, random_state=4)
    again = sites(shuffled, matched.around, matched.ruleset, plants.plan)
    pd.testing.assert_frame_equal(again.places, plants.places)
    assert again.summary == plants.summary
    kept = site_store(matched.store, matched.ruleset, plants.plan)
    pd.testing.assert_frame_equal(kept.places, plants.places)
    record, stored = sites_of(matched.store, "base")
    pd.testing.assert_frame_equal(
        stored, plants.places, check_dtype=False, check_exact=True, check_names=False
    )
    assert (record.summary, record.plan) == (plants.summary, plants.plan.settings())
    assert [r.scenario for r in sitings(matched.store)] == ["base"]
    assert list(stored.columns) == [c.name for c in SITE_COLUMNS]


@pytest.fixture(scope="module")
def wells(matched):
    """Sixty wells on the grid of the rules."""
    plan = SitePlan(60, "geothermal")
    return sites(matched.parcels, matched.around, matched.ruleset, plan)


def test_wells_of_the_grid_lie_in_fields_and_outside_prohibited_zones(matched, wells):
    points = gpd.GeoSeries(shapely.points(wells.places[["x_m", "y_m"]]), crs=4548)
    fields = matched.around.frame("geothermal_field")
    zones = {c: matched.around.intake_zones(c, matched.ruleset.as_of) for c in ZONE_CLASSES}
    inside = {c: shapely.union_all(found.index.geometries) for c, found in zones.items()}
    assert points.intersects(fields.union_all()).all()
    assert not points.intersects(inside["prohibited"]).any()
    want = np.where(
        points.intersects(inside["restricted"]), "restricted_zone",
        np.where(points.intersects(inside["reserve"]), "reserve_zone", None),
    )  # fmt: skip
    assert wells.places["condition"].tolist() == want.tolist()
    assert set(want) == {None, "restricted_zone", "reserve_zone"}


def test_wells_take_no_more_of_a_field_than_matching_left(matched, wells):
    fields = matched.around.frame("geothermal_field")[["geothermal_field_id", "geometry"]]
    usable = wells.places[wells.places["exclusion"].isna()]
    points = gpd.GeoDataFrame(usable, geometry=shapely.points(usable[["x_m", "y_m"]]), crs=4548)
    where = gpd.sjoin(points, fields, predicate="intersects").drop_duplicates("site_id")
    taken = where.groupby("geothermal_field_id")["capacity_kw"].sum()
    ledger = matched.base.sources.query("source_layer == 'geothermal_field'").set_index("source_id")
    assert (taken <= ledger["free_kw"].reindex(taken.index) + KW).all()
    assert len(taken) > 1


def test_a_well_has_the_heat_of_one_doublet_of_its_field(matched, wells):
    rules = matched.ruleset.options["geothermal_hydrothermal"]
    fields = matched.around.frame("geothermal_field")
    cop = rules.number("cop")
    kelvin = fields["temperature_degc"] - rules.number("reinjection_degc")
    kw = 4186.0 * fields["yield_m3_per_d"] / 86400.0 * kelvin * cop / (cop - 1.0)
    assert all(np.isclose(kw, row, rtol=0.01).any() for row in wells.places["capacity_kw"])


def test_places_that_may_not_be_say_why(matched):
    zones = matched.around.frame("water_intake_zone")
    field = matched.around.frame("geothermal_field")
    barred = shapely.union_all(zones[zones["zone_class"] == "prohibited"].geometry.dropna())
    all_fields = field.union_all()
    centre = matched.parcels.geometry.iloc[0].centroid
    free = shapely.point_on_surface(shapely.difference(all_fields, barred))
    given = places(
        ("barred", "geothermal", 100.0, shapely.point_on_surface(shapely.intersection(all_fields, barred))),
        ("outside", "geothermal", 100.0, shapely.Point(centre.x, 4_600_000.0)),
        ("greedy", "geothermal", 1e9, free),
        ("small", "reclaimed_water", 3000.0, centre),
        ("enough", "reclaimed_water", 3300.0, centre),
        ("far", "biomass", 100.0, shapely.Point(centre.x, 4_600_000.0)),
        ("plain", None, np.nan, centre),
    )
    found = sites(matched.parcels, matched.around, matched.ruleset, SitePlan(9, "waste_heat", places=given))
    rows = found.places.set_index("site_id")
    assert rows["exclusion"].to_dict() == {
        "barred": "prohibited_zone",
        "outside": "outside_fields",
        "greedy": "field_used_up",
        "small": "too_small",
        "enough": None,
        "far": "no_parcel",
        "plain": None,
    }
    assert rows.loc["plain", ["technology", "capacity_kw", "reach_m"]].tolist() == [
        "waste_heat",
        matched.ruleset.parameters["site_capacity_kw"].number(),
        matched.ruleset.options["waste_heat"].number("plant_reach_m"),
    ]
    told = found.summary
    assert (told["chosen_count"], told["end"]["reason"]) == (2, "no_candidate")
    reasons = ["prohibited_zone", "outside_fields", "field_used_up", "too_small", "no_parcel"]
    assert [(row["reason"], row["count"]) for row in told["excluded"]] == [(r, 1) for r in reasons]
    assert list(found.places["site_id"][-5:]) == sorted(rows.index[rows["exclusion"].notna()])


@pytest.mark.parametrize("layer", ["water_intake_zone", "geothermal_field"])
def test_what_is_not_known_of_the_ground_bars_a_well(matched, layer):
    around = Surroundings(matched.around.resources.without(layer))
    point = shapely.point_on_surface(matched.around.frame("geothermal_field").geometry.iloc[0])
    plan = SitePlan(1, "geothermal", places=places(("a", None, 100.0, point)))
    found = sites(matched.parcels, around, matched.ruleset, plan)
    assert found.places["exclusion"].tolist() == ["unknown_place"]
    assert found.summary["gain_kw"] == 0.0
    assert found.summary["proven_frac"] == 1.0
    with pytest.raises(InputError, match="give places of your own"):
        sites(matched.parcels, around, matched.ruleset, SitePlan(1, "geothermal"))


def test_every_place_has_an_id_of_its_own_and_any_index(matched):
    given = places(("a", None, 100.0, SPOT), ("a", None, 100.0, SPOT))
    with pytest.raises(InputError, match="site_id of its own"):
        sites(matched.parcels, matched.around, matched.ruleset, SitePlan(1, places=given))
    given = places(("a", None, 1e4, shapely.Point(0, 0)), ("b", None, 1e4, SPOT)).set_index(pd.Index([7, 3]))
    found = sites(matched.parcels, matched.around, matched.ruleset, SitePlan(2, places=given))
    assert found.places[["site_id", "rank"]].to_numpy().tolist()[0] == ["b", 1.0]
    assert found.places["exclusion"].tolist() == [None, "no_parcel"]


def test_who_serves_nothing_more_is_not_chosen(matched):
    # Two plants at one place, each enough for all around: the second has nothing to do.
    spot = matched.parcels.geometry.iloc[0].centroid
    given = places(("a", None, 5e6, spot), ("b", None, 5e6, spot))
    plan = SitePlan(2, "waste_heat", reach_m=300.0, places=given)
    found = sites(matched.parcels, matched.around, matched.ruleset, plan)
    assert found.places["rank"].isna().tolist() == [False, True]
    assert found.summary["end"]["reason"] == "no_gain"
    near = matched.parcels.distance(spot) <= 300.0
    rows = matched.base.parcels.set_index("parcel_id").loc[matched.parcels["parcel_id"][near]]
    assert found.places["gain_kw"].iloc[0] <= (rows["air_source_kw"] + rows["unmet_kw"]).sum() + 1.0


@pytest.mark.parametrize(
    "scenario",
    [
        Scenario("cheap", order="cost"),
        Scenario("near", capacity_frac={"biomass": 0.5}, reach_frac=0.5),
    ],
)
def test_a_scenario_is_that_of_its_run(matched, scenario):
    plan = SitePlan(2, "biomass", capacity_kw=50_000.0)
    with pytest.raises(NotFoundError, match=scenario.name):
        site_store(matched.store, matched.ruleset, plan, scenario.name)
    found = sites(matched.parcels, matched.around, matched.ruleset, plan, scenario)
    base = sites(matched.parcels, matched.around, matched.ruleset, plan)
    least = matched.ruleset.options["biomass"].number("plant_reach_m") * scenario.reach_frac
    assert (found.places["reach_m"] == least).all()
    before, after = found.summary["before"], found.summary["after"]
    assert found.summary["gain_kw"] > 0.0
    given = {row["technology"]: row["allocated_kw"] for row in after["technologies"]}
    was = {row["technology"]: row["allocated_kw"] for row in before["technologies"]}
    assert given["biomass"] > was["biomass"]
    if scenario.order == "cost":
        assert found.summary["served_before_kw"] == pytest.approx(
            base.summary["served_before_kw"], abs=KW / 2
        )
    else:
        assert found.summary["served_before_kw"] < base.summary["served_before_kw"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"count": 0}, "from 1 to 200, not 0"),
        ({"count": 1, "technology": "air_source"}, "'air_source' is not one of"),
        ({"count": 1, "capacity_kw": float("nan")}, "capacity must be from 1"),
        ({"count": 1, "reach_m": -1.0}, "reach must be from 1"),
        ({"count": 1, "spacing_m": 500.0, "places": places(("a", None, 1.0, SPOT))}, "leave it out"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(options, told):
    with pytest.raises(InputError, match=told):
        SitePlan(**options)
