"""What the API tells about versions."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Version(BaseModel):
    """One import, edit, rule set or run."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "at": "2026-03-01T09:30:12.104511+08:00",
                "kind": "import",
                "target": "reclaimed_water_pipeline",
                "number": 4,
                "author": "cli:planner",
                "source_name": "再生水管线.gpkg",
                "source_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "feature_count": 512,
                "change_count": 7,
                "kept": True,
            }
        }
    )

    at: dt.datetime
    kind: Literal["import", "edit", "rules", "run"]
    target: str = Field(description="layer, raster or rule set")
    number: int | None = Field(description="version of a layer, id of a run; null for rules")
    author: str | None = Field(description="null where it is not known, and to callers who are not")
    source_name: str | None
    source_sha256: str = Field(description="of the file, of what was sent, or of the rule set")
    feature_count: int | None
    change_count: int | None = Field(description="features changed or parcels worked out; null if unknown")
    kept: bool = Field(description="whether what was before can be had")


class Versions(BaseModel):
    """The log, the newest first."""

    versions: list[Version]
