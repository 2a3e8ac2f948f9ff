"""Tables and columns as found beside those declared: names, kinds, types, widths, encoding."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from pathlib import Path

from gis.export.checks.findings import Tally
from gis.export.found import Found, FoundColumn
from gis.export.model import Column, ColumnType, Encoding, Kind, Table
from gis.export.reading_gdal import DBF
from gis.ingest.shapefile import sibling
from layers import Text

KINDS: Mapping[Kind, Text] = {
    "polygon": Text(zh="面", en="polygon"),
    "line": Text(zh="线", en="line"),
    "point": Text(zh="点", en="point"),
    "table": Text(zh="无图形的表", en="table without shapes"),
}
_TYPES: Mapping[ColumnType, Text] = {
    "text": Text(zh="文本", en="text"),
    "integer": Text(zh="整型", en="integer"),
    "float": Text(zh="浮点", en="float"),
    "date": Text(zh="日期", en="date"),
}
# What ArcGIS adds to every table.
_MANAGED = {"fid", "ogc_fid", "objectid", "shape_length", "shape_leng", "shape_area"}
DBF_WIDTH = 254
"""The widest text of a Shapefile, in bytes."""
_WIDEST_BYTES = 4
_ENCODINGS = {"utf-8": "UTF-8", "utf8": "UTF-8", "65001": "UTF-8", "gb18030": "GB18030", "54936": "GB18030"}


def matched(table: Table, found: Found) -> dict[str, str]:
    """Return the names in the file of the declared columns that are there, by their declared names."""
    exact = {column.name for column in found.columns}
    folded = {name.casefold(): name for name in sorted(exact)}
    pairs = ((c.name, c.name if c.name in exact else folded.get(c.name.casefold())) for c in table.columns)
    return {declared: name for declared, name in pairs if name is not None}


def check_columns(table: Table, found: Found, part: str, tally: Tally) -> None:
    """Hold the columns of a part of a table against the declared ones."""
    name, columns = table.name, matched(table, found)
    tally.checked("V-COL-1", name, len(table.columns))
    tally.checked("V-COL-2", name, len(found.columns))
    tally.checked("V-COL-6", name, len(columns))
    for column in table.columns:
        if column.name not in columns:
            told = {"part": part, "column": column.name, "title": column.title}
            tally.found("V-COL-1", name, told, file=part)
        elif columns[column.name] != column.name:
            told = {"part": part, "column": column.name, "found": columns[column.name]}
            tally.found("V-COL-6", name, told, file=part)
    known = set(columns.values())
    for one in found.columns:
        if one.name not in known and one.name.casefold() not in _MANAGED:
            tally.found("V-COL-2", name, {"part": part, "column": one.name}, file=part)
    by_name = {one.name: one for one in found.columns}
    pairs = [(c, by_name[columns[c.name]]) for c in table.columns if c.name in columns]
    for column, one in pairs:
        _check_width(table, found, column, one, part, tally)
    if found.typed:
        check_types(table, found, {c.name for c, _ in pairs}, part, tally)
    if all(one.width is None for _, one in pairs):
        tally.skipped("V-COL-4", name, "文件格式不记录字段长度", "the format tells no widths")
    if all(one.decimals is None for c, one in pairs if c.decimals is not None):
        tally.skipped("V-COL-5", name, "文件格式不记录小数位", "the format tells no decimals")


def check_types(table: Table, found: Found, asked: Collection[str], part: str, tally: Tally) -> None:
    """Hold the types of some declared columns against the declared ones.

    Where a file has types of its values alone, only columns that have values are to be `asked` for.
    """
    columns, by_name = matched(table, found), {one.name: one for one in found.columns}
    for column in table.columns:
        if column.name not in asked:
            continue
        one = by_name[columns[column.name]]
        tally.checked("V-COL-3", table.name, 1)
        if not _is_type(found, column, one):
            told = {"part": part, "column": column.name, "type": one.told, "declared": _TYPES[column.type]}
            tally.found("V-COL-3", table.name, told, file=part)


def _is_type(found: Found, column: Column, one: FoundColumn) -> bool:
    if one.type == column.type:
        return True
    suffix = found.path.suffix.lower()
    if (column.type, one.type) == ("integer", "float"):
        # A file geodatabase that all can read has no whole numbers of eight bytes, JSON none at all.
        return suffix == ".gdb" or not found.typed
    if (column.type, one.type) == ("float", "integer"):
        # In a .dbf what has no decimals is a whole number: its decimals are told apart instead.
        return suffix in DBF or not found.typed
    return False


def _check_width(
    table: Table, found: Found, column: Column, one: FoundColumn, part: str, tally: Tally
) -> None:
    number = one.type in ("integer", "float")
    if (one.type == "text" or number) and one.width is not None and column.width is not None:
        tally.checked("V-COL-4", table.name, 1)
        low = high = column.width
        if found.bytewise and one.type == "text":
            # Declared are characters, of which each may take some bytes.
            low, high = min(low, _dbf_limit(found)), min(low * _WIDEST_BYTES, _dbf_limit(found))
        if not low <= one.width <= high:
            width = one.width or Text(zh="不限", en="unlimited")
            told = {"part": part, "column": column.name, "width": width, "declared": low}
            tally.found("V-COL-4", table.name, told, file=part)
    if number and one.decimals is not None and column.decimals is not None:
        tally.checked("V-COL-5", table.name, 1)
        if one.decimals != column.decimals:
            told = {
                "part": part, "column": column.name, "decimals": one.decimals, "declared": column.decimals
            }  # fmt: skip
            tally.found("V-COL-5", table.name, told, file=part)


def _dbf_limit(found: Found) -> int:
    return DBF_WIDTH if found.path.suffix.lower() in DBF else sys.maxsize


def check_kind(table: Table, found: Found, part: str, tally: Tally) -> None:
    """Hold the kind of shapes that a file declares against the declared one."""
    tally.checked("V-TAB-4", table.name, 1)
    if found.kind is not None and found.kind != table.kind:
        told = {"part": part, "kind": KINDS[found.kind], "declared": KINDS[table.kind]}
        tally.found("V-TAB-4", table.name, told, file=part)


def check_encoding(table: Table, found: Found, declared: Encoding | None, part: str, tally: Tally) -> None:
    """Hold the encoding that a file tells against those that hold all characters, and the declared one."""
    if found.encoding is None:
        return
    told = found.encoding
    if found.path.suffix.lower() in DBF:
        cpg = sibling(found.path, ".cpg")
        tally.checked("V-ENC-1", table.name, 1)
        if cpg is None:
            tally.found("V-ENC-1", table.name, {"path": part}, file=part)
            return
        told = _of_cpg(cpg)
        tally.checked("V-ENC-2", table.name, 1)
        if told not in _ENCODINGS.values():
            tally.found("V-ENC-2", table.name, {"path": f"{part} (.cpg)", "encoding": told}, file=part)
            return
    if declared is not None:
        tally.checked("V-ENC-3", table.name, 1)
        if told != declared:
            values = {"path": part, "encoding": told, "declared": declared}
            tally.found("V-ENC-3", table.name, values, file=part)


def _of_cpg(path: Path) -> str:
    written = path.read_text(encoding="ascii", errors="replace").strip()
    return _ENCODINGS.get(written.lower().removeprefix("cp").strip("- "), written)
