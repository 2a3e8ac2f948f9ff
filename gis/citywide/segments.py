"""Mains from tap to tap: what is drawn where, how warm the water still is, and what is left downstream."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from gis.citywide.tables import Solved
from gis.facts.surroundings import Surroundings
from gis.heat.heat_pump import delivered_kw, drawn_kw
from gis.heat.reclaimed_water import walk_main
from gis.matching.columns import SEGMENT_COLUMNS
from gis.matching.ledger import TAKEN
from gis.rules import RuleSet
from gis.scoring.supply import MAIN, PROJECT

EVERYTHING_KW = 1e12


def segments(solved: Solved, found: pd.DataFrame, around: Surroundings, ruleset: RuleSet) -> pd.DataFrame:
    """Return the segments of all mains whose flow is known; columns of `SEGMENT_COLUMNS`.

    Water runs from the first point of a line to its last, as it is drawn. Projects and connected
    parcels tap it where they are nearest to it; what a main's record commits beyond its
    projects is taken at its head.
    """
    table = solved.supply.table
    mains = table[(table["layer"] == MAIN) & table["exploitable_kw"].notna()]
    parts = [pd.DataFrame({c.name: [] for c in SEGMENT_COLUMNS})]
    if len(mains):
        place = mains["feature"].to_numpy()
        lines = shapely.line_merge(np.asarray(around.frame(MAIN).geometry, dtype=object)[place])
        given = around.column(MAIN, "winter_temperature_degc")[place]
        default = ruleset.options["reclaimed_water"].number("default_temperature_degc")
        factor = solved.problem.exploitable_kw[mains.index] / mains["exploitable_kw"].to_numpy()
        flow = around.column(MAIN, "winter_flow_m3_per_d")[place] * np.where(np.isnan(factor), 1.0, factor)
        taps = _taps_by_main(solved, found, mains.index)
        for i, source in enumerate(mains.index):
            own = taps[source]
            near = shapely.line_locate_point(lines[i], shapely.points(own[["x", "y"]].fillna(0.0).to_numpy()))
            own = own.assign(at_m=np.where(own["x"].isna(), 0.0, near)).sort_values("at_m", kind="stable")
            water = float(flow[i]), default if np.isnan(given[i]) else float(given[i])
            parts.append(_walked(str(mains.at[source, "id"]), float(lines[i].length), own, water, ruleset))
    return pd.concat(parts[-1:] if len(parts) == 1 else parts[1:], ignore_index=True)


def _walked(
    main_id: str, length_m: float, taps: pd.DataFrame, water: tuple[float, float], ruleset: RuleSet
) -> pd.DataFrame:
    """Return the segments of one main, each with the tap at its end; the last one ends without."""
    rules, kw = ruleset.options["reclaimed_water"], taps["kw"].to_numpy(dtype=np.float64)
    cop, flow_m3_per_d, inlet_degc = rules.number("cop"), *water
    limits = {"least_degc": rules.number("least_outlet_degc"), "usable_k": rules.number("usable_k")}
    # A tap behind all others that wants whatever there is tells what they leave.
    wanted = np.append(drawn_kw(kw, cop), EVERYTHING_KW)
    taken, after_degc = walk_main(flow_m3_per_d, inlet_degc, wanted, **limits)
    left_kw = delivered_kw(taken.sum() - np.append(0.0, np.cumsum(taken[:-1])), cop)
    return pd.DataFrame(
        {
            "source_id": main_id,
            "segment": np.arange(1.0, len(taps) + 2.0),
            "from_m": np.append(0.0, taps["at_m"]),
            "to_m": np.append(taps["at_m"], length_m),
            "temperature_degc": np.append(inlet_degc, after_degc[:-1]),
            "left_kw": left_kw,
            "tap_layer": [*taps["layer"], None],
            "tap_id": [*taps["id"], None],
            "tapped_kw": np.append(kw, np.nan),
        }
    )


def _taps_by_main(solved: Solved, found: pd.DataFrame, mains: pd.Index[int]) -> dict[int, pd.DataFrame]:
    """Return what is drawn from each main, by its position among the sources."""
    supply, projects = solved.supply, solved.supply.projects
    running = projects[projects["source"].isin(mains) & projects["status"].isin(TAKEN)].assign(layer=PROJECT)
    connected = found[found["source"].isin(mains)]
    centre_m = solved.offers.centre_m[connected["at"].to_numpy(dtype=np.int64)]
    parcels = pd.DataFrame(
        {
            "source": connected["source"],
            "layer": "parcel",
            "id": connected["parcel_id"],
            "kw": connected["allocated_kw"],
            "x": centre_m[:, 0],
            "y": centre_m[:, 1],
        }
    )
    told = running.groupby("source")["kw"].sum().reindex(mains).fillna(0.0).to_numpy()
    recorded = pd.DataFrame({"source": mains, "layer": MAIN, "id": supply.table["id"][mains]})
    recorded = recorded.assign(kw=supply.claimed.committed_kw[mains] - told, x=np.nan, y=np.nan)
    columns = ["source", "layer", "id", "kw", "x", "y"]
    taps = pd.concat([recorded[recorded["kw"] > 0.0][columns], running[columns], parcels[columns]])
    by_main = dict(list(taps.groupby("source")))
    return {source: by_main.get(source, taps.iloc[:0]) for source in mains}
