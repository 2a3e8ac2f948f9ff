"""From places to candidates of a network, and from the chosen ones to a city matched anew with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import shapely

from gis.citywide import tables
from gis.citywide.city import City, Progress
from gis.citywide.match import connection_mwh
from gis.citywide.places import OPTION_OF, field_source
from gis.citywide.problem import W_PER_KW, heat_cost, watts
from gis.citywide.summary import by_technology
from gis.citywide.tables import Solved
from gis.facts.columns import Floats, Ints
from gis.facts.index import FeatureIndex
from gis.facts.surroundings import Surroundings
from gis.matching.allocate import allocate
from gis.matching.columns import SITE_COLUMNS, SITE_ENDS, SITE_EXCLUSIONS
from gis.matching.ledger import Claims
from gis.matching.network import Network
from gis.matching.siting import Candidates, Siting, joined
from gis.rules import RuleSet
from gis.scoring.supply import Supply

SITE = "site"
"""Stands for the layer of a source that is yet to be built."""


def candidates_of(city: City, solved: Solved, places: pd.DataFrame) -> Candidates:
    """Return places as candidates of the network: each may serve all known load within its reach.

    Distances are from the outlines of parcels, as those of other sources are.
    """
    network, index = solved.problem.network, pd.Index(solved.ids)
    points = FeatureIndex(np.asarray(shapely.points(places[["x_m", "y_m"]]), dtype=object), "point")
    reach_m = places["reach_m"].to_numpy(dtype=np.float64)
    parcel, candidate, length_m = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0)]
    for ids, _, shapes in city.pieces():
        near = points.within(shapes, reach_m.max(initial=0.0))
        at = index.get_indexer(pd.Index(ids))[near.parcel]
        kept = (near.measure <= reach_m[near.feature]) & (network.load_w[at] > 0)
        parcel.append(at[kept])
        candidate.append(near.feature[kept])
        length_m.append(near.measure[kept])
    at = np.concatenate(parcel)
    return Candidates(
        supply_w=watts(places["capacity_kw"].to_numpy(dtype=np.float64)),
        tier=np.array([solved.problem.technologies.index(t) for t in places["technology"]], dtype=np.int64),
        parcel=at,
        candidate=np.concatenate(candidate),
        limit_w=network.load_w[at],
        length_m=np.round(np.concatenate(length_m)).astype(np.int64),
    )


def built(
    solved: Solved,
    places: pd.DataFrame,
    candidates: Candidates,
    chosen: Ints,
    ruleset: RuleSet,
    progress: Progress | None,
) -> Solved:
    """Return the city matched anew with the chosen candidates among its sources.

    `places` are the rows of the chosen, in the same order. A field gives its parcels no more than it has
    beside the wells that were chosen in it.
    """
    count = len(solved.supply.table)
    network = _among_sources(joined(solved.problem.network, _subset(candidates, chosen)), count, len(chosen))
    network = _without_stock(network, solved, places)
    capacity_kw = places["capacity_kw"].to_numpy(dtype=np.float64)
    table = pd.DataFrame(
        {
            "option": [OPTION_OF[t] for t in places["technology"]],
            "layer": SITE,
            "feature": -1,
            "id": places["site_id"].to_numpy(dtype=object),
            "name": places["site_name"].to_numpy(dtype=object),
            "basis": None,
            "exploitable_kw": capacity_kw,
        }
    )
    table = pd.concat([solved.supply.table, table], ignore_index=True)
    claimed, none = solved.supply.claimed, np.zeros(len(chosen))
    supply = Supply(
        table.astype({"feature": np.int64}),
        np.append(solved.supply.parent, np.full(len(chosen), -1)),
        Claims(np.append(claimed.committed_kw, none), np.append(claimed.reserved_kw, none)),
        solved.supply.projects,
    )
    cost = None
    if solved.problem.cost is not None:
        option = np.append(table["option"].to_numpy(), "geothermal_closed_loop")[network.source]
        cost = heat_cost(solved.offers, option, network.parcel, network.length_m.astype(np.float64), ruleset)
    problem = replace(
        solved.problem,
        network=network,
        exploitable_kw=np.append(solved.problem.exploitable_kw, capacity_kw),
        remaining_kw=np.append(solved.problem.remaining_kw, capacity_kw),
        cost=cost,
    )
    allocation = allocate(network, cost=cost, progress=progress)
    return replace(solved, supply=supply, problem=problem, allocation=allocation)


def _subset(candidates: Candidates, chosen: Ints) -> Candidates:
    """Return some of the candidates, renumbered in the order given."""
    number = np.full(len(candidates.supply_w), -1, dtype=np.int64)
    number[chosen] = np.arange(len(chosen))
    pairs = np.flatnonzero(number[candidates.candidate] >= 0)
    return Candidates(
        candidates.supply_w[chosen],
        candidates.tier[chosen],
        candidates.parcel[pairs],
        number[candidates.candidate[pairs]],
        candidates.limit_w[pairs],
        candidates.length_m[pairs],
    )


def _among_sources(network: Network, count: int, new: int) -> Network:
    """Return the network with its new sources after the `count` of the map, and own wells last."""
    moved = np.concatenate((np.arange(count), np.arange(new) + count + 1, [count]))
    place = np.empty_like(moved)
    place[moved] = np.arange(len(moved))
    source = place[network.source]
    order = np.lexsort((source, network.parcel))
    return replace(
        network,
        supply_w=network.supply_w[moved],
        tier=network.tier[moved],
        group=network.group[moved],
        parcel=network.parcel[order],
        source=source[order],
        limit_w=network.limit_w[order],
        length_m=network.length_m[order],
    )


def _without_stock(network: Network, solved: Solved, places: pd.DataFrame) -> Network:
    """Return the network with what chosen wells draw taken from their fields."""
    wells = places[places["field"] >= 0]
    if wells.empty:
        return network
    supply_w = network.supply_w.copy()
    source = field_source(solved, wells["field"].to_numpy(dtype=np.int64))
    np.subtract.at(supply_w, source, watts(wells["capacity_kw"].to_numpy(dtype=np.float64)))
    return replace(network, supply_w=np.maximum(supply_w, 0))


@dataclass(frozen=True, eq=False)
class Matched:
    """A solved city with its tables: connections with a year's heat, parcels, and heat by technology."""

    solved: Solved
    connections: pd.DataFrame
    parcels: pd.DataFrame
    heat_mwh: Floats

    @classmethod
    def of(cls, solved: Solved, around: Surroundings, ruleset: RuleSet) -> Matched:
        """Make the tables of a solved city."""
        found = tables.connections(solved, around)
        rows, heat_mwh = tables.parcels(solved, found, ruleset)
        found = found.assign(mwh=connection_mwh(found, rows, heat_mwh, ruleset))
        return cls(solved, found, rows, heat_mwh)


def site_rows(places: pd.DataFrame, found: Siting, chosen: Ints, after: Matched) -> pd.DataFrame:
    """Return all candidates with the columns of `SITE_COLUMNS`, the chosen ones first, the excluded last.

    `chosen` are the rows of the chosen among `places`, best first.
    """
    rows = places.assign(rank=np.nan, gain_kw=np.nan)
    rows.loc[chosen, "rank"] = np.arange(1.0, len(chosen) + 1.0)
    rows.loc[chosen, "gain_kw"] = found.gain_w / W_PER_KW
    own = after.connections[after.connections["source_layer"] == SITE]
    load = after.parcels[["heated_area_m2", "heat_load_kw"]].to_numpy()[own["at"].to_numpy(dtype=np.int64)]
    own = own.assign(area_m2=load[:, 0] * own["allocated_kw"] / load[:, 1])
    by_site = own.groupby("source_id").agg(
        allocated_kw=("allocated_kw", "sum"),
        allocated_mwh_per_a=("mwh", "sum"),
        heated_area_m2=("area_m2", "sum"),
        parcel_count=("at", "size"),
        mean_length_m=("length_m", "mean"),
    )
    ids = rows.loc[chosen, "site_id"]
    for name, values in by_site.reindex(ids).items():
        rows.loc[chosen, str(name)] = values.to_numpy(dtype=np.float64)
        if name != "mean_length_m":
            rows.loc[chosen, str(name)] = rows.loc[chosen, str(name)].fillna(0.0)
    rows = rows.assign(out=rows["exclusion"].notna()).sort_values(
        ["out", "rank", "site_id"], kind="stable", ignore_index=True, na_position="last"
    )
    columns = {c.name: rows.get(c.name, np.nan) for c in SITE_COLUMNS}
    told = pd.DataFrame(columns)
    texts = [c.name for c in SITE_COLUMNS if c.type == "text"]
    return told.assign(**{name: told[name].astype(object).where(told[name].notna(), None) for name in texts})


def site_summary(
    before: Matched, after: Matched, found: Siting, places: pd.DataFrame, count: int, ruleset: RuleSet
) -> dict[str, Any]:
    """Return what the chosen candidates come to in the whole city, ready for JSON.

    What is served in all is that of the maximum flow, before the least share of connections, as the
    certificate of a matching run; what technologies carry is after it.
    """
    served_w = int(before.solved.allocation.relaxed_tier_w.sum())
    usable = int(places["exclusion"].isna().sum())
    # No choice gives more than the largest candidates have: where all have much to do, that says most.
    largest_w = np.sort(watts(places["capacity_kw"][places["exclusion"].isna()].to_numpy()))[::-1]
    gain_w = found.total_w - served_w
    most_w = min(found.bound_w - served_w, int(largest_w[:count].sum()))
    end = None
    if len(found.chosen) < count:
        end = "no_candidate" if len(found.chosen) == usable else "no_gain"
    excluded = places["exclusion"].value_counts()
    return {
        "asked_count": count,
        "chosen_count": len(found.chosen),
        "candidate_count": len(places),
        "excluded": [
            {"reason": r, "title": _titled(SITE_EXCLUSIONS[r]), "count": int(excluded[r])}
            for r in SITE_EXCLUSIONS
            if r in excluded.index
        ],
        "end": None if end is None else {"reason": end, "title": _titled(SITE_ENDS[end])},
        "served_before_kw": served_w / W_PER_KW,
        "served_after_kw": found.total_w / W_PER_KW,
        "gain_kw": gain_w / W_PER_KW,
        "most_gain_kw": most_w / W_PER_KW,
        "proven_frac": gain_w / most_w if most_w else 1.0,
        "before": _told(before, ruleset),
        "after": _told(after, ruleset),
    }


def _told(city: Matched, ruleset: RuleSet) -> dict[str, Any]:
    return {
        "technologies": by_technology(city.parcels, city.heat_mwh, ruleset),
        "unmet_kw": float(city.parcels["unmet_kw"].sum()),
    }


def _titled(words: tuple[str, str]) -> dict[str, str]:
    return dict(zip(("zh", "en"), words, strict=True))
