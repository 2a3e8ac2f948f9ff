"""Mid-deep geothermal: doublets that give the water back, and closed loops that take none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import exp1

from gis.heat.heat_pump import water_source_kw

Array = npt.NDArray[np.float64]
SECONDS_PER_DAY = 86400.0
DAYS_PER_YEAR = 365.0
WATER_C_J_PER_KG_K = 4187.0


def doublet_kw(yield_m3_per_d: Array, wellhead_degc: Array, reinjection_degc: float) -> Array:
    """Heat in kW of one doublet with full reinjection: rho c Q (T - T_inj), never negative."""
    return water_source_kw(yield_m3_per_d, np.maximum(wellhead_degc - reinjection_degc, 0.0))


def closed_loop_kw(
    gradient_k_per_km: Array,
    rock_conductivity_w_per_m_k: Array,
    *,
    surface_degc: float,
    depth_m: float,
    inlet_degc: float,
    mass_flow_kg_per_s: float,
    well_radius_m: float,
    well_resistance_m_k_per_w: float,
    rock_heat_capacity_mj_per_m3_k: float,
    season_d: float,
    seasons: int,
) -> Array:
    """Heat in kW of one coaxial closed loop at the end of its last heating season.

    Q = (T_mean - T_in) / (R/H + 1/(2 m c)), R = g/(2 pi lambda) + R_b with the line source
    g(t) = E1(r^2/(4 a t))/2, superposed over `seasons` equal seasons of `season_d` days;
    T_mean is the ground temperature at half depth. Never negative.
    """
    lam = rock_conductivity_w_per_m_k
    diffusivity = lam / (rock_heat_capacity_mj_per_m3_k * 1e6)

    def line_source(days: float) -> Array:
        g: Array = exp1(well_radius_m**2 / (4.0 * diffusivity * days * SECONDS_PER_DAY)) / 2.0
        return g

    g = line_source(season_d)
    for year in range(1, seasons):
        g = g + line_source(year * DAYS_PER_YEAR + season_d) - line_source(year * DAYS_PER_YEAR)
    resistance = g / (2.0 * np.pi * lam) + well_resistance_m_k_per_w
    mean_degc = surface_degc + gradient_k_per_km * depth_m / 2000.0
    gap = np.maximum(mean_degc - inlet_degc, 0.0)
    watts = gap / (resistance / depth_m + 1.0 / (2.0 * mass_flow_kg_per_s * WATER_C_J_PER_KG_K))
    return np.asarray(watts / 1000.0, dtype=np.float64)
