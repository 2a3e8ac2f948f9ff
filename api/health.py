"""GET /healthz and /readyz: does the process answer, and can the store serve results."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.access import reading
from api.problems import documented, problem
from api.responses import ORJSON
from api.schemas import Health, Readiness
from gis.store import Store

router = APIRouter(tags=["health"])


@router.get("/healthz", responses={200: {"model": Health}})
async def healthz() -> ORJSON:
    """Answer as long as the process lives."""
    # On the event loop: a probe must not wait for threads that wait for the database.
    return ORJSON({"status": "ok"})


def readiness(store: Store) -> dict[str, Any] | str:
    """Return the readiness document, or a sentence that says what is missing."""
    versions = {layer: v.version for layer, v in store.layer_versions().items()}
    if "parcel" not in versions:
        return "No parcels are loaded; import the layer parcel first."
    run = store.latest_run()
    if run is None:
        return "The parcels are not scored yet; run `onemap score`."
    return {
        "status": "ready",
        "parcel_count": run.parcel_count,
        "results_current": run.layer_versions == versions,
        "layer_versions": versions,
    }


@router.get("/readyz", responses={200: {"model": Readiness}, **documented(503)})
def readyz(request: Request) -> Response:
    """Answer 200 once the store is migrated, loaded and scored, and this process has read what it needs."""
    if request.app.state.preparing:
        return problem(request, 503, "This web process is still reading the parcels; ask again in a second.")
    state = readiness(reading(request))
    if isinstance(state, str):
        return problem(request, 503, state)
    return ORJSON(state)
