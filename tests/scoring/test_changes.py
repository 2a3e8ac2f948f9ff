"""What would make an option feasible, and how sure its capacity is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

import gis
from gis.facts.table import Facts
from gis.scoring.engine import CONDITIONAL, Rows
from gis.scoring.evaluate import judge_option
from gis.scoring.row import arrays
from gis.scoring.technologies import Models, drillable_area
from tests.scoring.cases import all_cases
from tests.scoring.strategies import RULES, often, parcels, towns

CASES = [c for c in all_cases() if not c.fields.rules]
LEAST = RULES.parameters["minimum_share_frac"].number()


def feasible(option: str, facts: Facts, fact: str, value: float, rules: gis.RuleSet) -> bool:
    """Judge an option on one row with one fact set to a value, and what follows from it."""
    row = facts | {fact: np.array([value])}
    row |= {"earlier_suitable_count": np.zeros(1), "earlier_unknown_count": np.zeros(1)}
    if not fact.startswith("drillable"):
        row |= drillable_area(row.__getitem__, rules.options["shallow_ground_source"])
    verdict = judge_option(option, Rows(None, {}), row, Models(rules), {})
    return bool(verdict.status[0] >= CONDITIONAL and verdict.share_frac[0] >= LEAST)


def check(result: gis.Result, document: dict[str, Any]) -> list[tuple[str, str]]:
    """Apply every change of a document, whole and half; return the levers by option and fact."""
    facts = arrays(result.facts.loc[document["parcel_id"]].replace({np.nan: None}).to_dict())
    had = []
    for technology in document["technologies"]:
        variant, share = technology["variant"], technology["installed_share_frac"]
        option = f"geothermal_{variant}" if variant else technology["technology"]
        if technology["status"] in ("suitable", "conditional") and share >= LEAST:
            assert technology["changes"] == [], "an option that is feasible needs no change"
        for change in technology["changes"]:
            start, end, fact = change["from"], change["to"], change["fact"]
            assert abs(end - start) == pytest.approx(change["change"])
            assert feasible(option, facts, fact, end, result.ruleset), (option, fact)
            assert not feasible(option, facts, fact, (start + end) / 2, result.ruleset), (option, fact)
            had.append((option, fact))
    return had


def test_every_change_of_the_cases_is_enough_and_half_of_it_is_not() -> None:
    had = {lever for case in CASES for lever in check(case.result, case.document)}
    assert had == {(o, lever.fact) for o, rules in RULES.options.items() for lever in rules.levers}


@often(10)
@given(parcels(most=2), towns(most_gone=1))
def test_every_change_is_enough_and_half_of_it_is_not(table, town):
    result = gis.score(table, town, RULES)
    for parcel_id in table["parcel_id"]:
        check(result, result.explain(parcel_id))


@often(10)
@given(parcels(most=3), towns(most_gone=1))
def test_the_range_of_a_capacity_is_in_order(table, town):
    result = gis.score(table, town, RULES)
    for parcel_id in table["parcel_id"]:
        for technology in result.explain(parcel_id)["technologies"]:
            for name in ("capacity_range_kw", "installed_share_range_frac"):
                in_order(technology[name], technology["capacity_kw"])


def in_order(found: dict[str, Any] | None, capacity_kw: float | None) -> None:
    """Check that less sure values are larger; what is unknown has no range."""
    assert found is None or capacity_kw is not None
    if found is not None:
        assert 0 <= found["p90"] <= found["p50"] <= found["p10"]


def test_a_capacity_that_rests_on_assumptions_has_a_range() -> None:
    case = next(c for c in CASES if c.fields.name.en.startswith("plenty of open ground"))
    ground = case.document["technologies"][0]
    assert ground["capacity_range_kw"]["p90"] < ground["capacity_range_kw"]["p10"]
    assert ground["capacity_range_kw"]["p90"] < ground["capacity_kw"] < ground["capacity_range_kw"]["p10"]
