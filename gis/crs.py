"""Coordinate systems: one metric CRS for storage and distance, CRS84 at the door.

Geometries are stored on a grid of 0.1 mm, the tolerance of the territorial
platform, and polygons with normalised rings. A polygon that left through the
API and comes back is therefore the same polygon to the bit, and so are its facts.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import prcoords
import pyproj
import shapely

from gis.errors import InputError

STORAGE_EPSG = 4548
"""CGCS2000 / 3-degree Gauss-Kruger CM 117E; stored easting, northing in metres."""

STORAGE_CRS = f"EPSG:{STORAGE_EPSG}"
API_CRS = "OGC:CRS84"
GRID_M = 1e-4
API_DECIMALS = 10
"""Decimals of degrees at the door: 1e-10 degrees is 0.01 mm, finer than the storage grid."""

FALSE_EASTING_M = 500_000.0
MAX_OFFSET_M = 300_000.0
MIN_LATITUDE, MAX_LATITUDE = 3.0, 54.0
MAX_SCALE_ERROR = 0.005
"""Most by which lengths of a metric CRS may differ from those on the ellipsoid, anywhere in its area."""

Datum = Literal["gcj02", "bd09"]
Geometries = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float64]


@lru_cache(maxsize=32)
def transformer(source: str, target: str) -> pyproj.Transformer:
    """Return what takes coordinates (x before y) from one CRS to another, quick in every thread."""
    found = pyproj.Transformer.from_crs(source, target, always_xy=True)
    # Every thread makes its own: from the steps in a thousandth of the time that the search for them takes.
    # Where several ways lie open, they are not told.
    return pyproj.Transformer.from_pipeline(d) if (d := found.definition).startswith("proj=") else found


@lru_cache(maxsize=32)
def metric_crs(text: str) -> str:
    """Return `EPSG:n` of a coordinate system in which areas and distances may be measured.

    Raises InputError for one that pyproj does not know, that is not projected in metres, that the EPSG
    register gives no area of use, or whose lengths are wrong by over 0.5 % somewhere in that area.
    """
    try:
        crs = pyproj.CRS.from_user_input(text)
    except pyproj.exceptions.CRSError as error:
        raise InputError(f"unknown coordinate system {text!r}; name it as EPSG:n.") from error
    code, area = crs.to_epsg(), crs.area_of_use
    metres = crs.is_projected and all(a.unit_conversion_factor == 1.0 for a in crs.axis_info)
    if code is None or area is None or not metres:
        raise InputError(
            f"{text}: nothing is measured in this; name a projected coordinate system in metres of the EPSG "
            f"register, such as {STORAGE_CRS} for Beijing or EPSG:25832 for western Germany."
        )
    lon, lat = np.meshgrid(np.linspace(area.west, area.east, 9), np.linspace(area.south, area.north, 9))
    scale = pyproj.Proj(crs).get_factors(lon, lat)
    wrong = float(np.nanmax(np.abs(np.stack([scale.meridional_scale, scale.parallel_scale]) - 1.0)))
    if not wrong <= MAX_SCALE_ERROR:
        raise InputError(
            f"EPSG:{code} ({crs.name}): its lengths are wrong by up to {wrong:.1%}, so nothing can be "
            "measured in it; name the transverse Mercator system of your region."
        )
    return f"EPSG:{code}"


def is_crs(crs: pyproj.CRS, name: str) -> bool:
    """Return whether a coordinate system is the one called `name` (`EPSG:n`), whatever words define it."""
    return bool(crs == _named(name)) or f"EPSG:{crs.to_epsg()}" == name


@lru_cache(maxsize=32)
def _named(name: str) -> pyproj.CRS:
    return pyproj.CRS(name)


@lru_cache(maxsize=32)
def metric_area(crs: str = STORAGE_CRS) -> tuple[float, float, float, float]:
    """Return west, south, east and north (m) of the area that a metric CRS is good for.

    That of storage are latitudes 3 to 54 up to 300 km from its central meridian; of any other
    the area of use that the EPSG register gives, as a box.
    """
    if crs == STORAGE_CRS:
        ends = np.array([[117.0, MIN_LATITUDE], [117.0, MAX_LATITUDE]])
        south, north = reproject_xy(ends, API_CRS, STORAGE_CRS)[:, 1]
        return FALSE_EASTING_M - MAX_OFFSET_M, float(south), FALSE_EASTING_M + MAX_OFFSET_M, float(north)
    area = pyproj.CRS(crs).area_of_use
    if area is None:
        raise InputError(f"{crs}: the EPSG register gives no area of use for it.")
    lon, lat = np.meshgrid(np.linspace(area.west, area.east, 33), np.linspace(area.south, area.north, 33))
    xy = reproject_xy(np.column_stack([lon.ravel(), lat.ravel()]), API_CRS, crs)
    (west, south), (east, north) = xy.min(axis=0), xy.max(axis=0)
    return float(west), float(south), float(east), float(north)


def reproject(geometries: Any, source: str, target: str) -> Geometries:
    """Return `geometries` (array of shapely objects, any shape) in another CRS.

    `source` and `target` are anything pyproj understands, as text; coordinates
    are always x (east, longitude) before y. WGS 84 and CGCS2000 are taken as one
    datum, as PROJ does. Coordinates outside the area of a projection become inf.
    """
    apply = partial(reproject_xy, source=source, target=target)
    return np.asarray(shapely.transform(geometries, apply), dtype=object)


def reproject_xy(xy: Floats, source: str, target: str) -> Floats:
    """Return coordinates (n, 2) in another CRS, as `reproject`."""
    return np.column_stack(transformer(source, target).transform(xy[:, 0], xy[:, 1]))


def to_wgs84(geometries: Any, datum: Datum) -> Geometries:
    """Return longitude/latitude geometries freed of the GCJ-02 or BD-09 shift."""
    one = {"gcj02": prcoords.gcj_wgs_bored, "bd09": prcoords.bd_wgs_bored}[datum]

    def apply(xy: Floats) -> Floats:
        out = np.array([one((lat, lon)) for lon, lat in xy], dtype=np.float64)
        return out.reshape(-1, 2)[:, ::-1]

    return np.asarray(shapely.transform(geometries, apply), dtype=object)


def canonical(geometries: Any) -> Geometries:
    """Return storage geometries on the 0.1 mm grid, polygons with normalised rings.

    Lines keep their direction, which is the direction of flow.
    """
    snapped = shapely.transform(geometries, lambda xy: np.round(xy / GRID_M) * GRID_M)
    out = np.asarray(snapped, dtype=object)
    polygonal = np.isin(shapely.get_type_id(out), (3, 6))
    return np.asarray(np.where(polygonal, shapely.normalize(out), out), dtype=object)


def to_storage(geometries: Any, source: str = API_CRS) -> Geometries:
    """Return `geometries` in the storage CRS, in canonical form."""
    return canonical(reproject(shapely.force_2d(geometries), source, STORAGE_CRS))


def to_api(geometries: Any) -> Geometries:
    """Return storage geometries as CRS84 with counter-clockwise shells, rounded for the door."""
    lonlat = reproject(geometries, STORAGE_CRS, API_CRS)
    rounded = shapely.transform(lonlat, lambda xy: np.round(xy, API_DECIMALS))
    return np.asarray(shapely.orient_polygons(rounded, exterior_cw=False), dtype=object)


def parse_source_crs(text: str) -> tuple[str, Datum | None]:
    """Return (CRS text, datum) of a `--source-crs` value: `EPSG:n`, `gcj02` or `bd09`.

    Raises ValueError when pyproj does not know the code.
    """
    low = text.strip().lower()
    if low in ("gcj02", "gcj-02", "bd09", "bd-09"):
        return API_CRS, "gcj02" if low.startswith("gcj") else "bd09"
    try:
        return pyproj.CRS.from_user_input(text.strip()).to_string(), None
    except pyproj.exceptions.CRSError as error:
        raise ValueError(f"unknown coordinate system {text!r}") from error


def stack(values: Any) -> Geometries:
    """Return geometries of a Series or list as a plain object array."""
    return np.asarray(pd.Series(values, dtype=object).to_numpy(), dtype=object)
