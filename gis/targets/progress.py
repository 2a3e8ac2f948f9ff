"""What runs, what is to come, and what the targets of 2025 and 2030 still lack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import numpy as np

from gis.errors import InputError, NotFoundError
from gis.periods import BEIJING_TIME
from gis.rules import RuleSet
from gis.rules.ruleset import ParameterValue
from gis.store import Moment, Past, RunRecord, Store, when
from gis.targets.areas import Areas, Basis, Row, areas_of, rows_of
from gis.targets.denominators import CityArea, city_areas, in_force
from gis.targets.tally import Flags, Tally, tally_of

FIRST_TARGET, LAST_TARGET = 2025, 2030
MOST_YEARS = 30
"""So many years before the day are told of; what ran before is in the first of them."""
YearBasis = Literal["past", "present", "forecast"]
_LAYER, _OUTLINES = "heat_project", "district"


@dataclass(frozen=True)
class Year:
    """What ran at the end of a year that is over, or runs `on` the day itself, or is to run later.

    Shares are over `city_area`, the figure in force on that day; None before the first such figure.
    """

    year: int
    on: date
    basis: YearBasis
    areas: Areas
    city_area: CityArea | None
    share_frac: float | None
    share_without_air_frac: float | None


@dataclass(frozen=True)
class Target:
    """What is to be reached by the end of a year, and what is or will be there by then.

    `area_m2` and `share_frac` are those that the policy names, None where it names none; `needed_area_m2`
    is the greater of the area and of the share of the city's area, None where neither is known. `reached`
    is what ran at the end of a year that is over, or what is to run then. The gaps are what is left of the
    need, below zero where there is more. `undated` are projects that may belong to it, but no day tells.
    """

    year: int
    basis: Literal["past", "forecast"]
    area_m2: float | None
    share_frac: float
    clause_id: str | None
    city_area: CityArea | None
    needed_area_m2: float | None
    reached: Areas
    reached_share_frac: float | None
    reached_share_without_air_frac: float | None
    gap_m2: float | None
    gap_without_air_m2: float | None
    undated: Areas


@dataclass(frozen=True)
class Expected:
    """What is expected to start in a year."""

    year: int
    areas: Areas


@dataclass(frozen=True)
class Pipeline:
    """Projects of one kind that do not run yet; those with a day to come are in `years`."""

    years: tuple[Expected, ...]
    overdue: Areas
    undated: Areas


@dataclass(frozen=True)
class Progress:
    """How far the city is on the way to its targets on a day.

    Attributes
    ----------
    as_of
        The day; the register is that of its end.
    version, loaded_at
        Of the layer `heat_project`.
    rules
        What names the rule set: id, as_of, hash.
    air_source_counted_frac
        The part of air source that counts as new energy (P1309-6.2).
    years
        Past years, the day itself, and the years up to the last target.
    targets
        Those of 2025 and 2030.
    running_undated, ended_undated, status_unknown
        Projects that are in no year that is over, as their days are not known, and those of unknown status.
    pipeline, ideas
        Projects approved or under construction, and mere ideas, which no forecast counts.
    rows
        The same by district; those of the present year hold what `running_undated` tells apart once more.
    """

    as_of: date
    version: int
    loaded_at: datetime
    rules: dict[str, str]
    air_source_counted_frac: float
    city_areas: tuple[CityArea, ...]
    years: tuple[Year, ...]
    targets: tuple[Target, ...]
    running_undated: Areas
    ended_undated: Areas
    status_unknown: Areas
    pipeline: Pipeline
    ideas: Pipeline
    rows: tuple[Row, ...]


def read_progress(
    store: Store,
    rules_of: Callable[[RunRecord | None], RuleSet],
    as_of: date | None = None,
    *,
    outlines: bool = True,
) -> Progress:
    """Return the progress as the register tells it now, or at the end of a day in Beijing time.

    `rules_of` gives the rule set behind a run. Without `outlines` projects that name no district have none.
    Raises InputError for a day to come, and NotFoundError where the layer was not loaded, what it was is
    not kept, or the rules have no targets.
    """
    today = datetime.now(BEIJING_TIME).date()
    if as_of is None or as_of == today:
        with store.moment() as moment:
            return _read(moment, today, rules_of, outlines)
    if as_of > today:
        raise InputError(f"as_of={as_of} is a day to come; give one up to {today}.")
    at = when(as_of.isoformat())
    with store.past(at) as past:
        return _read(past, as_of, rules_of, outlines)


def _read(
    seen: Moment | Past, day: date, rules_of: Callable[[RunRecord | None], RuleSet], outlines: bool
) -> Progress:
    if _LAYER not in seen.versions:
        raise NotFoundError(
            f"The layer {_LAYER} was not loaded on {day}; `onemap import {_LAYER} FILE` does it."
        )
    districts = seen.layer(_OUTLINES) if outlines and _OUTLINES in seen.versions else None
    version = seen.versions[_LAYER]
    tally = tally_of(seen.layer(_LAYER), districts)
    return progress_of(tally, rules_of(seen.run), day, version.version, version.loaded_at)


def progress_of(tally: Tally, ruleset: RuleSet, as_of: date, version: int, loaded_at: datetime) -> Progress:
    """Return the progress that a tally tells on a day; `version` and `loaded_at` are of its layer."""
    counted = _parameter(ruleset, "air_source_counted_frac").number()

    def areas(chosen: Flags) -> Areas:
        return areas_of(tally, chosen, counted)

    def later(chosen: Flags) -> Pipeline:
        years = tuple(
            Expected(year, areas(chosen & tally.expected_in(year, as_of)))
            for year in _expected_years(tally, chosen, as_of)
        )
        return Pipeline(years, areas(chosen & tally.overdue(as_of)), areas(chosen & tally.no_expected_day))

    figures = city_areas(ruleset)
    years = tuple(_year(year, tally, figures, as_of, areas) for year in _years(tally, as_of))
    return Progress(
        as_of=as_of,
        version=version,
        loaded_at=loaded_at,
        rules=ruleset.told(),
        air_source_counted_frac=counted,
        city_areas=figures,
        years=years,
        targets=tuple(_target(year, tally, ruleset, as_of, areas) for year in (FIRST_TARGET, LAST_TARGET)),
        running_undated=areas(tally.running_undated),
        ended_undated=areas(tally.ended_undated),
        status_unknown=areas(tally.status_unknown),
        pipeline=later(tally.pipeline),
        ideas=later(tally.ideas),
        rows=tuple(_rows(tally, years, as_of)),
    )


def _parameter(ruleset: RuleSet, name: str) -> ParameterValue:
    found = ruleset.portfolio.parameters.get(name)
    if found is None:
        raise NotFoundError(
            f"The rule set {ruleset.id} has no parameter {name} in portfolio.yaml: "
            "there is no target to hold the register against."
        )
    return found


def _last_day(year: int) -> date:
    return date(year, 12, 31)


def _years(tally: Tally, as_of: date) -> range:
    known = tally.commissioned[tally.began_by(as_of)]
    first = int(known.min().astype("datetime64[Y]").astype(int)) + 1970 if len(known) else as_of.year
    return range(
        max(min(first, FIRST_TARGET, as_of.year), as_of.year - MOST_YEARS), max(as_of.year, LAST_TARGET) + 1
    )


def _expected_years(tally: Tally, chosen: Flags, as_of: date) -> list[int]:
    days = tally.expected[chosen & (tally.expected >= np.datetime64(as_of))]
    return [int(year) + 1970 for year in np.unique(days.astype("datetime64[Y]").astype(int))]


def _of_year(tally: Tally, year: int, as_of: date) -> tuple[date, YearBasis, Flags]:
    """Return the day that a year is told of, on what, and the projects of it."""
    if year < as_of.year:
        return _last_day(year), "past", tally.ran_on(_last_day(year))
    if year == as_of.year:
        return as_of, "present", tally.running
    return _last_day(year), "forecast", tally.to_run_on(_last_day(year), as_of)


def _year(
    year: int, tally: Tally, figures: tuple[CityArea, ...], as_of: date, areas: Callable[[Flags], Areas]
) -> Year:
    day, basis, chosen = _of_year(tally, year, as_of)
    found, city = areas(chosen), in_force(figures, day)
    shares = (_over(found.counted_area_m2, city), _over(found.without_air_area_m2, city))
    return Year(year, day, basis, found, city, *shares)


def _over(area_m2: float | None, city: CityArea | None) -> float | None:
    return None if area_m2 is None or city is None else area_m2 / city.heated_area_m2


def _target(
    year: int,
    tally: Tally,
    ruleset: RuleSet,
    as_of: date,
    areas: Callable[[Flags], Areas],
) -> Target:
    day, past = _last_day(year), year < as_of.year
    share = _parameter(ruleset, f"target_{year}_share_frac")
    named = ruleset.portfolio.parameters.get(f"target_{year}_area_m2")
    area_m2 = None if named is None else named.number()
    city = in_force(city_areas(ruleset), day)
    needs = [area_m2, None if city is None else share.number() * city.heated_area_m2]
    needed = max((one for one in needs if one is not None), default=None)
    unsure = tally.running_undated | tally.ended_undated
    if not past:
        unsure = tally.pipeline & (tally.overdue(as_of) | tally.no_expected_day)
    found = areas(tally.ran_on(day) if past else tally.to_run_on(day, as_of))
    return Target(
        year=year,
        basis="past" if past else "forecast",
        area_m2=area_m2,
        share_frac=share.number(),
        clause_id=share.source.clause,
        city_area=city,
        needed_area_m2=needed,
        reached=found,
        reached_share_frac=_over(found.counted_area_m2, city),
        reached_share_without_air_frac=_over(found.without_air_area_m2, city),
        gap_m2=_gap(needed, found.counted_area_m2),
        gap_without_air_m2=_gap(needed, found.without_air_area_m2),
        undated=areas(unsure),
    )


def _gap(needed_m2: float | None, reached_m2: float | None) -> float | None:
    return None if needed_m2 is None or reached_m2 is None else needed_m2 - reached_m2


def _rows(tally: Tally, years: tuple[Year, ...], as_of: date) -> Iterator[Row]:
    for year in years:
        if year.basis != "forecast":
            yield from rows_of(tally, _of_year(tally, year.year, as_of)[2], "running", year.year)
    yield from rows_of(tally, tally.running_undated, "running_undated", None)
    yield from rows_of(tally, tally.ended_undated, "ended_undated", None)
    overdue, no_day = tally.overdue(as_of), tally.no_expected_day
    kinds: tuple[tuple[Flags, tuple[Basis, Basis, Basis]], ...] = (
        (tally.pipeline, ("pipeline", "pipeline_overdue", "pipeline_undated")),
        (tally.ideas, ("idea", "idea_overdue", "idea_undated")),
    )
    for chosen, (dated, late, undated) in kinds:
        for one in _expected_years(tally, chosen, as_of):
            yield from rows_of(tally, chosen & tally.expected_in(one, as_of), dated, one)
        yield from rows_of(tally, chosen & overdue, late, None)
        yield from rows_of(tally, chosen & no_day, undated, None)
