"""A worker beside the web process: started with it, started again when it dies, stopped with it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

COMMAND = (sys.executable, "-m", "api.cli", "work")
_AGAIN_S = 1.0
_STOP_S = 20.0


@contextmanager
def worker_beside() -> Iterator[None]:
    """Keep a worker running while the block lasts; at its end wait until it has stopped."""
    stopping, lock = threading.Event(), threading.Lock()
    running = [_started()]

    def watch() -> None:
        while True:
            running[0].wait()
            stopping.wait(_AGAIN_S)
            with lock:
                if stopping.is_set():
                    return
                running[0] = _started()

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        with lock:
            stopping.set()
        running[0].terminate()
        try:
            running[0].wait(_STOP_S)
        except subprocess.TimeoutExpired:
            running[0].kill()
            running[0].wait()


def _started() -> subprocess.Popen[bytes]:
    return subprocess.Popen([*COMMAND, "--parent", str(os.getpid())], stdin=subprocess.DEVNULL)
