"""/api/matches: citywide matching, its runs and their parts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Lock, Thread
from typing import Annotated, Any

import numpy as np
import pandas as pd
from fastapi import APIRouter, Query, Request

from api.access import needs, reading, reads
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
from gis.access import RESULTS
from gis.citywide import Scenario, match_store
from gis.citywide.city import Progress
from gis.errors import BusyError, NotFoundError, OneMapError
from gis.store import LayerVersion, MatchRecord

router = APIRouter(tags=["matching"], dependencies=[reads(RESULTS)])
log = logging.getLogger("onemap.api")

HOLDERS = 20
DOING = {"match": "matched", "site": "searched for sites"}
"""Kinds of jobs, and what is said of a scenario meanwhile."""


class Jobs:
    """What is worked out for the whole city in this program: one thing at a time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._jobs: dict[str, dict[str, Any]] = {}

    def job(self, kind: str) -> dict[str, Any] | None:
        """Return the job of a kind that is under way, or was last."""
        with self._lock:
            return dict(self._jobs[kind]) if kind in self._jobs else None

    def start(self, kind: str, scenario: str, work: Callable[[Progress], object]) -> dict[str, Any]:
        """Begin a job and return it; BusyError while another one is under way."""
        with self._lock:
            for other, doing in DOING.items():
                busy = self._jobs.get(other)
                if busy is None or busy["state"] != "running":
                    continue
                raise BusyError(f"The scenario {busy['scenario']} is being {doing}: try again after it.")
            self._jobs[kind] = {
                "scenario": scenario, "state": "running", "step": None, "done_frac": None, "error": None,
            }  # fmt: skip
            begun = dict(self._jobs[kind])
        # A daemon, so that a stop of the server does not wait: a run that is cut off leaves the last one.
        Thread(target=self._run, args=(kind, scenario, work), daemon=True).start()
        return begun

    def _run(self, kind: str, scenario: str, work: Callable[[Progress], object]) -> None:
        def told(done: int, total: int, label: str) -> None:
            self._set(kind, step=label, done_frac=done / total if total else None)

        def end(state: str, error: str | None) -> None:
            self._set(kind, state=state, step=None, done_frac=None, error=error)

        try:
            work(told)
            end("done", None)
        except OneMapError as error:
            end("failed", str(error))
        except Exception as error:
            log.error("%s of %s failed", kind, scenario, exc_info=error)
            end("failed", "The server failed on this run; its log says why.")

    def _set(self, kind: str, **values: Any) -> None:
        with self._lock:
            self._jobs[kind] = {**self._jobs[kind], **values}


def _run_info(record: MatchRecord, versions: dict[str, LayerVersion]) -> dict[str, Any]:
    present = {layer: v.version for layer, v in versions.items()}
    told = {name: getattr(record, name) for name in MatchRecord.__dataclass_fields__ if name != "summary"}
    return told | {"current": record.layer_versions == present}


@router.get("/api/matches", responses={200: {"model": Matches}, **documented(503)})
def get_matches(request: Request) -> ORJSON:
    """List the matching runs, the last of every scenario, and the run under way."""
    store = reading(request)
    versions = store.layer_versions()
    runs = [_run_info(record, versions) for record in store.matches()]
    return ORJSON({"runs": runs, "job": request.app.state.jobs.job("match")})


@router.post(
    "/api/matches",
    status_code=202,
    responses={202: {"model": MatchJob}, **documented(400, 401, 403, 409, 422, 503)},
    dependencies=[needs("match")],
)
def post_match(request: Request, body: NewMatch) -> ORJSON:
    """Begin to match the stored parcels; GET /api/matches tells how far it is."""
    scenario = Scenario(body.scenario, body.order, body.capacity_frac, body.reach_frac)
    store, scorer = reading(request), request.app.state.scorer

    def work(progress: Progress) -> None:
        match_store(store, scorer.ruleset(store.latest_run()), scenario, progress)

    return ORJSON(request.app.state.jobs.start("match", scenario.name, work), status_code=202)


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
