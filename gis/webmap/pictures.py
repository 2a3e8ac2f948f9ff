"""Vector tiles drawn as PNG, for clients that know pictures only."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import pyogrio
import shapely
from PIL import Image, ImageColor, ImageDraw

from gis.webmap.boxes import TILE_PX
from gis.webmap.style import (
    MAIN_COLOUR,
    RESULT_OPACITY,
    TECHNOLOGY_OF,
    technology_colour,
)
from gis.webmap.tiles import extent
from layers import LAYERS

_FINE = 2
"""Pictures are drawn this many times as large and made smaller, for smooth edges."""

_RESULT_WIDTH_PX = 2.0
Colour = tuple[int, int, int, int]


@cache
def blank() -> bytes:
    """Return a transparent tile as PNG."""
    return _png(Image.new("RGBA", (TILE_PX, TILE_PX)))


def _png(image: Image.Image) -> bytes:
    out = BytesIO()
    image.save(out, "PNG", compress_level=6)
    return out.getvalue()


def picture(body: bytes, layer: str, z: int) -> bytes:
    """Return a tile of `gis.webmap.tiles.render_tile` as PNG of 256 x 256 pixels, empty for an empty one."""
    if not body:
        return b""
    about, _, shapes, columns = pyogrio.raw.read(body, CLIP="NO")
    values = dict(zip(about["fields"], columns, strict=True))
    side = TILE_PX * _FINE
    image = Image.new("RGBA", (side, side))
    pen = ImageDraw.Draw(image)
    # The reader has y upwards.
    scale = side / extent(layer, z)
    parts, owner = shapely.get_parts(
        shapely.transform(shapely.from_wkb(shapes), lambda xy: xy * [scale, -scale] + [0, side]),
        return_index=True,
    )
    colours = _colours(layer, values, len(shapes))
    for part, one in zip(parts, owner, strict=True):
        _draw(pen, part, layer, colours[one])
    return _png(image.resize((TILE_PX, TILE_PX), Image.Resampling.BOX))


def _colours(layer: str, values: dict[str, npt.NDArray[Any]], count: int) -> list[str]:
    named = TECHNOLOGY_OF.get(layer)
    if named is None:
        return [MAIN_COLOUR[layer] if layer in MAIN_COLOUR else LAYERS[layer].style.colour] * count
    # A property that no feature of the tile has is not there.
    return [technology_colour(value) for value in values.get(named, np.full(count, None))]


def _draw(pen: ImageDraw.ImageDraw, part: Any, layer: str, colour: str) -> None:
    style = LAYERS[layer].style if layer in LAYERS else None
    width = round((style.width_px if style else _RESULT_WIDTH_PX) * _FINE)
    line = _colour(colour, 1.0)
    if part.geom_type == "Polygon":
        fill = _colour(colour, style.fill_opacity if style else RESULT_OPACITY)
        # Where a hole is, what lies below is seen: Pillow knows no holes, but writes over.
        pen.polygon(_points(part.exterior), fill=fill)
        for ring in part.interiors:
            pen.polygon(_points(ring), fill=(0, 0, 0, 0))
        if style:
            for ring in (part.exterior, *part.interiors):
                pen.line(_points(ring), fill=line, width=width)
    elif part.geom_type == "LineString":
        pen.line(_points(part), fill=line, width=width, joint="curve")
    else:
        radius = (style.radius_px if style else 1.0) * _FINE
        pen.circle((part.x, part.y), radius, fill=line, outline="white", width=_FINE)


def _points(line: Any) -> list[tuple[float, float]]:
    return [(x, y) for x, y in shapely.get_coordinates(line).tolist()]


def _colour(colour: str, opacity: float) -> Colour:
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return red, green, blue, round(255 * opacity)
