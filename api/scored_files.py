"""Parcels of files for `onemap score`: judged as they lie there, or read as an import reads them."""

from __future__ import annotations

import threading
from collections import Counter
from itertools import chain
from pathlib import Path

from api.progress import bar, say
from api.table import write_table
from gis.batch import Engine, FormError, score_files
from gis.batch.parcels import SUFFIX, files_at
from gis.compiled import ready
from gis.errors import InputError
from gis.ingest import ImportReport, read_mapped
from gis.ingest.raster import DRIVERS
from gis.ingest.readers import SUFFIXES
from gis.resources import Resources
from gis.rules import RuleSet
from gis.scoring import score
from layers import LAYERS, RASTERS

Counts = Counter[tuple[str | None, str | None]]
READ = (*SUFFIXES, *DRIVERS)


def resources_in(folder: Path) -> Resources:
    """Return the layers and rasters of a folder, whose files are named by them.

    Raises InputError where there is none, where a layer has two files, and where one cannot be used.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder.")
    known = {layer for layer in (*LAYERS, *RASTERS) if layer != "parcel"}
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.stem in known and path.suffix.lower() in READ:
            if path.stem in found:
                raise InputError(
                    f"{folder}: {found[path.stem].name} and {path.name} are of one layer; keep one."
                )
            found[path.stem] = path
    if not found:
        raise InputError(f"{folder}: no file is named by a layer or raster, such as geothermal_field.gpkg.")
    threading.Thread(target=ready).start()  # numba sets itself up meanwhile
    with bar() as progress:
        resources = Resources.from_files(found, progress=progress)
    for report in chain.from_iterable(resources.reports.values()):
        for line in _account(report):
            say(line)
    return resources


def _account(report: ImportReport) -> list[str]:
    """Return what was read of one file, and what of it is to be looked at."""
    rows = f"{report.rows_accepted:,} of {report.rows_read:,} rows of " if report.grid is None else ""
    return [
        f"{report.layer}: {rows}{report.source}",
        *(f"{report.layer}: {warning}" for warning in report.warnings),
        *(f"{report.layer}, row {reject.row}: {reject.reason}" for reject in report.rejects[:5]),
    ]


def score_given(
    parcels: Path,
    out: Path | None,
    resources: Resources,
    ruleset: RuleSet,
    engine: Engine,
    scheduler: str | None,
) -> Counts:
    """Score parcels of a file or folder, write the verdicts where asked to, and return the counts."""
    many = parcels.is_dir() and bool(files_at(parcels))
    folder = out is not None and not out.suffix
    if out is not None and (folder or (files_at(parcels) and out.suffix.lower() == SUFFIX)):
        try:
            with bar() as progress:
                run = score_files(
                    parcels, resources, ruleset, out, engine=engine, scheduler=scheduler, progress=progress
                )
        except FormError as error:
            if many or folder:
                raise InputError(f"{error} Bring the parcels into form with `onemap partition`.") from error
            say(f"{error} It is read as an import reads it.")
        else:
            if run.resumed:
                say(f"{run.resumed:,} parcels had been scored before the run was stopped")
            return run.counts
    return _whole(parcels, out, resources, ruleset)


def _whole(parcels: Path, out: Path | None, resources: Resources, ruleset: RuleSet) -> Counts:
    """Read a file as an import does, and score it in memory."""
    with bar() as progress:
        mapped = read_mapped("parcel", parcels, progress=progress)
    for sentence in mapped.report.sentences():
        say(sentence)
    with bar() as progress:
        result = score(mapped.frame, resources, ruleset, progress)
    if out is not None:
        write_table(result, out)
    verdicts = result.verdicts
    return Counter(zip(verdicts["recommended"], verdicts["recommended_status"], strict=True))
