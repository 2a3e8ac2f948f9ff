"""What the store tells about loads and runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class LayerVersion:
    """One load of a layer; `feature_count` is the number of features the layer then held."""

    layer: str
    version: int
    loaded_at: datetime
    feature_count: int
    source_name: str
    source_sha256: str
    author: str | None = None
    """Who loaded or edited it, as the log of writes names them; None where that is not known."""


@dataclass(frozen=True)
class RunRecord:
    """One scoring run; `run_id` and `finished_at` are given by the store when it is saved.

    Of the `parcel_count` parcels with results it worked out `scored_count`, and `why` says
    for what reasons; the others' results stand as an earlier run left them, and are the same.
    A `whole` run worked out all; that is None of runs whose results were not kept. `author` is who
    asked for it, as the log of writes names them; both are given by the store.
    """

    run_id: int | None
    ruleset_id: str
    ruleset_hash: str
    as_of: date
    layer_versions: dict[str, int]
    parcel_count: int
    finished_at: datetime | None
    software: str
    scored_count: int
    why: list[str]
    author: str | None = None
    whole: bool | None = None


Box = tuple[float, float, float, float]
"""xmin, ymin, xmax, ymax in m of EPSG:4548."""


@dataclass(frozen=True)
class Change:
    """One feature that a load changed, and the boxes it had and has.

    A box is None where the feature was or is not there, or has no outline of its own.
    """

    layer: str
    feature_id: str
    existed: bool
    exists: bool
    before: Box | None
    after: Box | None


@dataclass(frozen=True)
class ScoredParcel:
    """The stored result of one parcel: facts and verdict by column name, None where missing."""

    run: RunRecord
    facts: dict[str, Any]
    verdict: dict[str, Any]


@dataclass(frozen=True)
class MatchRecord:
    """One matching run, the last of its scenario; `finished_at` is given by the store when it is saved.

    `settings` is the scenario, `summary` what the run tells of the whole city.
    """

    scenario: str
    settings: dict[str, Any]
    summary: dict[str, Any]
    ruleset_id: str
    ruleset_hash: str
    as_of: date
    layer_versions: dict[str, int]
    finished_at: datetime | None
    software: str


@dataclass(frozen=True, eq=False)
class MatchedParcel:
    """What a matching run tells of one parcel, each frame with the columns of `gis.matching.columns`.

    parcel       the parcel's own row
    connections  its sources
    holders      the largest other connections of the full source that it would have taken first
    """

    parcel: pd.DataFrame
    connections: pd.DataFrame
    holders: pd.DataFrame


@dataclass(frozen=True)
class MatchChange:
    """Parcels with one main technology in one matching run and another, or the same, in a second one.

    A technology is None where nothing serves them. `in_both` is False of parcels that only one
    of the runs has.
    """

    before: str | None
    after: str | None
    in_both: bool
    parcel_count: int
