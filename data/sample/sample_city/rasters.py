"""Rasters of the ground of the plain, synthetic: for trying rasters, not among what the sample loads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from rasterio.transform import from_origin

from sample_city.frame import METRIC, Frame, point

CELL_M = 1000.0
_COARSE_M = 12_000.0
_REMARK = (
    "合成栅格，仅供演示，不得用于任何实际地块 Synthetic raster, no basis for any decision about a real place"
)

Values = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class GroundRaster:
    """Cells of `CELL_M` in EPSG:4548, north up; NaN beyond the plain."""

    title: str
    unit: str
    values: Values
    west: float
    north: float

    def __len__(self) -> int:
        """Return the number of cells with a value."""
        return int(np.count_nonzero(~np.isnan(self.values)))


def build_rasters(rng: np.random.Generator, frame: Frame) -> dict[str, GroundRaster]:
    """Return rasters of the plain by id: the trend of the zones, with ground that varies inside."""
    west, south, east, north = shapely.bounds(frame.plain)
    west, north = CELL_M * np.floor(west / CELL_M), CELL_M * np.ceil(north / CELL_M)
    columns, rows = int(np.ceil((east - west) / CELL_M)), int(np.ceil((north - south) / CELL_M))
    x = west + (np.arange(columns) + 0.5) * CELL_M
    y = north - (np.arange(rows) + 0.5) * CELL_M
    xs, ys = np.meshgrid(x, y)
    inside = shapely.contains_xy(frame.plain, xs, ys)
    from_west, to_east = point(116.05, 39.9).x, point(117.15, 39.9).x
    share = np.clip((xs - from_west) / (to_east - from_west), 0.0, 1.0)
    city_south, city_north = shapely.bounds(frame.city)[[1, 3]]
    up = (ys - city_south) / (city_north - city_south)
    conductivity = 2.2 - 0.7 * share + 0.12 * _smooth(rng, rows, columns)
    temperature = 15.2 - 2.4 * up**2 + 0.35 * _smooth(rng, rows, columns)

    def made(title: str, unit: str, values: Any, decimals: int) -> GroundRaster:
        held = np.where(inside, np.round(values, decimals), np.nan).astype(np.float32)
        return GroundRaster(title, unit, held, west, north)

    return {
        "ground_conductivity": made("岩土导热系数（合成）", "W/(m K)", np.clip(conductivity, 1.2, 2.6), 2),
        "ground_temperature": made("初始地温（合成）", "degC", temperature, 1),
    }


def _smooth(rng: np.random.Generator, rows: int, columns: int) -> Any:
    """Return noise that changes over some kilometres: straight lines between values of a coarse grid."""
    step = _COARSE_M / CELL_M
    coarse = rng.normal(0.0, 1.0, (int(rows / step) + 2, int(columns / step) + 2))
    v, u = np.arange(rows) / step, np.arange(columns) / step
    across = np.stack([np.interp(u, np.arange(coarse.shape[1]), line) for line in coarse])
    return np.stack([np.interp(v, np.arange(coarse.shape[0]), line) for line in across.T], axis=1)


def write_raster(raster: GroundRaster, path: Path) -> None:
    """Write a GeoTIFF that says it is synthetic."""
    profile = {
        "driver": "GTiff",
        "height": raster.values.shape[0],
        "width": raster.values.shape[1],
        "count": 1,
        "dtype": "float32",
        "nodata": np.nan,
        "crs": METRIC,
        "transform": from_origin(raster.west, raster.north, CELL_M, CELL_M),
        "compress": "DEFLATE",
        "predictor": 3,
    }
    with rasterio.open(path, "w", **profile) as out:
        out.write(raster.values, 1)
        out.update_tags(TITLE=raster.title, SYNTHETIC="YES", REMARK=_REMARK)
        out.set_band_unit(1, raster.unit)
