"""The program itself in front of a store, for benchmarks that ask it as its users do."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil

READY_S = 600.0
"""How long a store may take to be brought up to date at a start."""
STOP_S = 60.0


class Service(NamedTuple):
    """A running `onemap serve`."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def web_processes(self) -> list[psutil.Process]:
        """Return the web processes and the worker of jobs: all children of the supervisor."""
        own = psutil.Process(self.process.pid).children()
        below = [child for one in own for child in one.children()]
        return [p for p in (below or own) if "postgres" not in p.name()]


@contextmanager
def served(data_dir: Path, workers: int) -> Iterator[Service]:
    """Serve the store of a data folder by `onemap serve` on a free port, to callers without a key too."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-c", "from api.cli import main; main()", "serve", "--port", str(port)]
    settings = os.environ | {"ONEMAP_DATA_DIR": str(data_dir), "ONEMAP_ANONYMOUS": "planner"}
    with subprocess.Popen(
        [*command, "--workers", str(workers)], env=settings, stdin=subprocess.DEVNULL
    ) as process:
        service = Service(port, process)
        try:
            _wait(service)
            yield service
        finally:
            # Not SIGINT: a shell that puts a benchmark into the background has it ignored.
            process.send_signal(signal.SIGTERM)
            process.wait(STOP_S)


def _wait(service: Service) -> None:
    limit = time.monotonic() + READY_S
    while not _ready(service.port):
        if service.process.poll() is not None or time.monotonic() > limit:
            raise SystemExit("error: the server did not start; run `onemap serve` on that store and look.")
        time.sleep(0.1)


def _ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with suppress(OSError, http.client.HTTPException), closing(connection):
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    return False
