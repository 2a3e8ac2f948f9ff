"""From offers and supply to the network that is solved, and back to kW."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gis.citywide.ground import Ground
from gis.citywide.scenario import Scenario
from gis.errors import InputError
from gis.facts.columns import Floats, Ints
from gis.heat import economics
from gis.matching.columns import SHARED
from gis.matching.ledger import remaining_kw
from gis.matching.network import Network
from gis.rules import RuleSet
from gis.scoring.offers import Links, Offers
from gis.scoring.supply import Supply
from gis.vocabulary import OPTIONS

W_PER_KW = 1000.0
MOST_KW = 1e9
"""More than any connection carries."""

TECHNOLOGY_OF = {o.id: o.technology for o in OPTIONS}


@dataclass(frozen=True, eq=False)
class Problem:
    """A network in W with what its numbers stand for.

    technologies   of the tiers, the one served first at the head
    exploitable_kw, remaining_kw  (source,) with the scenario's changes; NaN where not known
    known          (parcel,) whether the parcel's load is known
    cost           (pair,) what is allocated by, in CNY/GWh; None: the order of technologies

    The last source of the network stands for the parcels' own wells, which nobody shares: they
    are its connections' limits, and of itself it has no end.
    """

    network: Network
    technologies: tuple[str, ...]
    exploitable_kw: Floats
    remaining_kw: Floats
    known: npt.NDArray[np.bool_]
    cost: Ints | None


def problem(offers: Offers, ground: Ground, supply: Supply, ruleset: RuleSet, scenario: Scenario) -> Problem:
    """Return the network of the load that ground source leaves, and of all sources of known capacity."""
    load_kw = offers.demand["heat_load_kw"]
    known = ~np.isnan(load_kw)
    table = supply.table
    technology = np.array([TECHNOLOGY_OF[o] for o in table["option"]], dtype=object)
    exploitable_kw = table["exploitable_kw"].to_numpy(dtype=np.float64) * scenario.capacity_factors(
        technology, table["layer"].to_numpy(), table["id"].to_numpy()
    )
    left_kw = remaining_kw(exploitable_kw, supply.claimed)
    technologies = tuple(t for t in ruleset.order if t in SHARED)
    parcel, source, length_m, limit_kw = _pairs(offers, supply, left_kw, known)
    least_frac = ruleset.parameters["minimum_share_frac"].number()
    whole_w, load_w = watts(np.where(known, load_kw, 0.0)), watts(np.where(known, load_kw - ground.kw, 0.0))
    group, group_left_kw = groups(supply.parent, left_kw)
    network = Network(
        load_w=load_w,
        least_w=np.ceil(whole_w * least_frac).astype(np.int64),
        supply_w=np.append(_supply_w(left_kw, group, supply.parent, int(load_w.sum())), load_w.sum()),
        tier=np.array([technologies.index(t) for t in (*technology, "geothermal")], dtype=np.int64),
        group=np.append(group, -1),
        group_supply_w=watts(group_left_kw),
        parcel=parcel,
        source=source,
        limit_w=np.minimum(watts(np.minimum(limit_kw, MOST_KW)), load_w[parcel]),
        length_m=np.round(length_m).astype(np.int64),
    )
    cost = None
    if scenario.order == "cost":
        option = np.append(table["option"].to_numpy(), "geothermal_closed_loop")[source]
        cost = heat_cost(offers, option, parcel, length_m, ruleset)
    return Problem(network, technologies, exploitable_kw, left_kw, known, cost)


def _supply_w(left_kw: Floats, group: Ints, parent: Ints, enough_w: int) -> Ints:
    """Return what sources have of their own: of a plant that feeds mains its group tells that."""
    head = (group >= 0) & (parent < 0)
    return np.where(head, enough_w, watts(np.where(np.isnan(left_kw), 0.0, left_kw)))


def watts(kw: Floats) -> Ints:
    # A thousandth of a watt more, as 0.7 kW is not to become 699 W.
    return np.floor(kw * W_PER_KW + 1e-3).astype(np.int64)


def _pairs(
    offers: Offers, supply: Supply, left_kw: Floats, known: npt.NDArray[np.bool_]
) -> tuple[Ints, Ints, Floats, Floats]:
    """Return parcel, source, length (m) and limit (kW) of every pair whose source is known, in order."""
    parts: list[tuple[Ints, Links]] = []
    for (option, layer), links in offers.links.items():
        if len(links):
            place = supply.place(option, layer, links.feature)
            parts.append((place, links))
    own = np.flatnonzero((offers.closed_loop_kw > 0.0) & known)
    parts.append(
        (np.full(len(own), len(left_kw)), Links(own, own, np.zeros(len(own)), offers.closed_loop_kw[own]))
    )
    source = np.concatenate([place for place, _ in parts])
    links = Links.together([(0, found) for _, found in parts])
    kept = np.flatnonzero((source >= 0) & ~np.isnan(np.append(left_kw, np.inf)[source]))
    kept = kept[np.lexsort((source[kept], links.parcel[kept]))]
    return links.parcel[kept], source[kept], links.length_m[kept], links.limit[kept]


def groups(parent: Ints, left_kw: Floats) -> tuple[Ints, Floats]:
    """Return what every source draws on besides its own capacity, and how much that is.

    A plant and the mains that it feeds are a group. One of which nothing is known limits nobody.
    """
    heads = np.unique(parent[parent >= 0])
    heads = heads[~np.isnan(left_kw[heads])]
    number = np.full(len(parent) + 1, -1, dtype=np.int64)  # the last one is of what nothing feeds: parent -1
    number[heads] = np.arange(len(heads))
    group = number[parent]
    group[heads] = number[heads]
    return group, left_kw[heads]


def heat_cost(
    offers: Offers, option: npt.NDArray[np.object_], parcel: Ints, length_m: Floats, ruleset: RuleSet
) -> Ints:
    """Return the cost of heat of every pair in whole CNY per GWh: investment, connection, power, upkeep."""
    p = ruleset.portfolio.number
    pipe_cny_per_kw_m = ruleset.parameters["connection_cny_per_kw_m"].number()
    hours = offers.demand["heat_demand_mwh_per_a"][parcel] * 1000.0 / offers.demand["heat_load_kw"][parcel]
    cost = np.zeros(len(parcel))
    for name in dict.fromkeys(option):
        entry, here = ruleset.portfolio.economics[name], option == name
        if entry.scop is None:
            raise InputError(
                f"The rules tell no seasonal performance of {name}, so it cannot be ordered by cost."
            )
        cost[here] = economics.lcoh_cny_per_kwh(
            p(entry.capex) + pipe_cny_per_kw_m * length_m[here],
            subsidy_frac=np.zeros(int(here.sum())),
            capital_recovery_frac=economics.capital_recovery_frac(p("rate_frac"), p("life_a")),
            om_frac=p("om_frac"),
            full_load_h=hours[here],
            electricity_cny_per_kwh=p("electricity_cny_per_kwh"),
            scop=p(entry.scop),
        )
    return np.round(cost * 1e6).astype(np.int64)
