"""Where a tile lies and how it is cut into cells, in web Mercator and in the CRS of the stored layers.

The pieces of SQL are bound to a tile by `w`, `s`, `e`, `n` (EPSG:3857), and `cell`, the side of a cell.
"""

from __future__ import annotations

from functools import lru_cache

import pyproj

from gis.crs import API_CRS, STORAGE_EPSG

TILE_PX = 256
WORLD_M = 20037508.342789244
"""Half the side of the square that web Mercator makes of the world."""

# Storage is a transverse Mercator on 117 E; far from it the projection has no answer.
_NEAR_WEST, _NEAR_SOUTH, _NEAR_EAST, _NEAR_NORTH = 97.0, 0.0, 137.0, 70.0

CELL_MAX_ZOOM = 11
"""Up to this zoom results are drawn as 64 x 64 cells a tile; single parcels would be under a pixel."""

CELLS_PER_TILE = 64
PARCEL_MIN_ZOOM = 12

TILE_SQL = "ST_MakeEnvelope(:w, :s, :e, :n, 3857)"
# A parcel belongs to the one cell that holds the middle of its bounding box, so that none is counted twice.
CELL_SQL = """floor(((ST_XMin(geom) + ST_XMax(geom)) / 2 - :w) / :cell)::int AS i,
         floor(((ST_YMin(geom) + ST_YMax(geom)) / 2 - :s) / :cell)::int AS j"""
IN_TILE_SQL = f"i BETWEEN 0 AND {CELLS_PER_TILE - 1} AND j BETWEEN 0 AND {CELLS_PER_TILE - 1}"
CELL_SHAPE_SQL = f"""ST_AsMVTGeom(
      ST_MakeEnvelope(:w + i * :cell, :s + j * :cell, :w + (i + 1) * :cell, :s + (j + 1) * :cell, 3857),
      {TILE_SQL}, :extent, 0, false)"""

Box = tuple[float, float, float, float]


def tile_box_m(z: int, x: int, y: int) -> Box:
    """Return west, south, east, north of a tile in EPSG:3857 metres."""
    size = 2 * WORLD_M / 2**z
    west, north = -WORLD_M + x * size, WORLD_M - y * size
    return west, north - size, west + size, north


def is_near(lon: float, lat: float) -> bool:
    """Return whether the storage CRS has an answer at a longitude and latitude (degrees)."""
    return _NEAR_WEST <= lon <= _NEAR_EAST and _NEAR_SOUTH <= lat <= _NEAR_NORTH


@lru_cache(maxsize=1)
def _near_box_m() -> Box:
    to_web = pyproj.Transformer.from_crs(API_CRS, "EPSG:3857", always_xy=True)
    west, south = to_web.transform(_NEAR_WEST, _NEAR_SOUTH)
    east, north = to_web.transform(_NEAR_EAST, _NEAR_NORTH)
    return float(west), float(south), float(east), float(north)


@lru_cache(maxsize=1)
def _to_storage() -> pyproj.Transformer:
    return pyproj.Transformer.from_crs("EPSG:3857", f"EPSG:{STORAGE_EPSG}", always_xy=True)


def storage_box(box: Box, margin_m: float) -> Box | None:
    """Return the storage-CRS bounds of a web-Mercator box with its margin; None far from the city."""
    near = _near_box_m()
    west, south = max(box[0] - margin_m, near[0]), max(box[1] - margin_m, near[1])
    east, north = min(box[2] + margin_m, near[2]), min(box[3] + margin_m, near[3])
    if west >= east or south >= north:
        return None
    return _to_storage().transform_bounds(west, south, east, north, densify_pts=21)


def drawn_sql(geometry: str, z: int) -> str:
    """Return the SQL of the shape `web` at a zoom: below 14 nothing finer than `simplify` is sent."""
    return "web" if geometry == "point" or z >= 14 else "ST_Simplify(web, :simplify, true)"
