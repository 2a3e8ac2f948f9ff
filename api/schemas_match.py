"""Bodies of matching runs, made from the columns that runs are stored with."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, Field, create_model

from api.schemas import Body
from gis.citywide.scenario import NAME, Order
from gis.jobs import State
from gis.matching.columns import CONNECTION_COLUMNS, PARCEL_COLUMNS, SEGMENT_COLUMNS, SOURCE_COLUMNS
from gis.vocabulary import Column, Technology
from layers import Text


def row_model(name: str, doc: str, columns: tuple[Column, ...], given: tuple[str, ...]) -> type[BaseModel]:
    """Return the model of a table's row; of the columns in `given` there is always a value."""
    fields: dict[str, Any] = {}
    for column in columns:
        kind: Any = float if column.type == "float" else str
        unit = f", {column.unit}" if column.unit else ""
        told = Field(description=f"{column.zh} ({column.en}{unit})")
        fields[column.name] = (kind if column.name in given else kind | None, told)
    return create_model(name, __base__=Body, __doc__=doc, **fields)


MatchSource = row_model(
    "MatchSource",
    "One source of the capacity ledger; what is not known is null.",
    SOURCE_COLUMNS,
    ("source_layer", "source_id", "technology"),
)
MatchParcel = row_model(
    "MatchParcel", "What one parcel gets; null where its load is not known.", PARCEL_COLUMNS, ("parcel_id",)
)
MatchConnection = row_model(
    "MatchConnection",
    "One connection of a parcel with a source.",
    CONNECTION_COLUMNS,
    ("parcel_id", "technology", "source_layer", "source_id", "allocated_kw", "length_m"),
)


MatchSegment = row_model(
    "MatchSegment",
    "A main from one tap to the next, in the direction in which it is drawn.",
    SEGMENT_COLUMNS,
    ("source_id", "segment", "from_m", "to_m"),
)


class Settings(Body):
    """What a scenario assumes other than the map and the rules say."""

    order: Order = Field("priority", description="by the statutory order, or by the cost of heat")
    capacity_frac: dict[str, float] = Field(
        default_factory=dict,
        max_length=1000,
        description="capacity over that of the map, by technology, layer, or one source as layer/id",
        examples=[{"reclaimed_water": 0.8, "wastewater_plant/WWTP-01": 0}],
    )
    reach_frac: float = Field(1.0, ge=0, le=100, description="reach of sources over that of the rules")


class NewMatch(Settings):
    """A scenario to be matched; its run takes the place of the last of that name."""

    scenario: str = Field("base", pattern=f"^{NAME}$", examples=["dry-winter"])


class MatchJob(Body):
    """A matching run that was asked for."""

    job_id: str | None = Field(description="by which it is cancelled; null where another caller asked for it")
    scenario: str
    state: State
    step: str | None = Field(description="what is being done")
    done_frac: float | None = Field(description="how much of this step is done")
    error: str | None


class ByTechnology(Body):
    """What one technology carries in all."""

    technology: Technology
    allocated_kw: float
    allocated_mwh_per_a: float
    heated_area_m2: float
    parcel_count: int


class Certified(Body):
    """The proof: the most any allocation can serve, what the exact one does, and under the least share."""

    technology: Technology
    most_kw: float
    relaxed_kw: float
    allocated_kw: float


class District(Body):
    """One district; null: parcels that lie in none."""

    district: str | None
    parcel_count: int
    heat_load_kw: float
    unmet_kw: float
    technologies: list[ByTechnology]


class Reason(Body):
    """Parcels whose load the shared sources leave for one reason."""

    reason: str
    title: Text
    parcel_count: int
    rest_kw: float


class Shortfall(Body):
    """New projects against the least share of new energy."""

    clause_id: str
    least_share_frac: float
    project_count: int
    short_count: int
    short_kw: float


class OfLayer(Body):
    """The ledger's sums of one layer; what mains draw counts at them, what their plant has at the plant."""

    source_layer: str
    source_count: int
    exploitable_kw: float
    committed_kw: float
    reserved_kw: float
    remaining_kw: float
    allocated_kw: float
    free_kw: float
    excluded: dict[str, int]


class MatchSummary(Body):
    """What a run comes to."""

    parcel_count: int
    unknown_load_count: int
    heat_load_kw: float
    heat_demand_mwh_per_a: float
    unmet_kw: float
    technologies: list[ByTechnology]
    districts: list[District]
    certificate: list[Certified] = Field(description="empty where it was ordered by cost")
    unmet_reasons: list[Reason]
    displaced_count: int
    shortfall: Shortfall
    sources: list[OfLayer]


class MatchRun(Body):
    """One matching run, the last of its scenario."""

    scenario: str
    settings: Settings
    ruleset_id: str
    ruleset_hash: str
    as_of: date
    layer_versions: dict[str, int]
    finished_at: datetime
    software: str
    current: bool = Field(description="whether it is of the layers that are loaded now")


class Matches(Body):
    """All runs, and the one under way or last asked for."""

    runs: list[MatchRun]
    job: MatchJob | None


class MatchDetail(MatchRun):
    """A run with what it comes to."""

    summary: MatchSummary


class MatchSources(Body):
    """The capacity ledger of a run."""

    scenario: str
    sources: list[MatchSource]  # type: ignore[valid-type]


class MatchSegments(Body):
    """The segments of one main."""

    scenario: str
    segments: list[MatchSegment]  # type: ignore[valid-type]


class MatchedParcel(Body):
    """What one parcel gets, and who holds the full source that it would have taken first."""

    scenario: str
    parcel: MatchParcel  # type: ignore[valid-type]
    connections: list[MatchConnection]  # type: ignore[valid-type]
    holders: list[MatchConnection] = Field(  # type: ignore[valid-type]
        description="up to 20 connections of the full source, the largest first"
    )


class Change(Body):
    """Parcels that went from one main technology to another; null: no technology serves them."""

    before: Technology | None
    after: Technology | None
    parcel_count: int


class MatchChanges(Body):
    """A run held against another one, parcel by parcel."""

    scenario: str
    other: str
    parcel_count: int = Field(description="parcels of both runs")
    changed_count: int = Field(description="those with another main technology")
    single_count: int = Field(description="parcels of one of the runs only, which are not compared")
    changes: list[Change] = Field(description="from the other run to this one, the most parcels first")
