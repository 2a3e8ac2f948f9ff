"""/api/packages: layers and results for the territorial platform, made by a job and fetched as one file."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse

from api.access import caller, check_readable, needs, readable
from api.exports import fetched, finished
from api.jobs import JobId, accepted, asked_for
from api.problems import documented
from api.responses import ORJSON
from api.schemas_job import JobInfo, NewPackage
from gis.access import Caller
from gis.errors import BodyError
from gis.export.sources import SOURCES
from gis.jobs import job_of
from gis.jobs.package import ENDING

router = APIRouter(tags=["jobs"])

_ZIP = "application/zip"


@router.post(
    "/api/packages",
    status_code=202,
    responses={202: {"model": JobInfo}, **documented(400, 404, 409, 422, 503)},
)
def post_package(request: Request, who: Annotated[Caller, needs("export")], body: NewPackage) -> ORJSON:
    """Ask for a package; GET /api/packages/{job_id}/file has it as a ZIP for a day once it is done.

    It holds what the caller may read, under the names and codes of the built-in profile, which are local.
    """
    for place, name in enumerate(body.layers or ()):
        if name not in SOURCES:
            known = ", ".join(SOURCES)
            raise BodyError(f"{name!r} is neither layer nor result; there are {known}.", f"/layers/{place}")
        for read in SOURCES[name].reads:
            check_readable(request, read)
    if body.encoding != "UTF-8" and body.format != "shp":
        raise BodyError("Only Shapefiles have a choice of encodings: leave it out.", "/encoding")
    kept = {"ending": ENDING, "readable": sorted(readable(request))}
    return accepted(asked_for(request, who, "package", body.model_dump(mode="json") | kept))


@router.get(
    "/api/packages/{job_id}/file",
    response_class=FileResponse,
    responses={
        200: {
            "description": "The package",
            "content": {_ZIP: {"schema": {"type": "string", "format": "binary"}}},
        },
        **documented(404, 409, 422, 503),
    },
)
def get_package(request: Request, who: Annotated[Caller, Depends(caller)], job_id: JobId) -> FileResponse:
    """Return a package to the caller who asked for it."""
    job = job_of(request.app.state.store, job_id, who.name)
    path = finished(request, job, "package")
    return fetched(path, f"onemap-{job.request['format']}-{job.asked_at:%Y%m%d-%H%M%S}{ENDING}", _ZIP)
