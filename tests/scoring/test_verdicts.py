"""Verdicts that can be checked by hand, each naming what decides it."""

from __future__ import annotations

import numpy as np
import pytest

import gis
from gis.errors import InputError, NotFoundError
from tests.scoring.conftest import PARCEL, box, layer, line, point


def test_the_whole_town(judge, town):
    row = judge(town)
    assert row["heated_area_m2"] == pytest.approx(60_000)
    assert row["heat_load_kw"] == pytest.approx(3_600)
    assert row["recommended"] == "shallow_ground_source"
    assert row["reclaimed_water_status"] == "suitable"
    # 50,000 m3/d x 5 K x 4.187 MJ at COP 4: 12,115 kW x 4/3.
    assert row["reclaimed_water_capacity_kw"] == pytest.approx(12_115.16 * 4 / 3, rel=1e-6)
    assert row["reclaimed_distance_m"] == pytest.approx(1_300)
    assert row["geothermal_hydrothermal_status"] == "suitable"
    assert row["waste_heat_status"] == "suitable"
    assert row["air_source_status"] == "conditional"


def test_ground_source_counts_boreholes(judge, town):
    row = judge(town)
    # 40,000 m2 x 0.7 open x 0.5 usable = 14,000 m2 at 25 m2 each.
    assert row["borehole_count"] == 560
    assert row["shallow_ground_source_status"] == "suitable"
    denser = judge(town, floor_area_ratio=6.0)
    assert denser["shallow_ground_source_capacity_kw"] == row["shallow_ground_source_capacity_kw"]
    assert denser["shallow_ground_source_status"] == "conditional"
    assert "minimum_share.failed" in denser["shallow_ground_source_reasons"]
    assert denser["recommended"] == "reclaimed_water"


@pytest.mark.parametrize(
    ("absent", "option"),
    [
        ("shallow_geothermal_zone", "shallow_ground_source"),
        ("drilling_exclusion", "shallow_ground_source"),
        ("geothermal_field", "geothermal_hydrothermal"),
        ("geothermal_field", "geothermal_closed_loop"),
        ("water_intake_zone", "geothermal_hydrothermal"),
        ("drilling_exclusion", "geothermal_closed_loop"),
    ],
)
def test_a_layer_never_loaded_makes_unknown(judge, town, absent, option):
    row = judge(town.without(absent))
    assert row[f"{option}_status"] == "unknown"
    assert np.isnan(row[f"{option}_score"])
    assert any(r.endswith(".missing") for r in row[f"{option}_reasons"])


@pytest.mark.parametrize(
    ("option", "family"),
    [
        ("reclaimed_water", ("wastewater_plant", "reclaimed_water_pipeline")),
        ("waste_heat", ("data_centre", "waste_heat_source")),
    ],
)
def test_loaded_but_nothing_in_reach_is_unsuitable(judge, town, option, family):
    far, empty = town, town
    for name in family:
        far = far.replace(name, layer(name, {"name": "远", "geometry": point(9_000, 9_000)}))
        empty = empty.replace(name, layer(name))
    far = far.replace("reclaimed_water_pipeline", layer("reclaimed_water_pipeline"))
    for resources in (far, empty):
        row = judge(resources)
        assert row[f"{option}_status"] == "unsuitable"
        assert row[f"{option}_score"] == 0
        assert "reach.failed" in row[f"{option}_reasons"]
    assert judge(town.without(*family))[f"{option}_status"] == "unknown"
    # One of two layers never loaded: what is not there may be in the other.
    assert judge(empty.without(family[1]))[f"{option}_status"] == "unknown"
    assert judge(town.without(family[1]))[f"{option}_status"] == "suitable"


def test_prohibited_intake_stops_wells_but_not_the_closed_loop(judge, town):
    zone = {"zone_class": "prohibited", "document_no": "某文〔2022〕17号"}
    drawn = town.replace(
        "water_intake_zone", layer("water_intake_zone", {**zone, "geometry": box(-50, -50, 150)})
    )
    row = judge(drawn)
    assert row["intake_prohibited_frac"] == pytest.approx(0.25)
    assert row["intake_document_no"] == "某文〔2022〕17号"
    assert row["geothermal_hydrothermal_status"] == "unsuitable"
    assert "prohibited_zone.failed" in row["geothermal_hydrothermal_reasons"]
    assert row["geothermal_closed_loop_status"] != "unsuitable"
    assert "intake_not_needed" in row["geothermal_closed_loop_reasons"]


@pytest.mark.parametrize("names", ["东镇", "甲区东镇、西镇", "township-0"])
def test_an_intake_zone_as_a_list_of_townships(judge, town, names):
    zone = layer("water_intake_zone", {"zone_class": "prohibited", "townships": names})
    row = judge(town.replace("water_intake_zone", zone))
    assert row["intake_prohibited_frac"] == pytest.approx(1.0)
    assert row["geothermal_hydrothermal_status"] == "unsuitable"


def test_a_township_that_is_not_on_the_map_leaves_the_zone_unknown(judge, town):
    zone = layer("water_intake_zone", {"zone_class": "prohibited", "townships": "北镇"})
    for resources in (town, town.without("township")):
        row = judge(resources.replace("water_intake_zone", zone))
        assert np.isnan(row["intake_prohibited_frac"])
        assert row["geothermal_hydrothermal_status"] == "unknown"
    both = layer("water_intake_zone", {"zone_class": "prohibited", "townships": "北镇、东镇"})
    assert judge(town.replace("water_intake_zone", both))["geothermal_hydrothermal_status"] == "unsuitable"


def test_a_zone_not_yet_in_force_does_not_count(judge, town):
    zone = layer(
        "water_intake_zone", {"zone_class": "prohibited", "effective_from": "2999-01-01", "townships": "东镇"}
    )
    assert judge(town.replace("water_intake_zone", zone))["intake_prohibited_frac"] == 0


@pytest.mark.parametrize(
    ("fields", "basis", "heated_m2"),
    [
        ({"heated_area_m2": 5_000.0, "floor_area_m2": 9_000.0}, "heated_area", 5_000),
        ({"floor_area_m2": 9_000.0}, "floor_area", 9_000),
        ({}, "floor_area_ratio", 60_000),
        ({"floor_area_ratio": None, "population": 1_000.0}, "population", 35_000),
        ({"floor_area_ratio": None, "population": 1_000.0, "land_use_code": None}, "population", 35_000),
        ({"land_use_code": "1207"}, "not_heated", 0),
    ],
)
def test_where_the_heated_area_comes_from(judge, town, fields, basis, heated_m2):
    row = judge(town, **fields)
    assert row["heated_area_basis"] == basis
    assert row["heated_area_m2"] == pytest.approx(heated_m2)


def test_population_is_shown_as_an_assumption(ruleset, town):
    bare = {**PARCEL, "floor_area_ratio": None, "population": 10.0, "land_use_code": None}
    parcel = layer("parcel", {**bare, "geometry": box(0, 0, 200)})
    document = gis.score(parcel, town, ruleset).explain("P")
    assert {a["parameter"] for a in document["demand"]["assumptions"]} >= {
        "floor_area_per_person_m2", "residential_mixed_w_per_m2",
    }  # fmt: skip


def test_land_without_heat_demand_is_excluded_everywhere(judge, town):
    row = judge(town, land_use_code="1401")
    assert row["recommended"] is None
    for option in ("shallow_ground_source", "reclaimed_water", "geothermal", "waste_heat", "air_source"):
        assert row[f"{option}_status"] == "unsuitable"
        assert "heat_load.failed" in row[f"{option}_reasons"]


def test_a_parcel_of_which_nothing_is_known(judge, town):
    row = judge(town, land_use_code=None, floor_area_ratio=None, building_density_frac=None)
    assert row["recommended"] is None
    assert np.isnan(row["heat_load_kw"])
    assert row["reclaimed_water_status"] == "unknown"
    assert row["undecided"] == [
        "shallow_ground_source",
        "reclaimed_water",
        "geothermal",
        "waste_heat",
        "air_source",
    ]


def test_air_source_steps_back_behind_what_is_available(judge, town):
    with_water, nothing = judge(town), judge(town.replace("wastewater_plant", layer("wastewater_plant")))
    assert "earlier_suitable.failed" in with_water["air_source_reasons"]
    assert with_water["air_source_status"] == nothing["air_source_status"] == "conditional"
    assert with_water["air_source_score"] == nothing["air_source_score"]
    assert with_water["air_source_unit_count"] == 12


def test_monitored_electricity_comes_first(judge, town):
    centre = {"it_load_kw": 2e4, "utilisation_frac": 0.5, "pue": 1.25, "geometry": point(0, 1900)}
    designed = judge(town.replace("data_centre", layer("data_centre", centre)))
    metered = judge(
        town.replace("data_centre", layer("data_centre", {**centre, "monitored_power_kw": 10_000.0}))
    )
    assert designed["waste_heat_capacity_kw"] == pytest.approx(2e4 * 0.5 * 0.8 * 4 / 3)
    assert metered["waste_heat_capacity_kw"] == pytest.approx(10_000 / 1.25 * 0.8 * 4 / 3)


def test_committed_capacity_is_not_given_twice(judge, town):
    plant = {"winter_flow_m3_per_d": 5e4, "geometry": point(1500, 0)}
    whole = judge(town)["reclaimed_water_capacity_kw"]
    rest = judge(
        town.replace("wastewater_plant", layer("wastewater_plant", {**plant, "committed_kw": 5_000.0}))
    )
    gone = judge(town.replace("wastewater_plant", layer("wastewater_plant", {**plant, "committed_kw": 1e6})))
    assert rest["reclaimed_water_capacity_kw"] == pytest.approx(whole - 5_000)
    assert gone["reclaimed_water_capacity_kw"] == 0
    assert gone["reclaimed_water_status"] == "unsuitable"


@pytest.mark.parametrize("count", [1, 8])
def test_a_bigger_plant_farther_off_beats_tiny_ones_next_door(judge, town, count):
    tiny = [{"winter_flow_m3_per_d": 200.0, "geometry": point(250, 100 + 10 * i)} for i in range(count)]
    plants = layer("wastewater_plant", *tiny, {"winter_flow_m3_per_d": 5e4, "geometry": point(1500, 0)})
    row = judge(town.replace("wastewater_plant", plants))
    assert row["reclaimed_source_id"] == f"wastewater_plant-{count}"
    assert row["reclaimed_water_status"] == "suitable"


def test_a_plant_of_unknown_flow_is_unknown_not_unsuitable(judge, town):
    row = judge(town.replace("wastewater_plant", layer("wastewater_plant", {"geometry": point(1500, 0)})))
    assert row["reclaimed_water_status"] == "unknown"
    assert np.isnan(row["reclaimed_water_capacity_kw"])


def test_green_space_counts_outside_exclusions(judge, town):
    park = layer("green_space", {"geometry": box(200, 0, 80)})
    near = town.replace("green_space", park)
    assert judge(near)["drillable_green_area_m2"] == pytest.approx(6_400 * 0.5 * 0.25, rel=1e-6)
    barred = near.replace("drilling_exclusion", layer("drilling_exclusion", {"geometry": box(200, 0, 80)}))
    assert judge(barred)["drillable_green_area_m2"] == pytest.approx(0, abs=1e-6)


def test_a_main_beside_the_parcel(judge, town):
    main = layer(
        "reclaimed_water_pipeline",
        {
            "name": "一号干管",
            "medium": "sewage",
            "winter_flow_m3_per_d": 3e4,
            "geometry": line((300, -500), (300, 900)),
        },
    )
    row = judge(town.replace("reclaimed_water_pipeline", main))
    assert row["reclaimed_source_name"] == "一号干管"
    assert row["reclaimed_distance_m"] == pytest.approx(100)
    assert "return_sewage" in row["reclaimed_water_reasons"]


def test_wrong_tables_are_refused(ruleset, town):
    parcel = layer("parcel", {**PARCEL, "geometry": box(0, 0, 200)})
    with pytest.raises(InputError, match="no coordinate system"):
        gis.score(parcel.set_crs(None, allow_override=True), town, ruleset)
    with pytest.raises(InputError, match="parcel_id of its own"):
        gis.score(layer("parcel", *[{**PARCEL, "geometry": box(0, 0, 9)}] * 2), town, ruleset)
    with pytest.raises(InputError, match="no geometry"):
        gis.score(layer("parcel", PARCEL), town, ruleset)
    with pytest.raises(InputError, match="is not a layer"):
        gis.Resources({"volcano": parcel}, {"volcano": 1})
    with pytest.raises(NotFoundError):
        gis.score(parcel, town, ruleset).explain("Q")


def test_a_missing_fact_is_named_itself(ruleset, town):
    bare = layer(
        "parcel", {**PARCEL, "land_use_code": None, "floor_area_ratio": None, "geometry": box(0, 0, 200)}
    )
    document = gis.score(bare, town, ruleset).explain("P")
    water = next(t for t in document["technologies"] if t["technology"] == "reclaimed_water")
    said = [r["zh"] for r in water["reasons"] if r["effect"] == "missing"]
    assert any("设计热负荷" in text for text in said)
    assert any("经济接入长度上限" in text for text in said)
    assert not any("距再生水厂站" in text for text in said)


@pytest.mark.parametrize(
    ("fields", "index"),
    [
        ({"land_use_code": "0701", "building_standard": "high"}, "residential_high_w_per_m2"),
        ({"land_use_code": "0701"}, "cooling_residential_w_per_m2"),
        ({"land_use_code": "0901"}, "cooling_shop_w_per_m2"),
    ],
)
def test_an_assumed_index_is_shown(ruleset, town, fields, index):
    parcel = layer("parcel", {**PARCEL, **fields, "geometry": box(0, 0, 200)})
    demand = gis.score(parcel, town, ruleset).explain("P")["demand"]
    assert index in {a["parameter"] for a in demand["assumptions"]}
