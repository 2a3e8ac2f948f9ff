"""Heat and cooling demand of a parcel, and the load-duration curve of its heating season."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gis.compiled import compiled
from gis.heat.constants import HOURS_PER_DAY, Array

# Daily mean at which heating begins and ends: part of the load-duration formula.
HEATING_STARTS_DEGC = 5.0


@dataclass(frozen=True)
class Climate:
    """A heating season and its load-duration curve.

    Non-dimensional form for Chinese cities (He and Sun): q = 1 for N <= peak_d, then
    q = 1 - b0 R^b with R = (N - peak_d)/(N_h - peak_d), b = (5 - mu t_m)/(mu t_m - t_w),
    mu = N_h/(N_h - peak_d), b0 = (5 - t_w)/(t_i - t_w); q is load over design load.
    `season_d` (N_h, days) may hold one season per parcel; temperatures in degC.
    """

    season_d: float | Array
    indoor_degc: float
    mean_outdoor_degc: float
    design_outdoor_degc: float
    peak_d: float

    @property
    def exponent(self) -> float | Array:
        """The exponent b of the curve."""
        mean = self.season_d / (self.season_d - self.peak_d) * self.mean_outdoor_degc
        return (HEATING_STARTS_DEGC - mean) / (mean - self.design_outdoor_degc)

    @property
    def b0(self) -> float:
        """The depth b0 of the curve: one less the load at the season's end."""
        return (HEATING_STARTS_DEGC - self.design_outdoor_degc) / (
            self.indoor_degc - self.design_outdoor_degc
        )

    @property
    def load_factor(self) -> float | Array:
        """Mean load of the season over the design load."""
        tail_d = (self.season_d - self.peak_d) * (1.0 - self.b0 / (self.exponent + 1.0))
        return (self.peak_d + tail_d) / self.season_d

    @property
    def full_load_h(self) -> float | Array:
        """Hours at the design load that give the heat under the curve."""
        return self.load_factor * self.season_d * HOURS_PER_DAY

    def curve(self) -> tuple[Array, float, float, Array, Array]:
        """Return season (d), days at the peak, b0, exponent and full days; arrays of one or one a parcel."""
        season_d = np.atleast_1d(np.asarray(self.season_d, dtype=np.float64))
        whole = replace(self, season_d=season_d)
        exponent, total_d = np.asarray(whole.exponent), np.asarray(whole.load_factor * season_d)
        return season_d, self.peak_d, self.b0, exponent, total_d


def heat_load_kw(heated_area_m2: Array, heat_index_w_per_m2: Array) -> Array:
    """Design heat load in kW: heated area (m2) times the area heat index (W/m2).

    Source: CJJ 34, area heat index method. Also the cooling load, by its own index.
    """
    return heated_area_m2 * heat_index_w_per_m2 / 1000.0


def full_load_hours(
    season_d: float | Array, indoor_degc: float, mean_outdoor_degc: float, design_outdoor_degc: float
) -> float | Array:
    """Hours at full load that give the season's heat; one season or one per parcel.

    Q_a = 0.0864 N Q_h (t_i - t_a)/(t_i - t_o) GJ with Q_h in kW is Q_h times
    24 N (t_i - t_a)/(t_i - t_o) hours. Source: CJJ 34, annual heat of heating.
    """
    share = (indoor_degc - mean_outdoor_degc) / (indoor_degc - design_outdoor_degc)
    return season_d * HOURS_PER_DAY * share


def annual_mwh(load_kw: Array, hours: float | Array) -> Array:
    """Annual energy in MWh of a design load (kW) over its full-load hours."""
    return load_kw * hours / 1000.0


def coverage_frac(share: float | Array, climate: Climate, *, actual_peak_frac: float) -> Array:
    """Share of the season's heat that a base load of `share` of the design load covers.

    The area below the load-duration curve of `climate` cut at `share`. Buildings rarely reach
    the design index: with a real peak of `actual_peak_frac` of it the curve shrinks by that
    factor, and the same plant covers more. NaN stays NaN; 0 below 0, 1 above the real peak.
    """
    shape = np.shape(share)
    x = np.ascontiguousarray(share, dtype=np.float64).ravel() / actual_peak_frac
    covered = np.empty(x.size)
    _covered(x, *climate.curve(), covered)
    return covered.reshape(shape)


@compiled
def covered_frac(
    x: float, season_d: float, peak_d: float, b0: float, exponent: float, total_d: float
) -> float:
    """Share of the season's heat below the load-duration curve cut at the share `x` of the real peak."""
    if x >= 1.0:
        return 1.0
    if x <= 1.0 - b0:
        # Below the load of the season's end the base load always runs, which needs no power.
        return max(x, 0.0) * (season_d / total_d)
    rest_d = season_d - peak_d
    cut_power = (1.0 - x) / b0
    cut = cut_power ** (1.0 / exponent)
    tail_d = rest_d * ((1.0 - cut) - b0 * (1.0 - cut * cut_power) / (exponent + 1.0))
    return float((x * (peak_d + rest_d * cut) + tail_d) / total_d)


@compiled
def _covered(
    x: Array, season_d: Array, peak_d: float, b0: float, exponent: Array, total_d: Array, covered: Array
) -> None:
    # One season for all, or one a parcel with the parcels last.
    seasons = len(season_d)
    for i in range(len(x)):
        k = i % seasons
        covered[i] = covered_frac(x[i], season_d[k], peak_d, b0, exponent[k], total_d[k])


def outdoor_bins(climate: Climate, count: int) -> tuple[Array, Array]:
    """Cut the season into `count` parts of equal length, coldest first.

    Returns the mean outdoor temperature (degC) that the load-duration curve implies in each,
    by q = (t_i - t_o)/(t_i - t_design), and the share of the season's heat in each (sum 1).
    Shapes (count,), or (count, n) with one season per parcel.
    """
    season_d = np.asarray(climate.season_d, dtype=np.float64)
    edges = np.linspace(0.0, 1.0, count + 1).reshape(-1, *(1,) * season_d.ndim) * season_d
    rest_d = season_d - climate.peak_d
    r = np.maximum(edges - climate.peak_d, 0.0) / rest_d
    heat_d = edges - climate.b0 * rest_d * r ** (climate.exponent + 1.0) / (climate.exponent + 1.0)
    part_d = np.diff(heat_d, axis=0)
    load = part_d * count / season_d
    outdoor_degc = climate.indoor_degc - load * (climate.indoor_degc - climate.design_outdoor_degc)
    return outdoor_degc, part_d / heat_d[-1]
