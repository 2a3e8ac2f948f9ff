"""A suitability document as text for a person, in Chinese or English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.explain_plan import put_checklist, put_portfolio, put_reason
from api.sheet import Sheet
from gis.rules import RuleSet
from gis.titles import HEATED_AREA_BASES, LAND_USE_CLASSES, declared_words
from gis.vocabulary import STATUS_TITLES, TECHNOLOGY_TITLES
from gis.wording import WORDS, Language, clause_ids


def text_of(document: Mapping[str, Any], ruleset: RuleSet, language: Language) -> str:
    """Return the document as text: demand, recommendation, technologies, portfolio, checklist, sources.

    `ruleset` is the one of the document; titles of its areas and clauses come from it.
    """
    sheet = Sheet(language, WORDS)
    _put_place(sheet, document, ruleset)
    _put_demand(sheet, document["demand"])
    _put_recommendation(sheet, document)
    sheet.put("")
    sheet.put(sheet.word("technologies"))
    sheet.put(sheet.word("range_note"), 2)
    for verdict in document["technologies"]:
        _put_technology(sheet, verdict)
    put_portfolio(sheet, document["portfolio"])
    put_checklist(sheet, document["checklist"])
    _put_sources(sheet, document, ruleset)
    return str(sheet)


def _put_place(sheet: Sheet, document: Mapping[str, Any], ruleset: RuleSet) -> None:
    where, words = document["location"], declared_words()
    place = " ".join(p for p in (where["district"], where["township"]) if p)
    sheet.put(f"{sheet.word('parcel')} {document['parcel_id']}  {place}")
    use, code = where["land_use_class"], where["land_use_code"]
    title = sheet.pick(LAND_USE_CLASSES.get(use, (use, use))) if use else sheet.word("unknown")
    told = [f"{sheet.word('land_use')} {sheet.bracketed(title, code) if code else title}"]
    for name in ("building_status", "planning_area"):
        value = where[name]
        shown = sheet.pick(words.get(value, {"zh": value, "en": value})) if value else sheet.word("unknown")
        told.append(f"{sheet.word(name)} {shown}")
    told.append(f"{sheet.word('area')} {sheet.number(where['area_m2'], 'm2')}")
    sheet.put(sheet.joined(told), 2)
    titles = {area.id: sheet.pick(area.title.model_dump()) for area in ruleset.areas}
    kinds = ("geothermal_pilot_area", "geothermal_focus_area", "data_centre_area")
    named = dict.fromkeys(titles.get(where[k], where[k]) for k in kinds if where[k])
    if named:
        sheet.put(sheet.named(sheet.word("areas"), sheet.joined(list(named))), 2)


def _put_demand(sheet: Sheet, demand: Mapping[str, Any]) -> None:
    def figure(word: str, name: str, unit: str) -> str:
        return f"{sheet.word(word)} {sheet.number(demand[name], unit)}"

    basis = demand["heated_area_basis"]
    heated = figure("heated", "heated_area_m2", "m2")
    if basis:
        heated = sheet.bracketed(heated, sheet.pick(HEATED_AREA_BASES.get(basis, (basis, basis))))
    sheet.put("")
    sheet.put(sheet.word("demand"))
    index, season = figure("heat_index", "heat_index_w_per_m2", "W/m2"), figure("season", "season_d", "d")
    sheet.put(sheet.joined([heated, index, season]), 2)
    heat = [figure("load", "heat_load_kw", "kW"), figure("heat", "heat_demand_mwh_per_a", "MWh/a")]
    cooling = [
        figure("cooling_load", "cooling_load_kw", "kW"),
        figure("cooling", "cooling_demand_mwh_per_a", "MWh/a"),
    ]
    sheet.put(sheet.joined(heat + cooling), 2)
    for assumption in demand["assumptions"]:
        sheet.put(sheet.named(sheet.word("assumed"), sheet.assumption(assumption)), 2)


def _put_recommendation(sheet: Sheet, document: Mapping[str, Any]) -> None:
    chosen, status = document["recommended"], document["recommended_status"]
    sheet.put("")
    title = sheet.word("none")
    if chosen:
        title = sheet.bracketed(sheet.pick(TECHNOLOGY_TITLES[chosen]), sheet.pick(STATUS_TITLES[status]))
    sheet.put(sheet.named(sheet.word("recommended"), title))
    if document["undecided"]:
        names = [sheet.pick(TECHNOLOGY_TITLES[t]) for t in document["undecided"]]
        sheet.put(sheet.named(sheet.word("undecided"), sheet.joined(names)), 2)


def _put_technology(sheet: Sheet, verdict: Mapping[str, Any]) -> None:
    status = sheet.pick(STATUS_TITLES[verdict["status"]])
    head = [sheet.named(f"{verdict['rank']}. {sheet.pick(verdict['title'])}", status)]
    if verdict["score"] is not None:
        head.append(f"{sheet.word('score')} {verdict['score']:.0f}")
    sheet.put(sheet.joined(head))
    capacity = f"{sheet.word('capacity')} {sheet.number(verdict['capacity_kw'], 'kW')}"
    spread = verdict["capacity_range_kw"]
    if spread and spread["p90"] < spread["p10"]:
        ends = [f"{p.upper()} {sheet.number(spread[p])}" for p in ("p90", "p50", "p10")]
        capacity = sheet.bracketed(capacity, sheet.pick(("／", ", ")).join(ends))
    shares = [
        f"{sheet.word(name)} {sheet.share(verdict[f'{name}_frac'])}"
        for name in ("installed_share", "energy_share")
    ]
    sheet.put(sheet.joined([capacity, *shares]), 3)
    if verdict["why_not"]:
        sheet.put(sheet.named(sheet.word("why_not"), sheet.cited(verdict["why_not"])), 3)
    for change in verdict["changes"]:
        sheet.put(sheet.named(sheet.word("change"), sheet.cited(change)), 3)
    for reason in verdict["reasons"]:
        put_reason(sheet, reason)


def _put_sources(sheet: Sheet, document: Mapping[str, Any], ruleset: RuleSet) -> None:
    rules = document["ruleset"]
    sheet.put("")
    head = f"{sheet.word('rules')} {rules['id']} {rules['hash'][:8]}"
    sheet.put(sheet.joined([head, f"{sheet.word('as_of')} {rules['as_of']}"]))
    versions = [f"{layer} {version}" for layer, version in document["data_versions"].items()]
    sheet.put(sheet.named(sheet.word("data"), sheet.joined(versions)))
    cited: dict[str, list[str]] = {}
    for clause_id in sorted({*clause_ids(document)} & set(ruleset.clauses)):
        clause = ruleset.clauses[clause_id]
        cited.setdefault(clause.document, []).append(f"{clause.section} [{clause_id}]")
    for name, sections in cited.items():
        sheet.put(sheet.named(f"{sheet.word('clauses')} {name}", sheet.joined(sections)))
