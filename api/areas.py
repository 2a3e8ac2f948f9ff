"""POST /api/areas: polygons of a file as GeoJSON, to be looked at and asked about; nothing is kept."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import orjson
import shapely
from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from api.access import reads
from api.multipart import read_form
from api.problems import TooLargeError, documented, problem
from api.responses import ORJSON
from api.schemas_areas import AREA_FORM, AREAS_EXAMPLE, FoundAreas
from api.suitability import Scorer
from gis.access import RESULTS
from gis.crs import stack
from gis.errors import BodyError
from gis.ingest.areas import AreaError, Areas, City, Limits, read_areas

router = APIRouter(tags=["suitability"])

MAX_FILE_BYTES = 10_000_000
_FORM_BYTES = 100_000
_MAX_NAME = 200
_MAX_CRS = 40
_TOO_LARGE = ("too_large", "unpacks_too_large", "too_many_features", "too_many_vertices")


async def _received(request: Request) -> AsyncIterator[tuple[Path, str, str | None] | AreaError]:
    """Give the file of a form on the disk, its name, and the declared system; it goes with the request."""
    with tempfile.TemporaryDirectory(prefix="onemap-") as folder:
        path = Path(folder) / "upload"
        kind = request.headers.get("content-type", "")
        with path.open("xb") as out:

            async def write(piece: bytes) -> None:
                await run_in_threadpool(out.write, piece)

            try:
                fields, name = await read_form(kind, request.stream(), write, MAX_FILE_BYTES + _FORM_BYTES)
            except TooLargeError:
                yield AreaError("too_large", f"The file is larger than {MAX_FILE_BYTES // 1_000_000} MB.")
                return
        asked = dict(fields)
        if unknown := asked.keys() - {"source_crs"}:
            raise BodyError(f"There is no field {min(unknown)[:40]!r}; they are file, source_crs.")
        crs = asked.get("source_crs") or None
        if len(name) > _MAX_NAME or len(crs or "") > _MAX_CRS:
            raise BodyError(
                f"The name of the file has at most {_MAX_NAME} characters, source_crs {_MAX_CRS}.",
                code="long_name",
            )
        # Readers go by the ending, and take a plain name.
        yield path.rename(path.with_suffix(Path(name).suffix.lower()[:12])), name, crs


@router.post(
    "/api/areas",
    dependencies=[reads(RESULTS)],
    responses={
        200: {"model": FoundAreas, "content": {"application/json": {"example": AREAS_EXAMPLE}}},
        **documented(400, 413, 415, 422, 503),
    },
    openapi_extra={
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": AREA_FORM}}}
    },
)
def post_areas(
    request: Request,
    received: Annotated[tuple[Path, str, str | None] | AreaError, Depends(_received)],
) -> Response:
    """Read polygons of a file (GeoJSON, KML, KMZ, or a zip with one of them or a shapefile), up to 10 MB.

    The answer is a FeatureCollection in longitude and latitude that POST /api/suitability takes, with
    `notes` on what was read, repaired and left out. Nothing is kept. A refusal has a `code`.
    """
    try:
        if isinstance(received, AreaError):
            raise received
        settings = request.app.state.settings
        limits = Limits(settings.max_body_features, settings.max_body_vertices)
        path, name, crs = received
        return ORJSON(_document(read_areas(path, name, crs, limits, _city(request.app.state.scorer)), name))
    except AreaError as error:
        return problem(request, 413 if error.code in _TOO_LARGE else 422, str(error), code=error.code)


def _city(scorer: Scorer) -> City:
    """Return the districts and townships that the scoring has at hand."""
    frames = scorer.present()[0].resources.frames
    found = {k: stack(frames[k].geometry) for k in ("district", "township") if k in frames}
    there = {k: v[~shapely.is_missing(v)] for k, v in found.items()}
    filled = {k: v for k, v in there.items() if len(v)}
    return City(filled.get("district"), list(filled.items()))


def _document(areas: Areas, name: str) -> dict[str, Any]:
    features = [
        {
            "type": "Feature",
            "id": f"{row}",
            "geometry": orjson.Fragment(shapely.to_geojson(shape)),
            "properties": properties,
        }
        for row, shape, properties in zip(areas.rows, areas.shapes, areas.properties, strict=True)
    ]
    notes = {
        "source": name,
        "crs": areas.crs,
        "crs_assumed": areas.crs_assumed,
        "read_count": areas.read_count,
        "feature_count": len(features),
        "columns": areas.columns,
        "repaired": areas.repaired,
        "dropped": [{"feature": row, **why} for row, why in areas.dropped.items()],
        "suspected_crs": areas.suspected_crs,
        "warnings": areas.warnings,
    }
    return {"type": "FeatureCollection", "features": features, "notes": notes}
