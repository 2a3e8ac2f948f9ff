"""WMTS 1.0.0, for platforms that know no other tiles: layers, results and rasters as PNG, by KVP and REST."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import morecantile
from fastapi import APIRouter, Request, Response

from api.access import check_readable, readable, reading
from api.ogc_tiles import QUAD
from api.tile_answers import PNG, Place, answer, mvt, read_as
from api.tile_versions import match_versions, tile_versions
from gis.access import RESULTS
from gis.errors import InputError, NotFoundError
from gis.store import LayerVersion
from gis.webmap.boxes import MAX_ZOOM
from gis.webmap.match_tiles import MATCH_LAYERS
from gis.webmap.pictures import picture
from gis.webmap.raster_tiles import SHOWN_RASTERS, raster_bounds, render_raster_tile
from gis.webmap.tile_layers import DESCRIBED
from gis.webmap.tiles import RESULT_LAYER, check_place
from layers import LAYERS

router = APIRouter(tags=["WMTS"])

XML = "text/xml"
_SCENARIO = "base"
"""Layers of matching runs show this scenario: WMTS clients have no way to choose."""

_KVP = ("service", "request", "version", "layer", "style", "format", "tilematrixset", "tilematrix", "tilerow",
        "tilecol")  # fmt: skip
_NAMESPACES = (
    'xmlns="http://www.opengis.net/wmts/1.0" xmlns:ows="http://www.opengis.net/ows/1.1"'
    ' xmlns:xlink="http://www.w3.org/1999/xlink"'
)
_WHOLE = [-180.0, -85.05, 180.0, 85.05]


@router.get(
    "/wmts",
    summary="WMTS by key-value pairs",
    response_class=Response,
    responses={200: {"content": {XML: {}, PNG: {}}}, 204: {"description": "Nothing lies in this tile"}},
    openapi_extra={
        "parameters": [
            {"name": name, "in": "query", "required": name == "request", "schema": {"type": "string"}}
            for name in _KVP
        ]
    },
)
def get_kvp(request: Request) -> Response:
    """Answer GetCapabilities or GetTile of WMTS 1.0.0; names of parameters may be in any case."""
    asked = {name.lower(): value for name, value in request.query_params.items()}
    if asked.get("service", "WMTS").upper() != "WMTS":
        raise InputError("This is a WMTS: write SERVICE=WMTS.")
    wanted = asked.get("request", "")
    if wanted == "GetCapabilities":
        return get_capabilities(request)
    if wanted != "GetTile":
        raise InputError("REQUEST is GetCapabilities or GetTile.")
    place = {name: asked.get(name, "") for name in ("tilematrix", "tilerow", "tilecol")}
    for name, value in place.items():
        # isdecimal knows the digits of every script.
        if not (value.isascii() and value.isdecimal() and len(value) < 10):
            raise InputError(f"{name.upper()} is a whole number, not {value[:20]!r}.")
    if asked.get("tilematrixset", QUAD) != QUAD or asked.get("format", PNG) != PNG:
        raise InputError(f"TILEMATRIXSET is {QUAD} and FORMAT is {PNG}.")
    return get_tile(request, asked.get("layer", ""), *map(int, place.values()))


@router.get(
    "/wmts/1.0.0/WMTSCapabilities.xml",
    summary="Capabilities of the WMTS",
    response_class=Response,
    responses={200: {"content": {XML: {}}}},
)
def get_capabilities(request: Request) -> Response:
    """Return what the WMTS serves: all that is loaded and may be read."""
    body = _capabilities(request)
    return Response(
        body, media_type=XML, headers={"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}
    )


@router.get(
    f"/wmts/1.0.0/{{layer}}/default/{QUAD}/{{tile_matrix}}/{{tile_row}}/{{tile_col}}.png",
    summary="Tile of the WMTS",
    response_class=Response,
    responses={200: {"content": {PNG: {}}}, 204: {"description": "Nothing lies in this tile"}},
)
def get_tile(request: Request, layer: str, tile_matrix: int, tile_row: int, tile_col: int) -> Response:
    """Return a tile of a layer, a result or a raster as PNG with a transparent ground."""
    if layer not in (*DESCRIBED, *SHOWN_RASTERS):
        raise NotFoundError(f"There is no layer {layer[:60]!r}; the capabilities list those that are loaded.")
    check_readable(request, read_as(layer))
    check_place(tile_matrix, tile_col, tile_row)
    place = Place(layer, tile_matrix, tile_col, tile_row, _SCENARIO if layer in MATCH_LAYERS else "")
    return answer(request, place, PNG, _rendering(request, place))


def _rendering(request: Request, place: Place) -> Callable[[], bytes]:
    if place.layer not in SHOWN_RASTERS:
        return lambda: picture(mvt(request, place)(), place.layer, place.z)

    def render() -> bytes:
        with reading(request).engine.connect() as connection:
            return render_raster_tile(connection, place.layer, place.z, place.x, place.y)

    return render


def _capabilities(request: Request) -> str:
    base = f"{str(request.base_url).rstrip('/')}/wmts"
    verbs = "".join(
        f'<ows:Operation name="{verb}"><ows:DCP><ows:HTTP><ows:Get xlink:href={quoteattr(base + "?")}>'
        '<ows:Constraint name="GetEncoding"><ows:AllowedValues><ows:Value>KVP</ows:Value></ows:AllowedValues>'
        "</ows:Constraint></ows:Get></ows:HTTP></ows:DCP></ows:Operation>"
        for verb in ("GetCapabilities", "GetTile")
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Capabilities {_NAMESPACES} version="1.0.0">'
        "<ows:ServiceIdentification><ows:Title>OneMap 新能源供热资源一张图</ows:Title>"
        "<ows:ServiceType>OGC WMTS</ows:ServiceType>"
        "<ows:ServiceTypeVersion>1.0.0</ows:ServiceTypeVersion></ows:ServiceIdentification>"
        f"<ows:OperationsMetadata>{verbs}</ows:OperationsMetadata>"
        f"<Contents>{''.join(_layer(request, base, *one) for one in _shown(request))}{_matrices()}</Contents>"
        f"<ServiceMetadataURL xlink:href={quoteattr(base + '/1.0.0/WMTSCapabilities.xml')}/></Capabilities>"
    )


def _shown(request: Request) -> list[tuple[str, Any, list[float]]]:
    """Return id, declaration and box in degrees of what has tiles and may be read."""
    store, allowed = reading(request), readable(request)
    wanted = [name for name in (RESULT_LAYER, *LAYERS, *SHOWN_RASTERS) if read_as(name) in allowed]
    present = set(tile_versions(store, wanted, allowed))
    if RESULTS in allowed and _SCENARIO in match_versions(store):
        present |= set(MATCH_LAYERS)
    versions = store.layer_versions()
    found: list[tuple[str, Any, list[float]]] = [
        (name, one, _box(request, versions.get(one.outlines)))
        for name, one in DESCRIBED.items()
        if name in present
    ]
    with store.engine.connect() as connection:
        found += [(r, SHOWN_RASTERS[r], raster_bounds(connection, r)) for r in SHOWN_RASTERS if r in present]
    return found


def _box(request: Request, version: LayerVersion | None) -> list[float]:
    return (None if version is None else request.app.state.extents.of(version)) or _WHOLE


def _layer(request: Request, base: str, id_: str, one: Any, box: list[float]) -> str:
    template = f"{base}/1.0.0/{id_}/default/{QUAD}/{{TileMatrix}}/{{TileRow}}/{{TileCol}}.png"
    return (
        f"<Layer><ows:Title>{escape(f'{one.title.zh} {one.title.en}')}</ows:Title>"
        f"<ows:Abstract>{escape(f'{one.description.zh} {one.description.en}')}</ows:Abstract>"
        f"<ows:WGS84BoundingBox><ows:LowerCorner>{box[0]} {box[1]}</ows:LowerCorner>"
        f"<ows:UpperCorner>{box[2]} {box[3]}</ows:UpperCorner></ows:WGS84BoundingBox>"
        f"<ows:Identifier>{id_}</ows:Identifier>"
        '<Style isDefault="true"><ows:Identifier>default</ows:Identifier></Style>'
        f"<Format>{PNG}</Format><TileMatrixSetLink><TileMatrixSet>{QUAD}</TileMatrixSet></TileMatrixSetLink>"
        f'<ResourceURL format="{PNG}" resourceType="tile" template={quoteattr(template)}/></Layer>'
    )


def _matrices() -> str:
    scheme = morecantile.tms.get(QUAD)
    matrices = "".join(
        f"<TileMatrix><ows:Identifier>{m.id}</ows:Identifier>"
        f"<ScaleDenominator>{m.scaleDenominator!r}</ScaleDenominator>"
        f"<TopLeftCorner>{m.pointOfOrigin[0]!r} {m.pointOfOrigin[1]!r}</TopLeftCorner>"
        f"<TileWidth>{m.tileWidth}</TileWidth><TileHeight>{m.tileHeight}</TileHeight>"
        f"<MatrixWidth>{m.matrixWidth}</MatrixWidth><MatrixHeight>{m.matrixHeight}</MatrixHeight></TileMatrix>"
        for m in scheme.tileMatrices[: MAX_ZOOM + 1]
    )
    return (
        f"<TileMatrixSet><ows:Identifier>{QUAD}</ows:Identifier>"
        "<ows:SupportedCRS>urn:ogc:def:crs:EPSG::3857</ows:SupportedCRS>"
        "<WellKnownScaleSet>urn:ogc:def:wkss:OGC:1.0:GoogleMapsCompatible</WellKnownScaleSet>"
        f"{matrices}</TileMatrixSet>"
    )
