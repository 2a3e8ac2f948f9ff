"""What the program says on stderr: short lines for people, or one JSON object a line."""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import orjson

from gis.settings import Settings

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that is being answered, in its threads too."""

ACCESS = logging.getLogger("onemap.access")
"""Told of every request, with the fields of its line as `extra={"fields": {...}}`."""

_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), 127)}


def configure(settings: Settings) -> None:
    """Send warnings and errors to stderr in the form of the settings; as JSON every request too."""
    as_json = settings.log == "json"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if as_json else _Plain())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    # What is only of interest line by line is not even made where nobody asked for it.
    ACCESS.setLevel(logging.INFO if as_json else logging.WARNING)


class _Plain(logging.Formatter):
    """`warning: what happened [request id]`, the traceback of an unexpected error below it."""

    def format(self, record: logging.LogRecord) -> str:
        # A line break from a request cannot pass for a line of ours.
        line = f"{record.levelname.lower()}: {record.getMessage().translate(_CONTROL)}"
        request_id = REQUEST_ID.get()
        if request_id:
            line += f" [{request_id}]"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _Json(logging.Formatter):
    """One object: time (UTC), level, what, request_id, and the fields of a request or the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "request_id": REQUEST_ID.get(),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()
