"""Rows in the form of COPY BINARY, read back by a plain reader of that form."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from gis.errors import InputError
from gis.store.encode import BLOCK, blocks, keys_of
from gis.store.layout import CHOICES, LISTS, NUMBERS, PLAIN, RECORD, WORDS, plain_kind
from gis.vocabulary import FACTS, VERDICTS

PATTERNS = [0.0, -0.0, 5e-324, 1.7976931348623157e308, -1 / 3, np.pi, np.inf, -np.inf, np.nan, 2.0**53 + 1]


def _columns(count: int) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    columns: dict[str, Any] = {n: np.array(PATTERNS)[rng.integers(0, len(PATTERNS), count)] for n in NUMBERS}
    for names, most in ((WORDS, 2**31 - 1), (LISTS, 2**24 + 3), (tuple(CHOICES), 3)):
        for name in names:
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
    for i in [*range(40), *range(BLOCK - 3, BLOCK + 3), count - 1]:
        found = dict(zip(PLAIN, rows[i][1:-1], strict=True))
        record = np.frombuffer(rows[i][-1], RECORD)[0]
        for name, column in columns.items():
            value = np.frombuffer(found[name], plain_kind(name))[0] if name in PLAIN else record[name]
            expected = _stored(column, i)
            if name in NUMBERS:
                assert np.float64(value).tobytes() == np.float64(expected).tobytes()
            else:
                assert value == expected


def test_every_column_of_the_vocabulary_has_a_place() -> None:
    names = [*NUMBERS, *WORDS, *LISTS, *CHOICES]
    assert len(names) == len(set(names)) == len(RECORD.names or ()) + len(PLAIN)
    assert set(PLAIN) <= set(names)
    assert {c.name for c in FACTS} <= set(names)
    better = {c.name for c in VERDICTS} - set(names)
    assert {n.removeprefix("geothermal_") for n in better} == {
        "status", "score", "capacity_kw", "installed_share_frac", "energy_share_frac", "reasons"
    }  # fmt: skip
    # Reading a number in SQL takes eight bytes more than it has.
    assert all(RECORD.fields[n][1] + 16 <= RECORD.itemsize for n in NUMBERS if n not in PLAIN)  # type: ignore[index]
    assert all(len(words) < 256 for words in CHOICES.values())


def test_ids_are_texts_and_present() -> None:
    assert keys_of(["a", "乙"]).to_pylist() == ["a", "乙"]
    assert keys_of(pa.chunked_array([["a"], ["b"]])).to_pylist() == ["a", "b"]
    assert list(blocks(keys_of([]), _columns(0))) == []
    with pytest.raises(InputError, match="has no id"):
        keys_of(["a", None])
