"""Rows in the form of COPY BINARY, read back by a plain reader of that form."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from gis.errors import InputError
from gis.store.decode import unpacked
from gis.store.encode import BLOCK, blocks, keys_of
from gis.store.layout import (
    CHOICES,
    GROUP,
    HEAD,
    LISTS,
    MAP_BYTES,
    MAPS,
    NUMBERS,
    PACKED,
    PLAIN,
    SHARED,
    SHARED_NUMBERS,
    SHARED_WORDS,
    WORDS,
    plain_kind,
)
from gis.vocabulary import FACTS, VERDICTS

PATTERNS = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    5e-324,
    1.7976931348623157e308,
    -1 / 3,
    np.pi,
    np.inf,
    -np.inf,
    np.nan,
    2.0**53 + 1,
]


def _columns(count: int) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    numbers = [n for n in NUMBERS if n not in GROUP]
    columns: dict[str, Any] = {n: np.array(PATTERNS)[rng.integers(0, len(PATTERNS), count)] for n in numbers}
    for names, most in ((WORDS, 2**31 - 1), (LISTS, 2**24 + 3), (tuple(CHOICES), 3), (SHARED, 2**31 - 1)):
        for name in (n for n in names if n not in GROUP):
            ids = np.append(rng.integers(1, most, 9, endpoint=True), 0)
            columns[name] = rng.integers(-1, 9, count).astype(np.int8), ids
    return columns


def _fields(data: bytes) -> list[list[bytes]]:
    rows, at = [], 0
    while at < len(data):
        (count,) = struct.unpack_from(">h", data, at)
        at += 2
        row = []
        for _ in range(count):
            (length,) = struct.unpack_from(">i", data, at)
            row.append(data[at + 4 : at + 4 + length])
            at += 4 + length
        rows.append(row)
    return rows


def _stored(column: Any, i: int) -> float | int:
    if isinstance(column, tuple):
        codes, ids = column
        return int(ids[codes[i]])
    return float(column[i]) if np.isfinite(column[i]) else float("nan")


def test_every_value_stands_where_the_layout_has_it() -> None:
    count = BLOCK + 300
    ids = [f"地块-{i}" * (i % 4) + str(i) for i in range(count + 5)]
    columns = _columns(count)
    keys = keys_of(pa.array(ids))[5:]
    rows = [row for block in blocks(keys, columns) for row in _fields(bytes(block))]
    assert [row[0].decode() for row in rows] == ids[5:]
    heads, numbers = unpacked([row[-1] for row in rows])
    for i in [*range(40), *range(BLOCK - 3, BLOCK + 3), count - 1]:
        plain = {n: np.frombuffer(f, plain_kind(n))[0] for n, f in zip(PLAIN, rows[i][1:-1], strict=True)}
        found = plain | dict(zip(HEAD.names or (), heads[i], strict=True))
        found |= zip(PACKED, numbers[i], strict=True)
        assert set(columns) == set(found) - set(MAPS)
        for name, column in columns.items():
            value = found[name]
            expected = _stored(column, i)
            if name in NUMBERS:
                assert np.float64(value).tobytes() == np.float64(expected).tobytes()
            else:
                assert value == expected


def test_a_record_is_read_by_its_maps_alone() -> None:
    columns = _columns(200)
    (block,) = blocks(keys_of([str(i) for i in range(200)]), columns)
    for i, row in enumerate(_fields(bytes(block))):
        record, at = row[-1], HEAD.itemsize
        for number, name in enumerate(PACKED):
            maps = [record[MAP_BYTES * m + number // 8] >> number % 8 & 1 for m in range(len(MAPS))]
            assert sum(maps) <= 1
            value = (0.0, 1.0, float("nan"))[maps.index(1) - 1 if 1 in maps[1:] else 2]
            if maps[0]:
                (value,) = struct.unpack_from("<d", record, at)
                at += 8
            assert struct.pack("<d", value) == struct.pack("<d", _stored(columns[name], i))
        assert at == len(record)


def test_every_column_of_the_vocabulary_has_a_place() -> None:
    names = [*NUMBERS, *WORDS, *LISTS, *CHOICES]
    own = [*PLAIN, *PACKED, *(HEAD.names or ())]
    assert len(names) == len(set(names))
    assert sorted(names) == sorted(set(own) - {*MAPS, *SHARED} | set(GROUP))
    assert len(own) + len(GROUP) == len(names) + len(MAPS) + len(SHARED)
    for group, shared in SHARED.items():
        assert sorted(shared) == sorted((*SHARED_NUMBERS[group], *SHARED_WORDS[group]))
        assert SHARED_WORDS[group]
    assert set(PLAIN) <= set(names)
    assert {c.name for c in FACTS} <= set(names)
    better = {c.name for c in VERDICTS} - set(names)
    assert {n.removeprefix("geothermal_") for n in better} == {
        "status", "score", "capacity_kw", "installed_share_frac", "energy_share_frac", "reasons"
    }  # fmt: skip
    # Reading a number in SQL takes the eight bytes before it.
    assert HEAD.itemsize >= 8
    assert all(len(words) < 256 for words in CHOICES.values())


def test_ids_are_texts_and_present() -> None:
    assert keys_of(["a", "乙"]).to_pylist() == ["a", "乙"]
    assert keys_of(pa.chunked_array([["a"], ["b"]])).to_pylist() == ["a", "b"]
    assert list(blocks(keys_of([]), _columns(0))) == []
    with pytest.raises(InputError, match="has no id"):
        keys_of(["a", None])
