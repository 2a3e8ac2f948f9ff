"""/api/projects: the register of heat projects."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request

from api.access import reading, reads
from api.parameters import FeatureId
from api.problems import documented
from api.responses import ORJSON
from api.schemas_projects import ProjectDetail, Projects
from gis.errors import NotFoundError
from gis.register import document, listed, project_of
from gis.register.record import PROJECT, ProjectStatus
from gis.store.projects import page
from gis.vocabulary import Technology

router = APIRouter(tags=["projects"], dependencies=[reads(PROJECT)])


@router.get("/api/projects", responses={200: {"model": Projects}, **documented(422, 503)})
def get_projects(
    request: Request,
    status: Annotated[ProjectStatus | None, Query(description="those in this state")] = None,
    technology: Annotated[Technology | None, Query(description="those of this main technology")] = None,
    district: Annotated[
        str | None,
        Query(max_length=200, pattern=r"^[^\x00]*$", description="those of this district, by name"),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=10_000, description="the first so many")] = 1000,
    offset: Annotated[int, Query(ge=0, le=10_000_000, description="after so many")] = 0,
) -> ORJSON:
    """List the heat projects of the register by key, with capacity, share of new energy and dates."""
    asked = {"status": status, "technology": technology, "district": district}
    where = {name: value for name, value in asked.items() if value is not None}
    with reading(request).engine.connect() as connection:
        rows, count = page(connection, where, limit, offset)
    return ORJSON({"projects": [listed(project_of(row)) for row in rows], "numberMatched": count})


@router.get(
    "/api/projects/{project_id}", responses={200: {"model": ProjectDetail}, **documented(404, 422, 503)}
)
def get_project(request: Request, project_id: FeatureId) -> ORJSON:
    """Return a project with the states that may follow, its faults, its pre-check and its support.

    An application is judged by the rules in force on the day it was made, today where none is told.
    """
    with reading(request).engine.connect() as connection:
        rows, _ = page(connection, {"heat_project_id": project_id}, 1, 0)
    if not rows:
        raise NotFoundError(f"The layer {PROJECT} has no project {project_id!r}.")
    ruleset = request.app.state.scorer.ruleset(request.app.state.store.latest_run())
    return ORJSON(document(project_of(rows[0]), ruleset, date.today()))
