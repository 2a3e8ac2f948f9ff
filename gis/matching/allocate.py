"""Shares limited sources out among parcels, exactly, with a certificate and reasons for what is unmet."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from gis.matching.network import Bools, Ints, Network, Progress, refuse_overflow, whole
from gis.matching.order import by_nearest
from gis.matching.repair import repaired
from gis.matching.solve import SolveError, solved


class Unmet(IntEnum):
    """Why a parcel does not get all of its load."""

    MET = 0
    NO_SOURCE = 1
    """No source is in reach."""
    SMALL_LOAD = 2
    """The load is below the least that a connection may carry."""
    SMALL_LIMITS = 3
    """The connections, or the sources in reach, are too small even when nobody else is served."""
    FULL = 4
    """The sources in reach are full."""
    LEAST_RULE = 5
    """A source in reach has something to spare, but less than a connection must carry; or the flow
    without that rule serves more of this parcel."""


@dataclass(frozen=True, eq=False)
class Certificate:
    """What no allocation can beat: found by maximum flows, apart from any allocation."""

    tier_w: Ints
    """(tier,) The most that a tier serves beside the most of the tiers before it."""


@dataclass(frozen=True, eq=False)
class Allocation:
    """Who gets how much from where."""

    flow_w: Ints
    """(pair,) Nothing, or at least the least of the parcel."""
    tier_w: Ints
    """(tier,) What is served."""
    certificate: Certificate
    relaxed_flow_w: Ints
    """(pair,) The flow before the least-share rule: most by tier, then least length or cost."""
    relaxed_tier_w: Ints
    """(tier,) What that flow serves: by priority, the certificate to the watt."""
    lost_w: Ints
    """(tier,) What the least-share rule takes; below zero where a tier serves for an earlier one."""
    unmet_w: Ints
    """(parcel,)"""
    unmet_reason: npt.NDArray[np.int8]
    """(parcel,) `Unmet`."""
    used_w: Ints
    """(source,)"""
    displaced: tuple[Ints, Ints]
    """Parcels that lack something, and each one's nearest source of the best tier in reach, which is full."""
    cost: Ints | None
    """(pair,) By which it was ordered; None: by tier and length."""


def allocate(network: Network, *, cost: Ints | None = None, progress: Progress | None = None) -> Allocation:
    """Share the sources out among the parcels.

    Most from tier 0, then most from tier 1 beside it, and so on; then least power times
    length. The same network gives the same allocation, row by row.

    Parameters
    ----------
    network
        Parcels, sources and pairs.
    cost
        (pair,) What a watt costs: then the most in all, and then the least cost; tiers do not
        matter, and the certificate holds only for their sum.
    progress
        Told before every step.

    Raises
    ------
    InputError
        Where a cost is missing or negative, or a total might not fit 64 bits.
    SolveError
        Where the solver gave up, or its flow does not serve what was proven.
    """
    if cost is not None:
        cost = whole("cost", cost, len(network.parcel))
        refuse_overflow(network.load_w, cost, "cost")
    tier = network.tier if cost is None else np.zeros_like(network.tier)
    steps = int(tier.max(initial=-1)) + 3

    def tell(step: int) -> None:
        if progress:
            word = (
                f"most of tier {step}"
                if step < steps - 2
                else "least length"
                if cost is None
                else "least cost"
            )
            progress(step, steps, word)

    near = by_nearest(network)
    total, relaxed = solved(
        near.network, tier, near.network.length_m if cost is None else cost[near.pair], tell
    )
    if progress:
        progress(steps - 1, steps, "least shares")
    flow = repaired(near.network, relaxed)
    result = _told(network, cost, total, near.back(relaxed), near.back(flow))
    if progress:
        progress(steps, steps, "matched")
    return result


def _told(network: Network, cost: Ints | None, total: Ints, relaxed: Ints, flow: Ints) -> Allocation:
    """Return the allocation, after holding it against the certificate and the limits."""
    used, _ = _checked(network, relaxed, least=False)
    relaxed_tier = network.by_tier(used)
    most = np.diff(total, prepend=0)
    if cost is None and not np.array_equal(most, relaxed_tier):
        raise SolveError(f"the flow serves {relaxed_tier.tolist()} W by tier, not {most.tolist()}, the most")
    if cost is not None and relaxed_tier.sum() != most.sum():
        raise SolveError(f"the flow serves {relaxed_tier.sum()} W, not {most.sum()}, the most")
    used, unmet = _checked(network, flow, least=True)
    tier_w = network.by_tier(used)
    spare = spare_w(network, used)
    return Allocation(
        flow_w=flow,
        tier_w=tier_w,
        certificate=Certificate(most),
        relaxed_flow_w=relaxed,
        relaxed_tier_w=relaxed_tier,
        lost_w=relaxed_tier - tier_w,
        unmet_w=unmet,
        unmet_reason=_reasons(network, flow, relaxed, unmet, spare),
        used_w=used,
        displaced=_displaced(network, unmet, spare),
        cost=cost,
    )


def _by_group(network: Network, used: Ints) -> Ints:
    member = network.group >= 0
    return network.sum_by(network.group[member], used[member], len(network.group_supply_w))


def spare_w(network: Network, used_w: Ints) -> Ints:
    """Return what sources have to spare, within their groups."""
    spare = network.supply_w - used_w
    group_spare = np.append(network.group_supply_w - _by_group(network, used_w), np.iinfo(np.int64).max)
    return np.asarray(np.minimum(spare, group_spare[network.group]), dtype=np.int64)


def _checked(network: Network, flow: Ints, least: bool) -> tuple[Ints, Ints]:
    """Return what sources give and parcels lack; SolveError where a flow breaks a limit."""
    used = network.sum_by(network.source, flow, len(network.supply_w))
    unmet = network.load_w - network.sum_by(network.parcel, flow, len(network.load_w))
    legal = (flow >= 0) & (flow <= network.most_w)
    if least:
        legal &= (flow == 0) | (flow >= network.least_w[network.parcel])
    if not legal.all() or (unmet < 0).any() or (spare_w(network, used) < 0).any():
        raise SolveError("the allocation breaks a limit")
    return used, unmet


def _reasons(network: Network, flow: Ints, relaxed: Ints, unmet: Ints, spare: Ints) -> npt.NDArray[np.int8]:
    """Return why parcels lack something."""
    count, parcel = len(network.load_w), network.parcel

    def some(pairs: Bools) -> Bools:
        return np.bincount(parcel[pairs], minlength=count) > 0

    room = flow < network.most_w
    free = room & (spare[network.source] > 0)
    gave_up = unmet > network.load_w - network.sum_by(parcel, relaxed, count)
    reason = np.full(count, Unmet.FULL, dtype=np.int8)
    reason[some(free) | gave_up] = Unmet.LEAST_RULE
    reason[~some(room)] = Unmet.SMALL_LIMITS
    reason[network.load_w < network.least_w] = Unmet.SMALL_LOAD
    reason[~some(np.ones(len(parcel), dtype=np.bool_))] = Unmet.NO_SOURCE
    reason[unmet == 0] = Unmet.MET
    return reason


def first_choice(network: Network) -> Ints:
    """Return for every parcel the pair with its nearest source of the best tier in reach, or -1."""
    step = int(network.length_m.max(initial=0)) + 1
    usable = network.most_w > 0
    key = np.where(usable, network.tier[network.source] * step + network.length_m, np.iinfo(np.int64).max)
    pair = network.least_pair(key)
    some = np.flatnonzero(pair >= 0)
    pair[some[~usable[pair[some]]]] = -1
    return pair


def _displaced(network: Network, unmet: Ints, spare: Ints) -> tuple[Ints, Ints]:
    """Return the parcels that lack something and whose first choice is full, and that source."""
    choice = first_choice(network)
    parcel = np.flatnonzero((unmet > 0) & (choice >= 0))
    source = network.source[choice[parcel]]
    full = spare[source] < np.maximum(network.least_w[parcel], 1)
    return parcel[full], source[full]
