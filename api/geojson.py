"""GeoJSON bodies: read within limits, every refusal naming its place by JSON pointer."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import shapely
from fastapi import Request

from api.problems import MediaTypeError, TooLargeError
from gis.errors import BodyError
from gis.settings import Settings

MEDIA_TYPES = ("application/json", "application/geo+json")
MAX_DEPTH = 32
"""A FeatureCollection of MultiPolygons is nested 8 deep; the rest is room for properties."""

# The area in which the storage CRS (3-degree zone, central meridian 117 E) is meaningful.
LON_RANGE = (114.0, 120.0)
LAT_RANGE = (3.0, 54.0)

_ACCEPTED_CRS = re.compile(r"(CRS:?84|EPSG:{1,2}(\d[\d.]*:)?(4326|4490))$", re.IGNORECASE)
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


@dataclass
class BodyFeature:
    """One polygon of a body: JSON pointers to it and its geometry, the geometry in CRS84, properties."""

    pointer: str
    place: str
    geometry: shapely.Geometry
    properties: dict[str, Any] = field(default_factory=dict)
    id: str | None = None


def declared_as(*media_types: str) -> Callable[[Request], Awaitable[bytes]]:
    """Return the dependency that gives a request body, which must be declared as one of these types."""

    async def body(request: Request) -> bytes:
        declared = request.headers.get("content-type", media_types[0]).split(";")[0].strip().lower()
        if declared not in media_types:
            raise MediaTypeError(f"Content-Type {declared} is not taken; send {' or '.join(media_types)}.")
        return await request.body()

    return body


declared_body = declared_as(*MEDIA_TYPES)
"""Gives a body of JSON; its size is limited for all routes."""


def parse(body: bytes) -> Any:
    """Return the JSON of `body`; refuse what is no JSON (NaN and Infinity are none) or nested too deep."""
    bare = np.frombuffer(_STRING.sub(b"", body), dtype=np.uint8)
    step = np.isin(bare, (0x5B, 0x7B)).astype(np.int32) - np.isin(bare, (0x5D, 0x7D))
    if step.size and int(np.cumsum(step).max()) > MAX_DEPTH:
        raise BodyError(f"The body is nested more than {MAX_DEPTH} levels deep; send plain GeoJSON.")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BodyError(f"The body is not JSON: {error}.") from error


def read_features(document: Any, settings: Settings) -> tuple[list[BodyFeature], bool]:
    """Return the polygons of a GeoJSON document and whether it is a FeatureCollection.

    Takes a Feature, a FeatureCollection or a bare Polygon or MultiPolygon in
    longitude, latitude. Raises BodyError with the pointer of the first bad place.
    """
    kind = _type_of(document, "")
    _check_crs(document, "")
    if kind == "FeatureCollection":
        members = document.get("features")
        if not isinstance(members, list):
            raise BodyError("features must be an array of Features.", "/features")
        if not members:
            raise BodyError("features is empty; send at least one Feature.", "/features")
        if len(members) > settings.max_body_features:
            raise TooLargeError(
                f"The body has {len(members)} features, more than {settings.max_body_features}.", "/features"
            )
        places: list[tuple[Any, str | None]] = [
            (member, f"/features/{i}") for i, member in enumerate(members)
        ]
    elif kind == "Feature":
        places = [(document, "")]
    else:
        places = [({"type": "Feature", "geometry": document, "properties": None}, None)]
    _check_vertex_count([m.get("geometry") for m, _ in places if isinstance(m, dict)], settings)
    return [_feature(member, pointer) for member, pointer in places], kind == "FeatureCollection"


def _type_of(value: Any, pointer: str) -> str:
    if not isinstance(value, dict):
        raise BodyError(f"{_place(pointer)} must be a GeoJSON object.", pointer)
    kind = value.get("type")
    if not isinstance(kind, str):
        raise BodyError(f"{_place(pointer)} has no type.", f"{pointer}/type")
    return kind


def _place(pointer: str) -> str:
    return pointer or "The body"


def _check_crs(value: dict[str, Any], pointer: str) -> None:
    if value.get("crs") is None:
        return
    crs = value["crs"]
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else crs
    if not (isinstance(name, str) and _ACCEPTED_CRS.search(name)):
        shown = name if isinstance(name, str) else orjson.dumps(name).decode()
        raise BodyError(
            f"{pointer}/crs is {shown[:80]}; send longitude and latitude in EPSG:4326 and leave crs out.",
            f"{pointer}/crs",
        )


def _leaves(value: Any) -> Iterator[int]:
    """Yield the number of innermost arrays under `value`, list by list."""
    stack = [value]
    while stack:
        top = stack.pop()
        if isinstance(top, list):
            inner = [v for v in top if isinstance(v, list)]
            if inner:
                stack.extend(inner)
            else:
                yield 1


def _check_vertex_count(geometries: list[Any], settings: Settings) -> None:
    limit = settings.max_body_vertices
    count = 0
    for geometry in geometries:
        if isinstance(geometry, dict):
            for one in _leaves(geometry.get("coordinates")):
                count += one
                if count > limit:
                    raise TooLargeError(f"The body has more than {limit} vertices; simplify its polygons.")


def _feature(value: Any, pointer: str | None) -> BodyFeature:
    at = pointer or ""
    kind = _type_of(value, at)
    if kind != "Feature":
        raise BodyError(f"{_place(at)} is a {kind[:40]!r}; only Features are taken here.", f"{at}/type")
    _check_crs(value, at)
    properties = value.get("properties")
    if properties is not None and not isinstance(properties, dict):
        raise BodyError(f"{at}/properties must be an object or null.", f"{at}/properties")
    id_ = value.get("id")
    if id_ is not None and (isinstance(id_, bool) or not isinstance(id_, (str, int))):
        raise BodyError(f"{at}/id must be a text or a whole number.", f"{at}/id")
    # A bare geometry stands at the root of the body, that of a Feature under /geometry.
    place = "" if pointer is None else f"{at}/geometry"
    geometry = _geometry(value.get("geometry"), place)
    return BodyFeature(at, place, geometry, properties or {}, None if id_ is None else str(id_))


def _geometry(value: Any, pointer: str) -> shapely.Geometry:
    kind = _type_of(value, pointer)
    _check_crs(value, pointer)
    if kind not in ("Polygon", "MultiPolygon"):
        raise BodyError(
            f"{_place(pointer)} is a {kind[:40]!r}; only Polygon and MultiPolygon are taken.",
            f"{pointer}/type",
        )
    at = f"{pointer}/coordinates"
    coordinates = _filled(value.get("coordinates"), at)
    if kind == "Polygon":
        geometry: shapely.Geometry = _polygon(coordinates, at)
    else:
        parts = [_polygon(_filled(part, f"{at}/{i}"), f"{at}/{i}") for i, part in enumerate(coordinates)]
        geometry = shapely.MultiPolygon(parts)
    if not shapely.is_valid(geometry):
        raise BodyError(f"{at} is not a valid polygon: {shapely.is_valid_reason(geometry)}.", at)
    return geometry


def read_geometry(value: Any, pointer: str) -> shapely.Geometry:
    """Return a point, line or polygon, single or multiple, in CRS84; BodyError with the place otherwise."""
    kind = _type_of(value, pointer)
    if kind in ("Polygon", "MultiPolygon"):
        return _geometry(value, pointer)
    _check_crs(value, pointer)
    if kind not in ("Point", "LineString", "MultiLineString"):
        raise BodyError(f"{pointer} is a {kind[:40]}, which no layer holds.", f"{pointer}/type")
    at, coordinates = f"{pointer}/coordinates", value.get("coordinates")
    if kind == "Point":
        _check_position(coordinates, at)
        return shapely.Point(coordinates[:2])
    if kind == "LineString":
        return _line(coordinates, at)
    lines = [_line(part, f"{at}/{i}") for i, part in enumerate(_filled(coordinates, at))]
    return shapely.MultiLineString(lines)


def _line(value: Any, pointer: str) -> shapely.LineString:
    positions = _filled(value, pointer)
    for i, position in enumerate(positions):
        _check_position(position, f"{pointer}/{i}")
    if len(positions) < 2:
        raise BodyError(f"{pointer} has 1 position; a line has at least 2.", pointer)
    return shapely.LineString([p[:2] for p in positions])


def _filled(value: Any, pointer: str) -> list[Any]:
    if not isinstance(value, list):
        raise BodyError(f"{pointer} must be an array.", pointer)
    if not value:
        raise BodyError(f"{pointer} is empty.", pointer)
    return value


def _polygon(rings: list[Any], pointer: str) -> shapely.Polygon:
    shell, *holes = [_ring(ring, f"{pointer}/{i}") for i, ring in enumerate(rings)]
    return shapely.Polygon(shell, holes)


def _ring(value: Any, pointer: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    positions = _filled(value, pointer)
    for i, position in enumerate(positions):
        _check_position(position, f"{pointer}/{i}")
    if len(positions) < 4:
        raise BodyError(f"{pointer} has {len(positions)} positions; a ring has at least 4.", pointer)
    ring = np.array([p[:2] for p in positions], dtype=np.float64)
    if not np.array_equal(ring[0], ring[-1]):
        last = f"{pointer}/{len(positions) - 1}"
        raise BodyError(f"{pointer} is not closed: its last position must equal its first.", last)
    return ring


def _check_position(value: Any, pointer: str) -> None:
    if not isinstance(value, list) or not 2 <= len(value) <= 3:
        raise BodyError(f"{pointer} must be a position of longitude and latitude.", pointer)
    for i, number in enumerate(value):
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
            raise BodyError(f"{pointer}/{i} must be a finite number.", f"{pointer}/{i}")
    for i, (name, (low, high)) in enumerate((("longitude", LON_RANGE), ("latitude", LAT_RANGE))):
        if not low <= value[i] <= high:
            raise BodyError(
                f"{pointer}/{i}: {name} {value[i]:.10g} is outside the area of this map "
                f"({low:g} to {high:g}); send longitude before latitude in degrees.",
                f"{pointer}/{i}",
            )
