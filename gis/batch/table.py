"""Verdicts as Arrow tables and GeoParquet: one row a parcel, with its outline as it was read."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gis.facts.arrow import TYPES, array_of, coded_path
from gis.facts.ragged import Shapes
from gis.scoring.evaluate import Columns
from gis.vocabulary import VERDICTS

Counts = Counter[tuple[str | None, str | None]]
"""Parcels by recommended technology and its status."""
SAID = b"onemap"
_SCHEMA = pa.schema(
    [
        pa.field("parcel_id", pa.string()),
        *(pa.field(c.name, TYPES[c.type]) for c in VERDICTS),
        pa.field("geometry", pa.binary()),
    ]
)
_CODED_PATHS = [coded_path(c) for c in VERDICTS if c.type != "float"]


def result_table(batch: pa.RecordBatch, verdicts: Columns) -> pa.Table:
    """Return id, all verdicts and geometry of a batch; texts by codes, missing values null."""
    columns = {"parcel_id": batch.column("parcel_id").cast(pa.string())}
    columns |= {column.name: array_of(column, verdicts[column.name]) for column in VERDICTS}
    columns["geometry"] = batch.column("geometry").cast(pa.binary())
    return pa.table(columns, schema=_SCHEMA)


def counted(verdicts: Columns) -> Counts:
    """Return how many parcels have which technology recommended, and with which status."""
    technology, status = verdicts["recommended"], verdicts["recommended_status"]
    pairs, counts = np.unique(np.stack([technology.codes, status.codes]), axis=1, return_counts=True)
    return Counter(
        {
            (technology.names[t], status.names[s]): int(count)
            for t, s, count in zip(*pairs.tolist(), counts, strict=True)
        }
    )


class TableWriter:
    """A GeoParquet file that grows by tables; what is said of it is written at the end."""

    def __init__(self, path: Path, crs: Any, said: dict[str, Any]) -> None:
        self.counts: Counts = Counter()
        self._said, self._crs = said, crs
        self._bounds: list[np.ndarray[Any, np.dtype[np.float64]]] = []
        # Numbers hardly ever repeat; the schema of Arrow would bring back texts as categories.
        self._file = pq.ParquetWriter(
            path, _SCHEMA, compression="zstd", store_schema=False, use_dictionary=_CODED_PATHS
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._file.add_key_value_metadata({b"geo": json.dumps(self._geo()).encode(), SAID: self._told()})
        self._file.close()

    def add(self, table: pa.Table, shapes: Shapes, counts: Counts) -> None:
        """Write one table as a row group."""
        self._file.write_table(table, row_group_size=len(table))
        self.counts.update(counts)
        if len(shapes):
            low, high = shapes.bounds[:, :2].min(axis=0), shapes.bounds[:, 2:].max(axis=0)
            self._bounds.append(np.concatenate([low, high]) + np.tile(shapes.origin, 2))

    def _geo(self) -> dict[str, Any]:
        """Return the metadata of GeoParquet 1.1."""
        column: dict[str, Any] = {"encoding": "WKB", "geometry_types": [], "crs": self._crs}
        if self._bounds:
            boxes = np.stack(self._bounds)
            column["bbox"] = [*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist()]
        return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}

    def _told(self) -> bytes:
        counts = [[t, s, n] for (t, s), n in sorted(self.counts.items(), key=str)]
        return json.dumps({**self._said, "recommended": counts}, ensure_ascii=False).encode()


def counts_of(path: Path) -> Counts:
    """Return the counts that a written file tells of itself."""
    said = json.loads(pq.read_metadata(path).metadata[SAID])
    return Counter({(technology, status): n for technology, status, n in said["recommended"]})
