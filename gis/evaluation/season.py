"""A heating season of one project, from what was measured, beside its design and the model (P1309-5.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gis.evaluation.calendar import Season, year_from
from gis.evaluation.carbon import Carbon, carbon
from gis.evaluation.ground import Balance, Drift, balance
from gis.evaluation.measured import Amount, Pairs, amount, fullest, hours, pairs, weighted_mean
from gis.heat.air_source import cop as heat_pump_cop
from gis.heat.demand import full_load_hours
from gis.rules import RuleSet
from gis.rules.ruleset import EvaluationRules
from gis.store.series import Series

TEMPERATURES = ("supply_degc", "return_degc", "source_supply_degc", "source_return_degc", "outdoor_degc")


@dataclass(frozen=True)
class Project:
    """What the register tells of a project; None where it does not."""

    heat_project_id: str
    name: str | None
    district: str | None
    technology: str | None
    source_layer: str | None
    synthetic: bool | None
    heated_area_m2: float | None
    installed_kw: float | None
    design_heat_mwh_per_a: float | None
    design_scop: float | None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a project came to in a heating season.

    season       its days; whole months where heat or electricity was measured by the month
    series       by variable its values in the season
    year         of ground source its values over twelve months (`year_from`), by variable likewise
    amounts      by variable what was measured, and how much of the season that covers
    cop          heat over electricity of the steps in which both are known, None where none is
    paired       those steps
    kwh_per_m2   heat of the season by heated area, None below the least coverage
    full_load_h  heat of the season by installed capacity, likewise
    water_l_per_m2  water of the season by heated area, likewise
    delivery_ids  deliveries that wrote the season's months last
    seasons      years in which the seasons begin that were measured of it, the last first
    peak_kw      largest mean over an hour or less
    model        performance that the rules assume, by the parameter's name, or of the measured temperatures
    """

    project: Project
    season: Season
    series: Mapping[str, Series]
    year: Mapping[str, Series]
    amounts: Mapping[str, Amount]
    paired: Pairs
    cop: float | None
    kwh_per_m2: float | None
    full_load_h: float | None
    peak_kw: float | None
    temperatures: Mapping[str, float | None]
    water_l_per_kwh: float | None
    water_l_per_m2: float | None
    model: tuple[str, float] | None
    model_heat_kwh_per_m2: float
    carbon: Mapping[str, Carbon]
    balance: Balance | None
    drift: Drift | None
    least_coverage_frac: float
    delivery_ids: tuple[int, ...] = ()
    seasons: tuple[int, ...] = ()

    def months(self) -> list[dict[str, Any]]:
        """Return heat, electricity, performance and coverage of every month that the season touches."""
        heat, electricity = self.series.get("heat_kwh"), self.series.get("electricity_kwh")
        paired_month = self.paired.times.astype("datetime64[M]")
        rows = []
        for month in self.season.months:
            here = paired_month == month
            first = max(month.astype("datetime64[s]"), self.season.start)
            end = min((month + 1).astype("datetime64[s]"), self.season.end)
            possible_h = float((end - first) / np.timedelta64(3600, "s"))
            known = _within(heat, first, end)
            rows.append(
                {
                    "month": str(month),
                    "heat_kwh": None if known is None else known[0],
                    "electricity_kwh": (_within(electricity, first, end) or (None,))[0],
                    "cop": _ratio(
                        float(self.paired.first[here].sum()), float(self.paired.second[here].sum())
                    ),
                    "coverage_frac": 0.0 if known is None else known[1] / possible_h,
                }
            )
        return rows


def evaluate(
    project: Project,
    season: Season,
    found: Sequence[Series],
    ruleset: RuleSet,
    rules: EvaluationRules,
    found_of_year: Sequence[Series] = (),
    drift: Drift | None = None,
) -> Evaluation | None:
    """Return what a project came to in a season; None where neither heat nor electricity was measured in it.

    `found` are its series over the months of the season, `found_of_year`, of ground source, those over the
    twelve months of `year_from`. Nothing is filled in: a figure of the whole season
    is given where the coverage reaches `least_coverage_frac`, and is of what was measured.
    """
    own = fullest(found, season)
    heat, electricity = own.get("heat_kwh"), own.get("electricity_kwh")
    if heat is None and electricity is None:
        return None
    if any(series is not None and series.period == "P1M" for series in (heat, electricity)):
        season = season.in_whole_months()
        own = fullest(found, season)
        heat, electricity = own.get("heat_kwh"), own.get("electricity_kwh")
    amounts = {name: amount(own.get(name), season) for name in _AMOUNTS}
    least = rules.number("least_coverage_frac")
    paired = _NOTHING if heat is None or electricity is None else pairs(heat, electricity)
    whole_year = year_from(season)
    year = fullest(found_of_year, whole_year)
    whole = amounts["heat_kwh"].total if amounts["heat_kwh"].coverage_frac >= least else None
    used = amounts["water_m3"]
    water = used.total * 1000.0 if used.total is not None and used.coverage_frac >= least else None
    return Evaluation(
        project,
        season,
        own,
        year,
        amounts,
        paired,
        _ratio(float(paired.first.sum()), float(paired.second.sum())),
        _over(whole, project.heated_area_m2),
        _over(whole, project.installed_kw),
        _peak_kw(heat),
        {name: weighted_mean(own.get(name), heat) for name in TEMPERATURES},
        _water(own.get("water_m3"), heat),
        _over(water, project.heated_area_m2),
        _model(project, own, ruleset),
        _model_heat(project, ruleset),
        carbon(paired, ruleset, rules.emission),
        balance(year, whole_year, least),
        drift,
        least,
    )


_AMOUNTS = ("heat_kwh", "cooling_kwh", "electricity_kwh", "water_m3", "source_volume_m3")
_NOTHING = Pairs(np.array([], dtype="datetime64[s]"), np.empty(0), np.empty(0), np.empty(0))


def _ratio(one: float, other: float) -> float | None:
    return one / other if other > 0.0 else None


def _over(value: float | None, by: float | None) -> float | None:
    return None if value is None or not by else value / by


def _within(series: Series | None, first: np.datetime64, end: np.datetime64) -> tuple[float, float] | None:
    """Return sum and hours of what is known from a time to another; None where nothing is."""
    if series is None:
        return None
    part = series.between(first, end)
    known = ~np.isnan(part.values)
    if not known.any():
        return None
    return float(part.values[known].sum()), float(hours(part)[known].sum())


def _peak_kw(heat: Series | None) -> float | None:
    if heat is None or heat.period not in ("PT15M", "PT1H"):
        return None
    return float(np.nanmax(heat.values / hours(heat)))


def _water(water: Series | None, heat: Series | None) -> float | None:
    if water is None or heat is None:
        return None
    both = pairs(water, heat)
    return _ratio(float(both.first.sum()) * 1000.0, float(both.second.sum()))


def _model(project: Project, own: Mapping[str, Series], ruleset: RuleSet) -> tuple[str, float] | None:
    """Return what the model says: the rules' seasonal performance, of air source that of the temperatures."""
    if project.technology is None:
        return None
    option = project.technology
    if option == "geothermal":
        # A project that draws on a field takes water, one that names none may be either.
        if project.source_layer != "geothermal_field":
            return None
        option = "geothermal_hydrothermal"
    economics = ruleset.portfolio.economics.get(option)
    if economics is not None and economics.scop is not None:
        return economics.scop, ruleset.portfolio.number(economics.scop)
    if option == "air_source" and {"outdoor_degc", "supply_degc", "heat_kwh"} <= own.keys():
        return _air_model(own, ruleset)
    return None


def _air_model(own: Mapping[str, Series], ruleset: RuleSet) -> tuple[str, float] | None:
    """Return the performance of the model at the measured temperatures, weighted by the measured heat."""
    p = ruleset.options["air_source"]
    outdoor = pairs(own["outdoor_degc"], own["heat_kwh"], means=(True, False))
    supply = pairs(own["supply_degc"], own["heat_kwh"], means=(True, False))
    _, here, there = np.intersect1d(outdoor.times, supply.times, return_indices=True)
    heat = outdoor.second[here]
    if not heat.sum() > 0.0:
        return None
    a, b, c = p.numbers("cop_coefficients")
    field = p.number("field_frac")
    at = heat_pump_cop(outdoor.first[here], supply.first[there], (a, b, c), field)
    return "air_source_model", float(heat.sum() / (heat / at).sum())


def _model_heat(project: Project, ruleset: RuleSet) -> float:
    """Return the year's heat by area that the mixed heat index stands for, in kWh/m2.

    The heating days are those of the design, by district where it has others.
    """
    p = ruleset.parameters
    index_w = ruleset.demand_parameters[ruleset.demand.mixed_heat_index].number()
    days = ruleset.by_district("season_by_district_d").get(project.district or "", p["season_d"].number())
    inside, mean, design = (
        p[n].number() for n in ("indoor_degc", "mean_outdoor_degc", "design_outdoor_degc")
    )
    return index_w * float(full_load_hours(days, inside, mean, design)) / 1000.0
