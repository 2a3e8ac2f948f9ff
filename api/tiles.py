"""Tiles, and the features at a clicked point."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.access import check_readable, readable, reading
from api.parameters import FeatureId
from api.parcel_filters import Wanted, filtered_tile, passing_ids
from api.tile_answers import MVT, PNG, Place, answer, mvt, read_as
from api.tile_versions import match_versions
from gis.access import RESULTS
from gis.citywide.scenario import NAME
from gis.errors import NotFoundError
from gis.webmap.boxes import MAX_ZOOM
from gis.webmap.match_tiles import MATCH_LAYERS
from gis.webmap.raster_tiles import SHOWN_RASTERS, render_raster_tile
from gis.webmap.tiles import check_place, check_tile, feature, identify
from layers import LAYERS

router = APIRouter(tags=["map"])


@router.get(
    "/tiles/{layer}/{z}/{x}/{y}.mvt",
    summary="Vector tile of a layer or of the results",
    response_class=Response,
    responses={200: {"content": {MVT: {}}}, 204: {"description": "Nothing lies in this tile"}},
)
def tile(
    request: Request,
    layer: str,
    z: int,
    x: int,
    y: int,
    wanted: Wanted,
    v: Annotated[str, Query(description="Version; with the present one the tile is cached for good")] = "",
    scenario: Annotated[
        str, Query(pattern=f"^{NAME}$", description="Scenario of a layer of matching runs")
    ] = "base",
) -> Response:
    """Return a Mapbox vector tile; up to zoom 11 results and areas under a pixel are aggregated to cells.

    The filter is for `parcel_suitability`: the tile has the parcels that pass, and none not scored yet.
    """
    check_tile(layer, z, x, y)
    check_readable(request, read_as(layer))
    if not wanted.passes_all:
        return filtered_tile(request, Place(layer, z, x, y, filter=repr(wanted)), wanted, v)
    place = Place(layer, z, x, y, scenario if layer in MATCH_LAYERS else "")
    return answer(request, place, MVT, mvt(request, place), v)


@router.get(
    "/tiles/{raster}/{z}/{x}/{y}.png",
    summary="Tile of a raster as a picture",
    response_class=Response,
    responses={200: {"content": {PNG: {}}}, 204: {"description": "Nothing lies in this tile"}},
)
def raster_tile(
    request: Request,
    raster: str,
    z: int,
    x: int,
    y: int,
    v: Annotated[str, Query(description="Version; with the present one the tile is cached for good")] = "",
) -> Response:
    """Return a tile of a raster or of a band of the ground's potential; what has no value is transparent.

    TileJSON tells its colours; ground where the rules exclude boreholes is grey.
    """
    if raster not in SHOWN_RASTERS:
        raise NotFoundError(f"There is no raster {raster!r:.60}; the rasters are {', '.join(SHOWN_RASTERS)}.")
    check_readable(request, read_as(raster))
    check_place(z, x, y)

    def render() -> bytes:
        with reading(request).engine.connect() as connection:
            return render_raster_tile(connection, raster, z, x, y)

    return answer(request, Place(raster, z, x, y), PNG, render, v)


@router.get("/api/tiles/matches", summary="Versions of the tiles of matching runs")
def get_match_versions(request: Request) -> dict[str, str]:
    """Return the parameter `v` of the tiles of every scenario that was matched."""
    check_readable(request, RESULTS)
    return match_versions(reading(request))


@router.get("/api/features/{layer}/{feature_id}", summary="One feature of a layer, and where it lies")
def get_feature(request: Request, layer: str, feature_id: FeatureId) -> dict[str, Any]:
    """Return a feature's name and `bbox`: west, south, east, north in degrees, null without a shape."""
    _known((layer,))
    check_readable(request, layer)
    with reading(request).engine.connect() as connection:
        return feature(connection, layer, feature_id, readable(request))


def _known(wanted: tuple[str, ...]) -> None:
    for name in wanted:
        if name not in LAYERS:
            raise NotFoundError(f"There is no layer {name!r:.60}; the layers are {', '.join(LAYERS)}.")


@router.get("/api/identify", summary="What lies at a point of the map")
def identify_at(
    request: Request,
    wanted: Wanted,
    lon: Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False, examples=[116.39])],
    lat: Annotated[float, Query(ge=-90, le=90, allow_inf_nan=False, examples=[39.91])],
    zoom: Annotated[int, Query(ge=0, le=MAX_ZOOM, description="Zoom of the map, for the tolerance")] = 14,
    layers: Annotated[str, Query(description="Comma-separated ids of further layers to look in")] = "",
) -> dict[str, Any]:
    """Return the parcels that cover the point and the features of `layers` at it.

    With a filter, as for tiles of `parcel_suitability`, there are the parcels alone that pass;
    `hidden_parcel_count` tells how many do not.
    """
    asked = tuple(dict.fromkeys(name for name in layers.split(",") if name))
    _known(asked)
    for layer in asked:
        check_readable(request, layer)
    passing = passing_ids(request, wanted)
    with reading(request).engine.connect() as connection:
        return identify(connection, lon, lat, zoom, asked, readable(request), passing)
