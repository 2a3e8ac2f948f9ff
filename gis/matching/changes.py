"""Changes of a flow along the cheapest ways, and back (see `exchange.py`)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gis.compiled import compiled, lean
from gis.matching.exchange import FAR, NONE, Flow, Graph, Search, renew, shortest
from gis.matching.network import Ints


@lean
def room(g: Graph, f: Flow, s: Search, goal: int, most: int) -> int:
    """Return how much the way to a node can carry, up to `most`."""
    sources = len(f.used)
    root = sources + 1 + len(f.group_used)
    node = goal
    while s.before[node] != NONE and most > 0:
        tail, arc = s.before[node], s.by_arc[node]
        if arc != NONE:
            gains, loses = f.arc_gains[arc], f.arc_loses[arc]
            had = f.lacks[g.parcel[gains]] if loses == NONE else f.flow[loses]
            most = min(most, g.most[gains] - f.flow[gains], had)
        elif tail == sources and node < sources:
            most = min(most, f.flow[f.last[node]])
        elif node < sources:
            most = min(most, f.spare[node])
        elif tail < sources:
            most = min(most, f.used[tail])
        elif tail == root and node > sources:
            most = min(most, f.group_spare[node - sources - 1])
        elif tail > sources and node == root:
            most = min(most, f.group_used[tail - sources - 1])
        node = tail
    return most


@lean
def use(g: Graph, f: Flow, source: int, watts: int) -> None:
    """Note that a source takes more from its group or the root (below zero: less)."""
    f.used[source] += watts
    f.spare[source] -= watts


@lean
def use_group(f: Flow, group: int, watts: int) -> None:
    """Note that a group takes more from the root (below zero: less)."""
    f.group_used[group] += watts
    f.group_spare[group] -= watts


@lean
def follow(g: Graph, f: Flow, s: Search, goal: int, watts: int, log: Ints, count: int) -> int:
    """Change the flow along the way to a node; (pair, watts) go to `log` from row `count` on.

    Returns the rows of the log. A way has at most two changed pairs a node.
    """
    sources = len(f.used)
    root = sources + 1 + len(f.group_used)
    node = goal
    while s.before[node] != NONE:
        tail, arc = s.before[node], s.by_arc[node]
        gains, loses = NONE, NONE
        if arc != NONE:
            gains, loses = f.arc_gains[arc], f.arc_loses[arc]
        elif tail == sources and node < sources:
            loses = f.last[node]
        elif node < sources:
            use(g, f, node, watts)
        elif tail < sources:
            use(g, f, tail, -watts)
        elif tail == root and node > sources:
            use_group(f, node - sources - 1, watts)
        elif tail > sources and node == root:
            use_group(f, tail - sources - 1, -watts)
        if gains != NONE:
            change(g, f, gains, watts)
            log[count, 0], log[count, 1] = gains, watts
            count += 1
        if loses != NONE:
            change(g, f, loses, -watts)
            log[count, 0], log[count, 1] = loses, -watts
            count += 1
        node = tail
    return count


@lean
def change(g: Graph, f: Flow, pair: int, watts: int) -> None:
    """Let a pair carry more (below zero: less)."""
    f.flow[pair] += watts
    f.lacks[g.parcel[pair]] -= watts


@lean
def renew_around(g: Graph, f: Flow, log: Ints, first: int, last: int, place: Ints) -> None:
    """Bring the arcs up to date that lead over the parcels in some rows of a log.

    Only a source whose cheapest parcel no longer serves is gone through anew.
    """
    for row in range(first, last):
        p = g.parcel[log[row, 0]]
        for pair in range(g.parcel_start[p], g.parcel_start[p + 1]):
            if is_stale(g, f, pair):
                renew(g, f, g.source[pair], place)
            else:
                offer(g, f, pair)


@lean
def is_stale(g: Graph, f: Flow, pair: int) -> bool:
    """Return whether an arc of a pair's source leads over its parcel and cannot any longer."""
    u, p = g.source[pair], g.parcel[pair]
    if f.last[u] == pair and f.flow[pair] == 0:
        return True
    full = f.flow[pair] >= g.most[pair]
    for arc in range(g.arc_start[u], g.arc_start[u + 1]):
        if f.arc_gains[arc] == pair:
            loses = f.arc_loses[arc]
            if full or (f.lacks[p] <= 0 if loses == NONE else f.flow[loses] == 0):
                return True
    return False


@lean
def offer(g: Graph, f: Flow, pair: int) -> None:
    """Let the arcs of a pair's source lead over its parcel where that is cheaper."""
    u, p = g.source[pair], g.parcel[pair]
    if f.flow[pair] > 0 and (f.last[u] == NONE or g.cost[pair] > g.cost[f.last[u]]):
        f.last[u] = pair
    if f.flow[pair] >= g.most[pair]:
        return
    first = g.arc_start[u]
    if f.lacks[p] > 0 and (f.arc_gains[first] == NONE or g.cost[pair] < g.cost[f.arc_gains[first]]):
        f.arc_gains[first] = pair
    for other in range(g.parcel_start[p], g.parcel_start[p + 1]):
        if f.flow[other] == 0 or other == pair:
            continue
        arc = first + 1
        while g.arc_head[arc] != g.source[other]:
            arc += 1
        best = f.arc_gains[arc]
        if best == NONE or g.cost[pair] - g.cost[other] < g.cost[best] - g.cost[f.arc_loses[arc]]:
            f.arc_gains[arc], f.arc_loses[arc] = pair, other


class Kept(NamedTuple):
    """What a flow was like, but for the pairs."""

    used: Ints
    spare: Ints
    group_used: Ints
    group_spare: Ints
    arc_gains: Ints
    arc_loses: Ints
    last: Ints


@compiled
def kept(f: Flow) -> Kept:
    """Return copies of what sources and groups use and have to spare, and of the arcs."""
    return Kept(
        f.used.copy(), f.spare.copy(), f.group_used.copy(), f.group_spare.copy(),
        f.arc_gains.copy(), f.arc_loses.copy(), f.last.copy(),
    )  # fmt: skip


@lean
def supply_of(f: Flow, node: int) -> tuple[int, int]:
    """Return what a source or a group uses and has to spare."""
    sources = len(f.used)
    if node < sources:
        return f.used[node], f.spare[node]
    return f.group_used[node - sources - 1], f.group_spare[node - sources - 1]


@compiled
def shift(g: Graph, f: Flow, s: Search, node: int, left: int, less: bool, place: Ints) -> tuple[Ints, int]:
    """Change the flow by more supply of a source or a group, where that is worth it, or by less, in any case.

    Returns the log of changed pairs, and its rows. It has nothing to spare at the end.
    """
    sources = len(f.used)
    root, of_source = sources + 1 + len(f.group_used), node < sources
    entry = sources + 1 + g.group[node] if of_source and g.group[node] >= 0 else root
    start, goal = (entry, node) if less else (node, entry)
    log, count = np.empty((4 * len(s.far) + 64, 2), np.int64), 0
    if left > 0:
        nothing_to_spare(f, node)
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
        if of_source:
            use(g, f, node, -watts if less else watts)
        else:
            use_group(f, node - sources - 1, -watts if less else watts)
        nothing_to_spare(f, node)
        renew_around(g, f, log, begun, count, place)
        left -= watts
    return log, count


@lean
def nothing_to_spare(f: Flow, node: int) -> None:
    """Let a source or a group have nothing to spare."""
    sources = len(f.used)
    if node < sources:
        f.spare[node] = 0
    else:
        f.group_spare[node - sources - 1] = 0


@compiled
def undo(g: Graph, f: Flow, log: Ints, count: int, before: Kept) -> None:
    """Give the pairs back what a log took from them, and the rest what it was before."""
    for row in range(count):
        change(g, f, log[row, 0], -log[row, 1])
    f.used[:], f.spare[:] = before.used, before.spare
    f.group_used[:], f.group_spare[:] = before.group_used, before.group_spare
    f.arc_gains[:], f.arc_loses[:], f.last[:] = before.arc_gains, before.arc_loses, before.last
