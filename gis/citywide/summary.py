"""What a matched city comes to: totals by technology and district, the certificate, what is left and why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gis.citywide.problem import W_PER_KW
from gis.citywide.tables import Solved
from gis.facts.columns import Floats
from gis.matching.columns import EXCLUSIONS, REASONS
from gis.rules import RuleSet


def summary(
    solved: Solved, ledger: pd.DataFrame, parcels: pd.DataFrame, heat_mwh: Floats, ruleset: RuleSet
) -> dict[str, Any]:
    """Return the totals of a run, ready for JSON.

    `heat_mwh` is a year's heat by (technology in the rules' order, parcel).
    """
    load_kw = parcels["heat_load_kw"]
    short = parcels["shortfall_kw"]
    return {
        "parcel_count": len(parcels),
        "unknown_load_count": int(load_kw.isna().sum()),
        "heat_load_kw": float(load_kw.sum()),
        "heat_demand_mwh_per_a": float(parcels["heat_demand_mwh_per_a"].sum()),
        "unmet_kw": float(parcels["unmet_kw"].sum()),
        "technologies": by_technology(parcels, heat_mwh, ruleset),
        "districts": _by_district(parcels, heat_mwh, ruleset),
        "certificate": _certificate(solved),
        "unmet_reasons": _reasons(parcels),
        "displaced_count": int(parcels["displaced_id"].notna().sum()),
        "shortfall": {
            "clause_id": "P1309-1.3-b",
            "least_share_frac": ruleset.portfolio.number("new_build_share_frac"),
            "project_count": int(short.notna().sum()),
            "short_count": int((short > 0.0).sum()),
            "short_kw": float(short.sum()),
        },
        "sources": _sources(ledger),
    }


def by_technology(parcels: pd.DataFrame, heat_mwh: Floats, ruleset: RuleSet) -> list[dict[str, Any]]:
    """Return what technologies carry of some parcels; `heat_mwh` is by (technology, parcel)."""
    rows = []
    area, load = parcels["heated_area_m2"], parcels["heat_load_kw"]
    for i, technology in enumerate(ruleset.order):
        kw = parcels[f"{technology}_kw"]
        rows.append(
            {
                "technology": technology,
                "allocated_kw": float(kw.sum()),
                "allocated_mwh_per_a": float(np.nansum(heat_mwh[i])),
                # A parcel that several technologies serve counts with each one's share of its load.
                "heated_area_m2": float((area * kw / load.where(load > 0.0)).sum()),
                "parcel_count": int((kw > 0.0).sum()),
            }
        )
    return rows


def _by_district(parcels: pd.DataFrame, heat_mwh: Floats, ruleset: RuleSet) -> list[dict[str, Any]]:
    rows = []
    codes, names = pd.factorize(parcels["district"], sort=True)
    for code, district in [*enumerate(names), (-1, None)]:
        places = np.flatnonzero(codes == code)
        here = parcels.iloc[places]
        if here.empty:
            continue
        rows.append(
            {
                "district": district,
                "parcel_count": len(here),
                "heat_load_kw": float(here["heat_load_kw"].sum()),
                "unmet_kw": float(here["unmet_kw"].sum()),
                "technologies": by_technology(here, heat_mwh[:, places], ruleset),
            }
        )
    return rows


def _certificate(solved: Solved) -> list[dict[str, Any]]:
    """Return by technology the most that any allocation can serve, what this one does, and what it lost."""
    allocation = solved.allocation
    if allocation.cost is not None:
        return []
    totals = {
        "most_kw": allocation.certificate.tier_w,
        "relaxed_kw": allocation.relaxed_tier_w,
        "allocated_kw": allocation.tier_w,
    }
    # Technologies at the end of the order that have no source are not among the tiers.
    return [
        {
            "technology": technology,
            **{name: float(w[tier]) / W_PER_KW if tier < len(w) else 0.0 for name, w in totals.items()},
        }
        for tier, technology in enumerate(solved.problem.technologies)
    ]


def _reasons(parcels: pd.DataFrame) -> list[dict[str, Any]]:
    rest_kw = (parcels["air_source_kw"] + parcels["unmet_kw"]).where(parcels["heat_load_kw"].notna())
    rows = []
    for reason, (zh, en) in REASONS.items():
        here = parcels["unmet_reason"] == reason
        rows.append(
            {
                "reason": reason,
                "title": {"zh": zh, "en": en},
                "parcel_count": int(here.sum()),
                "rest_kw": float(rest_kw[here].sum()),
            }
        )
    return rows


def _sources(ledger: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the sums of the ledger by layer; what mains draw from their plant counts at the plant alone."""
    rows = []
    for layer, here in ledger.groupby("source_layer", sort=True):
        out = here["exclusion"].value_counts()
        rows.append(
            {
                "source_layer": layer,
                "source_count": len(here),
                **{f"{part}_kw": float(here[f"{part}_kw"].sum()) for part in _SUMMED},
                "excluded": {reason: int(out[reason]) for reason in EXCLUSIONS if reason in out.index},
            }
        )
    return rows


_SUMMED = ("exploitable", "committed", "reserved", "remaining", "allocated", "free")
