"""Scenarios: what they refuse, and what they change."""

from __future__ import annotations

import numpy as np
import pytest

from gis.citywide import Scenario
from gis.errors import InputError
from gis.rules import load_ruleset


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"name": "Dry Winter"}, "name 'Dry Winter'"),
        ({"name": ""}, "name ''"),
        ({"name": "x" * 41}, "up to 40"),
        ({"order": "beauty"}, "order 'beauty'"),
        ({"reach_frac": -1.0}, "-1.0 of reach"),
        ({"reach_frac": float("nan")}, "nan of reach"),
        ({"capacity_frac": {"geothermal": float("inf")}}, "inf of geothermal"),
        ({"capacity_frac": {"parcel": 1.0}}, "'parcel'"),
        ({"capacity_frac": {"geothermal/GF-01": 1.0}}, "'geothermal/GF-01'"),
        ({"capacity_frac": {"data_centre/": 1.0}}, "'data_centre/'"),
    ],
)
def test_what_a_scenario_refuses(settings, told):
    with pytest.raises(InputError, match=told):
        Scenario(**settings)


def test_the_narrowest_factor_counts():
    scenario = Scenario(
        capacity_frac={"wastewater_plant/W1": 0.0, "reclaimed_water": 0.5, "wastewater_plant": 0.8}
    )
    technology = np.array(["reclaimed_water"] * 3 + ["waste_heat"], dtype=object)
    layer = np.array(["wastewater_plant"] * 2 + ["reclaimed_water_pipeline", "data_centre"], dtype=object)
    ids = np.array(["W1", "W2", "W1", "W1"], dtype=object)
    assert scenario.capacity_factors(technology, layer, ids).tolist() == [0.0, 0.8, 0.5, 1.0]
    with pytest.raises(InputError, match="wastewater_plant/W1"):
        scenario.capacity_factors(technology[1:], layer[1:], ids[1:])


def test_reach_changes_the_reach_of_shared_sources_alone():
    ruleset = load_ruleset()
    assert Scenario().rules(ruleset) is ruleset
    wider = Scenario(reach_frac=2.0).rules(ruleset)
    water, before = wider.options["reclaimed_water"], ruleset.options["reclaimed_water"]
    for name in ("plant_reach_m", "main_reach_m"):
        assert water.number(name) == 2.0 * before.number(name)
    ground = "shallow_ground_source"
    assert wider.options[ground].number("green_reach_m") == ruleset.options[ground].number("green_reach_m")
    assert wider.hash == ruleset.hash
