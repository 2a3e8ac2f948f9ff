"""GET and POST suitability: stored parcels, and polygons drawn anywhere in the city."""

from __future__ import annotations

import datetime as dt
from threading import Lock
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool

from api.access import check_readable, reading
from api.drawn import to_parcels
from api.examples import BODY_EXAMPLES
from api.geojson import MEDIA_TYPES, declared_body, parse, read_features
from api.parameters import AsOf, ParcelId
from api.problems import documented
from api.responses import ORJSON
from api.schemas import geojson_schema
from api.schemas_suitability import Suitability
from gis.access import HISTORY, RESULTS
from gis.evaluation.ranking import with_ranking
from gis.facts.surroundings import Surroundings
from gis.resources import Resources
from gis.rules import RuleSet
from gis.runs import ruleset_of
from gis.scoring import suitability_document, suitability_documents
from gis.store import RunRecord, ScoredParcel, Store, when

router = APIRouter(tags=["suitability"])


class Scorer:
    """What single calls score with: rule set and resources, kept until the store has newer ones."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._around: Surroundings | None = None
        self._rulesets: dict[tuple[str, str], RuleSet] = {}
        self._of_measured: tuple[object, RuleSet] | None = None

    def present(self) -> tuple[Surroundings, RuleSet]:
        """Return the loaded layers with their indexes, and the rule set of the last run."""
        versions, run = self._store.state()
        present = {k: v.version for k, v in versions.items() if k != "parcel"}
        with self._lock:
            if self._around is None or dict(self._around.resources.versions) != present:
                known = self._around or Surroundings(Resources({}, {}))
                self._around = known.renewed(self._store.resources(known.resources))
            around = self._around
        return around, self.ruleset(run)

    def stored_document(self, store: Store, parcel_id: str) -> dict[str, Any]:
        """Return the suitability document of a parcel of a store; NotFoundError when it has no results."""
        return told(*self.stored(store, parcel_id))

    def stored(
        self, store: Store, parcel_id: str, at: dt.datetime | int | None = None
    ) -> tuple[ScoredParcel, RuleSet]:
        """Return what is stored of a parcel, with the rule set of its run; NotFoundError as above.

        With `at` it is what stood at that time, or in that run.
        """
        if at is None:
            found = store.scored_parcel(parcel_id)
            return found, self.ruleset(found.run)
        with store.past(at) as past:
            found = past.scored_parcel(parcel_id)
        return found, ruleset_of(self._store, found.run)

    def ruleset(self, run: RunRecord | None) -> RuleSet:
        """Return the rule set of a stored run, so that a drawn polygon is judged as the parcels are."""
        if run is None:
            return ruleset_of(self._store, None)
        key = (run.ruleset_hash, run.as_of.isoformat())
        with self._lock:
            if key not in self._rulesets:
                self._rulesets = {key: ruleset_of(self._store, run)}
            return self._rulesets[key]

    def of_measured(self) -> RuleSet:
        """Return what measured projects are evaluated by: the last run's rules, where they tell how to."""
        run = self._store.latest_run()
        key = None if run is None else (run.ruleset_hash, run.as_of), dt.date.today()
        kept = self._of_measured
        if kept is None or kept[0] != key:
            # Files of rules are read in more time than a season is evaluated in.
            kept = self._of_measured = key, with_ranking(self.ruleset(run))
        return kept[1]


def told(found: ScoredParcel, ruleset: RuleSet) -> dict[str, Any]:
    """Return the document of what is stored of a parcel."""
    return suitability_document(found.facts, found.verdict, ruleset, found.run.layer_versions)


@router.get(
    "/api/parcels/{parcel_id}/suitability",
    responses={200: {"model": Suitability}, **documented(400, 404, 422, 503)},
)
async def get_suitability(request: Request, parcel_id: ParcelId, as_of: AsOf = None) -> ORJSON:
    """Rank the technologies of a stored parcel, from the results of the last run or of another time."""
    # What waits for the database has a thread; the document is work for one core, and threads that work at
    # the same time are slower together than one after the other.
    return ORJSON(told(*await run_in_threadpool(_stored, request, parcel_id, as_of)))


def _stored(request: Request, parcel_id: str, as_of: str | None) -> tuple[ScoredParcel, RuleSet]:
    check_readable(request, RESULTS if as_of is None else HISTORY)
    scorer: Scorer = request.app.state.scorer
    return scorer.stored(reading(request), parcel_id, None if as_of is None else when(as_of))


@router.post(
    "/api/suitability",
    responses={
        200: {
            "description": "A document for a Feature or a geometry, `results` for a FeatureCollection",
            "content": {
                "application/json": {
                    "schema": {
                        "anyOf": [
                            {"$ref": "#/components/schemas/Suitability"},
                            {"$ref": "#/components/schemas/SuitabilityResults"},
                        ]
                    }
                }
            },
        },
        **documented(400, 413, 415, 422, 503),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {m: {"schema": geojson_schema(), "examples": BODY_EXAMPLES} for m in MEDIA_TYPES},
        }
    },
)
def post_suitability(request: Request, body: Annotated[bytes, Depends(declared_body)]) -> ORJSON:
    """Rank the technologies of polygons drawn anywhere in the city: GeoJSON, longitude and latitude.

    Properties are those of a parcel, by their Chinese or English names; all may be missing.
    """
    check_readable(request, RESULTS)
    features, is_collection = read_features(parse(body), request.app.state.settings)
    scorer: Scorer = request.app.state.scorer
    around, ruleset = scorer.present()
    parcels, shapes = to_parcels(features, around.resources.frames.get("district"))
    found = suitability_documents(parcels, shapes, around, ruleset)
    return ORJSON({"results": found} if is_collection else found[0])
