"""Titles of coded values: what layers declare, and what the engine itself names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from gis.vocabulary import Effect
from layers import LAYERS, RASTERS

Titles = Mapping[str, tuple[str, str]]
Key = TypeVar("Key", bound=str)

HEATED_AREA_BASES: Titles = {
    "heated_area": ("填报供热面积", "given heated area"),
    "floor_area": ("由建筑面积推算", "from floor area"),
    "floor_area_ratio": ("由容积率推算", "from floor area ratio"),
    "population": ("由人口推算（假设）", "from population (assumed)"),
    "not_heated": ("非供暖用地", "land that is not heated"),
}
LAND_USE_CLASSES: Titles = {
    "residential": ("居住", "residential"),
    "office": ("办公和教育科研", "offices, education and research"),
    "hospital": ("医疗和社会福利", "hospitals and social care"),
    "culture": ("文化", "culture"),
    "sport": ("体育", "sport"),
    "commerce": ("商业服务", "commerce"),
    "not_heated": ("不供暖", "not heated"),
}
EFFECTS: Mapping[Effect, tuple[str, str]] = {
    "supports": ("支持", "supports"),
    "assumes": ("假设", "assumes"),
    "conditions": ("附条件", "conditions"),
    "missing": ("缺资料", "data missing"),
    "excludes": ("排除", "excludes"),
}
CHECKLIST_GROUPS: Titles = {
    "approval": ("立项和审批", "Approval"),
    "application": ("资金申请", "Application for funding"),
    "survey": ("勘察和测试", "Survey and tests"),
    "water": ("用水和回灌", "Water and reinjection"),
    "land": ("用地", "Land"),
    "planning": ("规划和方案", "Planning and design"),
    "operation": ("运行监测", "Operation"),
}

# Okabe and Ito's colours, which stay apart with every common colour-vision deficiency.
TECHNOLOGY_COLOURS = {
    "shallow_ground_source": "#009e73",
    "reclaimed_water": "#0072b2",
    "geothermal": "#d55e00",
    "waste_heat": "#b0518c",
    "biomass": "#56b4e9",
    "air_source": "#e6b800",
}
NO_TECHNOLOGY = "#8a939b"
NO_TECHNOLOGY_TITLE = ("暂无适宜技术", "None recommended")


def declared_words() -> dict[str, dict[str, str]]:
    """Return the titles of coded values that layers declare, and of layers and rasters, by value or id."""
    choices = [c for spec in LAYERS.values() for field in spec.fields for c in field.choices]
    words = {c.value: c.title.model_dump() for c in reversed(choices)}
    titles = {spec.id: spec.title for spec in LAYERS.values()} | {s.id: s.title for s in RASTERS.values()}
    return words | {id_: title.model_dump() for id_, title in titles.items()}


def in_both(titles: Mapping[Key, tuple[str, str]]) -> dict[Key, dict[str, str]]:
    """Return titles in the form of the page: {zh, en}."""
    return {name: {"zh": zh, "en": en} for name, (zh, en) in titles.items()}
