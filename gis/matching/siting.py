"""Where new sources are worth most: the most heat served in all, by capacitated lazy greedy choice.

What is served in all, as a function of the set of sources, grows ever less with each one
(it is submodular). So taking the best source each time gives at least 1 - 1/e of the
gain of the best set, and a gain once worked out bounds what it can be later: most need
not be worked out again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gis.compiled import CORES, in_blocks
from gis.errors import InputError
from gis.matching.allocate import Allocation, spare_w
from gis.matching.augment import Search, State, add, find_useful, gains, pairs_of, search_of
from gis.matching.network import Ints, Network, Progress
from gis.matching.order import by_nearest
from gis.matching.solve import SolveError


@dataclass(frozen=True, eq=False)
class Candidates:
    """Sources that might be built, of no group, and the parcels that each could serve."""

    supply_w: Ints
    tier: Ints
    parcel: Ints
    """(pair,) In any order, every pair once."""
    candidate: Ints
    limit_w: Ints
    length_m: Ints


@dataclass(frozen=True, eq=False)
class Siting:
    """The candidates that are worth most together."""

    chosen: Ints
    """Best first; fewer than asked for where no other serves anything more."""
    gain_w: Ints
    """What each serves more, in all, beside the ones before it."""
    total_w: int
    """Served in all with the chosen."""
    bound_w: int
    """What no choice of as many candidates can exceed."""
    proven_frac: float
    """At least this share of the best possible gain is reached."""
    network: Network
    """With all candidates as sources after those there were."""
    flow_w: Ints
    """(pair of that network,) The most in all, with nothing from those not chosen; no least-share rule."""


def joined(network: Network, candidates: Candidates) -> Network:
    """Return a network with the candidates as further sources."""
    before = len(network.supply_w)
    new = len(np.atleast_1d(candidates.supply_w))
    at = np.asarray(candidates.candidate)
    if len(at) and ((at < 0) | (at >= new)).any():
        raise InputError(f"a pair names candidate {int(at[(at < 0) | (at >= new)][0])}, which is not there")
    parcel = np.concatenate((network.parcel, candidates.parcel))
    source = np.concatenate((network.source, at + before))
    order = np.lexsort((source, parcel))
    return Network(
        network.load_w,
        network.least_w,
        np.concatenate((network.supply_w, candidates.supply_w)),
        np.concatenate((network.tier, candidates.tier)),
        np.concatenate((network.group, np.full(new, -1))),
        network.group_supply_w,
        parcel[order],
        source[order],
        np.concatenate((network.limit_w, candidates.limit_w))[order],
        np.concatenate((network.length_m, candidates.length_m))[order],
    )


def site(
    network: Network,
    allocation: Allocation,
    candidates: Candidates,
    count: int,
    progress: Progress | None = None,
) -> Siting:
    """Choose the candidates that let most be served in all, whatever the tier.

    Parameters
    ----------
    network, allocation
        What there is, and how it was matched.
    candidates
        What might be built.
    count
        How many to choose, at most.
    progress
        Told before every choice.

    Raises
    ------
    InputError
        Where a candidate's numbers are missing, negative or out of range.
    """
    if count < 0:
        raise InputError(f"the number of sources to choose must not be negative: {count}")
    both = joined(network, candidates)
    before, new = len(network.supply_w), len(both.supply_w) - len(network.supply_w)
    near = by_nearest(both)
    flow_w = np.zeros_like(both.parcel)
    flow_w[both.source < before] = allocation.relaxed_flow_w
    lazy = _Lazy(near.network, flow_w[near.pair], before)
    served = int(flow_w.sum())
    chosen, gain = [], []
    for step in range(min(count, new)):
        if progress:
            progress(step, count, "siting")
        best, more = lazy.best(())
        if more == 0:
            break
        lazy.build(best)
        chosen.append(best)
        gain.append(more)
    total = served + sum(gain)
    bound = _bound(lazy, total, count, sum(gain))
    if progress:
        progress(count, count, "sited")
    proven = sum(gain) / (bound - served) if bound > served else 1.0
    return Siting(
        np.array(chosen, dtype=np.int64),
        np.array(gain, dtype=np.int64),
        total,
        bound,
        proven,
        both,
        near.back(lazy.flow_w),
    )


def _bound(lazy: _Lazy, total_w: int, count: int, gain_w: int) -> int:
    """Return what no `count` candidates can exceed: by what the best others would add, or by 1 - 1/e."""
    over: list[int] = []
    further = 0
    while len(over) < count:
        best, more = lazy.best(over)
        if more == 0:
            break
        over.append(best)
        further += more
    return total_w + min(further, math.floor(gain_w / (math.e - 1)))


class _Lazy:
    """Gains of the candidates: exact, or what they were when fewer were built, which is no less.

    `flow_w` is a most for the sources before the candidates; SolveError where it is not.
    """

    def __init__(self, network: Network, flow_w: Ints, before: int) -> None:
        self._pairs, self._search, self._before = pairs_of(network), search_of(network), before
        self._supply = network.supply_w
        used = network.sum_by(network.source, flow_w, len(network.supply_w))
        lacks = network.load_w - network.sum_by(network.parcel, flow_w, len(network.load_w))
        self._state = State(flow_w, lacks, network.supply_w - used)
        self._state.spare[before:] = 0  # not built yet
        find_useful(self._pairs, self._state, self._search)
        gives_more = self._search.useful[:before] & (spare_w(network, used)[:before] > 0)
        if gives_more.any():
            raise SolveError("the allocation does not serve the most: no site can be chosen by it")
        new = len(network.supply_w) - before
        self._gain = np.zeros(new, dtype=np.int64)
        self._fresh = np.ones(new, dtype=np.bool_)
        self._work_out(np.arange(new))

    @property
    def flow_w(self) -> Ints:
        """(pair,) What is served with all that were built."""
        return self._state.flow

    def _work_out(self, which: Ints) -> None:
        """Work out the gains of some candidates anew."""

        def run(first: int, last: int) -> None:
            own, room = self._state, self._search
            if len(which) > 1:  # several at once, each core with what it may change
                own = State._make(column.copy() for column in own)
                room = Search(room.useful, *(column.copy() for column in room[1:]))
            at = which[first:last]
            self._gain[at] = gains(self._pairs, own, room, at + self._before, self._supply)

        in_blocks(run, len(which), -(-len(which) // CORES) or 1)

    def best(self, barred: list[int] | tuple[int, ...]) -> tuple[int, int]:
        """Return the candidate that adds most, and what; the first of equals; 0 W where there is none."""
        while True:
            gain = self._gain.copy()
            gain[list(barred)] = 0
            if not len(gain):
                return 0, 0
            top = int(np.argmax(gain))
            if gain[top] == 0 or self._fresh[top]:
                return top, int(gain[top])
            self._work_out(np.array([top]))
            self._fresh[top] = True

    def build(self, candidate: int) -> None:
        """Put a candidate to use for good."""
        source = candidate + self._before
        add(
            self._pairs,
            self._state,
            self._search,
            source,
            int(self._supply[source]),
            np.empty((1, 2), np.int64),
        )
        find_useful(self._pairs, self._state, self._search)
        self._fresh[:] = False
        self._gain[candidate] = 0
