"""Errors at the HTTP door: RFC 9457 problem documents, one status map."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from api.logs import REQUEST_ID
from gis.errors import (
    AccessError,
    BodyError,
    BusyError,
    ChangedError,
    InputError,
    NotFoundError,
    OneMapError,
    StoreError,
)

MEDIA_TYPE = "application/problem+json"

STATUS: Mapping[type[OneMapError], int] = {
    AccessError: 403,
    BusyError: 409,
    ChangedError: 412,
    BodyError: 422,
    InputError: 400,
    NotFoundError: 404,
    StoreError: 503,
}

_COME_BACK = {"Retry-After": "2"}
"""What a 503 says besides: a database that is started again is there in a moment."""

log = logging.getLogger("onemap.api")


class TooLargeError(BodyError):
    """A request body exceeds a limit of the settings."""


class MediaTypeError(BodyError):
    """A request body is not declared as JSON."""


_STATUS_OF_BODY: Mapping[type[OneMapError], int] = {TooLargeError: 413, MediaTypeError: 415}


def status_of(error: OneMapError) -> int:
    """Return the HTTP status of an error: that of its nearest class in the map, else 500."""
    for cls in type(error).__mro__:
        found = _STATUS_OF_BODY.get(cls) or STATUS.get(cls)
        if found:
            return found
    return 500


def problem(
    request: Request,
    status: int,
    detail: str,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
    code: str | None = None,
) -> Response:
    """Return a problem document; `errors` holds {pointer, detail} per place, `code` is for programs."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": _clean(detail),
        "instance": _clean(request.url.path),
        "request_id": REQUEST_ID.get(),
    }
    if code:
        body["code"] = code
    if errors:
        body["errors"] = [{key: _clean(text) for key, text in e.items()} for e in errors]
    return Response(
        orjson.dumps(body),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers=(_COME_BACK if status == 503 else {}) | dict(headers or {}),
    )


def _clean(text: str) -> str:
    """Return `text` with lone surrogates escaped: a request may hold what UTF-8 cannot."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` entries of problem documents for OpenAPI."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {s: {"description": HTTPStatus(s).phrase, "content": content} for s in statuses}


def _on_onemap_error(request: Request, error: OneMapError) -> Response:
    status = status_of(error)
    if status >= 500:
        log.error("%s %s: %s", request.method, request.url.path, error)
    errors, code = [], None
    if isinstance(error, BodyError):
        errors, code = [{"pointer": error.pointer, "detail": str(error)}], error.code
    if isinstance(error, AccessError) and not error.known:
        return problem(request, 401, str(error), headers={"WWW-Authenticate": 'Bearer realm="OneMap"'})
    return problem(request, status, str(error), errors, code=code)


def _on_validation_error(request: Request, error: RequestValidationError) -> Response:
    errors = [
        {"pointer": "/" + "/".join(str(part) for part in e["loc"]), "detail": str(e["msg"])}
        for e in error.errors()
    ]
    first = errors[0]
    return problem(request, 422, f"{first['pointer'].lstrip('/')}: {first['detail']}", errors)


def _on_http_exception(request: Request, error: HTTPException) -> Response:
    return problem(request, error.status_code, str(error.detail), headers=error.headers)


def _on_database_error(request: Request, error: Exception) -> Response:
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, psycopg.errors.QueryCanceled):
        log.warning("%s %s took too long", request.method, request.url.path)
        limit_s = request.app.state.settings.statement_timeout_s
        return problem(
            request, 503, f"A query took longer than {limit_s:g} s and was stopped: ask for less at once."
        )
    log.error("%s %s: %s", request.method, request.url.path, cause)
    return problem(request, 503, "The database did not answer; try again in a moment.")


def _on_unexpected(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(request, 500, "The server failed on this request; its log says why.")


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem document and declare the schema of one."""
    app.exception_handler(OneMapError)(_on_onemap_error)
    app.exception_handler(RequestValidationError)(_on_validation_error)
    app.exception_handler(HTTPException)(_on_http_exception)
    for kind in (DBAPIError, PoolTimeoutError, psycopg.Error):
        app.exception_handler(kind)(_on_database_error)
    app.exception_handler(Exception)(_on_unexpected)
