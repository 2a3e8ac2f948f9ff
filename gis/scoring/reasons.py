"""Why: a check or note of the rules as text in two languages, with the fact, the threshold and the clause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gis.rules import Check, Note, ParameterValue
from gis.rules.model import KNOWN_FACTS
from gis.rules.ruleset import Rules
from gis.scoring.engine import CODE_SUFFIX, check_effect

OUTCOMES = {suffix: result for result, suffix in CODE_SUFFIX.items()}


def reason(
    code: str, values: Mapping[str, Any], rules: Rules, data_versions: Mapping[str, int]
) -> dict[str, Any]:
    """Return one reason by its code; `values` holds the facts, None where unknown."""
    name, _, suffix = code.partition(".")
    conditions: tuple[Check | Note, ...] = (*rules.checks, *rules.notes)
    condition = next(c for c in conditions if c.id == name)
    parameter = rules.parameters.get(condition.threshold)
    threshold = _listed(parameter) if parameter else values[condition.threshold]
    unit = KNOWN_FACTS[condition.fact][2]
    if isinstance(condition, Note):
        effect, zh, en = condition.effect, condition.text.zh, condition.text.en
    else:
        effect = check_effect(condition, OUTCOMES[suffix])  # type: ignore[assignment]
        zh, en = _check_text(condition, suffix, values, data_versions)
    shown = {
        "value": both(condition.fact, values[condition.fact], unit),
        "threshold": both(condition.fact, threshold, unit),
    }
    return {
        "code": code,
        "effect": effect,
        "clause_id": condition.clause,
        "fact": condition.fact,
        "value": values[condition.fact],
        "unit": unit,
        "threshold": threshold,
        "threshold_kind": parameter.source.kind if parameter and not parameter.bound else None,
        "zh": filled(zh, 0, shown, values, rules),
        "en": filled(en, 1, shown, values, rules),
    }


def _check_text(
    check: Check, suffix: str, values: Mapping[str, Any], data_versions: Mapping[str, int]
) -> tuple[str, str]:
    if suffix == "failed":
        text = check.failed
        if check.nowhere and values[check.nowhere.fact] is None:
            text = check.nowhere
        return text.zh, text.en
    if suffix == "met" and check.met:
        return check.met.zh, check.met.en
    # With the fact itself at hand it is the other side, or what decides whether the check applies.
    named = (check.fact, check.threshold, *(name for w in check.when for name in (w.fact, w.threshold)))
    unknown = next(name for name in named if name in KNOWN_FACTS and values[name] is None)
    zh, en = KNOWN_FACTS[unknown][:2]
    absent = [layer for layer in DEPENDS_ON.get(unknown, ()) if layer not in data_versions]
    if absent:
        from_zh, from_en = "、".join(absent), ", ".join(absent)
        return f"缺少“{zh}”：图层 {from_zh} 未导入", f"{en} is not known: layer {from_en} was never loaded"
    if unknown in FOLLOWS_FROM:
        from_zh, from_en = FOLLOWS_FROM[unknown]
        return f"缺少“{zh}”，无法判断，须补充{from_zh}", f"{en} is not known; give {from_en}"
    return f"缺少“{zh}”，无法判断", f"{en} is not known"


_DEMAND = (
    "用地代码，以及建筑面积、容积率或人口",
    "the land-use code, and floor area, floor area ratio or population",
)
FOLLOWS_FROM = {"heat_load_kw": _DEMAND, "heated_area_m2": _DEMAND}
"""What a planner has to supply for a fact that is worked out."""

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
    "geothermal_field_remaining_kw": ("geothermal_field",),
    "doublet_life_a": ("geothermal_field",),
    "biomass_distance_m": ("waste_heat_source",),
    "green_space_area_m2": ("green_space",),
}
"""Layers that a fact is read from, for the sentence that says what to load."""


def _listed(parameter: ParameterValue) -> Any:
    return list(parameter.value) if isinstance(parameter.value, tuple) else parameter.value


def filled(
    text: str,
    language: int,
    shown: Mapping[str, tuple[str, str]],
    values: Mapping[str, Any],
    rules: Rules,
) -> str:
    """Return a text of the rules with its placeholders filled; 0 is Chinese, 1 is English."""
    return text.format_map(_Shown(language, shown, values, rules)) if "{" in text else text


class _Shown(dict[str, str]):
    """Facts and numeric parameters as text in one language, made when a reason asks for them."""

    def __init__(
        self,
        language: int,
        shown: Mapping[str, tuple[str, str]],
        values: Mapping[str, Any],
        rules: Rules,
    ) -> None:
        super().__init__({name: both[language] for name, both in shown.items()})
        self.language, self.values_of, self.rules = language, values, rules

    def __missing__(self, name: str) -> str:
        if name in KNOWN_FACTS:
            return both(name, self.values_of[name], KNOWN_FACTS[name][2])[self.language]
        parameter = self.rules.parameters[name]
        return both(name, parameter.value, parameter.unit)[self.language]


def both(name: str, value: Any, unit: str | None) -> tuple[str, str]:
    """Return a value as text in Chinese and in English; shares and fractions in percent."""
    if name.endswith("_frac") and isinstance(value, (int, float)):
        percent = f"{value * 100:.1f}".rstrip("0").rstrip(".") + " %"
        return percent, percent
    if name.endswith("_name") and value is None:
        return "未命名", "unnamed"
    return _show(value, unit, "zh"), _show(value, unit, "en")


def _show(value: Any, unit: str | None, language: str) -> str:
    """Return a value as a person reads it: thousands apart, the unit behind."""
    if value is None:
        return "未知" if language == "zh" else "unknown"
    if isinstance(value, (list, tuple)):
        return "、".join(map(str, value)) if language == "zh" else ", ".join(map(str, value))
    if not isinstance(value, (int, float)):
        return str(value)
    digits = 0 if abs(value) >= 100 else 2 if abs(value) < 10 and unit != "a" else 1
    text = f"{value:,.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    shown = UNITS[language].get(unit or "", unit or "")
    return f"{text} {shown}".strip()


UNITS = {
    "en": {"m2": "m²", "m3/d": "m³/d", "degC": "℃", "W/(m K)": "W/(m·K)", "1": "", "a": "years"},
    "zh": {
        "m2": "m²",
        "m3/d": "m³/d",
        "degC": "℃",
        "W/(m K)": "W/(m·K)",
        "1": "",
        "a": "年",
        "h": "小时",
        "d": "天",
    },
}
"""How units are written for a reader."""
