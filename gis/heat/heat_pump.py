"""Heat pumps between a source and the building."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
WATER_RHO_C_KJ_PER_M3_K = 1000.0 * 4.187
SECONDS_PER_DAY = 86400.0


def delivered_kw(source_kw: Array, cop: float) -> Array:
    """Heat at the building from heat at the source: P COP/(COP - 1), in kW."""
    return source_kw * cop / (cop - 1.0)


def water_source_kw(flow_m3_per_d: Array, kelvin: Array) -> Array:
    """Heat in kW of a water flow (m3/d) cooled by `kelvin`: rho c Q dT, rho c = 4,187 kJ/(m3 K)."""
    return WATER_RHO_C_KJ_PER_M3_K * flow_m3_per_d / SECONDS_PER_DAY * kelvin


def air_source_cop(
    outdoor_degc: float, supply_degc: float, coefficients: tuple[float, float, float], field_factor: float
) -> float:
    """COP of an air-source heat pump in the field.

    COP = (a + b dT + c dT^2) x field factor, dT = supply - outdoor, not below 15 K:
    When2Heat, Ruhnau et al. 2019, doi 10.1038/s41597-019-0199-y.
    """
    a, b, c = coefficients
    lift = max(supply_degc - outdoor_degc, 15.0)
    return (a + b * lift + c * lift**2) * field_factor
