"""Parcels in GeoParquet, read batch by batch: one file, or a folder of files.

They are scored as they lie there if they have the form of the layer `parcel`: its column names, the metric
CRS of the resources, WKB. What has another form is read by `gis.ingest`, whole and with all its conversions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyproj

from gis.crs import STORAGE_CRS, is_crs
from gis.errors import InputError
from gis.facts.columns import JUDGED
from gis.ingest.columns import map_columns
from layers import LAYERS

SUFFIX = ".parquet"
BATCH_ROWS = 50_000
"""Parcels that are judged at once; a batch becomes a row group of what is written."""
PART_ROWS = 100_000
"""Parcels of a part, at least, where row groups are smaller: what is worked out anew after a stop."""
PARQUET_ERRORS = (pa.ArrowException, OSError, ValueError, KeyError, TypeError)
_SPEC = LAYERS["parcel"]
_COLUMNS = (_SPEC.key, *JUDGED)


class FormError(InputError):
    """A file holds parcels in another form than the layer's; the sentence says what differs."""


@dataclass(frozen=True)
class Part:
    """Some row groups of one file that follow each other; `first_row` is their first in it, from 1."""

    number: int
    path: Path
    groups: tuple[int, ...]
    first_row: int
    rows: int


@dataclass(frozen=True, eq=False)
class ParcelFiles:
    """Files of parcels in the form of the layer, cut into parts.

    geometry  name of the column with outlines, the same in all files
    crs       their coordinate system as PROJJSON, as the files give it
    """

    paths: tuple[Path, ...]
    parts: tuple[Part, ...]
    geometry: str
    crs: Any

    @property
    def count(self) -> int:
        """Number of parcels."""
        return sum(part.rows for part in self.parts)

    def digests(self) -> list[dict[str, Any]]:
        """Return name, number of parcels and SHA-256 of every file."""
        with ThreadPoolExecutor(2) as pool:
            sums = list(pool.map(_sha256, self.paths))
        rows = dict.fromkeys(self.paths, 0)
        for part in self.parts:
            rows[part.path] += part.rows
        return [
            {"name": path.name, "rows": rows[path], "sha256": digest}
            for path, digest in zip(self.paths, sums, strict=True)
        ]


def files_at(path: Path) -> tuple[Path, ...]:
    """Return the GeoParquet files at a path, a file or a folder; none where it is something else."""
    if path.is_dir():
        found = sorted(path.glob(f"*{SUFFIX}"))
        return tuple(p for p in found if p.is_file() and not p.name.startswith((".", "_")))
    return (path,) if path.suffix.lower() == SUFFIX and path.is_file() else ()


def open_parcels(path: Path, crs: str = STORAGE_CRS) -> ParcelFiles:
    """Return the parcels at a path, which are in the metric CRS `crs`.

    Raises InputError where a file cannot be read, FormError where there is none or one has not the form
    of the layer.
    """
    paths = files_at(path)
    if not paths:
        raise FormError(f"{path}: there is no GeoParquet file.")
    heads = [_head(one) for one in paths]
    first = heads[0]
    for one, head in zip(paths, heads, strict=True):
        if reason := _other_form(head, crs):
            raise FormError(f"{one.name}: {reason}.")
        if head.geometry != first.geometry:
            raise FormError(f"{one.name}: its outlines are in {head.geometry}, not in {first.geometry}.")
    parts: list[Part] = []
    for one, head in zip(paths, heads, strict=True):
        parts += _parts(one, head.file.metadata, len(parts))
    for head in heads:
        head.file.close()
    return ParcelFiles(paths, tuple(parts), first.geometry, first.column.get("crs"))


def batches(part: Part, geometry: str) -> Generator[pa.RecordBatch]:
    """Yield the parcels of a part: `parcel_id`, what they are judged by as far as it is there, `geometry`."""
    try:
        with pq.ParquetFile(part.path) as file:
            there = [name for name in _COLUMNS if name in file.schema_arrow.names]
            for batch in file.iter_batches(BATCH_ROWS, list(part.groups), [*there, geometry]):
                yield batch.rename_columns([*there, "geometry"])
    except PARQUET_ERRORS as error:
        raise unreadable(part.path) from error


def ids(part: Part) -> Generator[pa.Array]:
    """Yield the ids of a part's parcels."""
    try:
        with pq.ParquetFile(part.path) as file:
            for batch in file.iter_batches(BATCH_ROWS, list(part.groups), [_SPEC.key]):
                yield batch.column(0)
    except PARQUET_ERRORS as error:
        raise unreadable(part.path) from error


@dataclass(frozen=True, eq=False)
class _Head:
    """A file, the name of its column of outlines (empty without one), and what is said of that."""

    file: pq.ParquetFile
    geometry: str
    column: dict[str, Any]


def _head(path: Path) -> _Head:
    try:
        file = pq.ParquetFile(path)
        said = (file.schema_arrow.metadata or {}).get(b"geo")
        geo = json.loads(said) if said else {}
        name = geo.get("primary_column", "")
        return _Head(file, name, dict(geo.get("columns", {}).get(name, {})))
    except PARQUET_ERRORS as error:
        raise unreadable(path) from error


def unreadable(path: Path) -> InputError:
    """Return the refusal of a file that is no Parquet."""
    return InputError(
        f"{path.name}: this is no Parquet file that can be read, or it is truncated or damaged."
    )


def _other_form(head: _Head, crs: str) -> str | None:
    """Return in what a file differs from the form of the layer; None where it has it."""
    schema = head.file.schema_arrow
    if not head.geometry or head.geometry not in schema.names:
        return "it has no geometry"
    if head.column.get("encoding") != "WKB":
        return f"its outlines are encoded as {head.column.get('encoding')}, not as WKB"
    if not _is_in(head.column, crs):
        return f"its coordinates are not in {crs}"
    if _SPEC.key not in schema.names:
        return f"it has no column {_SPEC.key}"
    for name in _COLUMNS:
        if name in schema.names and not _fits(schema.field(name).type, _SPEC.field(name).type == "text"):
            return f"its column {name} is of type {schema.field(name).type}"
    lacking = {name for name in _COLUMNS if name not in schema.names}
    strange = [name for name in schema.names if name not in _SPEC.field_names]
    meant = map_columns(_SPEC, strange, None, has_geometry=True, cut_names=False).fields
    for name in sorted(lacking & meant.keys()):
        return f"its column {meant[name]} stands for {name}"
    return None


def _is_in(column: dict[str, Any], crs: str) -> bool:
    if column.get("crs") is None:  # absent: longitude and latitude; null: not known
        return False
    try:
        return is_crs(pyproj.CRS.from_user_input(column["crs"]), crs)
    except pyproj.exceptions.CRSError:
        return False


def _fits(kind: pa.DataType, text: bool) -> bool:
    if pa.types.is_null(kind):
        return True
    if not text:
        return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _parts(path: Path, metadata: pq.FileMetaData, number: int) -> list[Part]:
    """Return the parts of a file, numbered on from `number`."""
    parts: list[Part] = []
    groups: list[int] = []
    first_row, rows = 1, 0
    for group in range(metadata.num_row_groups):
        groups.append(group)
        rows += metadata.row_group(group).num_rows
        if rows >= PART_ROWS or group == metadata.num_row_groups - 1:
            parts.append(Part(number + len(parts), path, tuple(groups), first_row, rows))
            first_row, rows, groups = first_row + rows, 0, []
    return parts


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
