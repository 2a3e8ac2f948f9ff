"""Rows of `result.parcel_result` as COPY BINARY writes them.

The format is that of the PostgreSQL manual (COPY, "Binary Format"): big-endian; a row is
the count of its fields, a field its length in bytes and its bytes. All of a row but the
parcel's id has a fixed length, so numpy fills the rows column by column and a compiled
loop puts the ids in front of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gis.compiled import compiled
from gis.errors import InputError
from gis.store.layout import NUMBERS, PLAIN, RECORD, plain_kind

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
BLOCK = 2048
"""Rows encoded at once: 2 MB, which stay in a processor's cache."""

COLUMNS = ("parcel_id", *PLAIN, "record")
"""The columns that the rows fill, in their order."""

_HEAD_BYTES = 6
# Every field's length stands in front of it.
_TAIL = np.dtype(
    [part for name in PLAIN for part in ((f"{name} length", ">i4"), (name, plain_kind(name)))]
    + [("record length", ">i4"), ("record", RECORD)]
)
# Rows stand in the buffer at multiples of eight bytes: numbers that do are filled twice as fast.
_PADDED = np.dtype([("tail", _TAIL), ("pad", f"V{-_TAIL.itemsize % 8}")])


@compiled
def _copy(source: Bytes, start: int, count: int, out: Bytes, at: int) -> int:
    # Unsigned places spare the loop the question whether an index counts from the end.
    first, target = np.uint64(start), np.uint64(at)
    for i in range(np.uint64(count)):
        out[target + i] = source[first + i]
    return at + count


@compiled
def _join(
    key_bytes: Bytes, key_ends: Longs, tails: Bytes, stride: int, width: int, fields: int, out: Bytes
) -> int:
    """Write rows to `out` and return their length in bytes.

    Row i has `fields` fields: the id `key_bytes[key_ends[i]:key_ends[i + 1]]`, and what the
    `width` bytes from `tails[i * stride]` on hold.
    """
    at = 0
    for row in range(len(key_ends) - 1):
        start, length = key_ends[row], key_ends[row + 1] - key_ends[row]
        out[at] = fields >> 8
        out[at + 1] = fields & 0xFF
        for i in range(4):
            out[at + 2 + i] = (length >> (24 - 8 * i)) & 0xFF
        at = _copy(key_bytes, start, length, out, at + 6)
        at = _copy(tails, row * stride, width, out, at)
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

    `columns` has the value of every stored column: numbers as float64, where NaN and
    infinite are missing; of all others pairs (codes, ids by code) of integers, 0 where
    missing. A block is overwritten by the next.
    """
    columns = {name: _finite(column) if name in NUMBERS else column for name, column in columns.items()}
    _, ends_buffer, bytes_buffer = keys.buffers()
    ends = np.frombuffer(ends_buffer, dtype=np.int64)[keys.offset : keys.offset + len(keys) + 1]
    key_bytes = np.frombuffer(bytes_buffer or b"", dtype=np.uint8)
    # Wherever ids come from, they are of one type to the compiler: not to be written to.
    ends.setflags(write=False)
    key_bytes.setflags(write=False)
    padded = _blank()
    tails, flat = padded["tail"], padded.view(np.uint8)
    longest = int(np.diff(ends).max(initial=0))
    out = np.empty(BLOCK * (_HEAD_BYTES + longest + _TAIL.itemsize), dtype=np.uint8)
    for start in range(0, len(keys), BLOCK):
        stop = min(start + BLOCK, len(keys))
        _fill(tails[: stop - start], columns, start, stop)
        place = ends[start : stop + 1]
        length = _join(key_bytes, place, flat, _PADDED.itemsize, _TAIL.itemsize, len(COLUMNS), out)
        yield out[:length].data


def _finite(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    infinite = np.isinf(values)
    return np.where(infinite, np.nan, values) if infinite.any() else values


def _blank() -> npt.NDArray[Any]:
    padded = np.zeros(BLOCK, dtype=_PADDED)
    for name in (*PLAIN, "record"):
        padded["tail"][f"{name} length"] = _TAIL[name].itemsize
    return padded


def _fill(tails: npt.NDArray[Any], columns: Mapping[str, Any], start: int, stop: int) -> None:
    record = tails["record"]
    for name, column in columns.items():
        target = tails if name in PLAIN else record
        if name in NUMBERS:
            target[name] = column[start:stop]
        else:
            codes, ids = column
            target[name] = ids[codes[start:stop]]
