"""Air-source heat pumps, and the COP regressions that water and ground sources share with them."""

from __future__ import annotations

import numpy as np

from gis.heat.constants import Array

# Below it the regressions are not fitted: When2Heat clips the lift (scripts/cop.py).
LEAST_LIFT_K = 15.0

Coefficients = tuple[float, float, float]


def cop(
    outdoor_degc: float | Array,
    supply_degc: float | Array,
    coefficients: Coefficients,
    field_frac: float | Array,
) -> Array:
    """COP of a heat pump in the field.

    (a + b dT + c dT^2) x `field_frac` with dT = supply - source temperature, not below 15 K.
    The source is the outdoor air, or the water or brine with their own coefficients.
    When2Heat, Ruhnau et al. 2019, doi 10.1038/s41597-019-0199-y; the fit ends before dT = -b/(2c),
    where the parabola would rise again. Arrays broadcast, NaN stays NaN.
    """
    a, b, c = coefficients
    lift = np.maximum(np.asarray(supply_degc, dtype=np.float64) - outdoor_degc, LEAST_LIFT_K)
    return (a + lift * (b + lift * c)) * field_frac


def seasonal_cop(
    climate_bins: tuple[Array, Array],
    supply_degc: float | Array,
    coefficients: Coefficients,
    field_frac: float | Array,
) -> Array:
    """COP of the season: heat over electricity, sum Q / sum (Q / COP).

    `climate_bins` is what `demand.outdoor_bins` returns: outdoor temperature and share of the
    heat, bins along the first axis. `supply_degc` may hold one temperature per parcel.
    """
    outdoor_degc, heat_frac = climate_bins
    bins = zip(outdoor_degc, heat_frac, strict=True)
    electricity = sum(heat / cop(outdoor, supply_degc, coefficients, field_frac) for outdoor, heat in bins)
    return np.asarray(heat_frac.sum(axis=0) / electricity, dtype=np.float64)


def unit_count(load_kw: Array, unit_kw: float | Array) -> Array:
    """Whole units of `unit_kw` that carry a load (kW); none for no load, NaN for an unknown one."""
    return np.ceil(load_kw / unit_kw)


def highest_supply_degc(
    least_cop: float | Array,
    outdoor_degc: float | Array,
    coefficients: Coefficients,
    field_frac: float | Array,
) -> Array:
    """Highest supply temperature (degC) at which `cop` still reaches `least_cop`; NaN if none does.

    The smaller root of the parabola. A COP below its lowest point is reached up to the end of
    the fit at dT = -b/(2c).
    """
    a, b, c = coefficients
    spare = a - np.asarray(least_cop, dtype=np.float64) / field_frac
    # Written this way the root keeps its digits; without a real root it is the lowest point.
    root = np.sqrt(np.maximum(b**2 - 4.0 * c * spare, 0.0))
    lift = 2.0 * np.minimum(spare, b**2 / (4.0 * c)) / (-b + root)
    return np.where(lift >= LEAST_LIFT_K, outdoor_degc + lift, np.nan)
