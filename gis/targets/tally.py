"""The register of projects as arrays: whose area is which technology's, and what ran or is to run when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from gis.vocabulary import TECHNOLOGIES

Flags = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]

UNKNOWN_TECHNOLOGY = len(TECHNOLOGIES)
"""The place of what has no known technology, behind those of the technologies."""


@dataclass(frozen=True, eq=False)
class Tally:
    """Heat projects, one place of every array each.

    Attributes
    ----------
    district
        Names, None where neither the record nor an outline tells one.
    status
        idea, approved, construction, running, ended, or None.
    area_m2
        Heated area; NaN where not known.
    part_frac
        Of shape (projects, technologies + 1): how the area is split; rows add up to 1.
    main
        The place in `TECHNOLOGIES` under which each is counted, `UNKNOWN_TECHNOLOGY` where none is known.
    commissioned, ended, expected
        Days, NaT where not known.
    """

    district: npt.NDArray[np.object_]
    status: npt.NDArray[np.object_]
    area_m2: npt.NDArray[np.float64]
    part_frac: npt.NDArray[np.float64]
    main: npt.NDArray[np.int64]
    commissioned: Days
    ended: Days
    expected: Days

    @property
    def running(self) -> Flags:
        """Those on record as running, whatever their dates say: what GET /api/summary counts too."""
        return self._is("running")

    @property
    def running_undated(self) -> Flags:
        """Those that run since nobody knows when: they are in no year that is over."""
        return self.running & np.isnat(self.commissioned)

    @property
    def ended_undated(self) -> Flags:
        """Those that ended, with the first or the last day unknown: in no year either."""
        return self._is("ended") & (np.isnat(self.commissioned) | np.isnat(self.ended))

    @property
    def ideas(self) -> Flags:
        """Those that are no more than an idea."""
        return self._is("idea")

    @property
    def pipeline(self) -> Flags:
        """Those that are approved or under construction."""
        return self._is("approved", "construction")

    def began_by(self, day: date) -> Flags:
        """Return which are known to have begun to run by the end of a day, and of which the end is known."""
        told = self._is("running") | (self._is("ended") & ~np.isnat(self.ended))
        # A comparison with NaT is false: who has no first day is not known to have run.
        began: Flags = told & (self.commissioned <= np.datetime64(day))
        return began

    def ran_on(self, day: date) -> Flags:
        """Return which are known to have run at the end of a day that is over."""
        return self.began_by(day) & ~(self.ended <= np.datetime64(day))

    def to_run_on(self, day: date, as_of: date) -> Flags:
        """Return which are to run at the end of a day to come, by their dates as `as_of` knows them."""
        last = np.datetime64(day)
        coming = self.pipeline & (self.expected >= np.datetime64(as_of)) & (self.expected <= last)
        return (self.running & ~(self.ended <= last)) | coming

    def expected_in(self, year: int, as_of: date) -> Flags:
        """Return which are expected to start in a year, on `as_of` or later, whatever their status."""
        within = self.expected.astype("datetime64[Y]") == np.datetime64(f"{year:04d}", "Y")
        found: Flags = within & (self.expected >= np.datetime64(as_of))
        return found

    def overdue(self, as_of: date) -> Flags:
        """Return which were expected before `as_of`, whatever their status: that day tells no more."""
        return self.expected < np.datetime64(as_of)

    @property
    def no_expected_day(self) -> Flags:
        """Those without an expected day, whatever their status."""
        return np.isnat(self.expected)

    @property
    def status_unknown(self) -> Flags:
        """Those of which not even the status is known: they are counted nowhere else."""
        return np.array([one is None for one in self.status], dtype=bool)

    def _is(self, *statuses: str) -> Flags:
        return np.isin(self.status.astype(str), statuses)


def tally_of(projects: gpd.GeoDataFrame, outlines: gpd.GeoDataFrame | None) -> Tally:
    """Return the tally of a frame of `heat_project`.

    The area of a project with capacity of several technologies is split by their installed kW; else it is
    that of its technology, or of the one that has capacity where none is named. A project that names no
    district lies in the one of `outlines` (frame of `district`, same CRS) that holds it, if any does.
    """
    part_frac, main = _parts(projects)
    return Tally(
        district=_districts(projects, outlines),
        status=_objects(projects["status"]),
        area_m2=projects["heated_area_m2"].to_numpy(np.float64),
        part_frac=part_frac,
        main=main,
        commissioned=_days(projects["commissioned_on"]),
        ended=_days(projects["ended_on"]),
        expected=_days(projects["expected_on"]),
    )


def _objects(column: pd.Series) -> npt.NDArray[np.object_]:
    values: npt.NDArray[np.object_] = column.to_numpy(dtype=object, copy=True)
    values[pd.isna(values)] = None
    return values


def _days(column: pd.Series) -> Days:
    days: Days = _objects(column).astype("datetime64[D]")
    return days


def _parts(projects: pd.DataFrame) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return the split over technologies, and under which one each project is counted."""
    count, place = len(projects), {name: i for i, name in enumerate(TECHNOLOGIES)}
    kw = np.column_stack([projects[f"{name}_kw"].to_numpy(np.float64) for name in TECHNOLOGIES])
    kw = np.nan_to_num(kw.reshape(count, len(TECHNOLOGIES)), nan=0.0)
    own = np.array([place.get(t, UNKNOWN_TECHNOLOGY) for t in projects["technology"]], dtype=np.int64)
    main = np.where((own == UNKNOWN_TECHNOLOGY) & (kw.sum(axis=1) > 0), kw.argmax(axis=1), own)
    part_frac = np.zeros((count, len(TECHNOLOGIES) + 1))
    part_frac[np.arange(count), main] = 1.0
    several = (kw > 0).sum(axis=1) > 1
    part_frac[several] = 0.0
    part_frac[several, :-1] = kw[several] / kw[several].sum(axis=1, keepdims=True)
    return part_frac, main


def _districts(projects: gpd.GeoDataFrame, outlines: gpd.GeoDataFrame | None) -> npt.NDArray[np.object_]:
    names = _objects(projects["district"])
    nameless = projects.index[[name is None for name in names]]
    if outlines is None or not len(nameless):
        return names
    named = outlines.loc[outlines["name"].notna(), ["name", "geometry"]]
    held = projects.loc[nameless, ["geometry"]].sjoin(named, predicate="covered_by")
    # On the line between two, the first by name, as in GET /api/summary.
    first = held.groupby(level=0)["name"].min()
    filled = pd.Series(names, index=projects.index, dtype=object)
    filled.loc[first.index] = first
    return _objects(filled)
