"""Tables of a package as they stand in its files, whatever the format, in pieces of bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyogrio
import pyproj

from gis.errors import InputError
from gis.export.found import ROWS_AT_ONCE, Batch, Found, FoundColumn, clearly
from gis.export.model import ColumnType, Kind
from gis.export.reading_gdal import DBF, gdal_table
from gis.export.reading_parquet import parquet_table
from gis.ingest.readers import check_sqlite, refuse_pointers
from gis.ingest.shapefile import check_length, check_shapefile
from gis.vct import Layer, Plain, read_vct
from gis.vct.lines import encoding_of
from gis.vct.model import Field

SUFFIXES = (".gdb", ".gpkg", ".shp", ".dbf", ".vct", ".geojson", ".parquet", ".geoparquet")
"""Endings of what can hold tables; a .dbf is one of its own where no .shp is beside it."""

_SINGLE = (*DBF, ".geojson", ".parquet", ".geoparquet")
_TYPES: dict[str, ColumnType] = {
    "Char": "text", "VarChar": "text", "Int": "integer", "Float": "float", "Date": "date",
}  # fmt: skip
_ARROW = {"integer": pa.int64(), "float": pa.float64(), "date": pa.date32()}
_KINDS: dict[str, Kind] = {"Point": "point", "Line": "line", "Polygon": "polygon"}


class Reader:
    """Reads tables of the files below a folder; a VCT file, which comes whole, is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._vct: dict[Path, tuple[pyproj.CRS | None, str, dict[str, list[Layer | Plain]]]] = {}

    def data_files(self) -> list[Path]:
        """Return all files, and file geodatabases, that may hold tables, in order of their paths."""
        found = [p for p in self.folder.rglob("*") if p.suffix.lower() in SUFFIXES]
        inside = [p for p in found if not any(up.suffix.lower() == ".gdb" for up in p.parents)]
        beside = {p.with_suffix("") for p in inside if p.suffix.lower() == ".shp"}
        return sorted(p for p in inside if p.suffix.lower() != ".dbf" or p.with_suffix("") not in beside)

    def layers(self, path: Path) -> list[str]:
        """Return the names of the tables in a file; of one with a single table, that of the file.

        Raises InputError where it cannot be read.
        """
        suffix = path.suffix.lower()
        if suffix in _SINGLE:
            return [path.stem]
        if suffix == ".vct":
            return list(self._vct_file(path)[2])
        _check(path)
        with clearly(path):
            return [str(name) for name, _ in pyogrio.list_layers(path)]

    def open(self, path: Path, layer: str) -> Found | None:
        """Return a table of a file, None where the file has none of that name.

        Raises InputError where the file cannot be read.
        """
        suffix = path.suffix.lower()
        if suffix == ".vct":
            return self._open_vct(path, layer)
        if suffix not in SUFFIXES:
            raise InputError(f"{path.name}: the ending {suffix!r} is not one of {' '.join(SUFFIXES)}.")
        if suffix in _SINGLE:
            _check(path)
            return parquet_table(path) if suffix.endswith("parquet") else gdal_table(path, None)
        return gdal_table(path, layer) if layer in self.layers(path) else None

    def _vct_file(self, path: Path) -> tuple[pyproj.CRS | None, str, dict[str, list[Layer | Plain]]]:
        if path not in self._vct:
            _check(path)
            read = read_vct(path)
            tables: dict[str, list[Layer | Plain]] = {one.name: [one] for one in read.plain}
            for one in read.layers:
                # Lines that only bound areas are no table.
                if one.fields:
                    tables.setdefault(one.reference.table, []).append(one)
            encoding = "UTF-8" if encoding_of(path) == "utf-8-sig" else "GB18030"
            self._vct[path] = read.head.crs, encoding, tables
        return self._vct[path]

    def _open_vct(self, path: Path, layer: str) -> Found | None:
        crs, encoding, tables = self._vct_file(path)
        found = tables.get(layer)
        if not found:
            return None
        kinds = {_KINDS.get(one.reference.kind) if isinstance(one, Layer) else "table" for one in found}
        return Found(
            path,
            layer,
            tuple(
                FoundColumn(f.name, _TYPES.get(f.type), f.type, f.width, f.decimals) for f in found[0].fields
            ),
            kinds.pop() if len(kinds) == 1 else None,
            crs,
            sum(len(one.rows) for one in found),
            encoding,
            bytewise=True,
            _read=partial(_vct_batches, found),
        )


def _check(path: Path) -> None:
    """Raise InputError at what no library should be given."""
    suffix = path.suffix.lower()
    if not path.exists():
        raise InputError(f"{path.name}: there is no such file.")
    if path.is_dir() != (suffix == ".gdb"):
        raise InputError(f"{path.name}: a .gdb is a folder and everything else a file; this is not.")
    if suffix == ".gpkg":
        check_sqlite(path)
    elif suffix == ".shp":
        check_shapefile(path)
    elif suffix == ".dbf":
        check_length(path)
    with clearly(path):
        refuse_pointers(path)


def _vct_batches(found: list[Layer | Plain]) -> Iterator[Batch]:
    first = 1
    for layer in found:
        for start in range(0, len(layer.rows), ROWS_AT_ONCE):
            rows = layer.rows.iloc[start : start + ROWS_AT_ONCE]
            arrays = [_vct_array(rows[f.name].to_numpy(dtype=object), f) for f in layer.fields]
            values = pa.RecordBatch.from_arrays(arrays, names=[f.name for f in layer.fields])
            drawn = layer.shapes[start : start + ROWS_AT_ONCE] if isinstance(layer, Layer) else None
            yield Batch(first, values, drawn)
            first += len(rows)


def _vct_array(values: npt.NDArray[np.object_], declared: Field) -> pa.Array:
    kind = _ARROW.get(_TYPES.get(declared.type, "text"), pa.string())
    return pa.array(values, kind, from_pandas=True)
