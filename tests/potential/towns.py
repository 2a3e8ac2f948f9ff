"""A row of hectares whose ground differs in one thing each."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from gis.resources import Raster, Resources
from tests.scoring.conftest import X, Y, layer

STORAGE = "EPSG:4548"
GROUND = {"conductivity_w_per_m_k": 1.9, "heat_capacity_mj_per_m3_k": 2.2, "ground_temperature_degc": 14.5}


def box(west: float, south: float, east: float, north: float) -> shapely.Geometry:
    """A rectangle, metres from the origin of these tests."""
    return shapely.MultiPolygon([shapely.box(X + west, Y + south, X + east, Y + north)])


def zone(west: float, east: float, suitability: str | None = "suitable", **ground: Any) -> dict[str, Any]:
    """A zone from west to east over the row of hectares, 100 m high."""
    return {"suitability": suitability, **GROUND, **ground, "geometry": box(west, 0, east, 100)}


ROW = (
    "open", "part_excluded", "wholly_excluded", "unsuitable", "by_raster", "no_capacity", "border",
    "no_class", "unsuitable_and_unknown",
)  # fmt: skip
"""The hectares from west to east."""


def row_of_hectares() -> Resources:
    """One hectare of each kind of `ROW`: 60 % of `border` lie in the poorer of its two zones.

    The raster has a value over `by_raster` alone, another one than the zone there.
    """
    zones = layer(
        "shallow_geothermal_zone",
        zone(0, 300),
        zone(300, 400, "unsuitable"),
        zone(400, 500),
        zone(500, 600, heat_capacity_mj_per_m3_k=None),
        zone(600, 640, conductivity_w_per_m_k=2.3),
        zone(640, 700, "moderate", conductivity_w_per_m_k=1.4),
        zone(700, 800, None),
        zone(800, 900, "unsuitable", conductivity_w_per_m_k=None),
    )
    exclusions = layer(
        "drilling_exclusion", {"geometry": box(100, 0, 140, 100)}, {"geometry": box(200, 0, 300, 100)}
    )
    values = np.full((1, 9), np.nan, dtype=np.float32)
    values[0, 4] = 2.6
    raster = Raster(values, (X, Y, X + 900, Y + 100), STORAGE)
    frames = {"shallow_geothermal_zone": zones, "drilling_exclusion": exclusions}
    return Resources(frames, dict.fromkeys(frames, 3), {"ground_conductivity": raster})
