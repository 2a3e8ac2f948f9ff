"""Heating seasons, named by the year in which they begin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from gis.rules.ruleset import EvaluationRules


@dataclass(frozen=True)
class Season:
    """A heating season: its first and last day; `whole_months` where only months were measured."""

    year: int
    first: date
    last: date
    whole_months: bool = False

    @property
    def start(self) -> np.datetime64:
        """Return its first second."""
        return np.datetime64(self.first, "s")

    @property
    def end(self) -> np.datetime64:
        """Return the first second after it."""
        return np.datetime64(self.last + timedelta(days=1), "s")

    @property
    def months(self) -> npt.NDArray[np.datetime64]:
        """Return the months that it touches, datetime64[M]."""
        return np.arange(np.datetime64(self.first, "M"), np.datetime64(self.last, "M") + 1)

    @property
    def hours(self) -> float:
        """Return its length."""
        return float((self.last - self.first).days + 1) * 24.0

    def in_whole_months(self) -> Season:
        """Return the months that it touches, which is all that monthly values tell."""
        after = (self.last.replace(day=28) + timedelta(days=4)).replace(day=1)
        return Season(self.year, self.first.replace(day=1), after - timedelta(days=1), whole_months=True)


def year_from(season: Season) -> Season:
    """Return the twelve whole months that begin with the one in which a season begins."""
    first = season.first.replace(day=1)
    return Season(season.year, first, first.replace(year=first.year + 1) - timedelta(days=1))


def season_of(year: int, district: str | None, rules: EvaluationRules) -> Season:
    """Return the heating season that begins in `year`, in a district where it is known.

    Days are those of `season_days`, wider by `season_wider_d` where the district has a longer season.
    """
    first, last = (day.split("-") for day in rules.texts("season_days"))
    wider = timedelta(days=rules.by_district("season_wider_d").get(district or "", 0.0))
    begins = date(year, int(first[0]), int(first[1])) - wider
    ends = date(year + 1, int(last[0]), int(last[1])) + wider
    return Season(year, begins, ends)
