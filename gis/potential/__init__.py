"""The shallow ground-source potential, cell by cell, as a raster that any GIS reads."""

from gis.potential.potential import GroundPotential, ground_potential

__all__ = ["GroundPotential", "ground_potential"]
