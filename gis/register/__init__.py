"""The register of heat projects: states, the pre-check of applications, and support. No database."""

from gis.register.document import document, listed
from gis.register.precheck import Judged, PreCheck, precheck
from gis.register.record import Project, Said, project_of
from gis.register.states import Fault, NextState, next_states, present_faults, register_rules, state_faults
from gis.register.subsidy import Subsidy, subsidy

__all__ = [
    "Fault",
    "Judged",
    "NextState",
    "PreCheck",
    "Project",
    "Said",
    "Subsidy",
    "document",
    "listed",
    "next_states",
    "precheck",
    "present_faults",
    "project_of",
    "register_rules",
    "state_faults",
    "subsidy",
]
