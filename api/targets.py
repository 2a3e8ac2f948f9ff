"""GET /api/targets: heated area by technology, district and year against the targets of 2025 and 2030."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from api.access import check_readable, readable, reading, reads
from api.page_data import district_labels
from api.problems import documented
from api.responses import ORJSON
from api.schemas_targets import TargetProgress
from api.suitability import Scorer
from gis.access import HISTORY
from gis.runs import ruleset_of
from gis.targets import csv_of, read_progress
from gis.webmap.projects_page import projects_page

router = APIRouter(tags=["results"])


@router.get("/projects", include_in_schema=False)
def get_page(request: Request) -> HTMLResponse:
    """Return the page of projects and targets; what it shows it asks for by the caller's own rights."""
    names: list[dict[str, Any]] = []
    if "district" in readable(request):
        with reading(request).engine.connect() as connection:
            names = district_labels(connection)
    return HTMLResponse(projects_page(names), headers={"Cache-Control": "private, no-cache"})


@router.get(
    "/api/targets",
    dependencies=[reads("heat_project")],
    responses={
        200: {
            "model": TargetProgress,
            "description": "One document, or the rows of it as a table in UTF-8",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        },
        **documented(400, 404, 422, 503),
    },
)
def get_targets(
    request: Request,
    as_of: Annotated[
        dt.date | None,
        Query(description="the register at the end of this day (UTC+8); now by default"),
    ] = None,
    format: Annotated[Literal["json", "csv"], Query(description="the document, or a table")] = "json",
) -> Response:
    """Hold the register of projects against the city's targets: what ran, what runs, what is to come."""
    if as_of is not None:
        check_readable(request, HISTORY)
    scorer: Scorer = request.app.state.scorer
    found = read_progress(
        reading(request),
        # The scorer keeps the rules of the present run alone.
        scorer.ruleset if as_of is None else lambda run: ruleset_of(request.app.state.store, run),
        as_of,
        outlines="district" in readable(request),
    )
    if format == "json":
        return ORJSON(found)
    headers = {"Content-Disposition": f'attachment; filename="onemap-targets-{found.as_of}.csv"'}
    return Response(csv_of(found), media_type="text/csv; charset=utf-8", headers=headers)
