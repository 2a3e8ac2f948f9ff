"""What a matching run tells, column by column: of every source, of every parcel, of every connection."""

from __future__ import annotations

from typing import Literal, get_args

from gis.vocabulary import TECHNOLOGIES, TECHNOLOGY_TITLES, Column, number, word

SharedTechnology = Literal["reclaimed_water", "geothermal", "waste_heat", "biomass"]
SHARED: tuple[SharedTechnology, ...] = get_args(SharedTechnology)
"""Technologies whose sources several parcels share."""

BASES: dict[str, tuple[str, str]] = {
    "winter_flow": ("冬季流量", "winter flow"),
    "design_capacity": ("按设计处理能力折算", "design capacity"),
    "monitored_power": ("监测电功率", "monitored power"),
    "design_load": ("IT 设计负荷", "design IT load"),
    "recoverable_heat": ("可回收热量", "recoverable heat"),
    "heat_in_place": ("热储可采热量", "heat in place"),
    "green_area": ("可布孔绿地面积", "green area for boreholes"),
}
"""What the exploitable capacity of a source follows from."""

EXCLUSIONS: dict[str, tuple[str, str]] = {
    "unknown_capacity": ("能力资料不足，未参与匹配", "capacity not known: not matched"),
    "unknown_commitment": ("项目占用能力不明，未参与匹配", "a project names no capacity: not matched"),
    "used_up": ("能力已全部占用或为零", "nothing remains"),
    "no_parcel": ("供热半径内没有可接入地块", "no parcel in reach may connect"),
}
"""Why a source takes no part."""

REASONS: dict[str, tuple[str, str]] = {
    "unknown_load": ("热负荷不明，未参与匹配", "heat load not known: not matched"),
    "no_source": ("没有可接入的热源", "no source in reach that it may use"),
    "small_rest": ("剩余负荷低于最低装机占比", "what is left of the load is below the least share"),
    "small_limit": ("可接入能力低于最低装机占比", "every connection would stay below the least share"),
    "sources_full": ("可接入的热源已满", "the sources in reach are full"),
    "least_share": ("因最低装机占比未接入", "lost to the least share"),
}
"""Why a part of a parcel's load is left to air source, or to nothing."""


def _powers(part: str, zh: str, en: str) -> tuple[Column, Column]:
    return (
        number(f"{part}_kw", "kW", f"{zh}供热能力", f"{en} capacity"),
        number(f"{part}_mwh_per_a", "MWh/a", f"{zh}年供热量", f"{en} heat of a year"),
    )


SOURCE_COLUMNS: tuple[Column, ...] = (
    word("source_layer", "热源图层", "layer of the source"),
    word("source_id", "热源编号", "source"),
    word("source_name", "热源名称", "name of the source"),
    word("technology", "技术类型", "technology"),
    word("shared_layer", "共用能力的上级图层", "layer of what it shares the capacity of"),
    word("shared_id", "共用能力的上级编号", "what it shares the capacity of"),
    word("basis", "能力依据", "basis of the capacity"),
    *_powers("exploitable", "可利用", "exploitable"),
    *_powers("committed", "已占用", "committed"),
    *_powers("reserved", "规划预留", "reserved"),
    *_powers("remaining", "剩余", "remaining"),
    *_powers("allocated", "本次匹配", "allocated"),
    *_powers("free", "匹配后剩余", "free"),
    number("exploitable_m2", "m2", "可布孔绿地面积", "green area for boreholes"),
    number("allocated_m2", "m2", "匹配绿地面积", "allocated green area"),
    number("parcel_count", "1", "接入地块数", "connected parcels"),
    number("mean_length_m", "m", "平均接入长度", "mean length of connection"),
    number("gain_kw", "kW", "每增加 1 MW 多供热", "more served by one more MW"),
    *(
        number(f"gain_{t}_kw", "kW", f"每增加 1 MW：{zh}", f"one more MW: {en}")
        for t, (zh, en) in ((t, TECHNOLOGY_TITLES[t]) for t in SHARED)
    ),
    number("gain_mw_m", "MW m", "每增加 1 MW 的接入长度变化", "one more MW: connections"),
    word("exclusion", "未参与匹配的原因", "why it takes no part"),
)
"""The capacity ledger: one row a source. `remaining` is exploitable less committed less reserved."""

PARCEL_COLUMNS: tuple[Column, ...] = (
    word("parcel_id", "地块编号", "parcel"),
    word("district", "所在区", "district"),
    word("township", "所在乡镇街道", "township"),
    number("heated_area_m2", "m2", "供热面积", "heated area"),
    number("heat_load_kw", "kW", "设计热负荷", "heat load"),
    number("heat_demand_mwh_per_a", "MWh/a", "年供热量", "annual heat demand"),
    *(
        number(f"{t}_kw", "kW", f"{TECHNOLOGY_TITLES[t][0]}", f"{TECHNOLOGY_TITLES[t][1]}")
        for t in TECHNOLOGIES
    ),
    number("unmet_kw", "kW", "未满足热负荷", "load not met"),
    word("matched", "主要技术", "main technology"),
    number("installed_share_frac", "1", "新能源装机占比", "installed share of new energy"),
    number("share_without_air_frac", "1", "不计空气源的装机占比", "installed share without air source"),
    number("energy_share_frac", "1", "新能源供热量占比", "energy share of new energy"),
    number("shortfall_kw", "kW", "距新建项目装机占比下限", "short of the share of new projects"),
    word("unmet_reason", "未由共用热源满足的原因", "why shared sources do not meet the rest"),
    word("displaced_layer", "已满的首选热源图层", "layer of the full source it would take first"),
    word("displaced_id", "已满的首选热源编号", "full source it would take first"),
)
"""One row a parcel; what shared sources leave is air source's where that may be used, else not met."""

SEGMENT_COLUMNS: tuple[Column, ...] = (
    word("source_id", "管线编号", "main"),
    number("segment", "1", "管段序号", "segment, counted downstream"),
    number("from_m", "m", "起点里程", "from, along the main"),
    number("to_m", "m", "终点里程", "to, along the main"),
    number("temperature_degc", "degC", "管段水温", "temperature of the water"),
    number("left_kw", "kW", "下游剩余供热能力", "heat capacity left to it and what follows"),
    word("tap_layer", "取热点图层", "layer of the tap at its end"),
    word("tap_id", "取热点编号", "tap at its end"),
    number("tapped_kw", "kW", "取热点供热能力", "capacity of the tap at its end"),
)
"""Mains in winter from tap to tap, in the direction in which they are drawn."""

CONNECTION_COLUMNS: tuple[Column, ...] = (
    word("parcel_id", "地块编号", "parcel"),
    word("technology", "技术类型", "technology"),
    word("source_layer", "热源图层", "layer of the source"),
    word("source_id", "热源编号", "source"),
    number("allocated_kw", "kW", "匹配供热能力", "allocated capacity"),
    number("installed_share_frac", "1", "装机占比", "installed share"),
    number("length_m", "m", "接入长度", "length of connection"),
)
"""One row a connection of a parcel with a source."""

MOST_SITES = 200
"""New sources that are chosen at once, at most."""

SITE_EXCLUSIONS: dict[str, tuple[str, str]] = {
    "prohibited_zone": ("位于地下水禁止开采区", "in a zone where water intake is prohibited"),
    "outside_fields": ("不在地热田范围内", "outside the geothermal fields"),
    "unknown_place": ("地热田或取水管控资料不足", "field or water-intake zones not known here"),
    "field_used_up": ("地热田剩余能力不足", "the field has not enough left"),
    "too_small": ("低于再生水水源规模下限", "smaller than the least source of reclaimed water"),
    "no_parcel": ("供热半径内没有热负荷", "no heat load in reach"),
}
"""Why a place cannot have a new source."""

SITE_CONDITIONS: dict[str, tuple[str, str]] = {
    "restricted_zone": (
        "位于地下水限制开采区，须办理取水许可并论证",
        "restricted intake zone: permit and proof",
    ),
    "reserve_zone": (
        "位于地下水储备区，须经水务部门同意",
        "groundwater reserve: consent of the water authority",
    ),
}
"""What must be settled before a place can have a new source."""

SITE_ENDS: dict[str, tuple[str, str]] = {
    "no_candidate": ("没有更多可用的备选点", "no further candidate may be built"),
    "no_gain": ("其余备选点不再增加供热", "no other candidate would serve anything more"),
}
"""Why fewer sources are chosen than were asked for."""

SITE_COLUMNS: tuple[Column, ...] = (
    word("site_id", "备选点编号", "candidate"),
    word("site_name", "名称", "name"),
    word("technology", "技术类型", "technology"),
    number("rank", "1", "选中次序", "rank among the chosen"),
    word("parcel_id", "所在地块编号", "parcel it stands on"),
    number("x_m", "m", "横坐标（EPSG:4548）", "easting (EPSG:4548)"),
    number("y_m", "m", "纵坐标（EPSG:4548）", "northing (EPSG:4548)"),
    number("capacity_kw", "kW", "供热能力", "capacity"),
    number("reach_m", "m", "供热半径", "reach"),
    number("gain_kw", "kW", "全市增加供热能力", "more served in all, beside those before it"),
    *_powers("allocated", "匹配", "allocated"),
    number("heated_area_m2", "m2", "供热面积", "heated area"),
    number("parcel_count", "1", "接入地块数", "connected parcels"),
    number("mean_length_m", "m", "平均接入长度", "mean length of connection"),
    word("condition", "须落实的条件", "what must be settled"),
    word("exclusion", "不可用的原因", "why it cannot be built"),
)
"""One row a candidate: chosen (with a rank), not chosen, or excluded.

What a chosen one is allocated is that of matching anew with all the chosen ones; it may be more than its
gain, where it takes over from others.
"""
