"""How many documents a second the service gives: `python -m tests.benchmarks.bench_suitability DATA_DIR`.

Serves a scored store with some web processes on the loopback. First the answers for a sample of
parcels are held against the same parcels worked out from the layers, to the byte. Then wrk (Debian
package `wrk`) asks for random parcels. Prints figures; judges nothing but equality.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the service runs

import argparse
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
import orjson
import psutil

from api.suitability import Scorer
from gis.scoring import suitability_documents
from gis.settings import Settings
from gis.store import Store, open_store
from tests.benchmarks.service import served

ASKED = 100_000
CHECKED = 200
WARM_UP_S = 5
CONNECTIONS = (4, 8, 16)
SCRIPT = """
local paths, n = {}, 0
for line in io.lines("%s") do n = n + 1; paths[n] = line end
function init() math.randomseed(20261122) end
function request() return wrk.format("GET", paths[math.random(n)]) end
function done(summary, latency)
  io.write(string.format("%%8.0f requests/s   p50 %%.1f ms   p95 %%.1f ms   p99 %%.1f ms   errors %%d\\n",
    summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1e3, latency:percentile(95) / 1e3,
    latency:percentile(99) / 1e3, summary.errors.status + summary.errors.timeout + summary.errors.connect
    + summary.errors.read + summary.errors.write))
end
"""


def check(store: Store, address: str, parcel_ids: list[str]) -> None:
    """Hold answers against the documents of the same parcels worked out from the layers."""
    around, ruleset = Scorer(store).present()
    parcels = store.read("parcel", ids=parcel_ids)
    shapes = np.asarray(parcels.geometry, dtype=object)
    plain = suitability_documents(parcels, shapes, around, ruleset)
    with httpx.Client(base_url=address) as client:
        for document in plain:
            answer = client.get(path(document["parcel_id"])).raise_for_status().json()
            assert told(answer) == told(document), f"parcel {document['parcel_id']} differs"
    print(f"{len(plain)} answers equal what the layers give, to the byte")


def told(document: dict[str, Any]) -> bytes:
    """Return a document without the versions of the data, which name the stored parcels too."""
    return orjson.dumps({k: v for k, v in document.items() if k != "data_versions"})


def path(parcel_id: str) -> str:
    """Return the path of a parcel's document."""
    return f"/api/parcels/{quote(parcel_id, safe='')}/suitability"


def ask(address: str, script: Path, connections: int, seconds: int) -> tuple[int, str]:
    """Ask over some connections as often as answers come; return how often, and the figures as a line."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "-s", str(script), address]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return next(int(line.split()[0]) for line in said if "requests in" in line), said[-1]


def cpu_s(processes: list[psutil.Process]) -> float:
    """Return the CPU seconds that processes have used so far."""
    return sum(sum(p.cpu_times()[:2]) for p in processes)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=10)
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        parser.error("wrk is not installed: install the Debian package wrk.")
    with ExitStack() as stack:
        store = stack.enter_context(open_store(Settings(database_url=None, data_dir=options.data_dir)))
        with store.engine.connect() as connection:
            ids = connection.exec_driver_sql(
                "SELECT parcel_id FROM result.parcel_result ORDER BY 1"
            ).scalars()
            known = np.array(ids.all(), dtype=object)
        asked = np.random.default_rng(1).permutation(known)[:ASKED].tolist()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "paths.txt").write_text("\n".join(map(path, asked)))
        (folder / "wrk.lua").write_text(SCRIPT % (folder / "paths.txt"))
        service = stack.enter_context(served(options.data_dir, options.workers))
        address, processes = service.address, service.web_processes()
        check(store, address, asked[:CHECKED])
        ask(address, folder / "wrk.lua", 4, WARM_UP_S)
        for connections in CONNECTIONS:
            start = cpu_s(processes)
            count, figures = ask(address, folder / "wrk.lua", connections, options.seconds)
            each_ms = (cpu_s(processes) - start) / max(count, 1) * 1e3
            print(f"{connections} connections {figures}   {each_ms:.2f} ms CPU of web processes a request")


if __name__ == "__main__":
    main()
