"""What one more step of a source's supply brings, and what one less takes, told by tier and metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gis.compiled import CORES, compiled, in_blocks
from gis.errors import InputError
from gis.matching.allocate import Allocation
from gis.matching.changes import kept, shift, supply_of, undo
from gis.matching.contract import flow_of, graph_of, search_of
from gis.matching.exchange import Flow, Graph, Search, potentials, renew_all
from gis.matching.network import Ints, Network
from gis.matching.solve import SolveError


@dataclass(frozen=True, eq=False)
class Worth:
    """Changes of the exact flow (before the least-share rule), for every source and group on its own.

    A source of a group that is full is worth only what it takes from others of the group: what
    more for all of them is worth is told of the group, in the rows after those of the sources.
    """

    step_w: int
    more_tier_w: Ints
    """(source + group, tier) Change of what is served with one step more of supply."""
    more_cost: Ints
    """(source + group,) Change of power times length, W m; of power times cost where that was the order."""
    less_tier_w: Ints
    """(source + group, tier) The same with one step less, or with none where there is less than a step."""
    less_cost: Ints
    """(source + group,)"""

    @property
    def more_w(self) -> Ints:
        """(source + group,) What is served more, in all, with one step more."""
        return np.asarray(self.more_tier_w.sum(axis=1), dtype=np.int64)


def worth(
    network: Network,
    allocation: Allocation,
    step_w: int = 1_000_000,
    *,
    rows: Ints | None = None,
    less: bool = True,
) -> Worth:
    """Return what a step more or less of each source's and each group's supply changes.

    Exact for the flow before the least-share rule: the cheapest changes are made one after
    the other until the step is used up, as the worth falls from parcel to parcel.

    Parameters
    ----------
    network, allocation
        What was matched, and how.
    step_w
        The step, in W; more than zero.
    rows
        Sources, or groups counted after them, to be told of; all of them where it is None. The
        others have no changes.
    less
        Whether one step less is told as well; else it has no changes.
    """
    if step_w <= 0:
        raise InputError(f"a step must be more than 0 W, not {step_w}")
    cost = network.length_m if allocation.cost is None else allocation.cost
    graph = graph_of(network, cost, by_tier=allocation.cost is None)
    flow = flow_of(network, graph, allocation.relaxed_flow_w)
    renew_all(graph, flow)
    search = search_of(graph)
    if not potentials(graph, flow, search):
        raise SolveError("the allocation is not of least cost: its worth cannot be told")
    count, tiers = len(network.supply_w) + len(network.group_supply_w), len(allocation.tier_w)
    changes = np.zeros((2, count, tiers + 1), dtype=np.int64)
    asked = np.arange(count) if rows is None else np.asarray(rows, dtype=np.int64)
    ways = 2 if less else 1

    def run(first: int, last: int) -> None:
        own = Flow._make(column.copy() for column in flow)
        room = Search._make(column.copy() for column in search)
        part = asked[first:last]
        evaluate(graph, own, room, search.potential, network.tier, cost, step_w, part, ways, changes)

    in_blocks(run, len(asked), -(-len(asked) // CORES) or 1)
    return Worth(step_w, changes[0, :, :-1], changes[0, :, -1], changes[1, :, :-1], changes[1, :, -1])


@compiled
def evaluate(
    g: Graph, f: Flow, s: Search, potential: Ints, tier: Ints, cost: Ints, step: int, rows: Ints, ways: int,
    changes: Ints,
) -> None:  # fmt: skip
    """Write the changes by more and by less supply of some rows; the flow is as before at the end."""
    sources = len(f.used)
    place = np.zeros(sources, np.int64)
    before = kept(f)
    for row in rows:
        node = row if row < sources else row + 1  # between sources and groups there is nobody
        for less in range(ways):
            s.potential[:] = potential
            uses, spares = supply_of(f, node)
            left = 0 if spares > 0 else step  # with some to spare, more is worth nothing
            if less:
                # What is spare goes first; what is used beyond it must find another way.
                left = max(min(step, uses + spares) - spares, 0)
            log, count = shift(g, f, s, node, left, less == 1, place)
            for i in range(count):
                pair, watts = log[i, 0], log[i, 1]
                changes[less, row, tier[g.source[pair]]] += watts
                changes[less, row, -1] += watts * cost[pair]
            undo(g, f, log, count, before)
