"""The city's measured projects year by year: heat, electricity, performance, water and CO2 (P1309-5.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa

from gis.evaluation.calendar import season_of
from gis.evaluation.carbon import Factor, factor_of
from gis.heat.economics import boiler_kg_per_kwh
from gis.periods import hours_of
from gis.rules import RuleSet
from gis.rules.ruleset import EvaluationRules
from gis.store.monitoring_tables import BLOCK
from gis.store.series import month_pairs, month_totals
from gis.store.tables import LAYER_TABLES

PROJECT = "heat_project"
Basis = Literal["calendar", "heating"]
"""Calendar years, or heating years from July to June that are named by their first."""
GRIDS: Mapping[str, str] = {"": "grid_beijing_kg_per_kwh", "north_china_": "grid_north_china_kg_per_kwh"}
"""Start of the names of CO2 columns -> the factor of the grid that they are worked out by."""
VARIABLES = ("heat_kwh", "electricity_kwh", "water_m3")
COLUMNS = (
    "year", "technology", "district", "project_count", "measured_count", "heat_kwh", "electricity_kwh",
    "cop", "paired_heat_kwh", "paired_electricity_kwh", "water_m3",
    *(f"{grid}{name}" for grid in GRIDS for name in ("co2_t", "avoided_t")), "coverage_frac",
)  # fmt: skip
"""Columns of the yearly table."""
_AMOUNTS = (
    *VARIABLES, "covered_h", "paired_heat_kwh", "paired_electricity_kwh",
    *(f"{grid}{name}" for grid in GRIDS for name in ("co2_t", "avoided_t")),
)  # fmt: skip
_FIELDS = (
    "heat_project_id", "name", "technology", "district", "status", "heated_area_m2", "installed_kw",
    "commissioned_on", "ended_on",
)  # fmt: skip
_EVER = (date.min, date.max)
_HEATING_FROM = 6
"""Months of a calendar year before a heating year begins."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class City:
    """The projects of the register, and what was measured of them by the month.

    projects  a row a project: key, name, technology, district, status, heated area, capacity and dates
    totals    as `gis.store.series.month_totals`, of projects that the register holds
    pairs     as `gis.store.series.month_pairs`, likewise
    """

    projects: pd.DataFrame
    totals: pd.DataFrame
    pairs: pd.DataFrame


def measured_years(connection: sa.Connection, rules: EvaluationRules) -> list[int]:
    """Return the heating years in whose season heat or electricity of a registered project was measured.

    The season here is all months that it touches.
    """
    block, held = BLOCK[PROJECT].c, LAYER_TABLES[PROJECT].c.heat_project_id
    query = (
        sa.select(block.month)
        .distinct()
        .where(
            block.variable.in_(("heat_kwh", "electricity_kwh")),
            block.value_count > 0,
            block.feature_id.in_(sa.select(held)),
        )
    )
    months = pd.Series(np.array(connection.scalars(query).all(), dtype="datetime64[s]"))
    return sorted(set(years_of(months[in_season(months, rules)], "heating").tolist()))


def read_city(
    connection: sa.Connection, variables: Sequence[str] = VARIABLES, months: tuple[date, date] = _EVER
) -> City:
    """Return the projects with what was measured, in the months from one to another or ever."""
    table = LAYER_TABLES[PROJECT].c
    rows = connection.execute(sa.select(*(table[n] for n in _FIELDS)).order_by(table.heat_project_id))
    projects = pd.DataFrame(rows.tuples().all(), columns=list(_FIELDS))
    for name in ("heated_area_m2", "installed_kw"):
        projects[name] = projects[name].astype(float)
    totals = month_totals(connection, PROJECT, *months, variables=variables)
    pairs = month_pairs(connection, *months)
    held = projects["heat_project_id"]
    return City(
        projects,
        totals[totals["feature_id"].isin(held)].reset_index(drop=True),
        pairs[pairs["feature_id"].isin(held)].reset_index(drop=True),
    )


def years_of(months: pd.Series[Any], basis: Basis) -> Ints:
    """Return the years in which months lie."""
    whole = np.asarray(months.to_numpy(), dtype="datetime64[M]")
    shifted = whole - (_HEATING_FROM if basis == "heating" else 0)
    return np.asarray(shifted.astype("datetime64[Y]").astype(np.int64) + 1970)


def months_of(year: int, basis: Basis) -> npt.NDArray[np.datetime64]:
    """Return the twelve months of a year, datetime64[M]."""
    first = np.datetime64(f"{year}-01", "M") + (_HEATING_FROM if basis == "heating" else 0)
    return np.arange(first, first + 12)


def factors(city: City, rules: EvaluationRules) -> dict[str, list[Factor]]:
    """Return by grid the emission factors of the calendar years in which electricity was measured.

    A year without one of its own has the last one before it; years before all have none.
    """
    metered = city.totals["variable"] == "electricity_kwh"
    years = np.unique(years_of(city.totals.loc[metered, "month"], "calendar")).tolist()
    return {
        grid: [f for year in years if (f := factor_of(name, year, rules.emission)) is not None]
        for grid, name in GRIDS.items()
    }


def yearly(city: City, basis: Basis, ruleset: RuleSet, rules: EvaluationRules) -> pd.DataFrame:
    """Return what was measured by year, technology and district of the register, as `COLUMNS`.

    Years without any value are left out; a place and technology whose projects ran but were not measured has
    a row without figures. `cop` and what is avoided are of the steps in which both heat and electricity are
    known, in the months of the heating season: outside of it electricity may be that of cooling. CO2 is of
    all measured electricity, by the factor of its calendar year. `coverage_frac` is the share of the year's
    hours in which heat of the measured projects is known. NaN is unknown.
    """
    monthly = _with_carbon(_monthly(city, rules), ruleset, rules)
    monthly["year"] = years_of(monthly["month"], basis)
    groups = ["year", "technology", "district"]
    where = city.projects[["heat_project_id", "technology", "district"]]
    placed = monthly.merge(where, left_on="feature_id", right_on="heat_project_id")
    grouped = placed.groupby(groups, dropna=False)
    unfactored = [f"{grid}unfactored" for grid in GRIDS]
    sums = grouped[list(_AMOUNTS)].sum(min_count=1).join(grouped[unfactored].any())
    counts = _counts(city, monthly, basis).merge(where, on="heat_project_id")
    told = counts.groupby(groups, dropna=False)[["project_count", "measured_count", "possible_h"]].sum()
    # Both have the same groups, or `sums` fewer: what is measured is counted.
    rows = told.reset_index().merge(sums.reset_index(), on=groups, how="left")
    for grid in GRIDS:
        # A sum of which a part is not known is not known.
        lacking = rows[f"{grid}unfactored"].eq(True)
        rows.loc[lacking, [f"{grid}co2_t", f"{grid}avoided_t"]] = np.nan
    used = rows["paired_electricity_kwh"]
    rows["cop"] = rows["paired_heat_kwh"] / used.where(used > 0.0)
    rows["coverage_frac"] = rows["covered_h"].fillna(0.0) / rows["possible_h"].where(rows["possible_h"] > 0.0)
    return rows.sort_values(groups, na_position="last", kind="stable")[list(COLUMNS)].reset_index(drop=True)


def season_months(rules: EvaluationRules) -> frozenset[int]:
    """Return the calendar months (1 to 12) that the heating season of any district touches."""
    districts = (None, *rules.by_district("season_wider_d"))
    seasons = (season_of(2000, district, rules).months for district in districts)
    return frozenset(int(month.astype(np.int64)) % 12 + 1 for months in seasons for month in months)


def in_season(months: pd.Series[Any], rules: EvaluationRules) -> npt.NDArray[np.bool_]:
    """Return which months the heating season touches."""
    calendar = np.asarray(months.to_numpy(), dtype="datetime64[M]").astype(np.int64) % 12 + 1
    return np.isin(calendar, list(season_months(rules)))


def _monthly(city: City, rules: EvaluationRules) -> pd.DataFrame:
    """Return a row a project and month: what is known of it, NaN where nothing is."""
    key = ["feature_id", "month"]
    sums = city.totals.pivot(index=key, columns="variable", values="total").reindex(columns=list(VARIABLES))
    heat = city.totals[city.totals["variable"] == "heat_kwh"].set_index(key)["covered_h"]
    pairs = city.pairs[in_season(city.pairs["month"], rules)]
    paired = pairs.set_index(key)[["heat_kwh", "electricity_kwh"]].add_prefix("paired_")
    return sums.join(heat, how="outer").join(paired, how="outer").astype(float).reset_index()


def _with_carbon(monthly: pd.DataFrame, ruleset: RuleSet, rules: EvaluationRules) -> pd.DataFrame:
    """Return months with their CO2, and whether the factor of measured electricity is not known."""
    p = ruleset.portfolio.number
    boiler = boiler_kg_per_kwh(p("gas_kg_per_kwh"), p("gas_boiler_efficiency_frac"))
    years = pd.Series(years_of(monthly["month"], "calendar"), index=monthly.index)
    known = monthly["electricity_kwh"].notna() | monthly["paired_electricity_kwh"].notna()
    for grid, name in GRIDS.items():
        found = {year: factor_of(name, int(year), rules.emission) for year in years.unique()}
        kg = years.map({year: np.nan if f is None else f.kg_per_kwh for year, f in found.items()})
        kg = kg.astype(float)
        of_pairs_kg = monthly["paired_heat_kwh"] * boiler - monthly["paired_electricity_kwh"] * kg
        monthly[f"{grid}co2_t"] = monthly["electricity_kwh"] * kg / 1000.0
        monthly[f"{grid}avoided_t"] = of_pairs_kg / 1000.0
        monthly[f"{grid}unfactored"] = known & kg.isna()
    return monthly


def _counts(city: City, monthly: pd.DataFrame, basis: Basis) -> pd.DataFrame:
    """Return a row a year and project that ran or was measured in it, with the hours it could be measured.

    A project without a day of commissioning ran as far as is known; one that ended on a day that is not told
    counts in the years in which it was measured.
    """
    metered = monthly[["heat_kwh", "electricity_kwh"]].notna().any(axis=1)
    measured = monthly.loc[metered, ["year", "feature_id"]].drop_duplicates()
    parts = []
    for year in np.unique(monthly["year"]):
        months = months_of(int(year), basis)
        own = city.projects["heat_project_id"]
        is_measured = own.isin(measured.loc[measured["year"] == year, "feature_id"])
        here = is_measured | _running(city.projects, months[0], months[-1] + 1)
        part = pd.DataFrame({"heat_project_id": own[here], "measured_count": is_measured[here].astype(int)})
        hours = part["measured_count"] * float(hours_of(months).sum())
        parts.append(part.assign(year=int(year), project_count=1, possible_h=hours))
    columns = ["heat_project_id", "measured_count", "year", "project_count", "possible_h"]
    return pd.concat(parts) if parts else pd.DataFrame(columns=columns)


def _running(projects: pd.DataFrame, first: np.datetime64, end: np.datetime64) -> pd.Series[bool]:
    """Return which projects ran in the months from `first` to before `end`, as far as the register tells."""
    begins, ends = (pd.to_datetime(projects[name]) for name in ("commissioned_on", "ended_on"))
    start, after = (pd.Timestamp(str(month)) for month in (first, end))
    began = begins.isna() | (begins < after)
    on = projects["status"].eq("running") | (projects["status"].eq("ended") & (ends >= start))
    return began & on
