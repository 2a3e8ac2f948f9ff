"""Rows of `result.parcel_result` as COPY BINARY writes them.

The format is that of the PostgreSQL manual (COPY, "Binary Format"): big-endian; a row is
the count of its fields, a field its length in bytes and its bytes. What has a fixed length
numpy fills column by column; a compiled loop puts the ids in front of it, and behind it the
numbers that have to be stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gis.compiled import compiled
from gis.errors import InputError
from gis.store.layout import HEAD, MAP_BYTES, NUMBERS, PACKED, PLAIN, plain_kind

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
BLOCK = 1024
"""Rows encoded at once: 1 MB, which stay in a processor's cache."""

COLUMNS = ("parcel_id", *PLAIN, "record")
"""The columns that the rows fill, in their order."""


class Layout(NamedTuple):
    """How many fields a row has, and bytes its fixed part, the head of its record, and a map in it."""

    fields: int
    fixed: int
    head: int
    map: int


_START_BYTES = 6
# Every field's length stands in front of it.
_FIXED = np.dtype(
    [part for name in PLAIN for part in ((f"{name} length", ">i4"), (name, plain_kind(name)))]
    + [("record length", ">i4"), ("record", HEAD)]
)
# Lines of numbers a power of two apart would take each other's place in the cache.
_LINE = BLOCK + 8


@compiled
def _copy(source: Bytes, start: int, count: int, out: Bytes, at: int) -> int:
    # Unsigned places spare the loop the question whether an index counts from the end.
    first, target = np.uint64(start), np.uint64(at)
    for i in range(np.uint64(count)):
        out[target + i] = source[first + i]
    return at + count


@compiled
def _put_length(out: Bytes, at: int, length: int) -> None:
    for i in range(4):
        out[at + i] = (length >> (24 - 8 * i)) & 0xFF


@compiled
def _pack(numbers: Numbers, row: int, maps: Bytes, packed: Numbers) -> int:
    """Write the numbers of a row that are stored to `packed`, and what of all to `maps`; return how many."""
    found, each = 0, len(maps) // 3
    maps[:] = 0
    for i in range(len(numbers)):
        value = numbers[i, row]
        bit = 1 << (i & 7)
        if value == 1.0:
            maps[2 * each + (i >> 3)] |= bit
        elif value == 0.0 and not np.signbit(value):
            maps[each + (i >> 3)] |= bit
        elif np.isfinite(value):
            maps[i >> 3] |= bit
            packed[found] = value
            found += 1
    return found


@compiled
def _join(
    key_bytes: Bytes, key_ends: Longs, fixed: Bytes, numbers: Numbers, layout: Layout, out: Bytes
) -> int:
    """Write rows to `out` and return their length in bytes.

    Row i begins with the id `key_bytes[key_ends[i]:key_ends[i + 1]]`; then comes its part of `fixed`,
    which ends with the head of the record, and behind it those of `numbers[:, i]` that are stored.
    """
    fields, width, head, map_bytes = layout
    packed = np.empty(len(numbers))
    packed_bytes = packed.view(np.uint8)
    maps = np.empty(3 * map_bytes, dtype=np.uint8)
    at = 0
    for row in range(len(key_ends) - 1):
        start, length = key_ends[row], key_ends[row + 1] - key_ends[row]
        out[at] = fields >> 8
        out[at + 1] = fields & 0xFF
        _put_length(out, at + 2, length)
        at = _copy(key_bytes, start, length, out, at + _START_BYTES)
        at = _copy(fixed, row * width, width, out, at)
        found = 8 * _pack(numbers, row, maps, packed)
        _put_length(out, at - head - 4, head + found)
        _copy(maps, 0, len(maps), out, at - head)
        at = _copy(packed_bytes, 0, found, out, at)
    return at


def keys_of(parcel_ids: Any) -> pa.LargeStringArray:
    """Return parcel ids, an Arrow string array or a sequence of texts, as one Arrow array.

    Raises InputError where one is missing.
    """
    if isinstance(parcel_ids, pa.ChunkedArray):
        parcel_ids = parcel_ids.combine_chunks()
    if not isinstance(parcel_ids, pa.Array):
        parcel_ids = pa.array(parcel_ids, type=pa.large_string(), from_pandas=True)
    keys = cast("pa.LargeStringArray", parcel_ids.cast(pa.large_string()))
    if keys.null_count:
        raise InputError("A parcel in the results has no id.")
    return keys


def blocks(keys: pa.LargeStringArray, columns: Mapping[str, Any]) -> Iterator[memoryview]:
    """Return rows as bytes for COPY, without SIGNATURE and TRAILER, block by block.

    `columns` has the value of every column of the table and of the record: numbers as float64,
    where NaN and infinite are missing; of all others, and of the groups of `SHARED`, pairs (codes,
    ids by code) of integers, 0 where missing. A block is overwritten by the next.
    """
    columns = {n: finite(c) if n in PLAIN and n in NUMBERS else c for n, c in columns.items()}
    _, ends_buffer, bytes_buffer = keys.buffers()
    ends = np.frombuffer(ends_buffer, dtype=np.int64)[keys.offset : keys.offset + len(keys) + 1]
    key_bytes = np.frombuffer(bytes_buffer or b"", dtype=np.uint8)
    # Wherever ids come from, they are of one type to the compiler: not to be written to.
    ends.setflags(write=False)
    key_bytes.setflags(write=False)
    fixed, numbers = _blank(), np.empty((len(PACKED), _LINE))
    packed = [(numbers[i], columns[name]) for i, name in enumerate(PACKED)]
    others = [
        (fixed[n] if n in PLAIN else fixed["record"][n], c) for n, c in columns.items() if n not in PACKED
    ]
    longest = int(np.diff(ends).max(initial=0))
    out = np.empty(BLOCK * (_START_BYTES + longest + _FIXED.itemsize + 8 * len(PACKED)), dtype=np.uint8)
    layout = Layout(len(COLUMNS), _FIXED.itemsize, HEAD.itemsize, MAP_BYTES)
    for start in range(0, len(keys), BLOCK):
        stop = min(start + BLOCK, len(keys))
        _fill([*packed, *others], start, stop)
        length = _join(key_bytes, ends[start : stop + 1], fixed.view(np.uint8), numbers, layout, out)
        yield out[:length].data


def finite(values: Numbers) -> Numbers:
    """Return numbers with NaN in the place of infinite ones."""
    infinite = np.isinf(values)
    return np.where(infinite, np.nan, values) if infinite.any() else values


def _blank() -> npt.NDArray[Any]:
    fixed = np.zeros(BLOCK, dtype=_FIXED)
    for name in PLAIN:
        fixed[f"{name} length"] = _FIXED[name].itemsize
    return fixed


def _fill(parts: Sequence[tuple[npt.NDArray[Any], Any]], start: int, stop: int) -> None:
    """Write some rows of columns to where they are encoded from."""
    for target, column in parts:
        if isinstance(column, tuple):
            codes, ids = column
            target[: stop - start] = ids[codes[start:stop]]
        else:
            target[: stop - start] = column[start:stop]
