"""OneMap: which renewable heating technology suits which parcel, with capacity, reasons and clauses."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gis.errors import OneMapError
    from gis.ingest import import_file, read_mapped
    from gis.resources import Resources
    from gis.rules import RuleSet, load_ruleset
    from gis.scoring import Result, score
    from gis.settings import Settings
    from gis.store import Store, open_store

__all__ = [
    "OneMapError",
    "Resources",
    "Result",
    "RuleSet",
    "Settings",
    "Store",
    "import_file",
    "load_ruleset",
    "open_store",
    "read_mapped",
    "score",
]

_HOMES = {
    "OneMapError": "gis.errors",
    "Resources": "gis.resources",
    "Result": "gis.scoring",
    "RuleSet": "gis.rules",
    "Settings": "gis.settings",
    "Store": "gis.store",
    "import_file": "gis.ingest",
    "load_ruleset": "gis.rules",
    "open_store": "gis.store",
    "read_mapped": "gis.ingest",
    "score": "gis.scoring",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: who needs one part of the package does not wait for the others."""
    if name not in _HOMES:
        raise AttributeError(f"module 'gis' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
