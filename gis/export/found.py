"""A table of a package as it lies in its file: its columns as found, and its rows in pieces."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyproj
import shapely

from gis.crs import Geometries
from gis.errors import InputError
from gis.export.model import ColumnType, Kind
from gis.ingest.readers import GDAL_ERRORS, PARQUET_ERRORS, first_sentence

ROWS_AT_ONCE = 65_536

_WORDS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    ("polygon", ("polygon", "surface")),
    ("line", ("line", "curve")),
    ("point", ("point",)),
)
_ERRORS = (*GDAL_ERRORS, *PARQUET_ERRORS)


@dataclass(frozen=True)
class FoundColumn:
    """A column as a file has it: `type` None where it is none that packages know, `told` its name there.

    `width` and `decimals` are None where the format does not tell them; `width` is 0 where it tells that
    there is no limit. Of text it is in bytes in a .dbf and a .vct, in characters elsewhere.
    """

    name: str
    type: ColumnType | None
    told: str
    width: int | None = None
    decimals: int | None = None


@dataclass(frozen=True)
class Batch:
    """Some rows: `first` is the number of the first, from 1; `shapes` None for a table without.

    A shape that cannot be read is None among `shapes`, and not null in `wkb`.
    """

    first: int
    values: pa.RecordBatch
    shapes: Geometries | None
    wkb: pa.Array | None = None

    def unreadable(self) -> npt.NDArray[np.bool_]:
        """Return which shapes are there and cannot be read."""
        if self.wkb is None or self.shapes is None:
            return np.zeros(len(self.values), dtype=bool)
        there = np.asarray(self.wkb.is_valid().to_numpy(zero_copy_only=False), dtype=bool)
        found: npt.NDArray[np.bool_] = there & shapely.is_missing(self.shapes)
        return found

    def why(self, index: int) -> str:
        """Return why the shape of a row cannot be read."""
        try:
            shapely.from_wkb(self.wkb[index].as_py() if self.wkb is not None else None)
        except shapely.errors.ShapelyError as error:
            return first_sentence(error).partition(": ")[2] or first_sentence(error)
        return "unknown"


@dataclass(frozen=True)
class Found:
    """One table as it lies in a file.

    `kind` is None where the format lets shapes be of any kind, `encoding` that of the text where it can be
    chosen. `typed` says that columns have types of their own, beside those of their values. `bytewise` says
    that widths of text are in bytes.
    """

    path: Path
    layer: str
    columns: tuple[FoundColumn, ...]
    kind: Kind | None
    crs: pyproj.CRS | None
    feature_count: int
    encoding: str | None = None
    typed: bool = True
    bytewise: bool = False
    _read: Callable[[], Iterator[Batch]] = field(default=lambda: iter(()), repr=False)

    def batches(self) -> Iterator[Batch]:
        """Yield all rows, at most `ROWS_AT_ONCE` together.

        Raises InputError where the file cannot be read to its end.
        """
        count = 0
        for batch in self._read():
            count += len(batch.values)
            yield batch
        if count != self.feature_count:
            raise InputError(
                f"{self.path.name}: {self.layer} announces {self.feature_count:,} features but only "
                f"{count:,} can be read; the file is damaged."
            )


def batch_of(rows: pa.RecordBatch, first: int, shaped: str | None) -> Batch:
    """Return rows that were read, with the shapes of the column `shaped` as WKB."""
    if shaped is None:
        return Batch(first, rows, None)
    wkb = rows.column(shaped)
    shapes = shapely.from_wkb(wkb.to_numpy(zero_copy_only=False), on_invalid="ignore")
    values = rows.select([name for name in rows.schema.names if name != shaped])
    return Batch(first, values, np.asarray(shapes, dtype=object), wkb)


def kind_of(told: str | None) -> Kind | None:
    """Return the kind of shapes by its name in GDAL or GeoParquet: `table` of none, None of any."""
    if told is None:
        return "table"
    return next((kind for kind, words in _WORDS if any(word in told.lower() for word in words)), None)


@contextmanager
def clearly(path: Path) -> Iterator[None]:
    """Turn what libraries raise into InputError with the name of the file, and keep their warnings back."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except _ERRORS as error:
            raise InputError(f"{path.name}: {first_sentence(error)}.") from error
