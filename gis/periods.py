"""Beijing time, steps of measured series and the calendar months they lie in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

BEIJING_TIME = dt.timezone(dt.timedelta(hours=8))
"""UTC+8 all the year round, also for the summers of 1986 to 1991: times without a zone are in it."""

Period = Literal["PT15M", "PT1H", "P1D", "P1M"]
"""Steps in which values are measured, as ISO 8601 durations."""
PERIODS: tuple[Period, ...] = get_args(Period)

STEP_S: Mapping[Period, int] = MappingProxyType({"PT15M": 900, "PT1H": 3600, "P1D": 86400})
"""Seconds of a step; a month has no fixed length."""

Months = npt.NDArray[np.datetime64]
Seconds = npt.NDArray[np.int64]


def first_second(months: Months) -> Seconds:
    """Return the seconds since 1970 at which months (datetime64[M]) begin."""
    return months.astype("datetime64[M]").astype("datetime64[s]").astype(np.int64)


def hours_of(months: Months) -> npt.NDArray[np.float64]:
    """Return the hours of months (datetime64[M])."""
    whole = months.astype("datetime64[M]")
    return (first_second(whole + 1) - first_second(whole)) / 3600.0


def step_count(period: Period, month: np.datetime64) -> int:
    """Return the number of steps in a month."""
    if period == "P1M":
        return 1
    return int(hours_of(np.array([month]))[0] * 3600) // STEP_S[period]


def step_h(period: Period, months: Months) -> npt.NDArray[np.float64]:
    """Return the hours of one step in each of some months."""
    return hours_of(months) if period == "P1M" else np.full(len(months), STEP_S[period] / 3600.0)
