"""Columns of texts, numbers or times as they were delivered, to arrays; what cannot be read stays told."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gis.ingest.values import parse_number
from gis.periods import BEIJING_TIME

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_CLOCK = re.compile(
    r"(\d{4})(?:[-/.年](\d{1,2})(?:[-/.月](\d{1,2})?日?)?|(\d{2})(\d{2})?)"
    r"(?:[ T]?(\d{1,2})[:时](\d{1,2})?(?:[:分](\d{1,2})(?:\.0+)?)?[分秒]?)?\s*(Z|[+-]\d{2}:?\d{2})?"
)
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_TIME = r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2})?)?$"


class Numbers(NamedTuple):
    """Values of a column: NaN where `empty` and where it could not be `read`."""

    values: Floats
    empty: Flags
    read: Flags


class Times(NamedTuple):
    """Seconds since 1970 of Beijing time without a zone; 0 where it could not be `read`."""

    seconds: Ints
    read: Flags


class Words(NamedTuple):
    """Texts of a column: each row's place in `texts`, -1 where it is empty."""

    places: Ints
    texts: list[str]


def numbers(column: pa.Array) -> Numbers:
    """Return the numbers of a column; thousands separators and full-width digits are understood."""
    column = _plain(column)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return _parsed_numbers(pc.utf8_trim_whitespace(column))
    empty = _flags(column.is_null())
    if pa.types.is_boolean(column.type) or not _numeric(column.type):
        return Numbers(np.full(len(column), np.nan), empty, empty.copy())
    values = _floats(column)
    empty = empty | np.isnan(values)
    finite = np.isfinite(values)
    values[~finite] = np.nan
    return Numbers(values, empty, empty | finite)


def times(column: pa.Array) -> Times:
    """Return the times of a column of texts, dates or times; those with a zone become Beijing time."""
    column = _plain(column)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        # Of many features, or of many rows a time, every time is read once.
        coded = column.dictionary_encode()
        found = _parsed_times(pc.utf8_trim_whitespace(coded.dictionary))
        places = coded.indices.fill_null(len(coded.dictionary)).to_numpy(zero_copy_only=False)
        return Times(np.append(found.seconds, 0)[places], np.append(found.read, False)[places])
    kind, read = column.type, ~_flags(column.is_null())
    if pa.types.is_date(kind):
        days = column.cast(pa.date32()).cast(pa.int32()).fill_null(0)
        return Times(days.to_numpy(zero_copy_only=False).astype(np.int64) * 86400, read)
    if not pa.types.is_timestamp(kind):
        return Times(np.zeros(len(column), dtype=np.int64), np.zeros(len(column), dtype=bool))
    per_s = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[kind.unit]
    ticks = column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    # Days as fractions miss a second by less than a thousandth; more of one begins no step, and is kept as a
    # second that begins none either.
    thousandth = max(per_s // 1000, 1)
    ticks = (ticks + thousandth // 2) // thousandth * thousandth
    seconds = ticks // per_s
    seconds += (ticks % per_s != 0) & (seconds % 60 == 0)
    return Times(seconds + (28800 if kind.tz is not None else 0), read)


def words(column: pa.Array) -> Words:
    """Return the texts of a column; numbers are written as whole numbers where they are."""
    column = _plain(column)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        column = column.cast(pa.string())
    coded = column.dictionary_encode()
    texts = [str(text).strip() for text in coded.dictionary.to_pylist()]
    places = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    if "" in texts:
        places[np.isin(places, [i for i, text in enumerate(texts) if not text])] = -1
    return Words(places, texts)


def texts_at(column: pa.Array, rows: Ints) -> list[str | None]:
    """Return the values of some rows as they were delivered."""
    taken = _plain(column).take(pa.array(rows))
    return [_text(value) if value.is_valid else None for value in taken]


def _text(value: Any) -> str:
    try:
        return str(value.as_py())[:200]
    except (OverflowError, ValueError):  # a time that no calendar has
        return str(value.value)


def _plain(column: pa.Array) -> Any:
    if pa.types.is_dictionary(column.type):
        column = cast("pa.DictionaryArray", column).dictionary_decode()
    return column


def _numeric(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _flags(array: Any) -> Flags:
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=bool)


def _floats(column: Any) -> Floats:
    values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.array(values, dtype=np.float64)


def _parsed_numbers(column: Any) -> Numbers:
    try:
        values = _floats(column)
        empty = np.isnan(values)
        read = empty | np.isfinite(values)
        values[~read] = np.nan
        return Numbers(values, empty, read)
    except pa.ArrowInvalid:
        pass
    usual = pc.match_substring_regex(column, _NUMBER).fill_null(False)
    values = _floats(pc.if_else(usual, column, None))
    empty, read = _flags(column.is_null()), _flags(usual)
    for place in np.flatnonzero(~read & ~empty):
        number = parse_number(column[int(place)].as_py())
        if number is not None:
            values[place], read[place], empty[place] = number, True, np.isnan(number)
    read &= np.isfinite(values) | empty
    values[~read] = np.nan
    return Numbers(values, empty, read | empty)


def _parsed_times(column: Any) -> Times:
    try:
        return Times(_seconds(column), ~_flags(column.is_null()))
    except pa.ArrowInvalid:
        pass
    usual = pc.match_substring_regex(column, _TIME).fill_null(False)
    read = _flags(usual)
    try:
        seconds = _seconds(pc.if_else(usual, column, None))
    except pa.ArrowInvalid:  # a day or an hour that there is not
        seconds, read = np.zeros(len(column), dtype=np.int64), np.zeros(len(column), dtype=bool)
    known: dict[str, int | None] = {}
    for place in np.flatnonzero(~read):
        text = column[int(place)].as_py()
        if text is None:
            continue
        if text not in known:
            known[text] = _second(text)
        found = known[text]
        if found is not None:
            seconds[place], read[place] = found, True
    return Times(seconds, read)


def _seconds(column: Any) -> Ints:
    ticks = column.cast(pa.timestamp("s")).cast(pa.int64()).fill_null(0)
    return np.array(ticks.to_numpy(zero_copy_only=False), dtype=np.int64)


def _second(text: str) -> int | None:
    found = _CLOCK.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if found is None:
        return None
    year, month, day, month2, day2, hour, minute, second, zone = found.groups()
    month, day = month or month2, day or day2
    if month is None:
        return None
    try:
        at = dt.datetime(
            int(year), int(month), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0)
        )
    except ValueError:
        return None
    if zone is not None:
        at = (
            pd.Timestamp(f"{at.isoformat()}{zone}").tz_convert(BEIJING_TIME).tz_localize(None).to_pydatetime()
        )
    return int((at - dt.datetime(1970, 1, 1)).total_seconds())
