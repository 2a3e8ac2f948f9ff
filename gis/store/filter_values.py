"""Values in filters: literals, instants, intervals and geometries, as trees of CQL2 have them."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from typing import Any

import orjson
import shapely
import sqlalchemy as sa

from gis.crs import STORAGE_EPSG
from gis.errors import InputError
from gis.periods import BEIJING_TIME
from gis.served_crs import FAR, ServedCrs, box_into_storage, into_storage
from gis.store.collections import Property

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_OPEN = ".."
_TYPES = ("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon")

BOUND: Mapping[str, sa.types.TypeEngine[Any]] = {
    "text": sa.Text(), "integer": sa.Double(), "float": sa.Double(), "boolean": sa.Boolean(),
    "date": sa.Date(), "timestamp": sa.DateTime(),
}  # fmt: skip
"""Types of bound values by those of properties."""


def shown(value: Any) -> str:
    """Return the beginning of a value for a message."""
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()[:80]


def bound(found: Property, node: Any) -> sa.ColumnElement[Any]:
    """Return a literal as a bound value of a property's type; InputError where it is no such value."""
    kind = found.type
    value: Any = None
    if kind in ("date", "timestamp"):
        value = instant(node, kind)
    elif kind in ("integer", "float"):
        fits = isinstance(node, int | float) and not isinstance(node, bool)
        value = float(node) if fits and abs(node) < 1e300 and math.isfinite(node) else None
    elif isinstance(node, {"text": str, "boolean": bool}.get(kind, ())):
        value = node
    if value is None:
        raise InputError(f"The property {found.name} is of type {kind}; {shown(node)} is no such value.")
    return sa.literal(value, BOUND[kind])


def ordered(found: Property) -> sa.ColumnElement[Any]:
    """Return a property's column; texts compare by code points, whatever the database's collation."""
    return found.column.collate("C") if found.type == "text" else found.column


def beijing(moment: dt.datetime) -> dt.datetime:
    """Return a moment as stored: Beijing time without a zone."""
    return moment.astimezone(BEIJING_TIME).replace(tzinfo=None)


def instant(node: Any, kind: str) -> dt.date | None:
    """Return a date or a moment in Beijing time as a column of `kind` has it; None where it is none.

    A date stands for its first moment where the column has times, a moment for its day where it has dates.
    """
    if isinstance(node, dict) and len(node) == 1:
        node = node.get("date", node.get("timestamp"))
    if not isinstance(node, str):
        return None
    try:
        if _DATE.fullmatch(node):
            day = dt.date.fromisoformat(node)
            return day if kind == "date" else dt.datetime.combine(day, dt.time())
        moment = dt.datetime.fromisoformat(node)
        moment = beijing(moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC))
    except (ValueError, OverflowError):
        return None
    return moment.date() if kind == "date" else moment


def interval(node: Any, kind: str) -> tuple[dt.date, dt.date]:
    """Return the ends of an interval, or an instant twice; an open end is the first or last time there is."""
    ends = node["interval"] if isinstance(node, dict) and node.keys() == {"interval"} else [node, node]
    if not isinstance(ends, list) or len(ends) != 2:
        raise InputError("An interval has two ends.")
    whole = dt.datetime if kind == "timestamp" else dt.date
    found = [
        limit if end == _OPEN else instant(end, kind)
        for end, limit in zip(ends, (whole.min, whole.max), strict=True)
    ]
    if found[0] is None or found[1] is None:
        raise InputError("An end of an interval is neither a date nor a time by RFC 3339.")
    return found[0], found[1]


def shape(geometry: shapely.Geometry) -> sa.ColumnElement[Any]:
    """Return a geometry in the storage CRS as a bound value."""
    return sa.func.ST_GeomFromWKB(sa.literal(shapely.to_wkb(geometry), sa.LargeBinary), STORAGE_EPSG)


def as_shape(node: Any, crs: ServedCrs) -> shapely.Geometry:
    """Return a GeoJSON geometry or a box of a filter, in `crs`, in the storage CRS."""
    if isinstance(node, dict) and node.keys() == {"bbox"}:
        bounds = node["bbox"]
        if isinstance(bounds, list) and len(bounds) == 6:
            bounds = [*bounds[:2], *bounds[3:5]]
        if not isinstance(bounds, list) or len(bounds) != 4 or not all(map(_is_coordinate, bounds)):
            raise InputError("A box in the filter has 4 or 6 numbers.")
        return box_into_storage((bounds[0], bounds[1], bounds[2], bounds[3]), crs)
    if (
        not isinstance(node, dict)
        or node.get("type") not in _TYPES
        or not _are_coordinates(node.get("coordinates"))
    ):
        raise InputError(f"A geometry in the filter is none of {', '.join(_TYPES)} or of a box.")
    try:
        geometry = shapely.from_geojson(orjson.dumps(node))
    except (shapely.errors.GEOSException, TypeError) as error:
        raise InputError("A geometry in the filter has wrong coordinates.") from error
    return into_storage(geometry, crs)


def _is_coordinate(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= FAR


def _are_coordinates(value: Any) -> bool:
    """Return whether all leaves of nested lists are coordinates, no deeper than a MultiPolygon's."""
    level = [value]
    for _ in range(5):
        if not all(isinstance(v, list) or _is_coordinate(v) for v in level):
            return False
        level = [inner for v in level if isinstance(v, list) for inner in v]
    return not level
