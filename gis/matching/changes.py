"""Changes of a flow along the cheapest ways, and back (see `exchange.py`)."""

from __future__ import annotations

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
def renew_around(g: Graph, f: Flow, log: Ints, first: int, last: int, place: Ints, seen: Ints) -> None:
    """Find the arcs anew of all sources in reach of the parcels in some rows of a log.

    `seen` (source + 1,) marks the sources that are done; its last element is the mark.
    """
    seen[-1] += 1
    mark = seen[-1]
    for row in range(first, last):
        p = g.parcel[log[row, 0]]
        for pair in range(g.parcel_start[p], g.parcel_start[p + 1]):
            u = g.source[pair]
            if seen[u] != mark:
                seen[u] = mark
                renew(g, f, u, place)


@compiled
def totals(f: Flow) -> tuple[Ints, Ints, Ints, Ints]:
    """Return copies of what sources and groups use and have to spare."""
    return f.used.copy(), f.spare.copy(), f.group_used.copy(), f.group_spare.copy()


@lean
def supply_of(f: Flow, node: int) -> tuple[int, int]:
    """Return what a source or a group uses and has to spare."""
    sources = len(f.used)
    if node < sources:
        return f.used[node], f.spare[node]
    return f.group_used[node - sources - 1], f.group_spare[node - sources - 1]


@compiled
def shift(
    g: Graph, f: Flow, s: Search, node: int, left: int, less: bool, place: Ints, seen: Ints
) -> tuple[Ints, int]:
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
        renew_around(g, f, log, begun, count, place, seen)
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
def undo(g: Graph, f: Flow, log: Ints, count: int, place: Ints, seen: Ints) -> None:
    """Give the pairs back what a log took from them."""
    for row in range(count):
        change(g, f, log[row, 0], -log[row, 1])
    renew_around(g, f, log, 0, count, place, seen)
