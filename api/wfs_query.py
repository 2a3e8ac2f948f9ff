"""What a WFS request asks for: parameters by key and value, in any case, of versions 2.0.0 and 1.1.0."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import shapely
import sqlalchemy as sa
from fastapi import Request

from api import ogc_query
from api.wfs_filter import OptionError, escaped, feature_ids, parse
from gis.errors import InputError
from gis.served_crs import CRS84, SERVED, ServedCrs
from gis.store import filters, sorting
from gis.store.collections import Collection

MAX_COUNT = ogc_query.MAX_LIMIT
MAX_START = 100_000
"""What is skipped is read all the same: beyond this, other ways are cheaper for both sides."""

V1, V2 = "1.1.0", "2.0.0"
_GML = {V1: "text/xml; subtype=gml/3.1.1", V2: "application/gml+xml; version=3.2"}
JSON = "application/json"
FORMATS: Mapping[str, Mapping[str, str]] = {
    V1: {_GML[V1]: _GML[V1], "gml3": _GML[V1], "gml31": _GML[V1], JSON: JSON, "json": JSON},
    V2: {
        _GML[V2]: _GML[V2], "text/xml; subtype=gml/3.2": _GML[V2], "text/xml; subtype=gml/3.2.1": _GML[V2],
        "gml32": _GML[V2], JSON: JSON, "json": JSON,
    },
}  # fmt: skip
"""By version, what may be written as outputFormat, and the media type of the answer."""

_TEXT = re.compile(r"\s*;\s*")


def _named() -> dict[str, ServedCrs]:
    found = {CRS84.uri: CRS84, "urn:ogc:def:crs:OGC:1.3:CRS84": CRS84}
    for crs in SERVED.values():
        authority, _, number = crs.code.partition(":")
        if authority == "EPSG":
            x_first = replace(crs, y_first=False)
            found |= {f"urn:ogc:def:crs:EPSG::{number}": crs, crs.uri: crs}
            found |= {crs.code: x_first, f"http://www.opengis.net/gml/srs/epsg.xml#{number}": x_first}
    return found


NAMED: Mapping[str, ServedCrs] = _named()
"""Coordinate systems by name; the short names of old have x before y, whatever the registry says."""
DEFAULT_CRS = "urn:ogc:def:crs:EPSG::4326"
"""The registry's names have latitude and northing first, as the registry has it."""


class OwsError(InputError):
    """A request that WFS refuses, with the code and the parameter that its exceptions tell."""

    def __init__(self, message: str, code: str, locator: str) -> None:
        super().__init__(message)
        self.code = code
        self.locator = locator


@contextmanager
def about(locator: str) -> Iterator[None]:
    """Tell of errors within which parameter they are about."""
    try:
        yield
    except OwsError:
        raise
    except OptionError as error:
        raise OwsError(str(error), "OptionNotSupported", locator) from error
    except InputError as error:
        raise OwsError(str(error), "InvalidParameterValue", locator) from error


def read(request: Request) -> dict[str, str]:
    """Return the parameters of a request by their names in lower case; those not known are let be."""
    found: dict[str, str] = {}
    for written, value in request.query_params.multi_items():
        name = written.lower()
        if name in found:
            raise OwsError("The parameter is given more than once.", "InvalidParameterValue", name[:60])
        if "\0" in value:
            raise OwsError("The parameter holds a zero byte.", "InvalidParameterValue", name[:60])
        found[name] = value
    return found


def version(query: Mapping[str, str]) -> str:
    """Return the version to answer in: that of `version`, or the first known of `acceptVersions`."""
    accepted = query.get("acceptversions")
    wanted = (accepted or query.get("version") or V2).split(",")
    for one in wanted:
        found = {"1.1": V1, "2.0": V2}.get(".".join(one.strip().split(".")[:2]))
        if found:
            return found
    code = "VersionNegotiationFailed" if accepted else "InvalidParameterValue"
    locator = "acceptVersions" if accepted else "version"
    raise OwsError(f"The versions of this service are {V2} and {V1}.", code, locator)


def type_names(query: Mapping[str, str]) -> list[str]:
    """Return the ids of collections that `typeNames` or `typeName` names, with a prefix or without."""
    told = query.get("typenames") or query.get("typename") or ""
    return [name.strip(" ()").rpartition(":")[2] for name in told.split(",") if name.strip(" ()")]


def type_name(query: Mapping[str, str]) -> str:
    """Return the id of the one collection that features are asked of: by name or by their ids."""
    names = type_names(query)
    if not names and (ids := _ids(query)):
        names = list({id_.partition(".")[0] for id_ in ids})
    if not names:
        raise OwsError(
            "typeNames is missing: name a feature type of the capabilities.",
            "MissingParameterValue", "typeNames",
        )  # fmt: skip
    if len(names) > 1:
        raise OwsError("Features are served of one type at a time.", "OptionNotSupported", "typeNames")
    return names[0]


def _ids(query: Mapping[str, str]) -> list[str]:
    told = query.get("resourceid") or query.get("featureid") or ""
    return [id_.strip() for id_ in told.split(",") if id_.strip()]


@dataclass(frozen=True)
class Asked:
    """What GetFeature asks for; `srs_name` is the system's name as asked, `names` the properties wanted.

    `count` is None where none is told. `asked_crs` is whether the system was named at all. `where` has the
    box and the condition for `gis.store.items`.
    """

    count: int | None
    start: int
    srs_name: str
    crs: ServedCrs
    asked_crs: bool
    names: tuple[str, ...]
    with_outline: bool
    hits: bool
    media_type: str
    where: Mapping[str, Any]
    sorts: tuple[sorting.Sort, ...]

    @property
    def every(self) -> bool:
        """Whether all features of the collection match."""
        return all(wanted is None for wanted in self.where.values())


def features(query: Mapping[str, str], version_: str, collection: Collection) -> Asked:
    """Return what GetFeature asks of a collection; OwsError for a value that is not allowed."""
    if "storedquery_id" in query:
        raise OwsError("There are no stored queries here.", "OptionNotSupported", "storedQuery_id")
    limit = "count" if version_ == V2 else "maxFeatures"
    told = query.get(limit.lower())
    count = None if told is None else _whole(told, limit, 1, MAX_COUNT)
    start = 0
    if version_ == V2:
        start = _start(query.get("startindex", "0"))
    elif "startindex" in query:
        raise OwsError("Version 1.1.0 has no startIndex: use 2.0.0.", "OptionNotSupported", "startIndex")
    kind = query.get("resulttype", "results").lower()
    if kind not in ("results", "hits"):
        raise OwsError("resultType is results or hits.", "InvalidParameterValue", "resultType")
    with about("srsName"):
        crs = _crs(query.get("srsname", DEFAULT_CRS))
    names, with_outline = _properties(query, collection)
    return Asked(
        count=count,
        start=start,
        srs_name=query.get("srsname", DEFAULT_CRS),
        crs=crs,
        asked_crs="srsname" in query,
        names=names,
        with_outline=with_outline,
        hits=kind == "hits",
        media_type=_media_type(query, version_),
        where={"box": _box(query), "condition": _where(query, collection)},
        sorts=_sorts(query, collection),
    )


def _whole(told: str, name: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", told) or not least <= int(told) <= most:
        raise OwsError(
            f"{name} is a whole number from {least} to {most}, not {told[:20]!r}.",
            "InvalidParameterValue", name,
        )  # fmt: skip
    return int(told)


def _start(told: str) -> int:
    if re.fullmatch(r"[0-9]{1,9}", told) and int(told) > MAX_START:
        raise OwsError(
            f"startIndex is at most {MAX_START}: ask for a bbox, or follow the pages of /ogc.",
            "InvalidParameterValue", "startIndex",
        )  # fmt: skip
    return _whole(told, "startIndex", 0, MAX_START)


def _crs(name: str) -> ServedCrs:
    if name not in NAMED:
        served = ", ".join(n for n in NAMED if n.startswith("urn:"))
        raise InputError(f"The coordinate system {name[:80]!r} is not served; it is one of {served}.")
    return NAMED[name]


def _media_type(query: Mapping[str, str], version_: str) -> str:
    wanted = query.get("outputformat", _GML[version_])
    # A plus that was not escaped has become a space.
    found = _TEXT.sub("; ", wanted.strip().lower()).replace("gml xml", "gml+xml")
    if found not in FORMATS[version_]:
        raise OwsError(
            f"The form {wanted[:60]!r} is not served; it is {_GML[version_]} or {JSON}.",
            "InvalidParameterValue", "outputFormat",
        )  # fmt: skip
    return FORMATS[version_][found]


def _box(query: Mapping[str, str]) -> shapely.Geometry | None:
    if "bbox" not in query:
        return None
    sides = query["bbox"].split(",")
    system = sides.pop().strip() if len(sides) in (5, 7) else query.get("srsname", DEFAULT_CRS)
    with about("bbox"):
        return ogc_query.box_in(",".join(sides), _crs(system))


def _sorts(query: Mapping[str, str], collection: Collection) -> tuple[sorting.Sort, ...]:
    if not query.get("sortby"):
        return ()
    parts = []
    for told in query["sortby"].split(","):
        name, _, way = told.strip().replace("+", " ").partition(" ")
        order = way.strip().upper()
        if order not in ("", "A", "ASC", "D", "DESC"):
            raise OwsError("sortBy is name ASC or name DESC.", "InvalidParameterValue", "sortBy")
        parts.append(("-" if order.startswith("D") else "") + name.rpartition(":")[2])
    with about("sortBy"):
        return sorting.parse(",".join(parts), collection)


def _properties(query: Mapping[str, str], collection: Collection) -> tuple[tuple[str, ...], bool]:
    """Return the properties that `propertyName` asks for, and whether it asks for the outline."""
    every = tuple(p.name for p in collection.properties)
    told = [part.strip(" ()") for part in query.get("propertyname", "").split(",")]
    wanted = {part.rpartition("/")[2].rpartition(":")[2] for part in told if part}
    if not wanted or "*" in wanted:
        return every, True
    unknown = sorted(wanted - {*every, filters.GEOMETRY})
    if unknown:
        raise OwsError(
            f"The feature type {collection.id} has no property {unknown[0][:60]!r}.",
            "InvalidParameterValue", "propertyName",
        )  # fmt: skip
    return tuple(name for name in every if name in wanted), filters.GEOMETRY in wanted


def _where(query: Mapping[str, str], collection: Collection) -> sa.ColumnElement[bool] | None:
    """Return what the ids, `filter` and `cql_filter` together demand."""
    found: list[sa.ColumnElement[bool]] = []
    with about("resourceID"):
        found += _is_one_of(_ids(query), collection)
    if query.get("filter"):
        with about("filter"):
            asked = parse(query["filter"], collection)
            found += _is_one_of(asked.ids, collection)
            if asked.tree is not None:
                system = _crs(asked.srs_name or query.get("srsname", DEFAULT_CRS))
                found.append(filters.condition(asked.tree, collection, system))
    if query.get("cql_filter"):
        with about("cql_filter"):
            found.append(filters.condition(filters.parse_text(query["cql_filter"]), collection, CRS84))
    return sa.and_(*found) if found else None


def _is_one_of(ids: Sequence[str], collection: Collection) -> list[sa.ColumnElement[bool]]:
    return [collection.key.in_(feature_ids(ids, collection))] if ids else []


def gml_id(collection: Collection, feature_id: str) -> str:
    """Return the id of a feature in GML, which `resourceID` takes."""
    return f"{collection.id}.{escaped(feature_id)}"
