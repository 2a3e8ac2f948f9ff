"""Rasters as PNG tiles in colours of their range; where there is no value, nothing is drawn.

Loaded rasters have colours over the range that is declared, bands of the ground's potential over that of
their values, a few at either end left out; zero, where the rules exclude boreholes, is grey.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from gis.crs import API_CRS
from layers import POTENTIAL, RASTERS, BandSpec, RasterSpec

SHOWN_RASTERS: Mapping[str, RasterSpec | BandSpec] = {**RASTERS, **POTENTIAL}
"""What is served as a raster, by id: what is loaded, then what is worked out."""

EXCLUDED_COLOUR = "#c9ced3"
_RAMP = "viridis"
_STOPS = 5
_CONTENT = "SELECT content FROM layer.raster WHERE layer = :layer"
_POTENTIAL = "SELECT content FROM result.ground_potential"
_TOLD = "SELECT told -> 'bands' FROM result.ground_potential"


def drawn_range(connection: Connection, layer: str) -> tuple[float, float]:
    """Return the values at both ends of the colours of a raster that is there."""
    if layer in RASTERS:
        return RASTERS[layer].minimum, RASTERS[layer].maximum
    bands = connection.execute(text(_TOLD)).scalar_one()
    low, high = next(band["shown"] for band in bands if band["id"] == layer)
    if low is None:
        return 0.0, 1.0  # nowhere may a borehole be: all that is drawn is grey
    # Ground that is the same everywhere has no range of its own.
    return (low, high) if low < high else (0.0, high)


def stops(drawn: tuple[float, float]) -> list[tuple[float, str]]:
    """Return values over a range and their colours, evenly spaced."""
    colours = _ramp()
    return [
        (float(value), "#" + "".join(f"{band:02x}" for band in colours[round(share * 255)][:3]))
        for value, share in zip(np.linspace(*drawn, _STOPS), np.linspace(0, 1, _STOPS), strict=True)
    ]


def _ramp() -> Any:
    # Here and below not at the top: GDAL, a third of a second that most runs do without.
    from rio_tiler.colormap import cmap

    return cmap.get(_RAMP)


@contextmanager
def _opened(connection: Connection, layer: str) -> Iterator[Any]:
    from rasterio.io import MemoryFile
    from rio_tiler.io import Reader

    query = _CONTENT if layer in RASTERS else _POTENTIAL
    content = connection.execute(text(query), {"layer": layer} if layer in RASTERS else {}).scalar_one()
    with (
        MemoryFile(content) as file,
        file.open(driver="GTiff") as source,
        Reader(None, dataset=source) as reader,
    ):
        yield reader


def _band(layer: str) -> int:
    return 1 if layer in RASTERS else list(POTENTIAL).index(layer) + 1


def raster_bounds(connection: Connection, layer: str) -> list[float]:
    """Return west, south, east, north in degrees of a raster that is there."""
    with _opened(connection, layer) as reader:
        return [round(float(side), 7) for side in reader.get_geographic_bounds(API_CRS)]


def raster_value(connection: Connection, layer: str, lon: float, lat: float) -> float | None:
    """Return the value of the cell at a place in degrees, None where there is none."""
    from rio_tiler.errors import PointOutsideBounds

    with _opened(connection, layer) as reader:
        try:
            found = reader.point(lon, lat, indexes=_band(layer)).array
        except PointOutsideBounds:
            return None
    # Masked, or not a number: neither is a value.
    value = float(np.ma.filled(found.astype(np.float64), np.nan)[0])
    return None if np.isnan(value) else value


def render_raster_tile(connection: Connection, layer: str, z: int, x: int, y: int) -> bytes:
    """Return a tile of a raster as PNG, empty beyond it; every pixel has the value of a cell at it."""
    from rio_tiler.errors import TileOutsideBounds

    drawn = drawn_range(connection, layer)
    with _opened(connection, layer) as reader:
        try:
            image = reader.tile(x, y, z, tilesize=256, indexes=_band(layer), resampling_method="nearest")
        except TileOutsideBounds:
            return b""
    barred = np.zeros(image.array.shape, dtype=bool)
    if layer in POTENTIAL:
        barred = np.ma.filled(image.array == 0, False)
    image.rescale((drawn,))
    colours = _ramp()
    if barred.any():
        # The lowest colour is left to what is low: grey takes a place of its own.
        places = np.where(barred, 0, np.maximum(image.array.data, 1)).astype(np.uint8)
        image.array = np.ma.MaskedArray(places, mask=image.array.mask)
        grey = tuple(bytes.fromhex(EXCLUDED_COLOUR[1:])) + (255,)
        colours = {**colours, 0: grey}
    return bytes(image.render(img_format="PNG", colormap=colours))
