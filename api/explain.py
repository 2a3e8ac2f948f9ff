"""A suitability document as text for a person, in Chinese or English."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from gis.vocabulary import STATUS_TITLES, TECHNOLOGY_TITLES

Language = Literal["zh", "en"]

_WORDS: Mapping[str, tuple[str, str]] = {
    "parcel": ("地块", "Parcel"),
    "area": ("面积", "area"),
    "heated": ("供热面积", "heated area"),
    "load": ("设计热负荷", "heat load"),
    "recommended": ("推荐", "Recommended"),
    "none": ("暂无适宜技术", "no technology"),
    "undecided": ("排序在前而资料不足", "earlier in the order but unknown"),
    "score": ("得分", "score"),
    "capacity": ("供热能力", "capacity"),
    "unknown": ("未知", "unknown"),
    "assumed": ("按假定值", "assumed"),
    "rules": ("规则集", "Rule set"),
    "as_of": ("适用日期", "as of"),
    "data": ("数据版本", "Data versions"),
}


def text_of(document: Mapping[str, Any], language: Language) -> str:
    """Return the document as lines: demand, recommendation, then every technology with its reasons."""
    return "\n".join(_lines(document, 0 if language == "zh" else 1))


def _lines(document: Mapping[str, Any], n: int) -> Iterator[str]:
    def word(name: str) -> str:
        return _WORDS[name][n]

    def amount(value: float | None, unit: str) -> str:
        return word("unknown") if value is None else f"{value:,.0f} {unit}"

    where, demand = document["location"], document["demand"]
    place = " ".join(p for p in (where["district"], where["township"]) if p)
    yield f"{word('parcel')} {document['parcel_id']}  {place}".rstrip()
    yield (
        f"  {word('area')} {amount(where['area_m2'], 'm²')}, {word('heated')} "
        f"{amount(demand['heated_area_m2'], 'm²')}, {word('load')} {amount(demand['heat_load_kw'], 'kW')}"
    )
    for assumption in demand["assumptions"]:
        yield f"  {word('assumed')}: {_assumption(assumption, n)}"
    chosen, status = document["recommended"], document["recommended_status"]
    title = f"{TECHNOLOGY_TITLES[chosen][n]} ({STATUS_TITLES[status][n]})" if chosen else word("none")
    yield f"{word('recommended')}: {title}"
    if document["undecided"]:
        yield f"  {word('undecided')}: " + ", ".join(TECHNOLOGY_TITLES[t][n] for t in document["undecided"])
    for verdict in document["technologies"]:
        name, status = verdict["title"]["zh" if n == 0 else "en"], STATUS_TITLES[verdict["status"]][n]
        score = "" if verdict["score"] is None else f", {word('score')} {verdict['score']:.0f}"
        yield (
            f"{verdict['rank']}. {name}: {status}{score}, "
            f"{word('capacity')} {amount(verdict['capacity_kw'], 'kW')}"
        )
        for reason in verdict["reasons"]:
            clause = f" [{reason['clause_id']}]" if reason["clause_id"] else ""
            yield f"   - {reason['zh' if n == 0 else 'en']}{clause}"
    rules = document["ruleset"]
    yield f"{word('rules')} {rules['id']} {rules['hash'][:8]}, {word('as_of')} {rules['as_of']}"
    yield f"{word('data')}: " + ", ".join(f"{k} {v}" for k, v in document["data_versions"].items())


def _assumption(assumption: Mapping[str, Any], n: int) -> str:
    unit = "" if assumption["unit"] in (None, "1") else f" {assumption['unit']}"
    return f"{assumption['title']['zh' if n == 0 else 'en']} {assumption['value']}{unit}"
