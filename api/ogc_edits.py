"""Features of layers made, replaced, changed and deleted one at a time (OGC API Features, part 4).

Whoever changes a feature says by If-Match which state of it they saw; where it is another by now, nothing
is changed. Every change is a version of its layer, and the results follow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import geopandas as gpd
from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.exceptions import HTTPException

from api.access import check_readable, needs
from api.geojson import MEDIA_TYPES, declared_as, declared_body, parse, read_geometry
from api.jobs import asked_for
from api.logs import REQUEST_ID
from api.ogc_links import url
from api.parameters import FeatureId
from api.problems import documented
from api.responses import ORJSON
from gis.access import Caller
from gis.errors import BodyError, BusyError, ChangedError, InputError, NotFoundError
from gis.ingest.editing import merged
from gis.ingest.projects import check_edit
from gis.jobs import waiting
from gis.register.record import PROJECT
from gis.store import Store, audit
from gis.store.editing import Editing
from layers import LAYERS, LayerSpec

router = APIRouter(prefix="/ogc", tags=["OGC API Features"])

MERGE = "application/merge-patch+json"
_EXAMPLE = {
    "type": "Feature",
    "geometry": {"type": "Point", "coordinates": [116.51, 39.87]},
    "properties": {"wastewater_plant_id": "P-100", "name": "新建再生水厂", "design_capacity_m3_per_d": 50000},
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {m: {"schema": {"type": "object"}, "example": _EXAMPLE} for m in (*MEDIA_TYPES, MERGE)},
    }
}
_EDITED = {
    "type": "object",
    "required": ["layer", "feature_id", "version", "etag", "job_id"],
    "properties": {
        "layer": {"type": "string"},
        "feature_id": {"type": "string"},
        "version": {"type": "integer", "description": "the layer's version that this made"},
        "etag": {"description": "what to send in If-Match with the next change; null once deleted"},
        "job_id": {"description": "the scoring run that follows; null before the first run"},
    },
}
_CONTENT = {"content": {"application/json": {"schema": _EDITED}}}
_DONE: dict[int | str, dict[str, Any]] = {200: {"description": "Done", **_CONTENT}}
_FAILS = documented(400, 404, 409, 412, 413, 415, 422, 428, 503)
LayerId = Annotated[str, Path(max_length=60, description="layer whose feature it is")]
IfMatch = Annotated[str, Header(max_length=2000, description="ETag of the feature as GET has told it")]
Editor = Annotated[Caller, needs("edit")]
Correction = Annotated[
    str,
    Query(
        max_length=500,
        pattern=r"^([^\x00]{5,500})?$",
        description="why the status of a heat project, entered by mistake, is set against the order of "
        "states; the log keeps it",
    ),
]
Sent = Annotated[bytes, Depends(declared_body)]
Patch = Annotated[bytes, Depends(declared_as(*MEDIA_TYPES, MERGE))]


@router.post(
    "/collections/{collection_id}/items",
    status_code=201,
    responses={201: {"description": "Made", **_CONTENT}, **_FAILS},
    openapi_extra=_BODY,
)
def post_item(request: Request, who: Editor, collection_id: LayerId, body: Sent) -> ORJSON:
    """Make a feature of a layer: a GeoJSON Feature in longitude and latitude with the layer's key."""
    spec = _layer(request, collection_id)
    feature = _feature(body)
    properties = _properties(feature)
    key = properties.get(spec.key, feature.get("id"))
    if not isinstance(key, str) or not key:
        raise BodyError(f"The feature has no {spec.key}, a text by which it is known.", "/properties")
    with _editing(request, who, spec) as edit:
        if edit.state(key) is not None:
            raise HTTPException(409, f"{spec.id} has a feature {key!r} already: replace it with PUT.")
        frame = merged(spec, None, key, properties, _outline(feature, required=True))
        _check_register(request, edit, None, frame)
        version, state = edit.put(frame, _sha256(body)), edit.state(key)
    told = _told(request, who, spec, key, version.version, state)
    place = url(request, "collections", spec.id, "items", key)
    return ORJSON(told, status_code=201, headers={"ETag": f'"{state}"', "Location": place})


@router.put(
    "/collections/{collection_id}/items/{feature_id:path}",
    responses={**_DONE, **_FAILS},
    openapi_extra=_BODY,
)
def put_item(
    request: Request,
    who: Editor,
    collection_id: LayerId,
    feature_id: FeatureId,
    body: Sent,
    if_match: IfMatch = "",
) -> ORJSON:
    """Replace a feature by another of the same key: what is not sent is missing afterwards."""
    spec, feature = _layer(request, collection_id), _feature(body)
    with _editing(request, who, spec) as edit:
        _check_seen(edit, feature_id, if_match)
        frame = merged(spec, None, feature_id, _properties(feature), _outline(feature, required=True))
        _check_register(request, edit, feature_id, frame)
        version, state = edit.put(frame, _sha256(body)), edit.state(feature_id)
    told = _told(request, who, spec, feature_id, version.version, state)
    return ORJSON(told, headers={"ETag": f'"{state}"'})


@router.patch(
    "/collections/{collection_id}/items/{feature_id:path}",
    responses={**_DONE, **_FAILS},
    openapi_extra=_BODY,
)
def patch_item(
    request: Request,
    who: Editor,
    collection_id: LayerId,
    feature_id: FeatureId,
    body: Patch,
    if_match: IfMatch = "",
    correction: Correction = "",
) -> ORJSON:
    """Change some properties of a feature, or its outline: what is not sent stays, null is missing."""
    spec, feature = _layer(request, collection_id), _feature(body)
    if correction and spec.id != PROJECT:
        raise InputError(f"correction is of the layer {PROJECT}, whose states follow an order: leave it out.")
    with _editing(request, who, spec) as edit:
        _check_seen(edit, feature_id, if_match)
        held, outline = edit.feature(feature_id), _outline(feature, required=False)
        frame = merged(spec, held, feature_id, _properties(feature), outline)
        _check_register(request, edit, feature_id, frame, correction or None)
        version, state = edit.put(frame, _sha256(body), correction or None), edit.state(feature_id)
    told = _told(request, who, spec, feature_id, version.version, state)
    return ORJSON(told, headers={"ETag": f'"{state}"'})


@router.delete(
    "/collections/{collection_id}/items/{feature_id:path}",
    responses={**_DONE, **_FAILS},
)
def delete_item(
    request: Request, who: Editor, collection_id: LayerId, feature_id: FeatureId, if_match: IfMatch = ""
) -> ORJSON:
    """Delete a feature; what it was can still be had of the days before."""
    spec = _layer(request, collection_id)
    with _editing(request, who, spec) as edit:
        _check_seen(edit, feature_id, if_match)
        version = edit.remove(feature_id, _sha256(b""))
    return ORJSON(_told(request, who, spec, feature_id, version.version, None))


def _layer(request: Request, id_: str) -> LayerSpec:
    if id_ not in LAYERS:
        known = ", ".join(LAYERS)
        raise NotFoundError(f"There is no layer {id_[:60]!r} whose features change; there are {known}.")
    check_readable(request, id_)
    return LAYERS[id_]


@contextmanager
def _editing(request: Request, who: Caller, spec: LayerSpec) -> Iterator[Editing]:
    """Give a way to change a feature in the caller's name."""
    with audit.acting(who.name, REQUEST_ID.get()), _store(request).editing(spec.id) as edit:
        yield edit


def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


def _feature(body: bytes) -> Mapping[str, Any]:
    value = parse(body)
    if not isinstance(value, dict) or value.get("type", "Feature") != "Feature":
        raise BodyError("The body must be a GeoJSON Feature.", "/type")
    return value


def _properties(feature: Mapping[str, Any]) -> dict[str, Any]:
    properties = feature.get("properties")
    if properties is None:
        return {}
    if not isinstance(properties, dict):
        raise BodyError("properties must be an object or null.", "/properties")
    for name, value in properties.items():
        if isinstance(value, dict | list):
            raise BodyError(f"{name} must be a text, a number, true, false or null.", f"/properties/{name}")
    return properties


def _outline(feature: Mapping[str, Any], *, required: bool) -> Any:
    """Return the outline that is sent, None for null, and `...` where none is."""
    if "geometry" not in feature:
        if required:
            raise BodyError("The feature has no geometry; send null where there is none.", "/geometry")
        return ...
    return None if feature["geometry"] is None else read_geometry(feature["geometry"], "/geometry")


def _check_seen(edit: Editing, feature_id: str, if_match: str) -> None:
    """Raise unless the feature is there, and is what the caller saw."""
    state = edit.state(feature_id)
    if state is None:
        raise NotFoundError(f"The layer {edit.spec.id} has no feature {feature_id!r}.")
    if not if_match:
        raise HTTPException(
            428, "Say which state of the feature you change: send its ETag, as GET tells it, in If-Match."
        )
    tags = [tag.strip().strip('"') for tag in if_match.split(",")]
    if state not in tags:
        raise ChangedError(
            f"{feature_id!r} of layer {edit.spec.id} was changed since you saw it: read it again."
        )


def _check_register(
    request: Request,
    edit: Editing,
    feature_id: str | None,
    frame: gpd.GeoDataFrame,
    correction: str | None = None,
) -> None:
    """Raise BodyError for a heat project that the register does not take; `feature_id` of one it holds."""
    if edit.spec.id != PROJECT:
        return
    held = None if feature_id is None else edit.feature(feature_id)
    ruleset = request.app.state.scorer.ruleset(_store(request).latest_run())
    check_edit(held, frame, ruleset, correction)


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _told(
    request: Request, who: Caller, spec: LayerSpec, feature_id: str, version: int, state: str | None
) -> dict[str, Any]:
    return {
        "layer": spec.id,
        "feature_id": feature_id,
        "version": version,
        "etag": None if state is None else f'"{state}"',
        "job_id": _follow(request, who),
    }


def _follow(request: Request, who: Caller) -> str | None:
    """Have the results follow, unless a run that waits will; return the job, None where there is none."""
    store = _store(request)
    if store.latest_run() is None:
        return None
    found = waiting(store, "score")
    if found is not None:
        return str(found.job_id)
    try:
        asked = {"as_of": None, "everything": False, "follow": True}
        return str(asked_for(request, who, "score", asked).job_id)
    except BusyError:
        return None  # the next run follows too
