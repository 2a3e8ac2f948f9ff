"""What a VCT file says: its head, its layers with their fields, their shapes and their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj

Dialect = Literal["2007", "3.0"]
Kind = Literal["Point", "Line", "Polygon", "Annotation"]
FieldType = Literal["Char", "Int", "Float", "Date", "VarChar", "Varbin"]

KINDS: tuple[Kind, ...] = ("Point", "Line", "Polygon", "Annotation")
POLYLINE = "11"
"""The segment of straight pieces, the only one that tools write."""
DIRECT, INDIRECT = "1", "100"
"""Polygons with the coordinates of their rings, and polygons made of lines."""


@dataclass(frozen=True)
class Field:
    """A column: `width` is in bytes of text or in digits, None where the type has none."""

    name: str
    type: FieldType
    width: int | None = None
    decimals: int | None = None


@dataclass(frozen=True)
class Table:
    """The columns of a table of attributes, and where it is declared."""

    name: str
    fields: tuple[Field, ...]
    line: int


@dataclass(frozen=True)
class Reference:
    """A kind of feature: its code (YSDM), its name, what is drawn of it, and its table."""

    code: str
    name: str
    kind: Kind
    table: str


@dataclass(frozen=True)
class Head:
    """The head of a file: `values` by keys in lower case, and what follows from them.

    `crs` is None where the head does not tell the coordinate system without a doubt. Coordinates come as
    they stand in the file; `north_first` says that the first of them points north, `offset` is to be added.
    """

    values: dict[str, str]
    dialect: Dialect
    separator: str
    dimensions: int
    north_first: bool
    offset: tuple[float, float]
    crs: pyproj.CRS | None


@dataclass(frozen=True)
class Plain:
    """A table whose features have no shapes: `rows` in the order of the file, missing values None."""

    name: str
    fields: tuple[Field, ...]
    rows: pd.DataFrame


@dataclass(frozen=True)
class Layer:
    """All features of one code: shapes in x, y (east before north), the columns of their table, in one order.

    `numbers` are the numbers of the features in the file, `rows` their values, missing ones None.
    """

    reference: Reference
    fields: tuple[Field, ...]
    numbers: npt.NDArray[np.int64]
    shapes: npt.NDArray[Any]
    rows: pd.DataFrame
