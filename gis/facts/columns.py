"""Columns of a table as plain arrays: NaN or None where a value is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from layers import LAYERS

if TYPE_CHECKING:
    import pyarrow as pa

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.signedinteger[Any]]
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Words:
    """A column by codes into the few values that occur in it, texts or lists of texts.

    The last of `names` is None, where code -1 points; a name may stand there twice.
    """

    codes: Codes
    names: Texts

    @classmethod
    def of(cls, texts: npt.NDArray[Any]) -> Words:
        """Return a text array by codes."""
        codes, names = pd.factorize(texts)
        return cls(codes, named(names))

    @classmethod
    def together(cls, columns: Sequence[Words]) -> Words:
        """Return the rows of one column after those of another."""
        first = np.cumsum([0, *(len(c.names) - 1 for c in columns)])
        codes = [np.where(c.codes < 0, -1, c.codes + start) for c, start in zip(columns, first, strict=False)]
        return cls(np.concatenate(codes), named([name for c in columns for name in c.names[:-1]]))

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: Any) -> Words:
        """Return some of the rows, or for every index the row it names."""
        return Words(self.codes[rows], self.names)

    def instead(self, where: npt.NDArray[np.bool_], other: Words) -> Words:
        """Return the rows of `other` in some places, its own in the rest."""
        shifted = np.where(other.codes < 0, -1, other.codes + (len(self.names) - 1))
        return Words(np.where(where, shifted, self.codes), named([*self.names[:-1], *other.names[:-1]]))

    def texts(self) -> Texts:
        """Return the values themselves."""
        return self.names[self.codes]


def named(names: Iterable[Any]) -> Texts:
    """Return names as an array that ends with None, where code -1 points."""
    names = list(names)
    out = np.empty(len(names) + 1, dtype=object)
    for i, name in enumerate(names):  # one by one: a list is a value, not a row
        out[i] = name
    return out


def number(frame: pd.DataFrame, name: str) -> Floats:
    """Return a numeric column of a table as float64; NaN where missing or where there is no such column."""
    if name not in frame.columns:
        return np.full(len(frame), np.nan)
    return pd.to_numeric(frame[name]).to_numpy(dtype=np.float64, na_value=np.nan)


def words(frame: pd.DataFrame, name: str) -> Words:
    """Return a text column of a table by codes; no text where missing or where there is no such column."""
    return Words.of(frame[name].to_numpy(dtype=object)) if name in frame.columns else nothing(len(frame))


JUDGED = (
    "district", "township", "land_use_code", "building_status", "building_standard", "floor_area_ratio",
    "floor_area_m2", "heated_area_m2", "building_density_frac", "population",
)  # fmt: skip
"""Fields of the layer `parcel` that results follow from; the others need not be read."""


@dataclass(frozen=True, eq=False)
class Attributes:
    """Attributes of parcels, one column each of `JUDGED`; a column that was not given is missing everywhere.

    A column is read when it is asked for; KeyError for one that is not in `JUDGED`.
    """

    count: int
    columns: Mapping[str, Callable[[], Floats | Words]]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Attributes:
        """Return the columns of a table that are judged by."""
        columns: dict[str, Callable[[], Floats | Words]] = {}
        for name, text in _TEXTS.items():
            if name in frame.columns:
                read: Callable[[], Floats | Words] = partial(words if text else number, frame, name)
                columns[name] = cache(read)
        return cls(len(frame), columns)

    @classmethod
    def of_batch(cls, batch: pa.RecordBatch) -> Attributes:
        """Return the columns of an Arrow batch that are judged by."""
        columns: dict[str, Callable[[], Floats | Words]] = {}
        for name, text in _TEXTS.items():
            if name in batch.schema.names:
                read: Callable[[], Floats | Words] = partial(_coded if text else _numbers, batch.column(name))
                columns[name] = cache(read)
        return cls(batch.num_rows, columns)

    def number(self, name: str) -> Floats:
        """Return a numeric column, NaN where missing."""
        found = self._read(name)
        return found if isinstance(found, np.ndarray) else np.full(self.count, np.nan)

    def words(self, name: str) -> Words:
        """Return a text column by codes."""
        found = self._read(name)
        return found if isinstance(found, Words) else nothing(self.count)

    def _read(self, name: str) -> Floats | Words | None:
        if name not in _TEXTS:
            raise KeyError(f"{name} is not among the fields that are read of parcels")
        return self.columns[name]() if name in self.columns else None


_TEXTS = {f.name: f.type == "text" for f in LAYERS["parcel"].fields if f.name in JUDGED}


def pick(values: Floats, feature: Ints) -> Floats:
    """Return `values[feature]`, NaN where feature is -1."""
    return np.append(values, np.nan)[feature]


def _numbers(column: pa.Array) -> Floats:
    return np.require(column.cast("float64").to_numpy(zero_copy_only=False), requirements="W")


def _coded(column: pa.Array) -> Words:
    coded = column.dictionary_encode()
    codes: Codes = coded.indices.fill_null(-1).to_numpy()
    return Words(codes, named(coded.dictionary.to_pylist()))


def picked(words: Words, feature: Ints) -> Words:
    """Return the words of features, none where feature is -1."""
    codes = np.append(words.codes, -1)
    return Words(codes[feature], words.names)


def nothing(n: int) -> Words:
    """Return `n` rows without a text."""
    return Words(np.full(n, -1), named(()))
