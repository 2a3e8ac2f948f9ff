"""GET /api/parcels/{parcel_id}/evidence: what the verdicts on a parcel rest on, as shapes for the map."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from api.access import check_readable, readable, reading
from api.parameters import ParcelId
from api.problems import documented
from api.responses import ORJSON
from api.schemas import Body
from api.suitability import Scorer
from gis.access import RESULTS
from gis.vocabulary import Technology
from gis.webmap.evidence import evidence

router = APIRouter(tags=["suitability"])


class EvidenceFacts(Body):
    """What one shape stands for."""

    technology: Technology
    variant: str | None
    kind: Literal["way", "area", "edge"] = Field(
        description="`way`: the straight line to a source or network, a point where the parcel touches it; "
        "`area`: ground that the parcel meets, cut off 3 km away; `edge`: its outline as far as that"
    )
    layer: str
    id: str
    name: str | None
    distance_m: float
    current: bool = Field(description="false where the verdict rests on another distance: data changed since")


class EvidenceFeature(Body):
    """One shape, in longitude and latitude (CRS84)."""

    type: Literal["Feature"]
    geometry: dict[str, Any]
    properties: EvidenceFacts


class Evidence(Body):
    """Shapes by technology, in the order of the ranking."""

    type: Literal["FeatureCollection"]
    features: list[EvidenceFeature]


@router.get(
    "/api/parcels/{parcel_id}/evidence",
    responses={200: {"model": Evidence}, **documented(404, 422, 503)},
)
def get_evidence(request: Request, parcel_id: ParcelId) -> ORJSON:
    """Return the ways from a parcel to the sources that its verdicts name, and the areas that it meets.

    What lies in layers that the caller may not read is left out.
    """
    check_readable(request, RESULTS)
    check_readable(request, "parcel")
    own = reading(request)
    scorer: Scorer = request.app.state.scorer
    document = scorer.stored_document(own, parcel_id)
    with own.engine.connect() as connection:
        return ORJSON(evidence(connection, document, readable(request)))
