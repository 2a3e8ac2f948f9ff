"""The store: PostGIS, embedded in the data folder or anywhere by URL."""

from gis.store.embedded import Cluster, ClusterStatus
from gis.store.influence import Around, Touched, influence_rows, reached
from gis.store.kept_results import Kept, kept
from gis.store.moment import Moment
from gis.store.opening import open_store
from gis.store.past import Past
from gis.store.records import (
    Change,
    LayerVersion,
    MatchChange,
    MatchedParcel,
    MatchRecord,
    RunRecord,
    ScoredParcel,
)
from gis.store.store import Store
from gis.store.versions import Version, when
from gis.store.writer import ResultWriter

__all__ = [
    "Around",
    "Change",
    "Cluster",
    "ClusterStatus",
    "Kept",
    "LayerVersion",
    "MatchChange",
    "MatchRecord",
    "MatchedParcel",
    "Moment",
    "Past",
    "ResultWriter",
    "RunRecord",
    "ScoredParcel",
    "Store",
    "Touched",
    "Version",
    "influence_rows",
    "kept",
    "open_store",
    "reached",
    "when",
]
