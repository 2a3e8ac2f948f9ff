"""The documents of OGC API Features that tell what is served: landing page, conformance, collections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from fastapi import Request

from api.access import check_readable, readable, reading
from api.ogc_links import GEOJSON, HTML, JSON, OPENAPI, SCHEMA, Link, both, link, url
from api.ogc_query import LIMIT, own
from gis.access import RESULTS
from gis.crs import API_CRS, STORAGE_EPSG, reproject
from gis.errors import NotFoundError
from gis.served_crs import CRS84, SERVED, STORED
from gis.store import Store, sorting
from gis.store.collections import COLLECTIONS, SUITABILITY, Collection, Property, ValueType
from gis.store.connection import clear_errors
from gis.store.filters import GEOMETRY
from gis.store.records import Box, LayerVersion
from gis.store.result_collections import filled, offered
from gis.webmap.tile_layers import DESCRIBED

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

    def around(self, versions: Iterable[LayerVersion]) -> list[float] | None:
        """Return the box around several layers."""
        boxes = [box for version in versions if (box := self.of(version)) is not None]
        if not boxes:
            return None
        lows, highs = (np.array(boxes)[:, part] for part in (slice(2), slice(2, 4)))
        return [*lows.min(axis=0).tolist(), *highs.max(axis=0).tolist()]


def _degrees(box: Box) -> list[float]:
    # The sides of the box are curves in degrees: their middles reach further than its corners.
    outline = shapely.segmentize(shapely.box(*box), max(box[2] - box[0], box[3] - box[1], 1.0) / 16)
    moved = reproject(np.array([outline], dtype=object), f"EPSG:{STORAGE_EPSG}", API_CRS)[0]
    return [round(side, 7) for side in moved.bounds]


@dataclass(frozen=True)
class Served:
    """A collection that has something to serve; `around` are the layers whose boxes hold its features.

    `feature_count` is None where it is not known without counting.
    """

    collection: Collection
    around: tuple[LayerVersion, ...]
    feature_count: int | None


def served(request: Request) -> dict[str, Served]:
    """Return the collections that have something to serve and that the caller may read."""
    store, allowed = reading(request), readable(request)
    versions, run = store.state()
    known = offered(allowed)
    present = {id_ for id_ in COLLECTIONS if id_ in versions}
    if "parcel" in versions and run is not None:
        present.add(SUITABILITY)
    if RESULTS in allowed:
        with clear_errors("Reading the runs failed"), store.engine.connect() as connection:
            present |= filled(connection)
    return {
        id_: _served(one, versions)
        for id_, one in known.items()
        if id_ in present and allowed.issuperset(one.reads)
    }


def collection_of(request: Request, id_: str) -> Served:
    """Return a collection that the caller may read.

    Raises NotFoundError if there is none, and AccessError if the caller may not read it.
    """
    known = offered(readable(request))
    for needed in known[id_].reads if id_ in known else ():
        check_readable(request, needed)
    there = served(request).get(id_)
    if there is None:
        raise NotFoundError(
            f"There is no collection {id_!r:.60}; /ogc/collections lists those that are loaded."
        )
    return there


def _served(one: Collection, versions: Mapping[str, LayerVersion]) -> Served:
    around = tuple(versions[layer] for layer in one.around if layer in versions)
    counted = one.id in COLLECTIONS
    return Served(one, around, around[0].feature_count if counted else None)


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
        "request_id": {"type": "string", "nullable": True},
    },
}


_ITEMS = "/ogc/collections/{collection_id}/items"


def interface(whole: Mapping[str, Any], found: Iterable[Collection]) -> dict[str, Any]:
    """Return what an OpenAPI document says of the routes under /ogc, as OpenAPI 3.0.

    Clients of OGC API know no later version. Of the schemas these routes name but one. The
    features of each collection have a path of their own, with its properties as parameters.
    """
    paths = {path: told for path, told in whole["paths"].items() if path.startswith("/ogc")}
    general = paths[_ITEMS]["get"]
    for one in found:
        kept = [p for p in general["parameters"] if p["in"] != "path"]
        told = general | {
            "parameters": [*kept, *own(one)],
            "operationId": f"{general['operationId']}_{one.id}",
        }
        paths[_ITEMS.format(collection_id=one.id)] = {"get": told}
    return {
        "openapi": "3.0.3",
        "info": {name: whole["info"][name] for name in ("title", "description", "version")},
        "paths": paths,
        # QGIS looks here, and nowhere else, for how many features it may ask for at once.
        "components": {"schemas": {"Problem": _PROBLEM}, "parameters": {"limit": LIMIT}},
    }


def landing(request: Request, query: Mapping[str, str], html: bool) -> dict[str, Any]:
    """Return the landing page."""
    links = [
        *both(request, (), query, html, JSON),
        link(url(request, "api"), "service-desc", OPENAPI, "The interface as OpenAPI"),
        link(f"{request.base_url}docs", "service-doc", HTML, "The interface as a page"),
        link(url(request, "conformance"), "conformance", JSON, "Conformance classes"),
        link(url(request, "collections"), "data", JSON, "Collections"),
        link(url(request, "tileMatrixSets"), f"{_RELATIONS}/tiling-schemes", JSON, "Tile matrix sets"),
    ]
    return {"title": TITLE, "description": _DESCRIPTION, "links": links}


def collections(request: Request, query: Mapping[str, str], html: bool) -> dict[str, Any]:
    """Return the list of collections."""
    return {
        "links": both(request, ("collections",), query, html, JSON),
        "crs": list(SERVED),
        "collections": [
            collection(request, one, _own_links(request, one.collection.id))
            for one in served(request).values()
        ],
    }


def _own_links(request: Request, id_: str) -> list[Link]:
    return [link(url(request, "collections", id_), "self", JSON, "This collection")]


def collection(request: Request, found: Served, links: list[Link]) -> dict[str, Any]:
    """Return the description of one collection; `links` lead to itself."""
    served_one, box = found.collection, request.app.state.extents.around(found.around)
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
            link(url(request, *here, "queryables"), f"{_RELATIONS}/queryables", SCHEMA, "Queryables"),
            link(url(request, *here, "sortables"), f"{_RELATIONS}/sortables", SCHEMA, "Sortables"),
            *(
                [link(url(request, *here, "tiles"), f"{_RELATIONS}/tilesets-vector", JSON, "Vector tiles")]
                if served_one.id in DESCRIBED
                else []
            ),
        ],
    }


_RELATIONS = "http://www.opengis.net/def/rel/ogc/1.0"
_TYPES: Mapping[ValueType, dict[str, Any]] = {
    "text": {"type": "string"},
    "text_list": {"type": "array", "items": {"type": "string"}},
    "integer": {"type": "integer"},
    "float": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "timestamp": {"type": "string", "format": "date-time"},
}
_SHAPES = {"polygon": "multipolygon", "line": "multilinestring", "point": "point", "any": "any"}


def queryables(request: Request, served_one: Collection) -> dict[str, Any]:
    """Return what a filter on a collection may name, as JSON Schema."""
    shape = {"title": "图形 geometry", "format": f"geometry-{_SHAPES[served_one.shape]}"}
    told = {p.name: _told(p) for p in served_one.properties}
    outline = {GEOMETRY: shape | {"x-ogc-role": "primary-geometry"}}
    return _schema(request, served_one, "queryables", outline | told)


def sortables(request: Request, served_one: Collection) -> dict[str, Any]:
    """Return what features of a collection can be sorted by, as JSON Schema."""
    return _schema(
        request, served_one, "sortables", {p.name: _told(p) for p in sorting.sortables(served_one)}
    )


def _schema(request: Request, served_one: Collection, name: str, told: dict[str, Any]) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": url(request, "collections", served_one.id, name),
        "type": "object",
        "title": f"{served_one.title.zh} {served_one.title.en}",
        "properties": told,
        "additionalProperties": False,
    }


def _told(found: Property) -> dict[str, Any]:
    told: dict[str, Any] = {"title": f"{found.title.zh} {found.title.en}", **_TYPES[found.type]}
    told |= {} if found.unit is None else {"x-ogc-unit": found.unit}
    told |= {"enum": list(found.choices)} if found.choices else {}
    limits = {"minimum": found.minimum, "maximum": found.maximum}
    return told | {name: value for name, value in limits.items() if value is not None}
