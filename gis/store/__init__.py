"""The store: PostGIS, embedded in the data folder or anywhere by URL."""

from gis.store.embedded import Cluster, ClusterStatus
from gis.store.influence import Around, Touched, influence_rows, touched
from gis.store.moment import Moment
from gis.store.records import Change, LayerVersion, MatchRecord, RunRecord, ScoredParcel
from gis.store.store import Store, open_store
from gis.store.writer import ResultWriter

__all__ = [
    "Around",
    "Change",
    "Cluster",
    "ClusterStatus",
    "LayerVersion",
    "MatchRecord",
    "Moment",
    "ResultWriter",
    "RunRecord",
    "ScoredParcel",
    "Store",
    "Touched",
    "influence_rows",
    "open_store",
    "touched",
]
