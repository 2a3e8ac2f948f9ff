"""The post-evaluation sheet of a project and season (P1309-5.4), as HTML, PDF and a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Literal

from markupsafe import Markup

from gis.report import figures
from gis.report.page import ONE_AT_A_TIME, laid_out, style, template
from gis.titles import TECHNOLOGY_COLOURS
from gis.vocabulary import TECHNOLOGY_TITLES
from gis.wording import WORDS, Language, Wording

SheetForm = Literal["pdf", "html", "csv"]

_OWN: Mapping[str, tuple[str, str]] = {
    "title": ("新能源供热项目后评价表", "Post-evaluation of a heat project"),
    "made_by": ("新能源供热资源一张图 OneMap", "OneMap, renewable heating resources"),
    "date": ("出具日期", "Date"),
    "project": ("项目", "Project"),
    "heating_season": ("供暖季", "Heating season"),
    "whole_months": ("按整月计（只有月度监测值）", "whole months (only monthly values are measured)"),
    "synthetic": (
        "本项目为合成示例数据，不得作为评价依据。",
        "This project is synthetic sample data: not to be used for any decision.",
    ),
    "performance_section": ("一、运行指标", "1 Performance"),
    "month_section": ("二、逐月供热量、耗电量和能效", "2 Months"),
    "check_section": ("三、核查", "3 Checks"),
    "carbon_section": ("四、碳排放", "4 CO2"),
    "source_section": ("五、数据与规则", "5 Data and rules"),
    "measured_heat": ("实测供热量", "heat measured"),
    "measured_electricity": ("实测耗电量", "electricity measured"),
    "coverage": ("监测覆盖率", "coverage"),
    "longest_gap": ("最长缺测", "longest gap"),
    "cop": ("季节能效", "seasonal COP"),
    "paired": ("供热量、耗电量同时有值的时数", "hours with both heat and electricity"),
    "design_cop": ("设计季节能效", "design seasonal COP"),
    "model_cop": ("模型季节能效", "model seasonal COP"),
    "per_m2": ("单位面积供热量", "heat per area"),
    "model_per_m2": ("热指标对应的单位面积供热量", "heat per area by the heat index"),
    "full_load": ("满负荷时数", "full-load hours"),
    "peak": ("最大小时供热", "largest hour"),
    "installed_kw": ("供热总装机", "installed"),
    "water": ("耗水量", "water used"),
    "water_per_kwh": ("单位供热耗水", "water per heat"),
    "water_per_m2": ("单位面积耗水", "water per area"),
    "beta": ("全年排热与取热之比", "heat returned over heat extracted"),
    "drift": ("地源侧进水温度年变化", "change of the temperature from the ground"),
    "supply_degc": ("供水温度", "supply"),
    "return_degc": ("回水温度", "return"),
    "source_supply_degc": ("热源侧进水温度", "from the source"),
    "source_return_degc": ("热源侧回水温度", "back to the source"),
    "outdoor_degc": ("室外温度", "outdoor"),
    "month": ("月份", "month"),
    "check": ("核查内容", "check"),
    "clause": ("条款", "clause"),
    "result": ("结论", "result"),
    "met": ("符合", "met"),
    "failed": ("不符合", "failed"),
    "not_known": ("无法判断", "not known"),
    "factor": ("电力排放因子", "factor of the grid"),
    "factor_year": ("因子数据年份", "year of the factor"),
    "emitted_t": ("用电排放", "emitted"),
    "boiler_t": ("同等供热量燃气锅炉排放", "a gas boiler for the same heat"),
    "avoided_t": ("减排", "avoided"),
    "break_even": ("临界能效", "break-even COP"),
    "carbon_note": (
        "按供热量和耗电量同时有值的时段计算；用电当年尚无因子的，用此前最近一年的因子。",
        "Of the hours in which both heat and electricity are known; where a year has no factor yet, the last "
        "one before it counts.",
    ),
    "no_carbon": ("供热量和耗电量未同时监测，不作测算。", "Heat and electricity were not measured together."),
    "gap_note": (
        "缺测不作填补：合计为有监测值时段之和；单位面积和满负荷时数只在覆盖率达到 {} 时给出；"
        "能效只按两者同时有值的时段计算。",
        "Gaps are not filled: sums are of what was measured; figures of a whole season are given from a "
        "coverage of {} on; the COP is that of the hours in which both are known.",
    ),
    "deliveries": ("监测数据交付编号", "deliveries of measured values, by number"),
    "rule_set": ("规则集", "rule set"),
    "hash": ("规则集校验值", "hash of the rule set"),
}


class _Words(Wording):
    def __init__(self, language: Language) -> None:
        super().__init__(language, {**WORDS, **_OWN})

    def __call__(self, name: str) -> str:
        return self.word(name)


def sheet_of(document: Mapping[str, Any], form: SheetForm, made_on: date, language: Language) -> bytes:
    """Return the sheet of an evaluation (`gis.evaluation.document`) as PDF, one HTML file or a table.

    OneMapError where a PDF is asked for and this machine cannot lay out text (no Pango).
    """
    if form == "csv":
        return _table(document)
    page = _page(document, made_on, language)
    return laid_out(page) if form == "pdf" else page.encode()


def _page(document: Mapping[str, Any], made_on: date, language: Language) -> str:
    w = _Words(language)
    with ONE_AT_A_TIME:
        names = (w("measured_heat"), w("measured_electricity"), w("cop"))
        picture = Markup(figures.season_svg(document["months"], names, "MWh"))
    title = TECHNOLOGY_TITLES.get(document["technology"])
    return template("sheet.html.jinja").render(
        w=w,
        doc=document,
        made_on=made_on,
        style=style(),
        picture=picture,
        technology=w("unknown") if title is None else w.pick(title),
        colour=TECHNOLOGY_COLOURS.get(document["technology"], "#8a939b"),
        figures=list(_figures(document, w)),
        results={"met": w("met"), "failed": w("failed"), "unknown": w("not_known")},
    )


def _figures(doc: Mapping[str, Any], w: _Words) -> Iterator[tuple[str, str]]:
    """Yield what was measured by its name; what is not known is said to be so."""
    heat, electricity, cop, water = doc["heat"], doc["electricity"], doc["cop"], doc["water"]
    for part, name in ((heat, "measured_heat"), (electricity, "measured_electricity")):
        yield w(name), _number(w, part["measured_kwh"], "kWh")
        yield w("coverage"), _covered(part, w)
    yield w("cop"), _plain(cop["value"])
    yield w("paired"), _number(w, cop["paired_h"], "h")
    yield w("design_cop"), _plain(cop["design"])
    yield w("model_cop"), _plain(cop["model"])
    yield w("per_m2"), _number(w, heat["kwh_per_m2"], "kWh/m²")
    yield w("model_per_m2"), _number(w, heat["model_kwh_per_m2"], "kWh/m²")
    yield w("full_load"), _number(w, heat["full_load_h"], "h")
    yield w("peak"), _number(w, heat["peak_kw"], "kW")
    yield w("installed_kw"), _number(w, heat["installed_kw"], "kW")
    yield w("water"), _number(w, water["measured_m3"], "m³")
    yield w("water_per_kwh"), _plain(water["l_per_kwh"], " L/kWh")
    yield w("water_per_m2"), _plain(water["l_per_m2"], " L/m²")
    for name, value in doc["temperatures"].items():
        if value is not None:
            yield w(name), f"{value:.1f} ℃"
    if doc["balance"] is not None:
        yield w("beta"), _plain(doc["balance"]["beta"])
    if doc["drift"] is not None:
        yield w("drift"), _plain(doc["drift"]["slope_k_per_a"], " K/a")


def _covered(part: Mapping[str, Any], w: _Words) -> str:
    """Return how much of the season was measured, and where the longest gap is."""
    told = w.share(part["coverage_frac"])
    if not part["longest_gaps"]:
        return told
    gap = part["longest_gaps"][0]
    since, until = (gap[end].replace("T", " ") for end in ("from", "to"))
    return f"{told}; {w('longest_gap')} {w.number(gap['hours'])} h ({since} – {until})"


def _number(w: _Words, value: float | None, unit: str) -> str:
    return w("unknown") if value is None else f"{w.number(value)} {unit}"


def _plain(value: float | None, unit: str = "") -> str:
    return "—" if value is None else f"{value:.2f}{unit}"


def _table(document: Mapping[str, Any]) -> bytes:
    """Return a table in UTF-8 with a mark for spreadsheets: part, name, value, a row a figure.

    Names are those of the document, with their units; what is not known is empty.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("part", "name", "value"))
    for part, value in document.items():
        writer.writerows((part, name, "" if v is None else v) for name, v in _flat(value, ""))
    return out.getvalue().encode("utf-8-sig")


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield what is in a document by its path."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (list, tuple)):
        for place, inner in enumerate(value, 1):
            yield from _flat(inner, f"{name}.{place}" if name else str(place))
    else:
        yield name, value
