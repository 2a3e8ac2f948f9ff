"""How every tile is answered, whatever it shows: by its version, from the kept ones or rendered."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from cachetools import LRUCache
from fastapi import Request, Response

from api.access import readable, reading, shared
from api.tile_versions import match_versions, tile_versions, token
from gis.access import RESULTS
from gis.store import Store
from gis.store.kept_tiles import TileKey, find, keep
from gis.webmap.boxes import KEPT_MAX_ZOOM
from gis.webmap.match_tiles import MATCH_LAYERS
from gis.webmap.pictures import blank
from gis.webmap.tile_layers import DESCRIBED
from gis.webmap.tiles import RESULT_LAYERS, is_around, render_tile
from layers import POTENTIAL

MVT = "application/vnd.mapbox-vector-tile"
PNG = "image/png"
_FORMS = {MVT: "mvt", PNG: "png"}
_LASTING = "max-age=31536000, immutable"
_TURNS = tuple(Lock() for _ in range(64))
_AT_HAND_BYTES = 64_000_000


class AtHand:
    """The kept tiles that a web process was asked for last; the data version is part of the key."""

    def __init__(self) -> None:
        self._tiles: LRUCache[TileKey, bytes] = LRUCache(
            _AT_HAND_BYTES, getsizeof=lambda body: len(body) + 500
        )
        self._lock = Lock()

    def get(self, key: TileKey) -> bytes | None:
        """Return a tile, or None."""
        with self._lock:
            return self._tiles.get(key)

    def put(self, key: TileKey, body: bytes) -> None:
        """Keep a tile, and drop those not asked for the longest."""
        with self._lock:
            self._tiles[key] = body


def read_as(layer: str) -> str:
    """Return what a caller must be allowed to read for the tiles of a layer."""
    return RESULTS if layer in RESULT_LAYERS or layer in POTENTIAL else layer


def present_version(request: Request, layer: str, scenario: str) -> str | None:
    """Return the version token of what a layer's tiles show, None where there is nothing to show."""
    store = reading(request)
    if layer in MATCH_LAYERS:
        return match_versions(store).get(scenario)
    return tile_versions(store, (layer,), readable(request)).get(layer)


@dataclass(frozen=True)
class Place:
    """Which tile is meant; `scenario` is empty but for layers of matching runs.

    `filter` tells apart tiles of a part of the features: there is no end of filters, so none is kept.
    """

    layer: str
    z: int
    x: int
    y: int
    scenario: str = ""
    filter: str = ""


def answer(
    request: Request, place: Place, media_type: str, render: Callable[[], bytes], known: str = ""
) -> Response:
    """Return a tile that the caller may read; `render` makes it, where it is not kept, empty for no content.

    `known` is the version that the caller asks for: that of the present one may be cached for good.
    """
    version = present_version(request, place.layer, place.scenario)
    if version is None:
        return Response(status_code=204, headers={"Cache-Control": "no-cache"})
    key = TileKey(place.layer, _FORMS[media_type], place.scenario, version, place.z, place.x, place.y)
    etag = f'"{token(*key, place.filter)}"'
    headers = {"ETag": etag, **_caching(request, place.layer, known == version)}
    if etag in (t.strip().removeprefix("W/") for t in request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=headers)
    body = _packed(key, render()) if place.filter else _body(request, key, render)
    if media_type == PNG:
        # Clients of pictures take no content for a fault.
        return Response(body or blank(), media_type=PNG, headers=headers)
    if not body:
        return Response(status_code=204, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(body, media_type=media_type, headers=headers | {"Content-Encoding": "gzip"})
    return Response(gzip.decompress(body), media_type=media_type, headers=headers)


def mvt(request: Request, place: Place) -> Callable[[], bytes]:
    """Return what renders the vector tile of a place, of what the caller may read."""

    def render() -> bytes:
        outlines = "township" in readable(request)
        with reading(request).engine.connect() as connection:
            return render_tile(
                connection, place.layer, place.z, place.x, place.y, place.scenario, outlines=outlines
            )

    return render


def _caching(request: Request, layer: str, lasting: bool) -> dict[str, str]:
    anybody = shared(request, read_as(layer))
    kept = _LASTING if lasting else "no-cache"
    return {
        "Cache-Control": f"{'public' if anybody else 'private'}, {kept}",
        "Vary": "Accept-Encoding" if anybody else "Accept-Encoding, Authorization, Cookie, X-API-Key",
    }


def _body(request: Request, key: TileKey, render: Callable[[], bytes]) -> bytes:
    """Return a tile as it is sent to who takes gzip."""
    # The owner's store, not the caller's: kept tiles of all layers lie in one table that no caller's role may
    # read or write, and what the caller may read was asked before.
    store: Store = request.app.state.store
    if key.z > KEPT_MAX_ZOOM:
        return _packed(key, render())
    at_hand: AtHand = request.app.state.tiles
    body = at_hand.get(key)
    if body is None:
        body = _kept(store, key, render)
        at_hand.put(key, body)
    return body


def _kept(store: Store, key: TileKey, render: Callable[[], bytes]) -> bytes:
    body = find(store.engine, key)
    if body is not None:
        return body
    # Many who look at one place wait for one rendering.
    with _TURNS[hash(key) % len(_TURNS)]:
        body = find(store.engine, key)
        if body is None:
            body = _packed(key, render())
            # There is no end of empty tiles around a city.
            if body or _in_the_city(store, key):
                keep(store.engine, key, body)
    return body


def _in_the_city(store: Store, key: TileKey) -> bool:
    """Return whether something of what a tile's layer draws is not far; for rasters that is not asked."""
    if key.layer not in DESCRIBED:
        return False
    with store.engine.connect() as connection:
        return is_around(connection, DESCRIBED[key.layer].outlines, key.z, key.x, key.y)


def _packed(key: TileKey, plain: bytes) -> bytes:
    return gzip.compress(plain, 5, mtime=0) if plain and key.form == "mvt" else plain
