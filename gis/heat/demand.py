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


def coverage_frac(
    share: Array,
    *,
    design_outdoor_degc: float,
    mean_outdoor_degc: float,
    season_d: float,
    indoor_degc: float,
    peak_d: float = 5.0,
) -> Array:
    """Share of the season's heat that a base load of `share` of the peak covers.

    Load-duration curve of Chinese cities, non-dimensional form (He and Sun; recalled):
    q = 1 for N <= 5 d, then q = 1 - b0 R^b, R = (N-5)/(Nh-5), b = (5 - mu t_p)/(mu t_p - t_w),
    mu = Nh/(Nh-5), b0 = (5 - t_w)/(t_n - t_w). NaN in, NaN out.
    """
    mu = season_d / (season_d - peak_d)
    b = (5.0 - mu * mean_outdoor_degc) / (mu * mean_outdoor_degc - design_outdoor_degc)
    b0 = (5.0 - design_outdoor_degc) / (indoor_degc - design_outdoor_degc)
    rest = season_d - peak_d
    total = peak_d + rest * (1.0 - b0 / (b + 1.0))
    x = np.clip(share, 0.0, 1.0)
    cut = np.minimum(((1.0 - x) / b0) ** (1.0 / b), 1.0)
    tail = rest * ((1.0 - cut) - b0 * (1.0 - cut ** (b + 1.0)) / (b + 1.0))
    return np.asarray((x * (peak_d + rest * cut) + tail) / total, dtype=np.float64)
