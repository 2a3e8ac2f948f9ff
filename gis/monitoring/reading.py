"""Files of measured values, read in batches: CSV, XLSX and Parquet of any length."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from gis.errors import InputError
from gis.ingest.tabular import read_xlsx

BATCH_ROWS = 1_000_000
_BLOCK_BYTES = 1 << 25
_HEAD_BYTES = 1 << 20


@dataclass(frozen=True, eq=False)
class Table:
    """A table that is read once, batch by batch.

    names    its columns
    batches  its rows, with how much of the file had been read by then
    size     what there is to read, in the unit of that
    """

    names: tuple[str, ...]
    batches: Iterator[tuple[pa.RecordBatch, int]]
    size: int


def open_table(path: Path) -> Table:
    """Return the table in a file; InputError for one that cannot be read."""
    readers = {
        ".csv": _csv,
        ".tsv": _csv,
        ".txt": _csv,
        ".xlsx": _xlsx,
        ".parquet": _parquet,
        ".pq": _parquet,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path.name}: measured values come as CSV, XLSX or Parquet.")
    if not path.is_file():
        raise InputError(f"{path.name}: there is no such file.")
    return reader(path)


def table_of(rows: pa.Table) -> Table:
    """Return a table that is in memory."""
    batches = ((batch, batch.num_rows) for batch in rows.to_batches(BATCH_ROWS))
    return Table(tuple(rows.column_names), batches, rows.num_rows)


def _parquet(path: Path) -> Table:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path.name}: this is not a Parquet file, or it is damaged.") from error

    def batches() -> Iterator[tuple[pa.RecordBatch, int]]:
        done = 0
        try:
            for batch in file.iter_batches(BATCH_ROWS):
                done += batch.num_rows
                yield batch, done
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{path.name}: the file is damaged after row {done}.") from error

    return Table(tuple(file.schema_arrow.names), batches(), file.metadata.num_rows)


def _xlsx(path: Path) -> Table:
    found = read_xlsx(path).table
    texts = found.astype(object).where(found.notna(), None)
    columns = [pa.array([None if v is None else str(v) for v in texts[name]], pa.string()) for name in texts]
    return table_of(pa.table(columns, names=[str(name) for name in texts]))


def _csv(path: Path) -> Table:
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    encoding = _encoding(path, head)
    line = head.decode(encoding, errors="ignore").lstrip("\ufeff").splitlines()[:1]
    if not line or not line[0].strip():
        raise InputError(f"{path.name}: the file is empty; its first line must name the columns.")
    delimiter = max(",;\t", key=line[0].count)
    names = tuple(name.strip() for name in next(csv.reader(line, delimiter=delimiter)))
    if len(set(names)) < len(names):
        raise InputError(f"{path.name}: two columns have the same name in the first line.")
    options = {
        "read_options": pyarrow.csv.ReadOptions(
            block_size=_BLOCK_BYTES, encoding=encoding, column_names=list(names), skip_rows=1
        ),
        "parse_options": pyarrow.csv.ParseOptions(delimiter=delimiter),
        # Read as they are written: what is no number or no time is told of its row, not of the file.
        "convert_options": pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
        ),
    }
    size = path.stat().st_size

    def batches() -> Iterator[tuple[pa.RecordBatch, int]]:
        done = 0
        try:
            with path.open("rb") as stream:
                try:
                    reader = pyarrow.csv.open_csv(stream, **options)
                except StopIteration:
                    return
                for batch in reader:
                    done += batch.num_rows
                    yield batch, min(stream.tell(), size)
        except pa.ArrowInvalid as error:
            if "Empty CSV" in str(error):
                return
            told = str(error).splitlines()[0][:200]
            raise InputError(f"{path.name}: the file cannot be read after row {done}: {told}.") from error

    return Table(names, batches(), size)


def _encoding(path: Path, head: bytes) -> str:
    for encoding in ("utf-8", "gb18030"):
        try:
            codecs.getincrementaldecoder(encoding)().decode(head)
        except UnicodeDecodeError:
            continue
        return encoding
    raise InputError(f"{path.name}: the text is neither UTF-8 nor GB18030; save it as UTF-8.")


def peeked(table: Table) -> tuple[pa.RecordBatch | None, Table]:
    """Return the first batch, None of an empty table, and the table as it was."""
    first = next(table.batches, None)
    if first is None:
        return None, table
    return first[0], Table(table.names, chain([first], table.batches), table.size)
