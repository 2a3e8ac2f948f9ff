"""The first parts of a VCT file: its head, its codes of features and the columns of its tables."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from gis.vct.lines import Lines, shown, whole_number
from gis.vct.model import KINDS, Field, FieldType, Head, Reference, Table
from gis.vct.placing import crs_of

_TYPES: Mapping[str, FieldType] = {
    "char": "Char", "character": "Char", "string": "Char", "varchar": "VarChar", "text": "VarChar",
    "int": "Int", "integer": "Int", "int1": "Int", "int2": "Int", "int4": "Int", "int8": "Int",
    "long": "Int", "short": "Int", "float": "Float", "double": "Float", "numeric": "Float", "date": "Date",
    "varbin": "Varbin",
}  # fmt: skip
_UNITS = {"M": "P", "D": "D"}
_MOST_FIELDS = 1_000


def read_head(lines: Lines) -> Head:
    """Read from HeadBegin to HeadEnd; InputError with the line where it is not usable."""
    if lines.take().lower() != "headbegin":
        lines.fail("a VCT file begins with HeadBegin")
    values: dict[str, str] = {}
    while (line := lines.take()).lower() != "headend":
        key, colon, value = line.replace("：", ":", 1).partition(":")
        if not colon:
            lines.fail(f"the head has lines of the form key:value, not {shown(line)}")
        values[key.strip().lower()] = value.strip()
    for needed in ("datamark", "coordinatesystemtype"):
        if needed not in values:
            lines.fail(f"the head that ends here does not tell {needed}")
    dimensions = values.get("dim", "2")
    if dimensions not in ("2", "3"):
        lines.fail(f"the head tells of {shown(dimensions)} dimensions; 2 and 3 can be read")
    unit = values.get("xyunit", "M").upper()
    if unit not in _UNITS:
        lines.fail(f"the head tells of coordinates in {shown(unit)}; M (metres) and D (degrees) can be read")
    return Head(
        values=values,
        dialect="2007" if values["datamark"].upper().startswith("CNSDTF") else "3.0",
        separator=values.get("separator") or ",",
        dimensions=int(dimensions),
        north_first=values.get("xaxisdirection", "E").upper().startswith("N"),
        offset=_offset(lines, values.get("offset", "0,0")),
        crs=crs_of(values),
    )


def _offset(lines: Lines, told: str) -> tuple[float, float]:
    try:
        x, y = (float(part) for part in re.split(r"[,，\s]+", told.strip())[:2])
    except ValueError:
        lines.fail(f"the Offset of the head is no pair of numbers: {shown(told)}")
    if not (math.isfinite(x) and math.isfinite(y)):
        lines.fail(f"the Offset of the head is no pair of numbers: {shown(told)}")
    return x, y


def read_codes(lines: Lines, separator: str) -> dict[str, tuple[int, list[str]]]:
    """Read to FeatureCodeEnd; return line and parts of each code."""
    found: dict[str, tuple[int, list[str]]] = {}
    while (line := lines.take()).lower() != "featurecodeend":
        parts = [part.strip() for part in line.split(separator)]
        if len(parts) < 4:
            lines.fail(f"a code, a name, a kind and a table should stand here, not {shown(line)}")
        if parts[0] in found:
            lines.fail(f"the code {parts[0]} was declared in line {found[parts[0]][0]} already")
        found[parts[0]] = lines.number, parts
    return found


def references(
    lines: Lines, codes: Mapping[str, tuple[int, list[str]]], tables: Mapping[str, Table]
) -> dict[str, Reference]:
    """Return the kinds of features by their codes, each with its table.

    Older files tell a colour before the table, which may have commas: the table is what is declared as one.
    """
    kinds = {kind.lower(): kind for kind in KINDS}
    found = {}
    for code, (number, (_, name, kind, *rest)) in codes.items():
        if kind.lower() not in kinds:
            lines.fail(f"{shown(kind)} is none of the kinds {', '.join(KINDS)}", number)
        table = next((part for part in rest if part in tables), None)
        if table is None:
            lines.fail(f"the table {shown(rest[0])} of the code {code} is not declared", number)
        found[code] = Reference(code, name, kinds[kind.lower()], table)
    return found


def read_tables(lines: Lines, separator: str) -> dict[str, Table]:
    """Read to TableStructureEnd; return the tables by name."""
    found: dict[str, Table] = {}
    while (line := lines.take()).lower() != "tablestructureend":
        name, *rest = (part.strip() for part in line.split(separator))
        count = whole_number(rest[0]) if rest else None
        if count is None or count > _MOST_FIELDS:
            lines.fail(f"a table and the number of its fields should stand here, not {shown(line)}")
        if name in found:
            lines.fail(f"the table {name} was declared in line {found[name].line} already")
        start = lines.number
        fields = tuple(_field(lines, separator) for _ in range(count))
        if lines.take() != "0":
            lines.fail(f"the {count} fields of the table {name} should be followed by 0")
        found[name] = Table(name, fields, start)
    return found


def _field(lines: Lines, separator: str) -> Field:
    line = lines.take()
    name, *rest = (part.strip() for part in line.split(separator))
    kind = _TYPES.get(rest[0].lower()) if rest else None
    if not name or kind is None:
        lines.fail(f"a field and its type should stand here, not {shown(line)}")
    sizes = [whole_number(part) for part in rest[1:3] if part]
    if None in sizes:
        lines.fail(f"width and decimals of the field {name} should be numbers: {shown(line)}")
    width, decimals = (*sizes, None, None)[:2]
    return Field(name, kind, width, decimals)
