"""Jobs as they are told: asked for, followed, cancelled."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID, uuid4

import sqlalchemy as sa

from gis.errors import BusyError, NotFoundError
from gis.jobs import queue
from gis.store import Store
from gis.store.connection import clear_errors
from gis.store.tables import JOB

Kind = Literal["import", "score", "match", "site", "export", "package", "diff", "check"]
State = Literal["waiting", "running", "done", "failed", "cancelled"]

MAX_WAITING = 20
"""Jobs of one caller that may wait at a time."""


@dataclass(frozen=True)
class Job:
    """One piece of work; `request` says what is to be done, `result` what came of it.

    `done` of `total` parts of `step` are behind it while it runs.
    """

    job_id: UUID
    kind: Kind
    caller: str
    request: dict[str, Any]
    request_id: str | None
    state: State
    asked_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    step: str | None
    done: int | None
    total: int | None
    result: dict[str, Any] | None
    error: str | None

    @property
    def done_frac(self) -> float | None:
        """How much of the step is done, None where that is not known."""
        return self.done / self.total if self.done is not None and self.total else None


COLUMNS = tuple(JOB.c[name] for name in Job.__dataclass_fields__)


def ask(
    store: Store,
    kind: Kind,
    request: dict[str, Any],
    caller: str,
    *,
    request_id: str | None = None,
    job_id: UUID | None = None,
) -> Job:
    """Put a job at the end of the queue and return it: its row and its entry are made in one transaction.

    Raises BusyError while `MAX_WAITING` jobs of the caller wait already.
    """
    job_id = job_id or uuid4()
    with clear_errors("Asking for a job failed"), store.engine.begin() as connection:
        of_caller = (JOB.c.caller == caller) & (JOB.c.state == "waiting")
        if (connection.scalar(sa.select(sa.func.count()).where(of_caller)) or 0) >= MAX_WAITING:
            raise BusyError(
                f"{MAX_WAITING} of your jobs are waiting already: cancel some, or try again later."
            )
        values = {"job_id": job_id, "kind": kind, "caller": caller, "request": request, "state": "waiting"}
        made = JOB.insert().values(**values, request_id=request_id, queue_id=queue.put(connection, job_id))
        return Job(**connection.execute(made.returning(*COLUMNS)).one()._mapping)


def job_of(store: Store, job_id: UUID, caller: str) -> Job:
    """Return a job of a caller; NotFoundError where they have none of this id."""
    with clear_errors("Reading a job failed"), store.engine.connect() as connection:
        return _one(connection, sa.select(*COLUMNS), job_id, caller)


def jobs_of(store: Store, caller: str, limit: int) -> list[Job]:
    """Return the last jobs of a caller, the newest first."""
    query = sa.select(*COLUMNS).where(JOB.c.caller == caller)
    newest = (JOB.c.asked_at.desc(), JOB.c.queue_id.desc())
    return _read(store, query.order_by(*newest).limit(limit))


def latest(store: Store, kind: Kind) -> Job | None:
    """Return the job of a kind that runs, else the next one that waits, else the last one that ended."""
    running, waiting = JOB.c.state == "running", JOB.c.state == "waiting"
    turn = sa.case((waiting, JOB.c.asked_at))
    order = (running.desc(), waiting.desc(), turn, JOB.c.finished_at.desc())
    return next(
        iter(_read(store, sa.select(*COLUMNS).where(JOB.c.kind == kind).order_by(*order).limit(1))), None
    )


def waiting(store: Store, kind: Kind) -> Job | None:
    """Return the job of a kind that is the next to be done, None where none waits."""
    query = sa.select(*COLUMNS).where(JOB.c.kind == kind, JOB.c.state == "waiting")
    return next(iter(_read(store, query.order_by(JOB.c.asked_at).limit(1))), None)


def cancel(store: Store, job_id: UUID, caller: str) -> Job:
    """Stop a job of a caller and return it: at once if it waits, else when it next tells how far it is.

    A job that has ended stays as it is. Raises NotFoundError where the caller has none of this id.
    """
    with clear_errors("Cancelling a job failed"), store.engine.begin() as connection:
        found = _one(connection, sa.select(*COLUMNS).with_for_update(), job_id, caller)
        if found.state not in ("waiting", "running"):
            return found
        queue_id = connection.scalar(sa.select(JOB.c.queue_id).where(JOB.c.job_id == job_id))
        if queue.withdraw(connection, queue_id) and found.state == "running":
            return found
        ended = {
            "state": "cancelled",
            "finished_at": sa.func.now(),
            "step": None,
            "done": None,
            "total": None,
        }
        changed = JOB.update().where(JOB.c.job_id == job_id).values(ended)
        return Job(**connection.execute(changed.returning(*COLUMNS)).one()._mapping)


def _one(connection: sa.Connection, query: sa.Select[Any], job_id: UUID, caller: str) -> Job:
    mine = (JOB.c.job_id == job_id) & (JOB.c.caller == caller)
    row = connection.execute(query.where(mine)).one_or_none()
    if row is None:
        raise NotFoundError(f"You have no job {job_id}.")
    return Job(**row._mapping)


def _read(store: Store, query: sa.Select[Any]) -> list[Job]:
    with clear_errors("Reading the jobs failed"), store.engine.connect() as connection:
        return [Job(**row._mapping) for row in connection.execute(query)]
