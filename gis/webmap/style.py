"""How layers of tiles are drawn elsewhere than on the map page: MapLibre layers, and colours of features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gis.titles import NO_TECHNOLOGY, TECHNOLOGY_COLOURS
from gis.webmap.match_tiles import MATCH_CONNECTION, MATCH_PARCEL, MATCH_SEGMENT
from gis.webmap.tiles import RESULT_LAYER
from layers import LAYERS, LayerSpec

RESULT_OPACITY = 0.9
TECHNOLOGY_OF = {RESULT_LAYER: "recommended", MATCH_PARCEL: "matched", MATCH_CONNECTION: "technology"}
"""The property of results that is coloured by technology."""

MAIN_COLOUR = {MATCH_SEGMENT: "#4292c6"}
_ORDER = ("polygon", "line", "point")


def technology_colour(technology: Any) -> str:
    """Return the colour of a technology, that of none where it is none."""
    return TECHNOLOGY_COLOURS.get(technology, NO_TECHNOLOGY)


def drawn_layers(shown: Sequence[str]) -> list[dict[str, Any]]:
    """Return MapLibre layers for `shown`: the results lowest, above them areas, lines and points."""
    results = [_by_technology(RESULT_LAYER)] if RESULT_LAYER in shown else []
    specs = sorted((LAYERS[s] for s in shown if s in LAYERS), key=lambda s: _ORDER.index(s.geometry))
    return results + [layer for spec in specs for layer in _layers(spec)]


def _by_technology(layer: str) -> dict[str, Any]:
    cases = [part for pair in TECHNOLOGY_COLOURS.items() for part in pair]
    colour = ["match", ["get", TECHNOLOGY_OF[layer]], *cases, NO_TECHNOLOGY]
    return _one(layer, "fill", layer, {"fill-color": colour, "fill-opacity": RESULT_OPACITY})


def _layers(spec: LayerSpec) -> list[dict[str, Any]]:
    style = spec.style
    if spec.geometry == "point":
        paint: dict[str, Any] = {"circle-color": style.colour, "circle-radius": style.radius_px}
        white = {"circle-stroke-color": "#ffffff", "circle-stroke-width": 1}
        found = [_one(spec.id, "circle", spec.id, paint | white)]
    else:
        paint = {"line-color": style.colour, "line-width": style.width_px}
        if style.dash is not None:
            # Leaflet counts dashes in pixels, MapLibre in widths of the line.
            paint["line-dasharray"] = [
                float(part) / style.width_px for part in style.dash.replace(",", " ").split()
            ]
        found = [_one(f"{spec.id}-line", "line", spec.id, paint)]
        if spec.geometry == "polygon" and style.fill_opacity > 0:
            fill = {"fill-color": style.colour, "fill-opacity": style.fill_opacity}
            found.insert(0, _one(f"{spec.id}-fill", "fill", spec.id, fill))
    hidden: Mapping[str, Any] = {} if style.visible and spec.id != "parcel" else {"visibility": "none"}
    return [layer | ({"layout": dict(hidden)} if hidden else {}) for layer in found]


def _one(id_: str, type_: str, source: str, paint: dict[str, Any]) -> dict[str, Any]:
    return {"id": id_, "type": type_, "source": source, "source-layer": source, "paint": paint}
