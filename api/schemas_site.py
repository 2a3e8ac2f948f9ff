"""Bodies of sites, made from the columns that candidates are stored with."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from api.schemas import Body
from api.schemas_match import ByTechnology, MatchJob, MatchRun, row_model
from gis.citywide.scenario import NAME
from gis.citywide.site_plan import MOST_KW, MOST_REACH_M, SPACING_M
from gis.matching.columns import MOST_SITES, SITE_COLUMNS, SharedTechnology
from layers import Text

Site = row_model(
    "Site",
    "One candidate: chosen (with a rank), not chosen, or excluded.",
    SITE_COLUMNS,
    ("site_id", "technology", "x_m", "y_m", "reach_m"),
)


class NewSites(Body):
    """What is to be sited, on a grid of places over what is not met."""

    scenario: str = Field(
        "base",
        pattern=f"^{NAME}$",
        description="the matching run beside whose sources they are built; `base` needs none",
    )
    count: int = Field(ge=1, le=MOST_SITES, description="how many to choose, at most", examples=[10])
    technology: SharedTechnology = "reclaimed_water"
    capacity_kw: float | None = Field(
        None,
        ge=1,
        le=MOST_KW,
        description="what each can give; null: as the rules take it, a well one doublet",
    )
    reach_m: float | None = Field(
        None, ge=1, le=MOST_REACH_M, description="how far each reaches; null: as the rules say"
    )
    spacing_m: float | None = Field(
        None, ge=SPACING_M[0], le=SPACING_M[1], description="between places; null: as the rules say"
    )


class Plan(Body):
    """What was asked for; null: as the rules say."""

    count: int
    candidates: Literal["grid", "given"]
    technology: SharedTechnology
    capacity_kw: float | None
    reach_m: float | None
    spacing_m: float | None


class LeftOut(Body):
    """Candidates that may not be built for one reason."""

    reason: str
    title: Text
    count: int


class End(Body):
    """Why fewer were chosen than asked for."""

    reason: str
    title: Text


class Carried(Body):
    """What technologies carry in the whole city."""

    technologies: list[ByTechnology]
    unmet_kw: float


class SitesSummary(Body):
    """What the chosen come to; what is served in all is that before the least share of connections."""

    asked_count: int
    chosen_count: int
    candidate_count: int
    excluded: list[LeftOut]
    end: End | None
    served_before_kw: float
    served_after_kw: float
    gain_kw: float
    most_gain_kw: float = Field(description="no choice of as many candidates gains more")
    proven_frac: float = Field(description="at least this share of the best possible gain is reached")
    before: Carried
    after: Carried = Field(description="matched anew with the chosen among the sources")


class Siting(MatchRun):
    """The last answer for a scenario."""

    plan: Plan
    current: bool = Field(description="whether it is of the layers and the scenario that are there now")


class SitesList(Body):
    """All answers, and the one under way or last asked for."""

    sitings: list[Siting]
    job: MatchJob | None


class SitesDetail(Siting):
    """An answer with what it comes to, and all candidates: the chosen first, the excluded last."""

    summary: SitesSummary
    sites: list[Site]  # type: ignore[valid-type]


class SitePoint(Body):
    """A point in longitude and latitude (CRS84)."""

    type: Literal["Point"]
    coordinates: list[float] = Field(min_length=2, max_length=2)


class SiteFeature(Body):
    """A candidate on the map."""

    type: Literal["Feature"]
    id: str
    geometry: SitePoint
    properties: Site  # type: ignore[valid-type]


class SitesOnMap(Body):
    """Candidates as GeoJSON."""

    type: Literal["FeatureCollection"]
    features: list[SiteFeature]


EXAMPLE: dict[str, Any] = {
    "ten": {"summary": "ten energy stations of 20 MW", "value": {"count": 10, "capacity_kw": 20000}}
}
