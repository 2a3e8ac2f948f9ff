"""The rasters: what is known of the ground cell by cell."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from layers.spec import RasterSpec, Text
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
