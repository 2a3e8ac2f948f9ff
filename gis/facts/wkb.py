"""Columns of geometries as bytes or as nested lists of coordinates, read into arrays without an object a row.

Well-known binary: OGC 06-103r4 (Simple feature access, part 1), clause 8.2.6, with the
flags of PostGIS (EWKB) for a third dimension, a measure and a CRS, which are skipped.
Nested lists: the native encodings of the GeoArrow specification 0.2, which GeoParquet 1.1 takes over.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gis.compiled import compiled, in_blocks, lean
from gis.errors import InputError
from gis.facts.ragged import ORIGIN, Bools, Floats, Ints, Kind, Shapes

Bytes = npt.NDArray[np.uint8]

_SINGLE: dict[Kind, int] = {"point": 1, "line": 2, "polygon": 3}
_TO_MULTI = 3
_BLOCK = 20_000

_EWKB_Z, _EWKB_M, _EWKB_SRID = 0x80000000, 0x40000000, 0x20000000
_FINE, _CUT, _OTHER, _BROKEN, _OPEN, _SHORT, _INFINITE = range(7)
_FAULTS = {
    _CUT: "its bytes end too early",
    _OTHER: "it is of another type",
    _BROKEN: "it is no well-known binary",
    _OPEN: "a ring does not end where it begins",
    _SHORT: "a ring or line has too few vertices",
    _INFINITE: "a coordinate is not a finite number",
}


def shapes_of(
    column: pa.Array | pa.ChunkedArray,
    kind: Kind,
    origin: tuple[float, float] = ORIGIN,
    first_row: int = 1,
) -> Shapes:
    """Return an Arrow column of geometries of one kind, single or multi, as shapes.

    The column holds WKB or EWKB (either byte order), or coordinates in the lists and
    structs of GeoArrow. A third dimension, a measure and a CRS number are dropped;
    missing and empty geometries become shapes without rings. `first_row` is the number
    of the column's first row in messages. Raises InputError, which names the row, for
    bytes that are broken and for geometries of another kind.
    """
    array = _one_array(column)
    binary = pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type)
    xy, rings, shapes, shells = (
        _from_bytes(array, kind, origin, first_row) if binary else _from_lists(array, kind, origin, first_row)
    )
    fault, ring = _checked(xy, rings, _SINGLE[kind])
    if fault:
        raise _refusal(fault, kind, first_row + int(np.searchsorted(shapes, ring, side="right")) - 1)
    return Shapes.from_arrays(kind, xy, rings, shapes, shells, origin)


def _one_array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return a column as one plain array: chunks joined, extension types as what they are stored in."""
    if isinstance(column.type, pa.ExtensionType):
        column = column.cast(column.type.storage_type)
    if pa.types.is_binary_view(column.type) or (
        isinstance(column, pa.ChunkedArray) and pa.types.is_binary(column.type)
    ):
        column = column.cast(pa.large_binary())  # 32 bits would not count the bytes of all chunks
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _refusal(fault: int, kind: Kind, row: int) -> InputError:
    return InputError(f"The geometry in row {row} cannot be read as a {kind}: {_FAULTS[fault]}.")


def offsets_of(array: pa.Array) -> Ints:
    """Return the n + 1 offsets of a list, text or binary array into its whole values, slices minded."""
    wide = pa.types.is_large_list(array.type) or pa.types.is_large_binary(array.type)
    wide = wide or pa.types.is_large_string(array.type)
    buffer = array.buffers()[1]
    if buffer is None or len(array) == 0:
        return np.zeros(1, dtype=np.int64)
    stored = np.frombuffer(buffer, dtype=np.int64 if wide else np.int32)
    return np.ascontiguousarray(stored[array.offset : array.offset + len(array) + 1], dtype=np.int64)


def bytes_of(array: pa.Array) -> Bytes:
    """Return the bytes that the offsets of a text or binary array point into."""
    buffer = array.buffers()[2]
    data = np.zeros(0, dtype=np.uint8) if buffer is None else np.frombuffer(buffer, dtype=np.uint8)
    data.setflags(write=False)  # one signature of the kernels, whoever owns the buffer
    return data


def valid_of(array: pa.Array) -> Bools:
    """Return where an array has values."""
    return np.ascontiguousarray(array.is_valid().to_numpy(zero_copy_only=False))


def _from_bytes(
    array: pa.Array, kind: Kind, origin: tuple[float, float], first_row: int
) -> tuple[Floats, Ints, Ints, Bools]:
    data, offsets, valid = bytes_of(array), offsets_of(array), valid_of(array)
    if len(array) and (offsets[-1] > len(data) or offsets[0] < 0 or (np.diff(offsets) < 0).any()):
        raise InputError("The column of geometries is broken: its offsets point outside its bytes.")
    single, count = _SINGLE[kind], len(array)
    counts = np.zeros((count, 2), dtype=np.int64)  # rings, vertices
    for fault, row in in_blocks(
        lambda a, b: _count(data, offsets, valid, single, a, b, counts), count, _BLOCK
    ):
        if fault:
            raise _refusal(fault, kind, first_row + row)
    starts = np.zeros((count + 1, 2), dtype=np.int64)
    np.cumsum(counts, axis=0, out=starts[1:])
    xy = np.empty((starts[-1, 1], 2))
    rings = np.zeros(starts[-1, 0] + 1, dtype=np.int64)
    shells = np.zeros(starts[-1, 0], dtype=np.bool_)
    east, north = float(origin[0]), float(origin[1])
    in_blocks(
        lambda a, b: _fill(data, offsets, valid, single, a, b, starts, east, north, xy, rings, shells),
        count,
        _BLOCK,
    )
    return xy, rings, np.ascontiguousarray(starts[:, 0]), shells


@lean
def _word(data: Bytes, at: int, little: bool) -> int:
    """Return the unsigned number of four bytes."""
    a, b, c, d = np.int64(data[at]), np.int64(data[at + 1]), np.int64(data[at + 2]), np.int64(data[at + 3])
    if little:
        return int(a | (b << 8) | (c << 16) | (d << 24))
    return int(d | (c << 8) | (b << 16) | (a << 24))


@lean
def _little(data: Bytes, at: int) -> float:
    """Return the double of eight bytes, the lowest first."""
    # Unsigned places, shifts known beforehand and no choice inside: one read of eight bytes.
    bits, place = np.uint64(0), np.uint64(at)
    for i in range(8):
        bits |= np.uint64(data[place + np.uint64(i)]) << np.uint64(8 * i)
    return np.uint64(bits).view(np.float64)


@lean
def _big(data: Bytes, at: int) -> float:
    """Return the double of eight bytes, the highest first."""
    bits, place = np.uint64(0), np.uint64(at)
    for i in range(8):
        bits |= np.uint64(data[place + np.uint64(i)]) << np.uint64(56 - 8 * i)
    return np.uint64(bits).view(np.float64)


@lean
def _header(data: Bytes, at: int, end: int) -> tuple[int, bool, int, int, int]:
    """Return fault, whether little-endian, type without flags, numbers a vertex, and where it goes on."""
    if at + 5 > end:
        return _CUT, True, 0, 0, at
    if data[at] > 1:
        return _BROKEN, True, 0, 0, at
    little = data[at] == 1
    word = _word(data, at + 1, little)
    at += 5
    if word & _EWKB_SRID:
        at += 4
    flags = word & (_EWKB_Z | _EWKB_M)
    code = word & 0x1FFFFFFF
    more = code // 1000  # ISO: 1000 with Z, 2000 with M, 3000 with both
    if more > 3 or (more and flags):
        return _BROKEN, True, 0, 0, at
    width = 2 + (more + 1) // 2
    if flags:
        width = 4 if flags == (_EWKB_Z | _EWKB_M) else 3
    return _CUT if at > end else _FINE, little, code % 1000, width, at


@lean
def _row(
    data: Bytes, at: int, end: int, single: int, filling: bool, ring: int, vertex: int,
    east: float, north: float, xy: Floats, rings: Ints, shells: Bools,
) -> tuple[int, int, int]:  # fmt: skip
    """Read the geometry in data[at:end]; return fault and the next free ring and vertex.

    Every read is checked against `end`. Without `filling` nothing is written.
    """
    fault, little, code, width, at = _header(data, at, end)
    members, inside = 1, False
    if fault == _FINE and code == single + _TO_MULTI:
        if at + 4 > end:
            return _CUT, ring, vertex
        members, inside = _word(data, at, little), True
        at += 4
    elif fault == _FINE and code != single:
        return _OTHER, ring, vertex
    for _ in range(members):
        if inside:
            fault, little, code, width, at = _header(data, at, end)
            if fault == _FINE and code != single:
                return _BROKEN, ring, vertex
        if fault == _FINE:
            fault, at, ring, vertex = _member(
                data, at, end, single, little, width, filling, ring, vertex, east, north, xy, rings, shells
            )
        if fault != _FINE:
            return fault, ring, vertex
    return _FINE if at == end else _BROKEN, ring, vertex


@lean
def _member(
    data: Bytes, at: int, end: int, single: int, little: bool, width: int, filling: bool, ring: int,
    vertex: int, east: float, north: float, xy: Floats, rings: Ints, shells: Bools,
) -> tuple[int, int, int, int]:  # fmt: skip
    """Read one point, line string or polygon behind its header; return as `_row`, and where it ends."""
    strings = 1
    if single == 3:
        if at + 4 > end:
            return _CUT, at, ring, vertex
        strings = _word(data, at, little)
        at += 4
    for s in range(strings):
        count = 1
        if single != 1:
            if at + 4 > end:
                return _CUT, at, ring, vertex
            count = _word(data, at, little)
            at += 4
        if count > (end - at) // (8 * width):
            return _CUT, at, ring, vertex
        # An empty point is written as one at no place.
        if count > 0 and not (single == 1 and _nowhere(data, at, little)):
            if filling:
                _vertices(data, at, count, 8 * width, little, east, north, xy, vertex)
                rings[ring + 1] = vertex + count
                shells[ring] = s == 0
            ring += 1
            vertex += count
        at += count * 8 * width
    return _FINE, at, ring, vertex


@lean
def _vertices(
    data: Bytes, at: int, count: int, step: int, little: bool, east: float, north: float, xy: Floats, to: int
) -> None:
    """Write vertices, `step` bytes apart, to `xy` from row `to` on."""
    if little:
        for v in range(count):
            xy[to + v, 0] = _little(data, at + v * step) - east
            xy[to + v, 1] = _little(data, at + v * step + 8) - north
    else:
        for v in range(count):
            xy[to + v, 0] = _big(data, at + v * step) - east
            xy[to + v, 1] = _big(data, at + v * step + 8) - north


@lean
def _nowhere(data: Bytes, at: int, little: bool) -> bool:
    if little:
        return math.isnan(_little(data, at)) and math.isnan(_little(data, at + 8))
    return math.isnan(_big(data, at)) and math.isnan(_big(data, at + 8))


@compiled
def _count(
    data: Bytes, offsets: Ints, valid: Bools, single: int, start: int, stop: int, counts: Ints
) -> tuple[int, int]:
    """Count rings and vertices of rows start to stop; return the first fault and its row."""
    xy, rings, shells = np.empty((0, 2)), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.bool_)
    for i in range(start, stop):
        if valid[i]:
            fault, ring, vertex = _row(
                data, offsets[i], offsets[i + 1], single, False, 0, 0, 0.0, 0.0, xy, rings, shells
            )
            if fault != _FINE:
                return fault, i
            counts[i, 0], counts[i, 1] = ring, vertex
    return _FINE, -1


@lean
def _fill(
    data: Bytes, offsets: Ints, valid: Bools, single: int, start: int, stop: int, starts: Ints,
    east: float, north: float, xy: Floats, rings: Ints, shells: Bools,
) -> None:  # fmt: skip
    """Write rings and vertices of rows start to stop, which `_count` found fine."""
    for i in range(start, stop):
        if valid[i]:
            ring, vertex = starts[i, 0], starts[i, 1]
            _row(data, offsets[i], offsets[i + 1], single, True, ring, vertex, east, north, xy, rings, shells)


@lean
def _checked(xy: Floats, rings: Ints, single: int) -> tuple[int, int]:
    """Return the first fault of a ring and the ring: what GEOS refuses too, and numbers that are none."""
    least = 4 if single == 3 else single
    for r in range(len(rings) - 1):
        first, last = rings[r], rings[r + 1] - 1
        if last - first + 1 < least:
            return _SHORT, r
        for v in range(first, last + 1):
            if not (np.isfinite(xy[v, 0]) and np.isfinite(xy[v, 1])):
                return _INFINITE, r
        if single == 3 and (xy[first, 0] != xy[last, 0] or xy[first, 1] != xy[last, 1]):
            return _OPEN, r
    return _FINE, -1


def _from_lists(
    array: pa.Array, kind: Kind, origin: tuple[float, float], first_row: int
) -> tuple[Floats, Ints, Ints, Bools]:
    """Return the arrays of a GeoArrow column; its depth tells single from multi."""
    valid = valid_of(array)
    levels: list[Ints] = []
    inner = array.drop_null()
    while pa.types.is_list(inner.type) or pa.types.is_large_list(inner.type):
        levels.append(np.r_[0, np.cumsum(pc.list_value_length(inner).to_numpy(zero_copy_only=False))])
        inner = inner.flatten()
    xy = _coordinates(inner)
    single = _SINGLE[kind] - 1
    if xy is None or inner.null_count or len(levels) not in (single, single + 1):
        raise InputError(f"The column of geometries holds {array.type}, which is no {kind}s.")
    held = levels.pop(0) if len(levels) > single else np.arange(int(valid.sum()) + 1)
    # What remains: offsets of polygons into rings and of rings into vertices, or of lines into vertices.
    parts = levels.pop(0) if kind == "polygon" else np.arange(held[-1] + 1)
    rings = levels.pop(0) if levels else np.arange(len(xy) + 1)
    return _dense(xy - np.asarray(origin), rings, parts, held, valid)


def _coordinates(inner: pa.Array) -> Floats | None:
    """Return the vertices of a GeoArrow column, coordinates apart or in turn; None if it is no such."""
    if pa.types.is_struct(inner.type) and {"x", "y"} <= {field.name for field in inner.type}:
        found = [inner.field(inner.type.get_field_index(name)) for name in ("x", "y")]
        if all(pa.types.is_float64(c.type) for c in found):
            return np.column_stack([c.to_numpy(zero_copy_only=False) for c in found])
    elif pa.types.is_fixed_size_list(inner.type) and pa.types.is_float64(inner.type.value_type):
        numbers = inner.flatten().to_numpy(zero_copy_only=False)
        return np.ascontiguousarray(numbers.reshape(-1, inner.type.list_size)[:, :2])
    return None


def _dense(
    xy: Floats, rings: Ints, parts: Ints, held: Ints, valid: Bools
) -> tuple[Floats, Ints, Ints, Bools]:
    """Return the arrays of shapes without empty rings and with the missing rows in their places."""
    shells = np.zeros(len(rings) - 1, dtype=np.bool_)
    shells[parts[:-1][np.diff(parts) > 0]] = True
    # An empty point is written as one at no place.
    lengths = np.diff(rings)
    full = lengths > 0
    if (lengths == 1).any():
        full[full] = ~np.isnan(xy[rings[:-1][full]]).all(axis=1) | (lengths[full] > 1)
    kept = np.r_[0, np.cumsum(full)]
    counts = np.zeros(len(valid), dtype=np.int64)
    counts[valid] = np.diff(kept[parts[held]])
    xy = xy[np.repeat(full, lengths)]
    return xy, np.r_[0, np.cumsum(lengths[full])], np.r_[0, np.cumsum(counts)], shells[full]
