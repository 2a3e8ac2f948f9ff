"""The register without a database: states, faults, pre-check, support, against cases worked out by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.register import (
    Project,
    next_states,
    precheck,
    present_faults,
    project_of,
    state_faults,
    subsidy,
)
from gis.register.record import share_text
from gis.rules import load_ruleset
from gis.rules.loader import parse_ruleset

RULES = load_ruleset("beijing", date(2026, 11, 21))
DAY = date(2026, 11, 21)
STATES = ("idea", "approved", "construction", "running", "ended")
MAY_FOLLOW = {
    ("idea", "approved"), ("approved", "construction"), ("construction", "running"), ("running", "ended"),
    ("idea", "ended"), ("approved", "ended"), ("construction", "ended"),
}  # fmt: skip

WHOLE: dict[str, Any] = {
    "heat_project_id": "HP-1", "name": "示例", "technology": "shallow_ground_source", "status": "idea",
    "heated_area_m2": 100_000.0, "installed_kw": 5_000.0, "shallow_ground_source_kw": 3_500.0,
    "investor_kind": "enterprise", "developer": "某公司", "investment_cny": 30e6,
    "new_energy_investment_cny": 20e6, "fund_source": "自筹", "scheme": "地埋管 600 孔",
    "other_support": "none", "applied_on": date(2024, 3, 1), "approved_on": date(2024, 6, 1),
    "started_on": date(2024, 9, 1), "commissioned_on": date(2025, 11, 15), "ended_on": date(2026, 5, 1),
}  # fmt: skip


def project(**changed: Any) -> Project:
    """Return a project of which all is told, but for what is changed."""
    return project_of(WHOLE | changed)


def funded(share: float | None = 0.7, **changed: Any) -> Project:
    """Return a project of 1,000 kW with a share of ground source."""
    own = None if share is None else 1_000.0 * share
    return project(installed_kw=1_000.0, shallow_ground_source_kw=own, **changed)


def test_new_energy_is_what_is_told_of_it():
    assert project(air_source_kw=500.0).new_energy_kw == 4_000.0
    assert project(air_source_kw=500.0).new_energy_share_frac == 0.8
    assert project(technology=None, shallow_ground_source_kw=None).new_energy_kw is None
    # Of the main technology nothing is told: what all come to is not known, not 500.
    assert project(shallow_ground_source_kw=None, air_source_kw=500.0).new_energy_kw is None
    assert project(technology=None, shallow_ground_source_kw=None, biomass_kw=0.0).new_energy_kw == 0.0
    assert project(installed_kw=None).new_energy_share_frac is None
    assert project(installed_kw=0.0, shallow_ground_source_kw=0.0).new_energy_share_frac is None


@pytest.mark.parametrize("missing", [None, float("nan"), np.float64("nan"), pd.NA, pd.NaT])
def test_every_kind_of_missing_is_missing(missing: Any):
    assert project_of({"heat_project_id": "A", "new_technology": missing})["new_technology"] is None
    assert project_of({"heat_project_id": "A"})["ended_on"] is None


def test_a_row_of_a_table_is_read_like_a_dictionary():
    row = pd.Series(WHOLE | {"applied_on": pd.Timestamp("2024-03-01"), "new_technology": np.bool_(True)})
    read = project_of(row.to_dict())
    assert (read["applied_on"], read["new_technology"]) == (date(2024, 3, 1), True)
    assert read["heated_area_m2"] == 100_000.0
    assert project_of({"heat_project_id": "A", "applied_on": "2024-03-01"})["applied_on"] == date(2024, 3, 1)


@pytest.mark.parametrize("old", STATES)
@pytest.mark.parametrize("new", STATES)
def test_states_follow_one_another_forward_only(old: str, new: str):
    faults = state_faults(project(status=old), project(status=new), RULES)
    assert [f.field for f in faults] == ([] if old == new or (old, new) in MAY_FOLLOW else ["status"])


def test_what_may_follow_is_told_with_what_it_needs():
    told = {n.status: [f.field for f in n.needs] for n in next_states(project_of(
        {"heat_project_id": "A", "status": "idea", "technology": "biomass"}), RULES)}  # fmt: skip
    assert told == {"approved": ["approved_on", "developer", "heated_area_m2"], "ended": ["ended_on"]}
    assert [n.status for n in next_states(project(status=None), RULES)] == list(STATES)
    assert next_states(project(status="ended"), RULES) == []


def test_a_refusal_says_in_both_languages_what_and_by_which_clause():
    [fault] = state_faults(project(status="running"), project(status="approved"), RULES)
    assert fault.clause_id == "P1309-5.4"
    assert fault.zh == "项目状态不能由“在运”变更为“已核准”，其后可为：停运（P1309-5.4）"
    assert fault.en == (
        "a project does not go from running to approved; what may follow is: ended (P1309-5.4)"
    )
    [lost] = state_faults(project(status="running"), project(status=None), RULES)
    assert (lost.field, lost.zh) == ("status", "项目状态“在运”不能删去（P1309-5.4）")


@pytest.mark.parametrize(
    ("status", "gone", "fields"),
    [
        ("approved", ("approved_on",), ["approved_on"]),
        ("approved", ("heated_area_m2",), []),  # the installed capacity tells the size too
        ("approved", ("heated_area_m2", "installed_kw"), ["heated_area_m2"]),
        ("construction", ("started_on", "developer"), ["developer", "started_on"]),
        ("running", ("commissioned_on",), ["commissioned_on"]),
        ("running", ("heated_area_m2", "approved_on"), ["heated_area_m2"]),
        ("ended", ("ended_on",), ["ended_on"]),
        ("idea", ("developer", "technology", "installed_kw"), []),
        (None, ("developer", "ended_on"), []),
    ],
)
def test_what_a_state_needs(status: str | None, gone: tuple[str, ...], fields: list[str]):
    known = project(status=status, **dict.fromkeys(gone))
    assert [f.field for f in present_faults(known, RULES)] == fields
    assert [f.field for f in state_faults(None, known, RULES)] == fields


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"applied_on": date(2024, 6, 2)}, "approved_on"),
        ({"approved_on": date(2024, 6, 1), "applied_on": date(2024, 6, 1)}, None),
        ({"commissioned_on": date(2024, 8, 31)}, "commissioned_on"),
        ({"started_on": None, "commissioned_on": date(2024, 5, 31)}, "commissioned_on"),
        ({"ended_on": date(2025, 1, 1)}, "ended_on"),
    ],
)
def test_dates_come_in_their_order(changed: dict[str, date | None], field: str | None):
    faults = present_faults(project(status="running", **changed), RULES)
    assert [f.field for f in faults] == ([field] if field else [])


def test_parts_do_not_exceed_the_whole():
    over = project(air_source_kw=1_500.5)
    [fault] = present_faults(over, RULES)
    assert fault.zh == "各新能源技术装机之和 5,000.5 kW 大于供热总装机 5,000 kW（P1309-6.1-a）"
    assert over.new_energy_share_frac is None


def test_old_gaps_may_stay_but_a_change_makes_no_new_ones():
    old = project(status="running", commissioned_on=None)
    assert state_faults(old, project(status="running", commissioned_on=None, remark="x"), RULES) == []
    new = project(status="running", commissioned_on=None, developer=None)
    assert [f.field for f in state_faults(old, new, RULES)] == ["developer"]
    # Once the state changes, all that it needs is asked for.
    ending = project(status="ended", ended_on=None)
    assert [f.field for f in state_faults(old, ending, RULES)] == ["ended_on"]


@pytest.mark.parametrize(
    ("share", "changed", "rate"),
    [
        (0.2999, {}, None),
        (0.30, {}, 0.20),
        (0.5999, {}, 0.20),
        (0.60, {}, 0.30),
        (1.0, {}, 0.30),
        (0.30, {"new_technology": True}, 0.30),
        (0.2999, {"new_technology": True}, None),
        (0.20, {"air_source_kw": 100.0}, 0.30),  # 30 % of two technologies
        (0.30, {"air_source_kw": 0.0}, 0.20),  # a technology of nothing makes no multi-energy station
        (0.19, {"air_source_kw": 100.0}, None),
        (None, {}, None),
        (0.7, {"other_support": "operation"}, None),
        (0.7, {"other_support": "investment"}, None),
        (0.7, {"other_support": None}, None),
        (0.7, {"investor_kind": "government"}, None),
        (0.7, {"investor_kind": None}, None),
        (0.7, {"scheme": "抽取地下水的水源热泵"}, None),
        (0.7, {"applied_on": date(2023, 10, 8)}, None),
        (0.7, {"applied_on": date(2023, 10, 9)}, 0.30),
        (0.7, {"applied_on": None}, 0.30),
    ],
)
def test_the_rate_of_support(share: float | None, changed: dict[str, Any], rate: float | None):
    found = subsidy(funded(share, **changed), RULES, DAY)
    assert found.rate_frac == rate
    # 20,000,000 CNY of new-energy investment.
    assert found.amount_cny == (None if rate is None else pytest.approx(rate * 20_000_000, rel=1e-12))
    assert found.as_of == (changed.get("applied_on", WHOLE["applied_on"]) or DAY)
    assert found.reasons
    assert all(reason.clause_id.startswith("P1309-6.") for reason in found.reasons)


def test_a_rate_without_its_investment_is_no_amount():
    found = subsidy(funded(0.6, new_energy_investment_cny=None), RULES, DAY)
    assert (found.rate_frac, found.amount_cny) == (0.30, None)
    assert [r.zh for r in found.reasons][-1] == "缺新能源建设投资，不能计算支持金额"


def test_all_reasons_against_are_told_at_once():
    found = subsidy(funded(0.7, other_support="operation", investor_kind="government"), RULES, DAY)
    assert [r.clause_id for r in found.reasons] == ["P1309-6.3", "P1309-6.1-a"]


def test_the_values_of_the_day_of_application_hold():
    texts = {n: str(t).encode() for n, t in RULES.content.items()}
    old = "values: [{from: 2023-10-09, value: 0.30}, {from: 2026-03-09, value: 0.30}]"
    text = texts["portfolio.yaml"].decode()
    at = text.index("subsidy_full_frac:")
    raised = old.replace("2026-03-09, value: 0.30", "2026-03-09, value: 0.35")
    texts["portfolio.yaml"] = (text[:at] + text[at:].replace(old, raised, 1)).encode()
    rules = parse_ruleset(texts, date(2024, 1, 1))
    for applied, rate in ((date(2026, 3, 8), 0.30), (date(2026, 3, 9), 0.35)):
        assert subsidy(funded(0.7, applied_on=applied), rules, DAY).rate_frac == rate


def test_a_rule_set_that_was_kept_before_has_the_register_of_today():
    texts = {n: str(t).encode() for n, t in RULES.content.items() if n != "projects.yaml"}
    kept = parse_ruleset(texts, DAY)
    assert subsidy(funded(0.6), kept, DAY) == subsidy(funded(0.6), RULES, DAY)


kws = st.none() | st.floats(0, 5_000)


@given(st.floats(0.01, 0.99), st.floats(0, 0.99), st.booleans(), kws)
def test_a_larger_share_is_never_worth_less(share: float, more: float, new: bool, air: float | None):
    def rate(of: float) -> float:
        own = of * 1_000.0
        known = project(
            installed_kw=1_000.0 + (air or 0.0), shallow_ground_source_kw=own, air_source_kw=air,
            new_technology=new,
        )  # fmt: skip
        return subsidy(known, RULES, DAY).rate_frac or 0.0

    assert rate(share) <= rate(share + (1 - share) * more)
    assert rate(share) in (0.0, 0.20, 0.30)


@given(st.fixed_dictionaries({n: st.none() | st.floats(0, 1e6) for n in (
    "installed_kw", "shallow_ground_source_kw", "air_source_kw", "new_energy_investment_cny")}))  # fmt: skip
def test_nothing_is_granted_on_what_is_not_known(told: dict[str, float | None]):
    found = subsidy(project(**told), RULES, DAY)
    if told["installed_kw"] is None or told["shallow_ground_source_kw"] is None:
        assert found.rate_frac is None
    if found.rate_frac is None or told["new_energy_investment_cny"] is None:
        assert found.amount_cny is None
    else:
        assert found.amount_cny == found.rate_frac * told["new_energy_investment_cny"]


def results(known: Project) -> dict[str, str]:
    return {item.id: item.result for item in precheck(known, RULES, DAY).items}


def test_a_complete_application():
    found = precheck(project(), RULES, DAY)
    assert (found.result, found.missing, found.as_of) == ("complete", (), date(2024, 3, 1))
    assert set(results(project()).values()) == {"met"}
    [share] = [item for item in found.items if item.id == "share"]
    assert (share.value, share.threshold, share.clause_id) == (0.7, 0.3, "P1309-6.1-a")
    assert share.zh == "新能源供热装机占比 70 %，不低于 30 %"


@pytest.mark.parametrize(
    ("changed", "item", "result", "outcome"),
    [
        ({"developer": None}, "developer", "missing", "incomplete"),
        ({"heated_area_m2": None, "installed_kw": None}, "size", "missing", "incomplete"),
        ({"heated_area_m2": None}, "size", "met", "complete"),
        ({"investment_cny": None}, "investment", "missing", "incomplete"),
        ({"new_energy_investment_cny": None}, "new_energy_investment", "missing", "incomplete"),
        ({"scheme": None}, "scheme", "missing", "incomplete"),
        ({"fund_source": None}, "fund_source", "missing", "incomplete"),
        ({"installed_kw": None}, "share", "missing", "incomplete"),
        ({"installed_kw": 3_000.0}, "share", "unknown", "unknown"),
        ({"installed_kw": 11_667.0}, "share", "failed", "not_eligible"),  # 29.999 %
        ({"installed_kw": 11_666.0}, "share", "met", "complete"),  # 30.002 %
        ({"technology": None}, "scope", "missing", "incomplete"),
        ({"applied_on": date(2020, 1, 1)}, "scope", "unknown", "unknown"),
        ({"scheme": "打抽灌井"}, "closed_loop", "unknown", "unknown"),
        ({"scheme": None}, "closed_loop", "missing", "incomplete"),
        ({"other_support": None}, "double_funding", "missing", "incomplete"),
        ({"other_support": "operation"}, "double_funding", "failed", "not_eligible"),
        ({"investor_kind": None}, "route", "missing", "incomplete"),
        ({"investor_kind": "government"}, "route", "met", "complete"),
    ],
)
def test_each_item(changed: dict[str, Any], item: str, result: str, outcome: str):
    known = project(**changed)
    assert results(known)[item] == result
    assert precheck(known, RULES, DAY).result == outcome


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"installed_kw": 3_000.0}, "新能源装机 3,500 kW、供热总装机 3,000 kW，填报有误，不能认定占比"),
        ({"applied_on": date(2023, 10, 8)}, "新能源供热装机占比 70 %，申请日尚无支持标准"),
        ({"installed_kw": None, "shallow_ground_source_kw": None}, "缺供热总装机、浅层地源热泵装机"),
    ],
)
def test_why_a_share_cannot_be_judged(changed: dict[str, Any], says: str):
    [share] = [item for item in precheck(project(**changed), RULES, DAY).items if item.id == "share"]
    assert share.zh.endswith(says)


def test_what_failed_decides_over_what_is_missing():
    found = precheck(project(other_support="operation", developer=None, fund_source=None), RULES, DAY)
    assert found.result == "not_eligible"
    assert found.missing == ("developer", "fund_source")


def test_the_groundwater_words_are_of_ground_source_only():
    other = {"technology": "reclaimed_water", "shallow_ground_source_kw": None, "reclaimed_water_kw": 3_500.0}
    assert results(project(scheme="不抽取地下水", **other))["closed_loop"] == "met"


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.6, "60 %"), (0.59999, "59.99 %"), (0.57, "57 %"), (1 / 3, "33.33 %"), (1.0, "100 %"), (0.0, "0 %"),
     (1e-9, "0 %"), (0.29, "29 %")],
)  # fmt: skip
def test_a_share_is_never_rounded_up(share: float, text: str):
    assert share_text(share) == text
