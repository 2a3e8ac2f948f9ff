"""GET and POST suitability: stored parcels, and polygons drawn anywhere in the city."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request

from api.drawn import to_parcels
from api.examples import BODY_EXAMPLES
from api.geojson import MEDIA_TYPES, limited_body, parse, read_features
from api.problems import documented
from api.responses import ORJSON
from api.schemas import Suitability, geojson_schema
from gis.errors import NotFoundError
from gis.facts.surroundings import Surroundings
from gis.rules import RuleSet, load_ruleset
from gis.rules.loader import parse_ruleset
from gis.scoring import score, suitability_document
from gis.store import RunRecord, Store

router = APIRouter(tags=["suitability"])


class Scorer:
    """What single calls score with: rule set and resources, kept until the store has newer ones."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._around: Surroundings | None = None
        self._rulesets: dict[tuple[str, str], RuleSet] = {}

    def surroundings(self) -> Surroundings:
        """Return the loaded layers with their spatial indexes; read again after an import."""
        present = {k: v.version for k, v in self._store.layer_versions().items() if k != "parcel"}
        with self._lock:
            if self._around is None or dict(self._around.resources.versions) != present:
                self._around = Surroundings(self._store.resources())
            return self._around

    def ruleset(self, run: RunRecord | None) -> RuleSet:
        """Return the rule set of a stored run, so that a drawn polygon is judged as the parcels are."""
        if run is None:
            return load_ruleset()
        key = (run.ruleset_hash, run.as_of.isoformat())
        with self._lock:
            if key not in self._rulesets:
                content: Mapping[str, str] = self._store.ruleset_content(run.ruleset_hash)
                texts = {name: text.encode() for name, text in content.items()}
                self._rulesets = {key: parse_ruleset(texts, run.as_of)}
            return self._rulesets[key]


def stored_document(store: Store, ruleset: RuleSet, run: RunRecord, parcel_id: str) -> dict[str, Any]:
    """Return the suitability document of a stored parcel; NotFoundError when it has no results."""
    facts, verdicts = store.result_rows([parcel_id])
    if facts.empty:
        raise NotFoundError(f"There is no scored parcel {parcel_id!r}.")
    return suitability_document(facts.iloc[0], verdicts.iloc[0], ruleset, run.layer_versions)


@router.get(
    "/api/parcels/{parcel_id}/suitability",
    responses={200: {"model": Suitability}, **documented(404, 422, 503)},
)
def get_suitability(
    request: Request,
    parcel_id: Annotated[
        str, Path(min_length=1, max_length=64, pattern=r"^[^\x00]+$", description="parcel id, as imported")
    ],
) -> ORJSON:
    """Rank the technologies of a stored parcel, from the results of the last run."""
    store: Store = request.app.state.store
    run = store.latest_run()
    if run is None:
        raise NotFoundError("There are no results yet; import parcels and run `onemap score`.")
    scorer: Scorer = request.app.state.scorer
    return ORJSON(stored_document(store, scorer.ruleset(run), run, parcel_id))


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
def post_suitability(request: Request, body: Annotated[bytes, Depends(limited_body)]) -> ORJSON:
    """Rank the technologies of polygons drawn anywhere in the city: GeoJSON, longitude and latitude.

    Properties are those of a parcel, by their Chinese or English names; all may be missing.
    """
    features, is_collection = read_features(parse(body), request.app.state.settings)
    scorer: Scorer = request.app.state.scorer
    around = scorer.surroundings()
    parcels = to_parcels(features, around.resources.frames.get("district"))
    result = score(parcels, around, scorer.ruleset(request.app.state.store.latest_run()))
    found = [result.explain(parcel_id) for parcel_id in parcels["parcel_id"]]
    return ORJSON({"results": found} if is_collection else found[0])
