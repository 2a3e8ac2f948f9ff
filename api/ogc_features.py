"""Features of a page as GeoJSON: values as JSON has them, outlines in the CRS that was asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import shapely
from shapely import GeometryType

from gis.periods import BEIJING_TIME
from gis.served_crs import ServedCrs, oriented, served_xy
from gis.store.collections import Collection
from gis.store.editing import state_of
from gis.store.items import Page

_NAMES = {
    GeometryType.POINT: "Point",
    GeometryType.LINESTRING: "LineString",
    GeometryType.POLYGON: "Polygon",
    GeometryType.MULTIPOINT: "MultiPoint",
    GeometryType.MULTILINESTRING: "MultiLineString",
    GeometryType.MULTIPOLYGON: "MultiPolygon",
}
_AT_ONCE = 1_000
"""Features that are written together: a large page is never held as text."""


def features(collection: Collection, page: Page, crs: ServedCrs) -> Iterator[dict[str, Any]]:
    """Yield the features of a page, with geometries as of `geojson`."""
    names = [p.name for p in collection.properties]
    times = [i for i, p in enumerate(collection.properties) if p.type == "timestamp"]
    for start in range(0, len(page.ids), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        shapes = geojson(page.geometries[part], crs)
        rows = page.values[part] if not times else [_told(row, times) for row in page.values[part]]
        for feature_id, shape, values in zip(page.ids[part], shapes, rows, strict=True):
            properties = dict(zip(names, values, strict=True))
            yield {"type": "Feature", "id": feature_id, "geometry": shape, "properties": properties}


def etag(page: Page) -> str:
    """Return the entity tag of a page of one feature: the same in every coordinate system."""
    return f'"{state_of(page)}"'


def geojson(geometries: Any, crs: ServedCrs) -> npt.NDArray[np.object_]:
    """Return storage geometries as `from_storage` gives them, as GeoJSON with arrays in it; None where none.

    An array of a ring is written in a third of the time that GEOS takes for it, and none is built anew.
    """
    shapes = oriented(geometries)
    out: npt.NDArray[np.object_] = np.full(len(shapes), None, dtype=object)
    kinds = shapely.get_type_id(shapes)
    for kind in np.unique(kinds[kinds >= 0]):
        of_kind = kinds == kind
        type_, xy, ends = shapely.to_ragged_array(shapes[of_kind], include_z=False)
        nested: Any = np.ascontiguousarray(served_xy(xy, crs))
        for offsets in ends:
            bounds = offsets.tolist()
            nested = [nested[a:b] for a, b in pairwise(bounds)]
        out[of_kind] = [{"type": _NAMES[type_], "coordinates": one} for one in nested]
    return out


def dumped(document: Any) -> bytes:
    """Return a document with features as JSON."""
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def written(document: dict[str, Any], found: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Yield a FeatureCollection piece by piece; `document` is all of it but its features."""
    yield dumped(document)[:-1] + b',"features":['
    rest, between = iter(found), b""
    while part := list(islice(rest, _AT_ONCE)):
        yield between + dumped(part)[1:-1]
        between = b","
    yield b"]}"


def _told(values: Sequence[Any], times: Iterable[int]) -> list[Any]:
    out = list(values)
    for i in times:
        out[i] = zoned(out[i])
    return out


def zoned(value: Any) -> Any:
    """Return a stored value as it is told: times are Beijing time without a zone, and get theirs."""
    return value.replace(tzinfo=BEIJING_TIME) if isinstance(value, dt.datetime) else value
