"""Makes the contracted network of a matching (see `exchange.py`)."""

from __future__ import annotations

import numpy as np

from gis.errors import InputError
from gis.matching.exchange import Flow, Graph, Search, neighbours
from gis.matching.network import OVERFLOW, Ints, Network


def graph_of(network: Network, cost: Ints, by_tier: bool) -> Graph:
    """Return the contracted network; a tier weighs more than any way through all nodes costs."""
    sources, groups = len(network.supply_w), len(network.group_supply_w)
    tier = network.tier if by_tier else np.zeros_like(network.tier)
    tiers = int(tier.max(initial=0)) + 1
    weight = (2 * int(cost.max(initial=0)) + 1) * (sources + groups + 3)
    if weight * (tiers + 1) * (sources + groups + 3) >= OVERFLOW:
        raise InputError("the costs are too large for the worth of a source to be told")
    source_start, by_source = network.by_source
    pairs = network.parcel, network.source, network.parcel_start, source_start, by_source
    arc_start, arc_head = neighbours(*pairs)
    group = np.where(network.group < 0, groups, network.group)
    return Graph(
        network.parcel, network.source, network.most_w, cost + weight * tier[network.source],
        network.parcel_start, source_start, by_source, network.group, weight * tiers, arc_start, arc_head,
        np.searchsorted(np.sort(group), np.arange(groups + 2)), np.argsort(group, kind="stable"),
    )  # fmt: skip


def flow_of(network: Network, graph: Graph, flow: Ints) -> Flow:
    """Return the exact flow, with arcs yet to be found."""
    used = network.sum_by(network.source, flow, len(network.supply_w))
    lacks = network.load_w - network.sum_by(network.parcel, flow, len(network.load_w))
    member = network.group >= 0
    group_used = network.sum_by(network.group[member], used[member], len(network.group_supply_w))
    arcs = len(graph.arc_head)
    return Flow(
        flow, lacks, used, network.supply_w - used, group_used, network.group_supply_w - group_used,
        np.zeros(arcs, dtype=np.int64), np.zeros(arcs, dtype=np.int64), np.zeros_like(used),
    )  # fmt: skip


def search_of(graph: Graph) -> Search:
    """Return room for a search."""
    nodes = len(graph.source_start) + len(graph.member_start) - 1
    columns = (np.zeros(nodes, dtype=np.int64) for _ in range(5))
    far, potential, before, by_arc, heap = columns
    return Search(
        far,
        potential,
        before,
        by_arc,
        np.zeros(nodes, dtype=np.bool_),
        heap,
        np.zeros(nodes + 1, dtype=np.int64),
    )
