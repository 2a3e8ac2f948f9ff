"""Coordinate systems, and whether coordinates are those of the system that a table tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import get_args

import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from gis.crs import Geometries, reproject_xy
from gis.export.checks.findings import Rows, Tally, Values
from gis.export.model import Crs
from layers import Text

SYSTEMS: tuple[Crs, ...] = get_args(Crs)
GEOGRAPHIC: Crs = "EPSG:4490"

_CHINA = (73.0, 3.0, 136.0, 54.0)
"""West, south, east, north in degrees of all places that packages are of."""
_ZONE = (114.0, 16.0, 120.0, 54.0)
"""The same of the zone of 117 degrees, and as far beyond it as maps of one city may go."""

_LOOKS: Mapping[tuple[Crs, Crs], Text] = {
    ("EPSG:4490", "EPSG:4548"): Text(zh="像投影坐标（m，无带号）", en="metres without a zone"),
    ("EPSG:4490", "EPSG:4527"): Text(zh="像投影坐标（m，带号 39）", en="metres with the zone 39"),
    ("EPSG:4548", "EPSG:4490"): Text(zh="像经纬度（°）", en="degrees"),
    ("EPSG:4527", "EPSG:4490"): Text(zh="像经纬度（°）", en="degrees"),
    ("EPSG:4548", "EPSG:4527"): Text(zh="东坐标多了带号 39", en="the zone 39 stands before the easting"),
    ("EPSG:4527", "EPSG:4548"): Text(zh="东坐标缺少带号 39", en="the zone 39 is missing before the easting"),
}  # fmt: skip
_SWAPPED = Text(zh="，且先北后东", en=", north before east")

Boxes = npt.NDArray[np.float64]


@cache
def _reach(crs: Crs) -> tuple[float, float, float, float]:
    """Return west, south, east, north of where coordinates of a system may lie, in its units."""
    if crs == GEOGRAPHIC:
        return _CHINA
    west, south, east, north = _ZONE
    corners = np.array([[x, y] for x in np.linspace(west, east, 7) for y in (south, north)])
    found = reproject_xy(corners, GEOGRAPHIC, crs)
    (left, low), (right, high) = found.min(axis=0), found.max(axis=0)
    return float(left), float(low), float(right), float(high)


def _within(places: Boxes, crs: Crs) -> npt.NDArray[np.bool_]:
    west, south, east, north = _reach(crs)
    x, y = places[:, 0], places[:, 1]
    return np.asarray((x >= west) & (x <= east) & (y >= south) & (y <= north), dtype=bool)


def crs_name(crs: pyproj.CRS) -> str:
    """Return a coordinate system as people name it."""
    code = crs.to_epsg()
    return f"EPSG:{code}" if code is not None else str(crs.name)


def known_crs(crs: pyproj.CRS | None) -> Crs | None:
    """Return which of the systems of packages one is, None where none of them."""
    if crs is None:
        return None
    code = crs.to_epsg()
    if code is not None:
        return next((one for one in SYSTEMS if one == f"EPSG:{code}"), None)
    return next((one for one in SYSTEMS if crs.equals(pyproj.CRS(one), ignore_axis_order=True)), None)


def check_crs(found: pyproj.CRS | None, declared: Crs, table: str, part: str, tally: Tally) -> Crs:
    """Hold the system that a part tells against the declared one; return that in which it is to be read."""
    tally.checked("V-CRS-1", table, 1)
    if found is None:
        tally.found("V-CRS-1", table, {"part": part, "declared": declared}, file=part)
        return declared
    tally.checked("V-CRS-2", table, 1)
    known = known_crs(found)
    if known != declared:
        told = {"part": part, "crs": crs_name(found), "declared": declared}
        tally.found("V-CRS-2", table, told, file=part)
    return known or (GEOGRAPHIC if found.is_geographic else declared)


def place(xy: npt.NDArray[np.float64], crs: Crs) -> str:
    """Return a place as reports tell it."""
    decimals = 8 if crs == GEOGRAPHIC and np.abs(xy).max() <= 360 else 3
    return ", ".join(f"{number:.{decimals}f}" for number in xy)


@dataclass(frozen=True)
class Area:
    """The districts of a package: their table, their system and all their land as one."""

    table: str
    crs: Crs
    land: shapely.Geometry


def check_places(
    shapes: Geometries, crs: Crs, area: Area | None, rows: Rows, tally: Tally
) -> npt.NDArray[np.bool_]:
    """Hold where features lie against their system and the districts; return which lie as they should."""
    boxes = shapely.bounds(shapes)
    there = np.isfinite(boxes).all(axis=1)
    # Of missing shapes there is no place; one of infinite coordinates is told of as invalid.
    middle = np.where(there[:, None], (boxes[:, :2] + boxes[:, 2:]) / 2, 0.0)
    right = ~there | _within(middle, crs)
    swapped = ~right & _within(middle[:, ::-1], crs)
    count = int(there.sum())
    tally.rows("V-CRS-3", rows, swapped, lambda i: {"place": place(middle[i], crs)}, checked=count)
    looks = dict(_looks_like(middle, np.flatnonzero(~right & ~swapped), crs))
    strange = np.isin(np.arange(rows.count), list(looks))

    def told(i: int) -> Values:
        return {"place": place(middle[i], crs), "crs": crs, "looks": looks[i]}

    tally.rows("V-CRS-4", rows, strange, told, checked=count)
    far = ~right & ~swapped & ~strange
    tally.rows("V-EXT-1", rows, far, lambda i: {"place": place(middle[i], crs), "crs": crs}, checked=count)
    if area is not None and area.crs == crs and area.table != rows.table:
        asked = there & right
        outside = np.zeros(rows.count, dtype=bool)
        outside[asked] = ~shapely.intersects(area.land, shapes[asked])
        tally.rows(
            "V-EXT-2", rows, outside,
            lambda i: {"place": place(middle[i], crs), "table": area.table}, checked=int(asked.sum()),
        )  # fmt: skip
    return np.asarray(there & right, dtype=bool)


def _looks_like(middle: Boxes, asked: npt.NDArray[np.intp], crs: Crs) -> Iterator[tuple[int, Text]]:
    """Yield the features that lie where another system has its coordinates, with its name."""
    for other in SYSTEMS:
        if other == crs:
            continue
        plain = _within(middle[asked], other)
        turned = ~plain & _within(middle[asked][:, ::-1], other)
        look = _LOOKS[crs, other]
        both = Text(zh=look.zh + _SWAPPED.zh, en=look.en + _SWAPPED.en)
        yield from ((int(i), look) for i in asked[plain])
        yield from ((int(i), both) for i in asked[turned])
        asked = asked[~plain & ~turned]
