"""Seeded frames of every layer and of the results, with all kinds of values that are easy to lose."""

from __future__ import annotations

import datetime as dt
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gis.store import RunRecord
from gis.store.layout import CHOICES, PICKED, VARIANTS, variant_of
from gis.vocabulary import FACTS, VERDICTS, Column
from layers import LAYERS, FieldSpec, LayerSpec

NO_REJECTS = pd.DataFrame({"row": [], "reason": [], "attributes": [], "wkt": []})
LOAD: dict[str, Any] = {
    "source_name": "来源.gpkg",
    "source_sha256": "0" * 64,
    "report": {},
    "rejects": NO_REJECTS,
}

_FLOATS = [0.1 + 0.2, 1e-308, 1.0, np.nextafter(1.0, 2.0), -0.0, 0.0, 1.7976931348623157e308, 1 / 3]
_TEXTS = ["通州区", "𠮷野家", "O'Brien; --", "", 'tab\tline\nquote"', "ʻ Ω é"]
_TIMES = [dt.datetime(2026, 1, 15, 8, 30, 0, 123456), dt.datetime(1999, 12, 31, 23, 59, 59)]


def _values(field: FieldSpec | Column, count: int, rng: np.random.Generator) -> pd.Series[Any]:
    gap = rng.random(count) < 0.3
    if getattr(field, "required", False):
        gap[:] = False
    pools: dict[str, list[Any]] = {
        "float": _FLOATS,
        "integer": [0, -7, 2**62],
        "boolean": [True, False],
        "date": [dt.date(2026, 1, 1), dt.date(1949, 10, 1)],
        "timestamp": _TIMES,
        "text": _TEXTS,
        "text_list": [["a", "乙"], [], ["x, y", "z}"]],
    }
    pool = pools[field.type]
    drawn = [None if g else pool[i] for g, i in zip(gap, rng.integers(0, len(pool), count), strict=True)]
    dtypes = {"float": "float64", "integer": "Int64", "boolean": "boolean", "timestamp": "datetime64[us]"}
    return pd.Series(drawn, dtype=dtypes.get(field.type, "object"))  # type: ignore[call-overload]


def _geometries(spec: LayerSpec, count: int, rng: np.random.Generator) -> list[Any]:
    x, y = rng.uniform(4.4e5, 5.6e5, count), rng.uniform(4.37e6, 4.55e6, count)
    points = shapely.points(x, y)
    if spec.geometry == "point":
        return list(points)
    if spec.geometry == "line":
        return [
            shapely.MultiLineString([[(p.x, p.y), (p.x + 100.1, p.y), (p.x, p.y + 1e-4)]]) for p in points
        ]
    hole = [shapely.buffer(p, 100).difference(shapely.buffer(p, 30)) for p in points]
    return [
        shapely.MultiPolygon([h, shapely.box(p.x + 200, p.y, p.x + 250, p.y + 9)])
        for h, p in zip(hole, points, strict=True)
    ]


def layer_frame(layer_id: str, count: int = 40, seed: int = 7) -> gpd.GeoDataFrame:
    """Return `count` features of a layer, sorted by key, in the form in which the store gives them back."""
    spec, rng = LAYERS[layer_id], np.random.default_rng(seed)
    columns = {f.name: _values(f, count, rng) for f in spec.fields}
    columns[spec.key] = pd.Series([f"{layer_id}-{i:05d}-甲" for i in range(count)], dtype="object")
    geometry = _geometries(spec, count, rng)
    if spec.by_township:
        geometry[1] = None
    return gpd.GeoDataFrame(pd.DataFrame(columns), geometry=gpd.GeoSeries(geometry, crs=4548))


def results(parcel_ids: list[str], seed: int = 11) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return facts and verdicts of parcels, in the form in which the store gives them back."""
    rng = np.random.default_rng(seed)
    index = pd.Index(parcel_ids, name="parcel_id", dtype="object")

    def table(columns: tuple[Column, ...]) -> pd.DataFrame:
        return pd.DataFrame({c.name: _drawn(c, len(index), rng) for c in columns}).set_index(index)

    facts, verdicts = table(FACTS), table(VERDICTS)
    for name, sources in PICKED.items():
        chosen = verdicts[variant_of(name)].map(dict(zip(VARIANTS, sources.values(), strict=True)))
        picked = [None if pd.isna(c) else verdicts.at[i, c] for i, c in chosen.items()]
        verdicts[name] = pd.Series(picked, index=index, dtype=verdicts[name].dtype)
    return facts, verdicts


def _drawn(column: Column, count: int, rng: np.random.Generator) -> pd.Series[Any]:
    if column.name not in CHOICES:
        return _values(column, count, rng)
    words = [None, *CHOICES[column.name]]
    return pd.Series([words[i] for i in rng.integers(0, len(words), count)], dtype="object")


def run_record(count: int) -> RunRecord:
    """Return the record of a run that has just ended."""
    return RunRecord(
        None, "beijing", "ab" * 32, dt.date(2026, 11, 1), {"parcel": 1}, count, None, "0.1.0", count, []
    )
