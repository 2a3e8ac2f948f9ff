"""One closed-loop borehole of a shallow ground source; open-loop groundwater never counts.

Neighbours are not in it: a field gives less per borehole than a single one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gis.heat.constants import DAYS_PER_YEAR, HOURS_PER_YEAR, SECONDS_PER_DAY, Array


@dataclass(frozen=True)
class Well:
    """One borehole and how it is used: the fluid may cool to `limit_temperature_degc` at the lowest.

    A season of `season_d` days takes heat in every year of the lifetime.
    """

    depth_m: float
    radius_m: float
    resistance_m_k_per_w: float
    limit_temperature_degc: float
    season_d: float
    lifetime_a: float


def diffusivity_m2_per_s(
    conductivity_w_per_m_k: float | Array, heat_capacity_mj_per_m3_k: float | Array
) -> float | Array:
    """Thermal diffusivity of the ground: lambda / (rho c)."""
    return conductivity_w_per_m_k / (heat_capacity_mj_per_m3_k * 1e6)


def gpot_u(radius_m: float, diffusivity: float | Array, time_d: float) -> float | Array:
    """Argument of the line source at the borehole wall: u = r^2 / (4 a t), dimensionless."""
    return radius_m**2 / (4.0 * diffusivity * time_d * SECONDS_PER_DAY)


def gpot_g_max(u_c: float | Array, u_s: float | Array, season_frac: float) -> float | Array:
    """Largest dimensionless thermal alteration over the lifetime.

    G = -0.619 t'_c ln u'_s + (0.532 t'_c - 0.962) ln u'_c - 0.455 t'_c - 1.619, a fit to
    superposed line sources under a half-sine load; u'_c for the season, u'_s for the lifetime,
    t'_c the season over the year. Casasso and Sethi 2016, doi 10.1016/j.energy.2016.03.091.
    """
    slope = 0.532 * season_frac - 0.962
    return -0.619 * season_frac * np.log(u_s) + slope * np.log(u_c) - 0.455 * season_frac - 1.619


def gpot_power_w(
    conductivity_w_per_m_k: Array,
    heat_capacity_mj_per_m3_k: Array,
    ground_temperature_degc: Array,
    well: Well,
) -> Array:
    """Heat that one borehole alone may take from the ground, averaged over the year, in W.

    G.POT, Casasso and Sethi 2016, doi 10.1016/j.energy.2016.03.091:
    P = 8 (T0 - T_lim) lambda L t'_c / (G + 4 pi lambda R_b). The fluid reaches
    its limit once, in the last season of the lifetime. Arrays broadcast, NaN
    stays NaN, never negative.
    """
    lam = conductivity_w_per_m_k
    diffusivity = diffusivity_m2_per_s(lam, heat_capacity_mj_per_m3_k)
    season_frac = well.season_d / DAYS_PER_YEAR
    u_c = gpot_u(well.radius_m, diffusivity, well.season_d)
    u_s = gpot_u(well.radius_m, diffusivity, well.lifetime_a * DAYS_PER_YEAR)
    g = gpot_g_max(u_c, u_s, season_frac)
    gap = np.maximum(ground_temperature_degc - well.limit_temperature_degc, 0.0)
    resistance = g + 4.0 * np.pi * lam * well.resistance_m_k_per_w
    return np.asarray(8.0 * gap * lam * well.depth_m * season_frac / resistance, dtype=np.float64)


def gpot_energy_kwh_per_a(
    conductivity_w_per_m_k: Array,
    heat_capacity_mj_per_m3_k: Array,
    ground_temperature_degc: Array,
    well: Well,
) -> Array:
    """Heat that one borehole alone may take from the ground each year, in kWh: `gpot_power_w` x 8,760 h."""
    power_w = gpot_power_w(conductivity_w_per_m_k, heat_capacity_mj_per_m3_k, ground_temperature_degc, well)
    return power_w * HOURS_PER_YEAR / 1000.0


def simple_resistance_m_k_per_w(
    borehole_radius_m: float, pipe_radius_m: float, pipe_count: int, grout_conductivity_w_per_m_k: float
) -> float:
    """Resistance of a grouted borehole with `pipe_count` pipes: ln(r_b / (r_p sqrt n)) / (2 pi lambda_g).

    The pipes count as one of equal section. Source: as `gpot_power_w`.
    """
    ratio = borehole_radius_m / (pipe_radius_m * np.sqrt(pipe_count))
    return float(np.log(ratio) / (2.0 * np.pi * grout_conductivity_w_per_m_k))


def borehole_count(area_m2: Array, spacing_m: float) -> Array:
    """Whole boreholes on a square grid of `spacing_m` that an area (m2) holds."""
    return np.floor(area_m2 / spacing_m**2)


def thermal_balance_frac(
    heat_demand_mwh_per_a: Array,
    cooling_demand_mwh_per_a: Array,
    cop_heating: float | Array,
    cop_cooling: float | Array,
) -> Array:
    """Heat given to the ground in summer over heat taken in winter (GB 50366 4.3.2).

    Cooling rejects (1 + 1/COP_c) of its cold, heating extracts (1 - 1/COP_h) of its heat.
    NaN where no heat is taken.
    """
    injected = cooling_demand_mwh_per_a * (1.0 + 1.0 / cop_cooling)
    extracted = heat_demand_mwh_per_a * (1.0 - 1.0 / cop_heating)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(extracted > 0, injected / extracted, np.nan)
