"""An evaluation as a document, ready for JSON: what the API, the sheet and the table tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from gis.evaluation.carbon import Carbon
from gis.evaluation.checks import checks
from gis.evaluation.measured import Amount, gaps
from gis.evaluation.reading import evaluated, rules_of
from gis.evaluation.season import Evaluation
from gis.rules import RuleSet
from gis.rules.ruleset import EvaluationRules

_MOST_GAPS = 5


def evaluation_of(
    connection: sa.Connection, project_id: str, year: int | None, ruleset: RuleSet
) -> dict[str, Any]:
    """Return what a project came to in a heating season, the last one measured unless told, as plain data.

    NotFoundError for a project or season of which nothing was measured.
    """
    return document(evaluated(connection, project_id, year, ruleset), ruleset, rules_of(ruleset))


def document(found: Evaluation, ruleset: RuleSet, rules: EvaluationRules) -> dict[str, Any]:
    """Return an evaluation as plain data; what is not known is None.

    Energies are in kWh, water in m3, temperatures in degC, CO2 in t; `*_frac` are shares.
    """
    project, season = found.project, found.season
    heat, design_kwh = found.amounts["heat_kwh"], _times(project.design_heat_mwh_per_a, 1000.0)
    # A sum with gaps beside the design of a year would look like a shortfall.
    covered = heat.coverage_frac >= found.least_coverage_frac
    return {
        "heat_project_id": project.heat_project_id,
        "name": project.name,
        "technology": project.technology,
        "synthetic": project.synthetic,
        "season": season.year,
        "seasons": list(found.seasons),
        "from": season.first.isoformat(),
        "to": season.last.isoformat(),
        "whole_months": season.whole_months,
        "ruleset": ruleset.told(),
        "least_coverage_frac": found.least_coverage_frac,
        "heat": {
            **_amount(found, "heat_kwh"),
            "kwh_per_m2": found.kwh_per_m2,
            "model_kwh_per_m2": found.model_heat_kwh_per_m2,
            "ratio_to_model": _ratio(found.kwh_per_m2, found.model_heat_kwh_per_m2),
            "design_kwh": design_kwh,
            "ratio_to_design": _ratio(heat.total, design_kwh) if covered else None,
            "full_load_h": found.full_load_h,
            "peak_kw": found.peak_kw,
            "installed_kw": project.installed_kw,
            "heated_area_m2": project.heated_area_m2,
        },
        "electricity": _amount(found, "electricity_kwh"),
        "cooling": _amount(found, "cooling_kwh"),
        "cop": _cop(found, ruleset),
        "water": {
            "measured_m3": found.amounts["water_m3"].total,
            "coverage_frac": found.amounts["water_m3"].coverage_frac,
            "l_per_kwh": found.water_l_per_kwh,
            "l_per_m2": found.water_l_per_m2,
        },
        "temperatures": dict(found.temperatures),
        "balance": None if found.balance is None else asdict(found.balance),
        "drift": None if found.drift is None else asdict(found.drift),
        "co2": _carbon(found.carbon),
        "checks": [asdict(check) for check in checks(found, ruleset, rules)],
        "months": found.months(),
        "delivery_ids": list(found.delivery_ids),
    }


def _amount(found: Evaluation, variable: str) -> dict[str, Any]:
    amount: Amount = found.amounts[variable]
    series = found.series.get(variable)
    lacking = [] if series is None else gaps(series)
    return {
        "measured_kwh": amount.total,
        "coverage_frac": amount.coverage_frac,
        "gap_count": None if series is None else len(lacking),
        "longest_gaps": [
            {
                "from": str(gap.first.astype("datetime64[m]")),
                "to": str(gap.end.astype("datetime64[m]")),
                "hours": gap.hours,
            }
            for gap in lacking[:_MOST_GAPS]
        ],
        "period": None if series is None else series.period,
    }


def _cop(found: Evaluation, ruleset: RuleSet) -> dict[str, Any]:
    name, value = found.model or (None, None)
    parameter = ruleset.portfolio.parameters.get(name or "")
    return {
        "value": found.cop,
        "paired_h": float(found.paired.hours.sum()),
        "design": found.project.design_scop,
        "ratio_to_design": _ratio(found.cop, found.project.design_scop),
        "model": value,
        "model_parameter": name,
        "model_low": None if parameter is None else parameter.low,
        "model_high": None if parameter is None else parameter.high,
        "ratio_to_model": _ratio(found.cop, value),
    }


def _carbon(by_factor: Mapping[str, Carbon]) -> dict[str, Any] | None:
    """Return CO2 by the first factor that is known, and by all of them."""
    rows = [
        {
            "factor": {
                "name": one.factors[-1].name,
                "title": one.factors[-1].title.model_dump(),
                "year": one.factors[-1].of_year,
                "kg_per_kwh": one.factors[-1].kg_per_kwh,
                "by_year": [
                    {"year": f.year, "of_year": f.of_year, "kg_per_kwh": f.kg_per_kwh} for f in one.factors
                ],
            },
            "emitted_t": one.emitted_t,
            "boiler_t": one.boiler_t,
            "avoided_t": one.avoided_t,
            "break_even_cop": one.break_even_cop,
        }
        for one in by_factor.values()
    ]
    return {**rows[0], "by_factor": rows} if rows else None


def _ratio(value: float | None, to: float | None) -> float | None:
    return None if value is None or not to else value / to


def _times(value: float | None, by: float) -> float | None:
    return None if value is None else value * by
