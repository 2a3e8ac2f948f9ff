"""What the program says on stderr: short lines for people, or one JSON object a line."""

from __future__ import annotations

import logging
import sys
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from textwrap import indent
from typing import Any

import orjson

from gis.settings import Settings

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that is being answered, in its threads too."""

_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), 127)}


def configure(settings: Settings) -> None:
    """Send warnings and errors to stderr in the form of the settings; as JSON every request too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if settings.log == "json" else _Plain())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def tell_request(fields: dict[str, Any]) -> None:
    """Write the JSON line of a request; a record of `logging` would take four times as long."""
    sys.stderr.write(_line(time.time(), "info", "request", fields))


def _line(at_s: float, level: str, message: str, fields: dict[str, Any]) -> str:
    line = {
        "time": datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds"),
        "level": level,
        "message": message,
        "request_id": REQUEST_ID.get(),
    }
    return orjson.dumps(line | fields, default=str, option=orjson.OPT_APPEND_NEWLINE).decode()


class _Plain(logging.Formatter):
    """`warning: what happened [request id]`, the traceback of an unexpected error below it, set in."""

    def format(self, record: logging.LogRecord) -> str:
        # A line break from a request cannot pass for a line of ours.
        line = f"{record.levelname.lower()}: {record.getMessage().translate(_CONTROL)}"
        request_id = REQUEST_ID.get()
        if request_id:
            line += f" [{request_id}]"
        return f"{line}\n{indent(self.formatException(record.exc_info), '  ')}" if record.exc_info else line


class _Json(logging.Formatter):
    """One object: time (UTC), level, message, request_id, and the traceback of an unexpected error."""

    def format(self, record: logging.LogRecord) -> str:
        more = {"traceback": self.formatException(record.exc_info)} if record.exc_info else {}
        message = record.getMessage().encode("utf-8", "backslashreplace").decode()
        return _line(record.created, record.levelname.lower(), message, more).rstrip("\n")
