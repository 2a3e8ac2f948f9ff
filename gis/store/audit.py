"""The log of writes and exports: who did what, written in the transaction that did it."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gis.store.connection import clear_errors
from gis.store.tables import AUDIT


@dataclass(frozen=True)
class Entry:
    """One line of the log; `actor` is a caller of the API, or `cli:` and the user of the machine."""

    at: datetime
    actor: str
    action: str
    target: str
    detail: dict[str, Any]
    request_id: str | None


_ACTOR: ContextVar[tuple[str, str | None] | None] = ContextVar("actor", default=None)


@contextmanager
def acting(actor: str, request_id: str | None = None) -> Iterator[None]:
    """Say for whom this thread writes meanwhile; without it that is the user of the command line."""
    token = _ACTOR.set((actor, request_id))
    try:
        yield
    finally:
        _ACTOR.reset(token)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in a container
        return "unknown"


def actor() -> str:
    """Return for whom this thread writes."""
    return (_ACTOR.get() or (f"cli:{_user()}", None))[0]


def write(connection: sa.Connection, action: str, target: str, **detail: Any) -> None:
    """Add a line to the log in the caller's transaction."""
    request_id = (_ACTOR.get() or (None, None))[1]
    connection.execute(
        AUDIT.insert().values(
            actor=actor(), action=action, target=target, detail=detail, request_id=request_id
        )
    )


def last(engine: sa.Engine, count: int) -> list[Entry]:
    """Return the last lines of the log, the newest first."""
    columns = (AUDIT.c[name] for name in Entry.__dataclass_fields__)
    query = sa.select(*columns).order_by(AUDIT.c.audit_id.desc()).limit(count)
    with clear_errors("Reading the log failed"), engine.connect() as connection:
        return [Entry(**row._mapping) for row in connection.execute(query)]
