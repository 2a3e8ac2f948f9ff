"""Texts of a column: how long they are in an encoding, and whether they are garbled."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bools = npt.NDArray[np.bool_]

_IDEOGRAPH = re.compile("[㐀-䶿一-鿿]")
# What remains of bytes that were read as UTF-8 or GBK and are none.
_BROKEN = re.compile("\ufffd|锟斤拷")
_WIDEST_BYTES = 4


def bools(values: pa.Array) -> Bools:
    """Return an array of Arrow as one of NumPy, null as False."""
    return np.asarray(pc.fill_null(values, False).to_numpy(zero_copy_only=False), dtype=bool)


def kept(values: pa.Array) -> pa.Array:
    """Return a copy of a column: rows that were read together stay in memory for as long as one of theirs."""
    return values.take(pa.array(np.arange(len(values))))


def where(values: pa.Array, holds: Callable[[str], bool], asked: Bools | None = None) -> Bools:
    """Return where a text is there and `holds`; only rows `asked` for are looked at, each text once."""
    shown = values if asked is None else pc.if_else(pa.array(asked), values, pa.scalar(None, values.type))
    words = pc.dictionary_encode(shown)
    told = np.array([holds(word) for word in words.dictionary.to_pylist()] + [False], dtype=bool)
    places = pc.fill_null(words.indices, len(told) - 1)
    return np.asarray(told[np.asarray(places)], dtype=bool)


def lengths(values: pa.Array, encoding: str | None) -> npt.NDArray[np.int64]:
    """Return lengths of texts, in bytes of an encoding or in characters; of what is missing 0."""
    if encoding is None:
        found = pc.utf8_length(values)
    elif encoding.lower() in ("utf-8", "utf8"):
        found = pc.binary_length(values)
    else:
        found = pa.array(
            [None if v is None else len(v.encode(encoding, "replace")) for v in values.to_pylist()],
            pa.int64(),
        )
    return np.asarray(pc.fill_null(pc.cast(found, pa.int64()), 0).to_numpy(zero_copy_only=False))


def too_long(values: pa.Array, width: int, encoding: str | None) -> Bools:
    """Return which texts are longer than a width, in characters or in bytes of an encoding."""
    if encoding is None:
        return lengths(values, None) > width
    # Most are short in any encoding.
    found = lengths(values, None) * _WIDEST_BYTES > width
    rows = np.flatnonzero(found)
    found[rows] = lengths(values.take(pa.array(rows)), encoding) > width
    return found


def garbled(values: pa.Array) -> Bools:
    """Return which texts hold signs of bytes that were read in another encoding than they were written in."""
    return where(values, is_garbled, ~bools(pc.string_is_ascii(values)))


def is_garbled(text: str) -> bool:
    """Tell whether a text is one of Chinese in UTF-8 that was read as GB18030 or Latin, or has lost signs."""
    if _BROKEN.search(text):
        return True
    for encoding in ("gb18030", "cp1252", "latin-1"):
        try:
            meant = text.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
        if _IDEOGRAPH.search(meant):
            return True
    return False


def decoded(values: pa.Array) -> pa.Array:
    """Return texts without those that are no UTF-8, which nothing can be told of."""
    right = decodable(values)
    return values if right.all() else pc.if_else(pa.array(right), values, pa.scalar(None, values.type))


def decodable(values: pa.Array) -> Bools:
    """Return which texts are UTF-8, as all that was decoded rightly is."""
    try:
        values.validate(full=True)
    except pa.ArrowInvalid:
        raw = values.cast(pa.binary()).to_pylist()
        return np.array([one is None or _decodes(one) for one in raw], dtype=bool)
    return np.ones(len(values), dtype=bool)


def _decodes(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
