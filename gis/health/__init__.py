"""What a data steward wants to know of the loaded layers before anybody signs what the map says."""

from gis.health.check import check_store
from gis.health.findings import Finding, LayerCheck

__all__ = ["Finding", "LayerCheck", "check_store"]
