"""OneMap: which renewable heating technology suits which parcel, with capacity, reasons and clauses."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gis.batch import FileRun, Partition, partition_parcels, score_files
    from gis.citywide.match import Match, match, match_store
    from gis.citywide.scenario import Scenario
    from gis.citywide.site_plan import SitePlan, read_places
    from gis.citywide.sites import Sites, site_store, sites
    from gis.dated import Difference, difference, result_at
    from gis.errors import OneMapError
    from gis.ingest import import_file, read_mapped
    from gis.potential import GroundPotential, ground_potential
    from gis.resources import Raster, Resources
    from gis.rules import RuleSet, load_ruleset
    from gis.scoring.compare import Comparison, compare
    from gis.scoring.result import Result, score
    from gis.settings import Settings
    from gis.store import Store, open_store
    from gis.whatif import WhatIf

__all__ = [
    "Comparison",
    "Difference",
    "FileRun",
    "GroundPotential",
    "Match",
    "OneMapError",
    "Partition",
    "Raster",
    "Resources",
    "Result",
    "RuleSet",
    "Scenario",
    "Settings",
    "SitePlan",
    "Sites",
    "Store",
    "WhatIf",
    "compare",
    "difference",
    "ground_potential",
    "import_file",
    "load_ruleset",
    "match",
    "match_store",
    "open_store",
    "partition_parcels",
    "read_mapped",
    "read_places",
    "result_at",
    "score",
    "score_files",
    "site_store",
    "sites",
]

_HOMES = {
    "Match": "gis.citywide",
    "Scenario": "gis.citywide",
    "SitePlan": "gis.citywide",
    "Sites": "gis.citywide",
    "match": "gis.citywide",
    "match_store": "gis.citywide",
    "read_places": "gis.citywide",
    "site_store": "gis.citywide",
    "sites": "gis.citywide",
    "Difference": "gis.dated",
    "difference": "gis.dated",
    "result_at": "gis.dated",
    "OneMapError": "gis.errors",
    "GroundPotential": "gis.potential",
    "Raster": "gis.resources",
    "Resources": "gis.resources",
    "Result": "gis.scoring",
    "Comparison": "gis.scoring",
    "WhatIf": "gis.whatif",
    "compare": "gis.scoring",
    "RuleSet": "gis.rules",
    "Settings": "gis.settings",
    "Store": "gis.store",
    "ground_potential": "gis.potential",
    "import_file": "gis.ingest",
    "load_ruleset": "gis.rules",
    "open_store": "gis.store",
    "read_mapped": "gis.ingest",
    "score": "gis.scoring",
    "score_files": "gis.batch",
    "FileRun": "gis.batch",
    "Partition": "gis.batch",
    "partition_parcels": "gis.batch",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: who needs one part of the package does not wait for the others."""
    if name not in _HOMES:
        raise AttributeError(f"module 'gis' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
