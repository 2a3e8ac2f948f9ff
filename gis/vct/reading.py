"""A whole VCT file read: head, codes, tables, shapes and values, put together by number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely

from gis.vct.head import read_codes, read_head, read_tables, references
from gis.vct.lines import Lines, shown, whole_number
from gis.vct.model import Field, Head, Layer, Plain, Reference, Table
from gis.vct.shapes import Feature, Vertices, built, read_line, read_point, read_polygon, read_section

DRAWN = ("Point", "Line", "Polygon")
NEEDED = ("FeatureCode", "TableStructure", "Attribute")
_ALMOST = 1.0
"""How far outside of the extent of its head a coordinate may lie, in its units."""


@dataclass
class Content:
    """What was read so far; `values` are the rows of tables with their lines, by number."""

    head: Head
    codes: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    features: dict[str, list[Feature]] = field(
        default_factory=lambda: {"Point": [], "Line": [], "Polygon": []}
    )
    lines: dict[int, Vertices] = field(default_factory=dict)
    values: dict[str, dict[int, tuple[int, list[str]]]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    borders: set[int] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Vct:
    """A file that was read: `plain` are its tables without shapes; `notes` tell what of it was left out."""

    head: Head
    layers: tuple[Layer, ...]
    plain: tuple[Plain, ...]
    notes: tuple[str, ...]


def read_vct(path: Path) -> Vct:
    """Return the content of a VCT file of the dialect of 2007 or 3.0.

    Text may be UTF-8 or GB18030, with line ends of any kind, keywords in any case, blank lines and comments.
    Shapes have x (east) before y; rings become outer rings and holes by what lies in what. A layer is given
    for each code that has features.

    Raises InputError, which names the line, where the file is cut off, a number of parts does not fit, a
    ring is open, a line, a table or a feature is named that is not there, or a value is not of its type.
    """
    lines = Lines(path)
    content = Content(read_head(lines))
    while (line := lines.maybe()) is not None:
        lines.section = line
        content.seen.add(line.lower().removesuffix("begin"))
        _section(lines, line.lower(), content)
    if missing := [part for part in NEEDED if part.lower() not in content.seen]:
        lines.fail(f"the file ends here without {missing[0]}Begin; it is cut off")
    kinds = references(lines, content.codes, content.tables)
    _check_codes(lines, content, kinds)
    head = content.head
    moved = _offset(lines, content)
    layers = []
    for reference in kinds.values():
        found = [f for f in content.features.get(reference.kind, []) if f.code == reference.code]
        if found:
            layers.append(_layer(lines, content, reference, found, moved))
    _check_rows(lines, content, kinds)
    drawn = {r.table for r in kinds.values()}
    plain = tuple(
        _plain(lines, content, table) for name, table in content.tables.items() if name not in drawn
    )
    return Vct(head, tuple(layers), plain, tuple(content.left_out))


def _section(lines: Lines, keyword: str, content: Content) -> None:
    head, separator = content.head, content.head.separator
    if keyword == "featurecodebegin":
        content.codes = read_codes(lines, separator)
    elif keyword == "tablestructurebegin":
        content.tables = read_tables(lines, separator)
    elif keyword == "pointbegin":
        content.features["Point"] += read_section(lines, "point", lambda n: read_point(lines, head, n))
    elif keyword == "linebegin":
        content.features["Line"] += read_section(lines, "line", lambda n: read_line(lines, head, n))
        content.lines = {f.number: np.vstack(f.parts) for f in content.features["Line"] if len(f.parts) == 1}
    elif keyword == "polygonbegin":
        content.features["Polygon"] += read_section(
            lines, "polygon", lambda n: read_polygon(lines, head, n, lambda border: _border(content, border))
        )
    elif keyword == "attributebegin":
        _attributes(lines, content)
    elif keyword.endswith("begin"):
        _skip(lines, keyword.removesuffix("begin"), content)
    else:
        lines.fail(f"a part of the file should begin here, not {shown(keyword)}")


def _border(content: Content, number: int) -> Vertices | None:
    content.borders.add(number)
    return content.lines.get(number)


def _skip(lines: Lines, part: str, content: Content) -> None:
    count = 0
    while lines.take().lower() != f"{part}end":
        count += 1
    if count and part != "style":
        content.left_out.append(f"the part {part} of {count} lines is not read")


def _attributes(lines: Lines, content: Content) -> None:
    while (name := lines.take()).lower() != "attributeend":
        table = content.tables.get(name)
        if table is None:
            lines.fail(f"the table {shown(name)} is not declared")
        rows = content.values.setdefault(name, {})
        width = len(table.fields) + 1
        while (line := lines.take()).lower() != "tableend":
            told, *values = line.split(content.head.separator)
            number = whole_number(told.strip())
            if len(values) + 1 != width:
                lines.fail(f"a row of {name} has a number and {width - 1} values, this one {len(values)}")
            if number is None:
                lines.fail(f"a row begins with the number of a feature, not {shown(told)}")
            if number in rows:
                lines.fail(f"feature {number} has a row in {name} already, in line {rows[number][0]}")
            rows[number] = lines.number, values


def _check_codes(lines: Lines, content: Content, kinds: dict[str, Reference]) -> None:
    """Raise InputError at a feature of an unknown code or kind, or with the number of another."""
    seen: dict[int, int] = {}
    for kind, features in content.features.items():
        for one in features:
            if one.number in seen:
                lines.fail(f"number {one.number} belongs to the feature in line {seen[one.number]}", one.line)
            seen[one.number] = one.line
            known = kinds.get(one.code)
            if known is None:
                # What bounds polygons need not be a layer of its own.
                if kind == "Line" and one.number in content.borders:
                    continue
                lines.fail(f"the code {shown(one.code)} is not declared", one.line + 1)
            if known.kind != kind:
                lines.fail(f"{one.code} is declared as {known.kind}, and stands among {kind}", one.line + 1)


def _check_rows(lines: Lines, content: Content, kinds: dict[str, Reference]) -> None:
    """Raise InputError at the row of a feature that is not there; tables without shapes have none to miss."""
    for name, rows in content.values.items():
        codes = {r.code for r in kinds.values() if r.table == name and r.kind in content.features}
        if not codes:
            continue
        there = {f.number for of in content.features.values() for f in of if f.code in codes}
        for number, (line, _) in rows.items():
            if number not in there:
                lines.fail(f"there is no feature {number} for this row of {name}", line)


def _offset(lines: Lines, content: Content) -> tuple[float, float]:
    """Return what is to be added to coordinates: tools disagree whether it has been; the extent tells."""
    first, second = content.head.offset
    parts = [part for of in content.features.values() for f in of for part in f.parts]
    if (first, second) == (0.0, 0.0) or not parts:
        return 0.0, 0.0
    low = np.min([part[:, :2].min(axis=0) for part in parts], axis=0)
    high = np.max([part[:, :2].max(axis=0) for part in parts], axis=0)
    told = [content.head.values.get(key, "").split(",")[:2] for key in ("extentmin", "extentmax")]
    try:
        (west, south), (east, north) = ([float(n) for n in corner] for corner in told)
    except ValueError:
        lines.fail("the head has an Offset and no usable extent, so that nobody knows whether to add it", 1)
    begin, end = np.array([west, south]) - _ALMOST, np.array([east, north]) + _ALMOST
    able = [s for s in ((first, second), (0.0, 0.0)) if (low + s >= begin).all() and (high + s <= end).all()]
    if not able:
        lines.fail("coordinates lie outside of the extent in the head with its Offset and without", 1)
    return able[0]


def _layer(
    lines: Lines, content: Content, reference: Reference, found: list[Feature], moved: tuple[float, float]
) -> Layer:
    shapes = built(reference.kind, found, content.head)
    if moved != (0.0, 0.0):
        x, y = moved[::-1] if content.head.north_first else moved
        shapes = shapely.transform(shapes, lambda p: p + [x, y])
    table = content.tables[reference.table]
    rows = content.values.get(table.name, {})
    none = [""] * len(table.fields)
    lacking = sum(f.number not in rows and f.number not in content.borders for f in found)
    if lacking and table.fields:
        content.left_out.append(f"{lacking} features of {reference.code} have no row in {table.name}")
    frame = _frame(lines, table, [rows.get(f.number, (f.line, none)) for f in found])
    numbers = np.array([f.number for f in found], dtype=np.int64)
    return Layer(reference, table.fields, numbers, shapes, frame)


def _plain(lines: Lines, content: Content, table: Table) -> Plain:
    rows = content.values.get(table.name, {})
    return Plain(table.name, table.fields, _frame(lines, table, list(rows.values())))


def _frame(lines: Lines, table: Table, given: Sequence[tuple[int, list[str]]]) -> pd.DataFrame:
    columns = {
        declared.name: _column(lines, declared, [(line, values[place].strip()) for line, values in given])
        for place, declared in enumerate(table.fields)
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(len(given)))


def _column(lines: Lines, declared: Field, values: Sequence[tuple[int, str]]) -> pd.Series:
    of_text, kind = _VALUES.get(declared.type, (str, object))
    found: list[Any] = []
    for line, text in values:
        try:
            found.append(of_text(text) if text else None)
        except ValueError:
            lines.fail(f"the value {shown(text)} of {declared.name} is no {declared.type}", line)
    column: pd.Series = pd.Series(found, dtype=kind)
    return column


def _number(text: str) -> float:
    found = float(text)
    if not isfinite(found):
        raise ValueError(text)
    return found


def _date(text: str) -> date:
    plain = text.replace("-", "").replace("/", "").replace(".", "")
    if len(plain) != 8:
        raise ValueError(text)
    return date(int(plain[:4]), int(plain[4:6]), int(plain[6:]))


_VALUES: Mapping[str, tuple[Callable[[str], Any], Any]] = {
    "Int": (int, "Int64"),
    "Float": (_number, "float64"),
    "Date": (_date, object),
}
