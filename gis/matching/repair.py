"""The least-share rule: a connection carries at least its parcel's least, or nothing.

The exact flow knows no such rule, but splits few parcels. Where a parcel gets too little
from one of two sources, its shares are set anew and the difference led back from the one
to the other along a chain of parcels: a parcel takes from one source what it took from
the next, which passes on as much in turn. So nothing is lost. Connections that still carry
too little are dropped, and what their sources then have to spare is placed again, without
taking from any source of an earlier or the same tier more than it gains:

- at a parcel in reach that lacks something, if the rule allows the amount; else the
  parcel gets its least, and others at the same source give up the difference, down to
  their own least: so the source is full again;
- else at the end of such a chain, the fewest steps first.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gis.compiled import compiled, lean
from gis.matching.network import Ints, Network

STEPS = 8
"""Sources that a chain leads over at most."""

SHARES = 6
"""Shares between the least of one source and the least of the other that are tried."""

SEEN = 100
"""Sources that are looked at for one amount."""

ROUNDS = 2
"""Times that the sources are gone through: what one gives up, another may place."""


class Columns(NamedTuple):
    """The network as the loops take it."""

    parcel: Ints
    source: Ints
    most: Ints
    parcel_start: Ints
    source_start: Ints
    by_source: Ints
    least: Ints
    tier: Ints
    group: Ints


class State(NamedTuple):
    """What the loops change."""

    flow: Ints
    lacks: Ints
    """(parcel,) Load that is not served."""
    spare: Ints
    """(source,) Supply that is not used."""
    group_spare: Ints
    wanted: Ints
    """(source,) Parcels in reach that lack something."""
    main: Ints
    """(parcel,) The pair that carries most; any of its pairs where none carries anything."""


class Chain(NamedTuple):
    """Sources in the order they were reached, and how."""

    queue: Ints
    seen: Ints
    """(source,) Mark of the search that last saw it."""
    before: Ints
    gains: Ints
    """(source,) Pair by which the source before it gives `given` to a parcel."""
    loses: Ints
    """(source,) Pair of the same parcel by which this source gives `freed` less."""
    given: Ints
    freed: Ints
    steps: Ints


@lean
def give(c: Columns, s: State, pair: int, watts: int) -> None:
    """Let a connection carry more (or, below zero, less)."""
    source, parcel = c.source[pair], c.parcel[pair]
    lacked = s.lacks[parcel] > 0
    s.flow[pair] += watts
    s.lacks[parcel] -= watts
    for other in range(c.parcel_start[parcel], c.parcel_start[parcel + 1]):
        if s.flow[other] > s.flow[s.main[parcel]]:
            s.main[parcel] = other
        if lacked != (s.lacks[parcel] > 0):
            s.wanted[c.source[other]] += -1 if lacked else 1
    s.spare[source] -= watts
    if c.group[source] >= 0:
        s.group_spare[c.group[source]] -= watts


@lean
def spare_of(c: Columns, s: State, source: int) -> int:
    """Return what a source has to spare, within its group."""
    group = c.group[source]
    return int(s.spare[source] if group < 0 else min(s.spare[source], s.group_spare[group]))


@lean
def drop(c: Columns, s: State) -> None:
    """Drop the connections that carry too little."""
    for pair in range(len(c.parcel)):
        if 0 < s.flow[pair] < c.least[c.parcel[pair]]:
            give(c, s, pair, -s.flow[pair])


@lean
def on_the_way(c: Columns, chain: Chain, source: int, parcel: int) -> bool:
    """Return whether a chain that leads to a source changes what a parcel gets."""
    while chain.before[source] >= 0:
        if c.parcel[chain.gains[source]] == parcel:
            return True
        source = chain.before[source]
    return False


@lean
def outlet(c: Columns, s: State, chain: Chain, source: int, watts: int) -> tuple[int, int, int]:
    """Return where an amount can be placed at a source: pair, amount, and what others there give up.

    The pair is -1 where there is none. The first choice takes nothing from others.
    """
    best, best_watts, best_need = -1, 0, 0
    for i in range(c.source_start[source], c.source_start[source + 1]):
        pair = c.by_source[i]
        parcel = c.parcel[pair]
        if s.lacks[parcel] == 0:
            continue
        least, flow = c.least[parcel], s.flow[pair]
        room = min(s.lacks[parcel], c.most[pair] - flow)
        if room <= 0 or flow + room < least:
            continue
        amount = min(room, watts)
        need = max(least - flow - amount, 0)
        better = best < 0 or need < best_need or (need == 0 and best_need == 0 and amount > best_watts)
        if better and not on_the_way(c, chain, source, parcel):
            best, best_watts, best_need = pair, amount, need
            if need == 0 and amount == watts:
                break
    if best >= 0 and best_need > 0 and best_need > slack(c, s, chain, source):
        best = -1
    return best, best_watts, best_need


@lean
def slack(c: Columns, s: State, chain: Chain, source: int) -> int:
    """Return what the parcels of a source could give up, down to their least."""
    found = 0
    for i in range(c.source_start[source], c.source_start[source + 1]):
        pair = c.by_source[i]
        parcel = c.parcel[pair]
        more = s.flow[pair] - c.least[parcel]
        if more > 0 and not on_the_way(c, chain, source, parcel):
            found += more
    return found


@lean
def take(c: Columns, s: State, chain: Chain, source: int, need: int) -> None:
    """Take an amount from the parcels of a source, the farthest first, down to their least."""
    for i in range(c.source_start[source + 1] - 1, c.source_start[source] - 1, -1):
        if need == 0:
            break
        pair = c.by_source[i]
        more = s.flow[pair] - c.least[c.parcel[pair]]
        if more > 0 and not on_the_way(c, chain, source, c.parcel[pair]):
            amount = min(more, need)
            give(c, s, pair, -amount)
            need -= amount


@lean
def link(c: Columns, s: State, gains: int, loses: int, watts: int) -> tuple[int, int]:
    """Return what a parcel can take from one source, of an amount there, and what it frees at another."""
    parcel = c.parcel[gains]
    least, has, had = c.least[parcel], s.flow[gains], s.flow[loses]
    lacks = s.lacks[parcel]
    given = min(watts, c.most[gains] - has, lacks + had)
    if given - lacks > had - least and given - lacks < had:
        given = lacks + had - least  # the rest of the other connection must be legal, or nothing
    freed = given - lacks
    if freed <= 0 or has + given < least:
        return 0, 0
    return given, freed


@lean
def spread(
    c: Columns,
    s: State,
    chain: Chain,
    start: int,
    source: int,
    watts: int,
    mark: int,
    count: int,
    barred: int,
) -> int:
    """Add the sources that can be reached from one by a single parcel; return how many are reached.

    With a parcel that is barred the amount is passed on in full; -1: none is.
    """
    for i in range(c.source_start[source], c.source_start[source + 1]):
        if count == SEEN:
            break
        gains = c.by_source[i]
        parcel = c.parcel[gains]
        loses = s.main[parcel]
        other = c.source[loses]
        if chain.seen[other] == mark or s.flow[loses] == 0 or parcel == barred:
            continue
        if c.most[gains] == s.flow[gains]:
            continue
        given, freed = link(c, s, gains, loses, watts)
        # What is not passed on is lost to this source; only later tiers may lose for an earlier one.
        whole = given == watts or c.tier[source] > c.tier[start] or source == start
        if barred >= 0:
            whole = freed == watts
        if freed == 0 or not whole or on_the_way(c, chain, source, parcel):
            continue
        chain.seen[other], chain.before[other] = mark, source
        chain.gains[other], chain.loses[other] = gains, loses
        chain.given[other], chain.freed[other] = given, freed
        chain.steps[other] = chain.steps[source] + 1
        chain.queue[count] = other
        count += 1
    return count


@lean
def pass_on(c: Columns, s: State, chain: Chain, source: int) -> int:
    """Change the parcels of a chain that leads to a source; return what its start gives."""
    placed = 0
    while chain.before[source] >= 0:
        placed = chain.given[source]
        give(c, s, chain.loses[source], -chain.freed[source])
        give(c, s, chain.gains[source], placed)
        source = chain.before[source]
    return placed


@lean
def lead(
    c: Columns, s: State, chain: Chain, start: int, goal: int, watts: int, mark: int, barred: int
) -> bool:
    """Lead an amount from one source to another, past a parcel; return whether that could be done."""
    chain.queue[0], chain.seen[start], chain.before[start], chain.steps[start] = start, mark, -1, 0
    at, count = 0, 1
    while at < count:
        source = chain.queue[at]
        if chain.steps[source] < STEPS:
            count = spread(c, s, chain, start, source, watts, mark, count, barred)
        if chain.seen[goal] == mark:
            pass_on(c, s, chain, goal)
            return True
        if count == SEEN:
            break
        at += 1
    return False


@lean
def fits(c: Columns, pair: int, watts: int) -> bool:
    """Return whether a connection may carry an amount."""
    return watts == 0 or (c.least[c.parcel[pair]] <= watts <= c.most[pair])


@lean
def set_anew(c: Columns, s: State, chain: Chain, pair: int, mark: int) -> int:
    """Give a parcel legal shares of two sources, the one with too little and its largest other.

    Nothing is lost. Returns the next mark; the shares stay as they are where no way is found.
    """
    parcel, other = c.parcel[pair], -1
    for i in range(c.parcel_start[parcel], c.parcel_start[parcel + 1]):
        if i != pair and s.flow[i] > 0 and (other < 0 or s.flow[i] > s.flow[other]):
            other = i
    if other < 0:
        return mark
    least, total = c.least[parcel], s.flow[pair] + s.flow[other]
    for choice in range(SHARES + 2):
        # Nothing, all, and in between from the least of the one to the least of the other.
        share = 0 if choice == 0 else total
        if choice > 1:
            share = least + (total - 2 * least) * (choice - 2) // (SHARES - 1)
        if not (fits(c, pair, share) and fits(c, other, total - share)):
            continue
        more = share - s.flow[pair]
        start, goal = (c.source[other], c.source[pair]) if more > 0 else (c.source[pair], c.source[other])
        mark += 1
        if lead(c, s, chain, start, goal, abs(more), mark, parcel):
            give(c, s, pair, more)
            give(c, s, other, -more)
            break
    return mark


@lean
def place(c: Columns, s: State, chain: Chain, start: int, watts: int, mark: int) -> int:
    """Place an amount that a source has to spare, or part of it; return how much."""
    chain.queue[0], chain.seen[start], chain.before[start], chain.steps[start] = start, mark, -1, 0
    at, count = 0, 1
    while at < count:
        source = chain.queue[at]
        here = watts if source == start else chain.freed[source]
        pair, amount, need = -1, 0, 0
        if s.wanted[source] > 0:
            pair, amount, need = outlet(c, s, chain, source, here)
        whole = amount == here or c.tier[source] > c.tier[start] or source == start
        if pair >= 0 and whole:
            if need > 0:
                take(c, s, chain, source, need)
            give(c, s, pair, amount + need)
            return max(pass_on(c, s, chain, source), amount if source == start else 0)
        if chain.steps[source] < STEPS:
            count = spread(c, s, chain, start, source, here, mark, count, -1)
        at += 1
    return 0


@lean
def refill(c: Columns, s: State, chain: Chain, target: Ints, order: Ints, mark: int) -> None:
    """Place what sources have to spare because connections were dropped.

    `target` is what each had to spare before; `order` the sources, the first tier first.
    """
    for _ in range(ROUNDS):
        done = 0
        for source in order:
            placed = 1
            while placed > 0:
                watts = min(s.spare[source] - target[source], spare_of(c, s, source))
                mark += 1
                placed = place(c, s, chain, source, watts, mark) if watts > 0 else 0
                done += placed
        if done == 0:
            break


@compiled
def repair(c: Columns, s: State, order: Ints) -> None:
    """Make a flow keep the rule; `order`: the sources, the first tier first."""
    n = len(order)
    queue, seen, before = np.empty(n, np.int64), np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    gains, loses = np.zeros(n, np.int64), np.zeros(n, np.int64)
    given, freed, steps = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
    chain = Chain(queue, seen, before, gains, loses, given, freed, steps)
    target, mark = s.spare.copy(), 0
    for pair in range(len(c.parcel)):
        if 0 < s.flow[pair] < c.least[c.parcel[pair]]:
            mark = set_anew(c, s, chain, pair, mark)
    drop(c, s)
    refill(c, s, chain, target, order, mark)


def repaired(network: Network, flow_w: Ints) -> Ints:
    """Return a flow that keeps the least-share rule, near one that does not.

    Parameters
    ----------
    network
        What is matched.
    flow_w
        (pair,) A flow within all limits.
    """
    parcels, sources = len(network.load_w), len(network.supply_w)
    source_start, by_source = network.by_source
    columns = Columns(
        network.parcel, network.source, network.most_w, network.parcel_start, source_start, by_source,
        network.least_w, network.tier, network.group,
    )  # fmt: skip
    used = network.sum_by(network.source, flow_w, sources)
    member = np.flatnonzero(network.group >= 0)
    group_spare = network.group_supply_w.copy()
    np.subtract.at(group_spare, network.group[member], used[member])
    lacks = network.load_w - network.sum_by(network.parcel, flow_w, parcels)
    wanted = network.sum_by(network.source, (lacks > 0)[network.parcel].astype(np.int64), sources)
    main = np.zeros(parcels, dtype=np.int64)
    by_flow = np.argsort(flow_w, kind="stable")
    main[network.parcel[by_flow]] = by_flow  # of several, the last: the largest
    state = State(flow_w.copy(), lacks, network.supply_w - used, group_spare, wanted, main)
    repair(columns, state, np.argsort(network.tier, kind="stable"))
    return state.flow
