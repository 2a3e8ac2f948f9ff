"""The rasters: what is known of the ground cell by cell, and what is worked out of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from layers.spec import BandSpec, RasterSpec, Text
from layers.supporting import SHALLOW_GEOTHERMAL_ZONE


def _ground(id_: str, fact: str, zone_field: str, title: Text, description: Text) -> RasterSpec:
    """Return the raster of a quantity that zones also give: it has their unit, range, group and access."""
    quantity = SHALLOW_GEOTHERMAL_ZONE.field(zone_field).model_dump(include={"unit", "minimum", "maximum"})
    own = {"id": id_, "title": title, "description": description, "fact": fact}
    same = SHALLOW_GEOTHERMAL_ZONE.model_dump(include={"group", "access"})
    return RasterSpec.model_validate(own | quantity | same)


_SPECS = (
    _ground(
        "ground_conductivity",
        "ground_conductivity_w_per_m_k",
        "conductivity_w_per_m_k",
        Text(zh="岩土导热系数栅格", en="Ground conductivity raster"),
        Text(
            zh="地埋管深度范围内岩土体的综合导热系数；有值处以栅格为准，其余按浅层地热能分区取值。",
            en="Thermal conductivity of the ground over the depth of boreholes; "
            "where it has no value that of the shallow geothermal zone holds.",
        ),
    ),
    _ground(
        "ground_temperature",
        "ground_temperature_degc",
        "ground_temperature_degc",
        Text(zh="初始地温栅格", en="Ground temperature raster"),
        Text(
            zh="地埋管深度范围内岩土体的平均初始温度；有值处以栅格为准，其余按浅层地热能分区取值。",
            en="Undisturbed temperature of the ground, mean over the depth of boreholes; "
            "where it has no value that of the shallow geothermal zone holds.",
        ),
    ),
)

RASTERS: Mapping[str, RasterSpec] = MappingProxyType({s.id: s for s in _SPECS})
"""What may be loaded as a raster: one declaration each."""


_BANDS = (
    BandSpec(
        id="borehole_heat",
        title=Text(zh="浅层地源单孔年取热量", en="Ground heat per borehole"),
        description=Text(
            zh="按规则集的孔距、孔深和群孔长期换热模型，一公顷空地布孔时单孔每年可取的热量；不得布孔处无值。",
            en="Heat that one borehole may take from the ground in a year, in the field that one hectare "
            "of open ground holds by the rule set; no value where the rules exclude boreholes.",
        ),
        group="resource",
        column="borehole_heat_mwh_per_a",
        unit="MWh/a",
    ),
    BandSpec(
        id="ground_heat",
        title=Text(zh="浅层地源每公顷年取热量", en="Ground heat per hectare"),
        description=Text(
            zh="一公顷空地（无建筑）按规则集布孔每年可取的热量；规则排除处为 0，资料不足处无值。",
            en="Heat that the boreholes of one hectare of open ground may take in a year; 0 where the "
            "rules exclude them, no value where something is not known.",
        ),
        group="resource",
        column="ground_heat_mwh_per_ha_a",
        unit="MWh/(ha a)",
    ),
    BandSpec(
        id="ground_capacity",
        title=Text(zh="浅层地源每公顷供热能力", en="Ground-source capacity per hectare"),
        description=Text(
            zh="一公顷空地按规则集布孔，热泵可供的设计负荷；规则排除处为 0，资料不足处无值。",
            en="Design load that heat pumps on the boreholes of one hectare of open ground carry; 0 where "
            "the rules exclude them, no value where something is not known.",
        ),
        group="resource",
        column="capacity_kw_per_ha",
        unit="kW/ha",
    ),
)

POTENTIAL: Mapping[str, BandSpec] = MappingProxyType({s.id: s for s in _BANDS})
"""What is worked out of the ground cell by cell, in the order of the bands."""
