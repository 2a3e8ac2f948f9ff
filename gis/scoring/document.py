"""The suitability document of one parcel: the stored row, spelled out with reasons, clauses and evidence."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from gis.rules import RuleSet
from gis.scoring.demand import heat_index
from gis.scoring.outlook import Outlook, look
from gis.scoring.plan import checklist, portfolio_document
from gis.scoring.reasons import reason
from gis.vocabulary import ELIGIBLE, OPTIONS, TECHNOLOGY_TITLES, Option

DEMAND_FACTS = (
    "heated_area_m2",
    "heated_area_basis",
    "heat_index_w_per_m2",
    "heat_load_kw",
    "season_d",
    "heat_demand_mwh_per_a",
    "cooling_load_kw",
    "cooling_demand_mwh_per_a",
)
LOCATION_FACTS = (
    "district",
    "township",
    "planning_area",
    "geothermal_pilot_area",
    "geothermal_focus_area",
    "data_centre_area",
    "area_m2",
    "land_use_code",
    "land_use_class",
    "building_status",
)


def suitability_document(
    facts: Mapping[str, Any] | pd.Series,
    verdict: Mapping[str, Any] | pd.Series,
    ruleset: RuleSet,
    data_versions: Mapping[str, int],
) -> dict[str, Any]:
    """Return the document of `GET /api/parcels/{id}/suitability` from one row of facts and of verdicts.

    Everything not known is null. The document of a stored row and of one just
    computed are equal to the byte.
    """
    facts, verdict = _plain(facts), _plain(verdict)
    shown = [o for t in ruleset.order for o in OPTIONS if o.technology == t and _listed(o, verdict)]
    outlooks = look(shown, facts, verdict, ruleset)
    technologies = [
        _technology(o, rank, facts, verdict, ruleset, data_versions, outlooks[o.id])
        for rank, o in enumerate(shown, 1)
    ]
    chosen = verdict["recommended"]
    return {
        "parcel_id": facts["parcel_id"],
        "ruleset": {"id": ruleset.id, "as_of": ruleset.as_of.isoformat(), "hash": ruleset.hash},
        "data_versions": dict(sorted(data_versions.items())),
        "location": {name: facts[name] for name in LOCATION_FACTS},
        "demand": {name: facts[name] for name in DEMAND_FACTS}
        | {"assumptions": _demand_assumptions(facts, ruleset)},
        "recommended": chosen,
        "recommended_variant": verdict["recommended_variant"],
        "recommended_status": verdict["recommended_status"],
        "recommended_title": _title(*TECHNOLOGY_TITLES[chosen]) if chosen else None,
        "undecided": verdict["undecided"] or [],
        "technologies": technologies,
        "portfolio": portfolio_document(facts, verdict, ruleset, data_versions),
        "checklist": checklist(facts, verdict, ruleset, data_versions),
    }


def _plain(row: Mapping[str, Any] | pd.Series) -> dict[str, Any]:
    """Return a row as JSON values: NaN becomes null, numpy scalars become numbers."""
    if isinstance(row, pd.Series):
        row = {"parcel_id": row.name, **{str(name): value for name, value in row.items()}}
    return {k: v if v is None or type(v) is str else _value(v) for k, v in row.items()}


def _value(value: Any) -> Any:
    if type(value) is float:
        # A source that is nowhere is infinitely far: it has no distance.
        return value if isfinite(value) else None
    if isinstance(value, (list, np.ndarray)):
        return [_value(v) for v in value]
    return _value(value.item()) if isinstance(value, np.generic) else value


def _title(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en}


def _listed(option: Option, verdict: Mapping[str, Any]) -> bool:
    """Biomass is told of where a source may serve the parcel; the five of the statutory order always."""
    return option.id != "biomass" or "reach.failed" not in verdict["biomass_reasons"]


def _technology(
    option: Option,
    rank: int,
    facts: Mapping[str, Any],
    verdict: Mapping[str, Any],
    ruleset: RuleSet,
    data_versions: Mapping[str, int],
    outlook: Outlook,
) -> dict[str, Any]:
    rules = ruleset.options[option.id]
    of = {p: verdict[f"{option.id}_{p}"] for p in ("status", "score", "capacity_kw", "installed_share_frac")}
    values = {**facts, **of, **earlier(option, verdict, ruleset)}
    reasons = [reason(code, values, rules, data_versions) for code in verdict[f"{option.id}_reasons"]]
    return {
        "technology": option.technology,
        "variant": option.variant,
        "title": _title(option.zh, option.en),
        "rank": rank,
        "status": of["status"],
        "score": of["score"],
        "capacity_kw": of["capacity_kw"],
        "capacity_range_kw": outlook.capacity_kw,
        "installed_share_frac": of["installed_share_frac"],
        "installed_share_range_frac": outlook.share_frac,
        "energy_share_frac": verdict[f"{option.id}_energy_share_frac"],
        "why_not": _why_not(option, of, reasons, verdict, ruleset),
        "changes": outlook.changes,
        "reasons": reasons,
        "evidence": {name: facts[name] for name in rules.evidence},
        "assumptions": [dict(p.entry) for p in rules.assumed],
    }


def earlier(option: Option, verdict: Mapping[str, Any], ruleset: RuleSet) -> dict[str, float]:
    """Return how many technologies before this one in the order are suitable, and how many unknown."""
    before = ruleset.order[: ruleset.order.index(option.technology)]
    status = [verdict[f"{t}_status"] for t in before]
    return {
        "earlier_suitable_count": float(status.count("suitable")),
        "earlier_unknown_count": float(status.count("unknown")),
    }


def _why_not(
    option: Option,
    of: Mapping[str, Any],
    reasons: list[dict[str, Any]],
    verdict: Mapping[str, Any],
    ruleset: RuleSet,
) -> dict[str, Any] | None:
    """Say why an option is not the recommended one: what stops it, or what goes before it."""
    chosen, variant = verdict["recommended"], verdict["recommended_variant"]
    if option.technology == chosen and option.variant == variant:
        return None
    share = of["installed_share_frac"]
    enough = share is not None and share >= ruleset.parameters["minimum_share_frac"].number()
    if of["status"] in ELIGIBLE and enough:
        own = ruleset.options[option.id].checks[-1].clause
        if option.technology == chosen:
            other = next(o for o in OPTIONS if o.technology == chosen and o.variant == variant)
            return _because("variant", own, f"{other.zh}条件更好", f"{other.en} fits better")
        zh, en = TECHNOLOGY_TITLES[chosen]
        text = f"按优先顺序先采用{zh}，可作耦合补充", f"{en} comes first in the order; it may supplement"
        return _because("order", own, *text)
    wanted = {"unsuitable": "excludes", "unknown": "missing"}.get(of["status"])
    stops = [r for r in reasons if (r["effect"] == wanted if wanted else r["code"] == "minimum_share.failed")]
    first = stops[0]
    return _because(
        first["code"],
        first["clause_id"],
        "；".join(r["zh"] for r in stops),
        "; ".join(r["en"] for r in stops),
    )


def _because(code: str, clause_id: str, zh: str, en: str) -> dict[str, Any]:
    return {"code": code, "clause_id": clause_id, "zh": zh, "en": en}


def _demand_assumptions(facts: Mapping[str, Any], ruleset: RuleSet) -> list[dict[str, Any]]:
    """Return the assumptions behind this parcel's demand, only those that were used."""
    values = ruleset.demand_parameters
    used: set[str | None] = {"heated_share_frac", "cooling_full_load_h"}
    if facts["heated_area_basis"] == "heated_area":
        used.discard("heated_share_frac")
    if facts["heated_area_basis"] == "population":
        used |= {"floor_area_per_person_m2"}
    if facts["heated_area_m2"]:
        index = heat_index(facts, ruleset)
        used |= {index.name} if index else set()
        name = facts["land_use_class"]
        used |= {ruleset.demand.land_use[name].cooling_index} if name else set()
    return [dict(p.entry) for p in values.values() if p.name in used and p.source.kind == "assumption"]
