"""The suitability document of one parcel: the stored row, spelled out with reasons, clauses and evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gis.rules import Check, Note, OptionRules, ParameterValue, RuleSet
from gis.rules.model import LOCAL_FACTS
from gis.scoring.demand import land_use_class
from gis.scoring.engine import CODE_SUFFIX, check_effect
from gis.vocabulary import FACT, OPTIONS, TECHNOLOGY_TITLES, Option

OUTCOMES = {suffix: result for result, suffix in CODE_SUFFIX.items()}
DEMAND_FACTS = (
    "heated_area_m2",
    "heated_area_basis",
    "heat_index_w_per_m2",
    "heat_load_kw",
    "heat_demand_mwh_per_a",
    "cooling_load_kw",
    "cooling_demand_mwh_per_a",
)
LOCATION_FACTS = ("district", "township", "planning_area", "area_m2", "land_use_code", "building_status")


def suitability_document(
    facts: Mapping[str, Any] | pd.Series,
    verdict: Mapping[str, Any] | pd.Series,
    ruleset: RuleSet,
    data_versions: Mapping[str, int],
) -> dict[str, Any]:
    """Return the document of `GET /api/parcels/{id}/suitability` from one row of facts and of verdicts.

    Everything not known is null. The document of a stored row and of one just
    computed are equal to the byte.
    """
    facts, verdict = _plain(facts), _plain(verdict)
    names = [o for t in ruleset.order for o in OPTIONS if o.technology == t]
    technologies = [
        _technology(o, rank, facts, verdict, ruleset, data_versions) for rank, o in enumerate(names, 1)
    ]
    chosen = verdict["recommended"]
    return {
        "parcel_id": facts["parcel_id"],
        "ruleset": {"id": ruleset.id, "as_of": ruleset.as_of.isoformat(), "hash": ruleset.hash},
        "data_versions": dict(sorted(data_versions.items())),
        "location": {name: facts[name] for name in LOCATION_FACTS},
        "demand": {name: facts[name] for name in DEMAND_FACTS}
        | {"assumptions": _demand_assumptions(facts, ruleset)},
        "recommended": chosen,
        "recommended_variant": verdict["recommended_variant"],
        "recommended_status": verdict["recommended_status"],
        "recommended_title": _title(*TECHNOLOGY_TITLES[chosen]) if chosen else None,
        "undecided": verdict["undecided"] or [],
        "technologies": technologies,
    }


def _plain(row: Mapping[str, Any] | pd.Series) -> dict[str, Any]:
    """Return a row as JSON values: NaN becomes null, numpy scalars become numbers."""
    named = {"parcel_id": row.name} if isinstance(row, pd.Series) else {}
    return named | {str(k): _value(v) for k, v in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, (list, np.ndarray)):
        return [_value(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        # A source that is nowhere is infinitely far: it has no distance.
        return value if math.isfinite(value) else None
    return value


def _title(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en}


def _technology(
    option: Option,
    rank: int,
    facts: Mapping[str, Any],
    verdict: Mapping[str, Any],
    ruleset: RuleSet,
    data_versions: Mapping[str, int],
) -> dict[str, Any]:
    rules = ruleset.options[option.id]
    of = {p: verdict[f"{option.id}_{p}"] for p in ("status", "score", "capacity_kw", "installed_share_frac")}
    values = {**facts, **of, **_earlier(option, verdict, ruleset)}
    codes = verdict[f"{option.id}_reasons"]
    return {
        "technology": option.technology,
        "variant": option.variant,
        "title": _title(option.zh, option.en),
        "rank": rank,
        "status": of["status"],
        "score": of["score"],
        "capacity_kw": of["capacity_kw"],
        "installed_share_frac": of["installed_share_frac"],
        "energy_share_frac": verdict[f"{option.id}_energy_share_frac"],
        "reasons": [_reason(code, values, rules, data_versions) for code in codes],
        "evidence": {name: facts[name] for name in rules.evidence},
        "assumptions": [_assumption(p) for p in rules.parameters.values() if p.source.kind == "assumption"],
    }


def _earlier(option: Option, verdict: Mapping[str, Any], ruleset: RuleSet) -> dict[str, float]:
    before = ruleset.order[: ruleset.order.index(option.technology)]
    status = [verdict[f"{t}_status"] for t in before]
    return {
        "earlier_suitable_count": float(status.count("suitable")),
        "earlier_unknown_count": float(status.count("unknown")),
    }


def _reason(
    code: str, values: Mapping[str, Any], rules: OptionRules, data_versions: Mapping[str, int]
) -> dict[str, Any]:
    name, _, suffix = code.partition(".")
    conditions: tuple[Check | Note, ...] = (*rules.checks, *rules.notes)
    condition = next(c for c in conditions if c.id == name)
    parameter = rules.parameters.get(condition.threshold)
    threshold = _listed(parameter) if parameter else values[condition.threshold]
    unit = _unit(condition.fact)
    if isinstance(condition, Note):
        effect, zh, en = condition.effect, condition.text.zh, condition.text.en
    else:
        effect = check_effect(condition, OUTCOMES[suffix])  # type: ignore[assignment]
        # With the fact itself at hand it is the other side of the comparison that is missing.
        unknown = condition.fact if values[condition.fact] is None else condition.threshold
        zh, en = _check_text(condition, suffix, unknown, data_versions)
    shown = {
        "value": _both(condition.fact, values[condition.fact], unit),
        "threshold": _both(condition.fact, threshold, unit),
    }
    return {
        "code": code,
        "effect": effect,
        "clause_id": condition.clause,
        "fact": condition.fact,
        "value": values[condition.fact],
        "unit": unit,
        "threshold": threshold,
        "threshold_kind": parameter.source.kind if parameter else None,
        "zh": zh.format_map(_Shown(0, shown, values, rules)),
        "en": en.format_map(_Shown(1, shown, values, rules)),
    }


def _check_text(check: Check, suffix: str, unknown: str, data_versions: Mapping[str, int]) -> tuple[str, str]:
    if suffix == "failed":
        return check.failed.zh, check.failed.en
    if suffix == "met" and check.met:
        return check.met.zh, check.met.en
    zh, en = _fact_title(unknown)
    absent = [layer for layer in DEPENDS_ON.get(unknown, ()) if layer not in data_versions]
    if absent:
        from_zh, from_en = "、".join(absent), ", ".join(absent)
        return f"缺少“{zh}”：图层 {from_zh} 未导入", f"{en} is not known: layer {from_en} was never loaded"
    return f"缺少“{zh}”，无法判断", f"{en} is not known"


DEPENDS_ON: dict[str, tuple[str, ...]] = {
    "shallow_suitability": ("shallow_geothermal_zone",),
    "ground_conductivity_w_per_m_k": ("shallow_geothermal_zone",),
    "drilling_exclusion_frac": ("drilling_exclusion",),
    "reclaimed_distance_m": ("wastewater_plant", "reclaimed_water_pipeline"),
    "reclaimed_flow_m3_per_d": ("wastewater_plant", "reclaimed_water_pipeline"),
    "geothermal_field_overlap_frac": ("geothermal_field",),
    "geothermal_temperature_degc": ("geothermal_field",),
    "intake_prohibited_frac": ("water_intake_zone",),
    "intake_restricted_frac": ("water_intake_zone",),
    "intake_reserve_frac": ("water_intake_zone",),
    "waste_heat_distance_m": ("data_centre", "waste_heat_source"),
    "heat_network_distance_m": ("heat_network",),
}
"""Layers that a fact is read from, for the sentence that says what to load."""


def _fact_title(fact: str) -> tuple[str, str]:
    if fact in LOCAL_FACTS:
        return LOCAL_FACTS[fact][:2]
    return FACT[fact].zh, FACT[fact].en


def _unit(fact: str) -> str | None:
    return LOCAL_FACTS[fact][2] if fact in LOCAL_FACTS else FACT[fact].unit


def _listed(parameter: ParameterValue) -> Any:
    return list(parameter.value) if isinstance(parameter.value, tuple) else parameter.value


class _Shown(dict[str, str]):
    """Facts and numeric parameters as text in one language, made when a reason asks for them."""

    def __init__(
        self,
        language: int,
        shown: Mapping[str, tuple[str, str]],
        values: Mapping[str, Any],
        rules: OptionRules,
    ) -> None:
        super().__init__({name: both[language] for name, both in shown.items()})
        self.language, self.values_of, self.rules = language, values, rules

    def __missing__(self, name: str) -> str:
        if name in FACT:
            return _both(name, self.values_of[name], FACT[name].unit)[self.language]
        parameter = self.rules.parameters[name]
        return _both(name, parameter.value, parameter.unit)[self.language]


def _both(name: str, value: Any, unit: str | None) -> tuple[str, str]:
    """Return a value as text in Chinese and in English; shares and fractions in percent."""
    if name.endswith("_frac") and isinstance(value, (int, float)):
        percent = f"{value * 100:.1f}".rstrip("0").rstrip(".") + " %"
        return percent, percent
    return _show(value, unit, "zh"), _show(value, unit, "en")


def _show(value: Any, unit: str | None, language: str) -> str:
    """Return a value as a person reads it: thousands apart, the unit behind."""
    if value is None:
        return "未知" if language == "zh" else "unknown"
    if isinstance(value, (list, tuple)):
        return "、".join(map(str, value)) if language == "zh" else ", ".join(map(str, value))
    if not isinstance(value, (int, float)):
        return str(value)
    units = {"m2": "m²", "m3/d": "m³/d", "degC": "℃", "W/(m K)": "W/(m·K)", "1": ""}
    digits = 0 if abs(value) >= 100 else 2 if abs(value) < 10 else 1
    text = f"{value:,.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text} {units.get(unit or '', unit or '')}".strip()


def _assumption(parameter: ParameterValue) -> dict[str, Any]:
    return {
        "parameter": parameter.name,
        "title": _title(parameter.title.zh, parameter.title.en),
        "value": _listed(parameter),
        "unit": None if parameter.unit == "list" else parameter.unit,
        "source": parameter.source.text,
    }


def _demand_assumptions(facts: Mapping[str, Any], ruleset: RuleSet) -> list[dict[str, Any]]:
    """Return the assumptions behind this parcel's demand, only those that were used."""
    used: set[str | None] = {"heated_share_frac", "cooling_full_load_h"}
    if facts["heated_area_basis"] == "heated_area":
        used.discard("heated_share_frac")
    if facts["heated_area_basis"] == "population":
        used |= {"floor_area_per_person_m2"}
        if facts["land_use_code"] is None:
            used |= {ruleset.demand.mixed_heat_index}
    name = land_use_class(np.array([facts["land_use_code"]], dtype=object), ruleset)[0]
    if name is not None and facts["heated_area_m2"]:
        use, values = ruleset.demand.land_use[name], ruleset.demand_parameters
        used |= {p for p in use.heat_index.values() if values[p].value == facts["heat_index_w_per_m2"]}
        used |= {use.cooling_index}
    parameters = (p for p in ruleset.demand_parameters.values() if p.name in used)
    return [_assumption(p) for p in parameters if p.source.kind == "assumption"]
