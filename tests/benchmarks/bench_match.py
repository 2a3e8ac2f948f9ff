"""Matching of a made-up city: `python -m tests.benchmarks.bench_match [--parcels 100000 --sources 500]`.

A city is made, matched and held against its certificate and its limits; then times are
printed beside what simpler rules serve: nearest first (parcels in order, each from its
nearest source with something left), and cost-sorted (the rule of reV: shortest pairs
first). Neither keeps the least-share rule. Last, the worth of a step of 1 % is held
against solving again, for 20 sources.
"""

from __future__ import annotations

import argparse
import resource
import time
from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from gis.matching.allocate import Allocation, allocate
from gis.matching.network import Network
from gis.matching.siting import Candidates, site
from gis.matching.worth import worth

REACH = 5
PARCEL_M2 = 40_000.0
LIMITED_FRAC = 0.01


def make_city(parcels: int, sources: int, tightness: float, seed: int = 0) -> Network:
    """Return a city: about five sources in reach of a parcel, four tiers, a fifth of the sources in groups.

    `tightness` is the supply of all sources by the load of all parcels.
    """
    rng = np.random.default_rng(seed)
    side = np.sqrt(parcels * PARCEL_M2)
    load = np.maximum(rng.lognormal(np.log(150_000), 1.0, parcels), 1000).astype(np.int64)
    tree = cKDTree(rng.uniform(0, side, (sources, 2)))
    length, near = tree.query(rng.uniform(0, side, (parcels, 2)), k=min(REACH + 3, sources))
    here = np.arange(near.shape[1]) < rng.integers(2, REACH + 4, parcels)[:, None]
    parcel = np.nonzero(here)[0]
    source = near[here]
    order = np.lexsort((source, parcel))
    share = rng.lognormal(0, 1.0, sources)
    supply = (share / share.sum() * load.sum() * tightness).astype(np.int64)
    tier = rng.choice(4, sources, p=[0.3, 0.3, 0.25, 0.15])
    grouped = np.arange(sources) < sources // 5 // 4 * 4
    group = np.where(grouped, np.arange(sources) // 4, -1)
    tier[grouped] = tier[np.arange(sources)[grouped] // 4 * 4]
    group_supply = np.bincount(group[grouped], supply[grouped] * 0.8).astype(np.int64)
    limited = rng.random(len(parcel)) < LIMITED_FRAC
    limit = np.where(limited, load[parcel] * rng.uniform(0.2, 1.0, len(parcel)), load[parcel])
    return Network(
        load, load * 3 // 10, supply, tier, group, group_supply, parcel[order], source[order],
        limit[order].astype(np.int64), np.round(length[here][order]).astype(np.int64),
    )  # fmt: skip


def in_order(network: Network, pairs: np.ndarray) -> np.ndarray:
    """Return the flow when pairs are gone through in an order, each taking what is left."""
    lacks, supply, group = network.load_w.tolist(), network.supply_w.tolist(), network.group_supply_w.tolist()
    flow = np.zeros(len(pairs), dtype=np.int64)
    columns = (network.parcel[pairs], network.source[pairs], network.limit_w[pairs])
    rows = zip(pairs.tolist(), *(column.tolist() for column in columns), strict=True)
    of = network.group.tolist()
    for pair, parcel, source, limit in rows:
        watts = min(lacks[parcel], supply[source], limit)
        if of[source] >= 0:
            watts = min(watts, group[of[source]])
            group[of[source]] -= watts
        lacks[parcel] -= watts
        supply[source] -= watts
        flow[pair] = watts
    return flow


def check(network: Network, result: Allocation) -> None:
    """Stop where an allocation breaks a limit, or does not serve what is proven."""
    flow = result.flow_w
    used = np.bincount(network.source, flow, len(network.supply_w))
    got = np.bincount(network.parcel, flow, len(network.load_w))
    member = network.group >= 0
    grouped = np.bincount(network.group[member], used[member], len(network.group_supply_w))
    assert (used <= network.supply_w).all()
    assert (got <= network.load_w).all()
    assert (grouped <= network.group_supply_w).all()
    assert (flow <= network.limit_w).all()
    assert ((flow == 0) | (flow >= network.least_w[network.parcel])).all()
    assert result.relaxed_tier_w.tolist() == result.certificate.tier_w.tolist()


def cpu_s() -> float:
    """Return the seconds of computing of this process and those it started."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def clocked(run, *arguments):
    """Return what a function returns, its seconds, and its seconds of computing."""
    wall, cpu = time.perf_counter(), cpu_s()
    result = run(*arguments)
    return result, time.perf_counter() - wall, cpu_s() - cpu


def row(title: str, network: Network, flow: np.ndarray) -> None:
    """Print what is served, by tier and in all, and the mean length."""
    tiers = np.bincount(network.tier, np.bincount(network.source, flow, len(network.tier)), 4) / 1e6
    told = " ".join(f"{watts:9.1f}" for watts in tiers)
    print(f"  {title:28}{told} = {flow.sum() / 1e6:9.1f} MW, {flow @ network.length_m / flow.sum():7.1f} m")


def priced(network: Network, result: Allocation, checked: int) -> float:
    """Return the greatest relative difference between the worth of 1 % and solving again."""
    worst = 0.0
    for source in np.random.default_rng(1).integers(0, len(network.supply_w), checked):
        step = max(int(network.supply_w[source]) // 100, 1)
        told = worth(network, result, step)
        for sign, tiers, cost in (
            (1, told.more_tier_w, told.more_cost),
            (-1, told.less_tier_w, told.less_cost),
        ):
            supply = network.supply_w.copy()
            supply[source] += sign * step
            change = allocate(replace(network, supply_w=supply)).relaxed_flow_w - result.relaxed_flow_w
            found = np.append(network.by_tier(network.sum_by(network.source, change, len(supply))), 0)
            found[-1] = change @ network.length_m
            mine = np.append(tiers[source], cost[source])
            worst = max(worst, float(np.max(np.abs(found - mine) / np.maximum(np.abs(found), 1))))
    return worst


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parcels", type=int, default=100_000)
    parser.add_argument("--sources", type=int, default=500)
    parser.add_argument("--tightness", type=float, nargs="+", default=[0.3, 0.7, 1.0, 1.5])
    parser.add_argument(
        "--checked", type=int, default=20, help="sources whose worth is held against solving again"
    )
    parser.add_argument("--sites", type=int, default=10)
    chosen = parser.parse_args()
    for tightness in chosen.tightness:
        network = make_city(chosen.parcels, chosen.sources, tightness)
        print(f"{chosen.parcels} parcels, {chosen.sources} sources, {len(network.parcel)} pairs, {tightness}")
        result, wall, cpu = clocked(allocate, network)
        check(network, result)
        lost = result.lost_w.sum() / result.certificate.tier_w.sum()
        print(f"  allocate {wall:.2f} s ({cpu:.2f} s CPU); lost to the least share {100 * lost:.4f} %")
        by_parcel = np.lexsort((network.length_m, network.parcel))
        row("nearest first", network, in_order(network, by_parcel))
        row("cost-sorted (reV)", network, in_order(network, np.argsort(network.length_m, kind="stable")))
        row("ours", network, result.flow_w)
        row("certificate", network, result.relaxed_flow_w)
        _, wall, cpu = clocked(worth, network, result)
        print(f"  worth of 1 MW {wall:.2f} s ({cpu:.2f} s CPU)")
        other = make_city(chosen.parcels, max(chosen.sources // 5, 8), tightness)
        new = Candidates(
            other.supply_w // 5, other.tier, other.parcel, other.source, other.limit_w, other.length_m
        )
        sited, wall, cpu = clocked(site, network, result, new, chosen.sites)
        print(
            f"  {len(sited.chosen)} of {len(other.supply_w)} sites {wall:.2f} s ({cpu:.2f} s CPU):"
            f" {sited.gain_w.sum() / 1e6:.1f} MW more, at least {sited.proven_frac:.3f} of the best"
        )
        if chosen.checked:
            print(
                f"  worth against solving again: {priced(network, result, chosen.checked):.2e} apart at most"
            )
    peak = [
        resource.getrusage(who).ru_maxrss / 2**20 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    print(f"peak memory {peak[0]:.2f} GiB, and {peak[1]:.2f} GiB in the solver's process")


if __name__ == "__main__":
    main()
