"""The layers that refine an answer or give it its frame."""

from __future__ import annotations

from layers.common import COMMITTED_KW, DISTRICT, NAME, PROVENANCE, choice, field, key
from layers.spec import LayerSpec, StyleSpec, Text

DISTRICT_LAYER = LayerSpec(
    id="district",
    title=Text(zh="区界", en="Districts"),
    description=Text(zh="区级行政区范围。", en="Outlines of the districts."),
    group="reference",
    geometry="polygon",
    key="district_id",
    export_name="XZQ",
    style=StyleSpec(colour="#334155", fill_opacity=0.0, width_px=1.4),
    fields=(
        key("district_id", "行政区代码", "district code", "adcode", "code", "id", "xzqdm"),
        field("name", "text", "名称", "name", "MC",
              aliases=("区", "区县", "县", "district", "xzqmc", "name_zh")),
        field("name_en", "text", "英文名", "name en", "YWM", aliases=("english",)),
        field("planning_area", "text", "功能分区", "planning area", "GNFQ",
              choices=(choice("central_city", "中心城区", "central city"),
                       choice("plain_new_town", "平原新城", "plain new town"),
                       choice("ecological", "生态涵养区", "ecological conservation"))),
        *PROVENANCE,
    ),
)  # fmt: skip

TOWNSHIP_LAYER = LayerSpec(
    id="township",
    title=Text(zh="乡镇街道", en="Townships"),
    description=Text(zh="乡镇、街道范围。", en="Outlines of townships and sub-districts."),
    group="reference",
    geometry="polygon",
    key="township_id",
    export_name="XZJD",
    style=StyleSpec(colour="#94a3b8", fill_opacity=0.0, width_px=0.7, visible=False),
    fields=(
        key("township_id", "乡镇街道代码", "township code", "towncode", "xzdm"),
        field("name", "text", "名称", "name", "MC",
              aliases=("乡", "乡镇", "乡镇街道", "街道", "township", "mc")),
        DISTRICT,
        field("city", "text", "市", "city", "SMC", aliases=("地市",)),
        field("province", "text", "省", "province", "SHMC", aliases=("省份",)),
        field("population", "float", "人口", "population", "RK", unit="1",
              aliases=("常住人口", "pop", "pop_worldpop"), minimum=0),
        *PROVENANCE,
    ),
)  # fmt: skip

GREEN_SPACE = LayerSpec(
    id="green_space",
    title=Text(zh="公共绿地", en="Public green space"),
    description=Text(
        zh="公园、城市绿隔等可布置地埋管的公共绿地。",
        en="Parks and green belts that may hold boreholes.",
    ),
    group="resource",
    geometry="polygon",
    key="green_space_id",
    export_name="GGLD",
    style=StyleSpec(colour="#15803d", fill_opacity=0.2, width_px=0.6, visible=False),
    fields=(
        key("green_space_id", "绿地编号", "green space id"),
        NAME,
        field("kind", "text", "类型", "kind", "LX", aliases=("绿地类型",),
              choices=(choice("park", "公园绿地", "park", "公园"),
                       choice("belt", "防护绿地（绿隔）", "green belt", "防护绿地", "绿隔"),
                       choice("square", "广场用地", "square", "广场"))),
        field("usable_frac", "float", "可利用比例", "usable fraction", "KLYBL", unit="1",
              minimum=0, maximum=1),
        *PROVENANCE,
    ),
)  # fmt: skip

SHALLOW_GEOTHERMAL_ZONE = LayerSpec(
    id="shallow_geothermal_zone",
    title=Text(zh="浅层地热能分区", en="Shallow geothermal zones"),
    description=Text(
        zh="地埋管地源热泵适宜性分区及岩土热物性。",
        en="Suitability classes for borehole ground source with thermal properties of the ground.",
    ),
    group="resource",
    geometry="polygon",
    key="shallow_geothermal_zone_id",
    export_name="QCDRFQ",
    style=StyleSpec(colour="#a16207", fill_opacity=0.12, width_px=0.8, visible=False),
    fields=(
        key("shallow_geothermal_zone_id", "分区编号", "shallow geothermal zone id"),
        NAME,
        field("suitability", "text", "适宜性", "suitability", "SYX", required=True,
              aliases=("适宜性分区", "class"),
              choices=(choice("suitable", "适宜区", "suitable", "适宜"),
                       choice("moderate", "较适宜区", "moderately suitable", "较适宜"),
                       choice("unsuitable", "不适宜区", "unsuitable", "不适宜"))),
        field("conductivity_w_per_m_k", "float", "导热系数", "conductivity", "DRXS",
              unit="W/(m K)", aliases=("热导率",), minimum=0.3, maximum=6),
        field("heat_capacity_mj_per_m3_k", "float", "体积比热容", "volumetric heat capacity", "TJBRR",
              unit="MJ/(m3 K)", aliases=("容积比热容",), minimum=0.5, maximum=5),
        field("ground_temperature_degc", "float", "初始地温", "ground temperature", "CSDW",
              unit="degC", aliases=("地温",), minimum=0, maximum=30),
        *PROVENANCE,
    ),
)  # fmt: skip

HEAT_NETWORK = LayerSpec(
    id="heat_network",
    title=Text(zh="热力管网", en="Heat networks"),
    description=Text(zh="既有城市或区域热力管网。", en="Existing city and regional heat mains."),
    group="network",
    geometry="line",
    key="heat_network_id",
    export_name="RLGW",
    style=StyleSpec(colour="#dc2626", width_px=1.8, visible=False),
    fields=(
        key("heat_network_id", "管网编号", "heat network id"),
        NAME,
        field("supply_temperature_degc", "float", "供水温度", "supply temperature", "GSWD",
              unit="degC", minimum=20, maximum=200),
        field("diameter_mm", "float", "管径", "diameter", "GJ", unit="mm", aliases=("dn",),
              minimum=50, maximum=2000),
        *PROVENANCE,
    ),
)  # fmt: skip

WASTE_HEAT_SOURCE = LayerSpec(
    id="waste_heat_source",
    title=Text(zh="余热热源", en="Waste-heat sources"),
    description=Text(
        zh="燃气热电厂、调峰热源厂、锅炉房、工业、垃圾焚烧和生物质热源。",
        en="Gas CHP, peaking plants, boiler houses, industry, waste-to-energy and biomass plants.",
    ),
    group="resource",
    geometry="point",
    key="waste_heat_source_id",
    export_name="YRRY",
    style=StyleSpec(colour="#be123c", radius_px=5),
    fields=(
        key("waste_heat_source_id", "热源编号", "waste heat source id"),
        NAME,
        DISTRICT,
        field("kind", "text", "类型", "kind", "LX", aliases=("热源类型", "primary_fuel", "fuel"),
              choices=(choice("gas_chp", "燃气热电厂", "gas CHP", "燃气电厂", "热电厂", "gas"),
                       choice("boiler_house", "燃气锅炉房", "boiler house", "锅炉房", "调峰热源厂"),
                       choice("industry", "工业余热", "industry", "工业"),
                       choice("waste_to_energy", "垃圾焚烧", "waste to energy", "垃圾焚烧发电", "waste"),
                       choice("biomass", "生物质", "biomass", "生物质热电"),
                       choice("coal", "燃煤", "coal"),
                       choice("other", "其他", "other",
                              "hydro", "solar", "wind", "storage", "oil", "nuclear"))),
        field("recoverable_heat_kw", "float", "可回收热量", "recoverable heat", "KHSRL",
              unit="kW", aliases=("余热量", "余热功率"), minimum=0, maximum=5e6),
        field("temperature_degc", "float", "余热温度", "temperature", "YRWD", unit="degC",
              minimum=0, maximum=500),
        COMMITTED_KW,
        *PROVENANCE,
    ),
)  # fmt: skip

DRILLING_EXCLUSION = LayerSpec(
    id="drilling_exclusion",
    title=Text(zh="禁止钻探范围", en="Drilling exclusions"),
    description=Text(
        zh="水源保护区、文物保护和轨道交通保护范围等不得钻孔的区域。",
        en="Protection zones, heritage and rail corridors where no borehole may be drilled.",
    ),
    group="restriction",
    geometry="polygon",
    key="drilling_exclusion_id",
    export_name="JZZT",
    style=StyleSpec(colour="#7f1d1d", fill_opacity=0.15, width_px=1.0, dash="2 3", visible=False),
    fields=(
        key("drilling_exclusion_id", "范围编号", "drilling exclusion id"),
        NAME,
        field("kind", "text", "类型", "kind", "LX",
              choices=(choice("water_source", "水源保护区", "water-source protection"),
                       choice("heritage", "文物保护范围", "heritage"),
                       choice("rail", "轨道交通保护区", "rail corridor", "地铁", "轨道交通"),
                       choice("other", "其他", "other"))),
        field("document_no", "text", "文号", "document number", "WH"),
        *PROVENANCE,
    ),
)  # fmt: skip

HEAT_PROJECT = LayerSpec(
    id="heat_project",
    title=Text(zh="供热项目", en="Heat projects"),
    description=Text(
        zh="既有和规划的新能源供热项目、占用能力和监测值。",
        en="Existing and planned projects with committed capacity and monitored values.",
    ),
    group="network",
    geometry="point",
    key="heat_project_id",
    export_name="GRXM",
    style=StyleSpec(colour="#ca8a04", radius_px=4, visible=False),
    fields=(
        key("heat_project_id", "项目编号", "heat project id", "project_id"),
        NAME,
        DISTRICT,
        field("technology", "text", "技术类型", "technology", "JSLX",
              choices=(choice("shallow_ground_source", "浅层地源热泵", "shallow ground source"),
                       choice("reclaimed_water", "再生水（污水）源热泵", "reclaimed water"),
                       choice("geothermal", "中深层地热", "geothermal"),
                       choice("waste_heat", "余热利用", "waste heat"),
                       choice("air_source", "集中式空气源热泵", "air source"),
                       choice("biomass", "生物质供热", "biomass"))),
        field("status", "text", "项目状态", "status", "XMZT",
              choices=(choice("planned", "规划", "planned"), choice("approved", "已核准", "approved"),
                       choice("construction", "在建", "under construction"),
                       choice("running", "在运", "running"), choice("ended", "停运", "ended"))),
        field("source_layer", "text", "所用资源图层", "source layer", "ZYTC", max_length=60),
        field("source_id", "text", "所用资源编号", "source feature id", "ZYBH", max_length=64),
        COMMITTED_KW,
        field("heated_area_m2", "float", "供热面积", "heated area", "GRMJ", unit="m2", minimum=0),
        field("monitored_heat_mwh_per_a", "float", "监测年供热量", "monitored heat", "JCRL",
              unit="MWh/a", minimum=0),
        field("monitored_electricity_mwh_per_a", "float", "监测年耗电量", "monitored electricity", "JCDL",
              unit="MWh/a", minimum=0),
        *PROVENANCE,
    ),
)  # fmt: skip

SUPPORTING = (
    DISTRICT_LAYER,
    TOWNSHIP_LAYER,
    GREEN_SPACE,
    SHALLOW_GEOTHERMAL_ZONE,
    HEAT_NETWORK,
    WASTE_HEAT_SOURCE,
    DRILLING_EXCLUSION,
    HEAT_PROJECT,
)
