"""A layer out of a package that `onemap export` wrote: by the names and words of OneMap again."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import ValidationError

from gis.errors import InputError
from gis.export.model import MANIFEST, Manifest, Packed
from gis.ingest.source import Source
from layers import LayerSpec

Reader = Callable[[Path, str | None], Source]
_TABLE, _BSM, _COLUMN, _TEXT = range(4)


def is_package(path: Path) -> bool:
    """Return whether a folder has a manifest."""
    return path.is_dir() and (path / MANIFEST).is_file()


def read_manifest(folder: Path) -> Manifest:
    """Return what a package says of itself; InputError where that cannot be read."""
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except ValidationError as error:
        told = error.errors()[0]
        place = ".".join(str(part) for part in told["loc"])
        raise InputError(f"{folder.name}/{MANIFEST}: {place or 'the file'}: {told['msg']}.") from error
    except OSError as error:
        raise InputError(f"{folder.name}/{MANIFEST} cannot be read ({error.strerror}).") from error


def read_package(folder: Path, spec: LayerSpec, read: Reader) -> Source:
    """Return a layer of a package; `read` reads a file of it.

    Texts that were too long for their columns come back whole. Raises InputError where the package
    does not have the layer, or a file of it cannot be read.
    """
    manifest = read_manifest(folder)
    table = next((one for one in manifest.tables if one.source == spec.id), None)
    if table is None:
        there = ", ".join(one.source for one in manifest.tables)
        raise InputError(f"{folder.name}: the package has no layer {spec.id}; it has {there}.")
    filled = [part for part in table.parts if part.feature_count]
    if not filled:
        raise InputError(f"{folder.name}: the layer {spec.id} has no features in this package.")
    parts = [read(folder / part.file, part.layer) for part in filled]
    rows = pd.concat([part.table for part in parts], ignore_index=True)
    shapes = np.concatenate([_shapes(part, folder) for part in parts])
    _restore(rows, table, folder, manifest.overlong)
    rows = rows.rename(columns={c.name: c.source for c in table.columns if c.source is not None})
    rows = rows[[c.source for c in table.columns if c.source in rows.columns]]
    for column in table.columns:
        if column.domain and column.source in rows.columns:
            rows[column.source] = rows[column.source].replace({o.written: o.stored for o in column.domain})
    if spec.by_township and "townships" in rows.columns:
        # Its outline is that of the townships, which are their own layer.
        shapes[rows["townships"].notna() & (rows["townships"] != "")] = None
    notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
    return Source(rows, shapes, parts[0].crs, table.name, notes=notes)


def _shapes(part: Source, folder: Path) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    if part.geometry is None or part.problems:
        raise InputError(f"{folder.name}: shapes of {part.layer} cannot be read; fetch the package again.")
    return part.geometry


def _restore(rows: pd.DataFrame, table: Packed, folder: Path, overlong: str | None) -> None:
    """Put texts back whole that were cut to fit."""
    if not table.cut_count or overlong is None:
        return
    bsm = table.columns[0].name
    place: Mapping[str, int] = {text: row for row, text in enumerate(rows[bsm])}
    try:
        with (folder / overlong).open(encoding="utf-8-sig", newline="") as lines:
            for line in csv.reader(lines):
                if line[_TABLE] == table.name and line[_BSM] in place:
                    rows.loc[place[line[_BSM]], line[_COLUMN]] = line[_TEXT]
    except (OSError, IndexError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{folder.name}/{overlong} cannot be read; fetch the package again.") from error
