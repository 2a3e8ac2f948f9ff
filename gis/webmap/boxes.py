"""Where a tile lies and how it is cut into cells, in web Mercator and in the CRS of the stored layers.

The pieces of SQL are bound to a tile by `tile_values`: `w`, `s`, `e`, `n` (EPSG:3857), `cell`, the side of
a cell, and others.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, text

from gis.crs import API_CRS, STORAGE_EPSG, transformer

TILE_PX = 256
MAX_ZOOM = 22
WORLD_M = 20037508.342789244
"""Half the side of the square that web Mercator makes of the world."""

# Storage is a transverse Mercator on 117 E; far from it the projection has no answer.
_NEAR_WEST, _NEAR_SOUTH, _NEAR_EAST, _NEAR_NORTH = 97.0, 0.0, 137.0, 70.0

CELL_MAX_ZOOM = 11
"""Up to this zoom results are drawn as 64 x 64 cells a tile; single parcels would be under a pixel."""

CELLS_PER_TILE = 64
PARCEL_MIN_ZOOM = 12

KEPT_MAX_ZOOM = 16
"""Up to this zoom rendered tiles are kept; further in, rendering costs hardly more than looking up."""

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
    to_web = transformer(API_CRS, "EPSG:3857")
    west, south = to_web.transform(_NEAR_WEST, _NEAR_SOUTH)
    east, north = to_web.transform(_NEAR_EAST, _NEAR_NORTH)
    return float(west), float(south), float(east), float(north)


def storage_box(box: Box, margin_m: float) -> Box | None:
    """Return the storage-CRS bounds of a web-Mercator box with its margin; None far from the city."""
    near = _near_box_m()
    west, south = max(box[0] - margin_m, near[0]), max(box[1] - margin_m, near[1])
    east, north = min(box[2] + margin_m, near[2]), min(box[3] + margin_m, near[3])
    if west >= east or south >= north:
        return None
    to_storage = transformer("EPSG:3857", f"EPSG:{STORAGE_EPSG}")
    return to_storage.transform_bounds(west, south, east, north, densify_pts=21)


def drawn_sql(geometry: str, z: int) -> str:
    """Return the SQL of the shape `web` (EPSG:3857) in tile units, NULL where it lies beyond the tile.

    Below zoom 14 nothing finer than `simplify` is sent. What would shrink to nothing is drawn as a speck
    of a few tile units (`unit`, in metres): no feature is lost for being small or thin.
    """
    if geometry == "point":
        return _placed("web")
    shape = "web" if z >= 14 else "ST_Simplify(web, :simplify, true)"
    speck = (
        "ST_Buffer(web, 2 * :unit, 'quad_segs=1')"
        if geometry == "polygon"
        else "(SELECT ST_MakeLine(ST_Translate(p, -:unit, 0), ST_Translate(p, :unit, 0))"
        " FROM ST_PointOnSurface(web) AS p)"
    )
    return f"coalesce({_placed(shape)}, {_placed(speck)})"


def _placed(shape: str) -> str:
    return f"ST_AsMVTGeom({shape}, {TILE_SQL}, :extent, :buffer, true)"


def tile_sql(rows: str) -> str:
    """Return the SQL of the tile of `rows`, which have their shape in tile units as `geom`, NULL left out."""
    # Without OFFSET the planner works the shapes out twice, once to see whether they are NULL.
    return f"SELECT ST_AsMVT(t, :layer, :extent, 'geom') FROM ({rows} OFFSET 0) AS t WHERE geom IS NOT NULL"


def tile_values(layer: str, box: Box, extent: int, buffer_px: int) -> dict[str, Any]:
    """Return what the SQL of a tile is bound to."""
    side = box[2] - box[0]
    values = dict(zip("wsen", box, strict=True))
    return values | {
        "layer": layer,
        "extent": extent,
        "buffer": extent * buffer_px // TILE_PX,
        "margin": side * buffer_px / TILE_PX,
        "cell": side / CELLS_PER_TILE,
        "pixel": side / TILE_PX,
        "unit": side / extent,
        "simplify": side / TILE_PX / 2,
    }


def run(connection: Connection, statement: str, values: dict[str, Any]) -> bytes:
    """Return the tile that a statement makes; it may have no use for some of the values."""
    body = connection.execute(text(statement), values).scalar()
    return bytes(body) if body is not None else b""
