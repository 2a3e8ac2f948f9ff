"""Rows of a package between reading and writing: on disk, so that neither waits for the other in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc
import shapely

from gis.crs import Geometries
from gis.export.model import Table

GEOMETRY = "geometry"
"""The column of shapes, as WKB, of tables that have any."""

Extent = tuple[float, float, float, float]


@dataclass
class Heap:
    """Rows of one table that belong into one file; `extent` as `gis.export.model.Part` has it."""

    table: Table
    district: str | None
    path: Path
    count: int = 0
    extent: Extent | None = None
    _low: npt.NDArray[np.float64] = field(default_factory=lambda: np.full(2, np.inf))
    _high: npt.NDArray[np.float64] = field(default_factory=lambda: np.full(2, -np.inf))

    def grow(self, batch: pa.RecordBatch, bounds: npt.NDArray[np.float64]) -> None:
        """Count rows in, whose bounds (n, 4) may be NaN."""
        self.count += batch.num_rows
        if len(bounds) and not np.isnan(bounds).all():
            self._low = np.fmin(self._low, np.nanmin(bounds[:, :2], axis=0))
            self._high = np.fmax(self._high, np.nanmax(bounds[:, 2:], axis=0))
            self.extent = (*self._low.tolist(), *self._high.tolist())

    def read(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows, in the order in which they came."""
        with pa.memory_map(str(self.path)) as source, pyarrow.ipc.open_stream(source) as stream:
            yield from stream

    def shapes(self) -> Iterator[Geometries]:
        """Yield the shapes of the rows."""
        for batch in self.read():
            wkb = batch.column(GEOMETRY).to_numpy(zero_copy_only=False)
            yield np.asarray(shapely.from_wkb(wkb), dtype=object)


class Spool:
    """Takes rows by table and district, and gives them back heap by heap."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[tuple[str, str | None], tuple[Heap, pyarrow.ipc.RecordBatchStreamWriter]] = {}
        self._stack = ExitStack()
        self.heaps: list[Heap] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def heap(self, table: Table, district: str | None, schema: pa.Schema) -> Heap:
        """Return the heap of a table and district, made where it is new."""
        return self._opened(table, district, schema)[0]

    def add(
        self,
        table: Table,
        district: str | None,
        batch: pa.RecordBatch,
        bounds: npt.NDArray[np.float64],
    ) -> None:
        """Put rows on a heap."""
        heap, writer = self._opened(table, district, batch.schema)
        heap.grow(batch, bounds)
        writer.write_batch(batch)

    def _opened(
        self, table: Table, district: str | None, schema: pa.Schema
    ) -> tuple[Heap, pyarrow.ipc.RecordBatchStreamWriter]:
        key = (table.name, district)
        if key not in self._open:
            heap = Heap(table, district, self._folder / f"{len(self.heaps)}.arrows")
            writer = self._stack.enter_context(pyarrow.ipc.new_stream(str(heap.path), schema))
            self._open[key] = heap, writer
            self.heaps.append(heap)
        return self._open[key]

    def close(self) -> None:
        """End writing; from now on heaps can be read."""
        self._stack.close()
        self._open.clear()
