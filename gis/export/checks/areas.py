"""Areas on the ellipsoid of many polygons at once, and plain metres for small lengths.

Edges are taken as great circles of the authalic sphere. For edges of a kilometre that is 1e-7 of the area
from geodesics of the ellipsoid, which `pyproj.Geod` takes; tests hold one against the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from gis.crs import Geometries, reproject_xy
from gis.export.checks.places import GEOGRAPHIC
from gis.export.model import Crs
from gis.vct.placing import CGCS2000_INVERSE_FLATTENING, CGCS2000_SEMI_MAJOR_M

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_GEOD = pyproj.Geod(a=CGCS2000_SEMI_MAJOR_M, rf=CGCS2000_INVERSE_FLATTENING)
_E = float(np.sqrt(_GEOD.es))


def _authalic_q(sine: Floats) -> Floats:
    """Return q of the authalic latitude by the sine of the latitude (Snyder 1987, 3-12)."""
    logarithm = np.log((1 - _E * sine) / (1 + _E * sine)) / (2 * _E)
    return np.asarray((1 - _GEOD.es) * (sine / (1 - _GEOD.es * sine**2) - logarithm), dtype=np.float64)


_Q_POLE = float(_authalic_q(np.ones(1))[0])
_RADIUS_SQUARED = _GEOD.a**2 * _Q_POLE / 2


@dataclass(frozen=True)
class Rings:
    """The rings of polygons, or parts of lines: vertices, the ring of each, the shape of each ring."""

    vertices: Floats
    ring: Ints
    shape: Ints
    is_hole: npt.NDArray[np.bool_]

    @cached_property
    def pairs(self) -> Ints:
        """The vertices before which another one stands on the same ring."""
        return np.flatnonzero(np.append(False, self.ring[1:] == self.ring[:-1]))

    @property
    def owner(self) -> Ints:
        """The shapes of `pairs`."""
        return np.asarray(self.shape[self.ring[self.pairs]], dtype=np.int64)

    def lengths_m(self, crs: Crs) -> Floats:
        """Return how far each of `pairs` is from the vertex before, within some percent."""
        between = self.vertices[self.pairs] - self.vertices[self.pairs - 1]
        if crs == GEOGRAPHIC and len(between):
            between = between * degree_m(float(np.nanmean(self.vertices[:, 1])))
        return np.hypot(between[:, 0], between[:, 1])


def rings_of(shapes: Geometries) -> Rings:
    """Return the rings of polygons and the parts of lines; other shapes and missing ones have none."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    dimensions = shapely.get_dimensions(parts)
    areal = dimensions == 2
    rings, of_part = shapely.get_rings(parts[areal], return_index=True)
    inner = np.append(False, of_part[1:] == of_part[:-1]) if len(of_part) else np.zeros(0, dtype=bool)
    lines = parts[dimensions == 1]
    drawn = np.concatenate([rings, lines])
    vertices, ring = shapely.get_coordinates(drawn, return_index=True)
    return Rings(
        vertices,
        ring,
        np.concatenate([owner[areal][of_part], owner[dimensions == 1]]),
        np.concatenate([inner, np.zeros(len(lines), dtype=bool)]),
    )


def ellipsoidal_areas(rings: Rings, count: int, crs: Crs) -> Floats:
    """Return the areas of `count` shapes on the ellipsoid of CGCS2000 in m2, those of holes taken off."""
    degrees = rings.vertices if crs == GEOGRAPHIC else reproject_xy(rings.vertices, crs, GEOGRAPHIC)
    longitude, latitude = np.radians(degrees).T
    authalic = np.arcsin(np.clip(_authalic_q(np.sin(latitude)) / _Q_POLE, -1, 1))
    pairs = rings.pairs
    half = (longitude[pairs] - longitude[pairs - 1]) / 2
    total, difference = authalic[pairs] + authalic[pairs - 1], authalic[pairs] - authalic[pairs - 1]
    excess = 2 * np.arctan2(np.tan(half) * np.sin(total / 2), np.cos(difference / 2))
    each = np.abs(np.bincount(rings.ring[pairs], excess, minlength=len(rings.shape))) * _RADIUS_SQUARED
    signed = np.where(rings.is_hole, -each, each)
    return np.asarray(np.bincount(rings.shape, signed, minlength=count), dtype=np.float64)


def geodesic_area(shape: shapely.Geometry, crs: Crs) -> float:
    """Return the area of one shape within geodesics in m2."""
    degrees = shape if crs == GEOGRAPHIC else shapely.transform(
        shape, lambda xy: reproject_xy(xy, crs, GEOGRAPHIC)
    )  # fmt: skip
    return abs(float(_GEOD.geometry_area_perimeter(shapely.orient_polygons(degrees))[0]))


def to_metres(shapes: Geometries, crs: Crs) -> Geometries:
    """Return shapes in metres, straight edges straight, right for lengths and areas within some percent.

    Degrees are stretched by the lengths of a degree at the middle of the shapes.
    """
    if crs != GEOGRAPHIC:
        return shapes
    bounds = shapely.total_bounds(shapes)
    if not np.isfinite(bounds).all():
        return shapes
    scale = degree_m(float(bounds[1] + bounds[3]) / 2)
    return np.asarray(shapely.transform(shapes, lambda xy: xy * scale), dtype=object)


def degree_m(latitude: float) -> Floats:
    """Return how many metres a degree of longitude and one of latitude are."""
    sine = np.sin(np.radians(latitude))
    normal = _GEOD.a / np.sqrt(1 - _GEOD.es * sine**2)
    meridian = normal * (1 - _GEOD.es) / (1 - _GEOD.es * sine**2)
    return np.radians([normal * np.cos(np.radians(latitude)), meridian])
