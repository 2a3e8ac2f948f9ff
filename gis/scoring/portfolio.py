"""What the technologies of a parcel give together: shares, rules, support, cost and carbon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gis.facts.columns import Floats, Words, named
from gis.facts.table import Facts
from gis.heat import economics
from gis.heat.portfolio import Stack, stack
from gis.rules import RuleSet
from gis.scoring.engine import Rows, View, combinations, outcomes_of
from gis.scoring.kernels import CONDITIONAL
from gis.scoring.lists import lists_of
from gis.scoring.technologies import Models
from gis.vocabulary import OPTIONS

Columns = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Load:
    """How the load is filled, by technology in the order of the rule set.

    `heat_mwh` and `electricity_mwh` are a year's, arrays of (technology, parcel).
    """

    stacked: Stack
    heat_mwh: Floats
    electricity_mwh: Floats


def filled_load(facts: Facts, verdicts: Columns, ruleset: RuleSet) -> Load:
    """Fill the load of every parcel in the order of priority.

    A technology takes part with its capacity where it is suitable or conditional;
    air source tops up what is left.
    """
    order = ruleset.order
    offers = np.stack([_offer(t, verdicts) for t in order])
    climate = Models(ruleset).climate(facts["season_d"])
    load = facts["heat_load_kw"]
    stacked = stack(load, offers, climate, actual_peak_frac=ruleset.parameters["actual_peak_frac"].number())
    heat = stacked.energy_frac * facts["heat_demand_mwh_per_a"]
    scop = _scop(facts, ruleset)
    electricity = np.stack([heat[i] / _by_variant(t, verdicts, scop) for i, t in enumerate(order)])
    return Load(stacked, heat, electricity)


def portfolio(facts: Facts, verdicts: Columns, ruleset: RuleSet) -> Columns:
    """Fill the load of every parcel and hold the result against the rules.

    Columns are NaN where the load is unknown or nil.
    """
    order, load = ruleset.order, facts["heat_load_kw"]
    plan = filled_load(facts, verdicts, ruleset)
    stacked, heat, electricity = plan.stacked, plan.heat_mwh, plan.electricity_mwh
    air = order.index("air_source")
    installed_kw, air_kw = stacked.installed_kw.sum(axis=0), stacked.installed_kw[air]
    with np.errstate(divide="ignore", invalid="ignore"):
        # Power is summed and divided once: shares that add up to 60 % must not fall short by a rounding.
        without_air = np.where(
            load > 0, np.delete(stacked.installed_kw, air, axis=0).sum(axis=0) / load, np.nan
        )
        counted = ruleset.portfolio.number("air_source_counted_frac")
        share = np.minimum(without_air + counted * stacked.installed_frac[air], 1.0)
    least = ruleset.portfolio.number("multi_energy_least_frac")
    several = (stacked.installed_frac >= least).sum(axis=0) > 1
    used = (stacked.installed_kw > 0).astype(np.int64)
    bits = (used << np.arange(len(order))[:, None]).sum(axis=0)
    columns: Columns = {
        "portfolio_technologies": lists_of(order, bits),
        "portfolio_installed_share_frac": share,
        "portfolio_share_without_air_frac": without_air,
        "portfolio_energy_share_frac": stacked.energy_frac.sum(axis=0),
        "portfolio_air_source_kw": np.where(np.isnan(share), np.nan, air_kw),
        "portfolio_unmet_kw": np.where(np.isnan(share), np.nan, stacked.unmet_kw),
    }
    capex = _capex(stacked, verdicts, ruleset)
    columns |= _money_and_carbon(share, installed_kw, heat, electricity, capex, several, ruleset)
    columns["portfolio_findings"] = _findings(facts, columns, ruleset)
    return columns


def _offer(technology: str, verdicts: Columns) -> Floats:
    eligible = verdicts[f"{technology}_rank"] >= CONDITIONAL
    if technology == "air_source":
        return np.where(eligible, np.inf, 0.0)
    return np.where(eligible, verdicts[f"{technology}_capacity_kw"], 0.0)


def _by_variant(technology: str, verdicts: Columns, values: dict[str, Any]) -> Any:
    """Return the figure of a technology's option; of geothermal, that of the better variant."""
    if technology in values:
        return values[technology]
    second = verdicts["geothermal_second"]
    return np.where(second, values["geothermal_closed_loop"], values["geothermal_hydrothermal"])


def _scop(facts: Facts, ruleset: RuleSet) -> dict[str, Any]:
    """Return the seasonal performance of every option."""
    rules = ruleset.portfolio
    return {
        o.id: rules.number(name) if (name := rules.economics[o.id].scop) else facts["air_source_seasonal_cop"]
        for o in OPTIONS
    }


def _capex(stacked: Stack, verdicts: Columns, ruleset: RuleSet) -> Floats:
    """Return the investment in CNY of all technologies of a parcel."""
    rules = ruleset.portfolio
    per_kw = {o.id: rules.number(rules.economics[o.id].capex) for o in OPTIONS}
    parts = [stacked.installed_kw[i] * _by_variant(t, verdicts, per_kw) for i, t in enumerate(ruleset.order)]
    total: Floats = np.sum(parts, axis=0)
    return total


def _money_and_carbon(
    share: Floats,
    installed_kw: Floats,
    heat: Floats,
    electricity: Floats,
    capex_cny: Floats,
    several: Any,
    ruleset: RuleSet,
) -> Columns:
    p = ruleset.portfolio.number
    heat_mwh, power_mwh = heat.sum(axis=0), electricity.sum(axis=0)
    support = economics.subsidy_frac(
        share,
        several,
        full_from_frac=p("subsidy_full_from_frac"),
        part_from_frac=p("subsidy_part_from_frac"),
        full_frac=p("subsidy_full_frac"),
        part_frac=p("subsidy_part_frac"),
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        scop = heat_mwh / power_mwh
        per_kwh = economics.lcoh_cny_per_kwh(
            capex_cny / installed_kw,
            subsidy_frac=support,
            capital_recovery_frac=economics.capital_recovery_frac(p("rate_frac"), p("life_a")),
            om_frac=p("om_frac"),
            full_load_h=heat_mwh * 1000.0 / installed_kw,
            electricity_cny_per_kwh=p("electricity_cny_per_kwh"),
            scop=scop,
        )
    boiler = economics.boiler_kg_per_kwh(p("gas_kg_per_kwh"), p("gas_boiler_efficiency_frac"))
    co2_t = power_mwh * p("grid_beijing_kg_per_kwh")
    return {
        "portfolio_scop": scop,
        "portfolio_subsidy_frac": support,
        "portfolio_lcoh_cny_per_mwh": per_kwh * 1000.0,
        "portfolio_co2_t_per_a": co2_t,
        "portfolio_co2_saved_t_per_a": heat_mwh * boiler - co2_t,
    }


def _findings(facts: Facts, columns: Columns, ruleset: RuleSet) -> Words:
    rules = ruleset.portfolio
    kinds, found = combinations(outcomes_of(rules, View(Rows(None, columns), facts)), rules)
    return Words(kinds, named([v.reasons for v in found]))
