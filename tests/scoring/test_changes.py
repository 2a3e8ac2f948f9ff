"""What would make an option feasible, and how sure its capacity is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gis
from gis.facts.surroundings import Surroundings
from gis.facts.table import Facts
from gis.rules.model import KNOWN_FACTS, LOCAL_FACTS
from gis.scoring import levers, suitability_documents
from gis.scoring.engine import CONDITIONAL, Rows, View, outcome, outcome_of_one
from gis.scoring.evaluate import judge_option
from gis.scoring.row import Row
from gis.scoring.technologies import Models, drillable_area
from gis.vocabulary import FACTS
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
    row = Row(result.facts.loc[document["parcel_id"]].replace({np.nan: None}).to_dict())
    facts = {c.name: row[c.name] for c in FACTS}
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


@often(12)
@given(parcels(most=3), towns(most_gone=1))
def test_what_is_left_out_of_the_search_changes_no_answer(table, town):
    """Trying every lever with all models and all checks finds the same changes."""
    shapes = np.asarray(table.geometry, dtype=object)
    quick = suitability_documents(table, shapes, Surroundings(town), RULES)
    every = frozenset(c.name for c in FACTS if c.type == "float") | LOCAL_FACTS.keys()

    def all_moves(option: str, models: Models) -> levers.Plan:
        plan = plan_of(option, models)
        checks = tuple(levers.Asked.of(c) for c in models.ruleset.options[option].checks)
        return replace(plan, moved=dict.fromkeys(plan.moved, every), checks=checks)

    plan_of = levers.plan_of
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(levers, "plan_of", all_moves)
        patch.setattr(levers, "_may_help", lambda *_: True)
        thorough = suitability_documents(table, shapes, Surroundings(town), RULES)
    assert thorough == quick


@often(60)
@given(st.data())
def test_one_row_of_plain_values_is_judged_as_many_are(data):
    rules = data.draw(st.sampled_from([*RULES.options.values(), RULES.portfolio]))
    condition = data.draw(st.sampled_from([*rules.checks, *rules.notes]))
    texts = [word for p in rules.parameters.values() if isinstance(p.value, tuple) for word in p.value]
    limits = [p.value for p in rules.parameters.values() if isinstance(p.value, float)]
    numbers = st.none() | st.sampled_from(limits) | st.floats(allow_nan=False)
    words = st.none() | st.sampled_from([w for w in texts if isinstance(w, str)] or ["a"])
    named = {n for part in (condition, *condition.when) for n in (part.fact, part.threshold)} & set(
        KNOWN_FACTS
    )
    kinds = {c.name: c.type for c in FACTS}
    values = {n: data.draw(words if kinds.get(n) == "text" else numbers, label=n) for n in sorted(named)}
    row = {n: Row(values)[n] for n in values}
    assert outcome_of_one(condition, rules, values) == outcome(condition, rules, View(Rows(None, {}), row))[0]
