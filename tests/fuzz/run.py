"""Feeds a reader with what a coverage-guided engine (atheris) makes of its corpus.

`python -m tests.fuzz.run TARGET --seconds 200` goes on after a fault, keeps the first input of each in a
folder that it names, and ends with 1 where there was one. TARGET is one of `tests.fuzz.targets` or `all`.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(__file__).parent / "corpus"
# Readers and what they stand on; compiled loops (gis.facts, gis.scoring) cannot be instrumented.
_WATCHED = ["gis.ingest", "gis.plain_yaml", "gis.rules", "gis.vct", "gis.served_crs", "gis.store.filters",
            "gis.store.filter_values", "api.drawn", "api.geojson", "api.wfs_filter"]  # fmt: skip
_WORD = re.compile(rb"[A-Za-z_]{2,40}")
_MOST_WORDS = 300
_LONGEST_INPUT = 16_384
_ONE_INPUT_S = 25
_MEMORY_MB = 3_000


class Watch:
    """A target that goes on after a fault; `faults` are the places at which it failed."""

    def __init__(self, name: str, folder: Path) -> None:
        import atheris

        with atheris.instrument_imports(include=_WATCHED):
            from tests.fuzz import targets
        self.seeds = targets.seeds(name)
        self._target, self._name, self._folder = targets.TARGETS[name], name, folder
        self.faults: set[str] = set()

    def __call__(self, data: bytes) -> None:
        """Feed the target, and keep what first fails at a place."""
        try:
            self._target(data)
        except (MemoryError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a library's panic is no Exception
            place = _place(error)
            if place not in self.faults:
                self.faults.add(place)
                path = self._folder / f"{self._name}-{len(self.faults)}"
                path.write_bytes(data)
                print(f"FAULT {place}: {error!r:.300}\n      kept as {path}", flush=True)


def _place(error: BaseException) -> str:
    """Return kind and place of a fault: the innermost line of the program itself."""
    lines = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(str(ROOT))]
    own = [f for f in lines if "/tests/" not in f.filename and "/.venv/" not in f.filename] or lines
    return f"{type(error).__name__} at {Path(own[-1].filename).name}:{own[-1].lineno}"


def feed(name: str, seconds: int, seed: int, folder: Path) -> None:
    """Feed one target; the engine ends the process."""
    import atheris

    grown = folder / "corpus" / name
    grown.mkdir(parents=True, exist_ok=True)
    watch = Watch(name, folder)
    for title, data in watch.seeds.items():
        (grown / title).write_bytes(data)
    words = {word for data in watch.seeds.values() for word in _WORD.findall(data)}
    listed = folder / f"{name}.words"
    listed.write_bytes(b"".join(b'"%s"\n' % word for word in sorted(words)[:_MOST_WORDS]))
    options: dict[str, Any] = {
        "max_total_time": seconds, "seed": seed, "max_len": _LONGEST_INPUT, "timeout": _ONE_INPUT_S,
        "rss_limit_mb": _MEMORY_MB, "dict": listed, "artifact_prefix": f"{folder}/{name}-", "verbosity": 0,
        "print_final_stats": 1,
    }  # fmt: skip
    told = [f"-{key}={value}" for key, value in options.items()]
    atheris.Setup([sys.argv[0], *told, str(grown)], watch)
    atheris.Fuzz()


def run(name: str, seconds: int, seed: int, folder: Path) -> bool:
    """Feed a target in a process of its own; return whether it kept the promise to the end."""
    command = [sys.executable, "-m", "tests.fuzz.run", name, "--seconds", str(seconds), "--seed", str(seed),
               "--folder", str(folder)]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace")
    faults = re.findall(r"^FAULT .*\n.*", done.stdout, re.MULTILINE)
    units = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
    ended = "" if done.returncode == 0 else f"; it ended with {done.returncode}: {done.stderr[-2000:]}"
    print(f"{name}: {units[1] if units else '?'} executions, {len(faults)} faults{ended}", flush=True)
    print("\n".join(faults), flush=True)
    return not faults and done.returncode == 0


def names() -> list[str]:
    """Return the targets, each of which has a corpus."""
    return sorted(path.name for path in CORPUS.iterdir())


def main() -> None:
    """Feed what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=[*names(), "all"])
    parser.add_argument("--seconds", type=int, default=200, help="for each target")
    parser.add_argument("--seed", type=int, default=1, help="of the engine, 1 by default")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.folder is not None:
        feed(asked.target, asked.seconds, asked.seed, asked.folder)
    folder = Path(tempfile.mkdtemp(prefix="onemap-fuzz-"))
    wanted = names() if asked.target == "all" else [asked.target]
    kept = [run(name, asked.seconds, asked.seed, folder) for name in wanted]
    print(f"Inputs are in {folder}.")
    sys.exit(not all(kept))


if __name__ == "__main__":
    main()
