"""Values of single steps gathered into months, and what a delivery changes in months that are held."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gis.monitoring.pieces import Taken
from gis.periods import STEP_S, Period, first_second

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_MOST_MONTHS = 4096
_LONGEST_MONTH_S = 31 * 86400


@dataclass(frozen=True, eq=False)
class Months:
    """Months of some features, side by side.

    features  (month,) place of the feature
    months    (month,) datetime64[M]
    values    (month, step) NaN where nothing was delivered; steps after the end of a month are NaN too
    at        (row,) places in the delivered values
    month_of  (row,) which of the months it lies in
    step_of   (row,) which step of it
    """

    features: Ints
    months: npt.NDArray[np.datetime64]
    values: Floats
    at: Ints
    month_of: Ints
    step_of: Ints


@dataclass(frozen=True, eq=False)
class Merged:
    """What months come to with what was delivered.

    values    (month, step) as they are from now on
    replaced  (month, step) what stood where a value was corrected, else NaN
    changed   (month,) whether anything is new
    """

    values: Floats
    replaced: Floats
    changed: Flags
    new_count: int
    same_count: int
    corrected_count: int


def gathered(taken: Taken, period: Period) -> Iterator[Months]:
    """Yield the months of values, some thousand at a time; of one step the first value counts."""
    if not len(taken.values):
        return
    months = taken.seconds.astype("datetime64[s]").astype("datetime64[M]")
    number = months.astype(np.int64)
    step = np.zeros(len(number), dtype=np.int64)
    if period != "P1M":
        step = (taken.seconds - first_second(months)) // STEP_S[period]
    width = 1 if period == "P1M" else _LONGEST_MONTH_S // STEP_S[period]
    code = taken.features * (number.max() + 1) + number
    order = np.arange(len(code))
    if (np.diff(code) < 0).any():
        order = np.argsort(code, kind="stable")
        code = code[order]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(code) != 0]))
    bounds = np.append(starts, len(code))
    for first in range(0, len(starts), _MOST_MONTHS):
        last = min(first + _MOST_MONTHS, len(starts))
        here = slice(bounds[first], bounds[last])
        at = order[here]
        month_of = np.repeat(np.arange(last - first), np.diff(bounds[first : last + 1]))
        values = np.full((last - first, width), np.nan)
        # Backwards, so that of several values of one step the first is written last. Views that only run
        # backwards would not do: NumPy goes through memory in the order that suits it.
        back = at[::-1].copy()
        values[month_of[::-1].copy(), step[back]] = taken.values[back]
        heads = order[starts[first:last]]
        yield Months(taken.features[heads], months[heads], values, at, month_of, step[at])


def merged(delivered: Floats, held: Floats, seen: Flags) -> Merged:
    """Return what held months come to with what was delivered; all are (month, step).

    `seen` are steps of which the same delivery gave a value before: another one is not taken.
    """
    given, known = ~np.isnan(delivered), ~np.isnan(held)
    differs = given & known & (delivered != held)
    contradicts = differs & seen
    corrected, new = differs & ~seen, given & ~known
    values = np.where(given & ~contradicts, delivered, held)
    return Merged(
        values,
        np.where(corrected, held, np.nan),
        (corrected | new).any(axis=1),
        int(new.sum()),
        int((given & known & ~differs & ~seen).sum()),
        int(corrected.sum()),
    )
