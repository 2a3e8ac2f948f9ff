"""`onemap work`: does the jobs that were asked for."""

from __future__ import annotations

import logging
import os
import signal
from multiprocessing import parent_process
from typing import Annotated

import typer

from api import logs
from api.progress import say
from gis.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(work)


def work(
    grace_s: Annotated[
        float, typer.Option(min=0.0, help="How long the job under way may take to end when stopped.")
    ] = 5.0,
) -> None:
    """Do the jobs that the map and the API ask for, one at a time, until stopped.

    Several workers may run, on several machines: every job is done by one of them.
    """
    # With all that jobs need: the other commands do without.
    from gis.jobs.worker import Worker, leave
    from gis.store import open_store

    # Whoever asks on the map goes before.
    os.nice(5)
    settings = Settings()
    logs.configure(settings)
    # The worker itself says in a line that the database is away; they would at length.
    for library in ("procrastinate", "psycopg.pool"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    if settings.log == "json":
        logging.getLogger("onemap.jobs").setLevel(logging.INFO)
    with open_store(settings) as store:
        worker = Worker(store, settings, grace_s, left=lambda: leave(store))
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: worker.stop())
        if parent_process() is None:  # not the one beside a server, which has told where it is
            say("Waiting for jobs (Ctrl-C stops it)")
        worker.run()
