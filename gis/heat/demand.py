"""Heat and cooling demand of a parcel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
HOURS_PER_DAY = 24.0


def heat_load_kw(heated_area_m2: Array, heat_index_w_per_m2: Array) -> Array:
    """Design heat load in kW: heated area (m2) times the area heat index (W/m2).

    Source: CJJ 34, area heat index method.
    """
    return heated_area_m2 * heat_index_w_per_m2 / 1000.0


def full_load_hours(
    season_d: float, indoor_degc: float, mean_outdoor_degc: float, design_outdoor_degc: float
) -> float:
    """Hours at full load that give the season's heat.

    Q_a = 0.0864 N Q_h (t_i - t_a)/(t_i - t_o) GJ with Q_h in kW is Q_h times
    24 N (t_i - t_a)/(t_i - t_o) hours. Source: CJJ 34, annual heat of heating.
    """
    share = (indoor_degc - mean_outdoor_degc) / (indoor_degc - design_outdoor_degc)
    return season_d * HOURS_PER_DAY * share


def annual_mwh(load_kw: Array, hours: float) -> Array:
    """Annual energy in MWh of a design load (kW) over its full-load hours."""
    return load_kw * hours / 1000.0
