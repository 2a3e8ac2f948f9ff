"""Bodies of GET /api/summary as pydantic models; OpenAPI is made from them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from api.schemas import Amount, Body, Recommended
from gis.rules.model import Kind
from gis.vocabulary import Status, Technology
from layers import Text

BasisId = Literal["potential", "potential_without_air", "matched", "matched_without_air", "running"]


class SummaryRecommended(Recommended):
    """Such parcels of a place; `unknown_` counts are of the parcels that the sums leave out."""

    unknown_heated_area_count: int
    unknown_heat_load_count: int


class Standing(Body):
    """Heated area of new energy in a place, on one basis; null where it is not known."""

    basis: BasisId
    heated_area_m2: float | None
    unknown_count: int | None = Field(
        description="parcels or projects of which the basis does not know what they add; null: not told"
    )
    loaded_share_frac: float | None = Field(description="over the heated area of the place's loaded parcels")
    city_share_frac: float | None = Field(description="over the heated area of the whole city")
    target_2025_frac: float | None = Field(description="over the heated area that is the target for 2025")


class SummaryRow(Amount):
    """One city, district or township."""

    district: str | None
    township: str | None
    area_m2: float | None
    heat_demand_mwh_per_a: float | None
    unknown_heated_area_count: int = Field(description="parcels without a known heated area")
    unknown_heat_load_count: int = Field(description="parcels without a known heat load")
    new_energy_share_frac: float | None = Field(
        description="installed new energy over the heat load of the parcels whose portfolio is known"
    )
    new_energy_share_without_air_frac: float | None
    portfolio_co2_saved_t_per_a: float | None
    new_energy_heated_area_m2: float | None = Field(
        description="heated area of the parcels whose portfolio reaches the share required of new projects"
    )
    recommended: list[SummaryRecommended]
    status_counts: dict[Technology, dict[Status, int]]
    standings: list[Standing] = Field(description="one for each of `bases`, in their order")


class CityHeatedArea(Body):
    """The heated area of the whole city, a dated figure of the rule set."""

    heated_area_m2: float
    valid_from: date
    kind: Kind
    source: str
    loaded_share_frac: float | None = Field(description="what of it the loaded parcels have")


class Targets(Body):
    """The city's targets for new energy, to hold the sums of `rows` against."""

    target_2025_area_m2: float
    target_2025_share_frac: float
    target_2030_share_frac: float
    clause_id: str
    note: Text
    city_heated_area: CityHeatedArea


class Basis(Body):
    """What heated area of new energy is counted on: what could be, what a run serves, what is there."""

    id: BasisId
    title: Text
    note: Text = Field(description="what is counted, and how")
    made_at: datetime | None = Field(description="when the run ended or the layer was loaded")
    current: bool | None = Field(description="whether it is of the present layers; null where there is none")
    missing: Text | None = Field(description="why there is none; null where there is one")


class Summary(Body):
    """Counts and sums of the stored results."""

    by: Literal["city", "district", "township"]
    as_of: date
    targets: Targets
    bases: list[Basis]
    total: SummaryRow = Field(description="the whole city, whatever the rows are")
    rows: list[SummaryRow]
