"""Siting in a city: where new plants, energy stations or wells are worth most beside all that there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from gis.citywide.city import City, Progress, gathered, given_city, solved, stored_city, tell
from gis.citywide.places import given_places, grid_places, judged_places
from gis.citywide.scenario import Scenario
from gis.citywide.site_plan import SitePlan
from gis.citywide.siting import Matched, built, candidates_of, site_rows, site_summary
from gis.errors import NotFoundError
from gis.facts.surroundings import Surroundings
from gis.matching.columns import SITE_COLUMNS
from gis.matching.siting import site
from gis.resources import Resources
from gis.rules import RuleSet
from gis.rules.loader import content_json
from gis.staleness import software
from gis.store import Store
from gis.store.sites import SitingRecord, save_sites
from gis.units import attributes, units_of


@dataclass(frozen=True, eq=False)
class Sites:
    """The answer: where to build.

    scenario       what is built already, and what is kept free
    plan           what was to be sited
    ruleset        the rules
    data_versions  layer or raster -> the version that was read
    places         every candidate, the chosen ones first; columns of `gis.matching.columns.SITE_COLUMNS`
                   (`x_m` and `y_m` in m of EPSG:4548), and in `attrs` their `units` (column -> unit),
                   `ruleset` and `data_versions`
    summary        what it comes to in the whole city, with the bound that no other choice can exceed
    """

    scenario: Scenario
    plan: SitePlan
    places: pd.DataFrame
    summary: dict[str, Any]
    ruleset: RuleSet
    data_versions: Mapping[str, int]

    def __post_init__(self) -> None:
        self.places.attrs = attributes(units_of(SITE_COLUMNS), self.ruleset.told(), self.data_versions)


def sites(
    parcels: gpd.GeoDataFrame,
    resources: Resources | Surroundings,
    ruleset: RuleSet,
    plan: SitePlan,
    scenario: Scenario | None = None,
    progress: Progress | None = None,
) -> Sites:
    """Choose where new sources are worth most, beside the sources that a scenario of `gis.match` shares out.

    `parcels` and `resources` are as for `gis.match`, and so are the errors.
    """
    around = resources if isinstance(resources, Surroundings) else Surroundings(resources)
    return _sited(given_city(parcels, around), ruleset, plan, scenario or Scenario(), progress)


def site_store(
    store: Store, ruleset: RuleSet, plan: SitePlan, scenario: str = "base", progress: Progress | None = None
) -> Sites:
    """Choose where new sources are worth most in the stored city, and keep the answer for the scenario.

    The scenario is that of the matching run of this name; `base` needs no run. Raises NotFoundError for
    another one without a run, and InputError when no parcels were ever imported.
    """
    asked = stored_scenario(store, scenario)
    with store.moment() as moment:
        found = _sited(stored_city(moment), ruleset, plan, asked, progress)
    tell(progress, 0, 0, "saving the sites")
    store.save_ruleset(ruleset.hash, ruleset.id, ruleset.as_of, content_json(ruleset))
    record = SitingRecord(
        scenario=asked.name,
        settings=asked.settings(),
        plan=plan.settings(),
        summary=found.summary,
        ruleset_id=ruleset.id,
        ruleset_hash=ruleset.hash,
        as_of=ruleset.as_of,
        layer_versions=dict(found.data_versions),
        finished_at=None,
        software=software(),
    )
    save_sites(store, record, found.places)
    return found


def stored_scenario(store: Store, name: str) -> Scenario:
    """Return the scenario of a stored matching run; `base` needs no run, another one is a NotFoundError."""
    try:
        return Scenario(name, **store.match(name).settings)
    except NotFoundError:
        if name != Scenario().name:
            raise
        return Scenario()


def _sited(
    city: City, ruleset: RuleSet, plan: SitePlan, scenario: Scenario, progress: Progress | None
) -> Sites:
    around = city.around
    offered = gathered(city, ruleset, scenario, progress)
    before = solved(offered, around, ruleset, scenario, progress, priced=False)
    if plan.places is None:
        spacing_m = plan.spacing_m or ruleset.parameters["site_spacing_m"].number()
        places = grid_places(before, plan, spacing_m, around, ruleset)
    else:
        places = given_places(plan.places, plan)
    places = judged_places(places, before, plan, around, ruleset, scenario)
    tell(progress, 0, 0, "finding who is in reach")
    usable = np.flatnonzero(places["exclusion"].isna())
    candidates = candidates_of(city, before, places.iloc[usable])
    reached = np.bincount(candidates.candidate, minlength=len(usable)) > 0
    places.loc[usable[~reached], "exclusion"] = "no_parcel"
    found = site(before.problem.network, before.allocation, candidates, plan.count, progress)
    chosen = usable[found.chosen]
    after = built(before, places.iloc[chosen], candidates, found.chosen, ruleset, progress)
    matched = Matched.of(after, around, ruleset)
    told = site_summary(Matched.of(before, around, ruleset), matched, found, places, plan.count, ruleset)
    rows = site_rows(places, found, chosen, matched)
    return Sites(scenario, plan, rows, told, ruleset, city.versions)
