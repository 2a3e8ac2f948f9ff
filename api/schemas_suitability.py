"""The suitability document as pydantic models; OpenAPI is made from them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from api.schemas import Body
from gis.vocabulary import OPTIONS, Effect, Status, Technology
from layers import Text

Variant = Literal["hydrothermal", "closed_loop"]
OptionId = Annotated[str, Field(json_schema_extra={"enum": [o.id for o in OPTIONS]})]
Share = Annotated[float, Field(ge=0, le=1)]
# A sum of shares may pass 1 by the last digit.
Shares = Annotated[float, Field(ge=0)]
Evidence = dict[str, float | str | None]


class Assumption(Body):
    """A parameter that no policy or standard fixes: the value taken, its declared range, and its source."""

    parameter: str
    title: Text
    value: float | list[float] | list[str] | dict[str, float]
    low: float | None
    high: float | None
    unit: str | None
    source: str


class Reason(Body):
    """Why: a check of the rule set with its clause, the fact and the threshold it was held against."""

    code: str
    effect: Effect
    clause_id: str | None
    fact: str
    value: float | str | None
    unit: str | None
    threshold: float | str | list[str] | list[float] | None
    threshold_kind: Literal["policy", "standard", "study", "assumption"] | None
    zh: str
    en: str


class WhyNot(Body):
    """What stops an option from being the recommended one, or what goes before it."""

    code: str
    clause_id: str
    zh: str
    en: str


class Change(Body):
    """The smallest change of one fact that alone makes an option feasible."""

    fact: str
    from_: float = Field(alias="from")
    to: float
    change: float = Field(gt=0, description="how much, whether up or down")
    unit: str | None
    clause_id: str
    zh: str
    en: str


class CapacityRange(Body):
    """Capacities in kW that are exceeded with a probability of 90, 50 and 10 %."""

    p90: float
    p50: float
    p10: float


class ShareRange(Body):
    """Installed shares that are exceeded with a probability of 90, 50 and 10 %."""

    p90: Share
    p50: Share
    p10: Share


class TechnologyVerdict(Body):
    """One technology, or one variant of it, in the order of the policy."""

    technology: Technology
    variant: Variant | None
    title: Text
    rank: int
    status: Status
    score: float | None = Field(ge=0, le=100)
    capacity_kw: float | None
    capacity_range_kw: CapacityRange | None
    installed_share_frac: Share | None
    installed_share_range_frac: ShareRange | None
    energy_share_frac: Share | None
    why_not: WhyNot | None = Field(description="null for the recommended option")
    changes: list[Change]
    reasons: list[Reason]
    evidence: Evidence
    assumptions: list[Assumption]


class PortfolioPart(Body):
    """What one technology gives within the portfolio."""

    technology: Technology
    variant: Variant | None
    title: Text
    installed_kw: float
    installed_share_frac: Share
    energy_share_frac: Share
    heat_mwh_per_a: float
    electricity_mwh_per_a: float
    scop: float | None


class Subsidy(Body):
    """The rate of investment support, and the document and day that it rests on."""

    rate_frac: float | None
    valid_from: date
    clause_id: str
    source: str


class CarbonByFactor(Body):
    """The year's CO2 by one grid factor; a heat pump above `breakeven_cop` emits less than a gas boiler."""

    factor: str
    title: Text
    valid_from: date
    grid_kg_per_kwh: float
    co2_t_per_a: float
    saved_t_per_a: float
    breakeven_cop: float
    better_than_boiler: bool | None


class Carbon(Body):
    """The CO2 of the portfolio beside that of a gas boiler for the same heat."""

    boiler_kg_per_kwh: float
    boiler_t_per_a: float
    by_factor: list[CarbonByFactor]


class Storage(Body):
    """The water store that levels the design day, and the air source that it saves."""

    peak_cut_kw: float
    air_source_saved_kw: float
    energy_kwh: float
    volume_m3: float
    clause_id: str
    source: str


class PortfolioPlan(Body):
    """What the technologies of a parcel give together, filled in the order of priority."""

    technologies: list[PortfolioPart]
    installed_share_frac: Shares | None
    share_without_air_frac: Shares | None
    energy_share_frac: Shares | None
    unmet_kw: float | None
    scop: float | None
    air_source_unit_count: float | None
    subsidy: Subsidy
    lcoh_cny_per_mwh: float | None
    co2_t_per_a: float | None
    co2_saved_t_per_a: float | None
    carbon: Carbon
    storage: Storage | None
    findings: list[Reason]
    assumptions: list[Assumption]


class ChecklistEntry(Body):
    """Something the applicant must show or arrange for the chosen technologies."""

    id: str
    group: Literal["approval", "application", "survey", "water", "land", "planning", "operation"]
    options: list[OptionId]
    clause_id: str
    zh: str
    en: str


class RuleSetInfo(Body):
    """The rule set behind a verdict, as it stood on a day."""

    id: str
    as_of: date
    hash: str


class Location(Body):
    """Where the parcel lies, what is planned on it, and the areas of the policy that it lies in."""

    district: str | None
    township: str | None
    planning_area: str | None
    geothermal_pilot_area: str | None
    geothermal_focus_area: str | None
    data_centre_area: str | None
    area_m2: float
    land_use_code: str | None
    land_use_class: str | None
    building_status: str | None


class Demand(Body):
    """Heat and cooling demand; null where floor area, land use and population do not tell."""

    heated_area_m2: float | None
    heated_area_basis: str | None
    heat_index_w_per_m2: float | None
    heat_load_kw: float | None
    season_d: float | None
    heat_demand_mwh_per_a: float | None
    cooling_load_kw: float | None
    cooling_demand_mwh_per_a: float | None
    assumptions: list[Assumption]


class Suitability(Body):
    """The ranking of technologies of one parcel, and what they give together."""

    parcel_id: str
    ruleset: RuleSetInfo
    data_versions: dict[str, int]
    location: Location
    demand: Demand
    recommended: Technology | None
    recommended_variant: Variant | None
    recommended_status: Status | None
    recommended_title: Text | None
    undecided: list[Technology]
    technologies: list[TechnologyVerdict]
    portfolio: PortfolioPlan | None = Field(description="null where the heat load is not known or nil")
    checklist: list[ChecklistEntry]


class SuitabilityResults(BaseModel):
    """One document per feature, in the order of the FeatureCollection."""

    results: list[Suitability]
