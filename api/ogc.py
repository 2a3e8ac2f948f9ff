"""OGC API Features under /ogc: layers and results of parcels, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from api import ogc_documents as documents
from api import ogc_html as html
from api import ogc_query as asked
from api.access import reading
from api.ogc_features import dumped, etag, features, written
from api.ogc_links import GEOJSON, HTML, JSON, OPENAPI, SCHEMA, both, link, url
from api.problems import documented
from gis.errors import NotFoundError
from gis.store import items
from gis.store.collections import Collection

router = APIRouter(prefix="/ogc", tags=["OGC API Features"])

_FAILS = documented(400, 404, 503)


def _answers(*media_types: str) -> dict[int | str, dict[str, Any]]:
    content = {media_type: {"schema": _SCHEMAS[media_type]} for media_type in media_types}
    return {200: {"description": "OK", "content": content}, **_FAILS}


_OBJECT = {"type": "object"}
_SCHEMAS: Mapping[str, dict[str, Any]] = {
    JSON: _OBJECT,
    OPENAPI: _OBJECT,
    SCHEMA: _OBJECT,
    GEOJSON: {
        "type": "object",
        "required": ["type", "links"],
        "properties": {"type": {"enum": ["FeatureCollection", "Feature"]}, "links": {"type": "array"}},
    },
    HTML: {"type": "string"},
}


def _declared(*parameters: asked.Parameter) -> dict[str, Any]:
    return {"parameters": list(parameters)}


def _path(name: str, description: str, example: str) -> asked.Parameter:
    schema = {"type": "string", "minLength": 1}
    return {
        "name": name, "in": "path", "required": True, "description": description, "schema": schema,
        "example": example,
    }  # fmt: skip


_COLLECTION = _path("collection_id", "Id of a collection", "parcel_suitability")
_FEATURE = _path("feature_id", "Id of a feature: its key as imported", "P-000101")


def _json(content: Any, media_type: str, **headers: str) -> Response:
    return Response(dumped(content), media_type=media_type, headers={"Vary": "Accept"} | headers)


@router.get("", responses=_answers(JSON, HTML), openapi_extra=_declared(asked.F), response_class=Response)
def get_landing(request: Request) -> Response:
    """Return where everything of this service is."""
    query = asked.read(request, asked.F)
    as_html = asked.is_html(request, query)
    document = documents.landing(request, query, as_html)
    if as_html:
        return html.page(document["title"], [*html.texts(document["description"]), *html.links(document)])
    return _json(document, JSON)


@router.get(
    "/conformance", responses=_answers(JSON, HTML), openapi_extra=_declared(asked.F), response_class=Response
)
def get_conformance(request: Request) -> Response:
    """Return the conformance classes that this service holds to."""
    if asked.is_html(request, asked.read(request, asked.F)):
        return html.page("Conformance", html.texts(*documents.CONFORMANCE["conformsTo"]))
    return _json(documents.CONFORMANCE, JSON)


@router.get("/api", responses=_answers(OPENAPI), response_class=Response)
def get_api(request: Request) -> Response:
    """Return the interface of this service as OpenAPI 3.0."""
    asked.read(request)
    found = [one.collection for one in documents.served(request).values()]
    return _json(documents.interface(request.app.openapi(), found), OPENAPI)


@router.get(
    "/collections", responses=_answers(JSON, HTML), openapi_extra=_declared(asked.F), response_class=Response
)
def get_collections(request: Request) -> Response:
    """List the collections: every loaded layer, the results of parcels, matching and siting."""
    query = asked.read(request, asked.F)
    as_html = asked.is_html(request, query)
    document = documents.collections(request, query, as_html)
    if not as_html:
        return _json(document, JSON)
    rows = [
        ((one["links"][0]["href"] + "?f=html", one["title"]), one["description"])
        for one in document["collections"]
    ]
    return html.page("Collections", [*html.table(("collection", "description"), rows), *html.links(document)])


@router.get(
    "/collections/{collection_id}",
    responses=_answers(JSON, HTML),
    openapi_extra=_declared(_COLLECTION, asked.F),
    response_class=Response,
)
def get_collection(request: Request) -> Response:
    """Describe one collection: extent, coordinate systems, and links to its features."""
    query = asked.read(request, asked.F)
    as_html = asked.is_html(request, query)
    found = documents.collection_of(request, request.path_params["collection_id"])
    collection = found.collection
    links = both(request, ("collections", collection.id), query, as_html, JSON)
    document = documents.collection(request, found, links)
    if not as_html:
        return _json(document, JSON)
    rows = [(p.name, f"{p.title.zh} {p.title.en}", p.type, p.unit) for p in collection.properties]
    fields = html.table(("property", "title", "type", "unit"), rows)
    return html.page(
        document["title"], [*html.texts(document["description"]), *fields, *html.links(document)]
    )


@router.get(
    "/collections/{collection_id}/queryables",
    responses=_answers(SCHEMA, HTML),
    openapi_extra=_declared(_COLLECTION, asked.F),
    response_class=Response,
)
def get_queryables(request: Request) -> Response:
    """Return the properties that a filter may name, as JSON Schema."""
    return _properties(request, documents.queryables)


@router.get(
    "/collections/{collection_id}/sortables",
    responses=_answers(SCHEMA, HTML),
    openapi_extra=_declared(_COLLECTION, asked.F),
    response_class=Response,
)
def get_sortables(request: Request) -> Response:
    """Return the properties that features can be sorted by, as JSON Schema."""
    return _properties(request, documents.sortables)


def _properties(request: Request, told_by: Callable[[Request, Collection], dict[str, Any]]) -> Response:
    query = asked.read(request, asked.F)
    collection = documents.collection_of(request, request.path_params["collection_id"]).collection
    document = told_by(request, collection)
    if not asked.is_html(request, query):
        return _json(document, SCHEMA)
    rows = [(name, told.get("title"), told.get("type")) for name, told in document["properties"].items()]
    return html.page(document["title"], html.table(("property", "title", "type"), rows))


@router.get(
    "/collections/{collection_id}/items",
    responses=_answers(GEOJSON, HTML),
    openapi_extra=_declared(_COLLECTION, *asked.ITEMS),
    response_class=Response,
)
def get_items(request: Request) -> Response:
    """Return features of a collection in the order of their ids or of `sortby`, a page at a time.

    Pages are joined by links `next`. `numberMatched` is told where all features are asked for.
    Every property of `queryables` but lists is a parameter too: `name=value`.
    """
    place = documents.collection_of(request, request.path_params["collection_id"])
    collection = place.collection
    query = asked.read(request, *asked.ITEMS, *asked.own(collection))
    as_html = asked.is_html(request, query)
    limit, box, after = asked.limit(query), asked.box(query), asked.after(query)
    crs = asked.crs(query, "crs")
    asked.check_datetime(query)
    condition, sorts = asked.condition(query, collection), asked.sorts(query, collection)
    with _reading(request) as connection:
        page = items.page(
            connection, collection, limit, after=after, box=box, condition=condition, sorts=sorts
        )
    here = ("collections", collection.id, "items")
    links = both(request, here, query, as_html, GEOJSON)
    if page.after is not None:
        form = "html" if as_html else "json"
        following = url(request, *here, query=query | {"after": page.after, "f": form})
        links.append(link(following, "next", HTML if as_html else GEOJSON, "Next page"))
    links.append(link(url(request, *here[:2]), "collection", JSON, "The collection"))
    document: dict[str, Any] = {
        "type": "FeatureCollection",
        "links": links,
        "numberReturned": len(page.ids),
    }
    if box is None and condition is None and place.feature_count is not None:
        document["numberMatched"] = place.feature_count
    found = features(collection, page, crs)
    if as_html:
        return _table(request, collection, document, found)
    headers = {"Vary": "Accept", "Content-Crs": f"<{crs.uri}>"}
    return StreamingResponse(written(document, found), media_type=GEOJSON, headers=headers)


@router.get(
    "/collections/{collection_id}/items/{feature_id:path}",
    responses=_answers(GEOJSON, HTML),
    openapi_extra=_declared(_COLLECTION, _FEATURE, asked.CRS, asked.F),
    response_class=Response,
)
def get_item(request: Request) -> Response:
    """Return one feature of a collection."""
    query = asked.read(request, asked.CRS, asked.F)
    as_html = asked.is_html(request, query)
    crs = asked.crs(query, "crs")
    collection = documents.collection_of(request, request.path_params["collection_id"]).collection
    feature_id: str = request.path_params["feature_id"]
    if "\0" in feature_id:
        raise NotFoundError(f"The collection {collection.id} has no feature with a zero byte in its id.")
    with _reading(request) as connection:
        page = items.one(connection, collection, feature_id)
    document = next(features(collection, page, crs))
    here = ("collections", collection.id, "items", feature_id)
    document["links"] = [
        *both(request, here, query, as_html, GEOJSON),
        link(url(request, *here[:2]), "collection", JSON, "The collection"),
    ]
    if as_html:
        rows = document["properties"].items()
        return html.page(feature_id, [*html.table(("property", "value"), rows), *html.links(document)])
    return _json(document, GEOJSON, **{"Content-Crs": f"<{crs.uri}>", "ETag": etag(page)})


def _table(
    request: Request, collection: Collection, document: dict[str, Any], found: Iterator[dict[str, Any]]
) -> Response:
    here = ("collections", collection.id, "items")
    rows = [
        (
            (url(request, *here, feature["id"], query={"f": "html"}), feature["id"]),
            *(value for name, value in feature["properties"].items() if name != collection.key_name),
        )
        for feature in found
    ]
    names = [p.name for p in collection.properties if p.name != collection.key_name]
    body = [*html.links(document), *html.table(("id", *names), rows)]
    return html.page(f"{collection.title.zh} {collection.title.en}", body)


@contextmanager
def _reading(request: Request) -> Iterator[sa.Connection]:
    """Give a connection that can write nothing; its statements have the limit of time of the settings."""
    store = reading(request)
    with store.engine.connect() as connection:
        yield connection.execution_options(postgresql_readonly=True)
