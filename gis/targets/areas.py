"""Heated area of a choice of projects: by technology, and by district and technology."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gis.targets.tally import UNKNOWN_TECHNOLOGY, Flags, Tally
from gis.vocabulary import TECHNOLOGIES, Technology

Basis = Literal[
    "running", "running_undated", "ended_undated",
    "pipeline", "pipeline_overdue", "pipeline_undated", "idea", "idea_overdue", "idea_undated",
]  # fmt: skip
"""What a row tells of: projects running at the end of a year, or those expected to start in one."""

_AIR = TECHNOLOGIES.index("air_source")
_NAMES: tuple[Technology | None, ...] = (*TECHNOLOGIES, None)


@dataclass(frozen=True)
class Part:
    """What one technology has of an area; `technology` is None where none is known.

    A project is counted under its main technology, though others may have a part of its area. An area is
    None where projects are counted of which none is known to have any.
    """

    technology: Technology | None
    heated_area_m2: float | None
    project_count: int
    unknown_area_count: int


@dataclass(frozen=True)
class Areas:
    """Heated area in m2 of a choice of projects, None where there are projects and no area is known.

    `heated_area_m2` is all of it, `counted_area_m2` with air source at the part that counts as new energy
    (P1309-6.2), `without_air_area_m2` with none of air source. `unknown_area_count` projects are not in
    them. `technologies` has those that any project has, in the policy's order.
    """

    heated_area_m2: float | None
    counted_area_m2: float | None
    without_air_area_m2: float | None
    project_count: int
    unknown_area_count: int
    technologies: tuple[Part, ...]


@dataclass(frozen=True)
class Row:
    """One line of the long table: what a technology has in a district, on one basis, in one year.

    `year` is None on a basis without days; district and technology are None where they are not known.
    """

    basis: Basis
    year: int | None
    district: str | None
    technology: Technology | None
    heated_area_m2: float | None
    project_count: int
    unknown_area_count: int


def areas_of(tally: Tally, chosen: Flags, counted_frac: float) -> Areas:
    """Return what the chosen projects have; `counted_frac` is the part of air source that counts."""
    parts = _parts(tally, chosen)
    count, unknown = int(chosen.sum()), int(np.isnan(tally.area_m2[chosen]).sum())
    if count and count == unknown:
        return Areas(None, None, None, count, unknown, parts)
    area = np.nansum(tally.area_m2[chosen, None] * tally.part_frac[chosen], axis=0)
    without = float(np.delete(area, _AIR).sum())
    air = float(area[_AIR])
    return Areas(without + air, without + counted_frac * air, without, count, unknown, parts)


def rows_of(tally: Tally, chosen: Flags, basis: Basis, year: int | None) -> Iterator[Row]:
    """Yield the rows of the chosen projects, by district (unknown last) and technology."""
    names = {name for name in tally.district[chosen] if name is not None}
    for name in (*sorted(names), None):
        here = chosen & np.array([one == name for one in tally.district], dtype=bool)
        for part in _parts(tally, here):
            yield Row(
                basis,
                year,
                name,
                part.technology,
                part.heated_area_m2,
                part.project_count,
                part.unknown_area_count,
            )


def _parts(tally: Tally, chosen: Flags) -> tuple[Part, ...]:
    area_m2, part_frac, main = tally.area_m2[chosen], tally.part_frac[chosen], tally.main[chosen]
    unknown = np.isnan(area_m2)
    sums = np.nansum(area_m2[:, None] * part_frac, axis=0)
    has = (part_frac > 0) & ~unknown[:, None]
    counts = np.bincount(main, minlength=UNKNOWN_TECHNOLOGY + 1)
    unknowns = np.bincount(main[unknown], minlength=UNKNOWN_TECHNOLOGY + 1)
    return tuple(
        Part(name, float(sums[i]) if has[:, i].any() else None, int(counts[i]), int(unknowns[i]))
        for i, name in enumerate(_NAMES)
        if counts[i] or has[:, i].any()
    )
