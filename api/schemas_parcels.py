"""Bodies about filtered parcels as pydantic models; OpenAPI is made from them."""

from __future__ import annotations

from pydantic import Field

from api.schemas import Amount, Body, Recommended
from gis.store.parcel_table import SCORE_BINS


class FacetCount(Body):
    """A word that a facet has, and how many parcels have it."""

    value: str = Field(description="as the parameter of the facet takes it; `none`: missing")
    parcel_count: int = Field(description="parcels that pass all other parts of the filter")


class Facets(Body):
    """What parcels are told apart by: every word that some scored parcel has, `none` last."""

    district: list[FacetCount]
    technology: list[FacetCount]
    status: list[FacetCount]
    land_use_class: list[FacetCount]


class Scores(Body):
    """Parcels by the score of what is recommended, of those that pass all other parts of the filter."""

    bin_width: float = Field(examples=[5.0])
    parcel_counts: list[int] = Field(
        min_length=SCORE_BINS,
        max_length=SCORE_BINS,
        description="by bins from 0 on, each without its upper end but the last",
    )
    unscored_count: int = Field(description="parcels without a score, as nothing is recommended")


class ParcelSummary(Amount):
    """The scored parcels that pass a filter."""

    unknown_heated_area_count: int = Field(description="parcels without a known heated area")
    unknown_heat_load_count: int = Field(description="parcels without a known heat load")
    recommended: list[Recommended]
    facets: Facets
    scores: Scores
    filter: str | None = Field(
        description="the same in CQL2 text, for exports and the collection parcel_suitability; null: none",
        examples=["area_m2 >= 0 AND recommended IN ('geothermal') AND recommended_score >= 60.0"],
    )
