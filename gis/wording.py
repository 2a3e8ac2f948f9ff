"""Figures, shares and citations of a suitability document as people write them, in Chinese or English."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

Language = Literal["zh", "en"]

_UNITS: Mapping[str, tuple[str, str]] = {
    "1": ("", ""),
    "m2": ("m²", "m²"),
    "m3": ("m³", "m³"),
    "W/m2": ("W/m²", "W/m²"),
    "degC": ("℃", "°C"),
    "d": ("天", "d"),
    "CNY/MWh": ("元/MWh", "CNY/MWh"),
}

WORDS: Mapping[str, tuple[str, str]] = {
    "parcel": ("地块", "Parcel"),
    "area": ("地块面积", "parcel area"),
    "land_use": ("用地", "land use"),
    "building_status": ("建设状态", "building status"),
    "planning_area": ("功能分区", "planning area"),
    "areas": ("政策点名区域", "areas named by the policy"),
    "demand": ("需求", "Demand"),
    "heated": ("供热面积", "heated area"),
    "heat_index": ("采暖热指标", "heat index"),
    "season": ("供暖期", "heating period"),
    "load": ("设计热负荷", "heat load"),
    "heat": ("年供热量", "heat"),
    "cooling_load": ("设计冷负荷", "cooling load"),
    "cooling": ("年供冷量", "cooling"),
    "recommended": ("推荐技术", "Recommended"),
    "none": ("暂无推荐", "none"),
    "undecided": ("排序在前而资料不足", "earlier in the order but unknown"),
    "technologies": ("各技术（按政策优先次序）", "Technologies in the order of the policy"),
    "range_note": (
        "P90、P50、P10：分别有 90 %、50 %、10 % 的把握达到的供热能力",
        "P90, P50, P10: capacities that are reached with a certainty of 90 %, 50 % and 10 %",
    ),
    "score": ("得分", "score"),
    "capacity": ("供热能力", "capacity"),
    "installed_share": ("装机占比", "installed share"),
    "energy_share": ("供热量占比", "energy share"),
    "why_not": ("未推荐原因", "Why not"),
    "change": ("差多少可行", "Feasible with"),
    "unknown": ("资料不足", "not known"),
    "assumed": ("采用的假设", "Assumed"),
    "rules": ("规则集", "Rule set"),
    "as_of": ("基准日", "as of"),
    "data": ("数据版本", "Data versions"),
    "clauses": ("条款", "Clauses of"),
    # portfolio
    "portfolio": (
        "组合方案（按优先次序叠加，空气源补足）",
        "Portfolio (in the order of priority, topped up by air source)",
    ),
    "no_load": ("热负荷未知或为零，不作组合", "no portfolio: the heat load is not known or nil"),
    "technology": ("技术", "technology"),
    "installed": ("装机", "installed"),
    "scop": ("季节能效", "seasonal COP"),
    "new_energy": ("新能源合计", "new energy"),
    "new_energy_share": ("新能源装机占比", "installed share of new energy"),
    "without_air": ("不计空气源 {}", "{} without air source"),
    "unmet": ("未满足热负荷", "load not met"),
    "units": ("空气源机组", "air-source units"),
    "findings": ("政策核查", "Held against the policy"),
    "subsidy": ("固定资产投资支持比例", "investment support"),
    "from_day": ("自 {} 起", "from {}"),
    "lcoh": ("平准化供热成本", "levelised cost of heat"),
    "carbon": (
        "年碳排放：同等供热量的燃气锅炉为 {}",
        "CO2 of a year: a gas boiler for the same heat emits {}",
    ),
    "emitted": ("排放 {}", "emits {}"),
    "saved": ("较燃气锅炉减排 {}", "{} less than the boiler"),
    "not_saved": ("较燃气锅炉多排 {}", "{} more than the boiler"),
    "breakeven": ("临界季节能效 {}", "break-even seasonal COP {}"),
    "better": ("优于燃气锅炉", "better than the boiler"),
    "worse": ("不优于燃气锅炉", "not better than the boiler"),
    "storage": ("蓄热", "Storage"),
    "peak_cut": ("削峰 {}", "cuts the peak by {}"),
    "air_saved": ("可少装空气源 {}", "saves {} of air source"),
    "store": ("蓄热量 {}", "holds {}"),
    "water": ("水箱 {}", "{} of water"),
    "checklist": ("申报和建设须落实的事项", "What the applicant must show or arrange"),
    "only_for": ("适用", "for"),
}
"""What parts and figures of a document are called."""


class Wording:
    """One language: words of a table, figures with units, texts with their clauses."""

    def __init__(self, language: Language, words: Mapping[str, tuple[str, str]] = WORDS) -> None:
        self.language, self._words = language, words

    def word(self, name: str) -> str:
        """Return a word of the sheet's table in its language."""
        return self._words[name][self.language == "en"]

    def pick(self, both: Mapping[str, Any] | tuple[str, str]) -> str:
        """Return the text of the sheet's language."""
        return str(both[self.language == "en"] if isinstance(both, tuple) else both[self.language])

    def cited(self, entry: Mapping[str, Any]) -> str:
        """Return the text of a reason, a change or an item with its clause."""
        return f"{self.pick(entry)} [{entry['clause_id']}]" if entry["clause_id"] else self.pick(entry)

    def joined(self, parts: Sequence[str]) -> str:
        """Return parts of a sentence as one."""
        return self.pick(("，", ", ")).join(parts)

    def named(self, name: str, text: str) -> str:
        """Return a text behind its name."""
        return name + self.pick(("：", ": ")) + text

    def bracketed(self, text: str, note: str) -> str:
        """Return a text with a note in brackets."""
        return text + self.pick(("（{}）", " ({})")).format(note)

    def number(self, value: float | None, unit: str = "1", digits: int | None = None) -> str:
        """Return a figure with its unit, or a word where it is not known."""
        if value is None:
            return self.word("unknown")
        if digits is None:
            digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
        shown = f"{value:,.{digits}f}"
        if "." in shown:
            shown = shown.rstrip("0").rstrip(".")
        return f"{shown} {self.unit(unit)}".rstrip()

    def unit(self, unit: str) -> str:
        """Return a unit as people write it."""
        return self.pick(_UNITS.get(unit, (unit, unit)))

    def share(self, value: float | None) -> str:
        """Return a share in percent, or a word where it is not known."""
        if value is None:
            return self.word("unknown")
        return f"{value * 100:.1f}".rstrip("0").rstrip(".") + " %"

    def assumption(self, assumption: Mapping[str, Any]) -> str:
        """Return an assumption with its value and range."""
        value, unit = assumption["value"], assumption["unit"] or "1"
        if isinstance(value, list):
            return f"{self.pick(assumption['title'])} {self.joined([str(v) for v in value])}"
        if isinstance(value, Mapping):
            return f"{self.pick(assumption['title'])} {self.joined([f'{k} {v:g}' for k, v in value.items()])}"
        percent = assumption["parameter"].endswith("_frac")
        told = (
            f"{self.pick(assumption['title'])} {self.share(value) if percent else self.number(value, unit)}"
        )
        low_high = [assumption[end] for end in ("low", "high") if assumption[end] is not None]
        ends = [self.share(end) if percent else self.number(end) for end in low_high]
        return self.bracketed(told, self.pick(("～", " to ")).join(ends)) if ends else told


def clause_ids(value: Any) -> Iterator[str]:
    """Yield every clause that a part of the document names."""
    if isinstance(value, Mapping):
        if value.get("clause_id"):
            yield value["clause_id"]
        for part in value.values():
            yield from clause_ids(part)
    elif isinstance(value, list):
        for part in value:
            yield from clause_ids(part)
