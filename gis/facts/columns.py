"""Columns of a table as plain arrays: NaN or None where a value is missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

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
    """Return a numeric column as float64; NaN where missing or where there is no such column."""
    if name not in frame.columns:
        return np.full(len(frame), np.nan)
    return pd.to_numeric(frame[name]).to_numpy(dtype=np.float64, na_value=np.nan)


def text(frame: pd.DataFrame, name: str) -> Texts:
    """Return a text column; None where missing or where there is no such column."""
    if name not in frame.columns:
        return np.full(len(frame), None, dtype=object)
    values: Texts = frame[name].to_numpy(dtype=object, copy=True)
    values[absent(values)] = None
    return values


def words(frame: pd.DataFrame, name: str) -> Words:
    """Return a text column by codes; without a text where missing or where there is no such column."""
    if name not in frame.columns:
        return nothing(len(frame))
    codes, names = pd.factorize(frame[name])
    return Words(codes, named(names))


def absent(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return where a text array holds nothing."""
    return np.asarray(pd.isna(values), dtype=bool)


def pick(values: npt.NDArray[Any], feature: Ints) -> npt.NDArray[Any]:
    """Return `values[feature]`, missing (NaN or None) where feature is -1."""
    missing: Any = None if values.dtype == object else np.nan
    out: npt.NDArray[Any] = np.full(len(feature), missing, dtype=values.dtype)
    found = feature >= 0
    out[found] = values[feature[found]]
    return out


def picked(words: Words, feature: Ints) -> Words:
    """Return the words of features, none where feature is -1."""
    codes = np.append(words.codes, -1)
    return Words(codes[feature], words.names)


def nothing(n: int) -> Words:
    """Return `n` rows without a text."""
    return Words(np.full(n, -1), named(()))
