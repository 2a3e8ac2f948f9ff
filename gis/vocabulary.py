"""Closed vocabularies: technologies, statuses, and every fact and verdict column with its unit.

The result tables, the rule lint, the API schema and the evidence texts are all
built from these lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Technology = Literal[
    "shallow_ground_source", "reclaimed_water", "geothermal", "waste_heat", "biomass", "air_source"
]
TECHNOLOGIES: tuple[Technology, ...] = get_args(Technology)

Status = Literal["suitable", "conditional", "unsuitable", "unknown"]
STATUSES: tuple[Status, ...] = get_args(Status)
ELIGIBLE: tuple[Status, ...] = ("suitable", "conditional")

Effect = Literal["supports", "assumes", "conditions", "missing", "excludes"]

Language = Literal["zh", "en"]

ColumnType = Literal["float", "integer", "text", "text_list"]


@dataclass(frozen=True)
class Option:
    """A technology, or one variant of it, that gets a verdict of its own."""

    id: str
    technology: Technology
    variant: str | None
    zh: str
    en: str


OPTIONS: tuple[Option, ...] = (
    Option("shallow_ground_source", "shallow_ground_source", None, "浅层地源热泵", "Shallow ground source"),
    Option("reclaimed_water", "reclaimed_water", None, "再生水（污水）源热泵", "Reclaimed water"),
    Option(
        "geothermal_hydrothermal",
        "geothermal",
        "hydrothermal",
        "中深层水热型地热",
        "Geothermal, hydrothermal",
    ),
    Option(
        "geothermal_closed_loop",
        "geothermal",
        "closed_loop",
        "中深层井下换热型地热",
        "Geothermal, closed loop",
    ),
    Option("waste_heat", "waste_heat", None, "余热利用", "Waste heat"),
    Option("biomass", "biomass", None, "生物质和垃圾焚烧供热", "Biomass and waste-to-energy"),
    Option("air_source", "air_source", None, "集中式空气源热泵", "Air source"),
)

TECHNOLOGY_TITLES: dict[Technology, tuple[str, str]] = {
    "shallow_ground_source": ("浅层地源热泵", "Shallow ground source"),
    "reclaimed_water": ("再生水（污水）源热泵", "Reclaimed water"),
    "geothermal": ("中深层地热", "Geothermal"),
    "waste_heat": ("余热利用", "Waste heat"),
    "biomass": ("生物质和垃圾焚烧供热", "Biomass and waste-to-energy"),
    "air_source": ("集中式空气源热泵", "Air source"),
}

STATUS_TITLES: dict[Status, tuple[str, str]] = {
    "suitable": ("适宜", "suitable"),
    "conditional": ("有条件适宜", "conditional"),
    "unsuitable": ("不适宜", "unsuitable"),
    "unknown": ("资料不足", "unknown"),
}


@dataclass(frozen=True)
class Column:
    """One column of a result table: a fact or a part of a verdict."""

    name: str
    type: ColumnType
    unit: str | None
    zh: str
    en: str


def number(name: str, unit: str | None, zh: str, en: str) -> Column:
    """Return a column of numbers in a unit; NaN where missing."""
    return Column(name, "float", unit, zh, en)


def word(name: str, zh: str, en: str) -> Column:
    """Return a column of texts; None where missing."""
    return Column(name, "text", None, zh, en)


FACTS: tuple[Column, ...] = (
    number("area_m2", "m2", "地块面积", "parcel area"),
    word("district", "所在区", "district"),
    word("township", "所在乡镇街道", "township"),
    word("planning_area", "功能分区", "planning area"),
    word("land_use_code", "用地分类代码", "land-use code"),
    word("land_use_class", "用地供热类别", "class of land use"),
    word("building_status", "建设状态", "building status"),
    word("geothermal_pilot_area", "中深层地热替代燃气试点地区", "pilot area of geothermal heat"),
    word("geothermal_focus_area", "地热资源重点开发地区", "focus area of geothermal heat"),
    word("data_centre_area", "数据中心余热重点地区", "focus area of data-centre heat"),
    number("building_density_frac", "1", "建筑密度", "building density"),
    # demand
    number("heated_area_m2", "m2", "供热面积", "heated area"),
    word("heated_area_basis", "供热面积依据", "basis of the heated area"),
    number("heat_index_w_per_m2", "W/m2", "采暖热指标", "heat index"),
    number("heat_load_kw", "kW", "设计热负荷", "heat load"),
    number("season_d", "d", "供暖期天数", "heating period"),
    number("heat_demand_mwh_per_a", "MWh/a", "年供热量", "annual heat demand"),
    number("cooling_load_kw", "kW", "设计冷负荷", "cooling load"),
    number("cooling_demand_mwh_per_a", "MWh/a", "年供冷量", "annual cooling demand"),
    # shallow ground source
    word("shallow_geothermal_zone_id", "浅层地热能分区", "shallow geothermal zone"),
    word("shallow_suitability", "浅层地热能适宜性", "shallow geothermal suitability"),
    number("ground_conductivity_w_per_m_k", "W/(m K)", "岩土导热系数", "ground conductivity"),
    number("ground_heat_capacity_mj_per_m3_k", "MJ/(m3 K)", "岩土体积比热容", "volumetric heat capacity"),
    number("ground_temperature_degc", "degC", "初始地温", "ground temperature"),
    number("drilling_exclusion_frac", "1", "禁止钻探面积占比", "share under drilling exclusion"),
    number("green_space_area_m2", "m2", "周边公共绿地面积", "public green space nearby"),
    number("drillable_open_area_m2", "m2", "地块可布孔面积", "borehole area on the parcel"),
    number("drillable_green_area_m2", "m2", "周边绿地可布孔面积", "borehole area in green space nearby"),
    number("borehole_count", "1", "可布孔数", "boreholes that fit"),
    number("borehole_heat_mwh_per_a", "MWh/a", "单孔年取热量", "heat from the ground per borehole"),
    number("thermal_balance_frac", "1", "全年释热取热比", "heat injected over heat extracted"),
    # reclaimed water
    word("reclaimed_source_layer", "再生水热源图层", "layer of the reclaimed-water source"),
    word("reclaimed_source_id", "再生水热源编号", "reclaimed-water source"),
    word("reclaimed_source_name", "再生水热源名称", "name of the reclaimed-water source"),
    number("reclaimed_distance_m", "m", "距再生水厂站或主干管线", "distance to plant or main"),
    word("reclaimed_medium", "再生水热源介质", "medium of the reclaimed-water source"),
    number("reclaimed_reach_m", "m", "供热半径", "reach of the reclaimed-water source"),
    number("reclaimed_connection_max_m", "m", "经济接入长度上限", "longest economic connection"),
    number("reclaimed_flow_m3_per_d", "m3/d", "冬季流量", "winter flow"),
    number("reclaimed_temperature_degc", "degC", "冬季水温", "winter temperature"),
    number("reclaimed_committed_kw", "kW", "已占用供热能力", "committed heat capacity"),
    number("reclaimed_remaining_kw", "kW", "剩余供热能力", "remaining heat capacity"),
    # geothermal
    word("geothermal_field_id", "地热田编号", "geothermal field"),
    word("geothermal_field_name", "地热田名称", "name of the geothermal field"),
    number("geothermal_field_overlap_frac", "1", "地热田内面积占比", "share inside the field"),
    number("geothermal_field_distance_m", "m", "距地热田", "distance to the field"),
    number("geothermal_temperature_degc", "degC", "井口水温", "wellhead temperature"),
    number("geothermal_yield_m3_per_d", "m3/d", "单井出水量", "yield per well"),
    number("geothermal_thickness_m", "m", "热储厚度", "reservoir thickness"),
    number("geothermal_field_area_m2", "m2", "地热田面积", "area of the geothermal field"),
    number("geothermal_committed_kw", "kW", "地热田已占用供热能力", "committed capacity of the field"),
    number("geothermal_field_remaining_kw", "kW", "地热田剩余供热能力", "remaining capacity of the field"),
    number("doublet_life_a", "a", "采灌井热突破时间", "thermal breakthrough of a doublet"),
    number("geothermal_gradient_k_per_km", "K/km", "地温梯度", "geothermal gradient"),
    number("rock_conductivity_w_per_m_k", "W/(m K)", "岩石热导率", "rock conductivity"),
    number("doublet_count", "1", "可布采灌井对数", "doublets that fit"),
    number("closed_loop_well_count", "1", "可布井下换热井数", "closed-loop wells that fit"),
    number("closed_loop_kw_per_well", "kW", "单井换热能力", "heat per closed-loop well"),
    number("intake_prohibited_frac", "1", "禁止开采区面积占比", "share in the prohibited zone"),
    number("intake_restricted_frac", "1", "限制开采区面积占比", "share in the restricted zone"),
    number("intake_reserve_frac", "1", "储备区面积占比", "share in the reserve zone"),
    word("intake_document_no", "取水管理文号", "document of the intake zone"),
    # waste heat
    word("waste_heat_source_layer", "余热热源图层", "layer of the waste-heat source"),
    word("waste_heat_source_id", "余热热源编号", "waste-heat source"),
    word("waste_heat_source_name", "余热热源名称", "name of the waste-heat source"),
    word("waste_heat_kind", "余热热源类型", "kind of the waste-heat source"),
    number("waste_heat_distance_m", "m", "距余热热源", "distance to the waste-heat source"),
    number("waste_heat_reach_m", "m", "供热半径", "reach of the waste-heat source"),
    number("waste_heat_it_power_kw", "kW", "IT 平均功率", "mean IT power"),
    number("waste_heat_recoverable_kw", "kW", "可回收余热", "recoverable waste heat"),
    number("waste_heat_committed_kw", "kW", "已占用供热能力", "committed heat capacity"),
    number("waste_heat_remaining_kw", "kW", "剩余供热能力", "remaining heat capacity"),
    number("heat_network_distance_m", "m", "距热力管网", "distance to the heat network"),
    # biomass
    word("biomass_source_layer", "生物质热源图层", "layer of the biomass source"),
    word("biomass_source_id", "生物质热源编号", "biomass source"),
    word("biomass_source_name", "生物质热源名称", "name of the biomass source"),
    word("biomass_kind", "生物质热源类型", "kind of the biomass source"),
    number("biomass_distance_m", "m", "距生物质或垃圾焚烧热源", "distance to the biomass source"),
    number("biomass_reach_m", "m", "供热半径", "reach of the biomass source"),
    number("biomass_recoverable_kw", "kW", "可供热量", "heat of the biomass source"),
    number("biomass_committed_kw", "kW", "已占用供热能力", "committed heat capacity"),
    number("biomass_remaining_kw", "kW", "剩余供热能力", "remaining heat capacity"),
    # air source
    number("air_source_seasonal_cop", "1", "供暖季平均 COP", "seasonal COP"),
    number("air_source_cop_design", "1", "设计工况 COP", "COP at the design point"),
    number("air_source_cop_rating", "1", "名义工况 COP", "COP at the rating point"),
    number(
        "air_source_supply_limit_degc", "degC", "COP 达标的最高供水温度", "highest supply that keeps the COP"
    ),
    number("air_source_unit_count", "1", "机组台数", "units"),
)

FACT: dict[str, Column] = {c.name: c for c in FACTS}


def _option_columns(prefix: str, zh: str, en: str) -> tuple[Column, ...]:
    return (
        word(f"{prefix}_status", f"{zh}结论", f"{en}: status"),
        number(f"{prefix}_score", None, f"{zh}得分", f"{en}: score"),
        number(f"{prefix}_capacity_kw", "kW", f"{zh}供热能力", f"{en}: capacity"),
        number(f"{prefix}_installed_share_frac", "1", f"{zh}装机占比", f"{en}: installed share"),
        number(f"{prefix}_energy_share_frac", "1", f"{zh}供热量占比", f"{en}: energy share"),
        Column(f"{prefix}_reasons", "text_list", None, f"{zh}理由代码", f"{en}: reason codes"),
    )


PORTFOLIO: tuple[Column, ...] = (
    Column("portfolio_technologies", "text_list", None, "组合方案技术", "technologies of the portfolio"),
    number("portfolio_installed_share_frac", "1", "新能源装机占比", "installed share of new energy"),
    number(
        "portfolio_share_without_air_frac", "1", "不计空气源的装机占比", "installed share without air source"
    ),
    number("portfolio_energy_share_frac", "1", "新能源供热量占比", "energy share of new energy"),
    number("portfolio_air_source_kw", "kW", "组合中的空气源装机", "air source in the portfolio"),
    number("portfolio_unmet_kw", "kW", "未满足热负荷", "load not met"),
    number("portfolio_scop", "1", "组合季节能效", "seasonal performance of the portfolio"),
    number("portfolio_subsidy_frac", "1", "固定资产投资支持比例", "rate of investment support"),
    number("portfolio_lcoh_cny_per_mwh", "CNY/MWh", "平准化供热成本", "levelised cost of heat"),
    number("portfolio_co2_t_per_a", "t/a", "组合年碳排放", "CO2 of the portfolio"),
    number("portfolio_co2_saved_t_per_a", "t/a", "较燃气锅炉减排", "CO2 saved against a gas boiler"),
    Column("portfolio_findings", "text_list", None, "组合方案核查代码", "findings on the portfolio"),
)
"""What a parcel's technologies give together; named in rules as facts of the portfolio."""

# Verdicts per option, and `geothermal_*` for the better of its two variants.
VERDICTS: tuple[Column, ...] = (
    word("recommended", "推荐技术", "recommended technology"),
    word("recommended_variant", "推荐技术类型", "variant of the recommended technology"),
    word("recommended_status", "推荐技术结论", "status of the recommended technology"),
    number("recommended_score", None, "推荐技术得分", "score of the recommended technology"),
    Column(
        "undecided", "text_list", None, "排序在前而资料不足的技术", "earlier technologies that stay unknown"
    ),
    *(c for o in OPTIONS for c in _option_columns(o.id, o.zh, o.en)),
    *_option_columns("geothermal", "中深层地热", "Geothermal"),
    word("geothermal_variant", "较优类型", "better variant"),
    *PORTFOLIO,
)
