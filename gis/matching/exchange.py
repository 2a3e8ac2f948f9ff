"""The network contracted to its sources: what it costs if one gives a parcel what another gave.

Nodes are the sources, *nobody* (who holds what parcels lack), the groups and the root.
An arc from u to v is the cheapest parcel that u could give a watt which v gives now; arcs
to a source from its group or the root are what it has to spare, arcs back are what it
uses. A path is then a change of the flow, and a shortest path the cheapest change; a
flow of least cost has no cycle below zero.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gis.compiled import compiled, lean
from gis.matching.network import Bools, Ints

FAR = 2**62
NONE = -1


class Graph(NamedTuple):
    """What never changes. Node S, after the sources, is nobody; then groups; then the root."""

    parcel: Ints
    source: Ints
    most: Ints
    cost: Ints
    """(pair,) With the weight of the source's tier in it."""
    parcel_start: Ints
    source_start: Ints
    by_source: Ints
    group: Ints
    nobody_cost: int
    arc_start: Ints
    """(source + 1,) Where the arcs of a source begin; the first leads to nobody."""
    arc_head: Ints
    member_start: Ints
    """(group + 2,) Where the sources of a group begin in `member`; those of no group come last."""
    member: Ints


class Flow(NamedTuple):
    """What a change of the flow changes."""

    flow: Ints
    lacks: Ints
    used: Ints
    spare: Ints
    group_used: Ints
    group_spare: Ints
    arc_gains: Ints
    """(arc,) Pair of the cheapest parcel by which the tail would give more; NONE: there is none."""
    arc_loses: Ints
    """(arc,) Pair of the same parcel by which the head gives less; NONE towards nobody."""
    last: Ints
    """(source,) Pair that a source could best do without; NONE: it gives nothing."""


class Search(NamedTuple):
    """Distances (reduced by potentials), and the way: node before, and arc or NONE."""

    far: Ints
    potential: Ints
    before: Ints
    by_arc: Ints
    done: Bools
    heap: Ints
    at: Ints
    """(node,) Position in the heap; NONE: not in it. The last element is the heap's size."""


@compiled
def neighbours(
    parcel: Ints, source: Ints, parcel_start: Ints, source_start: Ints, by_source: Ints
) -> tuple[Ints, Ints]:
    """Return where the arcs of every source begin, and their heads: nobody, then who shares parcels."""
    sources = len(source_start) - 1
    start, seen = np.zeros(sources + 1, np.int64), np.full(sources, -1, np.int64)
    head = np.empty(16 * sources + 16, np.int64)
    count = 0
    for u in range(sources):
        if count + sources + 1 > len(head):
            longer = np.empty(2 * len(head) + sources + 1, np.int64)
            longer[:count] = head[:count]
            head = longer
        head[count] = sources
        count += 1
        seen[u] = u
        for i in range(source_start[u], source_start[u + 1]):
            p = parcel[by_source[i]]
            for pair in range(parcel_start[p], parcel_start[p + 1]):
                v = source[pair]
                if seen[v] != u:
                    seen[v] = u
                    head[count] = v
                    count += 1
        start[u + 1] = count
    return start, head[:count].copy()


@lean
def renew(g: Graph, f: Flow, u: int, place: Ints) -> None:
    """Find the arcs of a source anew; `place` (source,) is room for work."""
    first = g.arc_start[u]
    for arc in range(first, g.arc_start[u + 1]):
        f.arc_gains[arc], f.arc_loses[arc] = NONE, NONE
        if arc > first:
            place[g.arc_head[arc]] = arc
    f.last[u] = NONE
    for i in range(g.source_start[u], g.source_start[u + 1]):
        pair = g.by_source[i]
        p = g.parcel[pair]
        if f.flow[pair] > 0 and (f.last[u] == NONE or g.cost[pair] > g.cost[f.last[u]]):
            f.last[u] = pair
        if f.flow[pair] >= g.most[pair]:
            continue
        if f.lacks[p] > 0 and (f.arc_gains[first] == NONE or g.cost[pair] < g.cost[f.arc_gains[first]]):
            f.arc_gains[first] = pair
        for other in range(g.parcel_start[p], g.parcel_start[p + 1]):
            if f.flow[other] == 0 or other == pair:
                continue
            arc = place[g.source[other]]
            best = f.arc_gains[arc]
            if best == NONE or g.cost[pair] - g.cost[other] < g.cost[best] - g.cost[f.arc_loses[arc]]:
                f.arc_gains[arc], f.arc_loses[arc] = pair, other


@compiled
def renew_all(g: Graph, f: Flow) -> None:
    """Find all arcs."""
    place = np.zeros(len(f.used), np.int64)
    for u in range(len(f.used)):
        renew(g, f, u, place)


@lean
def arc_cost(g: Graph, f: Flow, arc: int) -> int:
    """Return what a watt along an arc between sources, or to nobody, costs."""
    loses = f.arc_loses[arc]
    return int(g.cost[f.arc_gains[arc]] - (g.nobody_cost if loses == NONE else g.cost[loses]))


@lean
def sift(s: Search, node: int) -> None:
    """Put a node, whose distance fell, to its place in the heap."""
    at, size = s.at[node], s.at[len(s.far)]
    if at == NONE:
        at = size
        s.at[len(s.far)] += 1
    while at > 0 and s.far[s.heap[(at - 1) >> 1]] > s.far[node]:
        s.heap[at] = s.heap[(at - 1) >> 1]
        s.at[s.heap[at]] = at
        at = (at - 1) >> 1
    s.heap[at], s.at[node] = node, at


@lean
def nearest(s: Search) -> int:
    """Take the nearest node off the heap."""
    top, size = s.heap[0], s.at[len(s.far)] - 1
    s.at[len(s.far)], s.at[top] = size, NONE
    node, at = s.heap[size], 0
    while size > 0:
        low = 2 * at + 1
        if low + 1 < size and s.far[s.heap[low + 1]] < s.far[s.heap[low]]:
            low += 1
        if low >= size or s.far[s.heap[low]] >= s.far[node]:
            s.heap[at], s.at[node] = node, at
            break
        s.heap[at] = s.heap[low]
        s.at[s.heap[at]] = at
        at = low
    return int(top)


@lean
def relax(s: Search, tail: int, head: int, cost: int, arc: int) -> None:
    """Note a way to a node if it is shorter than what is known."""
    if s.done[head]:
        return
    far = s.far[tail] + cost + s.potential[tail] - s.potential[head]
    if far < s.far[head]:
        s.far[head], s.before[head], s.by_arc[head] = far, tail, arc
        sift(s, head)


@lean
def expand(g: Graph, f: Flow, s: Search, node: int) -> None:
    """Note the ways from a node onwards."""
    sources, groups = len(f.used), len(f.group_used)
    root = sources + 1 + groups
    if node < sources:
        for arc in range(g.arc_start[node], g.arc_start[node + 1]):
            if f.arc_gains[arc] != NONE:
                relax(s, node, g.arc_head[arc], arc_cost(g, f, arc), arc)
        if f.used[node] > 0:
            relax(s, node, root if g.group[node] < 0 else sources + 1 + g.group[node], 0, NONE)
        return
    if node == sources:
        for v in range(sources):
            if f.last[v] != NONE:
                relax(s, node, v, g.nobody_cost - g.cost[f.last[v]], NONE)
        relax(s, node, root, 0, NONE)
        return
    group = node - sources - 1
    for i in range(g.member_start[group], g.member_start[group + 1]):
        if f.spare[g.member[i]] > 0:
            relax(s, node, g.member[i], 0, NONE)
    if node == root:
        relax(s, node, sources, 0, NONE)
        for other in range(groups):
            if f.group_spare[other] > 0:
                relax(s, node, sources + 1 + other, 0, NONE)
    elif f.group_used[group] > 0:
        relax(s, node, root, 0, NONE)


@lean
def shortest(g: Graph, f: Flow, s: Search, start: int, goal: int) -> int:
    """Find the cheapest way; return what a watt along it costs, FAR where there is none.

    Potentials are brought up to date, so that they still hold when the way has been taken.
    """
    nodes = len(s.far)
    s.far[:] = FAR
    s.done[:] = False
    s.at[:] = NONE
    s.at[nodes] = 0
    s.far[start], s.before[start] = 0, NONE
    cost = s.potential[goal] - s.potential[start]
    sift(s, start)
    while s.at[nodes] > 0:
        node = nearest(s)
        s.done[node] = True
        if node == goal:
            break
        expand(g, f, s, node)
    if not s.done[goal]:
        return FAR
    for node in range(nodes):
        s.potential[node] += min(s.far[node], s.far[goal])
    return int(cost + s.far[goal])


@compiled
def potentials(g: Graph, f: Flow, s: Search) -> bool:
    """Find potentials that leave no arc below zero (Bellman-Ford); False where a cycle is below zero."""
    nodes = len(s.far)
    s.potential[:], s.far[:], s.done[:] = 0, 0, False
    for _ in range(nodes + 1):
        s.at[:] = NONE
        s.at[nodes] = 0
        for node in range(nodes):
            expand(g, f, s, node)
        if s.at[nodes] == 0:  # none was noted
            s.potential[:] = s.far
            return True
    return False
