"""/api/exports: collections as files, made by a job and fetched by whoever asked for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse

from api.access import caller, needs, readable
from api.jobs import JobId, accepted, asked_for
from api.ogc_documents import collection_of
from api.problems import documented
from api.responses import ORJSON
from api.schemas_job import JobInfo, NewExport
from gis.access import Caller
from gis.errors import BodyError, BusyError, NotFoundError
from gis.jobs import Job, Kind, job_of
from gis.jobs.export import FORMATS, SYSTEMS, check_export
from gis.jobs.files import export_of

router = APIRouter(tags=["jobs"])


@router.post(
    "/api/exports",
    status_code=202,
    responses={202: {"model": JobInfo}, **documented(400, 404, 409, 422, 503)},
)
def post_export(request: Request, who: Annotated[Caller, needs("export")], body: NewExport) -> ORJSON:
    """Ask for a collection as a file; GET /api/exports/{job_id}/file has it for a day once it is done."""
    collection = collection_of(request, body.collection).collection
    if body.crs not in SYSTEMS:
        raise BodyError(f"The crs {body.crs[:40]!r} is none of {', '.join(SYSTEMS)}.", "/crs")
    asked = body.model_dump(mode="json")
    check_export(asked, collection)
    kept = {"ending": FORMATS[body.format].ending, "readable": sorted(readable(request))}
    return accepted(asked_for(request, who, "export", asked | kept))


@router.get(
    "/api/exports/{job_id}/file",
    response_class=FileResponse,
    responses={
        200: {
            "description": "The file",
            "content": {
                f.media_type: {"schema": {"type": "string", "format": "binary"}} for f in FORMATS.values()
            },
        },
        **documented(404, 409, 422, 503),
    },
)
def get_export(request: Request, who: Annotated[Caller, Depends(caller)], job_id: JobId) -> FileResponse:
    """Return the file of an export to the caller who asked for it."""
    job = job_of(request.app.state.store, job_id, who.name)
    path = finished(request, job, "export")
    collection = collection_of(request, job.request["collection"]).collection
    form = FORMATS[job.request["format"]]
    return fetched(path, f"{collection.id}-{job.asked_at:%Y%m%d-%H%M%S}{form.ending}", form.media_type)


def finished(request: Request, job: Job, kind: Kind) -> Path:
    """Return the file that a job has made; NotFoundError where it has none, BusyError where not yet."""
    if job.kind != kind or job.state in ("failed", "cancelled"):
        raise NotFoundError(f"The job {job.job_id} has no file: it is {job.kind}, {job.state}.")
    if job.state != "done":
        raise BusyError(f"The {kind} {job.job_id} is not done yet, but {job.state}: ask again when it is.")
    path = export_of(request.app.state.settings, job.job_id, job.request["ending"])
    if not path.is_file():
        raise NotFoundError(f"The file of {kind} {job.job_id} was removed after a day: ask for a new one.")
    return path


def fetched(path: Path, name: str, media_type: str) -> FileResponse:
    """Return a file that is for its caller alone."""
    return FileResponse(
        path, media_type=media_type, filename=name, headers={"Cache-Control": "private, no-store"}
    )
