"""The values of a table: identifiers, codes, domains, ranges, widths, decimals and dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gis.export.checks.findings import Rows, Tally, Values, shown
from gis.export.checks.texts import Bools, bools, decodable, decoded, garbled, lengths, too_long, where
from gis.export.found import Found
from gis.export.model import BETWEEN, Column, Table
from gis.export.profile import Common
from layers import Text

_DAY_MS = 86_400_000
_WHOLE = Text(zh="整数", en="whole number")
_FINITE = Text(zh="有限的数", en="finite number")


@dataclass(frozen=True)
class Checked:
    """What the values of a table are held against; `columns` are those found by their declared names.

    `districts` are the known codes of districts with the name of their table, None where there is none.
    """

    table: Table
    found: Found
    columns: Mapping[str, str]
    common: Common
    districts: tuple[str, pa.Array] | None


def check_values(checked: Checked, rows: Rows, values: pa.RecordBatch, tally: Tally) -> None:
    """Hold all declared columns of some rows against what is declared."""
    types = {column.name: column.type for column in checked.found.columns}
    for column in checked.table.columns:
        name = checked.columns.get(column.name)
        if name is None:
            continue
        array, kind = values.column(name), types[name]
        if kind == "text" and column.type == "text":
            _texts(checked, column, array, rows, tally)
        else:
            _missing(column, np.asarray(array.is_null()), rows, tally)
            if kind in ("integer", "float") and column.type in ("integer", "float"):
                _numbers(column, array, rows, tally)
            elif kind == "date" and column.type == "date":
                _dates(column, array, rows, tally)


def _missing(column: Column, missing: Bools, rows: Rows, tally: Tally) -> None:
    if column.required:
        tally.rows("V-VAL-1", rows, missing, lambda i: {"column": column.name}, column=column.name)


def _texts(checked: Checked, column: Column, given: pa.Array, rows: Rows, tally: Tally) -> None:
    name = column.name
    encoding = checked.found.encoding or "UTF-8"
    right = decodable(given)
    tally.rows("V-ENC-4", rows, ~right, lambda i: {"column": name, "encoding": encoding}, column=name)
    array = decoded(given)
    missing = bools(pc.equal(pc.utf8_trim_whitespace(array), "")) | np.asarray(array.is_null())
    common = checked.common
    if name == common.bsm.name:
        _identifiers(column, array, missing, rows, tally)
        return
    if name == common.ysdm.name:
        declared = checked.table.ysdm
        wrong = ~bools(pc.equal(array, declared))
        tally.rows("V-YSDM-1", rows, wrong, lambda i: {"value": array[i].as_py() or "", "declared": declared})
        return
    _missing(column, missing, rows, tally)
    if name == common.district_code.name and checked.districts is not None:
        table, known = checked.districts
        strange = ~missing & ~bools(pc.is_in(array, value_set=known))
        tally.rows(
            "V-XZQ-1", rows, strange, lambda i: {"value": shown(array[i]), "table": table},
            checked=int((~missing).sum()),
        )  # fmt: skip
    there = int((~missing).sum())
    if column.domain:
        wrong = ~missing & _strange(column, array)
        tally.rows("V-VAL-2", rows, wrong, lambda i: _value(column, array, i), column=name, checked=there)
    else:
        wrong = garbled(array)
        tally.rows("V-ENC-5", rows, wrong, lambda i: _value(column, array, i), column=name, checked=there)
    sound = pc.if_else(pa.array(~wrong), array, pa.scalar(None, array.type))
    _widths(checked, column, sound, there, rows, tally)


def _value(column: Column, array: pa.Array, index: int) -> Values:
    return {"column": column.name, "value": shown(array[index])}


def _widths(checked: Checked, column: Column, array: pa.Array, there: int, rows: Rows, tally: Tally) -> None:
    """Tell of texts with more characters than declared, or more bytes than the column of the file takes."""
    limits: list[tuple[int, str | None]] = [] if column.width is None else [(column.width, None)]
    found = next(c for c in checked.found.columns if c.name == checked.columns[column.name])
    if checked.found.bytewise and found.width:
        limits.append((found.width, checked.found.encoding))
    long = np.zeros(rows.count, dtype=bool)
    excess: dict[int, tuple[int, int]] = {}
    for width, encoding in limits:
        over = ~long & too_long(array, width, encoding)
        long |= over
        measured = lengths(array.filter(pa.array(over)), encoding)
        excess |= {int(i): (int(n), width) for i, n in zip(np.flatnonzero(over), measured, strict=True)}

    def told(i: int) -> Values:
        length, width = excess[i]
        return {**_value(column, array, i), "length": length, "width": width}

    tally.rows("V-VAL-4", rows, long, told, column=column.name, checked=there)


def _identifiers(column: Column, array: pa.Array, missing: Bools, rows: Rows, tally: Tally) -> None:
    tally.rows("V-BSM-1", rows, missing, lambda i: {})
    width = column.width or 0
    length = lengths(array, None)
    wrong = ~missing & (length != width)
    tally.rows(
        "V-BSM-2", rows, wrong,
        lambda i: {"value": shown(array[i]), "length": int(length[i]), "width": width},
        checked=int((~missing).sum()),
    )  # fmt: skip


def _strange(column: Column, array: pa.Array) -> Bools:
    """Return which values, or one of several in them, are none of the domain."""
    known = {one.written for one in column.domain}
    if not column.several:
        return ~bools(pc.is_in(array, value_set=pa.array(sorted(known), array.type)))
    return where(array, lambda text: not all(part.strip() in known for part in text.split(BETWEEN)))


def _numbers(column: Column, array: pa.Array, rows: Rows, tally: Tally) -> None:
    there = np.asarray(array.is_valid())
    count = int(there.sum())
    numbers = np.asarray(pc.cast(array, pa.float64(), safe=False).fill_null(0.0).to_numpy())
    name = column.name

    def value(i: int) -> Values:
        return {"column": name, "value": _number(array[i].as_py())}

    finite = np.isfinite(numbers)
    odd = there & ~finite
    if column.type == "integer":
        odd |= there & finite & (numbers != np.trunc(numbers))
    tally.rows(
        "V-VAL-7", rows, odd,
        lambda i: {**value(i), "wanted": _FINITE if not finite[i] else _WHOLE}, column=name, checked=count,
    )  # fmt: skip
    sound = there & ~odd
    if column.minimum is not None or column.maximum is not None:
        low = -np.inf if column.minimum is None else column.minimum
        high = np.inf if column.maximum is None else column.maximum
        span = _range(column)
        outside = sound & ((numbers < low) | (numbers > high))
        tally.rows(
            "V-VAL-3", rows, outside, lambda i: {**value(i), "range": span}, column=name, checked=count
        )
    decimals = column.decimals or 0
    if column.width is not None:
        limit = 10.0 ** (column.width - decimals)
        long = sound & (np.abs(numbers) >= limit)
        tally.rows(
            "V-VAL-4", rows, long,
            lambda i: {**value(i), "length": len(f"{abs(numbers[i]):.0f}") + decimals, "width": column.width},
            column=name, checked=count,
        )  # fmt: skip
    if column.type == "float" and column.decimals is not None:
        fine = sound & _finer(numbers, decimals)
        tally.rows(
            "V-VAL-5", rows, fine, lambda i: {**value(i), "decimals": decimals}, column=name, checked=count
        )


def _finer(numbers: npt.NDArray[np.float64], decimals: int) -> Bools:
    """Return which numbers have more decimals, beyond what a double can tell apart."""
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.abs(numbers - np.round(numbers, decimals))
        slack = np.maximum(4 * np.spacing(np.abs(numbers)), 10.0 ** -(decimals + 6))
        return np.asarray(off > slack, dtype=bool)


def _number(value: object) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _range(column: Column) -> Text:
    low, high = ("" if end is None else f"{end:g}" for end in (column.minimum, column.maximum))
    unit = f" {column.unit}" if column.unit and column.unit != "1" else ""
    if not low:
        return Text(zh=f"不大于 {high}{unit}", en=f"{high}{unit} at most")
    if not high:
        return Text(zh=f"不小于 {low}{unit}", en=f"{low}{unit} at least")
    return Text(zh=f"{low}～{high}{unit}", en=f"{low} to {high}{unit}")


def _dates(column: Column, array: pa.Array, rows: Rows, tally: Tally) -> None:
    there = np.asarray(array.is_valid())
    late = np.zeros(len(array), dtype=bool)
    if pa.types.is_timestamp(array.type):
        moments = pc.cast(pc.cast(array, pa.timestamp("ms")), pa.int64()).fill_null(0)
        late = there & (np.asarray(moments) % _DAY_MS != 0)
    tally.rows(
        "V-VAL-6", rows, late, lambda i: {"column": column.name, "value": str(array[i].as_py())},
        column=column.name, checked=int(there.sum()),
    )  # fmt: skip
