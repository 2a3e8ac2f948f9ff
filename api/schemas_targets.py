"""Body of GET /api/targets as pydantic models; OpenAPI is made from them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from api.schemas import Body
from gis.rules.model import Kind
from gis.targets.areas import Basis
from gis.vocabulary import Technology


class TechnologyPart(Body):
    """What one technology has; null where none is known."""

    technology: Technology | None
    heated_area_m2: float | None = Field(description="by installed capacity where a project has several")
    project_count: int = Field(description="projects of which it is the main technology")
    unknown_area_count: int


class ProjectAreas(Body):
    """Heated area of some projects; null where there are some and the area of none is known."""

    heated_area_m2: float | None
    counted_area_m2: float | None = Field(description="air source at the part that counts as new energy")
    without_air_area_m2: float | None = Field(description="nothing of air source")
    project_count: int
    unknown_area_count: int = Field(description="projects that the areas leave out")
    technologies: list[TechnologyPart]


class DatedCityArea(Body):
    """The heated area of the whole city from a day on, a figure of the rule set."""

    valid_from: date
    heated_area_m2: float
    kind: Kind
    source: str


class ProgressYear(Body):
    """What ran at the end of a year, runs now, or is to run at the end of a year to come."""

    year: int
    on: date
    basis: Literal["past", "present", "forecast"]
    areas: ProjectAreas
    city_area: DatedCityArea | None = Field(description="the figure in force; null before the first")
    share_frac: float | None = Field(description="of the counted area; null without a figure of the city")
    share_without_air_frac: float | None


class CityTarget(Body):
    """What is to be there by the end of a year, and what was or will be by the register."""

    year: int
    basis: Literal["past", "forecast"]
    area_m2: float | None = Field(description="the area that the policy names; null where it names none")
    share_frac: float
    clause_id: str | None
    city_area: DatedCityArea | None
    needed_area_m2: float | None = Field(description="the greater of the area and of the share as an area")
    reached: ProjectAreas
    reached_share_frac: float | None
    reached_share_without_air_frac: float | None
    gap_m2: float | None = Field(description="needed less what counts; below zero where there is more")
    gap_without_air_m2: float | None
    undated: ProjectAreas = Field(description="projects that may belong to it, but no day tells")


class ExpectedYear(Body):
    """What is expected to start in a year."""

    year: int
    areas: ProjectAreas


class ProjectPipeline(Body):
    """Projects that do not run yet, by the year in which they are expected to."""

    years: list[ExpectedYear]
    overdue: ProjectAreas = Field(description="expected before the day, and do not run")
    undated: ProjectAreas = Field(description="without an expected day")


class ProgressRules(Body):
    """The rule set behind the targets."""

    id: str
    as_of: date
    hash: str


class ProgressRow(Body):
    """What a technology has in a district on one basis, in one year where the basis has years."""

    basis: Basis = Field(description="running_undated is part of what runs in the present year")
    year: int | None
    district: str | None
    technology: Technology | None
    heated_area_m2: float | None
    project_count: int
    unknown_area_count: int


class TargetProgress(Body):
    """How far the city is on the way to its targets on a day."""

    as_of: date
    version: int = Field(description="of the layer heat_project")
    loaded_at: datetime
    rules: ProgressRules
    air_source_counted_frac: float
    city_areas: list[DatedCityArea]
    years: list[ProgressYear]
    targets: list[CityTarget]
    running_undated: ProjectAreas = Field(description="they run, but are in no year that is over")
    ended_undated: ProjectAreas = Field(description="ended, the first or last day unknown: in no year")
    status_unknown: ProjectAreas
    pipeline: ProjectPipeline = Field(description="approved or under construction")
    ideas: ProjectPipeline = Field(description="in no forecast")
    rows: list[ProgressRow]
