"""/api/projects/{project_id}/evaluation and its sheet: what a measured project came to in a season."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from api.access import check_readable, reading
from api.problems import documented
from api.reports import POLICY
from api.responses import ORJSON
from api.schemas_evaluation import ProjectEvaluation
from gis.evaluation.document import evaluation_of
from gis.periods import BEIJING_TIME
from gis.report import SheetForm, sheet_of
from gis.store.connection import clear_errors
from gis.wording import Language

router = APIRouter(tags=["projects"])

_TYPES = {"pdf": "application/pdf", "html": "text/html; charset=utf-8", "csv": "text/csv; charset=utf-8"}
ProjectId = Annotated[str, Path(max_length=64, description="heat_project_id", examples=["HP-001"])]
SeasonYear = Annotated[
    int | None,
    Query(ge=1990, le=2100, description="year in which the heating season begins; the last one measured"),
]


def _told(request: Request, project_id: str, season: int | None) -> dict[str, Any]:
    check_readable(request, "heat_project")
    ruleset = request.app.state.scorer.of_measured()
    with clear_errors("Evaluating the project failed"), reading(request).engine.connect() as connection:
        return evaluation_of(connection, project_id, season, ruleset)


@router.get(
    "/api/projects/{project_id}/evaluation",
    responses={200: {"model": ProjectEvaluation}, **documented(404, 422, 503)},
)
def get_evaluation(request: Request, project_id: ProjectId, season: SeasonYear = None) -> ORJSON:
    """Evaluate a heating season of a project from what was measured: performance, coverage, carbon, checks.

    Gaps are not filled. 404 where nothing was measured.
    """
    return ORJSON(_told(request, project_id, season))


@router.get(
    "/api/projects/{project_id}/sheet",
    response_class=Response,
    responses={
        200: {
            "description": "The post-evaluation sheet of the day",
            "content": {
                "application/pdf": {"schema": {"type": "string", "format": "binary"}},
                "text/html": {"schema": {"type": "string"}},
                "text/csv": {"schema": {"type": "string"}},
            },
        },
        **documented(404, 422, 503),
    },
)
def get_sheet(
    request: Request,
    project_id: ProjectId,
    season: SeasonYear = None,
    format: Annotated[SheetForm, Query(description="PDF, one HTML file or a table")] = "pdf",
    lang: Annotated[Language, Query(description="Chinese or English")] = "zh",
) -> Response:
    """Return the post-evaluation sheet of a project and season."""
    told, today = _told(request, project_id, season), datetime.now(BEIJING_TIME).date()
    body = sheet_of(told, format, today, lang)
    name = quote(f"onemap-{project_id}-{told['season']}.{format}", safe="")
    headers = {
        "Content-Disposition": f"{'attachment' if format == 'csv' else 'inline'}; filename*=UTF-8''{name}",
        "Content-Security-Policy": POLICY,
        "Cache-Control": "private, no-cache",
    }
    return Response(body, media_type=_TYPES[format], headers=headers)
