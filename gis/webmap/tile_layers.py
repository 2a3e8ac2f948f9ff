"""What the tiles of each layer hold, as the documents about them tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gis.webmap.match_tiles import MATCH_CONNECTION, MATCH_PARCEL, MATCH_SEGMENT
from gis.webmap.tiles import RESULT_LAYER, min_zoom
from layers import LAYERS, LayerSpec
from layers.spec import GeometryKind, Text

Fields = Mapping[str, tuple[str, str]]
"""Type in JSON Schema and description of each property, by name."""


@dataclass(frozen=True)
class TileLayer:
    """A layer of vector tiles; `outlines` is the layer of LAYERS whose extent it has."""

    id: str
    title: Text
    description: Text
    geometry: GeometryKind
    fields: Fields
    outlines: str

    @property
    def min_zoom(self) -> int:
        """The zoom from which on there are tiles."""
        return min_zoom(self.id)


_ID = {"id": ("string", "key of the feature, or column and row of a cell")}
_MATCH_ID = {"id": ("string", "parcel, or column and row of a cell")}
_COUNT = {"parcel_count": ("integer", "parcels of a cell; absent for a single parcel")}


def _layer(spec: LayerSpec) -> TileLayer:
    fields = dict(_ID)
    if "name" in spec.field_names:
        fields["name"] = ("string", spec.field("name").title.en)
    if spec.geometry == "polygon":
        fields["feature_count"] = (
            "integer",
            "areas of a cell that are under a pixel; absent for a single one",
        )
    return TileLayer(spec.id, spec.title, spec.description, spec.geometry, fields, spec.id)


_RESULTS = (
    TileLayer(
        RESULT_LAYER,
        Text(zh="推荐供热技术", en="Recommended technology"),
        Text(
            zh="每个地块的推荐技术、结论和得分；11 级及以下按格网汇总。",
            en="The technology recommended for every parcel, its status and score; cells up to zoom 11.",
        ),
        "polygon",
        _ID
        | {
            "recommended": ("string", "technology; of a cell, that of most parcel area"),
            "recommended_status": ("string", "status of it"),
            "score": ("integer", "0 to 100; of a cell, the mean by area"),
        }
        | _COUNT,
        "parcel",
    ),
    TileLayer(
        MATCH_PARCEL,
        Text(zh="匹配结果", en="Matching: parcels"),
        Text(
            zh="匹配方案中各地块的主要供热技术；11 级及以下按格网汇总。",
            en="The technology that carries most of every parcel in a matching run; cells up to zoom 11.",
        ),
        "polygon",
        _MATCH_ID
        | {
            "matched": ("string", "technology that carries most"),
            "unmet_reason": ("string", "why load is left"),
            "matched_kw": ("number", "kW of that technology in a cell"),
        }
        | _COUNT,
        "parcel",
    ),
    TileLayer(
        MATCH_CONNECTION,
        Text(zh="匹配连接", en="Matching: connections"),
        Text(zh="地块与所接热源的连线。", en="Straight lines from parcels to the sources that serve them."),
        "line",
        {
            "id": ("string", "parcel, technology, layer and key of the source"),
            "technology": ("string", "technology"),
            "source_layer": ("string", "layer of the source"),
            "source_id": ("string", "key of the source"),
            "allocated_kw": ("number", "kW that the parcel gets"),
        },
        "parcel",
    ),
    TileLayer(
        MATCH_SEGMENT,
        Text(zh="管网余量", en="Matching: mains"),
        Text(
            zh="再生水管网逐段的剩余供热能力。",
            en="Reclaimed-water mains from tap to tap, with what is left.",
        ),
        "line",
        {
            "id": ("string", "key of the main and number of the segment"),
            "temperature_degc": ("number", "temperature of the water"),
            "left_kw": ("number", "kW that are left"),
            "tapped_kw": ("number", "kW taken at the end of the segment"),
        },
        "reclaimed_water_pipeline",
    ),
)

DESCRIBED: Mapping[str, TileLayer] = MappingProxyType(
    {one.id: one for one in (*_RESULTS, *map(_layer, LAYERS.values()))}
)
"""All layers of vector tiles by id."""
