"""The evaluation of a project in a heating season: what `gis.evaluation.document` gives."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from api.schemas import Body
from gis.periods import Period
from gis.vocabulary import Technology
from layers import Text


class RuleSetOf(Body):
    """The rule set that it was evaluated by."""

    id: str
    as_of: date
    hash: str


class GapOf(Body):
    """Steps without a value on end, in Beijing time."""

    from_: str = Field(alias="from", examples=["2024-12-24T00:00"])
    to: str = Field(description="end of the last step")
    hours: float


class Measured(Body):
    """What was measured of an energy."""

    measured_kwh: float | None
    coverage_frac: float = Field(description="share of the season's hours with a value")
    gap_count: int | None = Field(description="null where nothing was measured")
    longest_gaps: list[GapOf] = Field(description="at most five, the longest first")
    period: Period | None


class HeatOf(Measured):
    """Heat delivered."""

    kwh_per_m2: float | None = Field(description="of the season; null below the least coverage")
    model_kwh_per_m2: float = Field(description="of the year by the mixed heat index")
    ratio_to_model: float | None
    design_kwh: float | None
    ratio_to_design: float | None = Field(description="null below the least coverage")
    full_load_h: float | None
    peak_kw: float | None = Field(description="largest mean over an hour or less")
    installed_kw: float | None
    heated_area_m2: float | None


class CopOf(Body):
    """Seasonal performance, over the steps in which heat and electricity are both known."""

    value: float | None
    paired_h: float
    design: float | None
    ratio_to_design: float | None
    model: float | None
    model_parameter: str | None = Field(description="of the rule set, or the model of the temperatures")
    model_low: float | None
    model_high: float | None
    ratio_to_model: float | None


class WaterOf(Body):
    """Water used."""

    measured_m3: float | None
    coverage_frac: float
    l_per_kwh: float | None
    l_per_m2: float | None = Field(description="of the season; null below the least coverage")


class Temperatures(Body):
    """Means weighted by heat, degC."""

    supply_degc: float | None
    return_degc: float | None
    source_supply_degc: float | None
    source_return_degc: float | None
    outdoor_degc: float | None


class BalanceOf(Body):
    """Heat of the ground over twelve whole months from the one in which the season begins."""

    coverage_frac: float = Field(description="share of the months of which heat and cooling are both known")
    extracted_kwh: float
    injected_kwh: float | None
    beta: float | None = Field(description="injected over extracted; null below the least coverage")


class DriftOf(Body):
    """The temperature from the ground at like load, season by season."""

    seasons: list[int]
    means_degc: list[float]
    slope_k_per_a: float | None
    error_k_per_a: float | None
    significant: bool | None


class FactorOfYear(Body):
    """A factor as it is known for a year; `of_year` is the year of its data."""

    year: int
    of_year: int
    kg_per_kwh: float


class FactorTold(Body):
    """An emission factor of the grid."""

    name: str
    title: Text
    year: int = Field(description="year of the data of the last one used")
    kg_per_kwh: float
    by_year: list[FactorOfYear]


class CarbonOf(Body):
    """CO2 by one factor, beside a gas boiler for the same heat."""

    factor: FactorTold
    emitted_t: float
    boiler_t: float
    avoided_t: float
    break_even_cop: float


class CarbonTold(CarbonOf):
    """CO2 by the factor of the portfolio, and by all."""

    by_factor: list[CarbonOf]


class CheckOf(Body):
    """What the season is held against."""

    id: str
    clause_id: str
    result: Literal["met", "failed", "unknown"]
    value: float | None
    threshold: float | None
    zh: str
    en: str


class MonthOf(Body):
    """A month, as far as it lies in the season."""

    month: str = Field(examples=["2024-11"])
    heat_kwh: float | None
    electricity_kwh: float | None
    cop: float | None
    coverage_frac: float


class ProjectEvaluation(Body):
    """A heating season of a project; what is not known is null."""

    heat_project_id: str
    name: str | None
    technology: Technology | None
    synthetic: bool | None
    season: int = Field(description="year in which it begins")
    seasons: list[int] = Field(description="years in which measured seasons begin, the last first")
    from_: date = Field(alias="from")
    to: date
    whole_months: bool
    ruleset: RuleSetOf
    least_coverage_frac: float
    heat: HeatOf
    electricity: Measured
    cooling: Measured
    cop: CopOf
    water: WaterOf
    temperatures: Temperatures
    balance: BalanceOf | None
    drift: DriftOf | None
    co2: CarbonTold | None
    checks: list[CheckOf]
    months: list[MonthOf]
    delivery_ids: list[int] = Field(description="deliveries that wrote the season's months last")
