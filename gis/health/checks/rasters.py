"""Values of a raster."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gis.health.checks.values import TIMES_MEDIAN, range_of
from gis.health.findings import Fault, Outcome, counted
from gis.health.loaded import LoadedRaster, figure


def far_from_median(at: LoadedRaster) -> Outcome | None:
    """Cells that are `TIMES_MEDIAN` times the median of the positive ones, or its inverse."""
    if at.spec.unit == "degC":
        return None
    values = at.raster.values[np.isfinite(at.raster.values) & (at.raster.values > 0)]
    if not len(values):
        return Outcome(0)
    median = float(np.median(values))
    far = (values > median * TIMES_MEDIAN) | (values < median / TIMES_MEDIAN)
    return Outcome(len(values), _faults(at, values[far], {"median": figure(median, at.spec.unit)}))


def out_of_range(at: LoadedRaster) -> Outcome | None:
    """Cells outside of the declared range."""
    return None if at.spec.unit == "degC" else _ranged(at)


def impossible_temperatures(at: LoadedRaster) -> Outcome | None:
    """Temperatures outside of what is physically possible: the declared range."""
    return _ranged(at) if at.spec.unit == "degC" else None


def _ranged(at: LoadedRaster) -> Outcome:
    values = at.raster.values[~np.isnan(at.raster.values)]
    wrong = values[(values < at.spec.minimum) | (values > at.spec.maximum)]
    return Outcome(len(values), _faults(at, wrong, {"range": range_of(at.spec)}))


def _faults(at: LoadedRaster, wrong: npt.NDArray[Any], said: dict[str, object]) -> list[Fault]:
    if not len(wrong):
        return []
    cells = {"features": counted(len(wrong), "像元", "cell")}
    values = {"field": at.spec.title, "example": figure(float(wrong[0]), at.spec.unit), **cells, **said}
    return [Fault(len(wrong), values=values)]
