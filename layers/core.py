"""The six layers that every city needs."""

from __future__ import annotations

from layers.common import COMMITTED_KW, DISTRICT, NAME, PROVENANCE, TOWNSHIP, choice, field, key
from layers.spec import LayerSpec, StyleSpec, Text

PARCEL = LayerSpec(
    id="parcel",
    title=Text(zh="地块", en="Parcels"),
    description=Text(
        zh="规划或现状地块，附用地、建筑和人口指标；按地块给出适宜供热技术。",
        en="Planned or existing parcels with land use, building and population figures; each is scored.",
    ),
    group="demand",
    access="internal",
    geometry="polygon",
    key="parcel_id",
    core=True,
    export_name="DK",
    style=StyleSpec(colour="#5b6770", fill_opacity=0.6, width_px=0.6),
    fields=(
        key("parcel_id", "地块编号", "parcel id", "dkbh", "dk_id", "parcel", "plot_id", "地块号", "bsm"),
        NAME,
        DISTRICT,
        TOWNSHIP,
        field(
            "land_use_code", "text", "用地用海分类代码", "land-use code", "YDYHFLDM",
            aliases=("用地代码", "用地性质代码", "ydyhfldm", "land_use", "landuse", "地类编码", "用地性质"),
            max_length=10,
        ),
        field(
            "land_use_scheme", "text", "用地分类版本", "land-use scheme", "YDFLBB",
            aliases=("分类版本",), max_length=40,
        ),
        field(
            "building_status", "text", "建设状态", "building status", "JSZT",
            aliases=("建设情况", "status"),
            choices=(
                choice("new", "新建", "new build", "规划", "拟建", "planned"),
                choice("existing", "既有", "existing", "现状", "已建", "建成"),
                choice("renovation", "改扩建", "renovation", "改造", "扩建", "更新"),
            ),
        ),
        field(
            "building_standard", "text", "建筑节能水平", "building standard", "JNSP",
            aliases=("节能标准", "节能等级"),
            choices=(
                choice("none", "未采取节能措施", "no energy saving", "非节能", "非节能建筑"),
                choice("saving", "采取节能措施", "energy saving", "节能", "节能建筑"),
                choice("high", "高节能（居住80%）", "80 % saving", "80%", "四步节能", "五步节能"),
                choice("nzeb", "近零能耗", "nearly zero energy", "超低能耗", "近零能耗建筑"),
            ),
        ),
        field(
            "floor_area_ratio", "float", "容积率", "floor area ratio", "RJL",
            unit="1", aliases=("far", "plot_ratio", "rjl"), minimum=0, maximum=30,
        ),
        field(
            "floor_area_m2", "float", "建筑面积", "floor area", "JZMJ",
            unit="m2", aliases=("建筑规模", "总建筑面积", "gfa", "building_area", "jzmj"), minimum=0,
        ),
        field(
            "heated_area_m2", "float", "供热面积", "heated area", "GRMJ",
            unit="m2", aliases=("供暖面积", "采暖面积", "heating_area"), minimum=0,
        ),
        field(
            "building_density_frac", "float", "建筑密度", "building density", "JZMD",
            unit="1", aliases=("coverage", "building_coverage", "jzmd"), minimum=0, maximum=1,
        ),
        field(
            "population", "float", "人口", "population", "RK",
            unit="1", aliases=("常住人口", "居住人口", "pop", "pop_worldpop", "population_count"), minimum=0,
        ),
        *PROVENANCE,
    ),
)  # fmt: skip

GEOTHERMAL_FIELD = LayerSpec(
    id="geothermal_field",
    title=Text(zh="地热田", en="Geothermal fields"),
    description=Text(
        zh="水热型地热田（区块）范围及热储温度、单井水量、埋深。",
        en="Hydrothermal fields (blocks) with reservoir temperature, yield per well and depth.",
    ),
    group="resource",
    access="internal",
    geometry="polygon",
    key="geothermal_field_id",
    core=True,
    export_name="DRT",
    style=StyleSpec(colour="#c2410c", fill_opacity=0.12, width_px=1.5),
    fields=(
        key("geothermal_field_id", "地热田编号", "geothermal field id", "field_id"),
        NAME,
        DISTRICT,
        field("temperature_degc", "float", "井口水温", "wellhead temperature", "JKSW",
              unit="degC", aliases=("水温", "温度", "temp_c", "temperature"), minimum=10, maximum=200),
        field("temperature_min_degc", "float", "最低水温", "lowest temperature", "ZDSW",
              unit="degC", aliases=("temp_c_min",), minimum=0, maximum=200),
        field("temperature_max_degc", "float", "最高水温", "highest temperature", "ZGSW",
              unit="degC", aliases=("temp_c_max",), minimum=0, maximum=200),
        field("yield_m3_per_d", "float", "单井出水量", "yield per well", "DJSL",
              unit="m3/d", aliases=("单井水量", "涌水量", "yield_m3_d_per_well"), minimum=0, maximum=20000),
        field("depth_m", "float", "热储埋深", "reservoir depth", "RCMS",
              unit="m", aliases=("井深", "depth"), minimum=0, maximum=10000),
        field("reservoir_thickness_m", "float", "热储厚度", "reservoir thickness", "RCHD",
              unit="m", minimum=0, maximum=5000),
        field("gradient_k_per_km", "float", "地温梯度", "geothermal gradient", "DWTD",
              unit="K/km", aliases=("gradient",), minimum=5, maximum=150),
        field("conductivity_w_per_m_k", "float", "岩石热导率", "rock conductivity", "YSRDL",
              unit="W/(m K)", minimum=0.3, maximum=8),
        COMMITTED_KW,
        *PROVENANCE,
    ),
)  # fmt: skip

RECLAIMED_WATER_PIPELINE = LayerSpec(
    id="reclaimed_water_pipeline",
    title=Text(zh="再生水管线", en="Reclaimed-water mains"),
    description=Text(
        zh="再生水（污水）主干管线，附管径、冬季流量和水温。",
        en="Trunk mains for reclaimed water or sewage with diameter, winter flow and temperature.",
    ),
    group="resource",
    access="restricted",
    geometry="line",
    key="reclaimed_water_pipeline_id",
    core=True,
    export_name="ZSSGX",
    style=StyleSpec(colour="#0e7490", width_px=2.5),
    fields=(
        key("reclaimed_water_pipeline_id", "管线编号", "pipeline id", "pipe_id", "main_id", "gxbh"),
        NAME,
        field("medium", "text", "介质", "medium", "JZ", aliases=("水质",),
              choices=(choice("reclaimed_water", "再生水", "reclaimed water", "中水"),
                       choice("sewage", "污水", "sewage"))),
        field("diameter_mm", "float", "管径", "diameter", "GJ",
              unit="mm", aliases=("dn", "gj", "直径", "diameter"), minimum=50, maximum=6000),
        field("winter_flow_m3_per_d", "float", "冬季流量", "winter flow", "DJLL",
              unit="m3/d", aliases=("流量", "flow_m3_d", "flow"), minimum=0, maximum=5e6),
        field("winter_temperature_degc", "float", "冬季水温", "winter temperature", "DJSW",
              unit="degC", aliases=("水温", "temperature"), minimum=0, maximum=45),
        field("wastewater_plant_id", "text", "水源厂编号", "source plant id", "SYCBH", max_length=64),
        COMMITTED_KW,
        *PROVENANCE,
    ),
)  # fmt: skip

WASTEWATER_PLANT = LayerSpec(
    id="wastewater_plant",
    title=Text(zh="再生水（污水）厂", en="Reclaimed-water and wastewater plants"),
    description=Text(
        zh="再生水厂、污水处理厂位置及设计能力、冬季出水量和水温。",
        en="Plants with design capacity, winter effluent flow and temperature.",
    ),
    group="resource",
    access="open",
    geometry="point",
    key="wastewater_plant_id",
    core=True,
    export_name="ZSSC",
    style=StyleSpec(colour="#155e75", radius_px=6),
    lon_aliases=("lon_wwtp",),
    lat_aliases=("lat_wwtp",),
    fields=(
        key("wastewater_plant_id", "厂站编号", "wastewater plant id", "plant_id", "waste_id"),
        field("name", "text", "名称", "name", "MC", aliases=("mc", "厂名", "wwtp_name", "name_zh")),
        DISTRICT,
        field("design_capacity_m3_per_d", "float", "设计处理能力", "design capacity", "SJNL",
              unit="m3/d", aliases=("处理能力", "设计规模", "design_cap", "capacity_m3_d"),
              minimum=0, maximum=5e6),
        field("winter_flow_m3_per_d", "float", "冬季出水量", "winter flow", "DJSL",
              unit="m3/d", aliases=("出水量", "流量", "waste_dis", "flow_m3_d"), minimum=0, maximum=5e6),
        field("winter_temperature_degc", "float", "冬季水温", "winter temperature", "DJSW",
              unit="degC", aliases=("水温", "出水温度", "temperature"), minimum=0, maximum=45),
        field("population_served", "float", "服务人口", "population served", "FWRK",
              unit="1", aliases=("pop_served",), minimum=0),
        COMMITTED_KW,
        *PROVENANCE,
    ),
)  # fmt: skip

DATA_CENTRE = LayerSpec(
    id="data_centre",
    title=Text(zh="数据中心", en="Data centres"),
    description=Text(
        zh="数据中心位置、IT 负荷及接入节能监测平台的电耗。",
        en="Data centres with IT load and, where monitored, electricity use with its time stamp.",
    ),
    group="resource",
    access="restricted",
    geometry="point",
    key="data_centre_id",
    core=True,
    export_name="SJZX",
    style=StyleSpec(colour="#7e22ce", radius_px=6),
    fields=(
        key("data_centre_id", "数据中心编号", "data centre id", "dc_id"),
        NAME,
        DISTRICT,
        field("it_load_kw", "float", "IT 设计负荷", "design IT load", "ITFH",
              unit="kW", aliases=("it负荷", "it_load"), minimum=0, maximum=2e6),
        field("utilisation_frac", "float", "上架率（负荷率）", "utilisation", "SJL",
              unit="1", aliases=("上架率", "负荷率"), minimum=0, maximum=1),
        field("pue", "float", "电能利用效率", "power usage effectiveness", "PUE",
              unit="1", minimum=1, maximum=4),
        field("monitored_power_kw", "float", "监测平均电功率", "monitored mean power", "JCGL",
              unit="kW", aliases=("监测功率", "电耗功率"), minimum=0, maximum=4e6),
        field("monitored_at", "timestamp", "监测时间", "monitored at", "JCSJ"),
        field("cooling", "text", "冷却方式", "cooling", "LQFS",
              choices=(choice("air", "风冷", "air"), choice("liquid", "液冷", "liquid"))),
        COMMITTED_KW,
        *PROVENANCE,
    ),
)  # fmt: skip

WATER_INTAKE_ZONE = LayerSpec(
    id="water_intake_zone",
    title=Text(zh="禁止和限制取水范围", en="Water-intake restriction zones"),
    description=Text(
        zh="地下水禁止开采区、限制开采区、储备区；可按乡镇街道清单给出。",
        en="Prohibited, restricted and reserve zones of groundwater intake, or lists of townships.",
    ),
    group="restriction",
    access="restricted",
    geometry="polygon",
    key="water_intake_zone_id",
    core=True,
    by_township=True,
    export_name="QSFW",
    style=StyleSpec(colour="#b91c1c", fill_opacity=0.1, width_px=1.5, dash="6 4"),
    fields=(
        key("water_intake_zone_id", "取水分区编号", "water-intake zone id", "zone_id"),
        NAME,
        field("zone_class", "text", "分区类别", "zone class", "FQLB", required=True,
              aliases=("类别", "class", "type"),
              choices=(
                  choice("prohibited", "禁止开采区", "prohibited", "禁采区", "禁止取水", "禁止"),
                  choice("restricted", "限制开采区", "restricted", "限采区", "限制取水", "限制"),
                  choice("reserve", "储备区", "reserve", "储备"),
              )),
        field("townships", "text", "乡镇街道清单", "townships", "XZQD",
              aliases=("乡镇清单", "township_list", "乡镇"), max_length=20000),
        field("document_no", "text", "文号", "document number", "WH", aliases=("文件号", "doc_no")),
        field("effective_from", "date", "生效日期", "effective from", "SXRQ", aliases=("生效时间",)),
        *PROVENANCE,
    ),
)  # fmt: skip

CORE = (
    PARCEL,
    GEOTHERMAL_FIELD,
    RECLAIMED_WATER_PIPELINE,
    WASTEWATER_PLANT,
    DATA_CENTRE,
    WATER_INTAKE_ZONE,
)
