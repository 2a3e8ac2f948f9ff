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

STORAGE_EPSG = 4548
"""CGCS2000 / 3-degree Gauss-Kruger CM 117E; stored easting, northing in metres."""

API_CRS = "OGC:CRS84"
GRID_M = 1e-4
API_DECIMALS = 10
"""Decimals of degrees at the door: 1e-10 degrees is 0.01 mm, finer than the storage grid."""

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
    return canonical(reproject(shapely.force_2d(geometries), source, f"EPSG:{STORAGE_EPSG}"))


def to_api(geometries: Any) -> Geometries:
    """Return storage geometries as CRS84 with counter-clockwise shells, rounded for the door."""
    lonlat = reproject(geometries, f"EPSG:{STORAGE_EPSG}", API_CRS)
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
