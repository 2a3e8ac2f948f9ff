"""/api/sites: where new sources are worth most, scenario by scenario."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import shapely
from fastapi import APIRouter, Body, Depends, Request

from api.access import caller, needs, reading, reads
from api.jobs import asked_for
from api.matches import rows_of, told_job
from api.parameters import ScenarioName
from api.problems import documented
from api.responses import ORJSON
from api.schemas_match import MatchJob
from api.schemas_site import EXAMPLE, NewSites, SitesDetail, SitesList, SitesOnMap
from gis.access import RESULTS, Caller
from gis.citywide import SitePlan
from gis.citywide.sites import stored_scenario
from gis.crs import to_api
from gis.jobs import latest
from gis.store import Store
from gis.store.sites import SitingRecord, sites_of, sitings

router = APIRouter(tags=["siting"], dependencies=[reads(RESULTS)])


def _told(records: list[SitingRecord], store: Store) -> list[dict[str, Any]]:
    """Return records without their summaries; whether layers and scenario are still the same is told."""
    present = {layer: v.version for layer, v in store.layer_versions().items()}
    matched = {record.scenario: record.settings for record in store.matches()}
    return [
        {name: getattr(r, name) for name in SitingRecord.__dataclass_fields__ if name != "summary"}
        | {"current": r.layer_versions == present and matched.get(r.scenario, r.settings) == r.settings}
        for r in records
    ]


@router.get("/api/sites", responses={200: {"model": SitesList}, **documented(503)})
def get_sitings(request: Request, who: Annotated[Caller, Depends(caller)]) -> ORJSON:
    """List the answers, the last of every scenario, and the one under way, next or last asked for."""
    store = reading(request)
    job = told_job(latest(request.app.state.store, "site"), who)
    return ORJSON({"sitings": _told(sitings(store), store), "job": job})


@router.post(
    "/api/sites",
    status_code=202,
    responses={202: {"model": MatchJob}, **documented(400, 401, 403, 404, 409, 422, 503)},
)
def post_sites(
    request: Request,
    who: Annotated[Caller, needs("match")],
    body: Annotated[NewSites, Body(openapi_examples=EXAMPLE)],
) -> ORJSON:
    """Ask where new sources are worth most; GET /api/sites tells how far it is.

    Jobs of a city are done one after another: it waits for those before it.
    """
    plan = SitePlan(body.count, body.technology, body.capacity_kw, body.reach_m, body.spacing_m)
    scenario = stored_scenario(reading(request), body.scenario).name
    settings = {key: value for key, value in plan.settings().items() if key != "candidates"}
    job = asked_for(request, who, "site", {"name": scenario, "plan": settings})
    return ORJSON(told_job(job, who), status_code=202)


@router.get("/api/sites/{scenario}", responses={200: {"model": SitesDetail}, **documented(404, 422, 503)})
def get_sites(request: Request, scenario: ScenarioName) -> ORJSON:
    """Return where new sources are worth most, with the bound of any other choice, and all candidates."""
    store = reading(request)
    record, places = sites_of(store, scenario)
    told = _told([record], store)[0]
    return ORJSON(told | {"summary": record.summary, "sites": rows_of(places)})


@router.get(
    "/api/sites/{scenario}/places",
    responses={200: {"model": SitesOnMap}, **documented(404, 422, 503)},
)
def get_places(request: Request, scenario: ScenarioName) -> ORJSON:
    """Return all candidates as GeoJSON points, the chosen ones first."""
    _, places = sites_of(reading(request), scenario)
    points = to_api(np.asarray(shapely.points(places[["x_m", "y_m"]]), dtype=object))
    features = [
        {
            "type": "Feature",
            "id": row["site_id"],
            "geometry": {"type": "Point", "coordinates": [point.x, point.y]},
            "properties": row,
        }
        for row, point in zip(rows_of(places), points, strict=True)
    ]
    return ORJSON({"type": "FeatureCollection", "features": features})
