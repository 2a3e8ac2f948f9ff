"""One job from its start to its end, on a connection that nobody else can have."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from gis.errors import OneMapError
from gis.jobs.records import COLUMNS, Job, State
from gis.store import Store
from gis.store.migrate import LOCK_SPACE
from gis.store.tables import JOB

log = logging.getLogger("onemap.jobs")

TELL_EVERY_S = 0.5
MAX_STARTS = 3

Progress = Callable[[int, int, str], None]
Work = Callable[[Job, Progress], dict[str, Any]]


class Cancelled(Exception):
    """Raised into a job by its progress when it was cancelled: its transaction is rolled back."""


class Lost(Exception):
    """The database went away, and with it the right to run a job: it has to be begun anew."""


def run_job(store: Store, job_id: UUID, work: Work, stop: Callable[[], bool]) -> None:
    """Do a job unless it has ended or was cancelled, and write down what came of it.

    `stop` is asked whenever the job tells how far it is. Raises Lost where nothing can be written down.
    """
    with _alone(store) as connection:
        job = _begin(connection, job_id)
        if job is None:
            return
        log.info(
            "job %s (%s) begins, asked for by %s, request %s", job_id, job.kind, job.caller, job.request_id
        )
        try:
            result = work(job, _Teller(connection, job_id, stop))
        except Cancelled:
            _end(connection, job_id, "cancelled")
        except Lost:
            raise
        except OneMapError as error:
            # An error of a database that went away is none of the job.
            connection.exec_driver_sql("SELECT 1")
            _end(connection, job_id, "failed", error=str(error))
        except Exception as error:
            connection.exec_driver_sql("SELECT 1")
            log.error("job %s (%s) failed", job_id, job.kind, exc_info=error)
            _end(connection, job_id, "failed", error="The server failed on this job; its log says why.")
        else:
            _end(connection, job_id, "done", result=result)


@contextmanager
def _alone(store: Store) -> Iterator[sa.Connection]:
    """Give a connection that holds the right to run jobs; waits until whoever has it is gone.

    The right ends with the connection, so that a worker that was killed does not keep it, and one that
    only seemed dead does not share it. Raises Lost when the connection breaks.
    """
    try:
        with store.engine.connect() as pooled:
            connection = pooled.execution_options(isolation_level="AUTOCOMMIT")
            connection.detach()
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.execute(
                sa.text("SELECT pg_advisory_lock(:space, hashtext('run a job'))"), {"space": LOCK_SPACE}
            )
            yield connection
    except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
        raise Lost("the database went away") from error


def _begin(connection: sa.Connection, job_id: UUID) -> Job | None:
    """Return a job that is to be done now; None where it has ended, or ended its workers too often."""
    open_ = (JOB.c.job_id == job_id) & JOB.c.state.in_(("waiting", "running"))
    started = {"state": "running", "started_at": sa.func.coalesce(JOB.c.started_at, sa.func.now())}
    begun = JOB.update().where(open_).values(**started, start_count=JOB.c.start_count + 1)
    row = connection.execute(begun.returning(*COLUMNS, JOB.c.start_count)).one_or_none()
    if row is None:
        return None
    *values, start_count = row
    if start_count > MAX_STARTS:
        told = f"The worker died {MAX_STARTS} times in this job, perhaps for want of memory: it is given up."
        _end(connection, job_id, "failed", error=told)
        return None
    return Job(*values)


def _end(connection: sa.Connection, job_id: UUID, state: State, **told: Any) -> None:
    running = (JOB.c.job_id == job_id) & (JOB.c.state == "running")
    cleared: dict[str, Any] = {"step": None, "done": None, "total": None}
    ended = JOB.update().where(running).values(state=state, finished_at=sa.func.now(), **cleared, **told)
    connection.execute(ended)
    log.info("job %s is %s", job_id, state)


class _Teller:
    """The progress of a job: written down now and then, and where its end is asked for, it ends here."""

    def __init__(self, connection: sa.Connection, job_id: UUID, stop: Callable[[], bool]) -> None:
        self._connection = connection
        self._job_id = job_id
        self._stop = stop
        self._next_s = 0.0

    def __call__(self, done: int, total: int, label: str) -> None:
        if self._stop():
            raise Cancelled
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + TELL_EVERY_S
        told = JOB.update().where(JOB.c.job_id == self._job_id, JOB.c.state == "running")
        try:
            self._connection.execute(told.values(step=label, done=done, total=total))
        except sa.exc.DBAPIError as error:
            raise Lost("the database went away") from error
