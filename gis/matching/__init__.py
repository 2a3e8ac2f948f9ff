"""Citywide matching: limited sources shared out among parcels, exactly; the worth and place of more."""

from gis.matching.allocate import Allocation, Certificate, Unmet, allocate, holders
from gis.matching.network import Network
from gis.matching.siting import Candidates, Siting, site
from gis.matching.solve import SolveError
from gis.matching.worth import Worth, worth

__all__ = [
    "Allocation", "Candidates", "Certificate", "Network", "Siting", "SolveError", "Unmet", "Worth",
    "allocate", "holders", "site", "worth",
]  # fmt: skip
