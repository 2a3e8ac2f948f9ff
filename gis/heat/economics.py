"""Cost of heat, electricity and emissions, and the tier of subsidy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gis.heat.constants import Array


def capital_recovery_frac(rate_frac: float, years_a: float) -> float:
    """Annuity of one unit of capital: i (1 + i)^n / ((1 + i)^n - 1), 1/n without interest."""
    if rate_frac == 0.0:
        return 1.0 / years_a
    paid_frac: float = 1.0 - (1.0 + rate_frac) ** -years_a
    return rate_frac / paid_frac


def lcoh_cny_per_kwh(
    capex_cny_per_kw: float | Array,
    *,
    subsidy_frac: float | Array,
    capital_recovery_frac: float,
    om_frac: float,
    full_load_h: float | Array,
    electricity_cny_per_kwh: float,
    scop: float | Array,
) -> Array:
    """Levelised cost of heat in CNY/kWh.

    [CAPEX (1 - subsidy) CRF + CAPEX om] / full-load hours + electricity price / SCOP. The
    subsidy is on the investment only; operation and maintenance are a share of it per year.
    """
    annual_frac = (1.0 - np.asarray(subsidy_frac, dtype=np.float64)) * capital_recovery_frac + om_frac
    return np.asarray(
        capex_cny_per_kw * annual_frac / full_load_h + electricity_cny_per_kwh / scop, dtype=np.float64
    )


def boiler_kg_per_kwh(gas_kg_per_kwh: float, efficiency_frac: float) -> float:
    """CO2 per kWh of heat from a gas boiler: factor of the gas (kg/kWh, lower value) over efficiency."""
    return gas_kg_per_kwh / efficiency_frac


def breakeven_cop(grid_kg_per_kwh: float, gas_kg_per_kwh: float, efficiency_frac: float) -> float:
    """Seasonal COP below which a heat pump emits more than a gas boiler."""
    return grid_kg_per_kwh / boiler_kg_per_kwh(gas_kg_per_kwh, efficiency_frac)


def subsidy_frac(
    installed_frac: Array,
    multi_energy: npt.NDArray[np.bool_],
    *,
    full_from_frac: float,
    part_from_frac: float,
    full_frac: float,
    part_frac: float,
) -> Array:
    """Share of the investment that is subsidised, by the installed share of new energy.

    From `full_from_frac` on `full_frac`; from `part_from_frac` on `part_frac`, or `full_frac`
    with several energies or new technology; else nothing. Bounds belong to the higher tier
    (Jing Fa Gai [2026] 341). NaN stays NaN.
    """
    installed = np.asarray(installed_frac, dtype=np.float64)
    part = installed >= part_from_frac
    full = (installed >= full_from_frac) | (part & multi_energy)
    tier = np.where(full, full_frac, np.where(part, part_frac, 0.0))
    return np.where(np.isnan(installed), np.nan, tier)
