"""Mid-deep geothermal: doublets that give the water back, and closed loops that take none."""

from __future__ import annotations

import numpy as np

from gis.heat.constants import (
    DAYS_PER_YEAR,
    SECONDS_PER_DAY,
    SECONDS_PER_JULIAN_YEAR,
    WATER_C_J_PER_KG_K,
    Array,
)
from gis.heat.line_source import exp1
from gis.heat.reclaimed_water import water_heat_kw

SECONDS_PER_HOUR = 3600.0


def doublet_kw(yield_m3_per_d: Array, wellhead_degc: Array, reinjection_degc: float | Array) -> Array:
    """Heat in kW of one doublet with full reinjection: rho c Q (T - T_inj), never negative."""
    return water_heat_kw(yield_m3_per_d, np.maximum(wellhead_degc - reinjection_degc, 0.0))


def rejection_degc(
    power_kw: float | Array, yield_m3_per_d: float | Array, wellhead_degc: float | Array
) -> Array:
    """Temperature (degC) at which a doublet of a known power gives its water back: T - P/(rho c Q)."""
    return np.asarray(wellhead_degc - power_kw / water_heat_kw(yield_m3_per_d, 1.0), dtype=np.float64)


def breakthrough_a(
    spacing_m: float | Array,
    thickness_m: float | Array,
    flow_m3_per_h: float | Array,
    porosity_frac: float | Array,
    rock_heat_capacity_j_per_m3_k: float | Array,
    water_heat_capacity_j_per_m3_k: float,
    duty_frac: float = 1.0,
) -> Array:
    """Years until the cold front of a doublet reaches its production well.

    t_B = pi h D^2 / (3 Q) [phi + (1 - phi) rho_r c_r / (rho_w c_w)] without heat from the
    confining rock: Gringarten and Sauty 1975, doi 10.1029/JB080i035p04956. With `duty_frac` of
    the year in use (1: all year) the same water takes longer; arrays broadcast.
    """
    swept = np.pi * thickness_m * np.asarray(spacing_m, dtype=np.float64) ** 2 / 3.0
    ratio = _retardation(porosity_frac, rock_heat_capacity_j_per_m3_k, water_heat_capacity_j_per_m3_k)
    with np.errstate(divide="ignore"):
        # A well without water moves no front: it takes for ever.
        return np.asarray(swept * ratio / _flow_m3_per_a(flow_m3_per_h, duty_frac), dtype=np.float64)


def doublet_spacing_m(
    thickness_m: float | Array,
    flow_m3_per_h: float | Array,
    porosity_frac: float | Array,
    rock_heat_capacity_j_per_m3_k: float | Array,
    water_heat_capacity_j_per_m3_k: float,
    life_a: float,
    duty_frac: float = 1.0,
) -> Array:
    """Distance in m between the wells of a doublet that keeps the cold front away for `life_a` years.

    The inverse of `breakthrough_a`.
    """
    ratio = _retardation(porosity_frac, rock_heat_capacity_j_per_m3_k, water_heat_capacity_j_per_m3_k)
    pumped_m3 = _flow_m3_per_a(flow_m3_per_h, duty_frac) * life_a
    return np.asarray(np.sqrt(3.0 * pumped_m3 / (np.pi * thickness_m * ratio)), dtype=np.float64)


def _retardation(
    porosity_frac: float | Array, rock_j_per_m3_k: float | Array, water_j_per_m3_k: float
) -> float | Array:
    return porosity_frac + (1.0 - porosity_frac) * rock_j_per_m3_k / water_j_per_m3_k


def _flow_m3_per_a(flow_m3_per_h: float | Array, duty_frac: float) -> float | Array:
    return flow_m3_per_h * duty_frac * SECONDS_PER_JULIAN_YEAR / SECONDS_PER_HOUR


def heat_in_place_j(
    area_m2: float | Array,
    thickness_m: float | Array,
    porosity_frac: float | Array,
    rock_heat_capacity_j_per_m3_k: float | Array,
    water_heat_capacity_j_per_m3_k: float,
    reservoir_degc: float | Array,
    reference_degc: float,
) -> Array:
    """Heat in J that a reservoir holds above a reference temperature.

    [(1 - phi) rho_r c_r + phi rho_w c_w] A h (T - T_ref): Muffler and Cataldi 1978,
    doi 10.1016/0375-6505(78)90002-0. Never negative; arrays broadcast.
    """
    rock = (1.0 - porosity_frac) * rock_heat_capacity_j_per_m3_k
    water = porosity_frac * water_heat_capacity_j_per_m3_k
    gap = np.maximum(np.asarray(reservoir_degc, dtype=np.float64) - reference_degc, 0.0)
    return np.asarray((rock + water) * area_m2 * thickness_m * gap, dtype=np.float64)


def recoverable_mw(heat_j: Array, recovery_frac: float, life_a: float) -> Array:
    """Mean power in MW over the life when `recovery_frac` of the heat in place is taken out."""
    return heat_j * recovery_frac / (life_a * SECONDS_PER_JULIAN_YEAR) / 1e6


def closed_loop_kw(
    gradient_k_per_km: Array,
    rock_conductivity_w_per_m_k: Array,
    *,
    surface_degc: float | Array,
    depth_m: float | Array,
    inlet_degc: float | Array,
    mass_flow_kg_per_s: float | Array,
    well_radius_m: float | Array,
    well_resistance_m_k_per_w: float | Array,
    rock_heat_capacity_mj_per_m3_k: float | Array,
    season_d: float,
    seasons: int,
) -> Array:
    """Heat in kW of one coaxial closed loop at the end of its last heating season.

    Q = (T_mean - T_in) / (R/H + 1/(2 m c)), R = G/(2 pi lambda) + R_b, T_mean the ground
    temperature at half depth. G superposes two line sources g(t) = E1(r^2/(4 a t))/2: the last
    season in full, and the years before it at their mean load,
    G = g(season) + season/365 [g(365 seasons) - g(365)]. Arrays broadcast, never negative,
    NaN stays NaN.
    """
    lam = np.asarray(rock_conductivity_w_per_m_k, dtype=np.float64)
    r2_per_4a_s = np.asarray(well_radius_m**2 * rock_heat_capacity_mj_per_m3_k * 1e6 / (4.0 * lam))
    g = _closed_loop_g(r2_per_4a_s, season_d, seasons)
    resistance = g / (2.0 * np.pi * lam) + well_resistance_m_k_per_w
    mean_degc = surface_degc + gradient_k_per_km * depth_m / 2000.0
    gap = np.maximum(mean_degc - inlet_degc, 0.0)
    watts = gap / (resistance / depth_m + 1.0 / (2.0 * mass_flow_kg_per_s * WATER_C_J_PER_KG_K))
    return np.asarray(watts / 1000.0, dtype=np.float64)


def _closed_loop_g(r2_per_4a_s: Array, season_d: float, seasons: int) -> Array:
    # The integral is costly and parcels share few kinds of rock: each is evaluated once.
    values, place = np.unique(r2_per_4a_s, return_inverse=True)

    def line_source(days: float) -> Array:
        return exp1(values / (days * SECONDS_PER_DAY)) / 2.0

    before = line_source(seasons * DAYS_PER_YEAR) - line_source(DAYS_PER_YEAR)
    g = line_source(season_d) + season_d / DAYS_PER_YEAR * before
    return np.asarray(g[place].reshape(r2_per_4a_s.shape), dtype=np.float64)
