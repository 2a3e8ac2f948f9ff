"""Values as a package writes them: words for codes, rounded numbers, texts that fit their columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gis.export.model import BETWEEN, Column, DataFormat, Encoding

TYPES: Mapping[str, pa.DataType] = {
    "text": pa.string(), "integer": pa.int64(), "float": pa.float64(), "date": pa.date32(),
}  # fmt: skip
SHAPEFILE_BYTES = 254
"""A text of a Shapefile has no more."""

Cut = tuple[int, str, str]
"""Row, column and whole text of what is cut."""


@dataclass(frozen=True)
class Room:
    """How texts are measured: in characters, or in bytes of an encoding; and the most there may be."""

    encoding: Encoding | None = None
    most: int | None = None

    def of(self, column: Column) -> int | None:
        """Return how long a text of a column may be."""
        sizes = [size for size in (column.width, self.most) if size is not None]
        return min(sizes, default=None)

    def length(self, text: str) -> int:
        """Return how long a text is."""
        return len(text) if self.encoding is None else len(text.encode(self.encoding, "replace"))

    def fits(self, texts: pa.Array, size: int) -> pa.Array:
        """Return which texts surely fit; the others have to be looked at one by one."""
        if self.encoding is None:
            return pc.less_equal(pc.utf8_length(texts), size)
        # No character takes more bytes in GB 18030 than four, nor in UTF-8.
        small = pc.less_equal(pc.binary_length(texts), size)
        return (
            small if self.encoding == "UTF-8" else pc.less_equal(pc.multiply(pc.utf8_length(texts), 4), size)
        )

    def cut(self, text: str, size: int) -> str:
        """Return the beginning of a text that fits, whole characters."""
        if self.encoding is None:
            return text[:size]
        return text.encode(self.encoding, "replace")[:size].decode(self.encoding, "ignore")


def room_of(form: DataFormat, encoding: Encoding) -> Room:
    """Return how a format measures texts."""
    if form == "shp":
        return Room(encoding, SHAPEFILE_BYTES)
    return Room("GB18030") if form == "vct" else Room()


def written(values: pa.Array, column: Column) -> pa.Array:
    """Return values of a source as a column has them, not cut yet; null where missing."""
    if column.type == "text":
        return _words(_texts(values), column)
    if column.type == "float":
        return pc.round(values.cast(pa.float64()), ndigits=column.decimals or 0)
    return values.cast(TYPES[column.type])


def _texts(values: pa.Array) -> pa.Array:
    kind = values.type
    if pa.types.is_boolean(kind):
        return pc.if_else(values, "true", "false")
    if pa.types.is_timestamp(kind):
        shown = pc.strftime(values, "%Y-%m-%dT%H:%M:%S%z" if kind.tz else "%Y-%m-%dT%H:%M:%S")
        return shown.cast(pa.string())
    return values if pa.types.is_list(kind) else values.cast(pa.string())


def _words(values: pa.Array, column: Column) -> pa.Array:
    words = {one.stored: one.written for one in column.domain}
    if pa.types.is_list(values.type):
        joined = (None if several is None else tuple(several) for several in values.to_pylist())
        known: dict[tuple[str, ...] | None, str | None] = {None: None}
        return pa.array([_joined(several, words, known) for several in joined], pa.string())
    if not words:
        return values
    coded = values.dictionary_encode()
    named = pa.array([words.get(one, one) for one in coded.dictionary.to_pylist()], pa.string())
    return named.take(coded.indices)


def _joined(
    several: tuple[str, ...] | None,
    words: Mapping[str, str],
    known: dict[tuple[str, ...] | None, str | None],
) -> str | None:
    # There are few different ones among many.
    if several not in known:
        known[several] = BETWEEN.join(words.get(one, one) for one in several or ())
    return known[several]


def fitted(texts: pa.Array, column: Column, room: Room) -> tuple[pa.Array, list[Cut]]:
    """Return texts no longer than their column, and those that were."""
    size = room.of(column)
    if size is None:
        return texts, []
    fits = room.fits(texts, size).fill_null(True)
    if pc.all(fits).as_py() in (True, None):
        return texts, []
    places = np.flatnonzero(~fits.to_numpy(zero_copy_only=False))
    long = [(p, text) for p in places.tolist() if room.length(text := texts[p].as_py()) > size]
    if not long:
        return texts, []
    mask = np.zeros(len(texts), dtype=bool)
    mask[[p for p, _ in long]] = True
    shorter = pa.array([room.cut(text, size) for _, text in long], pa.string())
    return pc.replace_with_mask(texts, pa.array(mask), shorter), [(p, column.name, text) for p, text in long]
