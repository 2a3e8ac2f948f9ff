"""Measured series of one project brought together: the fullest of every variable, in common steps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gis.evaluation.calendar import Season
from gis.periods import PERIODS, step_h
from gis.store.series import Series

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Amount:
    """What was measured of a variable: the sum of its values, and how many of the hours they cover."""

    total: float | None
    covered_h: float
    possible_h: float

    @property
    def coverage_frac(self) -> float:
        """Return the share of the hours that was measured."""
        return self.covered_h / self.possible_h


@dataclass(frozen=True, eq=False)
class Pairs:
    """Two variables over the steps in which both are known.

    times  when the steps begin
    hours  how long each is
    first  values of the one
    second values of the other
    """

    times: Times
    hours: Floats
    first: Floats
    second: Floats


def hours(series: Series) -> Floats:
    """Return the hours of every step."""
    return step_h(series.period, series.times())


def fullest(found: Iterable[Series], season: Season) -> dict[str, Series]:
    """Return of every variable the series that covers most of a season, then the finest, cut to it."""
    best: dict[str, tuple[float, int, Series]] = {}
    for series in found:
        span = season.in_whole_months() if series.period == "P1M" else season
        cut = series.between(span.start, span.end)
        covered = float(hours(cut)[~np.isnan(cut.values)].sum())
        rank = (covered / span.hours, -PERIODS.index(series.period))
        if covered and (series.variable not in best or rank > best[series.variable][:2]):
            best[series.variable] = (*rank, cut)
    return {variable: cut for variable, (_, _, cut) in best.items()}


def amount(series: Series | None, season: Season) -> Amount:
    """Return what a series comes to; a variable without a value has no total, which is not zero."""
    if series is None:
        return Amount(None, 0.0, season.hours)
    span = season.in_whole_months() if series.period == "P1M" else season
    known = ~np.isnan(series.values)
    total = float(series.values[known].sum()) if known.any() else None
    return Amount(total, float(hours(series)[known].sum()), span.hours)


def pairs(first: Series, second: Series, *, means: tuple[bool, bool] = (False, False)) -> Pairs:
    """Return two variables in the coarser of their steps, where both are known throughout a step.

    `means` says which of them are means over a step; the others are amounts, which add up.
    """
    rank = max(PERIODS.index(first.period), PERIODS.index(second.period))
    one, other = (_coarse(s, rank, mean) for s, mean in zip((first, second), means, strict=True))
    times, here, there = np.intersect1d(one[0], other[0], return_indices=True)
    a, b = one[1][here], other[1][there]
    known = ~np.isnan(a) & ~np.isnan(b)
    return Pairs(times[known], step_h(PERIODS[rank], times)[known], a[known], b[known])


def _coarse(series: Series, rank: int, mean: bool) -> tuple[Times, Floats]:
    """Return times and values of a series in a coarser step; NaN where a part of a step is missing."""
    times = series.times()
    period = PERIODS[rank]
    if series.period == period:
        return times, series.values
    if period == "P1M":
        step = times.astype("datetime64[M]").astype("datetime64[s]")
    else:
        step = times.astype("datetime64[D]" if period == "P1D" else "datetime64[h]").astype("datetime64[s]")
    starts, place = np.unique(step, return_inverse=True)
    # NaN of a part makes the whole NaN; so does a step that the series only holds the end of.
    weight = hours(series)
    sums = np.bincount(place, weights=series.values * (weight if mean else 1.0), minlength=len(starts))
    covered = np.bincount(place, weights=weight, minlength=len(starts))
    whole = step_h(period, starts)
    values = np.where(np.isclose(covered, whole), sums / whole if mean else sums, np.nan)
    return starts, values


@dataclass(frozen=True)
class Gap:
    """Steps without a value on end, from the first of them to the end of the last."""

    first: np.datetime64
    end: np.datetime64

    @property
    def hours(self) -> float:
        """Return its length."""
        return float((self.end - self.first) / np.timedelta64(3600, "s"))


def gaps(series: Series) -> list[Gap]:
    """Return the runs of steps without a value, the longest first, of equal ones the earliest."""
    missing = np.isnan(series.values)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]]).astype(np.int8)))
    times = series.times()
    seconds = np.asarray(hours(series) * 3600.0, dtype="timedelta64[s]")
    found = [Gap(times[i], times[j - 1] + seconds[j - 1]) for i, j in edges.reshape(-1, 2)]
    return sorted(found, key=lambda gap: -gap.hours)


def weighted_mean(values: Series | None, weight: Series | None) -> float | None:
    """Return the mean of a variable weighted by heat; the plain mean where no heat is known beside it."""
    if values is None:
        return None
    known = values.values[~np.isnan(values.values)]
    if weight is not None:
        both = pairs(values, weight, means=(True, False))
        if both.second.sum() > 0.0:
            return float(np.average(both.first, weights=both.second))
    return float(known.mean()) if len(known) else None
