"""The data dictionary of results: facts, verdicts, and what matching and siting tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gis.matching.columns import CONNECTION_COLUMNS, PARCEL_COLUMNS, SEGMENT_COLUMNS, SITE_COLUMNS
from gis.matching.columns import SOURCE_COLUMNS as SOURCES
from gis.vocabulary import FACTS, STATUS_TITLES, TECHNOLOGY_TITLES, VERDICTS, Column, ColumnType
from onemap_site.markdown import code, plain, table

TYPES: dict[ColumnType, str] = {
    "float": "number",
    "integer": "integer",
    "text": "text",
    "text_list": "texts",
}
TABLES: dict[str, tuple[Column, ...]] = {
    "事实 Facts": FACTS,
    "结论和组合方案 Verdicts and portfolio": VERDICTS,
    "匹配：热源 Matching: sources": SOURCES,
    "匹配：地块 Matching: parcels": PARCEL_COLUMNS,
    "匹配：接入 Matching: connections": CONNECTION_COLUMNS,
    "匹配：管段 Matching: segments of mains": SEGMENT_COLUMNS,
    "选址 Sites": SITE_COLUMNS,
}


def text() -> str:
    """Return a table of the columns of every table of results."""
    words: dict[str, Mapping[Any, tuple[str, str]]] = {
        "技术 Technologies": TECHNOLOGY_TITLES,
        "结论 Statuses": STATUS_TITLES,
    }
    sections = [
        f"## {title}\n\n" + table(["value", "中文", "English"], [[code(k), *v] for k, v in held.items()])
        for title, held in words.items()
    ]
    sections += [f"## {title}\n\n{_columns(columns)}" for title, columns in TABLES.items()]
    return "\n".join(sections)


def _columns(columns: Iterable[Column]) -> str:
    rows = [[code(c.name), plain(c.zh), plain(c.en), TYPES[c.type], plain(c.unit or "")] for c in columns]
    return table(["column", "中文", "English", "type", "unit"], rows)
