"""The capacity ledger of a matched city: one row a source, shared or of green space."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from gis.citywide.problem import TECHNOLOGY_OF, W_PER_KW
from gis.citywide.tables import GREEN, GROUND, Solved, where_known
from gis.facts.columns import Floats
from gis.facts.surroundings import Surroundings
from gis.matching.columns import SOURCE_COLUMNS
from gis.rules import RuleSet
from layers import LAYERS

HOURS_PER_DAY = 24.0
W_PER_MW = 1e6


def sources(
    solved: Solved, found: pd.DataFrame, heat_mwh: pd.Series[float], around: Surroundings, ruleset: RuleSet
) -> pd.DataFrame:
    """Return one row a source; columns of `SOURCE_COLUMNS`.

    `heat_mwh` is a year's heat of every connection of `found`.
    """
    rows = [_shared(solved, found, heat_mwh, ruleset)]
    if around.loaded(GREEN):
        rows.append(_green(solved, found, heat_mwh, around))
    table = pd.concat(rows, ignore_index=True)
    return table.sort_values(["source_layer", "source_id"], kind="stable", ignore_index=True)


def _shared(
    solved: Solved, found: pd.DataFrame, heat_mwh: pd.Series[float], ruleset: RuleSet
) -> pd.DataFrame:
    table, problem = solved.supply.table, solved.problem
    count, parent = len(table), solved.supply.parent
    claimed = solved.supply.claimed
    mine = found["source"] >= 0
    place = found.loc[mine, "source"].to_numpy(dtype=np.int64)

    def summed(values: npt.NDArray[np.float64] | pd.Series[float]) -> Floats:
        return np.bincount(place, weights=values[mine], minlength=count).astype(np.float64)

    parcel_count = np.bincount(place, minlength=count).astype(np.float64)
    kw = {
        "exploitable": problem.exploitable_kw,
        "committed": claimed.committed_kw,
        "reserved": claimed.reserved_kw,
        "remaining": problem.remaining_kw,
        "allocated": summed(found["allocated_kw"]),
    }
    kw["free"] = _free(problem.remaining_kw, kw["allocated"], parent)
    hours = _hours(solved, ruleset)
    mwh = {part: values * hours / 1000.0 for part, values in kw.items()}
    mwh["allocated"] = summed(heat_mwh)
    mwh["free"] = _free(mwh["remaining"], mwh["allocated"], parent)
    with np.errstate(invalid="ignore"):
        mean_length_m = summed(found["length_m"]) / parcel_count
    technology = np.array([TECHNOLOGY_OF[o] for o in table["option"]], dtype=object)
    columns = {
        "source_layer": table["layer"],
        "source_id": table["id"],
        "source_name": table["name"],
        "technology": technology,
        "shared_layer": where_known(parent >= 0, table["layer"].to_numpy()[parent]),
        "shared_id": where_known(parent >= 0, table["id"].to_numpy()[parent]),
        "basis": table["basis"],
        **{f"{part}_kw": values for part, values in kw.items()},
        **{f"{part}_mwh_per_a": values for part, values in mwh.items()},
        "exploitable_m2": np.nan,
        "allocated_m2": np.nan,
        "parcel_count": parcel_count,
        "mean_length_m": mean_length_m,
        **_gains(solved),
        "exclusion": _exclusion(solved),
    }
    return pd.DataFrame({c.name: columns[c.name] for c in SOURCE_COLUMNS})


def _free(remaining: Floats, allocated: Floats, parent: npt.NDArray[np.int64]) -> Floats:
    """Return what is left: of a plant less what its mains give, of a main no more than its plant has."""
    fed = np.flatnonzero(parent >= 0)
    taken = allocated.copy()
    np.add.at(taken, parent[fed], allocated[fed])
    free = remaining - taken
    # A plant of which nothing is known limits nobody.
    free[fed] = np.fmin(free[fed], free[parent[fed]])
    return free


def _hours(solved: Solved, ruleset: RuleSet) -> Floats:
    """Return the hours of a year in which a kW of each source gives heat.

    Water and waste heat run all through the heating period; a field gives in a year what
    its stock allows, which is what its kW follow from.
    """
    table = solved.supply.table
    hours = np.full(len(table), ruleset.parameters["season_d"].number() * HOURS_PER_DAY)
    fields = (table["layer"] == "geothermal_field").to_numpy()
    hours[fields] = solved.field_hours[table["feature"].to_numpy()[fields]]
    return hours


def _gains(solved: Solved) -> dict[str, Floats]:
    """Return what one more MW of every source would bring; NaN of one that is not known.

    More of a plant is more for its mains too.
    """
    problem, told, count = solved.problem, solved.worth, len(solved.problem.remaining_kw)
    group = problem.network.group[:count]
    heads = (group >= 0) & (solved.supply.parent < 0)
    row = np.where(heads, len(problem.network.supply_w) + group, np.arange(count))
    # Where cost was the order neither technologies nor metres were: nothing is told of them.
    more_kw, metres = np.full((count, len(problem.technologies)), np.nan), np.full(count, np.nan)
    if solved.allocation.cost is None:
        tiers = told.more_tier_w.shape[1]
        more_kw[:, :tiers] = told.more_tier_w[row] / W_PER_KW
        more_kw[:, tiers:] = 0.0  # technologies that no source has
        metres = told.more_cost[row] / W_PER_MW
    found = {
        "gain_kw": told.more_w[row] / W_PER_KW,
        **{f"gain_{t}_kw": kw for t, kw in zip(problem.technologies, more_kw.T, strict=True)},
        "gain_mw_m": metres,
    }
    known = ~np.isnan(problem.remaining_kw)
    return {name: np.where(known, values, np.nan) for name, values in found.items()}


def _exclusion(solved: Solved) -> npt.NDArray[np.object_]:
    """Return why sources take no part; None of those that do."""
    problem, claimed = solved.problem, solved.supply.claimed
    count = len(problem.remaining_kw)
    reached = np.bincount(problem.network.source, minlength=count + 1)[:count] > 0
    reason = np.full(len(reached), None, dtype=object)
    reason[~reached] = "no_parcel"
    reason[problem.remaining_kw <= 0.0] = "used_up"
    reason[np.isnan(claimed.committed_kw + claimed.reserved_kw)] = "unknown_commitment"
    reason[np.isnan(problem.exploitable_kw)] = "unknown_capacity"
    return reason


def _green(
    solved: Solved, found: pd.DataFrame, heat_mwh: pd.Series[float], around: Surroundings
) -> pd.DataFrame:
    """Return green spaces: their area is what is shared; kW are what it gives to the parcels around.

    Area that nobody took is valued as what the parcels in reach would get of it on average.
    """
    ground, green, count = solved.ground, solved.offers.green, len(solved.ground.supply_m2)
    per_m2 = solved.offers.ground_kw_per_m2[green.parcel]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_kw_per_m2 = _sum(green.feature, per_m2 * green.limit, count) / _sum(
            green.feature, green.limit, count
        )
        taken_m2 = _sum(green.feature, ground.green_m2, count)
        kw = _sum(green.feature, ground.green_kw, count)
        free_kw = np.maximum(ground.supply_m2 - taken_m2, 0.0) * mean_kw_per_m2
        mine = found[found["source_layer"] == GREEN]
        parcel_count = _sum(green.feature, (ground.green_m2 > 0.0).astype(np.float64), count)
        length_m = (
            _sum(green.feature, np.where(ground.green_m2 > 0.0, green.length_m, 0.0), count) / parcel_count
        )
    keys = around.words(GREEN, LAYERS[GREEN].key).texts()
    heat = heat_mwh[mine.index].groupby(mine["source_id"]).sum().reindex(keys).fillna(0.0).to_numpy()
    columns = {
        c.name: np.full(count, np.nan) if c.type == "float" else np.full(count, None) for c in SOURCE_COLUMNS
    }
    columns |= {
        "source_layer": np.full(count, GREEN, dtype=object),
        "source_id": keys,
        "source_name": around.words(GREEN, "name").texts(),
        "technology": np.full(count, GROUND, dtype=object),
        "basis": np.full(count, "green_area", dtype=object),
        "exploitable_kw": kw + free_kw,
        "remaining_kw": kw + free_kw,
        "allocated_kw": kw,
        "free_kw": free_kw,
        "allocated_mwh_per_a": heat,
        "exploitable_m2": ground.supply_m2,
        "allocated_m2": taken_m2,
        "parcel_count": parcel_count,
        "mean_length_m": length_m,
        "exclusion": where_known(np.isnan(mean_kw_per_m2), "no_parcel"),
    }
    return pd.DataFrame(columns)


def _sum(place: npt.NDArray[np.int64], values: Floats, count: int) -> Floats:
    return np.bincount(place, weights=values, minlength=count).astype(np.float64)
