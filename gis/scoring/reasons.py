"""Why: a check or note of the rules as text in two languages, with the fact, the threshold and the clause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from string import Formatter
from typing import Any

from gis.rules import Check, Note, ParameterValue
from gis.rules.model import KNOWN_FACTS
from gis.rules.ruleset import Rules
from gis.scoring.engine import CODE_SUFFIX, check_effect

OUTCOMES = {suffix: result for result, suffix in CODE_SUFFIX.items()}


@dataclass(frozen=True)
class Kind:
    """What all reasons of one code have in common; `parameter` is None where a fact is the threshold."""

    condition: Check | Note
    suffix: str
    effect: str
    unit: str | None
    parameter: ParameterValue | None

    @classmethod
    def of(cls, code: str, rules: Rules) -> Kind:
        """Return the kind of a code of these rules."""
        name, _, suffix = code.partition(".")
        conditions: tuple[Check | Note, ...] = (*rules.checks, *rules.notes)
        condition = next(c for c in conditions if c.id == name)
        noted = isinstance(condition, Note)
        effect = condition.effect if noted else check_effect(condition, OUTCOMES[suffix])  # type: ignore[arg-type]
        unit = KNOWN_FACTS[condition.fact][2]
        return cls(condition, suffix, effect, unit, rules.parameters.get(condition.threshold))


def reason(
    code: str, values: Mapping[str, Any], rules: Rules, data_versions: Mapping[str, int]
) -> dict[str, Any]:
    """Return one reason by its code; `values` holds the facts, None where unknown."""
    kind = rules.kinds.get(code)
    if kind is None:
        kind = rules.kinds[code] = Kind.of(code, rules)
    condition, parameter, unit = kind.condition, kind.parameter, kind.unit
    value = values[condition.fact]
    limit = parameter.value if parameter else values[condition.threshold]
    text = (
        (condition.text.zh, condition.text.en)
        if isinstance(condition, Note)
        else _check_text(condition, kind.suffix, values, data_versions)
    )
    shown = {"value": (condition.fact, value, unit), "threshold": (condition.fact, limit, unit)}
    zh, en = filled(text, shown, values, rules)
    return {
        "code": code,
        "effect": kind.effect,
        "clause_id": condition.clause,
        "fact": condition.fact,
        "value": value,
        "unit": unit,
        "threshold": list(limit) if isinstance(limit, tuple) else limit,
        "threshold_kind": parameter.source.kind if parameter and not parameter.bound else None,
        "zh": zh,
        "en": en,
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


Shown = tuple[str, Any, str | None]
"""What a placeholder stands for: a name, which tells how it is written, the value and its unit."""


def filled(
    texts: tuple[str, str], shown: Mapping[str, Shown], values: Mapping[str, Any], rules: Rules
) -> tuple[str, str]:
    """Return a text of the rules in Chinese and in English with its placeholders filled.

    They are those of `shown`, facts, and numeric parameters.
    """
    zh, en, names = _template(*texts)
    if not names:
        return texts
    found = {name: both(*(shown.get(name) or _known(name, values, rules))) for name in names}
    return _joined(zh, found, 0), _joined(en, found, 1)


@lru_cache(maxsize=4096)
def _template(zh: str, en: str) -> tuple[tuple[str, ...], tuple[str, ...], frozenset[str]]:
    """Return the pieces of a text in both languages, and the names of all its placeholders."""
    pieces = _pieces(zh), _pieces(en)
    return *pieces, frozenset((*pieces[0][1::2], *pieces[1][1::2]))


def _pieces(text: str) -> tuple[str, ...]:
    """Return what stands before, between and behind the placeholders of a text, and their names between."""
    pieces: list[str] = [""]
    for before, name, _, _ in Formatter().parse(text):
        pieces[-1] += before
        if name is not None:
            pieces += [name, ""]
    return tuple(pieces)


def _joined(pieces: tuple[str, ...], found: Mapping[str, tuple[str, str]], language: int) -> str:
    told = list(pieces)
    told[1::2] = [found[name][language] for name in pieces[1::2]]
    return "".join(told)


def _known(name: str, values: Mapping[str, Any], rules: Rules) -> Shown:
    if name in KNOWN_FACTS:
        return name, values[name], KNOWN_FACTS[name][2]
    parameter = rules.parameters[name]
    return name, parameter.value, parameter.unit


# Thresholds and parameters are told again and again.
@lru_cache(maxsize=4096)
def both(name: str, value: Any, unit: str | None) -> tuple[str, str]:
    """Return a value as text in Chinese and in English: thousands apart, shares and fractions in percent."""
    number = isinstance(value, (int, float))
    if number:
        value += 0.0  # of two zeros that are equal one has a sign
    if number and name.endswith("_frac"):
        percent = f"{value * 100:.1f}".rstrip("0").rstrip(".") + " %"
        return percent, percent
    if value is None:
        return ("未命名", "unnamed") if name.endswith("_name") else ("未知", "unknown")
    if isinstance(value, tuple):
        return "、".join(map(str, value)), ", ".join(map(str, value))
    if not number:
        return str(value), str(value)
    digits = 0 if abs(value) >= 100 else 2 if abs(value) < 10 and unit != "a" else 1
    text = f"{value:,.{digits}f}"
    if digits:
        text = text.rstrip("0").rstrip(".")
    zh, en = (UNITS[language].get(unit or "", unit or "") for language in ("zh", "en"))
    return f"{text} {zh}".strip(), f"{text} {en}".strip()


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
