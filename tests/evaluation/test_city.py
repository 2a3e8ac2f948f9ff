"""The city's yearly table and the ranking: sums worked out by hand, and the same sums by SQL."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.evaluation.city import City, factors, season_months, yearly
from gis.evaluation.ranking import Ranking, ranking
from gis.periods import hours_of
from gis.rules import load_ruleset

RULES = load_ruleset()
assert RULES.evaluation is not None
assert RULES.ranking is not None
EVALUATION, LIMITS = RULES.evaluation, RULES.ranking
BOILER = 0.202 / 0.92
GROUND, WATER = "shallow_ground_source", "reclaimed_water"


def projects(*rows: tuple[Any, ...]) -> pd.DataFrame:
    """Return projects (id, technology, district, area, installed), running since 2020."""
    names = ["heat_project_id", "technology", "district", "heated_area_m2", "installed_kw"]
    frame = pd.DataFrame(list(rows), columns=names)
    frame[["heated_area_m2", "installed_kw"]] = frame[["heated_area_m2", "installed_kw"]].astype(float)
    began = pd.Timestamp("2020-01-01").date()
    return frame.assign(name=None, status="running", commissioned_on=began, ended_on=None)


def city(register: pd.DataFrame, *months: tuple[str, str, dict[str, float]], covered: float = 1.0) -> City:
    """Return a city of months (project, month, values by variable), all known to the share `covered`."""
    totals, pairs = [], []
    for id_, month, values in months:
        start = np.datetime64(month, "M")
        possible = float(hours_of(np.array([start]))[0])
        for variable, total in values.items():
            count = round(possible * covered)
            totals.append((id_, variable, start.astype("datetime64[s]"), total, count, count * 1.0, possible))
        if {"heat_kwh", "electricity_kwh"} <= values.keys():
            both = values["heat_kwh"], values["electricity_kwh"], possible * covered
            pairs.append((id_, start.astype("datetime64[s]"), *both))
    names = ["feature_id", "variable", "month", "total", "value_count", "covered_h", "possible_h"]
    paired = ["feature_id", "month", "heat_kwh", "electricity_kwh", "paired_h"]
    return City(register, pd.DataFrame(totals, columns=names), pd.DataFrame(pairs, columns=paired))


def row(table: pd.DataFrame, **where: Any) -> dict[str, Any]:
    """Return the one row with these values."""
    found = table
    for name, value in where.items():
        found = found[found[name] == value]
    assert len(found) == 1
    return {str(n): v for n, v in found.iloc[0].items()}


TWO = projects(
    ("A", WATER, "海淀区", 1e4, 1000.0), ("B", WATER, "海淀区", 2e4, 1000.0), ("C", GROUND, None, None, None)
)
MONTHS = (
    ("A", "2022-12", {"heat_kwh": 400_000.0, "electricity_kwh": 100_000.0, "water_m3": 50.0}),
    ("A", "2023-01", {"heat_kwh": 300_000.0, "electricity_kwh": 100_000.0}),
    # A summer's electricity is that of cooling, and no part of the performance of heating.
    ("A", "2023-07", {"heat_kwh": 0.0, "electricity_kwh": 80_000.0}),
    ("B", "2023-01", {"heat_kwh": 200_000.0}),
    ("B", "2024-02", {"electricity_kwh": 10_000.0}),
)


def test_calendar_years_by_hand():
    table = yearly(city(TWO, *MONTHS), "calendar", RULES, EVALUATION)
    first = row(table, year=2022, technology=WATER)
    assert (first["project_count"], first["measured_count"]) == (2, 1)
    assert (first["heat_kwh"], first["electricity_kwh"], first["water_m3"]) == (400_000.0, 100_000.0, 50.0)
    assert first["cop"] == 4.0
    assert first["co2_t"] == pytest.approx(100_000 * 0.5580 / 1000)
    assert first["avoided_t"] == pytest.approx((400_000 * BOILER - 100_000 * 0.5580) / 1000)
    assert first["north_china_co2_t"] == pytest.approx(100_000 * 0.6776 / 1000)
    assert first["coverage_frac"] == pytest.approx(31 * 24 / (365 * 24))
    second = row(table, year=2023, technology=WATER)
    assert (second["project_count"], second["measured_count"]) == (2, 2)
    assert (second["heat_kwh"], second["electricity_kwh"]) == (500_000.0, 180_000.0)
    # Of A in January alone: B's electricity is not known, and A's July is not of heating.
    assert second["cop"] == 3.0
    # Beijing has no factor of 2023: that of 2022 holds. North China has.
    assert second["co2_t"] == pytest.approx(180_000 * 0.5580 / 1000)
    assert second["north_china_avoided_t"] == pytest.approx((300_000 * BOILER - 100_000 * 0.6361) / 1000)
    assert second["coverage_frac"] == pytest.approx((31 + 31 + 31) * 24 / (2 * 365 * 24))
    assert np.isnan(second["water_m3"])
    third = row(table, year=2024, technology=WATER)
    assert np.isnan([third["heat_kwh"], third["cop"], third["avoided_t"]]).all()
    assert third["electricity_kwh"] == 10_000.0
    assert third["coverage_frac"] == 0.0
    never = table[table["technology"] == GROUND]
    assert never["project_count"].tolist() == [1, 1, 1]
    assert never["measured_count"].sum() == 0
    assert never["heat_kwh"].isna().all()
    assert never["district"].isna().all()


def test_heating_years_go_from_july_to_june():
    table = yearly(city(TWO, *MONTHS), "heating", RULES, EVALUATION)
    first = row(table, year=2022, technology=WATER)
    assert (first["heat_kwh"], first["electricity_kwh"]) == (900_000.0, 200_000.0)
    assert first["cop"] == 3.5  # (400 + 300) / (100 + 100)
    by_month = 100_000 * 0.6776 + 100_000 * 0.6361  # December by the factor of 2022, January by that of 2023
    assert first["north_china_co2_t"] == pytest.approx(by_month / 1000)
    assert row(table, year=2023, technology=WATER)["electricity_kwh"] == 90_000.0


def test_electricity_before_all_factors_has_no_co2():
    early = city(TWO, ("A", "2020-12", MONTHS[0][2]), ("A", "2021-01", MONTHS[1][2]))
    table = yearly(early, "heating", RULES, EVALUATION)
    told = row(table, year=2020, technology=WATER)
    assert told["cop"] == 3.5
    assert told["electricity_kwh"] == 200_000.0
    assert np.isnan([told["co2_t"], told["avoided_t"], told["north_china_co2_t"]]).all()
    found = factors(early, EVALUATION)
    assert [(f.year, f.of_year) for f in found[""]] == [(2021, 2021)]
    assert not found["north_china_"]
    assert yearly(city(TWO), "calendar", RULES, EVALUATION).empty


def test_projects_count_in_the_years_in_which_they_ran():
    register = projects(
        *(("P" + x, WATER, "海淀区", None, None) for x in "12345"), ("A", GROUND, None, None, None)
    )
    register.loc[1, "commissioned_on"] = pd.Timestamp("2024-01-01").date()
    register.loc[2, "status"] = "construction"
    register.loc[3, ["status", "ended_on"]] = ["ended", pd.Timestamp("2023-06-30").date()]
    register.loc[4, "commissioned_on"] = None
    measured = city(
        register, *((id_, f"{year}-01", {"heat_kwh": 1.0}) for year in (2022, 2024) for id_ in "A")
    )
    table = yearly(measured, "calendar", RULES, EVALUATION)
    assert row(table, year=2022, technology=WATER)["project_count"] == 3  # P1, P4 and P5
    assert row(table, year=2024, technology=WATER)["project_count"] == 3  # P1, P2 and P5


def test_a_project_more_only_adds():
    alone = [
        yearly(city(TWO, *(m for m in MONTHS if m[0] == id_)), "calendar", RULES, EVALUATION) for id_ in "AB"
    ]
    both = yearly(city(TWO, *MONTHS), "calendar", RULES, EVALUATION)
    names = ["measured_count", "heat_kwh", "electricity_kwh", "water_m3", "co2_t", "avoided_t"]
    parts = pd.concat(alone).groupby("year")[names].sum()
    pd.testing.assert_frame_equal(parts, both.groupby("year")[names].sum())


AMOUNT = st.floats(1.0, 1e6)


@settings(max_examples=12)
@given(
    st.lists(
        st.tuples(st.sampled_from("AB"), st.integers(0, 30), AMOUNT, AMOUNT),
        max_size=12,
        unique_by=lambda r: r[:2],
    )
)
def test_twice_the_electricity_halves_the_performance(rows: list[tuple[str, int, float, float]]):
    def table(factor: float) -> pd.DataFrame:
        months = [
            (id_, str(np.datetime64("2022-07") + m), {"heat_kwh": h, "electricity_kwh": e * factor})
            for id_, m, h, e in rows
        ]
        return yearly(city(TWO, *months), "heating", RULES, EVALUATION)

    once, twice = table(1.0), table(2.0)
    same = ["year", "technology", "heat_kwh", "project_count", "measured_count", "coverage_frac"]
    pd.testing.assert_frame_equal(once[same], twice[same])
    np.testing.assert_allclose(once["cop"].astype(float), 2.0 * twice["cop"].astype(float), rtol=1e-9)
    np.testing.assert_allclose(2.0 * once["co2_t"].astype(float), twice["co2_t"].astype(float), rtol=1e-9)


def winter(
    id_: str, cop: float, heat: float = 100_000.0, **more: float
) -> list[tuple[str, str, dict[str, float]]]:
    """Return five months of heating with the same values."""
    values = {"heat_kwh": heat, "electricity_kwh": heat / cop, **more}
    return [(id_, month, values) for month in ("2023-11", "2023-12", "2024-01", "2024-02", "2024-03")]


def ranked(
    register: pd.DataFrame, *months: tuple[str, str, dict[str, float]], covered: float = 1.0
) -> Ranking:
    return ranking(city(register, *months, covered=covered), 2023, RULES, EVALUATION, LIMITS)


COPS = {"P1": 3.0, "P2": 3.1, "P3": 3.2, "P4": 3.3, "P5": 3.4, "P6": 3.4}


def test_the_months_of_the_season_are_those_of_its_days():
    assert season_months(EVALUATION) == {11, 12, 1, 2, 3}


def test_projects_are_ranked_by_technology():
    register = projects(*((id_, WATER, None, 5000.0, 900.0) for id_ in COPS), ("X", GROUND, None, None, None))
    months = [month for id_, cop in COPS.items() for month in winter(id_, cop)]
    found = ranked(register, *months, *winter("X", 3.9)).projects.set_index("heat_project_id")
    assert found["rank"].to_dict() == {"P5": 1, "P6": 1, "P4": 3, "P3": 4, "P2": 5, "P1": 6, "X": 1}
    assert found["percentile_frac"].drop("X").round(3).to_dict() == {
        "P1": 0.0, "P2": 0.2, "P3": 0.4, "P4": 0.6, "P5": 0.8, "P6": 0.8,
    }  # fmt: skip
    assert np.isnan(found.loc["X", "percentile_frac"])
    assert found.loc["P1", "kwh_per_m2"] == 5 * 100_000 / 5000
    assert np.isnan(found.loc["X", "kwh_per_m2"])
    assert not found["outlier"].any()
    assert not found["reasons"].any()


def test_what_is_far_from_its_peers_is_told():
    register = projects(*((id_, WATER, None, 5000.0, None) for id_ in (*COPS, "P7")))
    months = [month for id_, cop in COPS.items() for month in winter(id_, cop)]
    # Median of the seven 3.3, deviations 0.3 0.2 0.1 0 0.1 0.1 and x: their median is 0.1, and the bound
    # 3.5 * 1.4826 * 0.1 = 0.519.
    assert not ranked(register, *months, *winter("P7", 3.81)).projects["outlier"].any()
    found = ranked(register, *months, *winter("P7", 3.83)).projects.set_index("heat_project_id")
    assert found["outlier"].to_dict() == {**dict.fromkeys(COPS, False), "P7": True}
    assert found.loc["P7", "reasons"][0].zh == "季节能效 3.83，远离同类项目"
    assert found.loc["P7", "rank"] == 1
    few = ranked(register, *months[:15], *winter("P7", 9.0)).projects
    assert not few["outlier"].any()  # four projects tell nothing


@pytest.mark.parametrize(
    ("technology", "cop", "more", "says"),
    [
        (WATER, 0.9, {}, "below 1"),
        (WATER, 10.5, {}, "above the 10 that a heat pump"),
        ("biomass", 30.0, {}, None),
        # Sink (45 + 41) / 2 = 43 degC, source 5 degC: 316.15 K / 38 K = 8.32.
        (GROUND, 8.2, {"supply_degc": 45.0, "return_degc": 41.0, "source_supply_degc": 5.0}, None),
        (GROUND, 8.5, {"supply_degc": 45.0, "return_degc": 41.0, "source_supply_degc": 5.0}, "Carnot"),
        ("waste_heat", 25.0, {"supply_degc": 45.0, "source_supply_degc": 60.0}, None),
        ("air_source", 9.0, {"supply_degc": 45.0, "outdoor_degc": 0.0, "source_supply_degc": 44.0}, "Carnot"),
    ],
)
def test_what_is_not_possible_is_not_ranked(
    technology: str, cop: float, more: dict[str, float], says: str | None
):
    # Means are sums over as many values as the months have hours.
    months = [
        (
            id_,
            month,
            {
                n: v * hours_of(np.array([np.datetime64(month)]))[0] if n in more else v
                for n, v in values.items()
            },
        )
        for id_, month, values in winter("A", cop, **more)
    ]
    found = ranked(projects(("A", technology, None, 1e4, 500.0)), *months)
    told = found.projects.iloc[0]
    assert bool(told["outlier"]) == (says is not None)
    if says is None:
        assert told["rank"] == 1
    else:
        assert says in told["reasons"][0].en
        assert np.isnan(told["rank"])
    assert sum(d["n"] for d in found.distributions if d["unit"] == "1") == (says is None)


def test_more_heat_than_installed_and_gaps_are_told():
    register = projects(("A", WATER, None, 1e4, 130.0))
    told = ranked(register, *winter("A", 3.0)).projects.iloc[0]
    # The shortest month is February 2024: 100,000 kWh / 696 h = 143.7 kW.
    assert "144 kW" in told["reasons"][0].en
    assert told["outlier"]
    gaps = ranked(projects(("A", WATER, None, 1e4, None)), *winter("A", 3.0), covered=0.5).projects.iloc[0]
    assert gaps["cop"] == pytest.approx(3.0)
    # Of November's 360 known hours all may lie in the season's 384, of March's 372 in its 360.
    half_h = 360 + 372 + 372 + 348 + 360
    assert gaps["coverage_frac"] == pytest.approx(half_h / (122 * 24))
    assert np.isnan(gaps["rank"])
    assert np.isnan(gaps["kwh_per_m2"])
    assert not gaps["outlier"]
    assert [reason.en[-10:] for reason in gaps["reasons"]] == ["s not told", "not ranked"]


def test_who_measures_the_season_alone_is_ranked():
    register = projects(("A", WATER, "海淀区", 1e4, 1000.0), ("Y", WATER, "延庆区", 1e4, 1000.0))
    both = city(register, *winter("A", 3.0), *winter("Y", 3.0))
    # 15 November to 15 March, in Yanqing ten days more at either end: all that either is heated.
    days = {"A": (16, 31, 31, 29, 15), "Y": (16, 31, 31, 29, 15)}
    hours = [24.0 * d for id_ in ("A", "Y") for d in days[id_]]
    both.pairs["paired_h"] = hours
    for variable in ("heat_kwh", "electricity_kwh"):
        both.totals.loc[both.totals["variable"] == variable, "covered_h"] = hours
    found = ranking(both, 2023, RULES, EVALUATION, LIMITS).projects.set_index("heat_project_id")
    assert found["coverage_frac"].to_dict() == {"A": 1.0, "Y": pytest.approx(122 / 142)}
    assert found["kwh_per_m2"].dropna().to_dict() == {"A": 50.0}
    assert found["rank"].dropna().to_dict() == {"A": 1}
    assert found.loc["A", "reasons"] == []


def test_some_hours_of_a_month_are_not_held_against_the_capacity():
    cold = city(
        projects(("A", WATER, None, 1e4, 200.0)), *winter("A", 3.0), ("A", "2024-04", {"heat_kwh": 201.0})
    )
    # In the only hour of April that is known it gave 201 kW.
    cold.totals.loc[cold.totals["month"] == np.datetime64("2024-04"), "covered_h"] = 1.0
    told = ranking(cold, 2023, RULES, EVALUATION, LIMITS).projects.iloc[0]
    assert (told["rank"], told["outlier"], told["reasons"]) == (1, False, [])


def test_what_is_measured_stands_beside_the_parameters():
    register = projects(*((id_, WATER, None, 5000.0, 900.0) for id_ in COPS))
    months = [month for id_, cop in COPS.items() for month in winter(id_, cop)]
    by_name = {d["parameter"]: d for d in ranked(register, *months).distributions}
    water = by_name["scop_reclaimed_water"]
    assert (water["n"], water["model"], water["low"], water["high"]) == (6, 4.0, 4.0, 4.6)
    # Of 3.0 3.1 3.2 3.3 3.4 3.4: a quarter of the way along five steps is 3.125.
    assert [water[n] for n in ("q1", "median", "q3")] == pytest.approx([3.125, 3.25, 3.375])
    assert water["within"] is False
    ground = by_name["scop_ground_source"]
    assert (ground["n"], ground["median"], ground["within"], ground["model"]) == (0, None, None, 3.4)
    assert by_name["air_source_seasonal_cop"]["model"] is None
    index = by_name["residential_mixed_w_per_m2"]
    hours = 123 * 24 * (18 + 0.7) / (18 + 7.6)
    assert (index["model"], index["low"]) == pytest.approx((50 * hours / 1000, 45 * hours / 1000))
    assert (index["n"], index["median"], index["within"]) == (6, 100.0, True)
    named = {p.scop for p in RULES.portfolio.economics.values() if p.scop}
    assert named <= by_name.keys()
