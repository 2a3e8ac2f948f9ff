"""GET /api/parcels/{parcel_id}/report: what a planner puts into the file."""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.access import check_readable, readable, reading
from api.parameters import ParcelId
from api.problems import documented
from api.suitability import Scorer, told
from gis.access import RESULTS
from gis.periods import BEIJING_TIME
from gis.report import Report, html_of, pdf_of, sight_of
from gis.store import Store
from gis.wording import Language

router = APIRouter(tags=["suitability"])

_TYPES = {"pdf": "application/pdf", "html": "text/html; charset=utf-8"}
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""A report brings all it needs with it and runs nothing."""


@router.get(
    "/api/parcels/{parcel_id}/report",
    response_class=Response,
    responses={
        200: {
            "description": "The report of the day, two to four pages",
            "content": {
                "application/pdf": {"schema": {"type": "string", "format": "binary"}},
                "text/html": {"schema": {"type": "string"}},
            },
        },
        **documented(404, 422, 503),
    },
)
def get_report(
    request: Request,
    parcel_id: ParcelId,
    format: Annotated[Literal["pdf", "html"], Query(description="PDF, or one HTML file")] = "pdf",
    lang: Annotated[Language, Query(description="Chinese or English")] = "zh",
) -> Response:
    """Return the report of a stored parcel: map, verdicts, reasons with clauses, portfolio, assumptions.

    The same results on the same day give the same bytes.
    """
    check_readable(request, RESULTS)
    check_readable(request, "parcel")
    store, scorer = reading(request), request.app.state.scorer
    report = report_of(scorer, store, readable(request), parcel_id)
    body = pdf_of(report, lang) if format == "pdf" else html_of(report, lang).encode()
    headers = {
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(f'onemap-{parcel_id}.{format}', safe='')}",
        "Content-Security-Policy": POLICY,
        "Cache-Control": "private, no-cache",
    }
    return Response(body, media_type=_TYPES[format], headers=headers)


def report_of(scorer: Scorer, store: Store, may_read: Container[str], parcel_id: str) -> Report:
    """Return the report of a stored parcel as of today in Beijing; NotFoundError where it has no results."""
    found, ruleset = scorer.stored(store, parcel_id)
    return Report(
        told(found, ruleset), ruleset, sight_of(store, may_read, parcel_id), datetime.now(BEIJING_TIME).date()
    )
