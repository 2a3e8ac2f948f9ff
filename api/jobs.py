"""/api/jobs: what the caller asked for, how far it is, and its end; and scoring."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request

from api.access import caller, needs
from api.logs import REQUEST_ID
from api.problems import documented
from api.responses import ORJSON
from api.schemas_job import JobInfo, Jobs, NewScore, info
from gis.access import Caller
from gis.jobs import Job, Kind, ask, cancel, job_of, jobs_of

router = APIRouter(tags=["jobs"])

JobId = Annotated[UUID, Path(description="job, as answered when it was asked for")]


def asked_for(
    request: Request, who: Caller, kind: Kind, body: dict[str, Any], job_id: UUID | None = None
) -> Job:
    """Put a job into the queue and return it; the id of the request stays with it."""
    return ask(request.app.state.store, kind, body, who.name, request_id=REQUEST_ID.get(), job_id=job_id)


def accepted(job: Job) -> ORJSON:
    """Return the answer to a request that became a job."""
    return ORJSON(info(job), status_code=202, headers={"Location": f"/api/jobs/{job.job_id}"})


@router.get("/api/jobs", responses={200: {"model": Jobs}, **documented(422, 503)})
def get_jobs(
    request: Request,
    who: Annotated[Caller, Depends(caller)],
    limit: Annotated[int, Query(ge=1, le=500, description="the newest so many")] = 50,
) -> ORJSON:
    """List the caller's jobs, the newest first."""
    return ORJSON({"jobs": [info(job) for job in jobs_of(request.app.state.store, who.name, limit)]})


@router.get("/api/jobs/{job_id}", responses={200: {"model": JobInfo}, **documented(404, 422, 503)})
def get_job(request: Request, who: Annotated[Caller, Depends(caller)], job_id: JobId) -> ORJSON:
    """Tell how far a job of the caller is."""
    return ORJSON(info(job_of(request.app.state.store, job_id, who.name)))


@router.delete("/api/jobs/{job_id}", responses={200: {"model": JobInfo}, **documented(404, 422, 503)})
def delete_job(request: Request, who: Annotated[Caller, Depends(caller)], job_id: JobId) -> ORJSON:
    """Cancel a job of the caller: one that waits at once, one that runs when it next tells how far it is.

    Nothing of it is kept. A job that has ended stays as it is.
    """
    return ORJSON(info(cancel(request.app.state.store, job_id, who.name)))


@router.post(
    "/api/scores", status_code=202, responses={202: {"model": JobInfo}, **documented(400, 409, 422, 503)}
)
def post_score(request: Request, who: Annotated[Caller, needs("score")], body: NewScore) -> ORJSON:
    """Ask for the stored parcels to be scored; GET /api/jobs/{job_id} tells how far it is."""
    return accepted(asked_for(request, who, "score", body.model_dump(mode="json")))
