"""`onemap targets`: how far the city is on the way to its targets of 2025 and 2030."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from api.progress import say, say_json
from gis.runs import ruleset_of
from gis.settings import Settings
from gis.store import open_store
from gis.targets import Areas, Progress, Target, check_ending, read_progress, write_progress
from gis.vocabulary import TECHNOLOGY_TITLES


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(targets)


def targets(
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The register at the end of a day (UTC+8); now by default."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the table by year, district and technology to this .csv or .xlsx file."),
    ] = None,
) -> None:
    """Tell heated area and share of new energy by year against the targets of 2025 and 2030.

    Projects run from their first day on record; those without one are told apart, as are unknown areas.
    """
    if out is not None:
        check_ending(out)
    with open_store(Settings()) as store:
        day = as_of.date() if as_of else None
        found = read_progress(store, lambda run: ruleset_of(store, run), day)
    if out is not None:
        write_progress(found, out)
    if as_json:
        say_json(found)
        return
    for line in _lines(found):
        say(line, file=sys.stdout)
    if out is not None:
        say(f"{len(found.rows):,} rows are written to {out}", file=sys.stdout)


def _lines(found: Progress) -> Iterator[str]:
    yield f"heat_project v{found.version} as of {found.as_of}, rules of {found.rules['as_of']}:"
    for year in found.years:
        yield (
            f"{year.on}  {year.basis:8} {_area(year.areas.counted_area_m2)}  {_share(year.share_frac)}"
            f"  without air source {_area(year.areas.without_air_area_m2)}"
            f"  {_share(year.share_without_air_frac)}{_unknown(year.areas)}"
        )
        if year.basis == "present":
            for part in year.areas.technologies:
                title = TECHNOLOGY_TITLES[part.technology][0] if part.technology else "技术未知"
                yield f"{_area(part.heated_area_m2):>30}  {part.technology or 'not known'} {title}"
    for target in found.targets:
        yield from _told(target)
    apart = {
        "running since an unknown day": found.running_undated,
        "ended, a day unknown": found.ended_undated,
        "of unknown status": found.status_unknown,
        "approved or under construction, overdue": found.pipeline.overdue,
        "approved or under construction, no expected day": found.pipeline.undated,
    }
    for name, areas in apart.items():
        if areas.project_count:
            told = f"{areas.project_count:,} projects {name}: {_area(areas.heated_area_m2).strip()}"
            yield told + _unknown(areas)


def _told(target: Target) -> Iterator[str]:
    of = "none on record" if target.city_area is None else f"{target.city_area.valid_from}"
    yield (
        f"target {target.year} ({target.clause_id}): {_area(target.needed_area_m2).strip()}, "
        f"{target.share_frac:.0%} of the city's heated area (figure of {of}); "
        f"{_area(target.gap_m2).strip()} lacking, "
        f"{_area(target.gap_without_air_m2).strip()} without air source"
    )


def _area(m2: float | None) -> str:
    return f"{'not known':>12}      " if m2 is None else f"{m2 / 1e4:>12,.1f} 万m2"


def _share(frac: float | None) -> str:
    return "share not known" if frac is None else f"{frac:7.2%}"


def _unknown(areas: Areas) -> str:
    count = areas.unknown_area_count
    return f"  ({count:,} of {areas.project_count:,} projects without an area)" if count else ""
