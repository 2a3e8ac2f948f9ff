"""What every request goes through: an id, security headers, the access log and the counts.

Plain ASGI around the whole application, so that answers to unexpected errors
have it all too, and streams stay streams.
"""

from __future__ import annotations

import re
import secrets
import time
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access import caller
from api.logs import REQUEST_ID, tell_request
from api.metrics import Metrics
from gis.access import Caller
from gis.errors import OneMapError
from gis.settings import Settings

_SANE = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_POLICY = (
    "default-src 'self'; script-src 'self'{scripts}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:{images}; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'self'"
)
"""Styles may be inline: Leaflet's controls and the plain pages have them. Scripts may not."""


def content_policy(scripts: str = "", images: str = "") -> str:
    """Return the Content-Security-Policy of a page with further sources of scripts and of images."""
    return _POLICY.format(scripts=f" {scripts}" if scripts else "", images=f" {images}" if images else "")


_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"content-security-policy": content_policy().encode(),
}


class Door:
    """Gives a request its id, and its answer the headers; tells log and counts when it is done."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics | None) -> None:
        self._app = app
        self._logs = settings.log == "json"
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        token = REQUEST_ID.set(request_id)
        begun_s = time.perf_counter()
        # An application that breaks off without an answer has failed.
        told = {"status": 500, "bytes": 0}

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                told["status"] = message["status"]
                _add_headers(message, request_id)
            else:
                told["bytes"] += len(message.get("body", b""))
            await send(message)

        if self._metrics:
            self._metrics.begin()
        try:
            await self._app(scope, receive, sent)
        finally:
            took_s = time.perf_counter() - begun_s
            if self._metrics:
                self._metrics.end(scope, told["status"], took_s)
            if self._logs:
                _tell(scope, told, took_s)
            REQUEST_ID.reset(token)


def _request_id(scope: Scope) -> str:
    """Return the id that the caller gave the request, if it is one, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SANE.fullmatch(value):
            return str(value, "ascii")
    return secrets.token_hex(16)


def _add_headers(message: Message, request_id: str) -> None:
    headers = message.setdefault("headers", [])
    present = {name for name, _ in headers}
    message["headers"] = [
        *headers,
        *((name, value) for name, value in _HEADERS.items() if name not in present),
        (b"x-request-id", request_id.encode()),
    ]


def caller_name(scope: Scope) -> str:
    """Return the name of a known caller, and the address of any other."""
    try:
        return _name(scope, caller(Request(scope)))
    except OneMapError:
        return _name(scope, None)  # a key that is none is refused by the route; here it is nobody's


def _name(scope: Scope, found: Caller | None) -> str:
    if found is not None and found.known:
        return found.name
    client = scope.get("client")
    return client[0] if client else "unknown"


def _tell(scope: Scope, told: dict[str, Any], took_s: float) -> None:
    # The query may hold a key, and bodies what nobody else should read: neither is told.
    fields = {
        "caller": _name(scope, scope.get("state", {}).get("caller")),
        "method": scope["method"],
        "path": scope["path"].encode("utf-8", "backslashreplace").decode(),
        "status": told["status"],
        "ms": round(took_s * 1e3, 2),
        "bytes": told["bytes"],
    }
    tell_request(fields)
