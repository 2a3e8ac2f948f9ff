"""A season of a project against cases worked out by hand, and against the parameters it was made of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.evaluation.calendar import season_of, year_from
from gis.evaluation.carbon import carbon
from gis.evaluation.checks import checks
from gis.evaluation.document import document
from gis.evaluation.ground import Balance, balance, drift
from gis.evaluation.measured import Gap, Pairs, fullest, gaps, pairs
from gis.evaluation.season import Evaluation, Project, evaluate
from gis.periods import Period, step_count
from gis.rules import load_ruleset
from gis.store.series import Series

RULES = load_ruleset(as_of=dt.date(2026, 11, 1))
assert RULES.evaluation is not None
OWN = RULES.evaluation
PROJECT = Project("HP-1", "甲", "通州区", "shallow_ground_source", None, True, 10_000.0, 500.0, None, 3.5)


def series(variable: str, first: str, values: Any, period: Period = "PT1H") -> Series:
    """Return values from the beginning of a month on."""
    return Series(variable, period, np.datetime64(first, "s"), np.asarray(values, dtype=np.float64))


def months(
    variable: str, value: Callable[[np.ndarray], Any], first: str = "2024-11", last: str = "2025-03"
) -> Series:
    """Return an hourly series over whole months as a function of the hours since it began."""
    count = sum(step_count("PT1H", m) for m in np.arange(np.datetime64(first), np.datetime64(last) + 1))
    return series(variable, f"{first}-01", np.broadcast_to(value(np.arange(count)), count).copy())


def evaluated(*found: Series, project: Project = PROJECT, year: int = 2024) -> Evaluation:
    """Return an evaluation that there is."""
    told = evaluate(project, season_of(year, project.district, OWN), found, RULES, OWN)
    assert told is not None
    return told


def test_days_of_the_season():
    season = season_of(2023, "海淀区", OWN)
    # 15 November to 15 March of a leap year: 16 + 31 + 31 + 29 + 15 days.
    assert (season.first, season.last) == (dt.date(2023, 11, 15), dt.date(2024, 3, 15))
    assert season.hours == (16 + 31 + 31 + 29 + 15) * 24
    assert season_of(2024, None, OWN).hours == 121 * 24
    colder = season_of(2024, "延庆区", OWN)
    assert (colder.first, colder.last) == (dt.date(2024, 11, 5), dt.date(2025, 3, 25))
    assert colder.hours == 141 * 24
    assert season.in_whole_months().last == dt.date(2024, 3, 31)


def test_a_season_by_hand():
    # 100 kWh of heat and 25 of electricity in every hour of five months, 121 days of which are the season.
    found = evaluated(
        months("heat_kwh", lambda h: 100.0), months("electricity_kwh", lambda h: 25.0),
        months("water_m3", lambda h: 0.5), months("supply_degc", lambda h: 45.0),
    )  # fmt: skip
    hours = 121 * 24
    assert found.amounts["heat_kwh"].total == 100.0 * hours
    assert found.amounts["heat_kwh"].coverage_frac == 1.0
    assert found.cop == 4.0
    assert found.kwh_per_m2 == pytest.approx(100.0 * hours / 10_000.0)
    assert found.full_load_h == pytest.approx(100.0 * hours / 500.0)
    assert found.peak_kw == 100.0
    assert found.water_l_per_kwh == pytest.approx(5.0)
    assert found.water_l_per_m2 == pytest.approx(0.5 * hours * 1000.0 / 10_000.0)
    assert found.temperatures["supply_degc"] == 45.0
    assert found.temperatures["outdoor_degc"] is None
    assert found.amounts["cooling_kwh"].total is None
    assert [row["heat_kwh"] for row in found.months()] == [100.0 * 24 * days for days in (16, 31, 31, 28, 15)]
    assert {row["coverage_frac"] for row in found.months()} == {1.0}


def test_gaps_stay_gaps():
    # Electricity is missing in the first half of the season's hours: what is left says 3 to 1.
    heat = months("heat_kwh", lambda h: np.where(h < 1500, 50.0, 90.0))
    electricity = months("electricity_kwh", lambda h: np.where(h < 1500, np.nan, 30.0))
    found = evaluated(heat, electricity)
    season_h = 121 * 24
    known_h = season_h - (1500 - 14 * 24)  # the season begins 14 days into November
    assert found.cop == 3.0
    assert float(found.paired.hours.sum()) == known_h
    assert found.amounts["electricity_kwh"].coverage_frac == pytest.approx(known_h / season_h)
    gap = Gap(
        np.datetime64("2024-11-15T00:00:00"), np.datetime64("2024-11-01T00:00:00") + np.timedelta64(1500, "h")
    )
    assert gaps(found.series["electricity_kwh"]) == [gap]
    assert gap.hours == 1500 - 14 * 24
    told = {check.id: check.result for check in checks(found, RULES, OWN)}
    assert (told["coverage_heat"], told["coverage_electricity"]) == ("met", "failed")
    # Below the coverage that a whole season needs nothing is said of one.
    thin = evaluated(months("heat_kwh", lambda h: np.where(h % 5 == 0, np.nan, 100.0)))
    assert thin.amounts["heat_kwh"].coverage_frac == pytest.approx(0.8, abs=1e-3)
    assert (thin.kwh_per_m2, thin.full_load_h, thin.cop) == (None, None, None)
    assert evaluate(PROJECT, season_of(2024, None, OWN), [], RULES, OWN) is None


def test_steps_of_different_lengths_are_brought_together():
    days = np.arange(151) % 7 + 1.0
    heat = series("heat_kwh", "2024-11-01", days * 240.0, "P1D")
    electricity = months("electricity_kwh", lambda h: (h // 24 % 7 + 1.0) * 2.5)
    found = evaluated(heat, electricity)
    assert found.cop == pytest.approx(4.0)
    assert float(found.paired.hours.sum()) == 121 * 24
    # An hour missing takes its day out of the comparison, not out of the sum.
    values = electricity.values.copy()
    values[24 * 40 + 3] = np.nan
    cut = evaluated(heat, replace(electricity, values=values))
    assert float(cut.paired.hours.sum()) == 120 * 24
    assert cut.cop == pytest.approx(4.0)
    # Monthly bills are of whole months.
    bills = series("electricity_kwh", "2024-11-01", [10.0, 11.0, 12.0, 13.0, 14.0], "P1M")
    monthly = evaluated(series("heat_kwh", "2024-11-01", [40.0, 44.0, 48.0, 52.0, 56.0], "P1M"), bills)
    assert (monthly.season.first, monthly.season.last) == (dt.date(2024, 11, 1), dt.date(2025, 3, 31))
    assert monthly.cop == 4.0
    assert monthly.amounts["heat_kwh"].coverage_frac == 1.0
    assert monthly.peak_kw is None


@given(st.lists(st.floats(0.0, 500.0), min_size=48, max_size=96), st.data())
def test_quarters_of_an_hour_say_what_hours_say(values: list[float], data: st.DataObject):
    count = len(values) // 4 * 4
    gaps = data.draw(st.sets(st.integers(0, count - 1), max_size=5))
    quarter = np.array(values[:count])
    quarter[list(gaps)] = np.nan
    fine = series("heat_kwh", "2024-12-01", quarter, "PT15M")
    hourly = series("electricity_kwh", "2024-12-01", np.full(count // 4, 2.0))
    both = pairs(fine, hourly)
    expected = quarter.reshape(-1, 4).sum(axis=1)
    assert both.first == pytest.approx(expected[~np.isnan(expected)])
    assert len(both.times) == count // 4 - len({gap // 4 for gap in gaps})


def test_hours_cut_into_quarters_change_nothing():
    # Whole numbers, so that sums are exact in any order; heat and electricity have gaps of their own.
    rng = np.random.default_rng(11)
    hourly = []
    for name, low, high, gap in (
        ("heat_kwh", 40, 400, 31), ("electricity_kwh", 12, 120, 53), ("water_m3", 1, 9, 97),
        ("supply_degc", 40, 50, 71), ("source_return_degc", 2, 9, 211),
    ):  # fmt: skip
        made = months(name, lambda h, low=low, high=high: rng.integers(low, high, len(h)) * 4.0)
        hourly.append(replace(made, values=np.where(np.arange(len(made.values)) % gap, made.values, np.nan)))
    quarters = [
        replace(
            one, period="PT15M", values=np.repeat(one.values, 4) / (4 if one.variable[-4:] != "degc" else 1)
        )
        for one in hourly
    ]
    project = replace(PROJECT, design_heat_mwh_per_a=2_000.0)
    told, fine = (document(evaluated(*found, project=project), RULES, OWN) for found in (hourly, quarters))
    assert told["cop"]["value"] is not None
    assert told["heat"]["ratio_to_design"] == pytest.approx(told["heat"]["measured_kwh"] / 2e6)
    for part in ("heat", "electricity"):
        assert (told[part].pop("period"), fine[part].pop("period")) == ("PT1H", "PT15M")
    assert fine == told


def test_gaps_are_told_where_they_are():
    days = series("heat_kwh", "2024-11-01", [np.nan, 1.0, np.nan, np.nan, 1.0], "P1D")
    assert [(str(g.first), g.hours) for g in gaps(days)] == [
        ("2024-11-03T00:00:00", 48.0), ("2024-11-01T00:00:00", 24.0),
    ]  # fmt: skip
    bills = series("heat_kwh", "2024-11-01", [1.0, 1.0, 1.0, np.nan], "P1M")
    assert [(str(g.first), str(g.end)) for g in gaps(bills)] == [
        ("2025-02-01T00:00:00", "2025-03-01T00:00:00")
    ]
    # Heat that is known in four hours of five is neither held against a design nor against the heat index.
    thin = months("heat_kwh", lambda h: np.where(h % 5 == 0, np.nan, 100.0))
    told = document(evaluated(thin, project=replace(PROJECT, design_heat_mwh_per_a=2_000.0)), RULES, OWN)[
        "heat"
    ]
    assert (told["ratio_to_design"], told["ratio_to_model"], told["gap_count"]) == (
        None,
        None,
        647 - 67,
    )  # multiples of 5 from hour 336 to 3239
    assert len(told["longest_gaps"]) == 5


def test_carbon_by_hand():
    # 400 kWh of heat and 100 of electricity in 2022, as much in 2024. Factors of Beijing: 0.5580 from 2022;
    # of North China 0.6776 in 2022 and 0.6361 from 2023 on; gas 0.202 at 92 %.
    times = np.array(["2022-12-31T23", "2024-01-01T00"], dtype="datetime64[s]")
    paired = Pairs(times, np.ones(2), np.array([400.0, 400.0]), np.array([100.0, 100.0]))
    found = carbon(paired, RULES, OWN.emission)
    beijing, north = found["grid_beijing_kg_per_kwh"], found["grid_north_china_kg_per_kwh"]
    assert beijing.emitted_t == pytest.approx(200.0 * 0.5580 / 1000.0)
    assert north.emitted_t == pytest.approx((100.0 * 0.6776 + 100.0 * 0.6361) / 1000.0)
    assert beijing.boiler_t == pytest.approx(800.0 * 0.202 / 0.92 / 1000.0)
    assert beijing.avoided_t == pytest.approx(beijing.boiler_t - beijing.emitted_t)
    assert north.break_even_cop == pytest.approx(0.6361 / (0.202 / 0.92))
    assert [(f.year, f.of_year) for f in beijing.factors] == [(2022, 2022), (2024, 2022)]
    # Before the first factor nothing is known, which is not zero.
    early = replace(paired, times=np.array(["2019-01-01", "2019-01-02"], dtype="datetime64[s]"))
    assert carbon(early, RULES, OWN.emission) == {}
    assert found["grid_beijing_kg_per_kwh"].break_even_cop == pytest.approx(2.54, abs=0.005)


def test_below_break_even_a_boiler_emits_less():
    least = 0.5580 / (0.202 / 0.92)
    for cop, better in ((least * 1.01, True), (least * 0.99, False)):
        paired = Pairs(
            np.array(["2024-01-01"], dtype="datetime64[s]"), np.ones(1), np.array([cop]), np.ones(1)
        )
        assert (carbon(paired, RULES, OWN.emission)["grid_beijing_kg_per_kwh"].avoided_t > 0.0) == better


def test_checks_by_hand():
    base = (months("heat_kwh", lambda h: 100.0), months("electricity_kwh", lambda h: 30.0))
    # Water from the ground is warm enough in every hour; what the standard limits goes into the boreholes.
    cold = months("source_return_degc", lambda h: np.where(h % 50 == 0, 3.9, 5.0))
    told = {
        c.id: c
        for c in checks(evaluated(*base, cold, months("source_supply_degc", lambda h: 8.0)), RULES, OWN)
    }
    # One hour of fifty below 4 degC is 2 %, more than the 1 % that may be.
    assert (told["ground_low"].result, told["ground_low"].clause_id) == ("failed", "P1309-3.1-a")
    assert told["ground_low"].value == pytest.approx(0.02, abs=1e-3)
    assert "（上限 1%；GB 50366-2005（2009）4.3.5A）" in told["ground_low"].zh
    # 100/30 of a design of 3.5 is 95 %.
    assert (told["cop_design"].result, told["cop_design"].value) == ("met", pytest.approx(100 / 30 / 3.5))
    assert told["peak_installed"].result == "met"
    assert {told[id_].result for id_ in ("balance", "drift", "ground_high")} == {"unknown"}
    # A temperature that is known in every other hour of heat says nothing.
    gaps = replace(cold, values=np.where(np.arange(len(cold.values)) % 2, np.nan, cold.values))
    assert {c.id: c.result for c in checks(evaluated(*base, gaps), RULES, OWN)}["ground_low"] == "unknown"
    warm = months("source_supply_degc", lambda h: 40.0), months("supply_degc", lambda h: 45.0)
    assert {c.id: c.result for c in checks(evaluated(*base, *warm), RULES, OWN)}["cop_possible"] == "met"
    # Between 10 and 45 degC no heat pump reaches 10.
    told_of = evaluated(
        base[0],
        months("electricity_kwh", lambda h: 10.0),
        months("source_supply_degc", lambda h: 10.0),
        warm[1],
    )
    assert {c.id: c.result for c in checks(told_of, RULES, OWN)}["cop_possible"] == "failed"
    water = replace(PROJECT, technology="reclaimed_water")
    back = months("source_return_degc", lambda h: 2.0)
    told = {c.id: c for c in checks(evaluated(*base, back, project=water), RULES, OWN)}
    assert (told["return_water"].result, told["return_water"].clause_id) == ("failed", "P1309-5.2-a")
    # The clause names no temperature.
    assert told["return_water"].en.endswith("(at most 1%; the limit is assumed)")


def test_balance_by_hand():
    # Winter: 100 of heat by 25 of electricity take out 75. Summer: 60 of cooling and 15 put 75 in, half as
    # long: beta is 0.5, less than the 0.8 that the ground needs. In one hour of 50 it is too warm.
    winter, summer = 24 * 100, 24 * 200
    count = 365 * 24

    def half(of_winter: float, of_summer: float) -> Any:
        values = np.zeros(count)
        values[24 * 20 : 24 * 20 + winter], values[summer : summer + 1200] = of_winter, of_summer
        return values

    found = [
        series(name, "2024-11-01", values)
        for name, values in (
            ("heat_kwh", half(100.0, 0.0)),
            ("cooling_kwh", half(0.0, 60.0)),
            ("electricity_kwh", half(25.0, 15.0)),
        )
    ]
    warm = series("source_supply_degc", "2024-11-01", np.where(np.arange(count) % 50 == 0, 33.5, 30.0))
    season = season_of(2024, None, OWN)
    whole = year_from(season)
    assert (whole.first, whole.last) == (dt.date(2024, 11, 1), dt.date(2025, 10, 31))
    told = evaluate(PROJECT, season, found, RULES, OWN, [*found, warm])
    assert told is not None
    assert told.balance is not None
    assert (told.balance.extracted_kwh, told.balance.injected_kwh) == (75.0 * winter, 75.0 * 1200)
    assert (told.balance.beta, told.balance.coverage_frac) == (pytest.approx(0.5), 1.0)
    held = {c.id: (c.result, c.value) for c in checks(told, RULES, OWN)}
    assert held["balance"] == ("failed", pytest.approx(0.5))
    assert held["ground_high"] == ("failed", pytest.approx(0.02))
    assert balance(fullest(found[:1], whole), whole, 0.9) is None
    # A summer of which a half was measured is no balance, nor is a year that is not over.
    for known in (slice(None, summer + 600), slice(None, 24 * 90)):
        cut = []
        for one in found:
            values = np.full(count, np.nan)
            values[known] = one.values[known]
            cut.append(replace(one, values=values))
        part = balance(fullest(cut, whole), whole, 0.9)
        assert part is not None
        assert part.beta is None
        assert part.coverage_frac == pytest.approx(known.stop / count)


@pytest.mark.parametrize(
    ("beta", "result"), [(0.79, "failed"), (0.8, "met"), (1.25, "met"), (1.26, "failed")]
)
def test_what_is_taken_from_the_ground_comes_back(beta: float, result: str):
    found = evaluated(months("heat_kwh", lambda h: 100.0))
    told = checks(replace(found, balance=Balance(1.0, 1.0, beta, beta)), RULES, OWN)
    assert [(c.result, c.value) for c in told if c.id == "balance"] == [(result, beta)]


def synthetic(
    seed: int, years: range, *, drift_k: float, cop_at_0: float, per_k: float, index_w: float
) -> dict[int, list[Series]]:
    """Return seasons of a project with known parameters: load by outdoor temperature, performance by lift."""
    rng = np.random.default_rng(seed)
    found = {}
    for year in years:
        first = f"{year}-11"
        hour = months("outdoor_degc", lambda h: h, first, f"{year + 1}-03").values
        outdoor = (
            -2.0
            + rng.normal(0, 0.5)
            + 5.0 * np.sin(hour / 24 * 2 * np.pi)
            + rng.normal(0, 3, len(hour)).cumsum() / 60
        )
        load = index_w * 10_000.0 * np.clip((18.0 - outdoor) / 25.6, 0.05, None) / 1000.0
        ground = 10.0 + drift_k * (year - years[0]) - 0.004 * (load - 250.0) + rng.normal(0, 0.2, len(hour))
        electricity = load / (cop_at_0 - per_k * (45.0 - ground))
        gap = rng.random(len(hour)) < 0.03
        columns = {
            "heat_kwh": load,
            "electricity_kwh": electricity,
            "source_supply_degc": ground,
            "outdoor_degc": outdoor,
        }
        found[year] = [
            series(name, f"{first}-01", np.where(gap & (name != "outdoor_degc"), np.nan, values))
            for name, values in columns.items()
        ]
    return found


def test_a_project_of_known_parameters_is_evaluated_back_to_them():
    cop_at_0, per_k, drift_k, index_w = 7.0, 0.09, -0.25, 40.0
    years = range(2019, 2026)
    made = synthetic(5, years, drift_k=drift_k, cop_at_0=cop_at_0, per_k=per_k, index_w=index_w)
    by_season = {}
    for year, found in made.items():
        told = evaluated(*found, year=year)
        heat, ground, outdoor = (
            told.series[n].values for n in ("heat_kwh", "source_supply_degc", "outdoor_degc")
        )
        known = ~np.isnan(heat)
        exact = heat[known].sum() / (heat[known] / (cop_at_0 - per_k * (45.0 - ground[known]))).sum()
        assert told.cop == pytest.approx(exact, rel=1e-9)
        # The season's heat per area is that of the load, within 1 % once gaps are made up for.
        whole = index_w * np.clip((18.0 - outdoor) / 25.6, 0.05, None).sum() / 1000.0
        assert told.kwh_per_m2 is not None
        assert told.kwh_per_m2 / told.amounts["heat_kwh"].coverage_frac == pytest.approx(whole, rel=0.01)
        assert told.temperatures["source_supply_degc"] == pytest.approx(
            np.average(ground[known], weights=heat[known]), rel=1e-9
        )
        own = fullest(found, season_of(year, None, OWN))
        by_season[year] = own["source_supply_degc"], own["heat_kwh"]
    # Performance against lift: the two parameters come back from the hours.
    paired = pairs(
        by_season[2019][0],
        fullest(made[2019], season_of(2019, None, OWN))["electricity_kwh"],
        means=(True, False),
    )
    heat_of = pairs(by_season[2019][1], by_season[2019][0], means=(False, True))
    slope, level = np.polyfit(45.0 - paired.first, heat_of.first / paired.second, 1)
    assert (level, -slope) == (pytest.approx(cop_at_0, rel=0.01), pytest.approx(per_k, rel=0.01))
    found_drift = drift(by_season, OWN)
    assert found_drift is not None
    assert found_drift.slope_k_per_a == pytest.approx(drift_k, rel=0.01)
    assert found_drift.significant


def test_a_steady_ground_does_not_drift_and_few_seasons_say_nothing():
    made = synthetic(6, range(2019, 2026), drift_k=0.0, cop_at_0=7.0, per_k=0.09, index_w=40.0)
    by_season = {}
    for year, found in made.items():
        own = fullest(found, season_of(year, None, OWN))
        by_season[year] = own["source_supply_degc"], own["heat_kwh"]
    steady = drift(by_season, OWN)
    assert steady is not None
    assert steady.significant is False
    assert abs(steady.slope_k_per_a or 9.0) < 0.005
    two = drift({year: by_season[year] for year in (2019, 2020)}, OWN)
    assert two is not None
    assert (two.error_k_per_a, two.significant) == (None, None)
    assert drift({}, OWN) is None


@pytest.mark.parametrize("factor", [0.5, 2.0, 10.0])
def test_what_a_factor_does(factor: float):
    found = list(synthetic(7, range(2024, 2025), drift_k=0.0, cop_at_0=7.0, per_k=0.09, index_w=40.0)[2024])
    base = evaluated(*found)
    more = [replace(s, values=s.values * factor) if s.variable == "electricity_kwh" else s for s in found]
    told = evaluated(*more)
    assert base.cop is not None
    assert told.cop == pytest.approx(base.cop / factor)
    assert told.kwh_per_m2 == base.kwh_per_m2
    name = "grid_beijing_kg_per_kwh"
    assert told.carbon[name].emitted_t == pytest.approx(base.carbon[name].emitted_t * factor)
    assert told.carbon[name].boiler_t == base.carbon[name].boiler_t


def test_the_document_is_plain_and_says_what_is_not_known():
    found = evaluated(months("heat_kwh", lambda h: 100.0), project=replace(PROJECT, heated_area_m2=None))
    told = document(found, RULES, OWN)
    assert told["cop"]["value"] is None
    assert told["co2"] is None
    assert told["heat"]["kwh_per_m2"] is None
    assert told["electricity"] == {
        "measured_kwh": None, "coverage_frac": 0.0, "gap_count": None, "longest_gaps": [], "period": None,
    }  # fmt: skip
    assert told["cop"]["model_parameter"] == "scop_ground_source"
    assert told["cop"]["model"] == RULES.portfolio.number("scop_ground_source")
    assert orjson.loads(orjson.dumps(told))["season"] == 2024
    clauses = {check["clause_id"] for check in told["checks"]}
    assert clauses <= RULES.clauses.keys()
