"""Citywide matching and siting: the ledger of shared sources, and who gets what of them."""

from gis.citywide.match import Match, match, match_store
from gis.citywide.scenario import Scenario

__all__ = ["Match", "Scenario", "match", "match_store"]
