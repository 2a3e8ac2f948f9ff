"""The queue of jobs: the tables and functions of procrastinate in the schema `job` of the store itself."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import procrastinate
import psycopg
import sqlalchemy as sa
from procrastinate.sql import queries

from gis.store.copy import raw
from gis.store.migrate import LOCK_SPACE

TASK = "onemap"
QUEUE = "city"
LOCK = "city"
"""What every entry of the queue locks while it is under way: a city has one job at a time."""

SEARCH_PATH = "SET LOCAL search_path TO job, public"
HEARTBEAT_S = 1.0
STALLED_S = 6.0
"""A worker that gave no sign for so long is taken for dead. If it only hung, nothing is done twice: whoever
takes up its job waits until the database connection of the first is gone."""

# Entries are made on connections that are given: this one never opens any.
_asking = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())


def put(connection: sa.Connection, job_id: UUID) -> int:
    """Put a job into the queue, in the caller's transaction, and return the number of its entry."""
    connection.exec_driver_sql(SEARCH_PATH)
    entry = _asking.configure_task(TASK, queue=QUEUE, lock=LOCK, connection=raw(connection))
    return entry.defer(job_id=str(job_id))


def withdraw(connection: sa.Connection, queue_id: int | None) -> bool:
    """Take an entry out of the queue, or ask its worker to stop; return whether a worker has it."""
    connection.exec_driver_sql(SEARCH_PATH)
    _call(connection, "cancel_job", job_id=queue_id, abort=True, delete_job=True)
    left = connection.execute(sa.text("SELECT 1 FROM procrastinate_jobs WHERE id = :id"), {"id": queue_id})
    return left.first() is not None


def give_back(connection: sa.Connection, queue_id: int) -> bool:
    """Let another worker have an entry that is under way; return False where it was to be stopped.

    Then it is taken out of the queue.
    """
    connection.exec_driver_sql(SEARCH_PATH)
    query = "SELECT abort_requested FROM procrastinate_jobs WHERE id = :id AND status = 'doing' FOR UPDATE"
    stop = connection.scalar(sa.text(query), {"id": queue_id})
    if stop:
        _call(connection, "finish_job", job_id=queue_id, status="aborted", delete_job=True)
    elif stop is not None:
        unchanged = {"new_priority": None, "new_queue_name": None, "new_lock": None}
        _call(connection, "retry_job", job_id=queue_id, retry_at=None, **unchanged)
    return not stop


def stalled(connection: sa.Connection) -> list[int]:
    """Return the entries that dead workers have; none while another worker looks after them."""
    mine = sa.text("SELECT pg_try_advisory_xact_lock(:space, hashtext('stalled jobs'))")
    if not connection.scalar(mine, {"space": LOCK_SPACE}):
        return []
    connection.exec_driver_sql(SEARCH_PATH)
    # Set back, the clock would let a dead worker live until it is that late again.
    set_back = (
        "UPDATE procrastinate_workers SET last_heartbeat = now() WHERE last_heartbeat > clock_timestamp()"
    )
    connection.exec_driver_sql(set_back)
    asked = {"queue": QUEUE, "task_name": TASK, "seconds_since_heartbeat": STALLED_S}
    return [row[0] for row in _call(connection, "select_stalled_jobs_by_heartbeat", **asked)]


def application(engine: sa.Engine) -> procrastinate.App:
    """Return procrastinate on connections of its own to the database of `engine`."""
    _, arguments = engine.dialect.create_connect_args(engine.url)

    async def configure(connection: psycopg.AsyncConnection[Any]) -> None:
        await connection.execute("SET search_path TO job, public")
        await connection.commit()

    pool = procrastinate.PsycopgConnector(
        kwargs=arguments, configure=configure, min_size=1, max_size=4, timeout=10.0
    )
    return procrastinate.App(connector=pool)


def _call(connection: sa.Connection, query: str, **values: Any) -> psycopg.Cursor[Any]:
    """Run a query of procrastinate."""
    return raw(connection).execute(cast("Any", queries[query]), values)
