"""/api/matches: citywide matching, its runs and their parts."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pandas as pd
from fastapi import APIRouter, Depends, Query, Request

from api.access import caller, needs, reading, reads
from api.jobs import asked_for
from api.parameters import MainId, ParcelId, ScenarioName
from api.problems import documented
from api.responses import ORJSON
from api.schemas_match import (
    MatchChanges,
    MatchDetail,
    MatchedParcel,
    Matches,
    MatchJob,
    MatchSegments,
    MatchSources,
    NewMatch,
)
from gis.access import RESULTS, Caller
from gis.citywide import Scenario
from gis.errors import NotFoundError
from gis.jobs import Job, latest
from gis.store import LayerVersion, MatchRecord

router = APIRouter(tags=["matching"], dependencies=[reads(RESULTS)])
HOLDERS = 20


def told_job(job: Job | None, who: Caller) -> dict[str, Any] | None:
    """Return a job of matching or siting as those who may read results see it."""
    if job is None:
        return None
    return {
        "job_id": str(job.job_id) if job.caller == who.name else None,
        "scenario": job.request["name"],
        "state": job.state,
        "step": job.step,
        "done_frac": job.done_frac,
        "error": job.error,
    }


def _run_info(record: MatchRecord, versions: dict[str, LayerVersion]) -> dict[str, Any]:
    present = {layer: v.version for layer, v in versions.items()}
    told = {name: getattr(record, name) for name in MatchRecord.__dataclass_fields__ if name != "summary"}
    return told | {"current": record.layer_versions == present}


@router.get("/api/matches", responses={200: {"model": Matches}, **documented(503)})
def get_matches(request: Request, who: Annotated[Caller, Depends(caller)]) -> ORJSON:
    """List the matching runs, the last of every scenario, and the run under way, next or last asked for."""
    store = reading(request)
    versions = store.layer_versions()
    runs = [_run_info(record, versions) for record in store.matches()]
    return ORJSON({"runs": runs, "job": told_job(latest(request.app.state.store, "match"), who)})


@router.post(
    "/api/matches",
    status_code=202,
    responses={202: {"model": MatchJob}, **documented(400, 401, 403, 409, 422, 503)},
)
def post_match(request: Request, who: Annotated[Caller, needs("match")], body: NewMatch) -> ORJSON:
    """Ask for the stored parcels to be matched; GET /api/matches tells how far it is.

    Jobs of a city are done one after another: it waits for those before it.
    """
    scenario = Scenario(body.scenario, body.order, body.capacity_frac, body.reach_frac)
    job = asked_for(request, who, "match", {"name": scenario.name, **scenario.settings()})
    return ORJSON(told_job(job, who), status_code=202)


@router.get("/api/matches/{scenario}", responses={200: {"model": MatchDetail}, **documented(404, 422, 503)})
def get_match(request: Request, scenario: ScenarioName) -> ORJSON:
    """Return what a run comes to: by technology and district, with the certificate and what is left."""
    store = reading(request)
    record = store.match(scenario)
    return ORJSON(_run_info(record, store.layer_versions()) | {"summary": record.summary})


@router.get(
    "/api/matches/{scenario}/sources", responses={200: {"model": MatchSources}, **documented(404, 422, 503)}
)
def get_sources(
    request: Request,
    scenario: ScenarioName,
    layer: Annotated[str | None, Query(max_length=60, description="sources of this layer only")] = None,
) -> ORJSON:
    """Return the capacity ledger: what every source has, what is taken, and what one more MW is worth."""
    store = reading(request)
    where = {} if layer is None else {"source_layer": [layer]}
    return ORJSON({"scenario": scenario, "sources": rows_of(store.match_part("sources", scenario, **where))})


@router.get(
    "/api/matches/{scenario}/mains/{main_id}",
    responses={200: {"model": MatchSegments}, **documented(404, 422, 503)},
)
def get_main(request: Request, scenario: ScenarioName, main_id: MainId) -> ORJSON:
    """Return a main from tap to tap: how warm the water is, what is drawn, and what is left downstream."""
    store = reading(request)
    found = rows_of(store.match_part("segments", scenario, source_id=[main_id]))
    if not found:
        raise NotFoundError(f"The matching run {scenario!r} has no main {main_id!r} of known flow.")
    return ORJSON({"scenario": scenario, "segments": found})


@router.get(
    "/api/matches/{scenario}/parcels/{parcel_id}",
    responses={200: {"model": MatchedParcel}, **documented(404, 422, 503)},
)
def get_parcel(request: Request, scenario: ScenarioName, parcel_id: ParcelId) -> ORJSON:
    """Return what one parcel gets from whom, and who holds the source that it would have taken first."""
    store = reading(request)
    found = store.matched_parcel(scenario, parcel_id, HOLDERS)
    answer = {
        "scenario": scenario,
        "parcel": rows_of(found.parcel)[0],
        "connections": rows_of(found.connections),
        "holders": rows_of(found.holders),
    }
    return ORJSON(answer)


@router.get(
    "/api/matches/{scenario}/against/{other}",
    responses={200: {"model": MatchChanges}, **documented(404, 422, 503)},
)
def get_changes(request: Request, scenario: ScenarioName, other: ScenarioName) -> ORJSON:
    """Return how many parcels have another main technology than in the other run, by what it was and is."""
    store = reading(request)
    found = store.match_changes(scenario, other)
    both = [row for row in found if row.in_both]
    changed = [row for row in both if row.before != row.after]
    answer = {
        "scenario": scenario,
        "other": other,
        "parcel_count": sum(row.parcel_count for row in both),
        "changed_count": sum(row.parcel_count for row in changed),
        "single_count": sum(row.parcel_count for row in found if not row.in_both),
        "changes": [
            {"before": row.before, "after": row.after, "parcel_count": row.parcel_count} for row in changed
        ],
    }
    return ORJSON(answer)


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows for JSON; what is missing is None."""
    kept = frame.astype(object).where(frame.notna(), None).replace({np.nan: None})
    return [{str(name): value for name, value in row.items()} for row in kept.to_dict("records")]
