"""The ground under a project: the year's balance of heat, and whether its temperature drifts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gis.evaluation.calendar import Season
from gis.evaluation.measured import pairs
from gis.rules.ruleset import EvaluationRules
from gis.store.series import Series

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Balance:
    """Heat of the ground over the twelve months from the one in which a season begins, in kWh.

    coverage_frac  share of the twelve months of which heating and cooling are both known with their
                   electricity: the lesser of the two
    extracted_kwh  heat delivered less the electricity of the same steps
    injected_kwh   cooling delivered and the electricity of the same steps, where no heat was delivered
    beta           injected over extracted, None below the least coverage: half a summer is no balance
    """

    coverage_frac: float
    extracted_kwh: float
    injected_kwh: float | None
    beta: float | None


def balance(year: Mapping[str, Series], whole: Season, least_coverage_frac: float) -> Balance | None:
    """Return the balance of heat of a borehole field; None where heat and electricity are not both known.

    Steps with heat count as heating, others with cooling as cooling: what is known of both halves of the year
    enters, no coefficient is assumed. `year` are the series over the months of `whole` (`year_from`).
    """
    if "heat_kwh" not in year or "electricity_kwh" not in year:
        return None
    heating = pairs(year["heat_kwh"], year["electricity_kwh"])
    on = heating.first > 0.0
    extracted = float((heating.first - heating.second)[on].sum())
    if not on.any() or extracted <= 0.0:
        return None
    if "cooling_kwh" not in year:
        return Balance(0.0, extracted, None, None)
    cooling = pairs(year["cooling_kwh"], year["electricity_kwh"])
    cold = (cooling.first > 0.0) & ~np.isin(cooling.times, heating.times[on])
    injected = float((cooling.first + cooling.second)[cold].sum())
    covered = float(min(heating.hours.sum(), cooling.hours.sum())) / whole.hours
    return Balance(
        covered, extracted, injected, injected / extracted if covered >= least_coverage_frac else None
    )


@dataclass(frozen=True)
class Drift:
    """How the temperature from the ground changes from season to season.

    seasons         years in which the seasons begin
    means_degc      mean temperature from the ground of each, at the mean load of all
    slope_k_per_a   change a year by least squares; None of a single season
    error_k_per_a   its standard error; None of fewer than three
    significant     whether it is beyond the rules' significance; None where seasons are too few to say
    """

    seasons: tuple[int, ...]
    means_degc: tuple[float, ...]
    slope_k_per_a: float | None
    error_k_per_a: float | None
    significant: bool | None


def drift(by_season: Mapping[int, tuple[Series, Series]], rules: EvaluationRules) -> Drift | None:
    """Return the drift of the temperature from the ground at like load.

    `by_season` holds, by the year in which it begins, a season's temperature from the ground (degC) and heat
    (kWh). Seasons share one slope over the load, so that a colder winter is not taken for a colder ground.
    """
    years, temperature, load = [], [], []
    for year, (degc, heat) in sorted(by_season.items()):
        both = pairs(degc, heat, means=(True, False))
        running = both.second > 0.0
        if running.any():
            years.append(np.full(int(running.sum()), year))
            temperature.append(both.first[running])
            load.append(both.second[running] / both.hours[running])
    if not years:
        return None
    of, t, kw = np.concatenate(years), np.concatenate(temperature), np.concatenate(load)
    seasons, place = np.unique(of, return_inverse=True)
    means = _adjusted(t, kw, place, len(seasons))
    told = tuple(int(s) for s in seasons), tuple(float(m) for m in means)
    if len(seasons) < 2:
        return Drift(*told, None, None, None)
    slope, error = _line(seasons.astype(np.float64), means)
    enough = len(seasons) >= rules.number("drift_seasons_count") and error is not None
    beyond = enough and error is not None and abs(slope) > rules.number("drift_significance") * error
    return Drift(*told, slope, error, bool(beyond) if enough else None)


def _adjusted(t: Floats, kw: Floats, place: npt.NDArray[np.int64], count: int) -> Floats:
    """Return the mean of every season at the mean load of all."""
    sizes = np.bincount(place, minlength=count)
    mean_t = np.bincount(place, weights=t, minlength=count) / sizes
    mean_kw = np.bincount(place, weights=kw, minlength=count) / sizes
    within_t, within_kw = t - mean_t[place], kw - mean_kw[place]
    spread = float((within_kw**2).sum())
    per_kw = float((within_kw * within_t).sum()) / spread if spread > 0.0 else 0.0
    return np.asarray(mean_t + per_kw * (kw.mean() - mean_kw))


def _line(x: Floats, y: Floats) -> tuple[float, float | None]:
    """Return slope and standard error of a straight line by least squares."""
    spread = float(((x - x.mean()) ** 2).sum())
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread
    if len(x) < 3:
        return slope, None
    rest = y - y.mean() - slope * (x - x.mean())
    return slope, float(np.sqrt((rest**2).sum() / (len(x) - 2) / spread))
