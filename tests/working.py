"""Workers for tests: in a thread of this process, or as the program that `onemap work` is."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gis.jobs.worker import Worker
from gis.settings import Settings
from gis.store import Store

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def working(store: Store, settings: Settings) -> Iterator[None]:
    """Do the jobs of a store in a thread."""

    def left() -> None:
        raise AssertionError("a job did not end in time")

    worker = Worker(store, settings, 60.0, left)
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    yield
    worker.stop()
    thread.join(60.0)
    assert not thread.is_alive()


def started_worker(url: str, data_dir: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start `onemap work` on a database."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ONEMAP_")}
    environment |= {"ONEMAP_DATABASE_URL": url, "ONEMAP_DATA_DIR": str(data_dir), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-m", "api.cli", "work", *options], env=environment)


def until(true: Callable[[], object], what: str, timeout_s: float = 150.0) -> None:
    """Wait until something is true."""
    limit_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < limit_s, what
        time.sleep(0.05)
