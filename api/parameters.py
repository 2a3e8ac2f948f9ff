"""Parameters in the paths of several routes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from fastapi.params import Path as PathParameter

from gis.citywide.scenario import NAME
from layers import LAYERS

KEY_LENGTH = max(f.max_length for spec in LAYERS.values() for f in spec.fields if f.name == spec.key)
"""The longest key of a feature that an import takes."""


def _key(description: str) -> PathParameter:
    # PostgreSQL texts hold no zero byte.
    parameter: PathParameter = Path(
        min_length=1, max_length=KEY_LENGTH, pattern=r"^[^\x00]+$", description=description
    )
    return parameter


ParcelId = Annotated[str, _key("parcel id, as imported")]
MainId = Annotated[str, _key("reclaimed-water main")]
FeatureId = Annotated[str, _key("key, as imported")]
ScenarioName = Annotated[str, Path(pattern=f"^{NAME}$", description="scenario")]
AsOf = Annotated[
    str | None,
    Query(
        max_length=40,
        description="as it stood at the end of this day (UTC+8), at this time, or in a run",
        examples=["2026-03-01", "2026-03-01T12:30:00+08:00", "run 7"],
    ),
]
