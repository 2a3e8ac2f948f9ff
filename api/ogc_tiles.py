"""OGC API Tiles under /ogc: vector tiles of every collection in WebMercatorQuad, and what describes them."""

from __future__ import annotations

from functools import cache
from typing import Any

import morecantile
import orjson
from fastapi import APIRouter, Request, Response

from api import ogc_documents as documents
from api import ogc_query as asked
from api.ogc_links import JSON, Link, link, url
from api.problems import documented
from api.tile_answers import MVT, Place, answer, mvt
from gis.errors import NotFoundError
from gis.served_crs import CRS84
from gis.webmap.boxes import MAX_ZOOM
from gis.webmap.tile_layers import DESCRIBED, TileLayer
from gis.webmap.tiles import check_tile

router = APIRouter(prefix="/ogc", tags=["OGC API Tiles"])

QUAD = "WebMercatorQuad"
_TILES = ("collections", "{collection_id}", "tiles")
_REL = "http://www.opengis.net/def/rel/ogc/1.0"
_FORM = asked.json_only("json")
_TILE_FORM = asked.json_only("mvt")
_FAILS = documented(400, 404, 422, 503)
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "OK", "content": {JSON: {"schema": {"type": "object"}}}},
    **_FAILS,
}
_DECLARED = {"parameters": [_FORM]}
_DIMENSIONS = {"point": 0, "line": 1, "polygon": 2}


@cache
def matrix_set() -> dict[str, Any]:
    """Return the definition of WebMercatorQuad down to the last zoom that is served."""
    told: dict[str, Any] = morecantile.tms.get(QUAD).model_dump(mode="json", exclude_none=True, by_alias=True)
    return told | {"tileMatrices": told["tileMatrices"][: MAX_ZOOM + 1]}


def _json(document: Any) -> Response:
    return Response(orjson.dumps(document), media_type=JSON)


def _set_link(request: Request, rel: str) -> Link:
    return link(url(request, "tileMatrixSets", QUAD), rel, JSON, f"Definition of {QUAD}")


@router.get("/tileMatrixSets", responses=_ANSWERS, openapi_extra=_DECLARED, response_class=Response)
def get_tile_matrix_sets(request: Request) -> Response:
    """List the tile matrix sets: WebMercatorQuad."""
    asked.read(request, _FORM)
    told = {name: matrix_set()[name] for name in ("id", "title", "uri", "crs")}
    return _json({"tileMatrixSets": [told | {"links": [_set_link(request, "self")]}]})


@router.get(f"/tileMatrixSets/{QUAD}", responses=_ANSWERS, openapi_extra=_DECLARED, response_class=Response)
def get_tile_matrix_set(request: Request) -> Response:
    """Return the definition of WebMercatorQuad."""
    asked.read(request, _FORM)
    return _json(matrix_set())


@router.get(
    "/collections/{collection_id}/tiles",
    responses=_ANSWERS,
    openapi_extra=_DECLARED,
    response_class=Response,
)
def get_tilesets(request: Request, collection_id: str) -> Response:
    """List the tilesets of a collection: one, in WebMercatorQuad."""
    asked.read(request, _FORM)
    layer, _ = _found(request, collection_id)
    here = ("collections", layer.id, "tiles")
    tileset = _heading(layer) | {
        "links": [
            link(url(request, *here, QUAD), "self", JSON, "This tileset"),
            _set_link(request, f"{_REL}/tiling-scheme"),
            _tiles_link(request, layer),
        ]
    }
    links = [link(url(request, *here), "self", JSON, "This document")]
    return _json({"links": links, "tilesets": [tileset]})


@router.get(
    f"/collections/{{collection_id}}/tiles/{QUAD}",
    responses=_ANSWERS,
    openapi_extra=_DECLARED,
    response_class=Response,
)
def get_tileset(request: Request, collection_id: str) -> Response:
    """Describe the tileset of a collection: where it has tiles, and what they hold."""
    asked.read(request, _FORM)
    layer, box = _found(request, collection_id)
    here = ("collections", layer.id, "tiles", QUAD)
    schema = {name: {"type": type_, "description": told} for name, (type_, told) in layer.fields.items()}
    document = _heading(layer) | {
        "links": [
            link(url(request, *here), "self", JSON, "This document"),
            link(url(request, *here[:2]), f"{_REL}/geodata", JSON, "The collection"),
            _set_link(request, f"{_REL}/tiling-scheme"),
            _tiles_link(request, layer),
        ],
        "layers": [
            {
                "id": layer.id,
                "title": f"{layer.title.zh} {layer.title.en}",
                "dataType": "vector",
                "geometryDimension": _DIMENSIONS[layer.geometry],
                "minTileMatrix": str(layer.min_zoom),
                "maxTileMatrix": str(MAX_ZOOM),
                "propertiesSchema": {"type": "object", "properties": schema},
            }
        ],
    }
    if box is not None:
        corners = {"lowerLeft": box[:2], "upperRight": box[2:], "crs": CRS84.uri}
        document |= {"boundingBox": corners, "tileMatrixSetLimits": _limits(layer, box)}
    return _json(document)


@router.get(
    f"/collections/{{collection_id}}/tiles/{QUAD}/{{tile_matrix}}/{{tile_row}}/{{tile_col}}",
    response_class=Response,
    responses={
        200: {"description": "OK", "content": {MVT: {}}},
        204: {"description": "Nothing lies in this tile"},
        **_FAILS,
    },
    openapi_extra={"parameters": [_TILE_FORM]},
)
def get_tile(
    request: Request, collection_id: str, tile_matrix: int, tile_row: int, tile_col: int
) -> Response:
    """Return one Mapbox vector tile of a collection, the one that /tiles serves."""
    asked.read(request, _TILE_FORM)
    layer, _ = _found(request, collection_id)
    check_tile(layer.id, tile_matrix, tile_col, tile_row)
    return answer(
        request, place := Place(layer.id, tile_matrix, tile_col, tile_row), MVT, mvt(request, place)
    )


def _found(request: Request, id_: str) -> tuple[TileLayer, list[float] | None]:
    """Return a collection's tiles and the box around it in degrees; NotFoundError where it is not served."""
    found = documents.collection_of(request, id_)
    if id_ not in DESCRIBED:
        raise NotFoundError(f"The collection {id_!r} has no tiles.")
    return DESCRIBED[id_], request.app.state.extents.around(found.around)


def _heading(layer: TileLayer) -> dict[str, Any]:
    return {
        "title": f"{layer.title.zh} {layer.title.en}",
        "description": f"{layer.description.zh} {layer.description.en}",
        "dataType": "vector",
        "crs": matrix_set()["crs"],
        "tileMatrixSetURI": matrix_set()["uri"],
    }


def _tiles_link(request: Request, layer: TileLayer) -> dict[str, Any]:
    # The braces of a template are not escaped.
    href = url(request, "collections", layer.id, "tiles", QUAD) + "/{tileMatrix}/{tileRow}/{tileCol}?f=mvt"
    return {**link(href, "item", MVT, "Tiles"), "templated": True}


def _limits(layer: TileLayer, box: list[float]) -> list[dict[str, Any]]:
    scheme, found = morecantile.tms.get(QUAD), []
    for zoom in range(layer.min_zoom, MAX_ZOOM + 1):
        first, last = scheme.tile(box[0], box[3], zoom), scheme.tile(box[2], box[1], zoom)
        rows = {"minTileRow": first.y, "maxTileRow": last.y}
        found.append({"tileMatrix": str(zoom), **rows, "minTileCol": first.x, "maxTileCol": last.x})
    return found
