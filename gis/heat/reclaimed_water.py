"""Heat of reclaimed water and sewage: what a flow gives, and how the taps of one main share it."""

from __future__ import annotations

import numpy as np

from gis.heat.constants import SECONDS_PER_DAY, WATER_RHO_C_KJ_PER_M3_K, Array


def water_heat_kw(flow_m3_per_d: float | Array, kelvin: float | Array) -> Array:
    """Heat in kW of a water flow (m3/d) cooled by `kelvin`: rho c Q dT, rho c = 4,187 kJ/(m3 K)."""
    return np.asarray(WATER_RHO_C_KJ_PER_M3_K / SECONDS_PER_DAY * flow_m3_per_d * kelvin, dtype=np.float64)


def connection_max_m(heat_mwh_per_a: Array, heat_density_mwh_per_m_a: float) -> Array:
    """Longest connecting pipe in m that a demand (MWh/a) bears: demand over the least linear heat density."""
    return heat_mwh_per_a / heat_density_mwh_per_m_a


def walk_main(
    flow_m3_per_d: float, inlet_degc: float, taps_kw: Array, *, least_degc: float, usable_k: float
) -> tuple[Array, Array]:
    """Walk one main downstream: what each tap takes from the water, and the temperature after it.

    The flow is conserved, the temperature is not: T_(k+1) = T_k - P_k / (rho c Q). Each tap
    (kW taken from the water, in order downstream, shape (k,), not negative) gets what the taps
    before it leave above `least_degc`, and all together no more than `usable_k` kelvins.
    Returns (taken kW, degC), both (k,). NaN flow or inlet gives NaN; a NaN tap leaves its own
    share and all below it unknown.
    """
    kelvin = np.maximum(np.minimum(usable_k, inlet_degc - least_degc), 0.0)
    limit_kw = water_heat_kw(flow_m3_per_d, kelvin)
    wanted_kw = np.cumsum(taps_kw)
    before_kw = wanted_kw - taps_kw
    taken_kw = np.clip(limit_kw - before_kw, 0.0, taps_kw)
    total_kw = np.minimum(wanted_kw, limit_kw)
    kw_per_k = WATER_RHO_C_KJ_PER_M3_K / SECONDS_PER_DAY * flow_m3_per_d
    cooled_k = total_kw / kw_per_k if kw_per_k != 0.0 else np.zeros_like(total_kw)
    return taken_kw, inlet_degc - cooled_k
