"""`onemap serve` as it runs: several processes on one socket, a database that goes away and comes back."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
import sqlalchemy as sa

from gis.store import Cluster
from gis.store.server import Server
from tests.api.test_cli import ONEMAP, environment, free_port
from tests.conftest import at

WORKERS = 2


def children(pid: int) -> set[int]:
    """Return the ids of the processes that a process started."""
    return {int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def alive(pid: int) -> bool:
    """Return whether a process is there and is no zombie."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def within(seconds: float, holds: object) -> float:
    """Wait until `holds()`; return how long it took, in seconds."""
    assert callable(holds)
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < seconds, "it did not happen in time"
        time.sleep(0.02)
    return time.monotonic() - begun


@dataclass
class Served:
    """A running `onemap serve`."""

    process: subprocess.Popen[bytes]
    base: str
    log: Path

    def status(self, path: str = "/readyz") -> int:
        """Return the status of a request on a connection of its own; -1 where the connection broke."""
        connection = http.client.HTTPConnection(self.base.removeprefix("http://"), timeout=8)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (http.client.HTTPException, ConnectionError):
            return -1
        finally:
            connection.close()

    def webs(self) -> set[int]:
        """Return the ids of the web processes: the worker of jobs beside them stands back."""
        found = {pid for pid in children(self.process.pid) if alive(pid)}
        return {pid for pid in found if os.getpriority(os.PRIO_PROCESS, pid) == 0}

    def lines(self) -> list[dict[str, object]]:
        """Return the JSON lines of its log."""
        return [json.loads(x) for x in self.log.read_text().splitlines() if x.startswith("{")]


@contextmanager
def serving(folder: Path, *options: str, **variables: str) -> Iterator[Served]:
    """Run `onemap serve` on a free port until the end of the block."""
    port, log = free_port(), folder.with_suffix(f".{len(options)}.log")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [ONEMAP, "serve", "--port", str(port), "--no-sample", *options],
            env=environment(folder) | variables,
            stdout=out,
            stderr=out,
        )
    served = Served(process, f"http://127.0.0.1:{port}", log)
    try:
        within(60, lambda: served.status("/healthz") == 200 or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield served
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def folder(shared_dir: Path) -> Path:
    """A data folder of its own, with nothing in it."""
    return shared_dir / "workers"


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    """Two web processes on an embedded store; the last test of the module's first half ends it."""
    with serving(folder, "--workers", str(WORKERS), ONEMAP_LOG="json", ONEMAP_METRICS="true") as found:
        within(10, lambda: len(found.webs()) == WORKERS)
        yield found


def server_of(folder: Path) -> Server:
    """Return the server of a data folder's embedded cluster."""
    return Server(folder / "store", str(folder))


def test_a_killed_web_process_is_there_again_in_a_second(served: Served) -> None:
    for victim in sorted(served.webs()):
        os.kill(victim, signal.SIGKILL)
        within(1.0, lambda dead=victim: dead not in served.webs() and len(served.webs()) == WORKERS)
        # Whoever is left answers meanwhile.
        assert served.status("/healthz") == 200
    within(10, lambda: served.status("/healthz") == 200)


def held_by_web(served: Served, count: int) -> list[int]:
    """Return how many of `count` connections that are kept each web process has, in ascending order."""
    kept = [http.client.HTTPConnection(served.base.removeprefix("http://")) for _ in range(count)]
    for one in kept:
        one.connect()
    for one in kept:
        one.request("GET", "/healthz")
        assert one.getresponse().read()
    table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ports = {f"{one.sock.getsockname()[1]:04X}" for one in kept}
    # Of each connection the end whose other side is ours is the server's.
    sockets = {f"socket:[{row[9]}]" for row in table if row[2].partition(":")[2] in ports}
    links = ([os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()] for pid in served.webs())
    held = sorted(sum(link in sockets for link in of_web) for of_web in links)
    for one in kept:
        one.close()
    return held


def test_connections_are_shared_out_among_the_processes(served: Served) -> None:
    """A few callers who keep their connections keep every process busy, not the first one to wake."""
    # A process that was just started does not answer yet.
    within(30, lambda: len(served.webs()) == WORKERS and held_by_web(served, 40)[0] > 0)

    def shared_out() -> bool:
        held = held_by_web(served, 40)
        assert sum(held) == 40
        return held[0] >= 10

    # On a busy machine a process may not run at all while the others take connections.
    for _ in range(5):
        within(10, shared_out)


def test_a_dead_database_is_503_and_comes_back_by_itself(served: Served, folder: Path) -> None:
    assert served.status() == 503  # nothing is loaded
    found: list[tuple[int, float, str | None]] = []
    over = threading.Event()

    def ask() -> None:
        with httpx.Client(timeout=20) as client:
            while not over.is_set():
                begun = time.monotonic()
                answer = client.get(f"{served.base}/api/layers")
                took = time.monotonic() - begun
                found.append((answer.status_code, took, answer.headers.get("retry-after")))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(2):
            within(10, lambda: server_of(folder).pid() is not None and found and found[-1][0] == 200)
            os.kill(server_of(folder).pid() or 0, signal.SIGQUIT)  # what pg_ctl stop -m immediate sends
            time.sleep(0.5)
        within(20, lambda: [status for status, *_ in found[-8:]] == [200] * 8)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert {status for status, *_ in found} <= {200, 503}
    assert all(wait for status, _, wait in found if status == 503)
    assert max(took for _, took, _ in found) < 6.0


def test_every_request_is_a_line_and_a_count(served: Served) -> None:
    given = {"x-request-id": "from-outside_1.2", "authorization": "Bearer geheim"}
    with httpx.Client(base_url=served.base) as client:
        answer = client.get("/api/parcels/nowhere/suitability?key=geheim", headers=given)
        assert answer.status_code == 401  # it is no key
        assert answer.headers["x-request-id"] == answer.json()["request_id"] == given["x-request-id"]
        within(5, lambda: any(x["request_id"] == given["x-request-id"] for x in served.lines()))
        line = next(x for x in served.lines() if x["request_id"] == given["x-request-id"])
        assert (line["method"], line["path"], line["status"]) == (
            "GET",
            "/api/parcels/nowhere/suitability",
            401,
        )
        assert line["caller"] == "127.0.0.1"
        assert line["bytes"] == len(answer.content)
        assert "geheim" not in served.log.read_text()
    # Connections of their own fall to either process; both tell the counts of both.
    for _ in range(40):
        assert served.status("/healthz") == 200
    texts = {httpx.get(f"{served.base}/metrics", verify=False).text for _ in range(6)}
    for text in texts:
        counts = [
            x
            for x in text.splitlines()
            if x.startswith('onemap_requests_total{method="GET",route="/healthz"')
        ]
        assert len(counts) == 1
        assert float(counts[0].split()[-1]) >= 40
        assert 'route="/api/parcels/{parcel_id}/suitability",status="401"' in text
        assert "onemap_database_up 1.0" in text
    hidden = httpx.get(f"{served.base}/metrics", headers={"x-forwarded-for": "10.0.0.1"})
    assert hidden.status_code == 404


def test_a_stop_lets_running_requests_finish_and_leaves_nothing(served: Served, folder: Path) -> None:
    webs, server = served.webs(), server_of(folder)
    answers: list[httpx.Response] = []
    with psycopg.connect(host=str(server.socket_dir()), dbname="onemap", user="onemap") as holder:
        holder.execute("LOCK TABLE meta.layer_version IN ACCESS EXCLUSIVE MODE")
        asking = threading.Thread(
            target=lambda: answers.append(httpx.get(f"{served.base}/api/layers", timeout=20))
        )
        asking.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        # Others may look at the versions as well, and wait too.
        within(20, lambda: (holder.execute(waiting).fetchone() or (0,))[0] >= 1)
        time.sleep(0.5)
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert served.process.poll() is None
        assert served.status("/healthz") == -1  # nobody new is let in
    asking.join()
    assert answers[0].status_code == 200
    assert served.process.wait(20) == 130
    assert not [pid for pid in webs if alive(pid)]
    assert server.pid() is None
    assert "Traceback" not in served.log.read_text()
    Cluster(folder).stop()  # and nobody holds its lock


def test_a_database_elsewhere_may_be_away_for_long(folder: Path) -> None:
    cluster = Cluster(folder)
    server = cluster.join()
    try:
        url = at(sa.make_url(cluster.url())).database_url or ""
        with serving(folder, "--workers", "1", ONEMAP_DATABASE_URL=url) as one:
            assert one.status("/api/layers") == 200
            server.stop()
            for _ in range(3):
                begun = time.monotonic()
                assert one.status("/api/layers") == 503
                assert time.monotonic() - begun < 3
            # A web process that starts meanwhile serves too.
            os.kill(next(iter(one.webs())), signal.SIGKILL)
            within(10, lambda: one.status("/healthz") == 200)
            assert one.status("/api/layers") == 503
            server.start()
            assert one.status("/api/layers") == 200
            # Without its supervisor a web process ends, and the port is free.
            webs = one.webs()
            one.process.kill()
            within(10, lambda: not [pid for pid in webs if alive(pid)])
    finally:
        cluster.leave()
