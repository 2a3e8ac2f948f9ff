"""The progress as a table: a line a basis, year, district and technology."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from gis.errors import InputError, UsageError
from gis.targets.areas import Row
from gis.targets.progress import Progress
from gis.writing import write_file

COLUMNS = tuple(field.name for field in fields(Row))
"""Columns of the table; a cell is empty where the value is not known."""
ENDINGS = (".csv", ".xlsx")


def csv_of(progress: Progress) -> bytes:
    """Return the table as CSV in UTF-8 with a mark for spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows(_lines(progress))
    return out.getvalue().encode("utf-8-sig")


def write_progress(progress: Progress, path: Path) -> None:
    """Write the table as .csv or .xlsx, whole or not at all.

    Raises UsageError for another ending, and InputError when the file cannot be written.
    """
    check_ending(path)
    body = csv_of(progress) if path.suffix.lower() == ".csv" else _workbook(progress)
    try:
        write_file(path, body)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}.") from error


def check_ending(path: Path) -> None:
    """Raise UsageError unless the ending of `path` is one of `ENDINGS`."""
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"{path}: the name must end in {' or '.join(ENDINGS)}.")


def _lines(progress: Progress) -> Iterator[list[str | int | float | None]]:
    for row in progress.rows:
        yield list(asdict(row).values())


def _workbook(progress: Progress) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet(f"{progress.as_of}")
    sheet.freeze_panes = "A2"
    sheet.append(list(COLUMNS))
    for line in _lines(progress):
        cells = [WriteOnlyCell(sheet, value) for value in line]
        for cell, value in zip(cells, line, strict=True):
            if isinstance(value, str):
                cell.data_type = "s"  # a text that begins with = is no formula
        sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
