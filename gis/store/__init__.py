"""The store: PostGIS, embedded in the data folder or anywhere by URL."""

from gis.store.embedded import Cluster, ClusterStatus
from gis.store.moment import Moment
from gis.store.records import LayerVersion, RunRecord, ScoredParcel
from gis.store.store import Store, open_store

__all__ = [
    "Cluster",
    "ClusterStatus",
    "LayerVersion",
    "Moment",
    "RunRecord",
    "ScoredParcel",
    "Store",
    "open_store",
]
