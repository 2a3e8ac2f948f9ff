"""What map clients read before they ask for tiles: TileJSON of layers and rasters, and a MapLibre style."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.access import check_readable, readable, reading, shared
from api.responses import ORJSON
from api.tile_answers import present_version, read_as
from api.tile_versions import tile_versions
from gis.citywide.scenario import NAME
from gis.errors import NotFoundError
from gis.webmap.boxes import MAX_ZOOM
from gis.webmap.match_tiles import MATCH_LAYERS
from gis.webmap.raster_tiles import EXCLUDED_COLOUR, SHOWN_RASTERS, drawn_range, raster_bounds, stops
from gis.webmap.style import drawn_layers
from gis.webmap.tile_layers import DESCRIBED
from gis.webmap.tiles import RESULT_LAYER
from layers import LAYERS, POTENTIAL
from layers.spec import Text

router = APIRouter(tags=["map"])

_OK: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"schema": {"type": "object"}}}}
}


def _answer(request: Request, document: dict[str, Any], *read: str) -> ORJSON:
    """Return a document that is asked for anew each time: it names the present versions."""
    public = all(shared(request, id_) for id_ in read)
    headers = {"Cache-Control": "no-cache" if public else "private, no-cache"}
    return ORJSON(document, headers=headers | ({} if public else {"Vary": "Authorization, Cookie"}))


def _url(request: Request, layer: str, form: str, query: str) -> str:
    # Braces of a template are not escaped.
    return f"{str(request.base_url).rstrip('/')}/tiles/{layer}/{{z}}/{{x}}/{{y}}.{form}?{query}"


@router.get("/tiles/style.json", summary="MapLibre style of the map", response_class=Response, responses=_OK)
def get_style(request: Request) -> ORJSON:
    """Return a MapLibre style of what is loaded and may be read, in the colours of the map page.

    Results show the technology recommended for every parcel; layers that the page hides at first have
    `visibility` none.
    """
    allowed = readable(request)
    wanted = [name for name in (RESULT_LAYER, *LAYERS) if read_as(name) in allowed]
    versions = tile_versions(reading(request), wanted, allowed)
    shown = [name for name in wanted if name in versions]
    sources = {
        name: {
            "type": "vector",
            "tiles": [_url(request, name, "mvt", f"v={versions[name]}")],
            "minzoom": DESCRIBED[name].min_zoom,
            "maxzoom": MAX_ZOOM,
        }
        for name in shown
    }
    style = {"version": 8, "name": "OneMap 新能源供热资源一张图", "sources": sources}
    return _answer(request, style | {"layers": drawn_layers(shown)}, *map(read_as, shown))


@router.get(
    "/tiles/{layer}.json",
    summary="TileJSON of a layer, a result or a raster",
    response_class=Response,
    responses=_OK,
)
def get_tilejson(
    request: Request,
    layer: str,
    scenario: Annotated[
        str, Query(pattern=f"^{NAME}$", description="Scenario of a layer of matching runs")
    ] = "base",
) -> ORJSON:
    """Return TileJSON 3.0: where the tiles are, which zooms and bounds they have, and what they hold.

    A raster has PNG tiles; `unit` and `stops` (value and colour) tell its colours, of the ground's potential
    `excluded` that of ground where the rules exclude boreholes.
    """
    if layer not in (*DESCRIBED, *SHOWN_RASTERS):
        raise NotFoundError(
            f"There are no tiles of {layer!r:.60}; there are of {', '.join((*DESCRIBED, *SHOWN_RASTERS))}."
        )
    check_readable(request, read_as(layer))
    named = scenario if layer in MATCH_LAYERS else ""
    version = present_version(request, layer, named)
    if version is None:
        raise NotFoundError(f"Nothing is loaded or worked out for the tiles of {layer!r}.")
    document = (
        _raster(request, layer, version)
        if layer in SHOWN_RASTERS
        else _vector(request, layer, version, named)
    )
    return _answer(request, document, read_as(layer))


def _document(title: Text, description: Text, tiles: str) -> dict[str, Any]:
    return {
        "tilejson": "3.0.0",
        "name": f"{title.zh} {title.en}",
        "description": f"{description.zh} {description.en}",
        "scheme": "xyz",
        "tiles": [tiles],
        "minzoom": 0,
        "maxzoom": MAX_ZOOM,
    }


def _vector(request: Request, layer: str, version: str, scenario: str) -> dict[str, Any]:
    one = DESCRIBED[layer]
    query = f"scenario={scenario}&v={version}" if scenario else f"v={version}"
    document = _document(one.title, one.description, _url(request, layer, "mvt", query))
    zooms = {"minzoom": one.min_zoom, "maxzoom": MAX_ZOOM}
    fields = {name: told for name, (_, told) in one.fields.items()}
    document |= zooms | {
        "vector_layers": [{"id": layer, "description": one.description.en, "fields": fields, **zooms}]
    }
    outlines = reading(request).layer_versions().get(one.outlines)
    box = None if outlines is None else request.app.state.extents.of(outlines)
    return document if box is None else document | {"bounds": box}


def _raster(request: Request, layer: str, version: str) -> dict[str, Any]:
    spec = SHOWN_RASTERS[layer]
    tiles = _url(request, layer, "png", f"v={version}")
    document = _document(spec.title, spec.description, tiles)
    with reading(request).engine.connect() as connection:
        bounds, drawn = raster_bounds(connection, layer), drawn_range(connection, layer)
    barred = {"excluded": EXCLUDED_COLOUR} if layer in POTENTIAL else {}
    # A raster has no vector layers; TileJSON 3.0 asks for the key all the same.
    return (
        document | {"vector_layers": [], "bounds": bounds, "unit": spec.unit, "stops": stops(drawn)} | barred
    )
