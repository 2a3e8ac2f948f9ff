"""Limits of every request, whatever its route: the size of its body, and how many one caller may make."""

from __future__ import annotations

import time
from collections.abc import Callable

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem
from gis.settings import Settings

_WINDOW_S = 10
"""A caller may use up what is due in this time at once: a map page begins with a burst."""


UPLOADS = "/api/imports"
"""Where bodies are files, with a limit of their own."""

_FORM_BYTES = 100_000
"""What a form has beside its file."""


class Limits:
    """Refuses a body over the limit as soon as it is known, and callers over `rate_per_s`.

    Requests are counted in this process: with several web processes a caller may get up to as many
    times the rate. `name_of` tells whom a request is counted for.
    """

    def __init__(self, app: ASGIApp, settings: Settings, name_of: Callable[[Scope], str]) -> None:
        self._app = app
        self._max_body_bytes = settings.max_body_bytes
        self._max_upload_bytes = settings.max_upload_bytes + _FORM_BYTES
        self._name_of = name_of
        self._rate = None
        if settings.rate_per_s is not None:
            self._rate = RateLimitItemPerSecond(round(settings.rate_per_s * _WINDOW_S), _WINDOW_S)
            self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._rate is not None and not self._limiter.hit(self._rate, name := await self._name(scope)):
            reset_s = self._limiter.get_window_stats(self._rate, name).reset_time - time.time()
            answer = problem(
                Request(scope),
                429,
                f"More than {self._rate.amount} requests in {_WINDOW_S} s came from {name}; "
                "wait a moment and ask less often.",
                headers={"Retry-After": str(max(1, min(_WINDOW_S, round(reset_s))))},
            )
            await answer(scope, receive, send)
            return
        most_bytes = self._max_upload_bytes if scope["path"] == UPLOADS else self._max_body_bytes
        declared = next((v for k, v in scope["headers"] if k == b"content-length"), b"")
        if declared.isdigit() and int(declared) > most_bytes:
            answer = problem(
                Request(scope), 413, _too_large(most_bytes), headers={"Connection": "close"}, code="too_large"
            )
            await answer(scope, receive, send)
            return
        await self._app(scope, _counted(receive, most_bytes), send)

    async def _name(self, scope: Scope) -> str:
        # Keys are looked up in the database, which may take its time.
        return await run_in_threadpool(self._name_of, scope)


def _counted(receive: Receive, most_bytes: int) -> Receive:
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most_bytes:
            raise HTTPException(413, _too_large(most_bytes), headers={"Connection": "close"})
        return message

    return counted


def _too_large(most_bytes: int) -> str:
    return f"The body is larger than {most_bytes} bytes; send less at a time."
