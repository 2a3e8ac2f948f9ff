"""`onemap project evaluate` and `sheet`: a measured season of a project."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import typer

from api.progress import say, say_json
from gis.errors import UsageError
from gis.evaluation.document import evaluation_of
from gis.evaluation.ranking import with_ranking
from gis.periods import BEIJING_TIME
from gis.report import SheetForm, sheet_of
from gis.settings import Settings
from gis.store import open_store
from gis.store.rulesets import ruleset_of
from gis.wording import Language
from gis.writing import write_file

ProjectId = Annotated[str, typer.Argument(help="Id of the project.")]
SeasonYear = Annotated[
    int | None, typer.Option("--season", help="Year in which the season begins; the last one measured.")
]
Lang = Annotated[Language, typer.Option(help="Language of the texts.")]


def register(group: typer.Typer) -> None:
    """Add the commands of this module to `onemap project`."""
    group.command()(evaluate)
    group.command()(sheet)


def _told(project_id: str, season: int | None) -> dict[str, Any]:
    with open_store(Settings()) as store, store.engine.connect() as connection:
        ruleset = with_ranking(ruleset_of(store, store.latest_run()))
        return evaluation_of(connection, project_id, season, ruleset)


def evaluate(
    project_id: ProjectId,
    season: SeasonYear = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole document as JSON.")] = False,
    lang: Lang = "zh",
) -> None:
    """Evaluate a heating season of a project from what was measured."""
    told = _told(project_id, season)
    if as_json:
        say_json(told)
        return
    cop = told["cop"]["value"]
    say(f"{told['heat_project_id']}  {told['from']} – {told['to']}", file=sys.stdout)
    say(f"COP  {'—' if cop is None else f'{cop:.2f}'}  ({told['cop']['paired_h']:,.0f} h)", file=sys.stdout)
    for check in told["checks"]:
        say(f"  {check['result']:8} {check[lang]} [{check['clause_id']}]", file=sys.stdout)


def sheet(
    project_id: ProjectId,
    out: Annotated[Path, typer.Option(help="File to write: .pdf, .html or .csv.")],
    season: SeasonYear = None,
    lang: Lang = "zh",
) -> None:
    """Write the post-evaluation sheet of a project and season."""
    ending = out.suffix.lower().removeprefix(".")
    if ending not in get_args(SheetForm):
        raise UsageError(f"--out {out} is no .pdf, .html or .csv file.")
    told, today = _told(project_id, season), datetime.now(BEIJING_TIME).date()
    write_file(out, sheet_of(told, cast(SheetForm, ending), today, lang))
    say(f"Sheet of {project_id}, season {told['season']}, written to {out}", file=sys.stdout)
