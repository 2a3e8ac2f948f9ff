"""How long files of parcels take: `python -m tests.benchmarks.bench_files DIR [--out DIR]`.

DIR is a region of `tests.benchmarks.region`. One of a single city is scored into one file first. Then it is
scored into a folder by the cores of this machine, by a Dask cluster of one worker a core, and by such a
cluster one of whose workers is killed half way; all folders must hold the same bytes. Seconds are those of
the clock, from the start of the program to its end, with the reading and indexing of the resources.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow.parquet as pq

ONEMAP = Path(sys.executable).with_name("onemap")
EVERY_S = 0.2


@dataclass
class Seen:
    """The most memory of a worker (own, and with what it shares), and whether one was killed."""

    own_gib: float = 0.0
    all_gib: float = 0.0
    program_gib: float = 0.0
    killed: bool = False


def workers_of(pid: int) -> list[psutil.Process]:
    """Return the processes that a program started to work for it."""
    try:
        children = psutil.Process(pid).children(recursive=True)
        return [p for p in children if "spawn_main" in " ".join(p.cmdline())]
    except psutil.Error:
        return []


def watch(started: subprocess.Popen[bytes], unfinished: Path, half: int | None, seen: Seen) -> None:
    """Look at a run until it ends; with `half`, kill a worker once so many parts are there."""
    while started.poll() is None:
        for process in workers_of(started.pid):
            try:
                memory = process.memory_info()
            except psutil.Error:
                continue
            seen.own_gib = max(seen.own_gib, (memory.rss - memory.shared) / 2**30)
            seen.all_gib = max(seen.all_gib, memory.rss / 2**30)
        with contextlib.suppress(psutil.Error):
            seen.program_gib = max(seen.program_gib, psutil.Process(started.pid).memory_info().rss / 2**30)
        if half is not None and not seen.killed and len(list(unfinished.glob("parts/*.parquet"))) >= half:
            os.kill(workers_of(started.pid)[0].pid, signal.SIGKILL)
            seen.killed = True
        time.sleep(EVERY_S)


def timed(
    label: str, parcels: Path, resources: Path, out: Path, engine: str, half: int | None = None
) -> float:
    """Score files, print what it took, and return seconds."""
    arguments = ["score", "--parcels", parcels, "--resources", resources, "--out", out, "--engine", engine]
    count = sum(pq.read_metadata(p).num_rows for p in ([parcels] if parcels.is_file() else parcels.iterdir()))
    seen, start = Seen(), time.perf_counter()
    with subprocess.Popen(
        [ONEMAP, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as started:
        looking = threading.Thread(
            target=watch, args=(started, out.parent / f".{out.name}.unfinished", half, seen)
        )
        looking.start()
        if started.wait() != 0:
            raise SystemExit(f"{label}: the program ended with {started.returncode}")
        looking.join()
    seconds = time.perf_counter() - start
    memory = f"program {seen.program_gib:.2f} GiB"
    if engine == "dask":
        memory += f", worker at most {seen.all_gib:.2f} GiB, {seen.own_gib:.2f} of it its own"
    if half is not None and not seen.killed:
        raise SystemExit(f"{label}: no worker was killed")
    print(f"{label:34}{seconds:8.1f} s {count / seconds:10,.0f} parcels/s  {memory}", flush=True)
    return seconds


def digest(folder: Path) -> str:
    """Return one number for the names and bytes of a folder."""
    whole = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        whole.update(path.name.encode())
        with path.open("rb") as stream:
            whole.update(hashlib.file_digest(stream, "sha256").digest())
    return whole.hexdigest()


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("region", type=Path)
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for what is written, removed at the end"
    )
    options = parser.parse_args()
    parcels, resources, out = options.region / "parcels", options.region / "resources", options.out
    out.mkdir()
    try:
        files = sorted(parcels.iterdir())
        if len(files) == 1:
            timed("into one file", files[0], resources, out / "one.parquet", "local")
        local = timed("cores of this machine", parcels, resources, out / "local", "local")
        dask = timed("Dask", parcels, resources, out / "dask", "dask")
        parts = len(list((out / "local").glob("*.parquet")))
        timed("Dask, a worker killed", parcels, resources, out / "killed", "dask", parts // 2)
        if len({digest(out / name) for name in ("local", "dask", "killed")}) != 1:
            raise SystemExit("the folders differ")
        print(f"the same bytes three times; Dask has {local / dask:.2f} of the rate of this machine's cores")
    finally:
        shutil.rmtree(out)


if __name__ == "__main__":
    main()
