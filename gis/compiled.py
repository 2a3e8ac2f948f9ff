"""Compiled loops: how a function is compiled, and how a range of rows is shared among the cores.

Kernels are plain functions over arrays. They run without Python's lock, so threads
share them out; numba's own threads are not used, as they must not be entered from two
threads of a server at once. Machine code is kept for the next start (set-up makes it) in
a folder named by the sources: numba notices a change of a function, not of those it calls.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

_config: Any = numba.config  # its settings are made when it is imported

F = TypeVar("F", bound=Callable[..., object])
T = TypeVar("T")

CORES = len(os.sched_getaffinity(0))


def _sources(package: Path) -> dict[Path, bytes]:
    """Return the modules with kernels, and those that they import from: functions and constants."""
    texts = {path: path.read_bytes() for path in sorted(package.rglob("*.py"))}
    found: dict[Path, bytes] = {}
    wanted = [path for path, text in texts.items() if b"\n@compiled" in text]
    while wanted:
        path = wanted.pop()
        if path in texts and path not in found:
            found[path] = texts[path]
            names = re.findall(rb"^from gis\.([\w.]+) import", texts[path], re.MULTILINE)
            wanted += [package.joinpath(*name.decode().split(".")).with_suffix(".py") for name in names]
    return found


def _kept_in() -> Path:
    """Return the folder of the machine code of these very sources."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for _, text in sorted(_sources(package).items()):
        digest.update(text)
    chosen = _config.CACHE_DIR  # NUMBA_CACHE_DIR
    folder = Path(chosen) if chosen else package / "__pycache__"
    if not chosen and not os.access(folder if folder.is_dir() else package, os.W_OK):
        folder = Path.home() / ".cache" / "onemap"
    return folder / f"kernels-{digest.hexdigest()[:16]}"


KEPT_IN = _kept_in()
_config.CACHE_DIR = str(KEPT_IN)


def compiled(function: F) -> F:
    """Compile a function of arrays and numbers on its first call for their types, or load what is kept."""
    # Division by nil gives infinity or NaN, as numpy has it; no re-ordering of sums: answers are exact.
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def lean(function: F) -> F:
    """Compile a function that makes no array and returns none: numba refuses one that makes one.

    References to arrays are not counted in it, as whoever calls it holds them. Counted, with
    every call and in steps that no other core may come between, they cost more than a search.
    """
    options: Any = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
    return cast(F, numba.njit(**options)(function))


def inlined(function: F) -> F:
    """Compile a small one of these into whatever calls it: a call costs as much as what it does."""
    options: Any = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False, "forceinline": True}
    return cast(F, numba.njit(**options)(function))


@compiled
def _same(count: int) -> int:
    return count


def ready() -> None:
    """Make ready to run kernels: with the first one numba sets itself up, which takes most of a second."""
    _same(0)


_thread = threading.local()


def workers() -> ThreadPoolExecutor:
    """Return a thread for every core. What they run is not shared out further by `in_blocks`.

    The cores are busy: threads of threads would take the caches from each other.
    """
    return ThreadPoolExecutor(CORES, initializer=setattr, initargs=(_thread, "works", True))


def in_blocks(run: Callable[[int, int], T], count: int, block: int) -> list[T]:
    """Return `run(start, stop)` of consecutive blocks of a range, in order, worked out on all cores."""
    starts = range(0, count, block)
    if len(starts) < 2 or CORES == 1 or getattr(_thread, "works", False):
        return [run(start, min(start + block, count)) for start in starts]
    with workers() as pool:
        return list(pool.map(lambda start: run(start, min(start + block, count)), starts))
