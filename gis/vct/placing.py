"""Which coordinate system the head of a VCT file tells of, where it leaves no doubt."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pyproj

CGCS2000_SEMI_MAJOR_M, CGCS2000_INVERSE_FLATTENING = 6378137.0, 298.257222101
CGCS2000 = pyproj.CRS.from_epsg(4490)
FALSE_EASTING_M = 500_000.0

# EPSG: CGCS2000 / 3-degree Gauss-Kruger, zones 25 to 45 with the zone before the easting, and by meridian.
_FIRST_ZONE, _LAST_ZONE, _ZONE_25 = 25, 45, 4513
_FIRST_MERIDIAN, _LAST_MERIDIAN, _MERIDIAN_75 = 75, 135, 4534

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d*)?")


def crs_of(values: Mapping[str, str]) -> pyproj.CRS | None:
    """Return the coordinate system of a head, None where it does not follow from it.

    `values` are those of the head by keys in lower case. Only CGCS2000 is known by its spheroid, as degrees
    (EPSG:4490) or in 3-degree Gauss-Kruger zones (EPSG:4513 to 4554). The parameters of a projection stand in
    another order in every tool: the meridian is the one number among them that can be one, or that of the
    zone that the extent's eastings begin with.
    """
    if not _is_cgcs2000(values.get("spheroid", "")):
        return None
    if values.get("coordinatesystemtype", "").upper() == "D":
        return CGCS2000
    if "高斯" not in values.get("projection", "") and "gauss" not in values.get("projection", "").lower():
        return None
    zone = _zone(values.get("extentmin", ""), values.get("xaxisdirection", "E"))
    if zone is not None:
        return pyproj.CRS.from_epsg(_ZONE_25 + zone - _FIRST_ZONE)
    meridian = _meridian(values.get("parameters", ""))
    if meridian is None:
        return None
    return pyproj.CRS.from_epsg(_MERIDIAN_75 + (meridian - _FIRST_MERIDIAN) // 3)


def _is_cgcs2000(spheroid: str) -> bool:
    name, *numbers = re.split(r"[,，\s]+", spheroid.strip())
    if "2000" not in name:
        return False
    try:
        axis, flattening = (float(n) for n in numbers[:2])
    except ValueError:
        # A name alone, as some tools write it.
        return not numbers
    near = abs(flattening - CGCS2000_INVERSE_FLATTENING) < 1e-6
    return abs(axis - CGCS2000_SEMI_MAJOR_M) < 1e-3 and near


def _zone(extent: str, first_axis: str) -> int | None:
    """Return the zone that stands before the easting of a corner, None where there is none."""
    corner = [float(n) for n in _NUMBER.findall(extent)]
    if len(corner) < 2:
        return None
    easting = corner[1] if first_axis.upper().startswith("N") else corner[0]
    # Of a number beyond all bounds there is no whole part.
    zone = int(min(easting, 1e9) // 1e6)
    return zone if _FIRST_ZONE <= zone <= _LAST_ZONE else None


def _meridian(parameters: str) -> int | None:
    """Return the one central meridian of a 3-degree zone among some numbers, None where there is none."""
    numbers = {float(n) for n in _NUMBER.findall(parameters)}
    able = {n for n in numbers if _FIRST_MERIDIAN <= n <= _LAST_MERIDIAN and n % 3 == 0}
    return int(able.pop()) if len(able) == 1 else None
