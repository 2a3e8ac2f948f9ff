"""More supply at a source, led to parcels that lack something: a maximum flow, from one that is there.

Source u gives more to a parcel, which takes as much less from source v, which gives that to
the next, until a parcel is reached that lacks something (Dinic's algorithm: the shortest ways
first, all of one length at once). A source that gives less makes room in its group as well,
for others of it.

Nodes are the sources, then the groups, then the parcels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gis.compiled import compiled, lean
from gis.matching.network import Bools, Ints, Network

NONE = -1


class Pairs(NamedTuple):
    """What never changes."""

    parcel: Ints
    source: Ints
    most: Ints
    parcel_start: Ints
    source_start: Ints
    by_source: Ints
    group: Ints
    member_start: Ints
    """(group + 2,) Where the sources of a group begin in `member`; those of no group come last."""
    member: Ints


class State(NamedTuple):
    """What is served; changed by every way that is taken."""

    flow: Ints
    lacks: Ints
    spare: Ints
    """(source,) Supply of its own that is not used."""


class Search(NamedTuple):
    """Room for a search."""

    useful: Bools
    """(node,) Whether a way leads on to a parcel that lacks something; others are never gone to."""
    level: Ints
    """(node,) Steps from the start, counted on from what was counted in searches before."""
    at: Ints
    """(node,) Which of its arcs is looked at next."""
    queue: Ints
    arc: Ints
    """(step,) By which arc the way goes on; NONE to a group and from it."""


def pairs_of(network: Network) -> Pairs:
    """Return the columns of a network as the loops take them."""
    groups = len(network.group_supply_w)
    group = np.where(network.group < 0, groups, network.group)
    source_start, by_source = network.by_source
    return Pairs(
        network.parcel, network.source, network.most_w, network.parcel_start, source_start, by_source,
        network.group, np.searchsorted(np.sort(group), np.arange(groups + 2)),
        np.argsort(group, kind="stable"),
    )  # fmt: skip


def search_of(network: Network) -> Search:
    """Return room for a search."""
    nodes = len(network.supply_w) + len(network.group_supply_w) + len(network.load_w)
    return Search(np.zeros(nodes, dtype=np.bool_), *(np.zeros(nodes + 1, dtype=np.int64) for _ in range(4)))


@compiled
def find_useful(c: Pairs, s: State, r: Search) -> None:
    """Find from where a way leads to a parcel that lacks something, going backwards from these."""
    sources, groups = len(s.spare), len(c.member_start) - 2
    count = 0
    r.useful[:] = False
    for p in range(len(s.lacks)):
        if s.lacks[p] > 0:
            count = note(r, sources + groups + p, count)
    at = 0
    while at < count:
        node = r.queue[at]
        at += 1
        if node >= sources + groups:
            p = node - sources - groups
            for pair in range(c.parcel_start[p], c.parcel_start[p + 1]):
                if s.flow[pair] < c.most[pair]:
                    count = note(r, c.source[pair], count)
        elif node >= sources:
            group = node - sources
            for i in range(c.member_start[group], c.member_start[group + 1]):
                count = note(r, c.member[i], count)
        else:
            for i in range(c.source_start[node], c.source_start[node + 1]):
                if s.flow[c.by_source[i]] > 0:
                    count = note(r, sources + groups + c.parcel[c.by_source[i]], count)
            if c.group[node] >= 0 and s.spare[node] > 0:
                count = note(r, sources + c.group[node], count)


@lean
def note(r: Search, node: int, count: int) -> int:
    """Put a node into the queue of useful ones unless it is there; return their number."""
    if not r.useful[node]:
        r.useful[node] = True
        r.queue[count] = node
        count += 1
    return count


@lean
def visit(r: Search, node: int, level: int, count: int) -> int:
    """Put a useful node into the queue unless it was visited; return how many are in it."""
    if r.useful[node] and r.level[node] < r.level[-1]:
        r.level[node], r.at[node] = level, 0
        r.queue[count] = node
        count += 1
    return count


@lean
def find_levels(c: Pairs, s: State, r: Search, start: int) -> bool:
    """Count the steps from a source to every node, as far as to a parcel that lacks something."""
    sources, groups = len(s.spare), len(c.member_start) - 2
    r.level[-1] += len(r.level) + 1  # what was counted before is below
    count = visit(r, start, r.level[-1], 0)
    at, last = 0, 2**62
    while at < count:
        node = r.queue[at]
        at += 1
        level = r.level[node] + 1
        if level > last:
            break
        if node >= sources + groups:
            p = node - sources - groups
            if s.lacks[p] > 0:
                last = level - 1
                continue
            for pair in range(c.parcel_start[p], c.parcel_start[p + 1]):
                if s.flow[pair] > 0:
                    count = visit(r, c.source[pair], level, count)
        elif node >= sources:
            group = node - sources
            for i in range(c.member_start[group], c.member_start[group + 1]):
                if s.spare[c.member[i]] > 0:
                    count = visit(r, c.member[i], level, count)
        else:
            for i in range(c.source_start[node], c.source_start[node + 1]):
                pair = c.by_source[i]
                if s.flow[pair] < c.most[pair]:
                    count = visit(r, sources + groups + c.parcel[pair], level, count)
            if c.group[node] >= 0 and node != start:
                count = visit(r, sources + c.group[node], level, count)
    return last < 2**62


@lean
def step(c: Pairs, s: State, r: Search, node: int, start: int) -> tuple[int, int]:
    """Return the next node of a way, and the pair that leads there; NONE where none is left."""
    sources, groups = len(s.spare), len(c.member_start) - 2
    level = r.level[node] + 1
    if node >= sources + groups:
        p = node - sources - groups
        first = c.parcel_start[p]
        for i in range(first + r.at[node], c.parcel_start[p + 1]):
            if s.flow[i] > 0 and r.level[c.source[i]] == level:
                r.at[node] = i - first
                return c.source[i], i
        r.at[node] = c.parcel_start[p + 1] - first
        return NONE, NONE
    if node >= sources:
        first = c.member_start[node - sources]
        last = c.member_start[node - sources + 1]
        for i in range(first + r.at[node], last):
            if s.spare[c.member[i]] > 0 and r.level[c.member[i]] == level:
                r.at[node] = i - first
                return c.member[i], NONE
        r.at[node] = last - first
        return NONE, NONE
    first, last = c.source_start[node], c.source_start[node + 1]
    for i in range(first + r.at[node], last):
        pair = c.by_source[i]
        p = sources + groups + c.parcel[pair]
        if s.flow[pair] < c.most[pair] and r.level[p] == level:
            r.at[node] = i - first
            return p, pair
    if first + r.at[node] <= last and c.group[node] >= 0 and node != start:
        r.at[node] = last - first
        if r.level[sources + c.group[node]] == level:
            return sources + c.group[node], NONE
    r.at[node] = last - first + 1
    return NONE, NONE


@lean
def carry(c: Pairs, s: State, r: Search, steps: int, left: int) -> int:
    """Return how much the way in the queue carries, at most what is left."""
    sources, groups = len(s.spare), len(c.member_start) - 2
    most = min(left, s.lacks[r.queue[steps] - sources - groups])
    for i in range(steps):
        pair = r.arc[i]
        if pair == NONE:
            if r.queue[i] >= sources:  # from a group
                most = min(most, s.spare[r.queue[i + 1]])
        elif r.queue[i] < sources:
            most = min(most, c.most[pair] - s.flow[pair])
        else:
            most = min(most, s.flow[pair])
    return int(most)


@lean
def take(c: Pairs, s: State, r: Search, steps: int, watts: int) -> None:
    """Change what is served along the way in the queue."""
    sources, groups = len(s.spare), len(c.member_start) - 2
    for i in range(steps):
        pair, node = r.arc[i], r.queue[i]
        if pair == NONE:
            if node >= sources:
                s.spare[r.queue[i + 1]] -= watts
            else:
                s.spare[node] += watts
        else:
            s.flow[pair] += watts if node < sources else -watts
    s.lacks[r.queue[steps] - sources - groups] -= watts


@compiled
def add(c: Pairs, s: State, r: Search, start: int, supply: int, log: Ints) -> tuple[int, Ints, int]:
    """Lead as much of a new source's supply as can be to parcels that lack something.

    Returns how much that is, and the log of (pair, watts) with its rows; `log` is room for it.
    `r.useful` holds from before: what is not useful never becomes so.
    """
    sources, groups = len(s.spare), len(c.member_start) - 2
    left, rows = supply, 0
    while left > 0 and find_levels(c, s, r, start):
        steps = 0
        r.queue[0] = start
        while left > 0:
            node = r.queue[steps]
            if node >= sources + groups and s.lacks[node - sources - groups] > 0:
                watts = carry(c, s, r, steps, left)
                take(c, s, r, steps, watts)
                left -= watts
                if rows + steps > len(log):
                    longer = np.empty((2 * len(log) + steps, 2), np.int64)
                    longer[:rows] = log[:rows]
                    log = longer
                for i in range(steps):
                    if r.arc[i] != NONE:
                        log[rows, 0] = r.arc[i]
                        log[rows, 1] = watts if r.queue[i] < sources else -watts
                        rows += 1
                steps = 0
                continue
            onwards, pair = step(c, s, r, node, start)
            if onwards != NONE:
                r.arc[steps] = pair
                steps += 1
                r.queue[steps] = onwards
            elif steps == 0:
                break
            else:
                r.level[node] = 0  # leads nowhere
                steps -= 1
    return supply - left, log, rows


@compiled
def gains(c: Pairs, s: State, r: Search, which: Ints, supply: Ints) -> Ints:
    """Return what is served more with each of some new sources alone; all is as before at the end."""
    gain, log = np.zeros(len(which), np.int64), np.empty((1024, 2), np.int64)
    spare = s.spare.copy()
    for k in range(len(which)):
        gain[k], log, rows = add(c, s, r, which[k], supply[which[k]], log)
        for i in range(rows):
            s.flow[log[i, 0]] -= log[i, 1]
            s.lacks[c.parcel[log[i, 0]]] += log[i, 1]
        s.spare[:] = spare
    return gain
