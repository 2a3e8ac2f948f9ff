"""Numbers, places and values as the text of a VCT file, a column at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gis.vct.model import Field

LINE_END = "\r\n"
_SEPARATOR = ","
_DECIMAL_DIGITS = 18
# Arrow tells a decimal as Python does: with an exponent from 0.0000001 down.
_PLAIN_DECIMALS = 6

Ints = npt.NDArray[np.int64]


def whole(values: npt.ArrayLike) -> pa.Array:
    """Return whole numbers as text."""
    return pc.cast(pa.array(np.asarray(values, dtype=np.int64)), pa.string())


def fixed(scaled: Ints, decimals: int, known: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """Return numbers as text with some decimals; `scaled` are they times 10 to that power."""
    wide = np.empty((len(scaled), 2), dtype=np.int64)
    wide[:, 0], wide[:, 1] = scaled, scaled >> 63
    valid = None if known is None else pa.array(known).buffers()[1]
    kind = pa.decimal128(_DECIMAL_DIGITS, decimals)
    numbers = pa.Array.from_buffers(kind, len(scaled), [valid, pa.py_buffer(wide)])
    text = pc.cast(numbers, pa.string())
    if decimals > _PLAIN_DECIMALS and pc.any(pc.match_substring(text, "E")).as_py():
        text = pa.array([None if n is None else f"{n:f}" for n in numbers.to_pylist()], pa.string())
    return text


def beside(*parts: pa.Array | str) -> pa.Array:
    """Join texts of a row by the separator of values."""
    return pc.binary_join_element_wise(*parts, _SEPARATOR)


def below(*parts: pa.Array | str) -> pa.Array:
    """Join texts of a row line by line."""
    return pc.binary_join_element_wise(*parts, LINE_END)


def stacked(texts: pa.Array, offsets: npt.NDArray[Any], by: str = LINE_END) -> pa.Array:
    """Join runs of texts, each from one offset to the next."""
    runs = pa.ListArray.from_arrays(pa.array(np.asarray(offsets, dtype=np.int32)), texts)
    return pc.binary_join(runs, by)


def column(values: pa.Array, declared: Field) -> pa.Array:
    """Return values of a field as text, empty where missing.

    What would end a value or a line is told otherwise: a comma as the Chinese one, a line break as a space.
    """
    if declared.type == "Float":
        numbers = values.to_numpy(zero_copy_only=False).astype(np.float64)
        known, decimals = np.isfinite(numbers), declared.decimals or 0
        scaled = np.where(known, np.rint(np.where(known, numbers, 0.0) * 10.0**decimals), 0).astype(np.int64)
        text = fixed(scaled, decimals, known)
    elif declared.type == "Int":
        text = pc.cast(values, pa.string())
    elif declared.type == "Date":
        text = pc.strftime(values, "%Y%m%d")
    else:
        text = pc.replace_substring(pc.cast(values, pa.string()), ",", "，")
        text = pc.replace_substring_regex(text, r"[\r\n\x00]+", " ")
    return pc.fill_null(text, "")


def block(texts: pa.Array) -> str:
    """Return texts as the lines of a file."""
    whole_text = stacked(texts, np.array([0, len(texts)]))[0].as_py()
    return f"{whole_text}{LINE_END}" if len(texts) else ""
