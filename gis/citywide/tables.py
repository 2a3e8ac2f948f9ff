"""What a solved city tells: the ledger of sources, the parcels, and the connections between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from gis.citywide.ground import Ground
from gis.citywide.problem import TECHNOLOGY_OF, W_PER_KW, Problem
from gis.facts.columns import Floats
from gis.facts.surroundings import Surroundings
from gis.heat.portfolio import stack
from gis.matching.allocate import Allocation, Unmet
from gis.matching.columns import CONNECTION_COLUMNS, PARCEL_COLUMNS
from gis.matching.worth import Worth
from gis.rules import RuleSet
from gis.scoring.offers import Offers
from gis.scoring.supply import Supply
from gis.scoring.technologies import Models
from layers import LAYERS

GREEN = "green_space"
GROUND = "shallow_ground_source"
LEAST_SEEN_KW = 0.002
"""Less is the rounding to whole watts."""


@dataclass(frozen=True, eq=False)
class Solved:
    """Everything that the tables are made of."""

    ids: npt.NDArray[np.object_]
    offers: Offers
    ground: Ground
    supply: Supply
    problem: Problem
    allocation: Allocation
    worth: Worth
    field_hours: Floats


def where_known(known: npt.NDArray[np.bool_], values: npt.ArrayLike) -> npt.NDArray[np.object_]:
    """Return values where they are known, None elsewhere."""
    found = np.full(len(known), None, dtype=object)
    found[known] = np.broadcast_to(np.asarray(values, dtype=object), len(known))[known]
    return found


def connections(solved: Solved, around: Surroundings) -> pd.DataFrame:
    """Return one row a connection, by parcel, technology and source; columns of `CONNECTION_COLUMNS`."""
    network, table = solved.problem.network, solved.supply.table
    used = np.flatnonzero((solved.allocation.flow_w > 0) & (network.source < len(table)))
    source, parcel = network.source[used], network.parcel[used]
    option = table["option"].to_numpy()[source]
    shared = pd.DataFrame(
        {
            "at": parcel,
            "technology": [TECHNOLOGY_OF[o] for o in option],
            "source_layer": table["layer"].to_numpy()[source],
            "source_id": table["id"].to_numpy()[source],
            "allocated_kw": solved.allocation.flow_w[used] / W_PER_KW,
            "length_m": network.length_m[used].astype(np.float64),
            "source": source,
        }
    )
    green = solved.offers.green
    drilled = np.flatnonzero(solved.ground.green_m2 > 0.0)
    spaces = (
        around.words(GREEN, LAYERS[GREEN].key).texts() if around.loaded(GREEN) else np.empty(0, dtype=object)
    )
    own = pd.DataFrame(
        {
            "at": green.parcel[drilled],
            "technology": GROUND,
            "source_layer": GREEN,
            "source_id": spaces[green.feature[drilled]],
            "allocated_kw": solved.ground.green_kw[drilled],
            "length_m": np.round(green.length_m[drilled]),
            "source": -1,
        }
    )
    found = pd.concat([own, shared] if len(own) else [shared], ignore_index=True)
    found["parcel_id"] = solved.ids[found["at"].to_numpy(dtype=np.int64)]
    load_kw = solved.offers.demand["heat_load_kw"][found["at"].to_numpy(dtype=np.int64)]
    found["installed_share_frac"] = found["allocated_kw"] / load_kw
    return found.sort_values(
        ["at", "technology", "source_layer", "source_id"], kind="stable", ignore_index=True
    )[["at", "source", *(c.name for c in CONNECTION_COLUMNS)]]


def parcels(solved: Solved, found: pd.DataFrame, ruleset: RuleSet) -> tuple[pd.DataFrame, Floats]:
    """Return one row a parcel (columns of `PARCEL_COLUMNS`), and a year's heat by technology.

    The heat is an array of (technology in the rules' order, parcel) in MWh/a.
    """
    demand, order = solved.offers.demand, ruleset.order
    load_kw, count = demand["heat_load_kw"], len(solved.ids)
    power: dict[str, Floats] = {t: np.zeros(count) for t in order}
    # Ground source is told whole, with what green space adds: that is not to be counted again.
    power[GROUND] = solved.ground.kw
    for technology, rows in found[found["technology"] != GROUND].groupby("technology"):
        power[str(technology)] += np.bincount(rows["at"], weights=rows["allocated_kw"], minlength=count)
    power["geothermal"] += _own_wells_kw(solved)
    given = np.sum(list(power.values()), axis=0)
    rest = np.where(load_kw - given > LEAST_SEEN_KW, load_kw - given, 0.0)
    power["air_source"] = np.where(solved.offers.air, rest, 0.0)
    unmet_kw = np.where(solved.offers.air, 0.0, rest)
    stacked = stack(
        load_kw,
        np.stack([power[t] for t in order]),
        Models(ruleset).climate(demand["season_d"]),
        actual_peak_frac=ruleset.parameters["actual_peak_frac"].number(),
    )
    heat_mwh = (
        np.where(np.isnan(stacked.energy_frac), 0.0, stacked.energy_frac) * demand["heat_demand_mwh_per_a"]
    )
    known = solved.problem.known
    without_air, share = _shares(rest, power["air_source"], load_kw, ruleset)
    columns = {
        "parcel_id": solved.ids,
        "district": demand["district"].texts(),
        "township": demand["township"].texts(),
        **{name: demand[name] for name in ("heated_area_m2", "heat_load_kw", "heat_demand_mwh_per_a")},
        **{f"{t}_kw": np.where(known, kw, np.nan) for t, kw in power.items()},
        "unmet_kw": np.where(known, unmet_kw, np.nan),
        "matched": _main(power, order),
        "installed_share_frac": share,
        "share_without_air_frac": without_air,
        "energy_share_frac": np.where(load_kw > 0.0, stacked.energy_frac.sum(axis=0), np.nan),
        "shortfall_kw": _shortfall_kw(share, solved, ruleset),
        **_left_out(solved, rest),
    }
    return pd.DataFrame({c.name: columns[c.name] for c in PARCEL_COLUMNS}), heat_mwh


def _own_wells_kw(solved: Solved) -> Floats:
    network = solved.problem.network
    own = np.flatnonzero(network.source == len(solved.supply.table))
    kw = solved.allocation.flow_w[own] / W_PER_KW
    return np.bincount(network.parcel[own], weights=kw, minlength=len(solved.ids)).astype(np.float64)


def _shares(rest_kw: Floats, air_kw: Floats, load_kw: Floats, ruleset: RuleSet) -> tuple[Floats, Floats]:
    """Return the installed share of new energy without air source, and with what of it counts."""
    counted_kw = ruleset.portfolio.number("air_source_counted_frac") * air_kw
    with np.errstate(divide="ignore", invalid="ignore"):
        without = np.where(load_kw > 0.0, 1.0 - rest_kw / load_kw, np.nan)
        return without, np.minimum(without + counted_kw / load_kw, 1.0)


def _main(power: dict[str, Floats], order: tuple[str, ...]) -> npt.NDArray[np.object_]:
    """Return the technology that carries most of each load, the first in the order among equals."""
    carried = np.stack([power[t] for t in order])
    names = np.array(order, dtype=object)[carried.argmax(axis=0)]
    return where_known(carried.max(axis=0) > LEAST_SEEN_KW, names)


def _shortfall_kw(share: Floats, solved: Solved, ruleset: RuleSet) -> Floats:
    """Return what new projects lack of the least share; NaN where the rule does not apply (P1309-1.3-b)."""
    rules = ruleset.portfolio
    spared = set(rules.texts("not_new_build"))
    status = solved.offers.demand["building_status"].texts()
    applies = np.array([s is not None and s not in spared for s in status], dtype=bool) & ~np.isnan(share)
    short = np.maximum(rules.number("new_build_share_frac") - share, 0.0)
    return np.where(applies, short * solved.offers.demand["heat_load_kw"], np.nan)


def _left_out(solved: Solved, rest_kw: Floats) -> dict[str, npt.NDArray[np.object_]]:
    """Return why shared sources leave a rest, and the full source that a parcel would have taken first."""
    allocation, count = solved.allocation, len(solved.ids)
    left = rest_kw > LEAST_SEEN_KW
    reason = where_known(left, UNMET[allocation.unmet_reason])
    reason[~solved.problem.known] = "unknown_load"
    displaced = {name: np.full(count, None, dtype=object) for name in ("layer", "id")}
    parcel, source = allocation.displaced
    shared = left[parcel] & (source < len(solved.supply.table))
    for name, values in displaced.items():
        values[parcel[shared]] = solved.supply.table[name].to_numpy()[source[shared]]
    return {
        "unmet_reason": reason,
        "displaced_layer": displaced["layer"],
        "displaced_id": displaced["id"],
    }


UNMET = np.full(len(Unmet), None, dtype=object)
"""The words of `gis.matching.columns.REASONS` by the codes of an allocation."""
UNMET[[Unmet.NO_SOURCE, Unmet.SMALL_LOAD, Unmet.SMALL_LIMITS]] = "no_source", "small_rest", "small_limit"
UNMET[[Unmet.FULL, Unmet.LEAST_RULE]] = "sources_full", "least_share"
