"""The exact flow: most by tier, one after the other, then least cost. Runs in a process of its own.

A maximum flow of the tiers up to k tells, by its minimum cut, which arcs are full and
which are empty in *every* flow that serves as much: those across the cut. With the cuts
of all tiers together what is left free is a plain problem of least cost, whose every
solution serves the most by tier. So there is no weight for tiers that must be large
enough but not too large.

OR-tools does not let go of Python's lock while it solves: a process of its own can be
stopped. It imports nothing of OneMap, so that it starts at once; see `solve.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import IO, NamedTuple

import numpy as np
import numpy.typing as npt
from ortools.graph.python.max_flow import SimpleMaxFlow
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

Ints = npt.NDArray[np.int64]


class Problem(NamedTuple):
    """Pairs, by their column; parcels, sources and groups."""

    load_w: Ints
    supply_w: Ints
    tier: Ints
    group: Ints
    group_supply_w: Ints
    parcel: Ints
    source: Ints
    most_w: Ints
    cost: Ints


class Arcs(NamedTuple):
    """Arcs root -> group -> source -> parcel -> sink, in this order; the root is before the last node."""

    tail: npt.NDArray[np.int32]
    head: npt.NDArray[np.int32]
    capacity: Ints
    tier: npt.NDArray[np.int8]
    """Of a source or its pairs; -1 for what all tiers share."""
    nodes: int
    pairs: slice


def arcs_of(problem: Problem) -> Arcs:
    """Return the arcs of a problem."""
    parcels, sources, groups = len(problem.load_w), len(problem.supply_w), len(problem.group_supply_w)
    root, sink = parcels + sources + groups, parcels + sources + groups + 1
    above = np.where(problem.group >= 0, parcels + sources + problem.group, root)
    tail = (np.full(groups, root), above, parcels + problem.source, np.arange(parcels))
    head = (parcels + sources + np.arange(groups), parcels + np.arange(sources), problem.parcel)
    capacity = (problem.group_supply_w, problem.supply_w, problem.most_w, problem.load_w)
    tier = problem.tier.astype(np.int8)
    tiers = (np.full(groups, -1, np.int8), tier, tier[problem.source], np.full(parcels, -1, np.int8))
    return Arcs(
        np.concatenate(tail, dtype=np.int32, casting="same_kind"),
        np.concatenate((*head, np.full(parcels, sink)), dtype=np.int32, casting="same_kind"),
        np.concatenate(capacity),
        np.concatenate(tiers),
        sink + 1,
        slice(groups + sources, groups + sources + len(problem.parcel)),
    )


def solve(problem: Problem, tell: Callable[[int], None]) -> tuple[Ints, Ints]:
    """Return the most that the tiers up to each one serve together, and the flow of the pairs.

    `tell(k)` is called before tier k is solved; k = number of tiers: before the least cost.
    """
    arcs, cost, tiers = arcs_of(problem), problem.cost, int(problem.tier.max(initial=-1)) + 1
    del problem  # of millions of pairs, what is not needed any more counts
    low, high = np.zeros_like(arcs.capacity), arcs.capacity.copy()
    total = []
    solver = SimpleMaxFlow()
    index = solver.add_arcs_with_capacity(arcs.tail, arcs.head, arcs.capacity)
    for tier in range(tiers):
        tell(tier)
        solver.set_arcs_capacity(index, np.where(arcs.tier <= tier, arcs.capacity, 0))
        status = solver.solve(arcs.nodes - 2, arcs.nodes - 1)
        if status != SimpleMaxFlow.Status.OPTIMAL:
            raise RuntimeError(f"the maximum flow of tier {tier} was not found: {status}")
        total.append(solver.optimal_flow())
        near = np.zeros(arcs.nodes, dtype=np.bool_)
        near[np.asarray(solver.get_source_side_min_cut(), dtype=np.int64)] = True
        fix(arcs, near, tier, low, high)
    tell(len(total))
    del solver
    flow = least_cost(arcs, cost, low, high, total[-1] if total else 0)
    return np.array(total, dtype=np.int64), flow


def fix(arcs: Arcs, near: npt.NDArray[np.bool_], tier: int, low: Ints, high: Ints) -> None:
    """Bound the arcs across a minimum cut: full where they lead out of the root's side, else empty."""
    inside, outside = near[arcs.tail], near[arcs.head]
    part = arcs.tier <= tier
    full = part & inside & ~outside
    low[full] = arcs.capacity[full]
    high[part & ~inside & outside] = 0
    # A parcel on the root's side is wholly served by these tiers: nothing is left for later ones.
    pairs = arcs.pairs
    high[pairs][outside[pairs] & (arcs.tier[pairs] > tier)] = 0


def least_cost(arcs: Arcs, cost_of_pair: Ints, low: Ints, high: Ints, total_w: int) -> Ints:
    """Return the flow of the pairs of least cost within the bounds."""
    node = np.zeros(arcs.nodes, dtype=np.int64)
    node[-2:] = total_w, -total_w
    fixed = np.flatnonzero(low > 0)
    np.subtract.at(node, arcs.tail[fixed], low[fixed])
    np.add.at(node, arcs.head[fixed], low[fixed])
    cost = np.zeros_like(low)
    cost[arcs.pairs] = cost_of_pair
    free = np.flatnonzero(high > low)
    solver = SimpleMinCostFlow()
    index = solver.add_arcs_with_capacity_and_unit_cost(
        arcs.tail[free], arcs.head[free], (high - low)[free], cost[free]
    )
    solver.set_nodes_supplies(np.arange(arcs.nodes, dtype=np.int32), node)
    status = solver.solve()
    if status != SimpleMinCostFlow.Status.OPTIMAL:
        raise RuntimeError(f"the flow of least cost was not found: {status}")
    low[free] += solver.flows(index)
    return low[arcs.pairs].copy()


def put(file: IO[bytes], column: npt.ArrayLike) -> None:
    """Write a column of whole numbers to a pipe."""
    values = np.ascontiguousarray(column, dtype=np.int64).ravel()
    file.write(len(values).to_bytes(8, "little"))
    file.write(values.data)


def get(file: IO[bytes]) -> Ints:
    """Read a column that `put` wrote; EOFError where the other end is gone."""
    head = file.read(8)
    count = int.from_bytes(head, "little")
    body = file.read(8 * count) if len(head) == 8 else b""
    if len(head) < 8 or len(body) < 8 * count:
        raise EOFError("the other end is gone")
    return np.frombuffer(body, dtype=np.int64)


def main() -> None:
    """Read a problem from standard input; write the steps, -1, totals and flow to standard output."""

    def tell(step: int) -> None:
        put(sys.stdout.buffer, step)
        sys.stdout.buffer.flush()

    total, flow = solve(Problem(*(get(sys.stdin.buffer) for _ in Problem._fields)), tell)
    tell(-1)
    put(sys.stdout.buffer, total)
    put(sys.stdout.buffer, flow)


if __name__ == "__main__":
    main()
