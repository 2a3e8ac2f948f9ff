"""Heat pumps between a source and the building."""

from __future__ import annotations

import numpy as np

from gis.heat.constants import KELVIN_AT_0_DEGC, Array


def delivered_kw(source_kw: Array, cop: float | Array) -> Array:
    """Heat at the building from heat at the source: P COP/(COP - 1), in kW."""
    return source_kw * cop / (cop - 1.0)


def drawn_kw(delivered_kw: Array, cop: float | Array) -> Array:
    """Heat from the source for heat at the building: P (COP - 1)/COP, in kW."""
    return delivered_kw * (cop - 1.0) / cop


def log_mean_k(in_degc: float | Array, out_degc: float | Array) -> Array:
    """Entropic mean absolute temperature (K) of a stream between two temperatures (degC).

    (T_out - T_in) / ln(T_out/T_in), and T itself where both are equal.
    """
    start = np.asarray(in_degc, dtype=np.float64) + KELVIN_AT_0_DEGC
    change = np.asarray(out_degc, dtype=np.float64) - in_degc
    # log1p keeps its digits where the two temperatures are nearly the same.
    ratio = np.log1p(change / start)
    flat = change == 0.0
    return np.where(flat, start, change / np.where(flat, 1.0, ratio))


def carnot_cop(hot_degc: float | Array, cold_degc: float | Array, efficiency_frac: float | Array) -> Array:
    """COP between two constant temperatures (degC): eta T_h / (T_h - T_c).

    NaN where the sink is not the warmer one: no heat pump is needed there.
    """
    hot_k = np.asarray(hot_degc, dtype=np.float64) + KELVIN_AT_0_DEGC
    cold_k = np.asarray(cold_degc, dtype=np.float64) + KELVIN_AT_0_DEGC
    return _cop(hot_k, cold_k, efficiency_frac)


def lorenz_cop(
    sink_in_degc: float | Array,
    sink_out_degc: float | Array,
    source_in_degc: float | Array,
    source_out_degc: float | Array,
    efficiency_frac: float | Array,
) -> Array:
    """COP between two streams that change temperature (degC): Carnot at their log-mean temperatures.

    Lorenz cycle with a second-law efficiency `efficiency_frac`. NaN where the sink is not the
    warmer one.
    """
    hot_k = log_mean_k(sink_in_degc, sink_out_degc)
    cold_k = log_mean_k(source_in_degc, source_out_degc)
    return _cop(hot_k, cold_k, efficiency_frac)


def _cop(hot_k: Array, cold_k: Array, efficiency_frac: float | Array) -> Array:
    lift = np.where(hot_k > cold_k, hot_k - cold_k, np.nan)
    return np.asarray(efficiency_frac * hot_k / lift, dtype=np.float64)
