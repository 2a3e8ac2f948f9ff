"""/api/checks: the last check of every layer's data, and asking for one."""

from __future__ import annotations

from collections.abc import Container
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse

from api.access import check_readable, needs, readable, reading
from api.jobs import accepted, asked_for
from api.problems import documented
from api.responses import ORJSON
from api.schemas_checks import CheckedLayer, Checks, NewCheck
from api.schemas_job import JobInfo
from gis.access import HISTORY, Caller
from gis.errors import NotFoundError
from gis.store import LayerVersion
from gis.store.checks import KeptCheck, kept_checks
from gis.webmap.data_page import data_page
from layers import LAYERS, RASTERS

router = APIRouter(tags=["checks"])

Layer = Annotated[str, Path(description="layer or raster id", max_length=60, examples=["wastewater_plant"])]


def checked_layers(request: Request) -> list[dict[str, Any]]:
    """Return what may be read of layers and rasters with their last check, as `CheckedLayer` has it."""
    # Kept checks name features of any class: no role of the database that answers callers may read them.
    kept, may_read = kept_checks(request.app.state.store), readable(request)
    versions = reading(request).layer_versions()
    return [
        _told(layer, versions.get(layer), kept.get(layer), may_read)
        for layer in (*LAYERS, *RASTERS)
        if layer in may_read
    ]


def _told(
    layer: str, version: LayerVersion | None, kept: KeptCheck | None, may_read: Container[str]
) -> dict[str, Any]:
    if kept is not None and not _may_be_told(kept, may_read):
        kept = None
    return {
        "layer": layer,
        "title": (LAYERS.get(layer) or RASTERS[layer]).title.model_dump(),
        "kind": "vector" if layer in LAYERS else "raster",
        "loaded": version is not None,
        "version": version and version.version,
        "loaded_at": version and version.loaded_at,
        "source_name": version and version.source_name,
        "feature_count": version and version.feature_count,
        "stale": kept and kept.stale,
        "check": kept and kept.told,
    }


def _may_be_told(kept: KeptCheck, may_read: Container[str]) -> bool:
    """Return whether who may read the present version may read of the one that was checked.

    A layer that is synthetic throughout is open; what was loaded of it before need not have been.
    """
    return not (kept.stale and kept.present_synthetic and not kept.synthetic) or HISTORY in may_read


@router.get("/data", include_in_schema=False)
def get_page() -> HTMLResponse:
    """Return the page that shows all of them."""
    return HTMLResponse(data_page(), headers={"Cache-Control": "private, no-cache"})


@router.get("/api/checks", responses={200: {"model": Checks}, **documented(503)})
def get_checks(request: Request) -> ORJSON:
    """List the last check of every layer and raster: age, count, coverage, and what is wrong with it.

    Those that the caller may not read are left out.
    """
    return ORJSON({"checks": checked_layers(request)})


@router.get("/api/checks/{layer}", responses={200: {"model": CheckedLayer}, **documented(404, 422, 503)})
def get_check(request: Request, layer: Layer) -> ORJSON:
    """Return the last check of one layer or raster."""
    check_readable(request, layer)
    if layer not in LAYERS and layer not in RASTERS:
        raise NotFoundError(f"There is no layer {layer!r}; the layers are {', '.join((*LAYERS, *RASTERS))}.")
    return ORJSON(next(one for one in checked_layers(request) if one["layer"] == layer))


@router.post(
    "/api/checks", status_code=202, responses={202: {"model": JobInfo}, **documented(400, 409, 422, 503)}
)
def post_check(request: Request, who: Annotated[Caller, needs("import")], body: NewCheck) -> ORJSON:
    """Ask for loaded layers to be checked; GET /api/jobs/{job_id} tells how far it is."""
    return accepted(asked_for(request, who, "check", body.model_dump(mode="json")))
