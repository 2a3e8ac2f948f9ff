"""The folder in which several processes keep the counts of /metrics."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gis.settings import Settings


@contextmanager
def counting(settings: Settings) -> Iterator[Callable[[int], object]]:
    """Give what is to be called with the id of a process that ended, so that it no longer counts as living.

    Enter it before anything imports prometheus_client, which looks for the folder then.
    """
    if not settings.metrics:
        yield lambda _pid: None
        return
    with tempfile.TemporaryDirectory(prefix="onemap-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        from prometheus_client.multiprocess import mark_process_dead

        yield mark_process_dead
