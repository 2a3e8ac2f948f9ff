"""Tiles, the features at a clicked point, and what the map page needs of the store."""

from __future__ import annotations

import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Container
from threading import Lock
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection, text

from api.access import check_readable, readable, reading, shared
from api.parameters import FeatureId
from gis.access import RESULTS
from gis.citywide.scenario import NAME
from gis.crs import STORAGE_EPSG
from gis.errors import NotFoundError
from gis.rules import RuleSet
from gis.store import Store
from gis.webmap.boxes import CELL_MAX_ZOOM
from gis.webmap.match_tiles import MATCH_LAYERS, SOURCES
from gis.webmap.page import MapData
from gis.webmap.tiles import MAX_ZOOM, RESULT_LAYER, check_tile, feature, identify, render_tile
from layers import LAYERS

router = APIRouter(tags=["map"])

MVT = "application/vnd.mapbox-vector-tile"
_CACHED_TILES = 2000
_YEAR = "max-age=31536000, immutable"


class TileCache:
    """The last rendered low-zoom tiles; the data version is part of the key, so none is ever stale."""

    def __init__(self, size: int = _CACHED_TILES) -> None:
        self._size = size
        self._tiles: OrderedDict[tuple[str, str, int, int, int], bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[str, str, int, int, int]) -> bytes | None:
        """Return the tile, or None."""
        with self._lock:
            if key in self._tiles:
                self._tiles.move_to_end(key)
            return self._tiles.get(key)

    def put(self, key: tuple[str, str, int, int, int], body: bytes) -> None:
        """Keep the tile, and drop the one not asked for the longest."""
        with self._lock:
            self._tiles[key] = body
            if len(self._tiles) > self._size:
                self._tiles.popitem(last=False)


_CACHE = TileCache()


def _token(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def tile_versions(store: Store) -> dict[str, str]:
    """Return a version token per layer that can be drawn; layers never loaded are absent.

    Tokens differ between stores too: two data folders served on one port do not
    share tiles in a browser's cache.
    """
    versions = {
        v.layer: _token(v.layer, v.version, v.loaded_at, v.source_sha256)
        for v in store.layer_versions().values()
        if v.layer in LAYERS
    }
    for layer in versions.keys() & {s.id for s in LAYERS.values() if s.by_township}:
        versions[layer] = _token(
            versions[layer], versions.get("township")
        )  # drawn from the townships it lists
    run = store.latest_run()
    if run is not None:
        versions[RESULT_LAYER] = _token(run.run_id, run.ruleset_hash, run.finished_at, versions.get("parcel"))
    return versions


def match_versions(store: Store) -> dict[str, str]:
    """Return a version token per scenario that was matched, for the tiles of its run.

    Outlines and the places of sources are those of the present layers.
    """
    layers = tile_versions(store)
    drawn = [layers.get(layer) for layer in ("parcel", *(s.id for s in SOURCES))]
    with store.engine.connect() as connection:
        runs = connection.execute(text("SELECT scenario, finished_at FROM meta.match ORDER BY scenario"))
        return {scenario: _token(scenario, finished_at, drawn) for scenario, finished_at in runs}


def _bounds(connection: Connection, layer: str) -> tuple[float, float, float, float] | None:
    row = connection.execute(
        text(
            "SELECT ST_XMin(b), ST_YMin(b), ST_XMax(b), ST_YMax(b) FROM ("
            f" SELECT ST_Transform(ST_SetSRID(ST_Extent(geom)::geometry, {STORAGE_EPSG}), 4326) AS b"
            f" FROM layer.{layer}) AS t"
        )
    ).one()
    return None if row[0] is None else (float(row[0]), float(row[1]), float(row[2]), float(row[3]))


def _holds_synthetic(connection: Connection, layer: str) -> bool:
    found = text(f"SELECT EXISTS (SELECT 1 FROM layer.{layer} WHERE synthetic)")
    return bool(connection.execute(found).scalar())


def _labels(connection: Connection) -> list[dict[str, Any]]:
    found = text(
        "SELECT name AS zh, COALESCE(name_en, name) AS en, ST_X(p) AS lon, ST_Y(p) AS lat FROM"
        " (SELECT name, name_en, ST_Transform(ST_PointOnSurface(geom), 4326) AS p"
        "  FROM layer.district WHERE name IS NOT NULL ORDER BY district_id) AS t"
    )
    return [dict(row) for row in connection.execute(found).mappings()]


def map_data(store: Store, ruleset: RuleSet, may_read: Container[str]) -> MapData:
    """Return what `gis.webmap.map_page` needs to know of what may be read, and of the rules behind it."""
    versions = {
        layer: version
        for layer, version in tile_versions(store).items()
        if (RESULTS if layer == RESULT_LAYER else layer) in may_read
    }
    with store.engine.connect() as connection:
        framing = [layer for layer in ("district", "parcel") if layer in versions]
        bounds = next((b for b in (_bounds(connection, layer) for layer in framing) if b is not None), None)
        synthetic = tuple(x for x in LAYERS if x in versions and _holds_synthetic(connection, x))
        labels = _labels(connection) if "district" in versions else []
    return MapData(
        bounds=bounds,
        versions=versions,
        synthetic=synthetic,
        results_withheld=RESULTS not in may_read,
        labels=labels,
        clauses={c.clause_id: f"{c.document} {c.section}" for c in ruleset.clauses.values()},
        areas={area.id: area.title.model_dump() for area in ruleset.areas},
        new_build_share_frac=ruleset.portfolio.number("new_build_share_frac"),
    )


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
    v: Annotated[str, Query(description="Version; with the present one the tile is cached for good")] = "",
    scenario: Annotated[
        str, Query(pattern=f"^{NAME}$", description="Scenario of a layer of matching runs")
    ] = "base",
) -> Response:
    """Return a Mapbox vector tile; up to zoom 11 results are aggregated to cells."""
    check_tile(layer, z, x, y)
    of = layer if layer in LAYERS else RESULTS
    check_readable(request, of)
    store = reading(request)
    version = (
        match_versions(store).get(scenario) if layer in MATCH_LAYERS else tile_versions(store).get(layer)
    )
    if version is None:
        return Response(status_code=204, headers={"Cache-Control": "no-cache"})
    etag = f'"{_token(layer, version, z, x, y)}"'
    whose = "public" if shared(request, of) else "private"
    lasting = f"{whose}, {_YEAR}" if v == version else f"{whose}, no-cache"
    vary = "Accept-Encoding, Authorization, Cookie, X-API-Key"
    headers = {"ETag": etag, "Cache-Control": lasting, "Vary": vary}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    key = (layer, version, z, x, y)
    body = _CACHE.get(key)
    if body is None:
        with store.engine.connect() as connection:
            plain = render_tile(connection, layer, z, x, y, scenario)
        body = gzip.compress(plain, 5, mtime=0) if plain else b""
        if z <= CELL_MAX_ZOOM:
            _CACHE.put(key, body)
    if not body:
        return Response(status_code=204, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(body, media_type=MVT, headers=headers | {"Content-Encoding": "gzip"})
    return Response(gzip.decompress(body), media_type=MVT, headers=headers)


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
    store = reading(request)
    with store.engine.connect() as connection:
        return feature(connection, layer, feature_id)


def _known(wanted: tuple[str, ...]) -> None:
    for name in wanted:
        if name not in LAYERS:
            raise NotFoundError(f"There is no layer {name!r}; the layers are {', '.join(LAYERS)}.")


@router.get("/api/identify", summary="What lies at a point of the map")
def identify_at(
    request: Request,
    lon: Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False, examples=[116.39])],
    lat: Annotated[float, Query(ge=-90, le=90, allow_inf_nan=False, examples=[39.91])],
    zoom: Annotated[int, Query(ge=0, le=MAX_ZOOM, description="Zoom of the map, for the tolerance")] = 14,
    layers: Annotated[str, Query(description="Comma-separated ids of further layers to look in")] = "",
) -> dict[str, Any]:
    """Return the parcels that cover the point and the features of `layers` at it."""
    wanted = tuple(dict.fromkeys(name for name in layers.split(",") if name))
    _known(wanted)
    for layer in wanted:
        check_readable(request, layer)
    store = reading(request)
    parcels = "parcel" in readable(request)
    with store.engine.connect() as connection:
        return identify(connection, lon, lat, zoom, wanted, parcels=parcels)
