"""How long the upgrade of a store takes, and how long readers wait meanwhile.

`python -m tests.benchmarks.bench_upgrade DIR` upgrades the store of a data folder of an earlier schema: use a
copy. Readers ask the database as the service does, without a pause, while `onemap store upgrade` runs; then
`onemap serve` is started on it, and asked until it answers.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import psycopg

from gis.store.embedded import Cluster

QUERIES = (
    "SELECT record FROM result.parcel_result WHERE parcel_id = %s",
    "SELECT ST_AsBinary(geom) FROM layer.parcel WHERE parcel_id = %s",
    "SELECT count(*) FROM meta.layer_version, meta.run WHERE layer = 'parcel' OR layer = %s",
)
ONEMAP = [sys.executable, "-m", "api.cli"]
LIMIT_S, GAP_S = 60.0, 5.0


class Readers:
    """Connections that ask again and again; the longest time between two answers is what counts."""

    def __init__(self, url: str, parcel_id: str) -> None:
        self.longest_s, self.count, self.failed = 0.0, 0, 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._read, args=(url, q, parcel_id)) for q in QUERIES]

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _read(self, url: str, query: str, parcel_id: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            last = time.perf_counter()
            while not self._stop.is_set():
                try:
                    assert connection.execute(query, [parcel_id]).fetchone() is not None
                except (psycopg.Error, AssertionError):
                    self.failed += 1
                now = time.perf_counter()
                self.longest_s, last = max(self.longest_s, now - last), now
                self.count += 1
                time.sleep(0.01)


def main(folder: Path) -> int:
    """Upgrade the store of a data folder, and tell times; 1 where a limit is not held."""
    environment = {**os.environ, "ONEMAP_DATA_DIR": str(folder), "ONEMAP_ANONYMOUS": "planner"}
    cluster = Cluster(folder)
    cluster.join()
    try:
        url = cluster.url().render_as_string(hide_password=False).replace("+psycopg", "")
        with psycopg.connect(url) as connection:
            found = connection.execute("SELECT parcel_id FROM result.parcel_result LIMIT 1").fetchone()
            count = connection.execute("SELECT count(*) FROM layer.parcel").fetchone()
        assert found is not None
        assert count is not None
        with Readers(url, found[0]) as readers:
            time.sleep(1.0)
            begun = time.perf_counter()
            subprocess.run([*ONEMAP, "store", "upgrade"], env=environment, check=True)
            upgrade_s = time.perf_counter() - begun
            time.sleep(1.0)
        start_s = _started(environment, found[0])
    finally:
        cluster.leave()
    print(f"{count[0]:,} parcels: upgrade {upgrade_s:.1f} s (limit {LIMIT_S:g})")
    print(
        f"readers: {readers.count:,} answers, {readers.failed} failed, longest wait {readers.longest_s:.2f} s"
    )
    print(f"service: first answer {start_s:.1f} s after its start (limit of both {GAP_S:g} s)")
    held = upgrade_s <= LIMIT_S and max(readers.longest_s, start_s) <= GAP_S and not readers.failed
    return 0 if held else 1


def _started(environment: dict[str, str], parcel_id: str) -> float:
    """Return after how many seconds a service answers for a parcel."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    begun = time.perf_counter()
    url = f"http://127.0.0.1:{port}/api/parcels/{parcel_id}/suitability"
    process = subprocess.Popen([*ONEMAP, "serve", "--no-sample", "--port", str(port)], env=environment)
    try:
        while time.perf_counter() - begun < 120:
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:
                    assert answer.status == 200
                    return time.perf_counter() - begun
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise TimeoutError("the service did not answer in two minutes")
    finally:
        process.terminate()
        process.wait(60)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
