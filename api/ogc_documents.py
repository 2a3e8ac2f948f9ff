"""The documents of OGC API Features that tell what is served: landing page, conformance, collections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely
from fastapi import Request

from api.ogc_links import GEOJSON, HTML, JSON, OPENAPI, SCHEMA, Link, both, link, url
from gis.crs import API_CRS, STORAGE_EPSG, reproject
from gis.served_crs import CRS84, SERVED, STORED
from gis.store import Store
from gis.store.collections import COLLECTIONS, RESULTS, Collection, Property, ValueType
from gis.store.filters import GEOMETRY
from gis.store.records import Box, LayerVersion

_CLASSES = (
    "ogcapi-features-1/1.0/conf/core",
    "ogcapi-features-1/1.0/conf/geojson",
    "ogcapi-features-1/1.0/conf/html",
    "ogcapi-features-1/1.0/conf/oas30",
    "ogcapi-features-2/1.0/conf/crs",
    "ogcapi-features-3/1.0/conf/queryables",
    "ogcapi-features-3/1.0/conf/filter",
    "ogcapi-features-3/1.0/conf/features-filter",
    "ogcapi-tiles-1/1.0/conf/core",
    "ogcapi-tiles-1/1.0/conf/tileset",
    "ogcapi-tiles-1/1.0/conf/tilesets-list",
    "ogcapi-tiles-1/1.0/conf/geodata-tilesets",
    "ogcapi-tiles-1/1.0/conf/mvt",
    "ogcapi-tiles-1/1.0/conf/oas30",
    "tms/2.0/conf/tilematrixset",
    "tms/2.0/conf/json-tilematrixset",
    "cql2/1.0/conf/cql2-text",
    "cql2/1.0/conf/cql2-json",
    "cql2/1.0/conf/basic-cql2",
    "cql2/1.0/conf/advanced-comparison-operators",
    "cql2/1.0/conf/basic-spatial-functions",
    "cql2/1.0/conf/basic-spatial-functions-plus",
)
CONFORMANCE = {"conformsTo": [f"http://www.opengis.net/spec/{name}" for name in _CLASSES]}

TITLE = "OneMap 新能源供热资源一张图"
_DESCRIPTION = (
    "Resources, restrictions and parcels of the map, and what was judged of every parcel, read only."
)


class Extents:
    """The boxes around layers, looked for again when a layer has another version."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[LayerVersion, list[float] | None] = {}

    def of(self, version: LayerVersion) -> list[float] | None:
        """Return west, south, east, north in degrees; None where the layer has no outlines."""
        if version not in self._known:
            found = self._store.extent(version.layer)
            self._known = {v: box for v, box in self._known.items() if v.layer != version.layer}
            self._known[version] = None if found is None else _degrees(found)
        return self._known[version]


def _degrees(box: Box) -> list[float]:
    # The sides of the box are curves in degrees: their middles reach further than its corners.
    outline = shapely.segmentize(shapely.box(*box), max(box[2] - box[0], box[3] - box[1], 1.0) / 16)
    moved = reproject(np.array([outline], dtype=object), f"EPSG:{STORAGE_EPSG}", API_CRS)[0]
    return [round(side, 7) for side in moved.bounds]


def served(store: Store) -> dict[str, tuple[Collection, LayerVersion]]:
    """Return the collections that have something to serve, each with the version of its layer."""
    versions, run = store.state()
    return {
        id_: (one, versions[one.layer.id])
        for id_, one in COLLECTIONS.items()
        if one.layer.id in versions and (run is not None or id_ != RESULTS)
    }


_PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem document",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
    },
}


def interface(whole: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an OpenAPI document says of the routes under /ogc, as OpenAPI 3.0.

    Clients of OGC API know no later version. Of the schemas these routes name but one.
    """
    return {
        "openapi": "3.0.3",
        "info": {name: whole["info"][name] for name in ("title", "description", "version")},
        "paths": {path: told for path, told in whole["paths"].items() if path.startswith("/ogc")},
        "components": {"schemas": {"Problem": _PROBLEM}},
    }


def landing(request: Request, query: Mapping[str, str], html: bool) -> dict[str, Any]:
    """Return the landing page."""
    links = [
        *both(request, (), query, html, JSON),
        link(url(request, "api"), "service-desc", OPENAPI, "The interface as OpenAPI"),
        link(f"{request.base_url}docs", "service-doc", HTML, "The interface as a page"),
        link(url(request, "conformance"), "conformance", JSON, "Conformance classes"),
        link(url(request, "collections"), "data", JSON, "Collections"),
        link(url(request, "tileMatrixSets"), f"{_REL}/tiling-schemes", JSON, "Tile matrix sets"),
    ]
    return {"title": TITLE, "description": _DESCRIPTION, "links": links}


def collections(request: Request, query: Mapping[str, str], html: bool) -> dict[str, Any]:
    """Return the list of collections."""
    state = request.app.state
    return {
        "links": both(request, ("collections",), query, html, JSON),
        "crs": list(SERVED),
        "collections": [
            collection(request, one, state.extents.of(version), _own_links(request, one.id))
            for one, version in served(state.store).values()
        ],
    }


def _own_links(request: Request, id_: str) -> list[Link]:
    return [link(url(request, "collections", id_), "self", JSON, "This collection")]


def collection(
    request: Request, served_one: Collection, box: list[float] | None, links: list[Link]
) -> dict[str, Any]:
    """Return the description of one collection; `links` lead to itself."""
    here = ("collections", served_one.id)
    items = [
        link(url(request, *here, "items", query={"f": form}), "items", type_, f"Features as {form}")
        for form, type_ in (("json", GEOJSON), ("html", HTML))
    ]
    extent = {} if box is None else {"extent": {"spatial": {"bbox": [box], "crs": CRS84.uri}}}
    title, description = served_one.title, served_one.description
    return {
        "id": served_one.id,
        "title": f"{title.zh} {title.en}",
        "description": f"{description.zh} {description.en}",
        **extent,
        "itemType": "feature",
        "crs": list(SERVED),
        "storageCrs": STORED.uri,
        "links": [
            *links,
            *items,
            link(url(request, *here, "queryables"), f"{_REL}/queryables", SCHEMA, "Queryables"),
            link(url(request, *here, "tiles"), f"{_REL}/tilesets-vector", JSON, "Vector tiles"),
        ],
    }


_REL = "http://www.opengis.net/def/rel/ogc/1.0"
_TYPES: Mapping[ValueType, dict[str, Any]] = {
    "text": {"type": "string"},
    "text_list": {"type": "array", "items": {"type": "string"}},
    "integer": {"type": "integer"},
    "float": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "timestamp": {"type": "string", "format": "date-time"},
}
_SHAPES = {"polygon": "multipolygon", "line": "multilinestring", "point": "point"}


def queryables(request: Request, served_one: Collection) -> dict[str, Any]:
    """Return what a filter on a collection may name, as JSON Schema."""
    shape = {"title": "图形 geometry", "format": f"geometry-{_SHAPES[served_one.layer.geometry]}"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": url(request, "collections", served_one.id, "queryables"),
        "type": "object",
        "title": f"{served_one.title.zh} {served_one.title.en}",
        "properties": {GEOMETRY: shape | {"x-ogc-role": "primary-geometry"}}
        | {p.name: _queryable(p) for p in served_one.properties},
        "additionalProperties": False,
    }


def _queryable(found: Property) -> dict[str, Any]:
    told: dict[str, Any] = {"title": f"{found.title.zh} {found.title.en}", **_TYPES[found.type]}
    told |= {} if found.unit is None else {"x-ogc-unit": found.unit}
    told |= {"enum": list(found.choices)} if found.choices else {}
    limits = {"minimum": found.minimum, "maximum": found.maximum}
    return told | {name: value for name, value in limits.items() if value is not None}
