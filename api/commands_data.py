"""`onemap layers` and `onemap import`: what the map holds, and how data gets in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from api.progress import bar, say, say_json
from gis.errors import UsageError
from gis.ingest import import_file
from gis.ingest.pipeline import Mode, OnError
from gis.settings import Settings
from gis.store import open_store
from layers import LAYERS, RASTERS


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("layers")(layers)
    app.command("import")(import_)


def layers(
    as_json: Annotated[bool, typer.Option("--json", help="Print the full catalogue as JSON.")] = False,
) -> None:
    """List all layers and rasters, and what is loaded."""
    from api.layers import catalogue  # with the web, which the other commands do without

    with open_store(Settings()) as store:
        found = catalogue(store, (*LAYERS, *RASTERS))
    if as_json:
        say_json(found)
        return
    width = max(len(layer_id) for layer_id in (*LAYERS, *RASTERS))
    counted = [(entry, "feature_count") for entry in found["layers"]]
    counted += [(entry, "cell_count") for entry in found["rasters"]]
    for entry, count in counted:
        held = f"{entry[count]:>9,}  v{entry['version']}" if entry["loaded"] else "not loaded"
        title = entry["title"]
        say(f"{entry['id']:{width}}  {held:14}  {title['zh']} {title['en']}", file=sys.stdout)


def import_(
    layer: Annotated[str, typer.Argument(help="Layer or raster id; `onemap layers` lists them.")],
    file: Annotated[
        Path,
        typer.Argument(
            help="Any vector file GDAL reads, CSV, XLSX or GeoParquet; for a raster GeoTIFF, .asc or .img."
        ),
    ],
    source_layer: Annotated[str | None, typer.Option(help="Layer or sheet inside the file.")] = None,
    source_crs: Annotated[str | None, typer.Option(help="EPSG:n; of features also gcj02 or bd09.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="field=source column; may be given several times.")
    ] = None,
    mode: Annotated[Mode, typer.Option(help="What to do with the features that are there.")] = "replace",
    on_error: Annotated[OnError, typer.Option(help="What to do with rows that cannot be used.")] = "reject",
    rejects: Annotated[Path | None, typer.Option(help="Write the rejected rows to this file.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write the report to this JSON file.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, store nothing.")] = False,
) -> None:
    """Import a file into a layer: mapped, reprojected, checked, swapped in at once.

    A raster stays in the coordinate system it has and takes the place of the one before, whole or not at all;
    --source-layer, --column, --mode, --on-error and --rejects are for features only.
    """
    if layer not in LAYERS and layer not in RASTERS:
        raise UsageError(
            f"{layer!r} is not a layer; the layers are {', '.join(LAYERS)}, the rasters {', '.join(RASTERS)}."
        )
    columns = dict(pair(text) for text in column or [])
    with open_store(Settings()) as store, bar() as progress:
        done = import_file(
            store,
            layer,
            file,
            source_layer=source_layer,
            source_crs=source_crs,
            columns=columns or None,
            mode=mode,
            on_error=on_error,
            rejects_file=rejects,
            report_file=report,
            dry_run=dry_run,
            progress=progress,
        )
    for sentence in done.sentences():
        say(sentence, file=sys.stdout)
    if done.error is not None:
        raise typer.Exit(1)


def pair(text: str) -> tuple[str, str]:
    """Return field and source column of an option `field=source column`."""
    field, separator, source = text.partition("=")
    if not (field and separator and source):
        raise UsageError(f"--column {text!r} is not of the form field=source column.")
    return field.strip(), source.strip()
