"""`onemap partition`: parcels of any file as GeoParquet parts that `onemap score` takes in a stream."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from api.commands_data import pair
from api.progress import bar, say
from gis.batch import partition_parcels
from gis.crs import STORAGE_CRS


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(partition)


def partition(
    file: Annotated[
        Path,
        typer.Argument(help="A file of parcels that an import reads, or a folder of GeoParquet files."),
    ],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New folder for the parts.")],
    source_crs: Annotated[str | None, typer.Option(help="EPSG:n, gcj02 or bd09.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="field=source column; may be given several times.")
    ] = None,
) -> None:
    """Bring parcels into the form and the spatial order in which `onemap score` takes files of any size.

    Rows that cannot be used are left out and told. Needs no database.
    """
    columns = dict(pair(text) for text in column or [])
    with bar() as progress:
        done = partition_parcels(
            file, folder, source_crs=source_crs, columns=columns or None, progress=progress
        )
    told = done.report
    say(
        f"{told.rows_accepted:,} of {told.rows_read:,} parcels of {told.source} are in {folder}, "
        f"{len(done.files):,} parts in {STORAGE_CRS}",
        file=sys.stdout,
    )
    for sentence in told.sentences()[1:]:
        say(sentence, file=sys.stdout)
