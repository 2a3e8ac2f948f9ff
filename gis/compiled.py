"""Compiled loops: how a function is compiled, and how a range of rows is shared among the cores.

Kernels are plain functions over arrays. They run without Python's lock, so threads
share them out; numba's own threads are not used, as they must not be entered from two
threads of a server at once. Machine code is kept beside the modules (set-up makes it).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])
T = TypeVar("T")

CORES = len(os.sched_getaffinity(0))


def compiled(function: F) -> F:
    """Compile a function of arrays and numbers on its first call for their types, or load what is kept."""
    # Division by nil gives infinity or NaN, as numpy has it; no re-ordering of sums: answers are exact.
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def in_blocks(run: Callable[[int, int], T], count: int, block: int) -> list[T]:
    """Return `run(start, stop)` of consecutive blocks of a range, in order, worked out on all cores."""
    starts = range(0, count, block)
    if len(starts) < 2 or CORES == 1:
        return [run(start, min(start + block, count)) for start in starts]
    with ThreadPoolExecutor(CORES) as pool:
        return list(pool.map(lambda start: run(start, min(start + block, count)), starts))
