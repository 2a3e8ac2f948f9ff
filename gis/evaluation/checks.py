"""What an evaluation is held against, each with its clause: coverage, design, temperatures, balance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from gis.evaluation.measured import pairs
from gis.evaluation.season import Evaluation
from gis.rules import RuleSet
from gis.rules.ruleset import EvaluationRules
from gis.store.series import Series

Result = Literal["met", "failed", "unknown"]
_KELVIN = 273.15


@dataclass(frozen=True)
class Check:
    """One check: `value` is held against `threshold`; unknown where something of it was not measured."""

    id: str
    clause_id: str
    result: Result
    value: float | None
    threshold: float | None
    zh: str
    en: str


def checks(found: Evaluation, ruleset: RuleSet, rules: EvaluationRules) -> list[Check]:
    """Return all checks that apply to a project, in the order in which they are told."""
    return [*_metering(found, rules), *_performance(found, rules), *_of_source(found, ruleset, rules)]


def _known(
    id_: str, clause: str, value: float, threshold: float | None, good: bool, zh: str, en: str
) -> Check:
    return Check(id_, clause, "met" if good else "failed", value, threshold, zh, en)


def _unknown(id_: str, clause: str, threshold: float | None, zh: str, en: str) -> Check:
    return Check(id_, clause, "unknown", None, threshold, zh, en)


def _metering(found: Evaluation, rules: EvaluationRules) -> Iterator[Check]:
    least = rules.number("least_coverage_frac")
    for variable, zh, en in (
        ("heat_kwh", "供热量", "heat"),
        ("electricity_kwh", "耗电量", "electricity"),
        ("water_m3", "耗水量", "water"),
    ):
        covered = found.amounts[variable].coverage_frac
        told_zh = f"{zh}监测覆盖供暖季的 {covered:.1%}（下限 {least:.0%}）"
        told_en = f"{en} is measured in {covered:.1%} of the season (at least {least:.0%})"
        id_ = f"coverage_{variable.partition('_')[0]}"
        yield _known(id_, "P1309-5.4", covered, least, covered >= least, told_zh, told_en)


def _performance(found: Evaluation, rules: EvaluationRules) -> Iterator[Check]:
    cop, design, clause = found.cop, found.project.design_scop, "P1309-5.4"
    least = rules.number("design_least_frac")
    if cop is None or not design:
        told = "缺实测能效或设计能效", "measured or design performance is not known"
        yield _unknown("cop_design", clause, least, *told)
    else:
        zh = f"实测季节能效为设计值的 {cop / design:.0%}（下限 {least:.0%}）"
        en = f"the seasonal COP is {cop / design:.0%} of its design (at least {least:.0%})"
        yield _known("cop_design", clause, cop / design, least, cop / design >= least, zh, en)
    yield _possible(found)
    peak, installed = found.peak_kw, found.project.installed_kw
    if peak is None or not installed:
        told = "缺逐时供热量或装机", "no hourly heat or no installed capacity"
        yield _unknown("peak_installed", clause, installed, *told)
    else:
        zh = f"最大小时供热 {peak:,.0f} kW，装机 {installed:,.0f} kW"
        en = f"the largest hour is {peak:,.0f} kW, installed are {installed:,.0f} kW"
        yield _known("peak_installed", clause, peak, installed, peak <= installed, zh, en)


def _possible(found: Evaluation) -> Check:
    """Return whether physics allows the performance: of a heat pump, between 1 and Carnot's."""
    cop, most, clause = found.cop, _carnot(found), "P1309-5.4"
    if cop is None:
        return _unknown("cop_possible", clause, most, "缺实测能效", "no measured performance")
    zh, en = f"实测季节能效 {cop:.2f}，", f"the seasonal COP is {cop:.2f}, "
    if cop < 1.0:
        return _known("cop_possible", clause, cop, 1.0, False, f"{zh}低于 1", f"{en}below 1")
    if most is not None and cop > most:
        zh, en = f"{zh}高于实测温度下的卡诺能效，计量有误", f"{en}above what the measured temperatures allow"
        return _known("cop_possible", clause, cop, most, False, zh, f"{en}: the metering is wrong")
    return _known("cop_possible", clause, cop, most, True, f"{zh}在可能范围内", f"{en}which is possible")


def _carnot(found: Evaluation) -> float | None:
    """Return the largest performance that the season's mean temperatures allow; None where not measured."""
    supply = found.temperatures["supply_degc"]
    air = found.project.technology == "air_source"
    source = found.temperatures["outdoor_degc" if air else "source_supply_degc"]
    if supply is None or source is None or supply <= source:
        return None
    return (supply + _KELVIN) / (supply - source)


def _of_source(found: Evaluation, ruleset: RuleSet, rules: EvaluationRules) -> Iterator[Check]:
    technology, most = found.project.technology, rules.number("violation_most_frac")
    if technology == "shallow_ground_source":
        limit = rules.number("ground_least_degc")
        share = _below(found, "source_supply_degc", limit)
        if share is None:
            told = "缺地源侧进水温度", "the temperature from the ground is not measured"
            yield _unknown("ground_low", "P1309-3.1-a", most, *told)
        else:
            zh = f"地源侧进水低于 {limit:.0f} ℃ 的供热时数占 {share:.1%}（GB 50366 4.3）"
            en = f"water from the ground is below {limit:.0f} degC in {share:.1%} of the hours with heat"
            yield _known("ground_low", "P1309-3.1-a", share, most, share <= most, zh, f"{en} (GB 50366 4.3)")
        yield from _of_ground(found)
    if technology == "reclaimed_water":
        limit = ruleset.options["reclaimed_water"].number("least_outlet_degc")
        share = _below(found, "source_return_degc", limit)
        if share is None:
            told = "缺回流水温度", "the temperature of the return water is not measured"
            yield _unknown("return_water", "P1309-5.2-a", most, *told)
        else:
            zh = f"回流水低于 {limit:.0f} ℃ 的供热时数占 {share:.1%}"
            en = f"the return water is below {limit:.0f} degC in {share:.1%} of the hours with heat"
            yield _known("return_water", "P1309-5.2-a", share, most, share <= most, zh, en)


def _below(found: Evaluation, variable: str, limit_degc: float) -> float | None:
    """Return the share of the hours with heat in which a temperature is below a limit."""
    series: Series | None = found.series.get(variable)
    heat = found.series.get("heat_kwh")
    if series is None or heat is None:
        return None
    both = pairs(series, heat, means=(True, False))
    on = both.second > 0.0
    if not on.any():
        return None
    return float(both.hours[on & (both.first < limit_degc)].sum() / both.hours[on].sum())


def _of_ground(found: Evaluation) -> Iterator[Check]:
    clause = "P1309-3.1-a"
    beta = found.balance.beta if found.balance else None
    if beta is None:
        zh = "缺供冷或耗电监测，不能核算全年冷热平衡"
        yield _unknown("balance", clause, None, zh, "the balance of heat over the year is not known")
    else:
        zh = f"全年向地下排热为取热的 {beta:.0%}"
        yield _known(
            "balance", clause, beta, None, True, zh, f"{beta:.0%} of the heat is returned in the year"
        )
    drift = found.drift
    if drift is None or drift.significant is None or drift.slope_k_per_a is None:
        zh = "供暖季不足，不能判断地温变化"
        yield _unknown("drift", clause, None, zh, "too few seasons to tell whether the ground changes")
        return
    slope, steady = drift.slope_k_per_a, not drift.significant
    zh = f"同等负荷下地源侧进水温度每年变化 {slope:+.2f} K{'' if steady else '，变化显著'}"
    en = f"water from the ground changes by {slope:+.2f} K a year at like load"
    yield _known(
        "drift", clause, slope, None, steady, zh, f"{en}{'' if steady else ', which is significant'}"
    )
