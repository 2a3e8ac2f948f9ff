"""Heat storage that levels the design day."""

from __future__ import annotations

from dataclasses import dataclass

from gis.heat.constants import WATER_RHO_C_KJ_PER_M3_K, Array

KJ_PER_KWH = 3600.0


@dataclass(frozen=True)
class DailyStorage:
    """A water store that levels the design day: plant saved (kW), heat held (kWh), water (m3)."""

    peak_cut_kw: Array
    energy_kwh: Array
    volume_m3: Array


def daily_storage(load_kw: Array, *, daily_peak_frac: float, hours_h: float, spread_k: float) -> DailyStorage:
    """Return the water store that lets the plant run at the design day's mean.

    `daily_peak_frac` is the day's peak over its mean, `hours_h` the length of the peak,
    `spread_k` the temperature spread of the store. The peak above the mean is
    load (1 - 1/daily_peak_frac); the store holds it for the hours; volume = energy/(rho c spread).
    """
    peak_cut_kw = load_kw * (1.0 - 1.0 / daily_peak_frac)
    energy_kwh = peak_cut_kw * hours_h
    return DailyStorage(
        peak_cut_kw, energy_kwh, energy_kwh * KJ_PER_KWH / (WATER_RHO_C_KJ_PER_M3_K * spread_k)
    )
