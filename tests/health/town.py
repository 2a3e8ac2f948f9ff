"""A town of two districts of which everything is known and nothing is wrong."""

from __future__ import annotations

import datetime as dt
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gis.crs import STORAGE_EPSG
from gis.store import Store
from layers import LAYERS, TOWNSHIP_SEPARATOR, FieldSpec
from tests.store.frames import LOAD

WEST, SOUTH, SIDE = 500_000.0, 4_424_000.0, 10_000.0
COUNT = 6
DISTRICTS, TOWNSHIPS = ("甲区", "乙区"), ("东镇", "西镇", "南镇", "北镇")
_OWN: dict[tuple[str, str], list[Any]] = {
    ("district", "name"): list(DISTRICTS),
    ("township", "name"): list(TOWNSHIPS),
    ("reclaimed_water_pipeline", "wastewater_plant_id"): [f"wastewater_plant-{i}" for i in range(1, 7)],
    ("heat_project", "source_layer"): ["wastewater_plant"] * 3 + ["data_centre"] * 3,
    ("heat_project", "source_id"): [f"wastewater_plant-{i}" for i in range(1, 4)]
    + [f"data_centre-{i}" for i in range(4, 7)],
}
"""Values that name something, or are named."""


def _box(east: float, north: float, width: float, height: float) -> Any:
    box = shapely.box(WEST + east, SOUTH + north, WEST + east + width, SOUTH + north + height)
    return shapely.MultiPolygon([box])


def _shapes(layer: str) -> list[Any]:
    kind = LAYERS[layer].geometry
    districts = [_box(0, 0, SIDE, SIDE), _box(SIDE, 0, SIDE, SIDE)]
    if layer in ("district", "shallow_geothermal_zone"):
        return districts
    if layer == "township":
        return [_box(e, n, SIDE, SIDE / 2) for e in (0, SIDE) for n in (0, SIDE / 2)]
    east = np.array([2_000, 4_000, 6_000, 12_000, 14_000, 16_000], dtype=float)
    if kind == "point":
        return list(shapely.points(WEST + east, np.full(COUNT, SOUTH + 3_000)))
    if kind == "line":
        lines = [[(WEST + e, SOUTH + 5_000), (WEST + e + 500, SOUTH + 5_000)] for e in east]
        return [shapely.MultiLineString([line]) for line in lines]
    return [_box(e, 7_000, 200, 200) for e in east]


def _values(layer: str, field: FieldSpec, count: int) -> list[Any]:
    if (layer, field.name) in _OWN:
        return _OWN[layer, field.name]
    if field.name == LAYERS[layer].key:
        return [f"{layer}-{i}" for i in range(1, count + 1)]
    if field.name == "name":
        return [f"{LAYERS[layer].title.zh}{i}" for i in range(count)]
    names = {"district": DISTRICTS[0], "township": TOWNSHIPS[0]}
    names["townships"] = TOWNSHIP_SEPARATOR.join(TOWNSHIPS[:2])
    if field.name in names:
        return [names[field.name]] * count
    low, high = field.minimum or 0.0, field.maximum
    of_type: dict[str, Any] = {
        "text": field.choices[0].value if field.choices else "测绘院",
        "integer": 1,
        "float": 1_000.0 if high is None else (low + high) / 2,
        "boolean": False,
        "date": dt.date(2026, 1, 1),
        "timestamp": dt.datetime.now() - dt.timedelta(days=2),
    }
    return [of_type[field.type]] * count


def frame(layer: str) -> gpd.GeoDataFrame:
    """Return a layer of the town."""
    shapes = _shapes(layer)
    columns = {f.name: _values(layer, f, len(shapes)) for f in LAYERS[layer].fields}
    return gpd.GeoDataFrame(pd.DataFrame(columns), geometry=gpd.GeoSeries(shapes, crs=STORAGE_EPSG))


def load(store: Store, layer: str, features: gpd.GeoDataFrame | None = None) -> None:
    """Load a layer of the town, or other features in its place."""
    store.write_layer(layer, frame(layer) if features is None else features, mode="replace", **LOAD)
