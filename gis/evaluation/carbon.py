"""CO2 of measured electricity by the factor of its year, beside that of a gas boiler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from gis.evaluation.measured import Pairs
from gis.heat.economics import boiler_kg_per_kwh, breakeven_cop
from gis.rules import RuleSet
from gis.rules.model import Parameter
from layers import Text

Floats = npt.NDArray[np.float64]

FACTORS = ("grid_beijing_kg_per_kwh", "grid_north_china_kg_per_kwh", "grid_national_kg_per_kwh")
"""Emission factors of portfolio.yaml, the one that the portfolio uses first."""


@dataclass(frozen=True)
class Factor:
    """The emission factor of a year; `of_year` is that of its data, an earlier one where none is known."""

    name: str
    title: Text
    year: int
    of_year: int
    kg_per_kwh: float


@dataclass(frozen=True)
class Carbon:
    """CO2 of some measured heat by one factor of the grid.

    factors         by year of the electricity
    emitted_t       of the electricity
    boiler_t        of a gas boiler that gives the same heat
    avoided_t       the one less the other; negative where the boiler emits less
    break_even_cop  below it the boiler emits less, with the factor of the last year
    """

    factors: tuple[Factor, ...]
    emitted_t: float
    boiler_t: float
    avoided_t: float
    break_even_cop: float


def factor_of(name: str, year: int, dated: Mapping[str, Parameter]) -> Factor | None:
    """Return an emission factor as it is known for a year: the last one of it or before; None before all.

    The dates of these parameters are the years of their data.
    """
    found = dated[name].on(date(year, 12, 31))
    if found is None or not isinstance(found.value, float):
        return None
    return Factor(name, dated[name].title, year, found.from_.year, found.value)


def carbon(paired: Pairs, ruleset: RuleSet, dated: Mapping[str, Parameter]) -> dict[str, Carbon]:
    """Return the CO2 of heat (`first`, kWh) by its electricity (`second`, kWh), by name of the factor.

    Over the steps in which both are known. A factor that is not known for a year of them is left out.
    """
    if not len(paired.times):
        return {}
    p = ruleset.portfolio.number
    gas = p("gas_kg_per_kwh"), p("gas_boiler_efficiency_frac")
    boiler_t = float(paired.first.sum()) * boiler_kg_per_kwh(*gas) / 1000.0
    years = paired.times.astype("datetime64[Y]").astype(np.int64) + 1970
    found: dict[str, Carbon] = {}
    for name in FACTORS:
        factors = [factor_of(name, int(year), dated) for year in np.unique(years)]
        known = [factor for factor in factors if factor is not None]
        if len(known) < len(factors):
            continue
        emitted_kg = sum(float(paired.second[years == f.year].sum()) * f.kg_per_kwh for f in known)
        emitted_t = emitted_kg / 1000.0
        least = float(breakeven_cop(known[-1].kg_per_kwh, *gas))
        found[name] = Carbon(tuple(known), emitted_t, boiler_t, boiler_t - emitted_t, least)
    return found
