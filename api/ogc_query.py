"""Parameters of the routes under /ogc: declared once, for OpenAPI and for the check of what a request has."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Any

import shapely
import sqlalchemy as sa
from fastapi import Request

from gis.errors import InputError
from gis.served_crs import CRS84, SERVED, ServedCrs, box_into_storage
from gis.store import filters, sorting
from gis.store.collections import Collection, Property, ValueType

MAX_LIMIT = 10_000
DEFAULT_LIMIT = 100
_CRS_URIS = list(SERVED)

Parameter = dict[str, Any]


def _query(name: str, description: str, schema: dict[str, Any], **more: Any) -> Parameter:
    return {"name": name, "in": "query", "description": description, "schema": schema} | more


def json_only(form: str) -> Parameter:
    """Return the parameter `f` of a route that has one form."""
    return _query("f", "Form of the answer: there is one", {"enum": [form]})


F = _query("f", "Form of the answer; without it the header Accept says", {"enum": ["json", "html"]})
LIMIT = _query(
    "limit",
    "Features on a page; a page of very large outlines may have fewer",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
)
BBOX = _query(
    "bbox",
    "Only features that meet this box: lower and upper corner, in `bbox-crs` and its axis order",
    {"type": "array", "oneOf": [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}],
     "items": {"type": "number"}},
    style="form", explode=False, example=[116.69, 39.89, 116.71, 39.91],
)  # fmt: skip
BBOX_CRS = _query(
    "bbox-crs", "Coordinate system of `bbox`", {"type": "string", "enum": _CRS_URIS, "default": CRS84.uri}
)
CRS = _query(
    "crs", "Coordinate system of the answer", {"type": "string", "enum": _CRS_URIS, "default": CRS84.uri}
)
DATETIME = _query(
    "datetime",
    "An instant or an interval; no feature is bound to a time, so all match, as the standard has it",
    {"type": "string"},
    example="2026-01-01T00:00:00Z/..",
)
AFTER = _query(
    "after",
    "Only features that come after this place; links to next pages have it",
    {"type": "string", "minLength": 1, "maxLength": sorting.TOKEN_CHARS},
)
SORTBY = _query(
    "sortby",
    "Properties of `sortables` to sort by, with - before those that descend; what is missing comes last",
    {"type": "array", "minItems": 1, "maxItems": sorting.MAX_SORTS, "items": {"type": "string"}},
    style="form", explode=False, example=["-heat_load_kw"],
)  # fmt: skip
FILTER = _query(
    "filter",
    "Only features that fulfil this condition in CQL2, over the properties of `queryables`",
    {"type": "string", "minLength": 1, "maxLength": filters.MAX_CHARS},
    example="heat_load_kw > 500 AND district = '通州区'",
)
FILTER_LANG = _query(
    "filter-lang",
    "Language of `filter`",
    {"type": "string", "enum": ["cql2-text", "cql2-json"], "default": "cql2-text"},
)
FILTER_CRS = _query(
    "filter-crs",
    "Coordinate system of geometries in `filter`",
    {"type": "string", "enum": _CRS_URIS, "default": CRS84.uri},
)
ITEMS = (LIMIT, BBOX, BBOX_CRS, CRS, FILTER, FILTER_LANG, FILTER_CRS, SORTBY, DATETIME, AFTER, F)

_VALUES: dict[ValueType, dict[str, Any]] = {
    "text": {"type": "string"},
    "integer": {"type": "integer"},
    "float": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "timestamp": {"type": "string", "format": "date-time"},
}

_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2}))?", re.ASCII)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", re.ASCII)


def read(request: Request, *known: Parameter) -> dict[str, str]:
    """Return the parameters of a request; InputError for one that is not known, or comes twice."""
    names = [p["name"] for p in known]
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in names:
            told = f"the parameters here are {', '.join(names)}" if names else "this route takes none"
            raise InputError(f"There is no parameter {name[:60]!r}; {told}.")
        if name in found:
            raise InputError(f"The parameter {name} is given more than once.")
        if "\0" in value:
            raise InputError(f"The parameter {name} holds a zero byte.")
        found[name] = value
    return found


def is_html(request: Request, query: dict[str, str]) -> bool:
    """Return whether the answer shall be HTML: by `f`, else where Accept likes it better than JSON."""
    wanted = query.get("f")
    if wanted not in (None, "json", "html"):
        raise InputError(f"The form f={wanted[:20]} is not served; it is json or html.")
    if wanted is not None:
        return wanted == "html"
    weights = dict(_weight(part) for part in request.headers.get("accept", "").split(","))
    rest = weights.get("*/*", 0.0)
    json = max(weights.get(t, rest) for t in ("application/json", "application/geo+json"))
    return weights.get("text/html", rest) > json


def _weight(part: str) -> tuple[str, float]:
    media_type, _, rest = part.strip().partition(";")
    found = re.search(r"(?:^|;)\s*q=([01](?:\.\d{1,3})?)\s*(?:;|$)", rest)
    return media_type.strip().lower(), float(found[1]) if found else 1.0


def limit(query: dict[str, str]) -> int:
    """Return the size of a page."""
    told = query.get("limit", str(DEFAULT_LIMIT))
    if not re.fullmatch(r"[0-9]{1,9}", told) or not 1 <= int(told) <= MAX_LIMIT:
        raise InputError(f"The limit {told[:20]!r} is no whole number from 1 to {MAX_LIMIT}.")
    return int(told)


def crs(query: dict[str, str], name: str) -> ServedCrs:
    """Return a coordinate system named by a parameter, CRS84 without it."""
    uri = query.get(name, CRS84.uri)
    if uri not in SERVED:
        raise InputError(f"The {name} {uri[:80]!r} is not served; it is one of {', '.join(SERVED)}.")
    return SERVED[uri]


def box(query: dict[str, str]) -> shapely.Geometry | None:
    """Return the shape of `bbox` in the storage CRS, None without it; heights are left out of account."""
    system = crs(query, "bbox-crs")
    return box_in(query["bbox"], system) if "bbox" in query else None


def box_in(text: str, system: ServedCrs) -> shapely.Geometry:
    """Return the shape of a box of 4 or 6 numbers, in `system` and its axis order, in the storage CRS."""
    parts = text.split(",")
    numbers = [float(part) for part in parts if _NUMBER.fullmatch(part.strip())]
    if len(numbers) != len(parts) or len(parts) not in (4, 6) or not all(map(math.isfinite, numbers)):
        raise InputError("The bbox is no list of 4 or 6 numbers with commas between them.")
    if len(numbers) == 6:
        numbers = [*numbers[:2], *numbers[3:5]]
    return box_into_storage((numbers[0], numbers[1], numbers[2], numbers[3]), system)


def check_datetime(query: dict[str, str]) -> None:
    """Raise InputError unless `datetime` is an instant or an interval by RFC 3339."""
    if "datetime" not in query:
        return
    ends = query["datetime"].split("/")
    times = [None if end in ("", "..") else _instant(end) for end in ends]
    known = [time for time in times if time is not None]
    if len(ends) > 2 or not known or known != sorted(known):
        raise InputError("The datetime is neither an instant nor an interval from early to late.")


def _instant(text: str) -> dt.datetime:
    if _INSTANT.fullmatch(text):
        try:
            found = dt.datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            return found if found.tzinfo else found.replace(tzinfo=dt.UTC)
    raise InputError("The datetime is no date or time by RFC 3339.")


def after(query: dict[str, str]) -> str | None:
    """Return the place after which the page begins."""
    told = query.get("after")
    if told is not None and not 1 <= len(told) <= sorting.TOKEN_CHARS:
        raise InputError(f"The place in after has {len(told)} characters; it has 1 to {sorting.TOKEN_CHARS}.")
    return told


def sorts(query: dict[str, str], collection: Collection) -> tuple[sorting.Sort, ...]:
    """Return the order of `sortby`; without it, features come in the order of their ids."""
    return sorting.parse(query["sortby"], collection) if "sortby" in query else ()


def own(collection: Collection) -> tuple[Parameter, ...]:
    """Return the parameters that the properties of a collection are: `name=value`."""
    taken = {p["name"] for p in ITEMS}
    return tuple(
        _query(p.name, f"{p.title.zh} {p.title.en}: only features with this value", _VALUES[p.type])
        for p in sorting.sortables(collection)
        if p.name not in taken
    )


def condition(query: dict[str, str], collection: Collection) -> sa.ColumnElement[bool] | None:
    """Return the condition of `filter` and of properties on a collection, None without them."""
    system = crs(query, "filter-crs")
    language = query.get("filter-lang", "cql2-text")
    parsers = {"cql2-text": filters.parse_text, "cql2-json": filters.parse_json}
    if language not in parsers:
        raise InputError(
            f"The filter-lang {language[:40]!r} is not understood; it is {' or '.join(parsers)}."
        )
    names = [p["name"] for p in own(collection) if p["name"] in query]
    found = [
        filters.condition(_equal(collection.by_name[name], query[name]), collection, system) for name in names
    ]
    if "filter" in query:
        found.append(filters.condition(parsers[language](query["filter"]), collection, system))
    return sa.and_(*found) if found else None


def _equal(found: Property, told: str) -> dict[str, Any]:
    """Return the tree of a filter: that a property has the value that a parameter tells."""
    value: Any = told
    if found.type in ("integer", "float") and _NUMBER.fullmatch(told):
        value = float(told)
    elif found.type == "boolean":
        value = {"true": True, "false": False}.get(told, told)
    return {"op": "=", "args": [{"property": found.name}, value]}
