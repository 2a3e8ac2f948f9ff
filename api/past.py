"""/api/versions and /api/diffs: who changed what and when, and what that changed in the verdicts."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse

from api.access import caller, check_readable, needs, readable, reading
from api.exports import fetched, finished
from api.jobs import JobId, accepted, asked_for
from api.problems import documented
from api.responses import ORJSON
from api.schemas_job import JobInfo, NewDiff
from api.schemas_past import Versions
from gis.access import HISTORY, RESULTS, Caller
from gis.errors import NotFoundError
from gis.jobs import job_of
from gis.store import when
from layers import LAYERS, RASTERS

router = APIRouter(tags=["history"])

_GEOJSON = "application/geo+json"


@router.get("/api/versions", responses={200: {"model": Versions}, **documented(403, 404, 422, 503)})
def get_versions(
    request: Request,
    who: Annotated[Caller, Depends(caller)],
    target: Annotated[str | None, Query(max_length=60, description="one layer, raster or rule set")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="the newest so many")] = 100,
    before: Annotated[dt.datetime | None, Query(description="only those before this time")] = None,
) -> ORJSON:
    """List imports, edits, rule sets and runs, the newest first; authors are told to callers who are known.

    Layers that the caller may not read are left out; so are rule sets and runs where results may not be read.
    """
    store, may_read = reading(request), readable(request)
    targets = [id_ for id_ in (*LAYERS, *RASTERS) if id_ in may_read]
    if RESULTS in may_read:
        targets += store.ruleset_ids()
    if target is not None:
        if target not in targets:
            raise NotFoundError(f"There is no layer, raster or rule set {target!r} that you may read.")
        targets = [target]
    found = [asdict(version) for version in store.versions(targets, limit, before)]
    if not who.known:
        found = [version | {"author": None} for version in found]
    return ORJSON({"versions": found})


@router.post(
    "/api/diffs", status_code=202, responses={202: {"model": JobInfo}, **documented(400, 409, 422, 503)}
)
def post_diff(request: Request, who: Annotated[Caller, needs("export")], body: NewDiff) -> ORJSON:
    """Ask what changed between two times, parcel by parcel, and because of which layer or rule.

    The job's result has the counts; GET /api/diffs/{job_id}/file the parcels for a day once it is done.
    """
    check_readable(request, HISTORY)
    for text in (body.before, body.after):
        when(text)
    return accepted(asked_for(request, who, "diff", body.model_dump() | {"ending": ".geojson"}))


@router.get(
    "/api/diffs/{job_id}/file",
    response_class=FileResponse,
    responses={
        200: {"description": "Parcels that changed", "content": {_GEOJSON: {"schema": {"type": "object"}}}},
        **documented(404, 409, 422, 503),
    },
)
def get_diff(request: Request, who: Annotated[Caller, Depends(caller)], job_id: JobId) -> FileResponse:
    """Return the parcels that changed, with verdicts before and after and the causes in `because`."""
    check_readable(request, HISTORY)
    job = job_of(request.app.state.store, job_id, who.name)
    path = finished(request, job, "diff")
    return fetched(path, f"parcel_changes-{job.asked_at:%Y%m%d-%H%M%S}.geojson", _GEOJSON)
