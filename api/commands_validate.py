"""`onemap validate`: the checks of a package of layers, with a report for who hands it over."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from api.progress import bar, say
from gis.errors import InputError, UsageError
from gis.export.profile import read_profile
from gis.export.validate import validate as check
from gis.export.validation import html_of, sentences
from gis.wording import Language
from gis.writing import write_text


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(validate)


def validate(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of a package, with or without manifest.")
    ],
    profile: Annotated[
        str | None, typer.Option(help="Name or file of a profile; by default what the manifest says.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write the whole report to this .html or .json.")
    ] = None,
    lang: Annotated[Language, typer.Option(help="Language of summary and page.")] = "zh",
) -> None:
    """Check a package: files, tables, values, coordinate systems, shapes, and what holds between tables.

    Ends with 1 where there is any error; warnings and notes are told and pass. Needs no database.
    """
    ending = report.suffix.lower() if report is not None else ""
    if ending not in ("", ".html", ".json") or (report is not None and not ending):
        raise UsageError(f"A report is written as .html or .json, not to {report}.")
    held = read_profile(profile) if profile is not None else None
    with bar() as progress:
        found = check(folder, held, progress)
    for sentence in sentences(found, lang):
        say(sentence, file=sys.stdout)
    if report is not None:
        body = found.model_dump_json(indent=2) + "\n" if ending == ".json" else html_of(found, lang)
        try:
            write_text(report, body)
        except OSError as error:
            raise InputError(
                f"{report} cannot be written ({error.strerror}); choose another file."
            ) from error
        say(f"The report is written to {report}", file=sys.stdout)
    if not found.passed:
        raise typer.Exit(1)
