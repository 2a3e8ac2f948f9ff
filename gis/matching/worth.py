"""What one more step of a source's supply brings, and what one less takes, told by tier and metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gis.compiled import CORES, compiled, in_blocks
from gis.errors import InputError
from gis.matching.allocate import Allocation
from gis.matching.exchange import (
    FAR,
    Flow,
    Graph,
    Search,
    follow,
    neighbours,
    potentials,
    renew_all,
    renew_around,
    room,
    shortest,
    use,
)
from gis.matching.network import OVERFLOW, Ints, Network
from gis.matching.solve import SolveError


@dataclass(frozen=True, eq=False)
class Worth:
    """Changes of the exact flow (before the least-share rule), for every source on its own.

    A source of a group that is full has no worth of its own: its group has.
    """

    step_w: int
    more_tier_w: Ints
    """(source, tier) Change of what is served with one step more of supply."""
    more_cost: Ints
    """(source,) Change of power times length, W m; of power times cost where that was the order."""
    less_tier_w: Ints
    """(source, tier) The same with one step less, or with none where there is less than a step."""
    less_cost: Ints
    """(source,)"""

    @property
    def more_w(self) -> Ints:
        """(source,) What is served more, in all, with one step more."""
        return np.asarray(self.more_tier_w.sum(axis=1), dtype=np.int64)

    @property
    def less_w(self) -> Ints:
        """(source,) Change of what is served, in all, with one step less; never above zero."""
        return np.asarray(self.less_tier_w.sum(axis=1), dtype=np.int64)


def worth(network: Network, allocation: Allocation, step_w: int = 1_000_000) -> Worth:
    """Return what a step more or less of each source's supply changes.

    Exact for the flow before the least-share rule: the cheapest changes are made one after
    the other until the step is used up, as the worth falls from parcel to parcel.

    Parameters
    ----------
    network, allocation
        What was matched, and how.
    step_w
        The step, in W; more than zero.
    """
    if step_w <= 0:
        raise InputError(f"a step must be more than 0 W, not {step_w}")
    cost = network.length_m if allocation.cost is None else allocation.cost
    graph = _graph(network, cost, by_tier=allocation.cost is None)
    flow = _flow(network, graph, allocation)
    renew_all(graph, flow)
    search = _search(graph)
    if not potentials(graph, flow, search):
        raise SolveError("the allocation is not of least cost: its worth cannot be told")
    sources, tiers = len(network.supply_w), len(allocation.tier_w)
    changes = np.zeros((2, sources, tiers + 1), dtype=np.int64)

    def run(first: int, last: int) -> None:
        own = Flow(*(column.copy() for column in flow))
        room_for = Search(*(column.copy() for column in search))
        evaluate(
            graph, own, room_for, search.potential, network.tier, cost, step_w, first, last, changes
        )

    in_blocks(run, sources, -(-sources // CORES) or 1)
    return Worth(step_w, changes[0, :, :-1], changes[0, :, -1], changes[1, :, :-1], changes[1, :, -1])


@compiled
def evaluate(
    g: Graph, f: Flow, s: Search, potential: Ints, tier: Ints, cost: Ints, step: int, first: int, last: int,
    changes: Ints,
) -> None:  # fmt: skip
    """Write the changes by more and by less supply of some sources; the flow is as before at the end."""
    place, seen = np.zeros(len(f.used), np.int64), np.full(len(f.used), -1, np.int64)
    log = np.empty((4 * len(s.far) + 64, 2), np.int64)
    used, spare = f.used.copy(), f.spare.copy()
    group_used, group_spare = f.group_used.copy(), f.group_spare.copy()
    mark = 0
    for source in range(first, last):
        entry = len(used) + 1 + (len(group_used) if g.group[source] < 0 else g.group[source])
        for less in range(2):
            s.potential[:] = potential
            left, count = step - spare[source], 0
            start, goal = source, entry
            if less:
                # What is spare goes first; what is used beyond it must find another way.
                left = min(step, used[source] + spare[source]) - spare[source]
                start, goal = entry, source
                f.spare[source] = 0
            elif left < step:
                left = 0  # there is some to spare: more is worth nothing
            while left > 0:
                price = shortest(g, f, s, start, goal)
                watts = room(g, f, s, goal, left) if price != FAR and (less or price < 0) else 0
                if watts == 0:
                    break
                if count + 2 * len(s.far) > len(log):
                    longer = np.empty((2 * len(log), 2), np.int64)
                    longer[:count] = log[:count]
                    log = longer
                begun = count
                count = follow(g, f, s, goal, watts, log, count)
                use(g, f, source, -watts if less else watts)
                f.spare[source] = 0
                renew_around(g, f, log, begun, count, place, seen, mark)
                mark += 1
                left -= watts
            for row in range(count):
                pair, watts = log[row, 0], log[row, 1]
                changes[less, source, tier[g.source[pair]]] += watts
                changes[less, source, -1] += watts * cost[pair]
                f.flow[pair] -= watts
                f.lacks[g.parcel[pair]] += watts
            f.used[:], f.spare[:], f.group_used[:], f.group_spare[:] = used, spare, group_used, group_spare
            renew_around(g, f, log, 0, count, place, seen, mark)
            mark += 1


def _graph(network: Network, cost: Ints, by_tier: bool) -> Graph:
    """Return the contracted network; a tier weighs more than any way through all nodes costs."""
    sources, groups = len(network.supply_w), len(network.group_supply_w)
    tier = network.tier if by_tier else np.zeros_like(network.tier)
    tiers = int(tier.max(initial=0)) + 1
    weight = (2 * int(cost.max(initial=0)) + 1) * (sources + groups + 3)
    if weight * (tiers + 1) * (sources + groups + 3) >= OVERFLOW:
        raise InputError("the costs are too large for the worth of a source to be told")
    source_start, by_source = network.by_source
    pairs = network.parcel, network.source, network.parcel_start, source_start, by_source
    arc_start, arc_head = neighbours(*pairs)
    group = np.where(network.group < 0, groups, network.group)
    return Graph(
        network.parcel, network.source, network.most_w, cost + weight * tier[network.source],
        network.parcel_start, source_start, by_source, network.group, weight * tiers, arc_start, arc_head,
        np.searchsorted(np.sort(group), np.arange(groups + 2)), np.argsort(group, kind="stable"),
    )  # fmt: skip


def _flow(network: Network, graph: Graph, allocation: Allocation) -> Flow:
    """Return the exact flow, with arcs yet to be found."""
    flow = allocation.relaxed_flow_w
    used = network.sum_by(network.source, flow, len(network.supply_w))
    lacks = network.load_w - network.sum_by(network.parcel, flow, len(network.load_w))
    member = network.group >= 0
    group_used = network.sum_by(network.group[member], used[member], len(network.group_supply_w))
    arcs = len(graph.arc_head)
    return Flow(
        flow, lacks, used, network.supply_w - used, group_used, network.group_supply_w - group_used,
        np.zeros(arcs, dtype=np.int64), np.zeros(arcs, dtype=np.int64), np.zeros_like(used),
    )  # fmt: skip


def _search(graph: Graph) -> Search:
    """Return room for a search."""
    nodes = len(graph.source_start) + len(graph.member_start) - 1
    columns = (np.zeros(nodes, dtype=np.int64) for _ in range(5))
    far, potential, before, by_arc, heap = columns
    return Search(
        far, potential, before, by_arc, np.zeros(nodes, dtype=np.bool_), heap, np.zeros(nodes + 1, dtype=np.int64)
    )
