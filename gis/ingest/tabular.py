"""CSV, TSV and Excel tables, and the position columns in them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyproj
import shapely
from openpyxl.utils.exceptions import InvalidFileException

from gis.errors import InputError
from gis.ingest.archive import DAMAGED, check_size
from gis.ingest.source import Source
from gis.ingest.values import objects, parse_number

_SRID = re.compile(r"^\s*SRID\s*=\s*(\d+)\s*;", re.IGNORECASE)
_HEX = re.compile(r"^0[01][0-9A-Fa-f]{8,}$")
_XLSX_ERRORS = (
    *DAMAGED,
    InvalidFileException,
    SyntaxError,  # of XML
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    OSError,
)
MAX_CELL_CHARACTERS = 1 << 28
MAX_SHEET_ROWS = 1 << 20
"""What Excel's own form allows."""
MAX_SHEET_CELLS = 100_000_000


def read_csv(path: Path, source_layer: str | None = None) -> Source:
    """Return a delimited text file (UTF-8, UTF-16 with mark, or GB18030; comma, semicolon or tab)."""
    if source_layer is not None:
        raise InputError(f"{path.name}: a text table has no layers; leave out --source-layer.")
    text = _decoded(path)
    csv.field_size_limit(MAX_CELL_CHARACTERS)  # outlines as WKT are longer than Python's default allows
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if not any(row):
                continue
            if rows and len(row) != len(rows[0]):
                raise InputError(
                    f"{path.name}: line {reader.line_num} has {len(row)} columns, "
                    f"but the header has {len(rows[0])}."
                )
            rows.append(row)
    except csv.Error as error:
        raise InputError(f"{path.name}: line {reader.line_num} cannot be read: {error}.") from error
    return _table(path, rows, None)


def read_xlsx(path: Path, source_layer: str | None = None) -> Source:
    """Return a sheet of an Excel workbook; `source_layer` names it where several hold rows."""
    try:
        check_size(path)
        with closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as book:
            names = [s.title for s in book.worksheets]
            if source_layer is not None and source_layer not in names:
                raise InputError(
                    f"{path.name}: there is no sheet {source_layer!r}; it has {', '.join(names)}."
                )
            wanted = names if source_layer is None else [source_layer]
            sheets = {n: _filled_rows(path, book[n]) for n in wanted}
    except _XLSX_ERRORS as error:
        raise InputError(f"{path.name}: this is not an Excel workbook, or it is damaged.") from error
    filled = {n: rows for n, rows in sheets.items() if rows}
    if len(filled) > 1:
        raise InputError(f"{path.name}: {len(filled)} sheets hold rows; name one with --source-layer: "
                         f"{', '.join(filled)}.")  # fmt: skip
    name, rows = next(iter(filled.items()), (None, []))
    return _table(path, rows, name)


def _filled_rows(path: Path, sheet: Any) -> list[list[Any]]:
    """Return the rows of a sheet that hold something, all as wide as the widest."""
    sheet.reset_dimensions()  # what a file says of its size need not be so, and all of it would be read
    rows: list[list[Any]] = []
    cell_count = 0
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        cell_count += len(row)
        if number > MAX_SHEET_ROWS or cell_count > MAX_SHEET_CELLS:
            break
        if _filled(row):
            rows.append(list(row))
    else:
        width = max(map(len, rows), default=0)
        if width * len(rows) <= MAX_SHEET_CELLS:
            return [[*row, *[None] * (width - len(row))] for row in rows]
    raise InputError(
        f"{path.name}: the sheet {sheet.title!r} has more than {MAX_SHEET_ROWS:,} rows or "
        f"{MAX_SHEET_CELLS:,} cells, counted up to the last; delete what is not part of the table."
    )


def _filled(row: Iterable[Any]) -> bool:
    return any(v is not None and v != "" for v in row)


def _decoded(path: Path) -> str:
    raw = path.read_bytes()
    marked = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            raise InputError(f"{path.name}: the file holds binary data, not text.")
        return text
    raise InputError(f"{path.name}: the text is neither UTF-8 nor GB18030; save it as UTF-8.")


def _delimiter(text: str) -> str:
    header = text.lstrip("\r\n").split("\n", 1)[0]
    return max((",", "\t", ";"), key=header.count)


def _table(path: Path, rows: list[list[Any]], layer: str | None) -> Source:
    if len(rows) < 2:
        raise InputError(f"{path.name}: the table holds no rows below a header.")
    names: dict[str, None] = {}
    for i, cell in enumerate(rows[0], start=1):
        name = str(cell).strip() if cell is not None and str(cell).strip() else f"column {i}"
        while name in names:
            name = f"{name} ({i})"
        names[name] = None
    table = pd.DataFrame(rows[1:], columns=list(names), dtype=object)
    return Source(table=table.where(table != "", None), layer=layer)


def locate(source: Source, columns: Mapping[str, str]) -> Source:
    """Return a plain table with shapes from its position columns (`wkt`, or `lon` and `lat`).

    The SRID of EWKT becomes the CRS. Cells that are no position become problems of their rows.

    Raises
    ------
    InputError
        Rows carry different SRIDs, or only one of lon and lat is given.
    """
    if "wkt" in columns:
        return _from_wkt(source, columns["wkt"])
    if {"lon", "lat"} <= set(columns):
        return _from_lonlat(source, columns["lon"], columns["lat"])
    if columns:
        raise InputError(f"a position needs lon and lat; only {', '.join(columns)} is given with --column.")
    return source


def _from_lonlat(source: Source, lon: str, lat: str) -> Source:
    problems: dict[int, str] = {}
    axes = []
    for name in (lon, lat):
        values = np.full(len(source.table), np.nan)
        for i, cell in enumerate(objects(source.table[name])):
            number = float("nan") if cell is None else parse_number(str(cell))
            if number is None:
                problems[i] = f"{name}: {str(cell)!r} is not a number"
            else:
                values[i] = number
        axes.append(values)
    there = np.isfinite(axes[0]) & np.isfinite(axes[1])
    half = there ^ (np.isfinite(axes[0]) | np.isfinite(axes[1]))
    for row in np.flatnonzero(half):
        problems.setdefault(int(row), f"only one of {lon} and {lat} is given")
    shapes = np.full(len(source.table), None, dtype=object)
    shapes[there] = shapely.points(axes[0][there], axes[1][there])
    return Source(source.table, shapes, None, source.layer, {**source.problems, **problems}, source.notes)


def _from_wkt(source: Source, column: str) -> Source:
    cells = [None if c is None else str(c).strip() for c in objects(source.table[column])]
    shapes = np.full(len(cells), None, dtype=object)
    problems: dict[int, str] = {}
    srids: dict[int, int] = {}
    for i, cell in enumerate(cells):
        if not cell:
            continue
        match = _SRID.match(cell)
        if match:
            srids.setdefault(int(match.group(1)), i)
            cell = cell[match.end() :]
        shape = shapely.from_wkb(cell, on_invalid="fix") if _HEX.match(cell) else _wkt(cell)
        if shape is None:
            problems[i] = f"{column}: {cell[:40]!r} is not well-known text"
        elif shapely.get_srid(shape):
            srids.setdefault(int(shapely.get_srid(shape)), i)
        shapes[i] = shape
    if len(srids) > 1:
        listed = ", ".join(f"{s} (row {i + 1})" for s, i in srids.items())
        raise InputError(f"column {column!r}: the rows carry different SRIDs: {listed}; one file needs one.")
    crs = None
    if srids:
        srid = next(iter(srids))
        try:
            crs = pyproj.CRS.from_epsg(srid)
        except pyproj.exceptions.CRSError as error:
            raise InputError(f"column {column!r}: unknown SRID {srid}.") from error
    return Source(source.table, shapes, crs, source.layer, {**source.problems, **problems}, source.notes)


def _wkt(text: str) -> Any:
    return shapely.from_wkt(text, on_invalid="fix")
