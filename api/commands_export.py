"""`onemap export`: layers and results as a package for the territorial spatial information platform."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from api.progress import bar, say
from gis.access import CLASSES
from gis.errors import UsageError
from gis.export.model import Crs, DataFormat, Encoding, Manifest
from gis.export.package import Order, write_package
from gis.export.profile import read_profile
from gis.export.sources import SOURCES
from gis.runs import ruleset_of
from gis.settings import Settings
from gis.staleness import software
from gis.store import open_store
from gis.vct.model import Dialect
from layers.spec import Access


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(export)


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is new or empty.")],
    layer: Annotated[
        list[str] | None,
        typer.Option(help="Layer or result, several times for more; everything that there is by default."),
    ] = None,
    format: Annotated[DataFormat, typer.Option(help="Form of the data files.")] = "gdb",
    crs: Annotated[
        Crs | None, typer.Option(help="Coordinate system; that of the profile by default.")
    ] = None,
    profile: Annotated[
        str, typer.Option(help="Names, codes and widths: `territorial`, or the path of a profile file.")
    ] = "territorial",
    encoding: Annotated[Encoding, typer.Option(help="Encoding of texts in Shapefiles.")] = "UTF-8",
    vct_dialect: Annotated[
        Dialect, typer.Option(help="VCT of GB/T 17798-2007, or 3.0 of the land survey.")
    ] = "2007",
    vct_shared_lines: Annotated[
        bool, typer.Option("--vct-shared-lines", help="Polygons of VCT by the lines that they share.")
    ] = False,
    split: Annotated[
        bool, typer.Option("--split-by-district", help="Data files of their own for every district.")
    ] = False,
    scenario: Annotated[str, typer.Option(help="Scenario of matching and siting.")] = "base",
    reads: Annotated[
        Access, typer.Option(help="Leave out what whoever gets the package may not read.")
    ] = "restricted",
) -> None:
    """Write layers and results into a package, with a manifest of what is in it, whole or not at all.

    Table and field names, codes and widths come from the profile; those of the built-in one are local, not
    national. `onemap validate DIR` checks the package.
    """
    for name in layer or ():
        if name not in SOURCES:
            raise UsageError(f"{name!r} is neither layer nor result; there are {', '.join(SOURCES)}.")
    if encoding != "UTF-8" and format != "shp":
        raise UsageError("--encoding is for --format shp; the other forms have one encoding each.")
    chosen = read_profile(profile)
    order = Order(
        profile=chosen,
        format=format,
        crs=crs or chosen.crs,
        encoding=encoding,
        dialect=vct_dialect,
        shared_lines=vct_shared_lines,
        sources=tuple(layer or ()),
        scenario=scenario,
        split=split,
    )
    with open_store(Settings()) as store, bar() as progress:
        may_read = frozenset(
            name for name, kind in store.access().items() if CLASSES.index(kind) <= CLASSES.index(reads)
        )
        made = write_package(store, folder, order, may_read, partial(ruleset_of, store), software(), progress)
    for sentence in _told(made, folder):
        say(sentence, file=sys.stdout)


def _told(made: Manifest, folder: Path) -> list[str]:
    count = sum(part.feature_count for table in made.tables for part in table.parts)
    told = [f"{len(made.tables)} tables with {count:,} rows are written into {folder} ({made.crs})."]
    for table in made.tables:
        if table.unplaced_count:
            told.append(
                f"{table.name} {table.title.zh}: {table.unplaced_count:,} rows without a shape are not in it."
            )
        if table.cut_count:
            told.append(
                f"{table.name} {table.title.zh}: {table.cut_count:,} texts did not fit their columns; "
                f"they stand whole in {made.overlong}."
            )
    if made.run is not None and not made.run.current:
        told.append("The results are older than some layers: run `onemap score` and export again.")
    if made.profile.local:
        told.append("Table names and codes are local, not national: see the notice in the manifest.")
    return told
