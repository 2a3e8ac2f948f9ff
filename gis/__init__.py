"""OneMap: which renewable heating technology suits which parcel, with capacity, reasons and clauses."""

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
