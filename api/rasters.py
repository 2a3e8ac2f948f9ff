"""Rasters beyond their tiles: values at a place, and the potential of the ground with its file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.access import check_readable, readable, reading, reads
from api.problems import documented
from api.responses import ORJSON
from api.schemas_rasters import Potential, RasterValues
from api.tile_answers import read_as
from api.tile_versions import tile_versions
from gis.access import RESULTS
from gis.errors import NotFoundError
from gis.potential.potential import INPUTS
from gis.store import Store
from gis.store.potentials import PotentialRecord, kept_potential, potential_bytes
from gis.webmap.raster_tiles import SHOWN_RASTERS, raster_value
from layers import POTENTIAL

router = APIRouter(tags=["layers"])

GEOTIFF = "image/tiff; application=geotiff; profile=cloud-optimized"
_PART = 1 << 20
_RANGE = re.compile(r"bytes=(\d{0,12})-(\d{0,12})")


@router.get("/api/rasters/values", responses={200: {"model": RasterValues}, **documented(404, 422, 503)})
def get_values(
    request: Request,
    lon: Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False, examples=[116.39])],
    lat: Annotated[float, Query(ge=-90, le=90, allow_inf_nan=False, examples=[39.91])],
    layers: Annotated[
        str, Query(description="Comma-separated ids of rasters", examples=["ground_heat"])
    ] = ",".join(SHOWN_RASTERS),
) -> ORJSON:
    """Return what rasters have at a place: the value of the cell there, null where it has none.

    Rasters that are not there are left out; those that the caller may not read are refused where they
    are asked for by name, and left out otherwise.
    """
    asked = list(dict.fromkeys(name for name in layers.split(",") if name))
    for name in asked:
        if name not in SHOWN_RASTERS:
            raise NotFoundError(
                f"There is no raster {name!r:.60}; the rasters are {', '.join(SHOWN_RASTERS)}."
            )
    allowed = readable(request)
    if "layers" in request.query_params:
        for name in asked:
            check_readable(request, read_as(name))
    store, wanted = reading(request), [name for name in asked if read_as(name) in allowed]
    present = tile_versions(store, wanted, allowed)
    found: list[dict[str, Any]] = []
    with store.engine.connect() as connection:
        for name in wanted:
            if name in present:
                spec = SHOWN_RASTERS[name]
                value = raster_value(connection, name, lon, lat)
                found.append(
                    {"id": name, "title": spec.title.model_dump(), "unit": spec.unit, "value": value}
                )
    return ORJSON({"values": found})


@router.get(
    "/api/potential",
    dependencies=[reads(RESULTS)],
    responses={200: {"model": Potential}, **documented(404, 503)},
)
def get_potential(request: Request) -> ORJSON:
    """Return what the potential of the ground was made of, by which rules, and the range of its bands.

    `current` says whether it is that of the layers loaded now: the next scoring run makes it so.
    """
    store = reading(request)
    kept = _kept(store)
    versions = store.layer_versions()
    # An input that was not there then, such as a first raster, makes it another one, too.
    present = {layer: v.version for layer, v in versions.items() if layer in INPUTS}
    bands = [
        band | {"title": POTENTIAL[band["id"]].title.model_dump(),
                "description": POTENTIAL[band["id"]].description.model_dump()}
        for band in kept.told["bands"]
    ]  # fmt: skip
    own = {"made_at": kept.made_at, "current": kept.told["layer_versions"] == present, "size": kept.size}
    return ORJSON(kept.told | own | {"bands": bands, "file": "/api/potential/file"})


@router.get(
    "/api/potential/file",
    dependencies=[reads(RESULTS)],
    response_class=Response,
    responses={
        200: {"description": "The file", "content": {GEOTIFF: {}}},
        206: {"description": "The bytes asked for", "content": {GEOTIFF: {}}},
        304: {"description": "The caller has it"},
        416: {"description": "There are no such bytes"},
        **documented(404, 503),
    },
)
def get_file(
    request: Request, range_: Annotated[str | None, Header(alias="Range", max_length=200)] = None
) -> Response:
    """Return the potential as a Cloud Optimized GeoTIFF, or the part of it that `Range` names.

    GDAL and QGIS read it in place (`/vsicurl/`). A range of several parts is answered by the whole.
    """
    store = reading(request)
    kept = _kept(store)
    headers = {
        "ETag": f'"{kept.made_of[:16]}-{kept.made_at.timestamp():.0f}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": 'attachment; filename="ground_potential.tif"',
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    # What was read before of another file does not go with this one.
    stale = request.headers.get("if-range", headers["ETag"]) != headers["ETag"]
    part = None if range_ is None or stale else _part(range_, kept.size)
    if part is None:
        headers["Content-Length"] = str(kept.size)
        return StreamingResponse(_parts(store, kept, 0, kept.size), media_type=GEOTIFF, headers=headers)
    start, stop = part
    if start >= stop:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{kept.size}"})
    headers |= {"Content-Range": f"bytes {start}-{stop - 1}/{kept.size}", "Content-Length": str(stop - start)}
    return StreamingResponse(
        _parts(store, kept, start, stop), status_code=206, media_type=GEOTIFF, headers=headers
    )


def _kept(store: Store) -> PotentialRecord:
    kept = kept_potential(store)
    if kept is None:
        raise NotFoundError(
            "There is no ground potential: it is made by a scoring run, of loaded shallow geothermal zones "
            "and drilling exclusions."
        )
    return kept


def _parts(store: Store, kept: PotentialRecord, start: int, stop: int) -> Iterator[bytes]:
    for first in range(start, stop, _PART):
        yield potential_bytes(store, kept.made_of, first, min(first + _PART, stop))


def _part(asked: str, size: int) -> tuple[int, int] | None:
    """Return start and stop of a single range of RFC 9110, None where it is none that is understood."""
    match = _RANGE.fullmatch(asked.strip())
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    stop = min(int(last) + 1, size) if last else size
    # The last before the first: no range by the standard, so that it is as if none were there.
    return None if last and int(last) < int(first) else (int(first), stop)
