"""The worth of a step against solving again; siting against all choices; the published case of reV."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from gis.errors import InputError
from gis.matching.allocate import allocate
from gis.matching.network import Network
from gis.matching.siting import Candidates, site
from gis.matching.solve import SolveError
from gis.matching.worth import worth
from tests.matching.networks import competitive, free, random_network


@pytest.mark.parametrize("by_cost", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_worth_is_what_solving_again_finds(seed: int, by_cost: bool):
    network = random_network(seed, 60, 8, (0.4, 0.8, 1.0, 1.5)[seed % 4])
    cost = np.random.default_rng(seed).integers(0, 90, len(network.parcel)) if by_cost else None
    unit = network.length_m if cost is None else cost
    base = allocate(network, cost=cost)
    told = worth(network, base, 400)
    for source in range(8):
        for sign, tiers, costs in (
            (1, told.more_tier_w, told.more_cost),
            (-1, told.less_tier_w, told.less_cost),
        ):
            supply = network.supply_w.copy()
            supply[source] = max(supply[source] + sign * 400, 0)
            if (np.minimum(supply, network.supply_w) < 600)[source]:
                continue  # so small that it may not serve some parcels: another network
            again = allocate(replace(network, supply_w=supply), cost=cost)
            change = again.relaxed_flow_w - base.relaxed_flow_w
            assert tiers[source].sum() == change.sum()
            assert costs[source] == change @ unit
            if not by_cost:
                assert tiers[source].tolist() == (again.relaxed_tier_w - base.relaxed_tier_w).tolist()


@pytest.mark.parametrize("seed", range(8))
def test_the_worth_of_a_group_is_what_solving_again_finds(seed: int):
    network = random_network(seed, 60, 8, (0.4, 0.8, 1.0, 1.5)[seed % 4])
    base = allocate(network)
    told = worth(network, base, 300)
    row = len(network.supply_w)
    assert len(told.more_cost) == row + 1
    for sign, tiers, costs in ((1, told.more_tier_w, told.more_cost), (-1, told.less_tier_w, told.less_cost)):
        supply = network.group_supply_w + sign * 300
        if min(supply[0], network.group_supply_w[0]) < 1000:
            continue  # so small that it may not serve some parcels: another network
        again = allocate(replace(network, group_supply_w=supply))
        change = again.relaxed_flow_w - base.relaxed_flow_w
        assert costs[row] == change @ network.length_m
        assert tiers[row].tolist() == (again.relaxed_tier_w - base.relaxed_tier_w).tolist()


def test_a_step_must_be_more_than_nothing():
    network = random_network(1)
    with pytest.raises(InputError, match="more than 0 W"):
        worth(network, allocate(network), 0)


def split(network: Network, kept: int) -> tuple[Network, Candidates]:
    """Make the sources after the first ones candidates."""
    old = network.source < kept
    there = replace(
        network,
        supply_w=network.supply_w[:kept],
        tier=network.tier[:kept],
        group=network.group[:kept],
        **{name: getattr(network, name)[old] for name in ("parcel", "source", "limit_w", "length_m")},
    )
    candidates = Candidates(
        network.supply_w[kept:],
        network.tier[kept:],
        network.parcel[~old],
        network.source[~old] - kept,
        network.limit_w[~old],
        network.length_m[~old],
    )
    return there, candidates


@pytest.mark.parametrize("seed", range(6))
def test_sites_against_all_choices(seed: int):
    full = replace(free(random_network(seed, 40, 9, 1.2)), group=np.full(9, -1))
    there, candidates = split(full, 3)
    base = allocate(there)
    result = site(there, base, candidates, 3)

    def served(chosen: tuple[int, ...]) -> int:
        supply = full.supply_w.copy()
        supply[[i for i in range(3, 9) if i - 3 not in chosen]] = 0
        return int(allocate(replace(full, supply_w=supply)).certificate.tier_w.sum())

    start = served(())
    best = max(served(chosen) for chosen in itertools.combinations(range(6), 3))
    assert result.total_w == served(tuple(result.chosen)) == result.flow_w.sum()
    assert [served(tuple(result.chosen[: i + 1])) for i in range(len(result.chosen))] == (
        start + np.cumsum(result.gain_w)
    ).tolist()
    assert result.total_w - start >= (1 - 1 / np.e) * (best - start)
    assert result.bound_w >= best
    assert result.gain_w[0] == max(served((i,)) for i in range(6)) - start


@pytest.mark.parametrize("seed", range(12))
def test_the_gain_of_one_site_is_what_solving_again_finds(seed: int):
    # Sources in groups, far chains, and a least flow that others must make room for.
    rng = np.random.default_rng(seed)
    drawn = free(random_network(seed, 80, 16, rng.choice([0.4, 0.8, 1.1])))
    group = np.where(np.arange(16) < 12, drawn.group, -1)
    full = replace(drawn, group=group, supply_w=np.where(np.arange(16) < 12, drawn.supply_w, 3000))
    there, candidates = split(full, 12)
    base = allocate(there)
    before = int(base.certificate.tier_w.sum())
    for new in range(4):
        own = candidates.candidate == new
        pairs = (getattr(candidates, n)[own] for n in ("parcel", "candidate", "limit_w", "length_m"))
        parcel, source, limit_w, length_m = pairs
        one = Candidates(
            candidates.supply_w[new : new + 1], candidates.tier[new : new + 1], parcel, source - new,
            limit_w, length_m,
        )  # fmt: skip
        supply = np.where((np.arange(16) < 12) | (np.arange(16) == 12 + new), full.supply_w, 0)
        again = int(allocate(replace(full, supply_w=supply)).certificate.tier_w.sum())
        found = site(there, base, one, 1)
        assert found.gain_w.sum() == again - before
        assert found.flow_w.sum() == found.total_w == again


def test_an_allocation_that_is_not_the_most_is_refused():
    network = free(random_network(3))
    base = allocate(network)
    served = replace(base, relaxed_flow_w=np.zeros_like(base.relaxed_flow_w))
    none = np.zeros(0, dtype=np.int64)
    with pytest.raises(SolveError, match="does not serve the most"):
        site(network, served, Candidates(np.array([10**6]), np.array([0]), none, none, none, none), 3)


def test_what_reaches_nobody_is_never_chosen():
    network = random_network(2)
    base = allocate(network)
    none = np.zeros(0, dtype=np.int64)
    result = site(network, base, Candidates(np.array([10**6]), np.array([0]), none, none, none, none), 3)
    assert len(result.chosen) == 0
    assert result.total_w == result.bound_w == base.certificate.tier_w.sum()
    with pytest.raises(InputError, match="candidate 1, which is not there"):
        site(network, base, Candidates(*(np.array([x]) for x in (5, 0, 0, 1, 5, 5))), 1)


def test_the_published_case_of_rev():
    # Sites at 0, 10, 15 and 20: resource B has 100 MW, C has 10; levelised costs 4, 5, 1 and 10.
    load, supply, cost = [25, 100, 1000, 1], [100, 10], np.array([4, 5, 1, 10])
    parcel, source = np.arange(4), np.array([0, 0, 1, 0])
    got = competitive(supply, [(p, int(source[p]), int(cost[p]), 1000) for p in range(4)], load)
    assert got == {(2, 1): 10, (0, 0): 25, (1, 0): 75}
    mega = 1_000_000
    network = Network(
        np.array(load) * mega, [0] * 4, np.array(supply) * mega, [0, 0], [-1, -1], [],
        parcel, source, np.full(4, 1000) * mega, np.zeros(4, dtype=np.int64),
    )  # fmt: skip
    result = allocate(network, cost=cost)
    assert result.tier_w.sum() >= sum(got.values()) * mega
    assert result.flow_w @ cost <= sum(cost[p] * watts for (p, _), watts in got.items()) * mega


def test_some_rows_alone_are_told_as_among_all():
    network = random_network(3, 60, 8, 1.0)
    base = allocate(network)
    whole, part = worth(network, base, 400), worth(network, base, 400, rows=np.array([8, 2]), less=False)
    for row in (2, 8):
        assert part.more_tier_w[row].tolist() == whole.more_tier_w[row].tolist()
        assert part.more_cost[row] == whole.more_cost[row]
    assert not part.more_tier_w[[0, 1, 3, 4, 5, 6, 7]].any()
    assert not part.less_tier_w.any()
