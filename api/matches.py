"""/api/matches: citywide matching, its runs and their parts."""

from __future__ import annotations

import logging
from threading import Lock, Thread
from typing import Annotated, Any

import numpy as np
import pandas as pd
from fastapi import APIRouter, Query, Request

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
from api.suitability import Scorer
from gis.citywide import Scenario, match_store
from gis.errors import BusyError, NotFoundError, OneMapError
from gis.store import LayerVersion, MatchRecord, Store

router = APIRouter(tags=["matching"])
log = logging.getLogger("onemap.api")

HOLDERS = 20


class Matcher:
    """The matching run under way in this program: one at a time."""

    def __init__(self, store: Store, scorer: Scorer) -> None:
        self._store, self._scorer = store, scorer
        self._lock = Lock()
        self._job: dict[str, Any] | None = None

    @property
    def job(self) -> dict[str, Any] | None:
        """What is under way, or was last."""
        with self._lock:
            return None if self._job is None else dict(self._job)

    def start(self, scenario: Scenario) -> dict[str, Any]:
        """Begin a run and return it; BusyError while another one is under way."""
        with self._lock:
            if self._job is not None and self._job["state"] == "running":
                raise BusyError(f"The scenario {self._job['scenario']} is being matched: try again after it.")
            self._job = {
                "scenario": scenario.name, "state": "running", "step": None, "done_frac": None, "error": None,
            }  # fmt: skip
            begun = dict(self._job)
        # A daemon, so that a stop of the server does not wait: a run that is cut off leaves the last one.
        Thread(target=self._run, args=(scenario,), daemon=True).start()
        return begun

    def _run(self, scenario: Scenario) -> None:
        try:
            ruleset = self._scorer.ruleset(self._store.latest_run())
            match_store(self._store, ruleset, scenario, self._tell)
            self._end("done", None)
        except OneMapError as error:
            self._end("failed", str(error))
        except Exception as error:
            log.error("matching %s failed", scenario.name, exc_info=error)
            self._end("failed", "The server failed on this run; its log says why.")

    def _tell(self, done: int, total: int, label: str) -> None:
        self._set(step=label, done_frac=done / total if total else None)

    def _end(self, state: str, error: str | None) -> None:
        self._set(state=state, step=None, done_frac=None, error=error)

    def _set(self, **values: Any) -> None:
        with self._lock:
            self._job = {**(self._job or {}), **values}


def _run_info(record: MatchRecord, versions: dict[str, LayerVersion]) -> dict[str, Any]:
    present = {layer: v.version for layer, v in versions.items()}
    told = {name: getattr(record, name) for name in MatchRecord.__dataclass_fields__ if name != "summary"}
    return told | {"current": record.layer_versions == present}


@router.get("/api/matches", responses={200: {"model": Matches}, **documented(503)})
def get_matches(request: Request) -> ORJSON:
    """List the matching runs, the last of every scenario, and the run under way."""
    store: Store = request.app.state.store
    versions = store.layer_versions()
    runs = [_run_info(record, versions) for record in store.matches()]
    return ORJSON({"runs": runs, "job": request.app.state.matcher.job})


@router.post(
    "/api/matches", status_code=202, responses={202: {"model": MatchJob}, **documented(400, 409, 422, 503)}
)
def post_match(request: Request, body: NewMatch) -> ORJSON:
    """Begin to match the stored parcels; GET /api/matches tells how far it is."""
    scenario = Scenario(body.scenario, body.order, body.capacity_frac, body.reach_frac)
    return ORJSON(request.app.state.matcher.start(scenario), status_code=202)


@router.get("/api/matches/{scenario}", responses={200: {"model": MatchDetail}, **documented(404, 422, 503)})
def get_match(request: Request, scenario: ScenarioName) -> ORJSON:
    """Return what a run comes to: by technology and district, with the certificate and what is left."""
    store: Store = request.app.state.store
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
    store: Store = request.app.state.store
    where = {} if layer is None else {"source_layer": [layer]}
    return ORJSON({"scenario": scenario, "sources": _rows(store.match_part("sources", scenario, **where))})


@router.get(
    "/api/matches/{scenario}/mains/{main_id}",
    responses={200: {"model": MatchSegments}, **documented(404, 422, 503)},
)
def get_main(request: Request, scenario: ScenarioName, main_id: MainId) -> ORJSON:
    """Return a main from tap to tap: how warm the water is, what is drawn, and what is left downstream."""
    store: Store = request.app.state.store
    found = _rows(store.match_part("segments", scenario, source_id=[main_id]))
    if not found:
        raise NotFoundError(f"The matching run {scenario!r} has no main {main_id!r} of known flow.")
    return ORJSON({"scenario": scenario, "segments": found})


@router.get(
    "/api/matches/{scenario}/parcels/{parcel_id}",
    responses={200: {"model": MatchedParcel}, **documented(404, 422, 503)},
)
def get_parcel(request: Request, scenario: ScenarioName, parcel_id: ParcelId) -> ORJSON:
    """Return what one parcel gets from whom, and who holds the source that it would have taken first."""
    store: Store = request.app.state.store
    found = store.matched_parcel(scenario, parcel_id, HOLDERS)
    answer = {
        "scenario": scenario,
        "parcel": _rows(found.parcel)[0],
        "connections": _rows(found.connections),
        "holders": _rows(found.holders),
    }
    return ORJSON(answer)


@router.get(
    "/api/matches/{scenario}/against/{other}",
    responses={200: {"model": MatchChanges}, **documented(404, 422, 503)},
)
def get_changes(request: Request, scenario: ScenarioName, other: ScenarioName) -> ORJSON:
    """Return how many parcels have another main technology than in the other run, by what it was and is."""
    store: Store = request.app.state.store
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


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows for JSON; what is missing is None."""
    kept = frame.astype(object).where(frame.notna(), None).replace({np.nan: None})
    return [{str(name): value for name, value in row.items()} for row in kept.to_dict("records")]
