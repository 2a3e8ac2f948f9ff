"""Features of a page as GeoJSON: values as JSON has them, outlines in the CRS that was asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import shapely

from gis.served_crs import ServedCrs, from_storage
from gis.store.collections import Collection
from gis.store.items import Page

_BEIJING = ZoneInfo("Asia/Shanghai")


def features(collection: Collection, page: Page, crs: ServedCrs) -> Iterator[dict[str, Any]]:
    """Yield the features of a page; a geometry is a fragment of JSON, None where there is no outline."""
    shapes = shapely.to_geojson(from_storage(page.geometries, crs))
    names = [p.name for p in collection.properties]
    for feature_id, shape, values in zip(page.ids, shapes, page.values, strict=True):
        yield {
            "type": "Feature",
            "id": feature_id,
            "geometry": None if shape is None else orjson.Fragment(shape),
            "properties": dict(zip(names, map(_value, values), strict=True)),
        }


def _value(value: Any) -> Any:
    """Return a stored value for JSON: times are Beijing time without a zone, and get theirs."""
    return value.replace(tzinfo=_BEIJING) if isinstance(value, dt.datetime) else value
