"""Heaps of rows into files: file geodatabase, GeoPackage, Shapefile, VCT, GeoJSON, GeoParquet."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pyogrio
import pyproj
import shapely

from gis.crs import Geometries
from gis.errors import StoreError
from gis.export.columns import TYPES, shapefile_width
from gis.export.model import Column, Crs, DataFormat, Encoding, Table
from gis.export.profile import Profile
from gis.export.spool import GEOMETRY, Heap
from gis.vct.model import Dialect, Field, Reference
from gis.vct.writing import Form, vct_writer

_KINDS = {"polygon": "MultiPolygon", "line": "MultiLineString", "point": "Point", "table": None}
_VCT_KINDS = {"polygon": "Polygon", "line": "Line", "point": "Point"}
_VCT_TYPES = {"text": "Char", "integer": "Int", "float": "Float", "date": "Date"}

# A file geodatabase has coordinates on a grid, in degrees one of 0.1 mm: as coarse as that of the store.
_FINER: Mapping[Crs, Mapping[str, str]] = {
    "EPSG:4490": {"XYSCALE": "1e11", "XYTOLERANCE": "8.983152841195215e-9"}
}

Written = Callable[[int], None]
"""Called with the number of rows that were written since it was called last."""


@dataclass(frozen=True)
class Target:
    """Where and how heaps of one district, or of all, are written.

    `stem` is the name of files without their ending. `shared_lines` has polygons of VCT told by the lines
    that they share.
    """

    folder: Path
    stem: str
    crs: Crs
    encoding: Encoding
    profile: Profile
    written_on: date
    dialect: Dialect
    shared_lines: bool


@dataclass(frozen=True)
class Place:
    """Where a heap was written: a path in the package, and the name of the layer in it."""

    file: str
    layer: str


@dataclass(frozen=True)
class Format:
    """A form of data files; `many` tells whether every table has a file of its own."""

    title: str
    write: Callable[[Sequence[Heap], Target, Written], list[Place]]


UNWRITABLE = (
    OSError,
    pyogrio.errors.DataSourceError,
    pyogrio.errors.DataLayerError,
    pyogrio.errors.FeatureError,
)
"""How GDAL says that a file cannot be written, as where the disk is full: first, last or in between."""


def _schema(table: Table, *, shapefile: bool = False) -> pa.Schema:
    """Return the columns of a table with widths and Chinese titles as GDAL takes them."""
    titles = [column.title.zh for column in table.columns]
    fields = [
        # A GeoPackage takes no title twice in a table.
        _field(column, title if titles.count(title) == 1 else f"{title}（{column.name}）", shapefile)
        for column, title in zip(table.columns, titles, strict=True)
    ]
    if table.kind != "table":
        fields.append(pa.field(GEOMETRY, pa.binary(), metadata={"ARROW:extension:name": "geoarrow.wkb"}))
    return pa.schema(fields)


def _field(column: Column, title: str, shapefile: bool) -> pa.Field:
    kind = TYPES[column.type]
    told = {"GDAL:OGR:alternative_name": title}
    if column.type == "text" and column.width is not None:
        told["GDAL:OGR:width"] = str(shapefile_width(column) if shapefile else column.width)
    if column.type == "float" and shapefile:
        # Besides the digits GDAL makes room for a sign and a point.
        kind = pa.decimal128((column.width or 18) - 2, column.decimals or 0)
    return pa.field(column.name, kind, metadata=told)


def _batches(heap: Heap, schema: pa.Schema, written: Written) -> Iterator[pa.RecordBatch]:
    for batch in heap.read():
        yield pa.RecordBatch.from_arrays([batch.column(f.name).cast(f.type) for f in schema], schema=schema)
        written(batch.num_rows)


def _gdal(heap: Heap, path: Path, driver: str, target: Target, written: Written, **options: Any) -> None:
    schema = _schema(heap.table, shapefile=driver == "ESRI Shapefile")
    kind = _KINDS[heap.table.kind]
    with warnings.catch_warnings():
        # A date is a time at midnight in a file geodatabase: nothing is lost.
        warnings.filterwarnings("ignore", message=".*Date.*")
        pyogrio.write_arrow(
            pa.RecordBatchReader.from_batches(schema, _batches(heap, schema, written)),
            path,
            layer=heap.table.name,
            driver=driver,
            geometry_name=GEOMETRY if kind else None,
            geometry_type=kind,
            crs=target.crs if kind else None,
            **options,
        )


def _together(
    driver: str, ending: str, finer: Mapping[Crs, Mapping[str, str]], **options: Any
) -> Callable[[Sequence[Heap], Target, Written], list[Place]]:
    """Return a writer of one file for all tables."""

    def write(heaps: Sequence[Heap], target: Target, written: Written) -> list[Place]:
        path = target.folder / f"{target.stem}{ending}"
        for heap in heaps:
            _gdal(heap, path, driver, target, written, **options, **finer.get(target.crs, {}))
        return [Place(path.name, heap.table.name) for heap in heaps]

    return write


def _write_shp(heaps: Sequence[Heap], target: Target, written: Written) -> list[Place]:
    folder = target.folder / target.stem
    folder.mkdir()
    places = []
    for heap in heaps:
        # A table without shapes is a .dbf alone.
        _gdal(
            heap,
            folder / f"{heap.table.name}.shp",
            "ESRI Shapefile",
            target,
            written,
            encoding=target.encoding,
        )
        ending = ".dbf" if heap.table.kind == "table" else ".shp"
        places.append(Place(f"{folder.name}/{heap.table.name}{ending}", heap.table.name))
    return places


def _write_geojson(heaps: Sequence[Heap], target: Target, written: Written) -> list[Place]:
    folder = target.folder / target.stem
    folder.mkdir()
    # With fewer digits GDAL takes 116.18000000046 for a badly told 116.18.
    decimals = "13" if target.crs == "EPSG:4490" else "5"
    for heap in heaps:
        path = folder / f"{heap.table.name}.geojson"
        _gdal(heap, path, "GeoJSON", target, written, COORDINATE_PRECISION=decimals)
    return [Place(f"{folder.name}/{heap.table.name}.geojson", heap.table.name) for heap in heaps]


def _write_parquet(heaps: Sequence[Heap], target: Target, written: Written) -> list[Place]:
    folder = target.folder / target.stem
    folder.mkdir()
    crs = pyproj.CRS(target.crs).to_json_dict()
    for heap in heaps:
        schema = pa.schema([f.remove_metadata() for f in _schema(heap.table)])
        if heap.table.kind != "table":
            told = {"encoding": "WKB", "geometry_types": [], "crs": crs}
            geo = {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: told}}
            schema = schema.with_metadata({"geo": json.dumps(geo)})
        path = folder / f"{heap.table.name}.parquet"
        with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as out:
            for batch in _batches(heap, schema, written):
                out.write_batch(batch)
    return [Place(f"{folder.name}/{heap.table.name}.parquet", heap.table.name) for heap in heaps]


def _write_vct(heaps: Sequence[Heap], target: Target, written: Written) -> list[Place]:
    path, profile = target.folder / f"{target.stem}.vct", target.profile
    border = Reference(profile.border.ysdm, profile.border.title.zh, "Line", profile.border.name)
    form = Form(
        dialect=target.dialect,
        crs=pyproj.CRS(target.crs),
        map_scale=profile.map_scale,
        written_on=target.written_on,
        parameters=profile.projection_parameters,
        border=border if target.shared_lines else None,
    )
    with vct_writer(path, form) as writer:
        for heap in heaps:
            fields = tuple(map(_vct_field, heap.table.columns))
            if heap.table.kind == "table":
                writer.add_table(heap.table.name, fields, _values(heap, written))
                continue
            writer.add(_reference(heap.table), fields, _vct(heap, written))
    return [Place(path.name, heap.table.name) for heap in heaps]


def _reference(table: Table) -> Reference:
    return Reference(table.ysdm, table.title.zh, _VCT_KINDS[table.kind], table.name)  # type: ignore[arg-type]


def _vct_field(column: Column) -> Field:
    kind = _VCT_TYPES[column.type]
    return Field(column.name, kind, column.width, column.decimals)  # type: ignore[arg-type]


def _values(heap: Heap, written: Written) -> Iterator[pa.RecordBatch]:
    for batch in heap.read():
        yield batch
        written(batch.num_rows)


def _vct(heap: Heap, written: Written) -> Iterator[tuple[Geometries, pa.RecordBatch]]:
    names = [column.name for column in heap.table.columns]
    for batch in heap.read():
        shapes = shapely.from_wkb(batch.column(GEOMETRY).to_numpy(zero_copy_only=False))
        yield np.asarray(shapes, dtype=object), batch.select(names)
        written(batch.num_rows)


FORMATS: Mapping[DataFormat, Format] = MappingProxyType(
    {
        "gdb": Format("FileGDB", _together("OpenFileGDB", ".gdb", _FINER, TARGET_ARCGIS_VERSION="ALL")),
        "gpkg": Format("GeoPackage", _together("GPKG", ".gpkg", {}, VERSION="1.2")),
        "shp": Format("Shapefile", _write_shp),
        "vct": Format("VCT", _write_vct),
        "geojson": Format("GeoJSON", _write_geojson),
        "geoparquet": Format("GeoParquet", _write_parquet),
    }
)


def write_heaps(form: DataFormat, heaps: Sequence[Heap], target: Target, written: Written) -> list[Place]:
    """Write heaps into files of a form; return where each of them is.

    Raises StoreError where the disk does not take them.
    """
    cut_off: list[BaseException] = []

    def tell(count: int) -> None:
        try:
            written(count)
        except BaseException as error:
            cut_off.append(error)
            raise

    try:
        return FORMATS[form].write(heaps, target, tell)
    except Exception as error:
        # On its way through a library in C an error loses its kind.
        if cut_off:
            raise cut_off[0] from error
        if isinstance(error, (*UNWRITABLE, pa.ArrowException)):
            raise StoreError(
                f"The package cannot be written into {target.folder.parent}: {error}."
            ) from error
        raise
