"""Rasters as PNG tiles in colours of their declared range; where there is no value, nothing is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from gis.crs import API_CRS
from layers import RASTERS, RasterSpec

_RAMP = "viridis"
_STOPS = 5
_CONTENT = "SELECT content FROM layer.raster WHERE layer = :layer"


def stops(spec: RasterSpec) -> list[tuple[float, str]]:
    """Return values over the declared range and their colours, evenly spaced."""
    colours = _ramp()
    return [
        (float(value), "#" + "".join(f"{band:02x}" for band in colours[round(share * 255)][:3]))
        for value, share in zip(
            np.linspace(spec.minimum, spec.maximum, _STOPS), np.linspace(0, 1, _STOPS), strict=True
        )
    ]


def _ramp() -> Any:
    # Here and below not at the top: GDAL, a third of a second that most runs do without.
    from rio_tiler.colormap import cmap

    return cmap.get(_RAMP)


@contextmanager
def _opened(connection: Connection, layer: str) -> Iterator[Any]:
    from rasterio.io import MemoryFile
    from rio_tiler.io import Reader

    content = connection.execute(text(_CONTENT), {"layer": layer}).scalar_one()
    with (
        MemoryFile(content) as file,
        file.open(driver="GTiff") as source,
        Reader(None, dataset=source) as reader,
    ):
        yield reader


def raster_bounds(connection: Connection, layer: str) -> list[float]:
    """Return west, south, east, north of a loaded raster in degrees."""
    with _opened(connection, layer) as reader:
        return [round(float(side), 7) for side in reader.get_geographic_bounds(API_CRS)]


def render_raster_tile(connection: Connection, layer: str, z: int, x: int, y: int) -> bytes:
    """Return a tile of a loaded raster as PNG, empty beyond it; every pixel has the value of its cell."""
    from rio_tiler.errors import TileOutsideBounds

    spec = RASTERS[layer]
    with _opened(connection, layer) as reader:
        try:
            image = reader.tile(x, y, z, tilesize=256, resampling_method="nearest")
        except TileOutsideBounds:
            return b""
    image.rescale(((spec.minimum, spec.maximum),))
    return bytes(image.render(img_format="PNG", colormap=_ramp()))
