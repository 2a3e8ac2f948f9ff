"""Areas on the ellipsoid of CGCS2000, for millions of vertices at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from gis.crs import STORAGE_EPSG, Floats, Geometries, reproject_xy
from gis.vct.placing import CGCS2000_INVERSE_FLATTENING, CGCS2000_SEMI_MAJOR_M

CGCS2000 = "EPSG:4490"
_STORED = f"EPSG:{STORAGE_EPSG}"
_GEOD = pyproj.Geod(a=CGCS2000_SEMI_MAJOR_M, rf=CGCS2000_INVERSE_FLATTENING)
_SHORT_M = 300.0
"""An edge of this length is nowhere 0.1 mm beside the geodesic between its ends."""


def ellipsoidal_area_m2(shapes: Geometries) -> npt.NDArray[np.float64]:
    """Return the areas (m2) of shapes in EPSG:4548 on the ellipsoid of CGCS2000; NaN for what is no polygon.

    Vertices are carried to the cylindrical equal-area projection of the ellipsoid, in which an area in the
    plane is that on the ellipsoid (Snyder 1987, Map Projections, eqs. 3-12 and 10-15). Edges are geodesics,
    curves there: each is taken as the parabola through its ends and its middle.
    """
    area = np.full(len(shapes), np.nan)
    kinds = shapely.get_type_id(shapes)
    for kind in (3, 6):
        mine = np.flatnonzero(kinds == kind)
        if len(mine):
            area[mine] = _areas(shapes[mine])
    return area


def _areas(shapes: Geometries) -> npt.NDArray[np.float64]:
    """Return the areas of polygons, or of multipolygons."""
    _, stored, offsets = shapely.to_ragged_array(shapes)
    begins, polygons = offsets[0], offsets[1]
    degrees = reproject_xy(stored, _STORED, CGCS2000)
    ends, middles = _equal_area(degrees), _equal_area(_middles(stored, degrees))
    # Near the ring's first vertex, as products of whole coordinates would lose digits.
    ends_near = ends - np.repeat(ends[begins[:-1]], np.diff(begins), axis=0)
    chord = _cross(ends_near[:-1], ends_near[1:]) / 2
    bow = _cross(middles - (ends[:-1] + ends[1:]) / 2, ends[1:] - ends[:-1]) * (2 / 3)
    edges = np.append(chord + bow, 0.0)
    edges[begins[1:] - 1] = 0.0  # from the last vertex of a ring to the first of the next
    rings = np.abs(np.add.reduceat(edges, begins[:-1]))
    # Of a polygon the first ring is its edge, the others are holes.
    signs = np.full(len(rings), -1.0)
    signs[polygons[:-1]] = 1.0
    whole = np.add.reduceat(signs * rings, polygons[:-1])
    return whole if len(offsets) == 2 else np.add.reduceat(whole, offsets[2][:-1])


def _middles(stored: Floats, degrees: Floats) -> Floats:
    """Return the middles of edges in degrees; short edges are straight in storage as well."""
    found = reproject_xy((stored[:-1] + stored[1:]) / 2, _STORED, CGCS2000)
    long = np.flatnonzero(np.hypot(*np.diff(stored, axis=0).T) > _SHORT_M)
    begin, end = degrees[long], degrees[long + 1]
    azimuth, _, length_m = _GEOD.inv(begin[:, 0], begin[:, 1], end[:, 0], end[:, 1])
    lon, lat, _ = _GEOD.fwd(begin[:, 0], begin[:, 1], azimuth, length_m / 2)
    found[long] = np.column_stack([lon, lat])
    return found


def _cross(one: Floats, other: Floats) -> npt.NDArray[np.float64]:
    return one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]


def _equal_area(degrees: Floats) -> Floats:
    e2, a_m = _GEOD.es, _GEOD.a
    e = np.sqrt(e2)
    sine = np.sin(np.radians(degrees[:, 1]))
    q = (1.0 - e2) * (sine / (1.0 - e2 * sine**2) + np.arctanh(e * sine) / e)
    return np.column_stack([a_m * np.radians(degrees[:, 0]), a_m * q / 2.0])
