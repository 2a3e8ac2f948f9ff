"""GET /api/parcels/summary: how many parcels pass a filter, what they need, and what else could be chosen."""

from __future__ import annotations

from fastapi import APIRouter, Request

from api.access import reads
from api.parcel_filters import Wanted, present_table
from api.problems import documented
from api.responses import ORJSON
from api.schemas_parcels import ParcelSummary
from gis.access import RESULTS
from gis.errors import NotFoundError

router = APIRouter(tags=["results"], dependencies=[reads(RESULTS), reads("parcel")])


@router.get(
    "/api/parcels/summary", responses={200: {"model": ParcelSummary}, **documented(400, 404, 422, 503)}
)
def get_parcel_summary(request: Request, wanted: Wanted) -> ORJSON:
    """Count and sum the scored parcels that pass a filter.

    Words of one parameter, which may be repeated, are alternatives; all parameters must be met. Each facet
    is counted under the other parts of the filter, so that it tells what choosing another word would give.
    """
    table = present_table(request)
    if table is None:
        raise NotFoundError("There are no results yet; import parcels and run `onemap score`.")
    return ORJSON({**table.counts(wanted), "filter": wanted.cql2()})
