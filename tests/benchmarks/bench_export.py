"""How quick packages are: `python -m tests.benchmarks.bench_export DATA_DIR`.

Writes packages of a scored and matched store by `onemap export`, each in a process of its own, and checks
them by `onemap validate`. Prints seconds and the most memory that the process had; judges nothing.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

COMMAND = (sys.executable, "-c", "from api.cli import main; main()")
PARCELS = ("--layer", "parcel_suitability")
CASES: dict[str, tuple[str, ...]] = {
    "FileGDB, parcels with verdicts": ("--format", "gdb", *PARCELS),
    "FileGDB, everything": ("--format", "gdb"),
    "VCT, parcels with verdicts": ("--format", "vct", "--crs", "EPSG:4548", *PARCELS),
    "VCT, everything": ("--format", "vct", "--crs", "EPSG:4548"),
    "VCT by shared lines, parcels with verdicts": (
        "--format", "vct", "--vct-shared-lines", "--crs", "EPSG:4548", *PARCELS,
    ),
    "GeoPackage, everything": ("--format", "gpkg"),
}  # fmt: skip
LOOK_S = 0.05


def run(arguments: list[str], data_dir: Path) -> tuple[float, int, str]:
    """Run a command; return seconds, the most bytes that it had in memory, and its first words."""
    begin, most = time.perf_counter(), 0
    environment = os.environ | {"ONEMAP_DATA_DIR": str(data_dir)}
    with subprocess.Popen(
        [*COMMAND, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                # Not what is mapped from files: that is the cache's, and goes when others need it.
                memory = watched.memory_info()
                most = max(most, memory.rss - memory.shared)
            except psutil.NoSuchProcess:
                break
            time.sleep(LOOK_S)
        told = process.stdout.read() if process.stdout else ""
    return time.perf_counter() - begin, most, told.strip().partition("\n")[0]


def main() -> None:
    """Write, check, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--only", help="cases whose name begins so")
    options = parser.parse_args()
    for name, arguments in CASES.items():
        if options.only and not name.startswith(options.only):
            continue
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "package"
            seconds, most, told = run(["export", str(target), *arguments], options.data_dir)
            size = sum(p.stat().st_size for p in target.rglob("*") if p.is_file()) if target.is_dir() else 0
            print(f"{name:<46}{seconds:7.1f} s {most / 2**30:5.2f} GiB {size / 1e6:7.0f} MB", flush=True)
            if not size:
                raise SystemExit(f"error: {told}")
            seconds, most, told = run(["validate", str(target)], options.data_dir)
            print(f"{'  checked':<46}{seconds:7.1f} s {most / 2**30:5.2f} GiB  {told}", flush=True)


if __name__ == "__main__":
    main()
