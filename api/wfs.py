"""WFS 2.0.0 and 1.1.0 under /wfs, read only, for platforms that know no OGC API: what /ogc serves, as GML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from fastapi import APIRouter, Request, Response

from api.ogc_documents import collection_of, served
from api.problems import documented, status_of
from api.wfs_features import OWN, answer
from api.wfs_query import (
    DEFAULT_CRS,
    FORMATS,
    JSON,
    MAX_COUNT,
    MAX_START,
    NAMED,
    V1,
    V2,
    OwsError,
    read,
    type_name,
    type_names,
    version,
)
from api.wfs_query import features as features_asked
from api.wfs_xml import capabilities, exception, schema
from gis.errors import InputError, NotFoundError
from gis.store.filters import MAX_CHARS

router = APIRouter(tags=["WFS"])

XML = "text/xml"
GML = "application/gml+xml"
_TEXT = {"type": "string"}
_WHOLE = {"type": "integer", "minimum": 0, "maximum": MAX_START}
_COUNT = {"type": "integer", "minimum": 1, "maximum": MAX_COUNT}
_SYSTEM = {"type": "string", "enum": list(NAMED), "default": DEFAULT_CRS}
_FILTER = {"type": "string", "maxLength": MAX_CHARS}
_KVP: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "service": ("WFS", {"type": "string", "enum": ["WFS"]}),
    "request": (
        "What is asked for",
        {"type": "string", "enum": ["GetCapabilities", "DescribeFeatureType", "GetFeature"]},
    ),
    "version": ("Version of the answer", {"type": "string", "enum": [V2, V1], "default": V2}),
    "acceptVersions": ("Versions that the caller knows, the best first", _TEXT),
    "typeNames": ("Feature types (2.0.0); one for GetFeature", _TEXT),
    "typeName": ("The same in 1.1.0", _TEXT),
    "count": ("Features in the answer (2.0.0)", _COUNT),
    "maxFeatures": ("The same in 1.1.0; without it, more than are served at once are refused", _COUNT),
    "startIndex": ("Features to be left out at the begin (2.0.0)", _WHOLE),
    "bbox": (
        "Only features that meet this box: lower and upper corner, and the name of their system, without "
        "which it is that of `srsName`",
        _TEXT,
    ),
    "srsName": (
        "Coordinate system of the answer: EPSG:n has x before y, the longer names the axes of the registry",
        _SYSTEM,
    ),
    "sortBy": ("Properties to sort by: `heat_load_kw DESC,name`; what is missing comes last", _TEXT),
    "resultType": ("`hits` for how many match", {"type": "string", "enum": ["results", "hits"]}),
    "resourceID": ("Ids of features, as `gml:id` has them (2.0.0)", _TEXT),
    "featureID": ("The same in 1.1.0", _TEXT),
    "propertyName": ("Properties in the answer, all without it", _TEXT),
    "filter": ("Condition in FES 2.0 or Filter 1.1: comparisons, And, Or, Not, BBOX, ids", _FILTER),
    "cql_filter": ("Condition in CQL2 text as under /ogc, its geometries in CRS84", _FILTER),
    "outputFormat": ("Form of the features", _TEXT),
}  # fmt: skip
_FAILS: dict[int | str, dict[str, Any]] = {
    s: {"description": told, "content": {XML: {}}} for s, told in ((400, "Refused"), (404, "Unknown"))
}


def _reports(route: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """Make errors of the request exception reports, as clients of WFS know them."""

    @wraps(route)
    def reporting(request: Request) -> Response:
        try:
            return route(request)
        except (InputError, NotFoundError) as error:
            code = error.code if isinstance(error, OwsError) else "InvalidParameterValue"
            locator = error.locator if isinstance(error, OwsError) else "typeNames"
            return _refused(request, status_of(error), str(error), code, locator)

    return reporting


def _refused(request: Request, status: int, message: str, code: str, locator: str) -> Response:
    asked = {name.lower(): value for name, value in request.query_params.items()}
    known = V1 if asked.get("version", "").startswith("1") else V2
    return Response(exception(known, message, code, locator), status_code=status, media_type=XML)


@router.get(
    "/wfs",
    summary="WFS by key-value pairs",
    response_class=Response,
    responses={200: {"content": {XML: {}, GML: {}, JSON: {}}}, **_FAILS, **documented(503)},
    openapi_extra={
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": name == "request",
                "description": told,
                "schema": schema_,
            }
            for name, (told, schema_) in _KVP.items()
        ]
    },
)
@_reports
def get_wfs(request: Request) -> Response:
    """Answer GetCapabilities, DescribeFeatureType or GetFeature; names of parameters may be in any case."""
    query = read(request)
    if query.get("service", "WFS").upper() != "WFS":
        raise OwsError("This is a WFS: write service=WFS.", "InvalidParameterValue", "service")
    wanted = query.get("request")
    if not wanted:
        raise OwsError(f"request is missing: {_known()}.", "MissingParameterValue", "request")
    if wanted not in _ANSWERS:
        raise OwsError(
            f"The operation {wanted[:60]!r} is not served: {_known()}.", "OperationNotSupported", "request"
        )
    return _ANSWERS[wanted](request, query, version(query))


@router.post("/wfs", include_in_schema=False)
def post_wfs(request: Request) -> Response:
    """Tell those who would write, or ask in XML, that there is GET only."""
    message = "This service is read only and asked by GET: write the request as key-value pairs."
    found = _refused(request, 405, message, "OperationNotSupported", "request")
    found.headers["Allow"] = "GET"
    return found


def _known() -> str:
    return f"it is one of {', '.join(_ANSWERS)}"


def _address(request: Request) -> str:
    return f"{str(request.base_url).rstrip('/')}/wfs"


def _capabilities(request: Request, query: Mapping[str, str], version_: str) -> Response:
    extents = request.app.state.extents
    found = [(one.collection, extents.around(one.around)) for one in served(request).values()]
    return Response(capabilities(version_, _address(request), found), media_type=XML, headers=OWN)


def _schema(request: Request, query: Mapping[str, str], version_: str) -> Response:
    names = list(dict.fromkeys(type_names(query)))
    if names:
        found = [collection_of(request, name).collection for name in names]
    else:
        found = [one.collection for one in served(request).values()]
    type_ = XML if version_ == V1 else next(iter(FORMATS[V2]))
    return Response(schema(version_, found), media_type=type_, headers=OWN)


def _features(request: Request, query: Mapping[str, str], version_: str) -> Response:
    place = collection_of(request, type_name(query))
    asked = features_asked(query, version_, place.collection)
    return answer(request, _address(request), version_, place, asked)


_ANSWERS: Mapping[str, Callable[[Request, Mapping[str, str], str], Response]] = {
    "GetCapabilities": _capabilities,
    "DescribeFeatureType": _schema,
    "GetFeature": _features,
}
