"""Bodies of jobs: what is asked for, and how far it is."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from api.schemas import Body
from gis.citywide.scenario import NAME
from gis.export.model import Crs, DataFormat, Encoding
from gis.export.sources import SOURCES
from gis.ingest.pipeline import Mode, OnError
from gis.jobs import Job, Kind, State
from gis.jobs.export import SYSTEMS
from gis.served_crs import CRS84
from gis.store.filters import MAX_CHARS
from gis.vct.model import Dialect

Form = Literal["gpkg", "geojson", "csv", "geoparquet"]

_Number = Annotated[float, Field(allow_inf_nan=False)]


class JobInfo(Body):
    """Work that was asked for; `result` is told when it is done, `error` when it failed."""

    job_id: str
    kind: Kind
    state: State
    asked_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    step: str | None = Field(description="what is being done")
    done_frac: float | None = Field(description="how much of this step is done")
    request: dict[str, Any] = Field(description="what was asked for")
    result: dict[str, Any] | None
    error: str | None


class Jobs(Body):
    """Jobs of the caller, the newest first."""

    jobs: list[JobInfo]


_TIME = "end of a day (UTC+8), a time, or a run"


class NewScore(Body):
    """A scoring of the stored parcels."""

    as_of: dt.date | None = Field(None, description="day whose rules apply; today by default")
    everything: bool = Field(False, description="all parcels, not only those that changes can touch")


class NewExport(Body):
    """One collection, or a part of it, as a file."""

    collection: str = Field(max_length=60, examples=["parcel_suitability"])
    format: Form
    crs: str = Field(
        CRS84.code,
        json_schema_extra={"enum": list(SYSTEMS)},
        description="in the file x (east, longitude) comes first",
    )
    bbox: list[_Number] | None = Field(
        None,
        min_length=4,
        max_length=4,
        description="only what meets it: west, south, east, north in degrees",
    )
    filter: str | None = Field(
        None,
        min_length=1,
        max_length=MAX_CHARS,
        description="only what fulfils this condition in CQL2 text",
        examples=["heat_load_kw > 500 AND district = '通州区'"],
    )


class NewDiff(Body):
    """Two times between which verdicts are held against each other."""

    before: str = Field(max_length=40, description=_TIME, examples=["2026-03-01", "run 7"])
    after: str = Field(max_length=40, description=_TIME, examples=["2026-11-22T09:00"])


class NewPackage(Body):
    """Layers and results as a package for the territorial platform."""

    layers: list[Annotated[str, Field(max_length=60)]] | None = Field(
        None,
        min_length=1,
        max_length=len(SOURCES),
        description="layers and results; everything that may be read by default",
        examples=[["parcel", "parcel_suitability"]],
    )
    format: DataFormat = "gdb"
    crs: Crs | None = Field(None, description="that of the profile by default")
    encoding: Encoding = Field("UTF-8", description="of texts in Shapefiles")
    vct_dialect: Dialect = "2007"
    vct_shared_lines: bool = Field(False, description="polygons of VCT by the lines that they share")
    split_by_district: bool = Field(False, description="data files of their own for every district")
    scenario: str = Field("base", pattern=f"^{NAME}$", description="scenario of matching and siting")


UPLOAD: dict[str, Any] = {
    "type": "object",
    "required": ["layer", "file"],
    "properties": {
        "layer": {"type": "string", "description": "layer or raster id"},
        "file": {"type": "string", "format": "binary", "description": "any form of file that imports take"},
        "mode": {"enum": list(get_args(Mode)), "default": "replace"},
        "on_error": {"enum": list(get_args(OnError)), "default": "reject"},
        "source_layer": {"type": "string", "description": "layer or sheet inside the file"},
        "source_crs": {"type": "string", "description": "EPSG:n, gcj02 or bd09"},
        "column": {
            "type": "array",
            "items": {"type": "string"},
            "description": "field=source column; may be given several times",
        },
    },
}
"""The form of an upload."""


def info(job: Job) -> dict[str, Any]:
    """Return a job as its caller sees it."""
    shown = (
        "kind", "state", "asked_at", "started_at", "finished_at", "step", "done_frac", "result", "error",
    )  # fmt: skip
    request = {key: value for key, value in job.request.items() if key not in ("readable", "ending")}
    return {"job_id": str(job.job_id), "request": request} | {name: getattr(job, name) for name in shown}
