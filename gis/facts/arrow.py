"""Columns of facts and verdicts as Arrow arrays: texts by codes, missing values null."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from gis.facts.columns import Words, named
from gis.vocabulary import Column

_CODED = pa.dictionary(pa.int32(), pa.string())
TYPES: dict[str, pa.DataType] = {"float": pa.float64(), "text": _CODED, "text_list": pa.list_(_CODED)}
"""Arrow types by the type of a column."""


def coded_path(column: Column) -> str:
    """Return where Parquet keeps the values of a column."""
    return f"{column.name}.list.element" if column.type == "text_list" else column.name


def words_of(column: Any) -> Words:
    """Return a column of texts by codes."""
    return column if isinstance(column, Words) else Words.of(np.asarray(column, dtype=object))


def lists_of(column: Any) -> Words:
    """Return a column of lists by codes."""
    if isinstance(column, Words):
        return column
    seen: dict[tuple[str, ...], int] = {}
    codes = [
        seen.setdefault(tuple(value), len(seen)) if isinstance(value, list | tuple | np.ndarray) else -1
        for value in column
    ]
    return Words(np.array(codes, dtype=np.int64), named(seen))


def array_of(column: Column, values: Any) -> pa.Array:
    """Return the values of a column, float64 or `Words`; NaN and infinite are null."""
    if column.type == "float":
        numbers = np.asarray(values, dtype=np.float64)
        return pa.array(numbers, mask=~np.isfinite(numbers))
    return _words(values, column.type == "text_list")


def _words(words: Words, lists: bool) -> pa.Array:
    """Return texts or lists of texts so that Parquet writes their codes, not each text anew."""
    codes = np.asarray(words.codes, dtype=np.int32)
    taken = pa.array(np.maximum(codes, 0), mask=codes < 0)
    names = pa.array(list(words.names[:-1]), pa.list_(pa.string()) if lists else pa.string())
    if not lists:
        names = names.dictionary_encode()  # a name may stand there twice, which dictionaries must not have
        return pa.DictionaryArray.from_arrays(names.indices.take(taken), names.dictionary)
    coded = pa.ListArray.from_arrays(names.offsets, names.flatten().dictionary_encode())
    return coded.take(taken)
