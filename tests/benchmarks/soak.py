"""Mixed load while processes are killed and the database is restarted: nothing may be wrong or lost.

`python -m tests.benchmarks.soak [--minutes 30] [--data DIR]` serves the sample city (or the store in
DIR) as users do, with `onemap serve --workers 2`, and asks for answers and jobs from six connections.
Every minute a web process or the worker of jobs is killed with SIGKILL; after a third of the time the
database is restarted, after two thirds it is killed. Answers must be those of before the load to the
byte, every job must end with the result that it must have, and the only error is 503 while the database
is away. A connection that was open to a killed process may break: it is counted, and asked again.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import random
import re
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from gis.settings import Settings
from gis.store import keys, open_store
from gis.store.embedded import Cluster
from tests.benchmarks.service import Service, served

CLIENTS = 6
AWAY_S = 20.0
"""How long after a restart of the database answers may still be 503."""
BROKEN_S = 3.0
"""How long after a kill an open connection may turn out to be broken."""
SEED = 20260601

DRAWN = {
    "type": "Feature",
    "geometry": {
        "type": "Polygon",
        "coordinates": [[[116.40, 39.90], [116.402, 39.90], [116.402, 39.902], [116.40, 39.90]]],
    },
    "properties": {"容积率": 2.0},
}


Known = dict[str, tuple[int, str]]
"""Status and digest of the right answer by path."""


@dataclass
class Tally:
    """What happened, by kind; `wrong` holds the first of what must not."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    killed_s: list[float] = field(default_factory=list)
    away_s: list[float] = field(default_factory=list)
    slowest_s: float = 0.0

    def add(self, name: str) -> None:
        with self.lock:
            self.counts[name] += 1

    def fault(self, what: str) -> None:
        with self.lock:
            self.counts["wrong"] += 1
            if len(self.wrong) < 20:
                self.wrong.append(what)

    def just(self, moments: list[float], within_s: float) -> bool:
        """Return whether one of some moments was so recent."""
        with self.lock:
            return any(time.monotonic() - m < within_s for m in moments)


class Client:
    """One connection that is kept, and made again when it broke."""

    def __init__(self, port: int, tally: Tally, key: str) -> None:
        self._port, self._tally, self._key = port, tally, key
        self._open: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """Return status and content; asks again after a broken connection and after 503."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-API-Key": self._key, "Content-Type": "application/json"}
        began = asked = time.monotonic()
        while True:
            try:
                if self._open is None:
                    self._open = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
                self._open.request(method, path, data, headers)
                answer = self._open.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self._open = None
                # A connection that breaks was open when its process was killed, before this request or in it.
                if not self._tally.just(self._tally.killed_s, BROKEN_S + time.monotonic() - asked):
                    self._tally.fault(f"{method} {path}: {type(error).__name__} without a kill")
                self._tally.add("broken connections")
                if method == "POST" and "/api/" in path and path != "/api/suitability":
                    raise Unknown from error
                asked = time.monotonic()
                continue
            if answer.status == 503:
                self._tally.add("503")
                if not self._tally.just(self._tally.away_s, AWAY_S):
                    self._tally.fault(f"{method} {path}: 503 while the database is there: {content[:200]!r}")
                time.sleep(0.2)
                asked = time.monotonic()
                continue
            with self._tally.lock:
                self._tally.slowest_s = max(self._tally.slowest_s, time.monotonic() - began)
            return answer.status, content


class Unknown(Exception):
    """Whether a job was taken is not known: the connection broke before the answer."""


def _plain(path: str, content: bytes) -> bytes:
    """Return an answer without what may differ from one scoring run to the next."""
    return re.sub(rb'"(run_id|timeStamp)":("[^"]*"|\d+)', b"", content)


def _asked(store_dir: Path) -> list[tuple[str, str, Any]]:
    with open_store(Settings(database_url=None, data_dir=store_dir)) as store:
        ids = sorted(store.read("parcel")["parcel_id"])
    few = random.Random(SEED).sample(ids, 300)
    paths = [f"/api/parcels/{one}/suitability" for one in few]
    paths += [f"/ogc/collections/parcel_suitability/items?f=json&limit=100&after={one}" for one in few[:60]]
    paths += [f"/ogc/collections/parcel/items?f=json&limit=200&after={one}" for one in few[:60]]
    paths += [f"/api/search?q={one[:5]}" for one in few[:20]]
    paths += ["/api/summary", "/api/summary?by=district", "/api/layers", "/ogc/collections/parcel?f=json"]
    paths += [f"/tiles/parcel_suitability/10/{x}/{y}.mvt" for x in range(841, 845) for y in range(386, 390)]
    paths += [f"/tiles/parcel/14/{x}/{y}.mvt" for x in range(13490, 13498) for y in range(6206, 6210)]
    return [("GET", path, None) for path in paths] + [("POST", "/api/suitability", DRAWN)] * 20


def _reader(
    client: Client, known: dict[str, tuple[int, str]], asked: list[Any], tally: Tally, stop: Any
) -> None:
    chance = random.Random(threading.get_ident())
    while not stop.is_set():
        method, path, body = chance.choice(asked)
        status, content = client.ask(method, path, body)
        tally.add("answers")
        told = (status, hashlib.sha256(_plain(path, content)).hexdigest())
        if told != known[path]:
            tally.fault(f"{method} {path}: {told[0]}, not the answer of before: {content[:200]!r}")


def _jobs(client: Client, tally: Tally, stop: Any, jobs: dict[str, tuple[str, Any]]) -> None:
    """Ask for one job after another, a few waiting at a time."""
    kinds: list[tuple[str, Any]] = [
        ("/api/exports", {"collection": "parcel", "format": "csv"}),
        ("/api/matches", {"scenario": "soak", "order": "priority"}),
        ("/api/exports", {"collection": "parcel_suitability", "format": "gpkg"}),
        ("/api/scores", {"everything": True}),
    ]
    turn = 0
    while not stop.is_set():
        path, body = kinds[turn % len(kinds)]
        turn += 1
        try:
            status, content = client.ask("POST", path, body)
        except Unknown:
            continue
        if status != 202:
            tally.fault(f"POST {path}: {status} {content[:200]!r}")
            continue
        told = json.loads(content)
        if "job_id" in told:
            jobs[told["job_id"]] = (path, body)
        tally.add("jobs asked for")
        while not stop.is_set():
            listed = json.loads(client.ask("GET", "/api/jobs?limit=10")[1])["jobs"]
            if sum(job["state"] in ("waiting", "running") for job in listed) < 3:
                break
            time.sleep(0.5)


def _ended(client: Client, tally: Tally, jobs: dict[str, tuple[str, Any]], limit_s: float) -> None:
    """Wait for all jobs, and hold what came of them against what must."""
    limit = time.monotonic() + limit_s
    for job_id, (path, body) in jobs.items():
        while True:
            status, content = client.ask("GET", f"/api/jobs/{job_id}")
            job = json.loads(content)
            if status == 200 and job["state"] not in ("waiting", "running"):
                break
            if time.monotonic() > limit or status != 200:
                tally.fault(f"the job {job_id} ({path}) is lost: {content[:300]!r}")
                break
            time.sleep(0.5)
        tally.add(f"jobs {job['state']}")
        if job["state"] != "done":
            tally.fault(f"the job {job_id} ({path}) is {job['state']}: {job['error']}")
        elif body.get("format") == "csv":
            found = client.ask("GET", f"/api/exports/{job_id}/file")
            lines = found[1].count(b"\n") - 1
            tally.add(f"exports of {lines} rows")


def _faults(service: Service, data: Path, minutes: float, tally: Tally, stop: Any) -> None:
    chance = random.Random(SEED)
    begin = time.monotonic()
    restarts = [minutes * 20, minutes * 40]
    kill_s = 60.0
    while not stop.wait(0.2):
        now = time.monotonic() - begin
        if now > kill_s:
            kill_s += 60.0
            with suppress(psutil.Error, IndexError):
                victim = chance.choice(service.web_processes())
                with tally.lock:
                    tally.killed_s.append(time.monotonic())
                victim.kill()
                tally.add("processes killed")
        if restarts and now > restarts[0]:
            restarts.pop(0)
            cluster = Cluster(data)
            server = cluster.join()
            with tally.lock:
                tally.away_s.append(time.monotonic())
            if restarts:
                server.stop()
                tally.add("database restarted")
            else:
                os.kill(server.pid() or 0, signal.SIGKILL)
                tally.add("database killed")
            with tally.lock:
                tally.away_s.append(time.monotonic())
            time.sleep(0.5)
            with suppress(Exception):
                cluster.revive()
            cluster.leave()


def _together(*work: Callable[[], None]) -> list[threading.Thread]:
    threads = [threading.Thread(target=one, daemon=True) for one in work]
    for thread in threads:
        thread.start()
    return threads


def soak(data: Path, minutes: float) -> int:
    """Run the load, print what happened, and return how much of it was wrong."""
    tally = Tally()
    with served(data, 2) as service:
        try:
            _load(service, data, minutes, tally)
        finally:
            # Told before the server is stopped, so that nothing of half an hour is lost by a bad end.
            print(dict(tally.counts), f"slowest answer {tally.slowest_s:.1f} s", sep="\n", flush=True)
            for what in tally.wrong:
                print("WRONG:", what, flush=True)
    print(f"the server ended with {service.process.returncode}")
    return tally.counts["wrong"]


def _load(service: Service, data: Path, minutes: float, tally: Tally) -> None:
    port, stop, jobs = service.port, threading.Event(), dict[str, tuple[str, Any]]()
    with open_store(Settings(database_url=None, data_dir=data)) as store:
        key = keys.make(store.engine, "soak", "editor", 1)
    asked = _asked(data)
    one = Client(port, tally, key)
    known = {}
    for method, path, body in asked:
        status, content = one.ask(method, path, body)
        assert status in (200, 204), (path, status, content[:300])
        known[path] = (status, hashlib.sha256(_plain(path, content)).hexdigest())
    print(f"{len(known)} answers are known; {minutes:g} minutes of load begin", flush=True)
    readers = [Client(port, tally, key) for _ in range(CLIENTS - 1)]
    threads = _together(
        *(lambda c=c: _reader(c, known, asked, tally, stop) for c in readers),  # type: ignore[misc]
        lambda: _jobs(Client(port, tally, key), tally, stop, jobs),
        lambda: _faults(service, data, minutes, tally, stop),
    )
    end = time.monotonic() + minutes * 60
    while time.monotonic() < end:
        time.sleep(min(60.0, max(0.0, end - time.monotonic())))
        print(dict(tally.counts), flush=True)
    stop.set()
    for thread in threads:
        thread.join(120)
        if thread.is_alive():
            tally.fault("a client is stuck")
    _ended(Client(port, tally, key), tally, jobs, 600)


def main() -> None:
    """Read the options and run the load."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--minutes", type=float, default=30.0)
    options.add_argument(
        "--data", type=Path, help="data folder of a store; a new one with the sample by default"
    )
    told = options.parse_args()
    if told.data is not None:
        sys.exit(soak(told.data, told.minutes) != 0)
    with tempfile.TemporaryDirectory(prefix="onemap-soak-") as folder:
        Path(folder).chmod(0o755)
        sys.exit(soak(Path(folder) / "data", told.minutes) != 0)


if __name__ == "__main__":
    main()
