"""Projects as plain data, for programs: the row of a list, and all that the register says of one."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from gis.register.precheck import PreCheck, precheck
from gis.register.record import SPEC, Project
from gis.register.states import next_states, present_faults
from gis.register.subsidy import subsidy
from gis.rules import RuleSet

LISTED = (
    "heat_project_id", "name", "district", "technology", "status", "heated_area_m2", "installed_kw",
    "new_energy_kw", "new_energy_share_frac", "investor_kind", "applied_on", "approved_on", "started_on",
    "expected_on", "commissioned_on", "ended_on",
)  # fmt: skip
"""What a list tells of a project."""


def listed(project: Project) -> dict[str, Any]:
    """Return a project as lists have it."""
    told = project.told()
    return {name: told[name] for name in LISTED}


def document(project: Project, ruleset: RuleSet, day: date) -> dict[str, Any]:
    """Return a project with the states that may follow, its faults, its pre-check and its support.

    An application is judged by the rules of the day it was made, else of `day`.
    """
    found = subsidy(project, ruleset, day)
    return {
        "project": project.told(),
        "next_states": [
            {"status": n.status, "title": n.title.model_dump(), "needs": [asdict(f) for f in n.needs]}
            for n in next_states(project, ruleset)
        ],
        "faults": [asdict(fault) for fault in present_faults(project, ruleset)],
        "precheck": _checked(precheck(project, ruleset, day)),
        "subsidy": {
            "as_of": found.as_of,
            "rate_frac": found.rate_frac,
            "amount_cny": found.amount_cny,
            "reasons": [asdict(reason) for reason in found.reasons],
        },
    }


def _checked(found: PreCheck) -> dict[str, Any]:
    return {
        "as_of": found.as_of,
        "result": found.result,
        "missing": [{"field": n, "title": SPEC.field(n).title.model_dump()} for n in found.missing],
        "items": [
            {
                "id": item.id,
                "title": item.title.model_dump(),
                "clause_id": item.clause_id,
                "result": item.result,
                "value": item.value,
                "threshold": item.threshold,
                "zh": item.zh,
                "en": item.en,
            }
            for item in found.items
        ],
    }
