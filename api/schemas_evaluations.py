"""Bodies of /api/evaluations: the city's measured projects by year, and held against each other."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.schemas import Body
from api.schemas_evaluation import RuleSetOf
from layers import Text


class RankedProject(Body):
    """A project that was measured in a heating year."""

    heat_project_id: str
    name: str | None
    technology: str | None
    district: str | None
    heat_kwh: float | None = Field(description="measured from July to June")
    cop: float | None = Field(description="in the months of the heating season, where both sides are known")
    kwh_per_m2: float | None = Field(description="null below the least coverage, and without a heated area")
    coverage_frac: float = Field(
        description="share of the hours of its district's heating season in which heat is known"
    )
    rank: int | None = Field(description="1 has the highest COP of its technology; null where not ranked")
    percentile_frac: float | None = Field(description="share of the others that are ranked below")
    outlier: bool = Field(description="not possible, or far from the median of its technology")
    reasons: list[Text] = Field(description="why it is an outlier, not ranked, or has no heat by area")


class Distribution(Body):
    """What was measured beside a parameter of the models; it is shown and never applied."""

    parameter: str
    technology: str | None = Field(description="null: of all")
    title: Text
    unit: str
    n: int
    q1: float | None
    median: float | None
    q3: float | None
    model: float | None = Field(description="the parameter; null where it is a fact of the place")
    low: float | None = Field(description="its declared range")
    high: float | None
    within: bool | None = Field(description="whether the median lies in that range; null: not known")


class Evaluations(Body):
    """The projects that were measured in a heating year, ranked by technology."""

    ruleset: RuleSetOf
    season: int = Field(description="the heating year from July of this year to June")
    seasons: list[int] = Field(description="heating years in whose season something was measured")
    least_coverage_frac: float
    projects: list[RankedProject]
    distributions: list[Distribution]


class YearFactor(Body):
    """The emission factor of a year's electricity; `of_year` is that of its data, the last one known."""

    year: int
    of_year: int
    kg_per_kwh: float


class GridFactor(Body):
    """An emission factor by year."""

    name: str
    title: Text
    columns: list[str] = Field(description="columns that are worked out by it")
    by_year: list[YearFactor]


class YearRow(Body):
    """What was measured of a technology in a district and year; null is unknown."""

    year: int
    technology: str | None
    district: str | None
    project_count: int = Field(
        description="projects that ran, as far as the register tells, or were measured"
    )
    measured_count: int
    heat_kwh: float | None
    electricity_kwh: float | None
    cop: float | None = Field(description="of the season's months, over the steps in which both are known")
    paired_heat_kwh: float | None = Field(description="heat of those steps")
    paired_electricity_kwh: float | None
    water_m3: float | None
    co2_t: float | None = Field(description="of all measured electricity, by the factor of Beijing")
    avoided_t: float | None = Field(description="beside a gas boiler, over the steps that `cop` is of")
    north_china_co2_t: float | None
    north_china_avoided_t: float | None
    coverage_frac: float | None = Field(description="hours with heat over those of the measured projects")


class Yearly(Body):
    """The city's measured projects by year, technology and district."""

    ruleset: RuleSetOf
    basis: Literal["calendar", "heating"]
    boiler_kg_per_kwh: float = Field(description="CO2 of a kWh of heat from a gas boiler")
    factors: list[GridFactor]
    rows: list[YearRow]
