"""Shallow ground source by closed-loop boreholes; open-loop groundwater never counts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
HOURS_PER_YEAR = 8760.0
SECONDS_PER_DAY = 86400.0
DAYS_PER_YEAR = 365.0


def borehole_energy_kwh_per_a(
    conductivity_w_per_m_k: Array,
    heat_capacity_mj_per_m3_k: Array,
    ground_temperature_degc: Array,
    *,
    limit_temperature_degc: float,
    depth_m: float,
    borehole_radius_m: float,
    borehole_resistance_m_k_per_w: float,
    season_d: float,
    lifetime_a: float,
) -> Array:
    """Heat that one borehole alone may take from the ground each year, in kWh.

    G.POT, Casasso and Sethi 2016, doi 10.1016/j.energy.2016.03.091:
    P = 8 (T0 - T_lim) lambda L t'_c / (G + 4 pi lambda R_b), Q = 8.76 P, with
    G = -0.619 t'_c ln u'_s + (0.532 t'_c - 0.962) ln u'_c - 0.455 t'_c - 1.619.
    Neighbouring boreholes are not in it. Arrays broadcast; never negative.
    """
    lam = conductivity_w_per_m_k
    diffusivity = lam / (heat_capacity_mj_per_m3_k * 1e6)
    t_c = season_d / DAYS_PER_YEAR
    u_c = borehole_radius_m**2 / (4.0 * diffusivity * season_d * SECONDS_PER_DAY)
    u_s = borehole_radius_m**2 / (4.0 * diffusivity * lifetime_a * DAYS_PER_YEAR * SECONDS_PER_DAY)
    g = -0.619 * t_c * np.log(u_s) + (0.532 * t_c - 0.962) * np.log(u_c) - 0.455 * t_c - 1.619
    gap = np.maximum(ground_temperature_degc - limit_temperature_degc, 0.0)
    power_w = 8.0 * gap * lam * depth_m * t_c / (g + 4.0 * np.pi * lam * borehole_resistance_m_k_per_w)
    return power_w * HOURS_PER_YEAR / 1000.0


def borehole_count(area_m2: Array, spacing_m: float) -> Array:
    """Whole boreholes on a square grid of `spacing_m` that an area (m2) holds."""
    return np.floor(area_m2 / spacing_m**2)


def thermal_balance_frac(
    heat_demand_mwh_per_a: Array, cooling_demand_mwh_per_a: Array, cop_heating: float, cop_cooling: float
) -> Array:
    """Heat given to the ground in summer over heat taken in winter (GB 50366 4.3.2).

    Cooling rejects (1 + 1/COP_c) of its cold, heating extracts (1 - 1/COP_h) of its heat.
    """
    injected = cooling_demand_mwh_per_a * (1.0 + 1.0 / cop_cooling)
    extracted = heat_demand_mwh_per_a * (1.0 - 1.0 / cop_heating)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(extracted > 0, injected / extracted, np.nan)
