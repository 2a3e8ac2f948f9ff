"""`onemap match`: who gets what of the sources that parcels share."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from api.progress import bar, say
from gis.citywide import Match, Scenario, match_store
from gis.citywide.files import refuse_filled, write_files
from gis.citywide.scenario import Order
from gis.errors import InputError, UsageError
from gis.matching.columns import EXCLUSIONS
from gis.rules import load_ruleset
from gis.settings import Settings
from gis.store import open_store
from gis.vocabulary import TECHNOLOGY_TITLES


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("match")(match)


def match(
    scenario: Annotated[str, typer.Option(help="Name under which the run is kept.")] = "base",
    order: Annotated[
        Order, typer.Option(help="priority: the statutory order of technologies; cost: cheapest heat first.")
    ] = "priority",
    capacity: Annotated[
        list[str] | None,
        typer.Option(
            help="WHAT=FACTOR changes capacities; WHAT is a technology, a layer, or one source as layer/id. "
            "May be given several times."
        ),
    ] = None,
    reach: Annotated[float, typer.Option(help="Factor on how far sources reach.")] = 1.0,
    out: Annotated[Path | None, typer.Option(help="Write the run into this new folder as well.")] = None,
    rules: Annotated[
        Path | None, typer.Option(help="Folder of a rule set, instead of the built-in one.")
    ] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day whose rules apply; today by default.")
    ] = None,
) -> None:
    """Allocate limited sources to the stored parcels, citywide and exactly, and keep the run.

    Most heat from the technology that comes first, then from the next, then the shortest
    connections; maximum flows certify that no allocation gives more.
    """
    asked = _scenario(scenario, order, capacity or [], reach)
    if out is not None:
        refuse_filled(out)
    ruleset = load_ruleset(rules or "beijing", as_of.date() if as_of else None)
    with open_store(Settings()) as store:
        with bar() as progress:
            found = match_store(store, ruleset, asked, progress)
        files = write_files(found, store.read("parcel"), store.resources(), out) if out else []
    for line in _lines(found):
        say(line, file=sys.stdout)
    if out is not None:
        say(f"written to {out}: {', '.join(f.name for f in files)}", file=sys.stdout)


def _scenario(name: str, order: Order, capacity: list[str], reach: float) -> Scenario:
    factors = {}
    for text in capacity:
        what, separator, factor = text.rpartition("=")
        try:
            factors[what.strip()] = float(factor)
        except ValueError:
            separator = ""
        if not separator:
            raise UsageError(f"--capacity {text!r} is not of the form WHAT=FACTOR.")
    try:
        return Scenario(name, order, factors, reach)
    except InputError as error:
        raise UsageError(str(error)) from error


def _lines(found: Match) -> list[str]:
    """Return what is told of a run on the terminal."""
    told = found.summary
    lines = [
        f"{told['parcel_count']:,} parcels with {told['heat_load_kw'] / 1000:,.1f} MW matched as of "
        f"{found.ruleset.as_of}, scenario {found.scenario.name}:"
    ]
    for row in told["technologies"]:
        zh = TECHNOLOGY_TITLES[row["technology"]][0]
        lines.append(
            f"{row['allocated_kw'] / 1000:>12,.1f} MW {row['heated_area_m2'] / 1e4:>10,.1f} 万m2 "
            f"{row['parcel_count']:>9,} parcels  {row['technology']}  {zh}"
        )
    lines.append(f"{told['unmet_kw'] / 1000:>12,.1f} MW not met")
    lines += _certified(told["certificate"])
    lines += [
        f"{row['rest_kw'] / 1000:>12,.1f} MW left to air source or not met, {row['parcel_count']:,} parcels: "
        f"{row['title']['en']} {row['title']['zh']}"
        for row in told["unmet_reasons"]
        if row["parcel_count"]
    ]
    short = told["shortfall"]
    lines.append(
        f"{short['short_count']:,} of {short['project_count']:,} new projects lack "
        f"{short['short_kw'] / 1000:,.1f} MW for {short['least_share_frac']:.0%} ({short['clause_id']})"
    )
    return lines + _excluded(told["sources"])


def _certified(rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return ["ordered by cost: there is no certificate by technology"]
    lines = []
    for row in rows:
        lost = row["most_kw"] - row["allocated_kw"]
        share = lost / row["most_kw"] if row["most_kw"] else 0.0
        lines.append(
            f"certificate {row['technology']}: at most {row['most_kw'] / 1000:,.3f} MW, "
            f"{row['allocated_kw'] / 1000:,.3f} MW allocated, {share:.4%} lost to the least share"
        )
    return lines


def _excluded(rows: list[dict[str, Any]]) -> list[str]:
    return [
        f"{count:,} of {row['source_count']:,} in {row['source_layer']}: {EXCLUSIONS[reason][1]} "
        f"{EXCLUSIONS[reason][0]}"
        for row in rows
        for reason, count in row["excluded"].items()
    ]
