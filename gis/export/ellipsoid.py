"""Areas on the ellipsoid of CGCS2000, for millions of vertices at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely

from gis.crs import STORAGE_EPSG, Floats, Geometries, reproject

CGCS2000 = "EPSG:4490"
_LONGEST_M = 500.0
_A_M, _B_M = 6378137.0, 6356752.314140356  # of CGCS2000 (EPSG ellipsoid 1024)


def ellipsoidal_area_m2(shapes: Geometries, degrees: Geometries) -> npt.NDArray[np.float64]:
    """Return the areas (m2) of polygons on the ellipsoid of CGCS2000; NaN for what is none.

    Vertices are carried to the cylindrical equal-area projection of the ellipsoid, in which an area in the
    plane is that on the ellipsoid (Snyder 1987, Map Projections, eqs. 3-12 and 10-15). Edges are straight in
    storage: pieces of 500 m are straight in both to 5 mm.

    Parameters
    ----------
    shapes, degrees
        The same shapes in EPSG:4548 and in EPSG:4490.
    """
    polygonal = np.flatnonzero(np.isin(shapely.get_type_id(shapes), (3, 6)))
    west, south, east, north = shapely.bounds(shapes[polygonal]).T
    long = polygonal[np.fmax(east - west, north - south) > _LONGEST_M]
    pieces = degrees.copy()
    pieces[long] = reproject(shapely.segmentize(shapes[long], _LONGEST_M), f"EPSG:{STORAGE_EPSG}", CGCS2000)
    area = np.full(len(shapes), np.nan)
    area[polygonal] = shapely.area(shapely.transform(pieces[polygonal], _equal_area))
    return area


def _equal_area(degrees: Floats) -> Floats:
    e2 = 1.0 - (_B_M / _A_M) ** 2
    e = np.sqrt(e2)
    sine = np.sin(np.radians(degrees[:, 1]))
    q = (1.0 - e2) * (sine / (1.0 - e2 * sine**2) + np.arctanh(e * sine) / e)
    return np.column_stack([_A_M * np.radians(degrees[:, 0]), _A_M * q / 2.0])
