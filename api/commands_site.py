"""`onemap site`: where new plants, energy stations or wells are worth most."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from api.progress import bar, say
from gis.citywide import SitePlan, Sites, read_places, site_store
from gis.citywide.files import refuse_filled, write_sites
from gis.errors import InputError, UsageError
from gis.matching.columns import SITE_CONDITIONS, SharedTechnology
from gis.rules import load_ruleset
from gis.settings import Settings
from gis.store import open_store


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("site")(site)


Count = Annotated[int, typer.Option(help="How many to choose, at most.")]
Run = Annotated[str, typer.Option(help="Matching run beside whose sources they are built.")]
Kind = Annotated[SharedTechnology, typer.Option(help="What they are, where a place does not tell.")]
Capacity = Annotated[
    float | None,
    typer.Option(help="What each can give; by default what the rules take, of a well one doublet."),
]
Reach = Annotated[float | None, typer.Option(help="How far each reaches; by default as the rules say.")]
Places = Annotated[
    Path | None,
    typer.Option(
        help="File of places (points or polygons; id, name, technology, capacity_kw); "
        "by default a grid over what is not met."
    ),
]
SourceCrs = Annotated[str | None, typer.Option(help="Coordinate system of that file: EPSG:n, gcj02 or bd09.")]
Spacing = Annotated[
    float | None, typer.Option(help="Distance between places of the grid; by default as the rules say.")
]
Out = Annotated[Path | None, typer.Option(help="Write the answer into this new folder as well.")]
Rules = Annotated[Path | None, typer.Option(help="Folder of a rule set, instead of the built-in one.")]
AsOf = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day whose rules apply; today by default.")
]


def site(
    count: Count,
    scenario: Run = "base",
    technology: Kind = "reclaimed_water",
    capacity_kw: Capacity = None,
    reach_m: Reach = None,
    candidates: Places = None,
    source_crs: SourceCrs = None,
    spacing_m: Spacing = None,
    out: Out = None,
    rules: Rules = None,
    as_of: AsOf = None,
) -> None:
    """Choose where new sources are worth most beside all that there is, and keep the answer.

    The best place first, then the best beside it, and so on, with a bound that no other choice can
    exceed. A place where such a source may not stand is left out and says why.
    """
    plan = _plan(count, technology, capacity_kw, reach_m, spacing_m)
    if source_crs is not None and candidates is None:
        raise UsageError("--source-crs is of a file of places: give it with --candidates.")
    if out is not None:
        refuse_filled(out)
    ruleset = load_ruleset(rules or "beijing", as_of.date() if as_of else None)
    if candidates is not None:
        plan = replace(plan, places=read_places(candidates, source_crs))
    with open_store(Settings()) as store, bar() as progress:
        found = site_store(store, ruleset, plan, scenario, progress)
    for line in _lines(found):
        say(line, file=sys.stdout)
    if out is not None:
        files = write_sites(found, out)
        say(f"written to {out}: {', '.join(f.name for f in files)}", file=sys.stdout)


def _plan(
    count: int,
    technology: SharedTechnology,
    capacity_kw: float | None,
    reach_m: float | None,
    spacing_m: float | None,
) -> SitePlan:
    try:
        return SitePlan(count, technology, capacity_kw, reach_m, spacing_m)
    except InputError as error:
        raise UsageError(str(error)) from error


def _lines(found: Sites) -> list[str]:
    """Return what is told of sites on the terminal."""
    told = found.summary
    lines = [
        f"{told['chosen_count']} of {told['candidate_count']:,} places chosen as of {found.ruleset.as_of}, "
        f"scenario {found.scenario.name}:"
    ]
    for row in found.places[found.places["rank"].notna()].to_dict("records"):
        where = " ".join(str(row[name]) for name in ("site_name", "parcel_id") if row[name] is not None)
        needs = f"  ({SITE_CONDITIONS[row['condition']][1]})" if row["condition"] is not None else ""
        lines.append(
            f"{row['rank']:>3.0f}  {row['site_id']}  {row['technology']}  +{row['gain_kw'] / 1000:,.3f} MW  "
            f"{row['allocated_mwh_per_a']:,.0f} MWh/a  {row['heated_area_m2'] / 1e4:,.1f} 万m2  "
            f"{row['parcel_count']:,.0f} parcels  {where}".rstrip()
            + needs
        )
    lines.append(
        f"served by shared sources: {told['served_before_kw'] / 1000:,.3f} MW before, "
        f"{told['served_after_kw'] / 1000:,.3f} MW after, +{told['gain_kw'] / 1000:,.3f} MW"
    )
    lines.append(
        f"no choice of as many gains more than {told['most_gain_kw'] / 1000:,.3f} MW: "
        f"at least {math.floor(told['proven_frac'] * 1000) / 10:.1f} % of the best possible gain"
    )
    if told["end"] is not None:
        lines.append(
            f"fewer than {told['asked_count']}: {told['end']['title']['en']} {told['end']['title']['zh']}"
        )
    lines += [
        f"{row['count']:,} left out: {row['title']['en']} {row['title']['zh']}" for row in told["excluded"]
    ]
    return lines
