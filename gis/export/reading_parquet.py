"""Tables of GeoParquet files, and of Parquet files without shapes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj

from gis.crs import API_CRS
from gis.errors import InputError
from gis.export.found import ROWS_AT_ONCE, Batch, Found, FoundColumn, batch_of, clearly, kind_of


def parquet_table(path: Path) -> Found:
    """Return the table of a file; InputError where it cannot be read."""
    with clearly(path):
        file = pq.ParquetFile(path)
        schema, count = file.schema_arrow, file.metadata.num_rows
        geo = orjson.loads((schema.metadata or {}).get(b"geo", b"{}"))
        shaped = geo.get("primary_column")
        about = geo["columns"][shaped] if shaped else {}
        told = about.get("crs", API_CRS) if shaped else None
        crs = None if told is None else pyproj.CRS(told)
        kinds = (
            {kind_of(str(kind)) for kind in about.get("geometry_types", [])} if shaped else {kind_of(None)}
        )
    if shaped and about.get("encoding") != "WKB":
        raise InputError(f"{path.name}: shapes are told as {about.get('encoding')}; write them as WKB.")
    columns = tuple(_parquet_column(f) for f in schema if f.name != shaped)
    kind = kinds.pop() if len(kinds) == 1 else None
    return Found(path, path.stem, columns, kind, crs, count, _read=partial(_parquet_batches, path, shaped))


def _parquet_column(declared: pa.Field) -> FoundColumn:
    kind = declared.type.value_type if pa.types.is_dictionary(declared.type) else declared.type
    name, told = declared.name, str(kind)
    if pa.types.is_decimal(kind):
        return FoundColumn(name, "float", told, kind.precision, kind.scale)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return FoundColumn(name, "text", told)
    if pa.types.is_integer(kind):
        return FoundColumn(name, "integer", told)
    if pa.types.is_floating(kind):
        return FoundColumn(name, "float", told)
    return FoundColumn(name, "date" if pa.types.is_date(kind) else None, told)


def _parquet_batches(path: Path, shaped: str | None) -> Iterator[Batch]:
    first = 1
    with clearly(path):
        batches = pq.ParquetFile(path).iter_batches(ROWS_AT_ONCE)
    while True:
        with clearly(path):
            batch = next(batches, None)
            made = None if batch is None else batch_of(_plain(batch), first, shaped)
        if made is None:
            return
        yield made
        first += len(made.values)


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch with texts as texts, which a file may keep as numbers of words."""
    columns = [c.cast(c.type.value_type) if pa.types.is_dictionary(c.type) else c for c in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
