"""A worker: takes jobs from the queue, one at a time, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import procrastinate
import psycopg
import psycopg_pool
import sqlalchemy as sa
from procrastinate import exceptions

from gis.errors import OneMapError
from gis.jobs import queue
from gis.jobs.files import remove_old, remove_upload
from gis.jobs.run import Lost, run_job
from gis.jobs.work import work_on
from gis.settings import Settings
from gis.store import Store
from gis.store.tables import JOB

log = logging.getLogger("onemap.jobs")

_AWAY = (
    OneMapError,
    sa.exc.DBAPIError,
    psycopg.Error,
    exceptions.ConnectorException,
    psycopg_pool.PoolTimeout,
)
_CARE_EVERY_S = 1.0
_SWEEP_EVERY_S = 3600.0


class _Again(procrastinate.BaseRetryStrategy):
    """What was cut off because the database went away is begun anew; all other ends are final."""

    def get_retry_decision(
        self, *, exception: BaseException, job: procrastinate.jobs.Job
    ) -> procrastinate.RetryDecision | None:
        return procrastinate.RetryDecision(retry_in={"seconds": 1}) if isinstance(exception, Lost) else None


class Worker:
    """Takes the jobs of a store; `run` returns after `stop`.

    A job that is under way then has `grace_s` to end. If it does not, it goes back to the queue and `left` is
    called, which has to end the process: a thread cannot be ended.
    """

    def __init__(self, store: Store, settings: Settings, grace_s: float, left: Callable[[], None]) -> None:
        self._store = store
        self._settings = settings
        self._grace_s = grace_s
        self._left = left
        self._entry: int | None = None
        self._lost: list[UUID] = []
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._swept_s = 0.0

    def run(self) -> None:
        """Work until `stop` is called; a database that goes away is waited for."""
        asyncio.run(self._run())

    def stop(self) -> None:
        """Take no more jobs; to be called in any thread, and in a signal handler. Again, it does nothing."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        after = threading.Timer(self._grace_s, self._give_back)
        after.daemon = True
        after.start()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            self._task = asyncio.create_task(self._work())
            try:
                await self._task
            except asyncio.CancelledError:
                return
            except _AWAY as error:
                log.warning("the database does not answer (%s): asking again", str(error).split("\n")[0])
            with suppress(asyncio.CancelledError):
                self._task = asyncio.create_task(asyncio.sleep(1.0))
                await self._task

    async def _work(self) -> None:
        """Work as long as the database answers."""
        # By the store's own connection first: it starts an embedded server that died.
        await asyncio.to_thread(self._care)
        app = queue.application(self._store.engine)
        app.task(name=queue.TASK, queue=queue.QUEUE, pass_context=True, retry=_Again())(self._job)
        async with app.open_async():
            care = asyncio.create_task(_every(_CARE_EVERY_S, lambda: asyncio.to_thread(self._care)))
            try:
                await app.run_worker_async(
                    queues=[queue.QUEUE],
                    concurrency=1,
                    fetch_job_polling_interval=1.0,
                    abort_job_polling_interval=1.0,
                    update_heartbeat_interval=queue.HEARTBEAT_S,
                    stalled_worker_timeout=queue.STALLED_S,
                    delete_jobs="always",
                    install_signal_handlers=False,
                )
            finally:
                care.cancel()

    def _job(self, context: procrastinate.JobContext, job_id: str) -> None:
        self._entry = context.job.id
        try:
            run_job(self._store, UUID(job_id), work_on(self._store, self._settings), context.should_abort)
            remove_upload(self._settings, UUID(job_id))
        except Lost:
            self._lost.append(UUID(job_id))
            raise
        finally:
            self._entry = None

    def _care(self) -> None:
        """Put the jobs of dead workers back into the queue, and remove old files."""
        with self._store.engine.begin() as connection:
            # That the database went away is no fault of a job: this start does not count.
            for job_id in self._lost:
                lost = JOB.update().where(JOB.c.job_id == job_id)
                connection.execute(lost.values(start_count=JOB.c.start_count - 1))
            for entry in queue.stalled(connection):
                if entry != self._entry:
                    _return(connection, entry)
        self._lost.clear()
        if time.monotonic() > self._swept_s:
            self._swept_s = time.monotonic() + _SWEEP_EVERY_S
            remove_old(self._settings)

    def _give_back(self) -> None:
        """Let the next worker begin anew what takes too long."""
        entry = self._entry
        if entry is None:
            return
        try:
            with self._store.engine.begin() as connection:
                row = JOB.update().where(JOB.c.queue_id == entry, JOB.c.state == "running")
                # It is no fault of the job that it was cut off.
                connection.execute(row.values(state="waiting", start_count=JOB.c.start_count - 1))
                _return(connection, entry)
        except sa.exc.DBAPIError:
            log.warning("the job under way could not be given back: the next worker finds it")
        self._left()


def _return(connection: sa.Connection, entry: int) -> None:
    """Give an entry back; its job is cancelled where that was asked for."""
    if not queue.give_back(connection, entry):
        cancelled: dict[str, Any] = {"state": "cancelled", "finished_at": sa.func.now(), "step": None}
        connection.execute(JOB.update().where(JOB.c.queue_id == entry).values(cancelled))


async def _every(seconds: float, act: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        with suppress(*_AWAY):
            await act()


def leave(store: Store) -> None:
    """End this process at once, with whatever its threads are doing."""
    with suppress(OneMapError):
        store.close()
    os._exit(0)
