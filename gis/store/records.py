"""What the store tells about loads and runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True)
class LayerVersion:
    """One load of a layer; `feature_count` is the number of features the layer then held."""

    layer: str
    version: int
    loaded_at: datetime
    feature_count: int
    source_name: str
    source_sha256: str


@dataclass(frozen=True)
class RunRecord:
    """One scoring run; `run_id` and `finished_at` are given by the store when it is saved."""

    run_id: int | None
    ruleset_id: str
    ruleset_hash: str
    as_of: date
    layer_versions: dict[str, int]
    parcel_count: int
    finished_at: datetime | None
    software: str
