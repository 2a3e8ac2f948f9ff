"""The grid of a potential: square cells in the storage CRS over the shallow geothermal zones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gis.crs import STORAGE_EPSG, transformer
from gis.errors import InputError
from gis.facts.ragged import ORIGIN, Shapes
from gis.resources import Raster, Resources

ZONES = "shallow_geothermal_zone"
DEFAULT_CELL_M = 100.0
DEFAULT_CELLS = 4_000_000
"""Cells, beyond which a size that nobody asked for is made larger: a city is seen well enough with these."""

MAX_CELLS = 20_000_000
LEAST_CELL_M = 1.0


@dataclass(frozen=True)
class Grid:
    """Square cells of `cell_m` (m) in EPSG:4548; rows run from west to east, the northernmost first."""

    west: float
    north: float
    cell_m: float
    rows: int
    columns: int

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        south, east = self.north - self.rows * self.cell_m, self.west + self.columns * self.cell_m
        return self.west, south, east, self.north

    def cells(self, start: int, stop: int) -> Shapes:
        """Return the outlines of the cells of some rows, one row after the other."""
        x = self.west + np.arange(self.columns) * self.cell_m - ORIGIN[0]
        y = self.north - np.arange(start + 1, stop + 1) * self.cell_m - ORIGIN[1]
        corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]) * self.cell_m
        south_west = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 1, 2)
        n = len(south_west)
        return Shapes.from_arrays(
            "polygon",
            (south_west + corners).reshape(-1, 2),
            np.arange(n + 1) * len(corners),
            np.arange(n + 1),
        )


def grid_of(resources: Resources, cell_m: float | None) -> Grid:
    """Return the grid over the zones: there alone can all be known that a verdict needs.

    Without `cell_m` the cells are those of the finest raster, else of 100 m, and larger where that
    would be too many. A raster in the storage CRS has its cells met. Raises InputError for a size that is
    no length of at least a metre, or gives too many cells.
    """
    zones = resources.frames[ZONES]
    if not len(zones):
        raise InputError(f"layer {ZONES} is empty: import the zones with `onemap import {ZONES} FILE` first")
    west, south, east, north = zones.total_bounds
    size = _default_m(resources.rasters, (east - west) * (north - south)) if cell_m is None else cell_m
    if not (math.isfinite(size) and size >= LEAST_CELL_M):
        raise InputError(f"cells of {size:g} m are not usable; give a length of {LEAST_CELL_M:g} m or more")
    x, y = _origin(resources.rasters, size)
    first, last = math.floor((west - x) / size), math.ceil((east - x) / size)
    top, bottom = math.ceil((north - y) / size), math.floor((south - y) / size)
    rows, columns = top - bottom, last - first
    if rows * columns > MAX_CELLS:
        least = math.ceil(size * math.sqrt(rows * columns / MAX_CELLS))
        raise InputError(
            f"cells of {size:g} m would be {rows * columns:,}, and the limit is {MAX_CELLS:,}; "
            f"take cells of {least} m or more"
        )
    return Grid(x + first * size, y + top * size, size, rows, columns)


def _default_m(rasters: Mapping[str, Raster], area_m2: float) -> float:
    own = min((_cell_m(raster) for raster in rasters.values()), default=DEFAULT_CELL_M)
    # Whole multiples: cells of a raster are then put together, and none is cut.
    return max(own, LEAST_CELL_M) * max(1, math.ceil(math.sqrt(area_m2 / DEFAULT_CELLS) / own))


def _cell_m(raster: Raster) -> float:
    """Return the side in m of a square of the size of a raster's cell; of one in degrees to the metre."""
    west, south, east, north = raster.bounds
    rows, columns = raster.values.shape
    width, height = (east - west) / columns, (north - south) / rows
    if _is_stored(raster):
        return math.sqrt(width * height)
    x, y = (west + east) / 2, (south + north) / 2
    place = transformer(raster.crs, f"EPSG:{STORAGE_EPSG}")
    xs, ys = place.transform([x, x + width, x], [y, y, y + height])
    area = (xs[1] - xs[0]) * (ys[2] - ys[0]) - (xs[2] - xs[0]) * (ys[1] - ys[0])
    return float(round(math.sqrt(abs(area))))


def _origin(rasters: Mapping[str, Raster], size: float) -> tuple[float, float]:
    """Return a corner of the grid's lines: that of a raster in the storage CRS whose cells divide its own."""
    for raster in rasters.values():
        if _is_stored(raster) and (size / _cell_m(raster)).is_integer():
            return raster.bounds[0], raster.bounds[3]
    return 0.0, 0.0


def _is_stored(raster: Raster) -> bool:
    import pyproj

    return bool(pyproj.CRS(raster.crs).to_epsg() == STORAGE_EPSG)
