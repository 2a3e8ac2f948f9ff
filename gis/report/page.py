"""A report as HTML that needs nothing else, and the same as PDF."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from itertools import zip_longest
from pathlib import Path
from threading import RLock
from typing import Any

import jinja2
import orjson
from markupsafe import Markup

from gis.errors import OneMapError
from gis.report import figures
from gis.report.sight import Sight
from gis.report.words import ReportWording
from gis.rules import RuleSet
from gis.titles import (
    CHECKLIST_GROUPS,
    EFFECTS,
    HEATED_AREA_BASES,
    LAND_USE_CLASSES,
    TECHNOLOGY_COLOURS,
    declared_words,
)
from gis.vocabulary import FACT, STATUS_TITLES, TECHNOLOGY_TITLES
from gis.wording import Language, clause_ids

_HERE = Path(__file__).parent
# Neither Pango nor the style of Matplotlib is for several threads at once.
ONE_AT_A_TIME = RLock()
"""Held while pictures are drawn or pages laid out."""


@dataclass(frozen=True)
class Report:
    """What a report tells: a suitability document with its rule set, what lies around, and its day.

    The same report in the same language is the same to the byte, as HTML and as PDF.
    """

    document: Mapping[str, Any]
    ruleset: RuleSet
    sight: Sight
    made_on: date

    @property
    def digest(self) -> str:
        """SHA-256 of the document as JSON, its names in order: reports of one result have the same."""
        return hashlib.sha256(orjson.dumps(self.document, option=orjson.OPT_SORT_KEYS)).hexdigest()


@cache
def template(name: str) -> jinja2.Template:
    """Return a template of this folder."""
    loader = jinja2.FileSystemLoader(_HERE)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name)


def style() -> Markup:
    """Return the style of all reports."""
    return Markup((_HERE / "report.css").read_text(encoding="utf-8"))


def html_of(report: Report, language: Language) -> str:
    """Return a report as one HTML file with its pictures in it."""
    w, doc = ReportWording(language), report.document
    return template("report.html.jinja").render(
        w=w,
        doc=doc,
        report=report,
        style=style(),
        pictures=_pictures(report, w),
        pairs=partial(zip_longest, fillvalue=("", "")),
        halves=_halves,
        place=list(_place(doc, report.ruleset, w)),
        demand=list(_demand(doc["demand"], w)),
        evidence=lambda verdict: _evidence(verdict, w),
        recommended=_recommended(doc, w),
        assumptions=_assumptions(doc),
        groups=[
            (w.pick(title), [i for i in doc["checklist"] if i["group"] == g])
            for g, title in CHECKLIST_GROUPS.items()
        ],
        clauses=_clauses(doc, report.ruleset),
        effects=EFFECTS,
        statuses=STATUS_TITLES,
        technologies=TECHNOLOGY_TITLES,
        colours=TECHNOLOGY_COLOURS,
        layers=declared_words(),
    )


def _pictures(report: Report, w: ReportWording) -> dict[str, Markup]:
    portfolio = report.document["portfolio"]
    with ONE_AT_A_TIME:
        found = {"map": figures.map_svg(report.sight, w)}
        if portfolio is not None:
            found["portfolio"] = figures.portfolio_svg(portfolio, w)
            found["carbon"] = figures.carbon_svg(portfolio["carbon"], w)
    return {name: Markup(svg) for name, svg in found.items()}


def pdf_of(report: Report, language: Language) -> bytes:
    """Return a report as PDF; OneMapError where this machine cannot lay out text (no Pango)."""
    return laid_out(html_of(report, language))


def laid_out(html: str) -> bytes:
    """Return a page as PDF; OneMapError where this machine cannot lay out text (no Pango)."""
    try:
        import weasyprint  # takes a second, and only PDF needs it
    except OSError as error:
        raise OneMapError(
            "A PDF needs the library Pango; install libpangoft2-1.0-0 (and fonts-noto-cjk), or ask for HTML."
        ) from error
    with ONE_AT_A_TIME:
        found: bytes = weasyprint.HTML(string=html, url_fetcher=_nothing).write_pdf()
    return found


def _nothing(url: str, *_: Any, **__: Any) -> Any:
    """Refuse to fetch: all that a report needs is in it."""
    raise ValueError(f"a report asks for {url}")


def _coded(titles: Mapping[str, Any], value: str | None, w: ReportWording) -> str:
    if value is None:
        return w("unknown")
    return w.pick(titles[value]) if value in titles else value


def _place(doc: Mapping[str, Any], ruleset: RuleSet, w: ReportWording) -> Iterator[tuple[str, str]]:
    """Yield what is known of the parcel itself, by its name."""
    where = doc["location"]
    yield w("parcel"), doc["parcel_id"]
    yield w("district"), " ".join(p for p in (where["district"], where["township"]) if p) or w("unknown")
    use = _coded(LAND_USE_CLASSES, where["land_use_class"], w)
    code = where["land_use_code"]
    yield w("land_use"), w.bracketed(use, code) if code else use
    words = declared_words()
    for name in ("building_status", "planning_area"):
        yield w(name), _coded(words, where[name], w)
    yield w("area"), w.number(where["area_m2"], "m2")
    titles = {area.id: area.title.model_dump() for area in ruleset.areas}
    kinds = ("geothermal_pilot_area", "geothermal_focus_area", "data_centre_area")
    named = dict.fromkeys(_coded(titles, where[kind], w) for kind in kinds if where[kind])
    if named:
        yield w("areas"), w.joined(list(named))


def _demand(demand: Mapping[str, Any], w: ReportWording) -> Iterator[tuple[str, str]]:
    basis = demand["heated_area_basis"]
    heated = w.number(demand["heated_area_m2"], "m2")
    yield w("heated"), w.bracketed(heated, _coded(HEATED_AREA_BASES, basis, w)) if basis else heated
    yield w("heat_index"), w.number(demand["heat_index_w_per_m2"], "W/m2")
    yield w("season"), w.number(demand["season_d"], "d")
    yield w("load"), w.number(demand["heat_load_kw"], "kW")
    yield w("heat"), w.number(demand["heat_demand_mwh_per_a"], "MWh/a")
    yield w("cooling_load"), w.number(demand["cooling_load_kw"], "kW")
    yield w("cooling"), w.number(demand["cooling_demand_mwh_per_a"], "MWh/a")


def _evidence(verdict: Mapping[str, Any], w: ReportWording) -> str:
    """Return the facts that a verdict rests on, as far as they are known, in one sentence."""
    told, words = [], declared_words()
    for name, value in verdict["evidence"].items():
        column = FACT[name]
        if value is None:
            continue
        if isinstance(value, (int, float)):
            shown = w.share(value) if name.endswith("_frac") else w.number(value, column.unit or "1")
        elif isinstance(value, str):
            shown = _coded(words, value, w)
        else:
            shown = w.joined(list(map(str, value)))
        told.append(f"{w.pick((column.zh, column.en))} {shown}")
    return w.joined(told)


def _groups(checklist: Sequence[Mapping[str, Any]], w: ReportWording) -> list[tuple[str, list[Any]]]:
    """Return the items of a checklist by the titles of their groups."""
    titles = CHECKLIST_GROUPS.items()
    return [
        (w.pick(title), [item for item in checklist if item["group"] == group]) for group, title in titles
    ]


def _recommended(doc: Mapping[str, Any], w: ReportWording) -> str:
    if doc["recommended"]:
        title = w.pick(TECHNOLOGY_TITLES[doc["recommended"]])
        return w.bracketed(title, w.pick(STATUS_TITLES[doc["recommended_status"]]))
    return w("none_decidable" if doc["undecided"] else "none")


def _halves(entries: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Return entries as rows of two columns, the first half to the left; columns of CSS are slow."""
    middle = (len(entries) + 1) // 2
    return list(zip_longest(entries[:middle], entries[middle:]))


def _assumptions(doc: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return every assumption behind the document once, in the order in which they come."""
    parts = [doc["demand"], *doc["technologies"], *([doc["portfolio"]] if doc["portfolio"] else [])]
    return list({orjson.dumps(a): a for part in parts for a in part["assumptions"]}.values())


def _clauses(doc: Mapping[str, Any], ruleset: RuleSet) -> list[tuple[str, str, list[str]]]:
    """Return the clauses that the document cites: document, section, ids."""
    cited: dict[tuple[str, str], list[str]] = {}
    for clause_id in sorted({*clause_ids(doc)} & set(ruleset.clauses)):
        clause = ruleset.clauses[clause_id]
        cited.setdefault((clause.document, clause.section), []).append(clause_id)
    return [(document, section, ids) for (document, section), ids in cited.items()]
