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

_SHAPEFILE_BYTES_A_CHARACTER = 3

Cut = tuple[int, str, str]
"""Row, column and whole text of what is cut."""


@dataclass(frozen=True)
class Room:
    """How long texts may be: in characters, or in bytes of encodings in each of which they must fit.

    With `commas_between` values, none can be in one.
    """

    encodings: tuple[Encoding, ...] = ()
    shapefile: bool = False
    commas_between: bool = False

    def of(self, column: Column) -> int | None:
        """Return how long a text of a column may be; None where as long as it likes."""
        return shapefile_width(column) if self.shapefile else column.width

    def fits(self, text: str, size: int) -> bool:
        """Return whether a text is no longer than that."""
        if not self.encodings:
            return len(text) <= size
        return all(len(text.encode(encoding, "replace")) <= size for encoding in self.encodings)

    def cut(self, text: str, size: int) -> str:
        """Return the beginning of a text that fits, whole characters."""
        if not self.encodings:
            return text[:size]
        for encoding in self.encodings:
            text = text.encode(encoding, "replace")[:size].decode(encoding, "ignore")
        return text


def shapefile_width(column: Column) -> int | None:
    """Return the width in bytes of a text column of a Shapefile: three a character, as Chinese has in UTF-8.

    In GB 18030 it has two; GDAL measures before it encodes, though.
    """
    return column.width and min(SHAPEFILE_BYTES, _SHAPEFILE_BYTES_A_CHARACTER * column.width)


def room_of(form: DataFormat, encoding: Encoding) -> Room:
    """Return how a format measures texts."""
    if form == "shp":
        return Room(tuple(dict.fromkeys(("UTF-8", encoding))), shapefile=True)
    return Room(("GB18030",), commas_between=True) if form == "vct" else Room()


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
    return values if pa.types.is_dictionary(kind) else values.cast(pa.string())


def _words(values: pa.Array, column: Column) -> pa.Array:
    words = {one.stored: one.written for one in column.domain}
    if pa.types.is_dictionary(values.type):
        told = [
            None if several is None else BETWEEN.join(words.get(one, one) for one in several)
            for several in values.dictionary.to_pylist()
        ]
        return pa.array(told, pa.string()).take(values.indices)
    if not words:
        return values
    coded = values.dictionary_encode()
    named = pa.array([words.get(one, one) for one in coded.dictionary.to_pylist()], pa.string())
    return named.take(coded.indices)


def fitted(texts: pa.Array, column: Column, room: Room) -> tuple[pa.Array, list[Cut]]:
    """Return texts no longer than their column, and those that were."""
    size = room.of(column)
    if room.commas_between:
        texts = pc.replace_substring(texts, ",", "，")
    if size is None:
        return texts, []
    # No character takes more than four bytes: shorter texts need not be looked at.
    surely = pc.less_equal(pc.utf8_length(texts), size // 4 if room.encodings else size).fill_null(True)
    places = np.flatnonzero(~surely.to_numpy(zero_copy_only=False))
    long = [(p, text) for p in places.tolist() if not room.fits(text := texts[p].as_py(), size)]
    if not long:
        return texts, []
    mask = np.zeros(len(texts), dtype=bool)
    mask[[p for p, _ in long]] = True
    shorter = pa.array([room.cut(text, size) for _, text in long], pa.string())
    return pc.replace_with_mask(texts, pa.array(mask), shorter), [(p, column.name, text) for p, text in long]
