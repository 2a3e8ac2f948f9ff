"""The portfolio and the checklists of one parcel, spelled out for a reader."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from gis.heat import economics
from gis.heat.storage import daily_storage
from gis.rules import RuleSet
from gis.rules.model import ChecklistItem
from gis.scoring.engine import ORDERED, holds
from gis.scoring.kernels import FAILED
from gis.scoring.portfolio import Load, filled_load
from gis.scoring.reasons import filled, reason
from gis.scoring.row import Row
from gis.vocabulary import PORTFOLIO, TECHNOLOGY_TITLES

GRID_FACTORS = ("grid_north_china_kg_per_kwh", "grid_beijing_kg_per_kwh", "grid_national_kg_per_kwh")


def portfolio_document(
    facts: Mapping[str, Any], verdict: Mapping[str, Any], ruleset: RuleSet, data_versions: Mapping[str, int]
) -> dict[str, Any] | None:
    """Return what the technologies give together; None where the heat load is unknown or nil."""
    if not facts["heat_load_kw"]:
        return None
    plan = filled_load(Row(facts), _verdict_arrays(verdict, ruleset), ruleset)
    of = {c.name.removeprefix("portfolio_"): verdict[c.name] for c in PORTFOLIO}
    values = {**facts, **{c.name: verdict[c.name] for c in PORTFOLIO}}
    rules = ruleset.portfolio
    return {
        "technologies": _parts(plan, ruleset, verdict),
        "installed_share_frac": of["installed_share_frac"],
        "share_without_air_frac": of["share_without_air_frac"],
        "energy_share_frac": of["energy_share_frac"],
        "unmet_kw": of["unmet_kw"],
        "scop": of["scop"],
        "air_source_unit_count": facts["air_source_unit_count"] and _units(of["air_source_kw"], ruleset),
        "subsidy": _subsidy(of["subsidy_frac"], ruleset),
        "lcoh_cny_per_mwh": of["lcoh_cny_per_mwh"],
        "co2_t_per_a": of["co2_t_per_a"],
        "co2_saved_t_per_a": of["co2_saved_t_per_a"],
        "carbon": _carbon(plan, ruleset),
        "storage": _storage(facts["heat_load_kw"], of["air_source_kw"], ruleset)
        if of["air_source_kw"]
        else None,
        "findings": [reason(code, values, rules, data_versions) for code in verdict["portfolio_findings"]],
        "assumptions": _assumptions(verdict, ruleset),
    }


def _assumptions(verdict: Mapping[str, Any], ruleset: RuleSet) -> list[dict[str, Any]]:
    """Return the assumptions behind cost and carbon, without prices of technologies that take no part."""
    rules, used = ruleset.portfolio, options_of(verdict, verdict["portfolio_technologies"] or [])
    others = {
        name
        for option, entry in rules.economics.items()
        if option not in used
        for name in (entry.capex, entry.scop)
    }
    return [dict(p.entry) for p in rules.assumed if p.name not in others | {"city_heated_area_m2"}]


def options_of(verdict: Mapping[str, Any], technologies: Iterable[str]) -> set[str]:
    """Return the options behind technologies: of geothermal the better variant."""
    return {f"geothermal_{verdict['geothermal_variant']}" if t == "geothermal" else t for t in technologies}


def _verdict_arrays(verdict: Mapping[str, Any], ruleset: RuleSet) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "geothermal_second": np.array([verdict["geothermal_variant"] == "closed_loop"])
    }
    for technology in ruleset.order:
        capacity = verdict[f"{technology}_capacity_kw"]
        columns[f"{technology}_rank"] = np.array([ORDERED.index(verdict[f"{technology}_status"])])
        columns[f"{technology}_capacity_kw"] = np.array([np.nan if capacity is None else capacity])
    return columns


def _parts(plan: Load, ruleset: RuleSet, verdict: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the technologies that take part, in the order in which they fill the load."""
    parts = []
    for i, technology in enumerate(ruleset.order):
        installed_kw = float(plan.stacked.installed_kw[i, 0])
        if not installed_kw > 0:
            continue
        heat, electricity = float(plan.heat_mwh[i, 0]), float(plan.electricity_mwh[i, 0])
        zh, en = TECHNOLOGY_TITLES[technology]
        parts.append(
            {
                "technology": technology,
                "variant": verdict["geothermal_variant"] if technology == "geothermal" else None,
                "title": {"zh": zh, "en": en},
                "installed_kw": installed_kw,
                "installed_share_frac": float(plan.stacked.installed_frac[i, 0]),
                "energy_share_frac": float(plan.stacked.energy_frac[i, 0]),
                "heat_mwh_per_a": heat,
                "electricity_mwh_per_a": electricity,
                "scop": heat / electricity if electricity > 0 else None,
            }
        )
    return parts


def _units(air_source_kw: float, ruleset: RuleSet) -> float:
    return float(np.ceil(air_source_kw / ruleset.options["air_source"].number("unit_kw")))


def _subsidy(rate: float | None, ruleset: RuleSet) -> dict[str, Any]:
    source = ruleset.portfolio.parameters["subsidy_full_frac"]
    return {
        "rate_frac": rate,
        "valid_from": source.valid_from.isoformat(),
        "clause_id": source.source.clause,
        "source": source.source.text,
    }


def _carbon(plan: Load, ruleset: RuleSet) -> dict[str, Any]:
    """Return the year's CO2 by every grid factor beside that of a gas boiler for the same heat."""
    p = ruleset.portfolio.number
    gas = p("gas_kg_per_kwh"), p("gas_boiler_efficiency_frac")
    heat, electricity = float(plan.heat_mwh.sum()), float(plan.electricity_mwh.sum())
    boiler_kg = float(economics.boiler_kg_per_kwh(*gas))
    scop = heat / electricity if electricity > 0 else None
    factors = []
    for name in GRID_FACTORS:
        parameter = ruleset.portfolio.parameters[name]
        breakeven = float(economics.breakeven_cop(p(name), *gas))
        factors.append(
            {
                "factor": name,
                "title": parameter.entry["title"],
                "valid_from": parameter.valid_from.isoformat(),
                "grid_kg_per_kwh": p(name),
                "co2_t_per_a": electricity * p(name),
                "saved_t_per_a": heat * boiler_kg - electricity * p(name),
                "breakeven_cop": breakeven,
                "better_than_boiler": None if scop is None else scop > breakeven,
            }
        )
    return {"boiler_kg_per_kwh": boiler_kg, "boiler_t_per_a": heat * boiler_kg, "by_factor": factors}


def _storage(load_kw: float, air_source_kw: float, ruleset: RuleSet) -> dict[str, Any]:
    """Return the water store that levels the design day, and the air source that it saves."""
    p, rules = ruleset.portfolio.number, ruleset.portfolio
    store = daily_storage(
        np.array([load_kw]),
        daily_peak_frac=p("daily_peak_frac"),
        hours_h=p("storage_h"),
        spread_k=p("storage_spread_k"),
    )
    peak_cut_kw = float(store.peak_cut_kw[0])
    return {
        "peak_cut_kw": peak_cut_kw,
        "air_source_saved_kw": min(peak_cut_kw, air_source_kw),
        "energy_kwh": float(store.energy_kwh[0]),
        "volume_m3": float(store.volume_m3[0]),
        "clause_id": "P1309-3.7",
        "source": rules.parameters["daily_peak_frac"].source.text,
    }


def checklist(
    facts: Mapping[str, Any], verdict: Mapping[str, Any], ruleset: RuleSet, data_versions: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Return what the applicant must show for the recommended technology and those that supplement it."""
    wanted = set(verdict["portfolio_technologies"] or []) | {verdict["recommended"]} - {None}
    chosen = options_of(verdict, wanted)
    values = {**facts, **{c.name: verdict[c.name] for c in PORTFOLIO}}
    known = dict(values)
    if known["heat_network_distance_m"] is None and "heat_network" in data_versions:
        # Loaded and nothing there: that is known, and infinitely far.
        known["heat_network_distance_m"] = math.inf
    return [
        _item(item, sorted(chosen & set(item.options)), values, ruleset)
        for item in ruleset.checklists.items
        if chosen & set(item.options) and _applies(item, known, ruleset)
    ]


def _applies(item: ChecklistItem, values: Mapping[str, Any], ruleset: RuleSet) -> bool:
    """Return whether no condition fails: what is not known does not rule an item out."""
    return all(holds(part, ruleset.checklists, values) != FAILED for part in item.when)


def _item(
    item: ChecklistItem, options: list[str], values: Mapping[str, Any], ruleset: RuleSet
) -> dict[str, Any]:
    zh, en = filled((item.text.zh, item.text.en), {}, values, ruleset.checklists)
    return {
        "id": item.id,
        "group": item.group,
        "options": options,
        "clause_id": item.clause,
        "zh": zh,
        "en": en,
    }
