"""`onemap report`: the report of one parcel as PDF or HTML."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from api.progress import say
from api.reports import report_of
from api.suitability import Scorer
from gis.errors import InputError, UsageError
from gis.report import html_of, pdf_of
from gis.settings import Settings
from gis.store import open_store
from gis.wording import Language
from gis.writing import write_file


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(report)


def report(
    parcel_id: Annotated[str, typer.Argument(help="Number of a stored, scored parcel.")],
    out: Annotated[
        Path | None, typer.Option(help="A .pdf or .html file; PARCEL_ID.pdf in this folder by default.")
    ] = None,
    lang: Annotated[Language, typer.Option(help="Language of the report.")] = "zh",
) -> None:
    """Write the report of a parcel: map, facts, verdicts, reasons and clauses, portfolio, assumptions.

    The same results on the same day give the same bytes.
    """
    path = out or Path(f"{parcel_id.replace('/', '_')}.pdf")
    ending = path.suffix.lower()
    if ending not in (".pdf", ".html"):
        raise UsageError(f"A report is written as .pdf or .html, not to {path.name}.")
    with open_store(Settings()) as store:
        made = report_of(Scorer(store), store, frozenset(store.access()), parcel_id)
    body = pdf_of(made, lang) if ending == ".pdf" else html_of(made, lang).encode()
    try:
        write_file(path, body)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); choose another --out.") from error
    say(f"The report is written to {path}", file=sys.stdout)
