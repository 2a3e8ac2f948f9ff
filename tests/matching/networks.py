"""Random networks for the tests of matching, and the rule of reV."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gis.matching.network import Network


def random_network(
    seed: int, parcels: int = 30, sources: int = 6, tightness: float = 0.8, largest: int = 1000
) -> Network:
    """Return a network with tiers, groups, limits, and parcels and sources that are left out."""
    rng = np.random.default_rng(seed)
    load = rng.integers(0, largest, parcels)
    tier = rng.integers(0, 3, sources)
    supply = rng.dirichlet(np.ones(sources)) * load.sum() * tightness
    group = np.where(tier == 1, 0, -1)
    here = rng.random((parcels, sources)) < min(1.0, 4 / sources)
    parcel, source = np.nonzero(here)
    limit = np.where(rng.random(len(parcel)) < 0.1, load[parcel] // 2, load[parcel])
    group_supply = [int(supply[group == 0].sum() * 0.8)]
    return Network(
        load, load * 3 // 10, supply.astype(np.int64), tier, group, group_supply, parcel, source,
        limit, rng.integers(0, 3000, len(parcel)),
    )  # fmt: skip


def free(network: Network) -> Network:
    """Return a network without a least share."""
    return replace(network, least_w=np.zeros_like(network.least_w))


def competitive(capacity: list[float], pairs: list[tuple[int, int, float, float]], load: list[float]) -> dict:
    """Return who gets what by the rule of reV: the cheapest pair first, each as much as is left.

    `pairs` are (parcel, source, cost, limit); the result has one amount for (parcel, source).
    """
    left, lacks, got = list(capacity), list(load), {}
    for parcel, source, _, limit in sorted(pairs, key=lambda pair: pair[2]):
        amount = min(left[source], lacks[parcel], limit)
        if amount > 0:
            got[parcel, source] = amount
            left[source] -= amount
            lacks[parcel] -= amount
    return got
