"""The page of projects: targets, register, single projects and their evaluation; its scripts ask the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gis.titles import TECHNOLOGY_COLOURS, in_both
from gis.vocabulary import TECHNOLOGIES, TECHNOLOGY_TITLES
from gis.webmap.beside import page_beside
from gis.webmap.page import asset_url
from layers import LAYERS

_SHARED = (
    "unknown", "yes", "no", "data_open", "data_map", "unmet", "match_district", "match_technology",
    "match_no_district", "match_figures", "match_more_rows", "match_no_charts", "dashboard_area_unit",
    "dashboard_total", "dashboard_csv", "dashboard_print",
)  # fmt: skip
"""Texts of the map page that this one has too."""
SCRIPTS = (
    "text", "parts", "match_tables", "match_charts", "projects_parts", "projects_charts",
    "projects_progress", "projects_register", "projects_record", "projects_season", "projects_city",
    "projects",
)  # fmt: skip


def projects_page(labels: Sequence[Mapping[str, Any]]) -> str:
    """Return the HTML of the page; `labels` are district names with keys zh and en."""
    titles = in_both(TECHNOLOGY_TITLES)
    config = {
        "labels": [{"zh": one["zh"], "en": one["en"]} for one in labels],
        "technologies": [
            {"id": t, "title": titles[t], "colour": TECHNOLOGY_COLOURS[t]} for t in TECHNOLOGIES
        ],
        "fields": [
            {
                "name": field.name,
                "title": field.title.model_dump(),
                "unit": field.unit,
                "choices": {choice.value: choice.title.model_dump() for choice in field.choices},
            }
            for field in LAYERS["heat_project"].fields
        ],
        "echarts": asset_url("vendor/echarts/echarts.min.js"),
    }
    return page_beside("projects", _SHARED, config, ("onemap", "match", "dashboard", "projects"), SCRIPTS)
