"""Has the exact flow solved: here where it is small, else in a process of its own, which can be stopped."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gis.errors import OneMapError
from gis.matching import flow_solver
from gis.matching.flow_solver import Problem, get, put
from gis.matching.network import Ints, Network

SMALL = 20_000
"""Pairs that are solved sooner than a process starts."""


class SolveError(OneMapError):
    """The solver gave up, or its answer does not hold what was proven."""


def solved(network: Network, tier: Ints, cost: Ints, tell: Callable[[int], None]) -> tuple[Ints, Ints]:
    """Return the most that the tiers up to each one serve together, in W, and the flow of the pairs.

    Parameters
    ----------
    network
        What is to be matched; `tier` stands in for the tiers of its sources.
    cost
        (pair,) What a watt costs.
    tell
        Called with the tier that is solved next; with their number, before the least cost.
    """
    usable = np.flatnonzero(network.most_w)
    run = flow_solver.solve if len(usable) <= SMALL else _elsewhere
    try:
        total, part = run(
            Problem(
                network.load_w, network.supply_w, tier, network.group, network.group_supply_w,
                network.parcel[usable], network.source[usable], network.most_w[usable], cost[usable],
            ),
            tell,
        )  # fmt: skip
    except RuntimeError as error:
        raise SolveError(f"the matching could not be solved: {error}") from error
    flow = np.zeros_like(network.parcel)
    flow[usable] = part
    return total, flow


def _elsewhere(problem: Problem, tell: Callable[[int], None]) -> tuple[Ints, Ints]:
    """Solve a problem in another process, which ends with whatever interrupts this one."""
    command = [sys.executable, "-I", str(Path(flow_solver.__file__))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        try:
            columns = list(problem)
            del problem
            while columns:  # as it goes, it is let go of: the other process holds it now
                put(child.stdin, columns.pop(0))
            child.stdin.close()
            while (step := int(get(child.stdout)[0])) >= 0:
                tell(step)
            return get(child.stdout), get(child.stdout)
        except (OSError, EOFError) as error:
            child.kill()
            said = child.stderr.read().decode(errors="replace").strip().splitlines()
            raise RuntimeError(said[-1] if said else "the solver's process ended") from error
        except BaseException:
            child.kill()
            raise
