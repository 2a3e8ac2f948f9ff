"""Writing files whose bytes depend on their content alone."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from geopandas import GeoDataFrame

from gis.crs import reproject
from sample_city.frame import DECIMALS, LONLAT, METRIC

PARCEL_CRS = "EPSG:4490"
PARCEL_DECIMALS = 8


def _plain_value(value: Any) -> Any:
    """Return a value as JSON knows it; NaN and NaT become None, whole floats integers."""
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return None if math.isnan(value) else (int(value) if value.is_integer() else value)
    return value


def write_geojson(frame: GeoDataFrame, path: Path) -> None:
    """Write a frame in the storage CRS as GeoJSON (RFC 7946: WGS 84, shells counter-clockwise)."""
    lonlat = reproject(shapely.force_2d(frame.geometry.to_numpy()), METRIC, LONLAT)
    rounded = shapely.transform(lonlat, lambda xy: np.round(xy, DECIMALS))
    valid = np.where(shapely.is_valid(rounded), rounded, shapely.set_precision(lonlat, 10.0**-DECIMALS))
    oriented = shapely.orient_polygons(valid, exterior_cw=False)
    columns = [name for name in frame.columns if name != frame.geometry.name]
    records = frame[columns].to_dict("records")
    lines = []
    for record, geometry in zip(records, shapely.to_geojson(oriented), strict=True):
        properties = json.dumps({k: _plain_value(v) for k, v in record.items()}, ensure_ascii=False)
        lines.append(f'{{"type":"Feature","properties":{properties},"geometry":{geometry}}}')
    text = '{"type":"FeatureCollection","features":[\n' + ",\n".join(lines) + "\n]}\n"
    path.write_text(text, "utf-8", newline="\n")


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV in UTF-8; missing values stay empty."""
    table.to_csv(path, index=False, lineterminator="\n")


def write_parcels(frame: GeoDataFrame, path: Path) -> None:
    """Write the parcels (storage CRS) as GeoParquet in CGCS2000 longitude and latitude."""
    shapes = reproject(frame.geometry.to_numpy(), METRIC, PARCEL_CRS)
    shapes = shapely.transform(shapes, lambda xy: np.round(xy, PARCEL_DECIMALS))
    out = frame.set_geometry(GeoDataFrame(geometry=shapes, crs=PARCEL_CRS).geometry, crs=PARCEL_CRS)
    out.to_parquet(path, index=False, compression="zstd")
