"""Frames of heat projects with what a test names, everything else unknown."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
from shapely import Point, box

from gis.crs import STORAGE_EPSG
from gis.vocabulary import TECHNOLOGIES

_TEXTS = ("district", "technology", "status", "commissioned_on", "ended_on", "expected_on")


def projects(*rows: dict[str, Any]) -> gpd.GeoDataFrame:
    """Return a frame as `Store.read("heat_project")` gives it, of the fields that targets look at.

    `at` (x, y in m) is the place of a project, far from everything where it is not named.
    """
    frame = pd.DataFrame({name: [row.get(name) for row in rows] for name in _TEXTS}, dtype=object)
    for name in ("heated_area_m2", *(f"{one}_kw" for one in TECHNOLOGIES)):
        frame[name] = pd.array([row.get(name, float("nan")) for row in rows], dtype="float64")
    points = [Point(row.get("at", (1e7, 1e7))) for row in rows]
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(points, crs=STORAGE_EPSG))


def outlines(**squares: tuple[float, float, float, float]) -> gpd.GeoDataFrame:
    """Return districts by name as rectangles: west, south, east, north in m."""
    shapes = gpd.GeoSeries([box(*one) for one in squares.values()], crs=STORAGE_EPSG)
    return gpd.GeoDataFrame({"name": list(squares)}, geometry=shapes)
