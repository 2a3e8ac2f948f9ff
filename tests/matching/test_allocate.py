"""Allocation against brute force and HiGHS, its certificate, its rule, and what it refuses."""

from __future__ import annotations

import itertools
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import coo_array

from gis.errors import InputError
from gis.matching import solve as solve_module
from gis.matching.allocate import Allocation, Unmet, allocate
from gis.matching.network import Network
from tests.matching.networks import free, random_network

SEEDS = st.integers(0, 100_000)
TIGHT = (0.3, 0.7, 1.0, 1.5)


def held(network: Network, result: Allocation) -> None:
    """Hold an allocation against all limits, and its sums against its flow."""
    flow = result.flow_w
    lacks, supply, group = network.load_w.copy(), network.supply_w.copy(), network.group_supply_w.copy()
    for pair in np.flatnonzero(flow):
        parcel, source = network.parcel[pair], network.source[pair]
        assert network.least_w[parcel] <= flow[pair] <= network.limit_w[pair]
        lacks[parcel] -= flow[pair]
        supply[source] -= flow[pair]
        if network.group[source] >= 0:
            group[network.group[source]] -= flow[pair]
    assert (lacks >= 0).all()
    assert (supply >= 0).all()
    assert (group >= 0).all()
    np.testing.assert_array_equal(result.unmet_w, lacks)
    np.testing.assert_array_equal(result.used_w, network.supply_w - supply)
    assert result.tier_w.sum() == flow.sum()
    np.testing.assert_array_equal(result.tier_w + result.lost_w, result.certificate.tier_w)
    np.testing.assert_array_equal(result.unmet_reason == Unmet.MET, lacks == 0)


def best_by_enumeration(network: Network, least: bool) -> tuple[tuple[int, ...], int]:
    """Return the most by tier, and the least length with it, of all whole allocations."""
    best: tuple[tuple[int, ...], int] = ((-1,), 0)
    for flow in itertools.product(*(range(int(most) + 1) for most in network.limit_w)):
        amounts = np.array(flow)
        if least and ((amounts > 0) & (amounts < network.least_w[network.parcel])).any():
            continue
        used = np.bincount(network.source, amounts, len(network.supply_w))
        member = network.group >= 0
        grouped = np.bincount(network.group[member], used[member], len(network.group_supply_w))
        got = np.bincount(network.parcel, amounts, len(network.load_w))
        if (
            (used > network.supply_w).any()
            or (got > network.load_w).any()
            or (grouped > network.group_supply_w).any()
        ):
            continue
        tiers = tuple(int(x) for x in np.bincount(network.tier, used, 3))
        best = max(best, (tiers, -int(amounts @ network.length_m)))
    return best[0], -best[1]


@pytest.mark.parametrize("seed", range(12))
def test_tiny_networks_are_solved_as_by_enumeration(seed: int):
    rng = np.random.default_rng(seed)
    load, parcel = rng.integers(0, 5, 3), np.array([0, 0, 1, 1, 2, 2])
    source = np.array([0, 1, 0, 2, 1, 2])
    limit = np.minimum(rng.integers(1, 5, 6), load[parcel])
    network = Network(
        load, (load + 1) // 2, rng.integers(0, 6, 3), [0, 1, 1], [-1, 0, 0], [rng.integers(1, 8)],
        parcel, source, limit, rng.integers(0, 9, 6),
    )  # fmt: skip
    plain = allocate(free(network))
    tiers, length = best_by_enumeration(free(network), least=False)
    assert tuple(np.pad(plain.tier_w, (0, 1))) == tiers
    assert plain.flow_w @ network.length_m == length
    ruled = allocate(network)
    held(network, ruled)
    tiers, _ = best_by_enumeration(network, least=True)
    assert ruled.tier_w.sum() <= plain.tier_w.sum()
    assert tuple(np.pad(ruled.tier_w, (0, 1))) <= tiers
    assert sum(tiers) - ruled.tier_w.sum() <= load.max()


def by_highs(network: Network) -> tuple[list[int], int]:
    """Return the most by tier and the least length, by linear programs one after the other."""
    usable = np.flatnonzero(network.most_w)
    parcel, source = network.parcel[usable], network.source[usable]
    parcels, sources, count = len(network.load_w), len(network.supply_w), len(usable)
    rows = [parcel, parcels + source, parcels + sources + network.group[source]]
    keep = network.group[source] >= 0
    row = np.concatenate((rows[0], rows[1], rows[2][keep]))
    column = np.concatenate((np.arange(count), np.arange(count), np.arange(count)[keep]))
    limit = np.concatenate((network.load_w, network.supply_w, network.group_supply_w))
    a = coo_array((np.ones(len(row)), (row, column)), shape=(len(limit), count))
    bounds = np.column_stack((np.zeros(count), network.most_w[usable]))
    equal, values = [], []
    for tier in range(int(network.tier.max()) + 1):
        goal = (network.tier[source] == tier).astype(float)
        fixed = {"A_eq": np.array(equal), "b_eq": values} if equal else {}
        found = linprog(-goal, A_ub=a, b_ub=limit, bounds=bounds, method="highs", **fixed)
        equal.append(goal)
        values.append(round(-found.fun))
    found = linprog(
        network.length_m[usable], A_ub=a, b_ub=limit, bounds=bounds, A_eq=np.array(equal), b_eq=values,
        method="highs",
    )  # fmt: skip
    return values, round(found.fun)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("tightness", TIGHT)
def test_tiers_and_length_are_those_of_another_solver(seed: int, tightness: float):
    network = random_network(seed, 60, 8, tightness)
    result = allocate(network)
    held(network, result)
    tiers, length = by_highs(network)
    assert result.certificate.tier_w.tolist() == tiers
    assert result.relaxed_tier_w.tolist() == tiers
    assert result.relaxed_flow_w @ network.length_m == length


@examples(max_examples=40)
@given(SEEDS, st.sampled_from(TIGHT))
def test_limits_hold_and_more_supply_never_serves_less(seed: int, tightness: float):
    network = random_network(seed, 25, 5, tightness)
    result = allocate(network)
    held(network, result)
    rng = np.random.default_rng(seed)
    total = result.certificate.tier_w.sum()
    more = replace(network, supply_w=network.supply_w + rng.integers(0, 500, 5))
    assert allocate(more).certificate.tier_w.sum() >= total
    without = network.supply_w.copy()
    without[rng.integers(5)] = 0
    assert allocate(replace(network, supply_w=without)).certificate.tier_w.sum() <= total


@examples(max_examples=20)
@given(SEEDS)
def test_order_of_rows_does_not_matter(seed: int):
    network = random_network(seed, 25, 5, 0.8)
    rng = np.random.default_rng(seed)
    new_parcel, new_source = rng.permutation(25), rng.permutation(5)
    back_parcel, back_source = np.argsort(new_parcel), np.argsort(new_source)
    parcel, source = new_parcel[network.parcel], new_source[network.source]
    order = np.lexsort((source, parcel))
    other = Network(
        network.load_w[back_parcel], network.least_w[back_parcel], network.supply_w[back_source],
        network.tier[back_source], network.group[back_source], network.group_supply_w, parcel[order],
        source[order], network.limit_w[order], network.length_m[order],
    )  # fmt: skip
    one, two = allocate(network), allocate(other)
    assert one.relaxed_tier_w.tolist() == two.relaxed_tier_w.tolist()
    assert one.relaxed_flow_w @ network.length_m == two.relaxed_flow_w @ other.length_m
    np.testing.assert_array_equal(allocate(network).flow_w, one.flow_w)


@pytest.mark.parametrize("tightness", TIGHT)
def test_the_rule_costs_next_to_nothing(tightness: float):
    network = random_network(7, 8000, 40, tightness, 1_000_000)
    everywhere = replace(network, limit_w=network.load_w[network.parcel])
    result = allocate(everywhere)
    assert result.relaxed_tier_w.tolist() == result.certificate.tier_w.tolist()
    assert result.lost_w.sum() < 2e-4 * result.certificate.tier_w.sum()


def test_a_process_of_its_own_gives_the_same(monkeypatch: pytest.MonkeyPatch):
    network = random_network(3)
    here, told = allocate(network), []
    monkeypatch.setattr(solve_module, "SMALL", 0)
    there = allocate(network, progress=lambda done, total, label: told.append((done, total)))
    np.testing.assert_array_equal(here.flow_w, there.flow_w)
    assert told == [(step, 5) for step in range(6)]

    def stop(done: int, total: int, label: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        allocate(network, progress=stop)


def test_by_cost_tiers_do_not_matter():
    network = free(random_network(5))
    result = allocate(network, cost=network.length_m)
    one_tier = allocate(replace(network, tier=np.zeros_like(network.tier)))
    np.testing.assert_array_equal(result.flow_w, one_tier.flow_w)


def simple(**columns: object) -> Network:
    """Return two parcels at one source that serves one of them, some columns replaced."""
    plain = {
        "load_w": [100, 100, 100], "least_w": [30, 30, 30], "supply_w": [100], "tier": [0], "group": [-1],
        "group_supply_w": np.zeros(0, dtype=np.int64), "parcel": [0, 1], "source": [0, 0],
        "limit_w": [100, 100], "length_m": [10, 20],
    }  # fmt: skip
    return Network(**(plain | columns))


def test_reasons_and_the_source_that_is_full():
    network = simple()
    result = allocate(network)
    assert result.flow_w.tolist() == [100, 0]
    assert result.unmet_reason.tolist() == [Unmet.MET, Unmet.FULL, Unmet.NO_SOURCE]
    assert [column.tolist() for column in result.displaced] == [[1], [0]]
    small = allocate(simple(least_w=[30, 130, 30], supply_w=[1000]))
    assert small.unmet_reason[1] == Unmet.SMALL_LOAD
    assert allocate(simple(limit_w=[100, 20], supply_w=[1000])).unmet_reason[1] == Unmet.SMALL_LIMITS
    rule = allocate(simple(supply_w=[110], least_w=[100, 30, 30]))
    assert rule.flow_w.tolist() == [100, 0]
    assert rule.unmet_reason[1] == Unmet.LEAST_RULE
    assert rule.lost_w.tolist() == [10]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"supply_w": [float("nan")]}, "source 0 has no capacity"),
        ({"supply_w": [-1]}, "source 0 has a negative capacity: -1"),
        ({"load_w": [1, 2.5, 3]}, "parcel 1 has a load that is not whole: 2.5"),
        ({"load_w": [1, np.inf, 3]}, "parcel 1 has a load beyond all bounds"),
        ({"limit_w": [1, -7]}, "pair 1 has a negative limit: -7"),
        ({"limit_w": [1]}, "limit_w must have one value for every pair"),
        ({"source": [0, 1]}, "pair 1 names a source that is not there: 1"),
        ({"group": [0]}, "source 0 names a group that is not there: 0"),
        ({"parcel": [0, 0]}, "parcel 0 and source 0 are paired twice"),
        ({"parcel": [1, 0]}, "pairs must be sorted"),
        ({"load_w": [2**61, 1, 1]}, "does not fit 64 bits"),
        ({"tier": ["a"]}, "tier must be whole numbers"),
        (
            {"supply_w": [1, 1], "tier": [0, 1], "group": [0, 0], "group_supply_w": [1]},
            "group 0 has sources of different tiers",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(columns: dict, said: str):
    with pytest.raises(InputError, match=said):
        simple(**columns)


def test_nothing_is_matched_to_nothing():
    none = np.zeros(0, dtype=np.int64)
    result = allocate(Network(**{field.name: none for field in fields(Network)}))
    assert result.certificate.tier_w.tolist() == []
    with pytest.raises(InputError, match="pair 0 has a negative cost"):
        allocate(simple(), cost=[-1, 0])


def test_two_million_pairs():
    parcels = 500_000
    parcel, source = np.repeat(np.arange(parcels), 4), np.tile(np.arange(4), parcels)
    load = np.full(parcels, 10)
    network = Network(
        load,
        load * 0 + 3,
        [1_000_000] * 4,
        [0, 1, 1, 2],
        [-1] * 4,
        [],
        parcel,
        source,
        load[parcel],
        (source - parcel) % 4,
    )
    assert len(network.parcel) == 2_000_000
    result = allocate(network)
    assert result.certificate.tier_w.tolist() == result.tier_w.tolist() == [1_000_000, 2_000_000, 1_000_000]
    assert result.unmet_w.sum() == 1_000_000
    with pytest.raises(InputError, match="paired twice"):
        replace(network, source=np.where(source == 2, 1, source))
