"""Coordinate systems in which features are served, each with its coordinates in its own axis order.

The registry gives EPSG:4326 and 4490 latitude first, and EPSG:4548 and 4527 northing first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any

import numpy as np
import pyproj
import shapely

from gis.crs import API_CRS, STORAGE_EPSG, Floats, Geometries, reproject, reproject_xy
from gis.errors import InputError

_STORAGE = f"EPSG:{STORAGE_EPSG}"
_URI = "http://www.opengis.net/def/crs/{}/{}/{}"

# A degree's eleventh decimal is 1e-6 m; what is stored lies on a grid of 0.1 mm.
_DEGREE_DECIMALS = 11
_METRE_DECIMALS = 4

# Storage is a transverse Mercator on 117 E; far from it the projection has no answer.
_NEAR_DEG = (97.0, 0.0, 137.0, 70.0)
_NEAR_EAST_M, _NEAR_NORTH_M = 1_500_000.0, 7_800_000.0
FAR = 1e9
"""Beyond every coordinate there is; far greater ones would overflow."""
_MIDDLE = shapely.Point(500_000.0, 4_000_000.0)
_EDGE_PARTS = 256
"""A straight edge in degrees is a curve in metres: it is cut into so many parts."""


@dataclass(frozen=True)
class ServedCrs:
    """One coordinate system: `code` as pyproj takes it, `uri` as OGC names it."""

    code: str
    uri: str
    geographic: bool
    y_first: bool

    @property
    def decimals(self) -> int:
        """Decimals of a coordinate at the door."""
        return _DEGREE_DECIMALS if self.geographic else _METRE_DECIMALS


def _served(code: str) -> ServedCrs:
    authority, number = code.split(":")
    version = "1.3" if authority == "OGC" else "0"
    crs = pyproj.CRS(code)
    y_first = crs.axis_info[0].direction == "north"
    return ServedCrs(code, _URI.format(authority, version, number), crs.is_geographic, y_first)


CRS84 = _served(API_CRS)
STORED = _served(_STORAGE)
SERVED: Mapping[str, ServedCrs] = MappingProxyType(
    {c.uri: c for c in (CRS84, _served("EPSG:4326"), _served("EPSG:4490"), STORED, _served("EPSG:4527"))}
)
"""By URI, the default first. EPSG:4527 is zone 39, which ends at 115.5 E: the map's west end lies a few
kilometres beyond, where the projection is as exact; the difference to EPSG:4548 is the false easting."""


def from_storage(geometries: Any, crs: ServedCrs) -> Geometries:
    """Return storage geometries in `crs`, in its axis order, rounded; shells counter-clockwise on a map."""
    return np.asarray(shapely.transform(oriented(geometries), partial(served_xy, crs=crs)), dtype=object)


def oriented(geometries: Any) -> Geometries:
    """Return storage geometries with the shells of polygons counter-clockwise, as all is served."""
    return np.asarray(shapely.orient_polygons(np.asarray(geometries, dtype=object), exterior_cw=False))


def served_xy(xy: Floats, crs: ServedCrs) -> Floats:
    """Return storage coordinates (n, 2) in `crs`, in its axis order, rounded."""
    if crs != STORED:
        xy = reproject_xy(xy, _STORAGE, crs.code)
    found: Floats = np.round(xy[:, ::-1] if crs.y_first else xy, crs.decimals)
    return found


def into_storage(geometry: shapely.Geometry, crs: ServedCrs) -> shapely.Geometry:
    """Return a geometry of a question, in `crs` and its axis order, in the storage CRS.

    Its straight edges stay straight in `crs`. What lies too far away for the storage CRS is cut
    off; nothing may be left. Raises InputError where the geometry is not valid.
    """
    if not shapely.is_valid(geometry):
        raise InputError(f"A geometry is not valid: {shapely.is_valid_reason(geometry)}.")
    flat = shapely.force_2d(geometry)
    return _moved(shapely.transform(flat, lambda xy: xy[:, ::-1]) if crs.y_first else flat, crs)


def box_into_storage(bounds: tuple[float, float, float, float], crs: ServedCrs) -> shapely.Geometry:
    """Return the shape of a box in the storage CRS; `bounds` are its lower and its upper corner in `crs`.

    In degrees the west side may have the greater longitude: then the box spans the antimeridian.
    Raises InputError where the upper corner lies below or left of the lower one.
    """
    a, b, c, d = (min(max(side, -FAR), FAR) for side in bounds)
    west, south, east, north = (b, a, d, c) if crs.y_first else (a, b, c, d)
    if south > north or (west > east and not crs.geographic):
        raise InputError("The upper corner of a bounding box lies below or left of its lower corner.")
    spans = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    return shapely.union_all([_moved(_box(w, south, e, north), crs) for w, e in spans])


def _box(west: float, south: float, east: float, north: float) -> shapely.Geometry:
    """Return a box; a line or a point where it has no width or height."""
    if west < east and south < north:
        return shapely.box(west, south, east, north)
    if west == east and south == north:
        return shapely.Point(west, south)
    return shapely.LineString([(west, south), (east, north)])


@lru_cache(maxsize=8)
def _near(crs: ServedCrs) -> shapely.Geometry:
    if crs.geographic:
        return shapely.box(*_NEAR_DEG)
    middle = reproject(np.array([_MIDDLE], dtype=object), _STORAGE, crs.code)[0]
    return shapely.box(middle.x - _NEAR_EAST_M, 0.0, middle.x + _NEAR_EAST_M, _NEAR_NORTH_M)


def _moved(geometry: shapely.Geometry, crs: ServedCrs) -> shapely.Geometry:
    """Return a geometry with x before y in the storage CRS, as far as that has an answer."""
    near = shapely.intersection(geometry, _near(crs))
    if crs == STORED or shapely.is_empty(near):
        return near
    west, south, east, north = near.bounds
    side = max(east - west, north - south)
    if crs.geographic and side > 0:
        near = shapely.segmentize(near, side / _EDGE_PARTS)
    return reproject(np.array([near], dtype=object), crs.code, _STORAGE)[0]
