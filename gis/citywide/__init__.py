"""Citywide matching and siting: the ledger of shared sources, and who gets what of them."""

from gis.citywide.match import Match, match, match_store
from gis.citywide.scenario import Scenario
from gis.citywide.site_plan import SitePlan, read_places
from gis.citywide.sites import Sites, site_store, sites

__all__ = [
    "Match",
    "Scenario",
    "SitePlan",
    "Sites",
    "match",
    "match_store",
    "read_places",
    "site_store",
    "sites",
]
