"""Results, comparisons and matched parcels as maps that need no network; frames in, maps out."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd

from gis.vocabulary import FACT, STATUS_TITLES, TECHNOLOGY_TITLES, Language
from gis.webmap.parcel_map import ParcelMap, parcel_map, texts

MOST_FACTS = 4
"""Facts that a tooltip names; the table of a comparison names them all."""
_PLACE = {"zh": 0, "en": 1}


def result_map(verdicts: gpd.GeoDataFrame, heat_load_kw: pd.Series[Any], lang: Language) -> ParcelMap:
    """Return the map of verdicts; see `Result.map`."""
    place, recommended = _PLACE[lang], verdicts["recommended"]
    capacity_kw = pd.Series(float("nan"), index=verdicts.index)
    for technology in recommended.dropna().unique():
        capacity_kw[recommended == technology] = verdicts[f"{technology}_capacity_kw"]
    lines = {
        ("推荐技术", "Technology")[place]: _technologies(recommended, place),
        ("结论", "Status")[place]: _statuses(verdicts["recommended_status"], place),
        ("得分", "Score")[place]: texts(verdicts["recommended_score"], ""),
        ("供热能力", "Capacity")[place]: texts(capacity_kw, "kW"),
        ("设计热负荷", "Heat load")[place]: texts(heat_load_kw, "kW"),
    }
    title = ("推荐技术（地块数）", "Recommended technology (parcels)")[place]
    return parcel_map(verdicts, "recommended", lines, title, lang)


def comparison_map(changed: gpd.GeoDataFrame, lang: Language) -> ParcelMap:
    """Return the map of what changed; see `Comparison.map`."""
    place = _PLACE[lang]
    lines = {
        ("原推荐技术", "Technology before")[place]: _technologies(changed["recommended_before"], place),
        ("现推荐技术", "Technology after")[place]: _technologies(changed["recommended_after"], place),
        ("原结论", "Status before")[place]: _statuses(changed["recommended_status_before"], place),
        ("现结论", "Status after")[place]: _statuses(changed["recommended_status_after"], place),
        ("设计热负荷", "Heat load")[place]: texts(changed["heat_load_kw_after"], "kW"),
        ("变化的事实", "Facts that changed")[place]: [_facts(v, place) for v in changed["changed_facts"]],
    }
    title = ("变化地块的现推荐技术", "Changed parcels by technology after")[place]
    return parcel_map(changed, "recommended_after", lines, title, lang)


def match_map(rows: pd.DataFrame, parcels: gpd.GeoDataFrame, lang: Language) -> ParcelMap:
    """Return the map of matched parcels; see `Match.map`."""
    place = _PLACE[lang]
    shapes = parcels.geometry.set_axis(pd.Index(parcels["parcel_id"].astype(str)))
    frame = rows.set_index("parcel_id")
    frame = gpd.GeoDataFrame(frame, geometry=shapes.reindex(frame.index), crs=parcels.crs)
    lines = {
        ("主要技术", "Main technology")[place]: _technologies(frame["matched"], place),
        ("设计热负荷", "Heat load")[place]: texts(frame["heat_load_kw"], "kW"),
        ("未满足热负荷", "Load not met")[place]: texts(frame["unmet_kw"], "kW"),
    }
    title = ("匹配的主要技术（地块数）", "Main technology of the matching (parcels)")[place]
    return parcel_map(frame, "matched", lines, title, lang)


def _facts(names: str | None, place: int) -> str:
    """Return the titles of the first facts that changed, and how many more there are."""
    titles = [(FACT[name].zh, FACT[name].en)[place] for name in (names or "").split()]
    if not titles:
        return "—"
    more = len(titles) - MOST_FACTS
    told = ("、", ", ")[place].join(titles[:MOST_FACTS])
    return told + ((f"等 {len(titles)} 项", f" and {more} more")[place] if more > 0 else "")


def _technologies(values: pd.Series[Any], place: int) -> list[str]:
    return [TECHNOLOGY_TITLES[v][place] if v in TECHNOLOGY_TITLES else "—" for v in values]


def _statuses(values: pd.Series[Any], place: int) -> list[str]:
    return [STATUS_TITLES[v][place] if v in STATUS_TITLES else "—" for v in values]
