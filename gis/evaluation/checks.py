"""What an evaluation is held against, each with its clause: coverage, design, temperatures, balance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from gis.evaluation.measured import hours, pairs
from gis.evaluation.possible import least_work_frac, not_possible
from gis.evaluation.ranking import ranking_rules_of
from gis.evaluation.season import Evaluation
from gis.rules import RuleSet
from gis.rules.ruleset import EvaluationRules, Rules
from gis.store.series import Series
from layers import Text

Result = Literal["met", "failed", "unknown"]
_GROUND = "P1309-3.1-a"
"""The clause that asks for the balance of heat of the ground."""


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
    limits = ranking_rules_of(ruleset)
    return [
        *_metering(found, rules), *_performance(found, rules, limits), *_of_source(found, ruleset, rules)
    ]  # fmt: skip


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


def _performance(found: Evaluation, rules: EvaluationRules, limits: Rules) -> Iterator[Check]:
    cop, design, clause = found.cop, found.project.design_scop, "P1309-5.4"
    least = rules.number("design_least_frac")
    if cop is None or not design:
        told = "缺实测能效或设计能效", "measured or design performance is not known"
        yield _unknown("cop_design", clause, least, *told)
    else:
        zh = f"实测季节能效为设计值的 {cop / design:.0%}（下限 {least:.0%}）"
        en = f"the seasonal COP is {cop / design:.0%} of its design (at least {least:.0%})"
        yield _known("cop_design", clause, cop / design, least, cop / design >= least, zh, en)
    yield _possible(found, limits)
    peak, installed = found.peak_kw, found.project.installed_kw
    if peak is None or not installed:
        told = "缺逐时供热量或装机", "no hourly heat or no installed capacity"
        yield _unknown("peak_installed", clause, installed, *told)
    else:
        zh = f"最大小时供热 {peak:,.0f} kW，装机 {installed:,.0f} kW"
        en = f"the largest hour is {peak:,.0f} kW, installed are {installed:,.0f} kW"
        yield _known("peak_installed", clause, peak, installed, peak <= installed, zh, en)


def _possible(found: Evaluation, limits: Rules) -> Check:
    """Return whether physics allows the performance."""
    cop, clause = found.cop, "P1309-5.4"
    ideal = _ideal_cop(found)
    told_most = ideal if math.isfinite(ideal) else None
    if cop is None:
        return _unknown("cop_possible", clause, told_most, "缺实测能效", "no measured performance")
    beyond = not_possible(cop, ideal, found.project.technology, limits)
    if beyond is not None:
        bound, told = beyond
        zh, en = f"{told.zh}，计量有误", f"{told.en}: the metering is wrong"
        return _known("cop_possible", clause, cop, bound, False, zh, en)
    zh, en = f"季节能效 {cop:.2f}，在可能范围内", f"the seasonal COP is {cop:.2f}, which is possible"
    return _known("cop_possible", clause, cop, told_most, True, zh, en)


def _ideal_cop(found: Evaluation) -> float:
    """Return the performance of an ideal heat pump at the season's means; NaN where they are not known."""
    air = found.project.technology == "air_source"
    names = "supply_degc", "return_degc", "outdoor_degc" if air else "source_supply_degc"
    known = (found.temperatures[name] for name in names)
    work_frac = float(least_work_frac(*(math.nan if value is None else value for value in known)))
    return math.inf if work_frac == 0.0 else 1.0 / work_frac


def _of_source(found: Evaluation, ruleset: RuleSet, rules: EvaluationRules) -> Iterator[Check]:
    technology, most = found.project.technology, rules.number("violation_most_frac")
    if technology == "shallow_ground_source":
        p = ruleset.options["shallow_ground_source"]
        yield from _ground_temperatures(found, p, most)
        yield _balanced(found, p)
        yield _steady(found)
    if technology == "reclaimed_water":
        limit = ruleset.options["reclaimed_water"].number("least_outlet_degc")
        share = _share(found.series, found.least_coverage_frac, "source_return_degc", "heat_kwh", below=limit)
        zh = f"回流水低于 {limit:.0f} ℃ 的供热时数", "缺回流水温度"
        en = (
            f"the return water is below {limit:.0f} degC",
            "hours with heat",
            "its temperature is not measured",
        )
        basis = _basis(ruleset.options["reclaimed_water"], "least_outlet_degc")
        yield _beyond("return_water", "P1309-5.2-a", share, most, zh, en, basis)


def _ground_temperatures(found: Evaluation, p: Rules, most: float) -> Iterator[Check]:
    """Yield what GB 50366 4.3.5A asks: of water into the boreholes in winter, and out of them in summer."""
    limit = p.number("inlet_min_degc")
    share = _share(found.series, found.least_coverage_frac, "source_return_degc", "heat_kwh", below=limit)
    zh = f"地埋管进水低于 {limit:.0f} ℃ 的供热时数", "缺热源侧回水（地埋管进水）温度"
    en = f"water into the boreholes is below {limit:.0f} degC", "hours with heat", "it is not measured"
    yield _beyond("ground_low", _GROUND, share, most, zh, en, _basis(p, "inlet_min_degc"))
    limit = p.number("outlet_max_degc")
    share = _share(found.year, found.least_coverage_frac, "source_supply_degc", "cooling_kwh", above=limit)
    zh = f"地埋管出水高于 {limit:.0f} ℃ 的供冷时数", "缺夏季热源侧进水（地埋管出水）温度或供冷量"
    en = f"water from the boreholes is above {limit:.0f} degC", "hours with cooling", "it is not measured"
    yield _beyond("ground_high", _GROUND, share, most, zh, en, _basis(p, "outlet_max_degc"))


def _basis(p: Rules, name: str) -> Text:
    """Return where a limit comes from: the standard that its source begins with, or that it is assumed."""
    source = p.parameters[name].source
    if source.kind == "assumption":
        return Text(zh="限值为假定", en="the limit is assumed")
    standard = source.text.partition("：")[0]
    return Text(zh=standard, en=standard)


def _beyond(
    id_: str,
    clause: str,
    share: float | None,
    most: float,
    zh: tuple[str, str],
    en: tuple[str, str, str],
    basis: Text,
) -> Check:
    """Return the check of a share of hours; `zh` and `en` say what of, and what is not known."""
    if share is None:
        return _unknown(id_, clause, most, zh[1], f"whether {en[0]} is not known: {en[2]}")
    told_zh = f"{zh[0]}占 {share:.1%}（上限 {most:.0%}；{basis.zh}）"
    told_en = f"{en[0]} in {share:.1%} of the {en[1]} (at most {most:.0%}; {basis.en})"
    return _known(id_, clause, share, most, share <= most, told_zh, told_en)


def _share(
    series: Mapping[str, Series],
    least_coverage_frac: float,
    temperature: str,
    of: str,
    *,
    below: float = -math.inf,
    above: float = math.inf,
) -> float | None:
    """Return the share of the hours with heat or cooling in which a temperature is beyond its limits.

    None where the temperature is known in less than the least coverage of them.
    """
    if temperature not in series or of not in series:
        return None
    both = pairs(series[temperature], series[of], means=(True, False))
    on = both.second > 0.0
    running = series[of].values > 0.0
    if not on.any() or both.hours[on].sum() < least_coverage_frac * hours(series[of])[running].sum():
        return None
    beyond = on & ((both.first < below) | (both.first > above))
    return float(both.hours[beyond].sum() / both.hours[on].sum())


def _balanced(found: Evaluation, p: Rules) -> Check:
    """Return whether the ground gets back in the year what is taken from it, within the rules' range."""
    least, most = p.number("balance_min_frac"), p.number("balance_max_frac")
    beta = found.balance.beta if found.balance else None
    if beta is None:
        zh = "全年供热、供冷和耗电监测不全，不能核算冷热平衡"
        en = "heat, cooling and electricity of the whole year are not known: nor is its balance"
        return _unknown("balance", _GROUND, least, zh, en)
    zh = f"全年向地下排热为取热的 {beta:.0%}（{least:.0%}～{most:.0%}）"
    en = f"{beta:.0%} of the heat is returned in the year (from {least:.0%} to {most:.0%})"
    return _known("balance", _GROUND, beta, most if beta > most else least, least <= beta <= most, zh, en)


def _steady(found: Evaluation) -> Check:
    """Return whether the ground keeps its temperature from season to season."""
    drift = found.drift
    if drift is None or drift.significant is None or drift.slope_k_per_a is None:
        zh = "供暖季不足，不能判断地温变化"
        return _unknown("drift", _GROUND, None, zh, "too few seasons to tell whether the ground changes")
    slope, steady = drift.slope_k_per_a, not drift.significant
    zh = f"同等负荷下地源侧进水温度每年变化 {slope:+.2f} K{'' if steady else '，变化显著'}"
    en = f"water from the ground changes by {slope:+.2f} K a year at like load"
    en += "" if steady else ", which is significant"
    return _known("drift", _GROUND, slope, None, steady, zh, en)
