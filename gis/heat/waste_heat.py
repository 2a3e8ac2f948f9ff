"""Waste heat of data centres."""

from __future__ import annotations

from gis.heat.constants import Array


def recoverable_kw(
    it_load_kw: Array, utilisation_frac: float | Array, recoverable_frac: float | Array
) -> Array:
    """Heat in kW that can be taken from IT equipment: its installed load times use times the part caught.

    At the source, before the heat pump: `heat_pump.delivered_kw` gives what arrives.
    """
    return it_load_kw * utilisation_frac * recoverable_frac


def it_load_from_meter_kw(monitored_power_kw: Array, pue: float | Array) -> Array:
    """IT load in kW from the metered power of the whole site: power over PUE (GB/T 32910.3).

    It is a load in use: no utilisation is to be taken off again.
    """
    return monitored_power_kw / pue
