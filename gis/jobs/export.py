"""A collection into one file: GeoPackage, GeoJSON, CSV or GeoParquet, written page by page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pyogrio
import pyproj
import shapely

from gis.errors import InputError, StoreError
from gis.export.formats import UNWRITABLE
from gis.jobs.run import Progress
from gis.served_crs import CRS84, SERVED, ServedCrs, box_into_storage, from_storage
from gis.store import Store, filters, items
from gis.store.collections import COLLECTIONS, Collection, Property
from gis.store.result_collections import offered
from gis.store.tables import GEOMETRY_TYPES

PAGE = 5_000
SYSTEMS: Mapping[str, ServedCrs] = MappingProxyType(
    {c.code: replace(c, y_first=False) for c in SERVED.values()}
)
"""Coordinate systems of exports by their codes; in files x comes before y, whatever the registry says."""

_TYPES: Mapping[str, pa.DataType] = {
    "text": pa.string(), "integer": pa.int64(), "float": pa.float64(), "boolean": pa.bool_(),
    "date": pa.date32(), "timestamp": pa.timestamp("us"),
}  # fmt: skip
_GEOMETRY = "geometry"
_GEOMETRY_TYPES = {**GEOMETRY_TYPES, "any": "Unknown"}


@dataclass(frozen=True)
class Format:
    """A form of file; `lists` tells whether it holds lists, which are joined by commas elsewhere."""

    ending: str
    media_type: str
    lists: bool
    write: Callable[[pa.RecordBatchReader, Path, Collection, ServedCrs], None]


def check_export(asked: Mapping[str, Any], collection: Collection) -> None:
    """Raise InputError where a box or a filter is not usable, or a form cannot have a coordinate system."""
    _condition(asked, collection), _box(asked)
    if asked["format"] == "geojson" and asked["crs"] != CRS84.code:
        raise InputError(f"GeoJSON is in longitude and latitude: leave out the crs, or ask for {CRS84.code}.")


def write_export(store: Store, asked: Mapping[str, Any], target: Path, progress: Progress) -> int:
    """Write the features that were asked for into a file, whole or not at all; return how many they are.

    All are of one moment, in the order of their keys. `asked` has `collection`, `format`, `crs`, `bbox` and
    `filter` as the API takes them, and `readable`, what the caller may read.
    """
    readable = frozenset(asked["readable"])
    collection, form, crs = (
        offered(readable)[asked["collection"]],
        FORMATS[asked["format"]],
        SYSTEMS[asked["crs"]],
    )
    if not readable.issuperset(collection.reads):
        raise InputError(f"The collection {collection.id} may not be read by whoever asked for it.")
    counted = collection.id in COLLECTIONS
    total = store.layer_versions()[collection.around[0]].feature_count if counted else 0
    beside, schema = target.with_name(f".{target.name}"), _schema(collection, form)
    count = 0
    cut_off: list[Exception] = []

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal count
        try:
            for page in _pages(store, collection, asked):
                progress(count, total, "exporting")
                yield _batch(page, collection, form, crs, schema)
                count += len(page.ids)
        except Exception as error:
            cut_off.append(error)
            raise

    beside.unlink(missing_ok=True)
    try:
        form.write(pa.RecordBatchReader.from_batches(schema, batches()), beside, collection, crs)
        beside.replace(target)
    except Exception as error:
        # On its way through a library in C an error loses its kind.
        if cut_off:
            raise cut_off[0] from error
        if isinstance(error, UNWRITABLE):
            raise StoreError(f"The export cannot be written into {target.parent}: {error}.") from error
        raise
    finally:
        beside.unlink(missing_ok=True)
    return count


def _box(asked: Mapping[str, Any]) -> shapely.Geometry | None:
    return None if asked["bbox"] is None else box_into_storage(tuple(asked["bbox"]), CRS84)


def _condition(asked: Mapping[str, Any], collection: Collection) -> Any:
    if asked["filter"] is None:
        return None
    return filters.condition(filters.parse_text(asked["filter"]), collection, CRS84)


def _pages(store: Store, collection: Collection, asked: Mapping[str, Any]) -> Iterator[items.Page]:
    box, condition = _box(asked), _condition(asked, collection)
    with store.engine.begin() as connection:
        connection.exec_driver_sql(
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL statement_timeout = 0"
        )
        after = None
        while True:
            page = items.page(connection, collection, PAGE, after=after, box=box, condition=condition)
            yield page
            after = page.after
            if after is None:
                return


def _type(declared: Property, form: Format) -> pa.DataType:
    if declared.type == "text_list":
        return pa.list_(pa.string()) if form.lists else pa.string()
    return _TYPES[declared.type]


def _schema(collection: Collection, form: Format) -> pa.Schema:
    fields = [pa.field(p.name, _type(p, form)) for p in collection.properties]
    as_text = form.write is _write_csv
    kind, told = (pa.string(), None) if as_text else (pa.binary(), {"ARROW:extension:name": "geoarrow.wkb"})
    return pa.schema([*fields, pa.field(_GEOMETRY, kind, metadata=told)])


def _batch(
    page: items.Page, collection: Collection, form: Format, crs: ServedCrs, schema: pa.Schema
) -> pa.RecordBatch:
    shapes = from_storage(np.asarray(page.geometries, dtype=object), crs)
    columns = [[row[i] for row in page.values] for i in range(len(collection.properties))]
    arrays = [
        pa.array(_values(values, declared, form), schema.field(declared.name).type)
        for values, declared in zip(columns, collection.properties, strict=True)
    ]
    told = (
        shapely.to_wkt(shapes, rounding_precision=crs.decimals)
        if form.write is _write_csv
        else shapely.to_wkb(shapes)
    )
    return pa.RecordBatch.from_arrays([*arrays, pa.array(told, schema.field(_GEOMETRY).type)], schema=schema)


def _values(values: Sequence[Any], declared: Property, form: Format) -> Sequence[Any]:
    if declared.type == "text_list" and not form.lists:
        return [None if value is None else ",".join(value) for value in values]
    return values


def _write_gdal(
    driver: str, **options: Any
) -> Callable[[pa.RecordBatchReader, Path, Collection, ServedCrs], None]:
    def write(reader: pa.RecordBatchReader, path: Path, collection: Collection, crs: ServedCrs) -> None:
        pyogrio.write_arrow(
            reader,
            path,
            layer=collection.id,
            driver=driver,
            geometry_name=_GEOMETRY,
            geometry_type=_GEOMETRY_TYPES[collection.shape],
            crs=_plain(crs),
            **options,
        )

    return write


def _write_csv(reader: pa.RecordBatchReader, path: Path, collection: Collection, crs: ServedCrs) -> None:
    with path.open("wb") as out:
        out.write("\ufeff".encode())  # by which spreadsheets know that it is UTF-8
        with pyarrow.csv.CSVWriter(out, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)


def _write_parquet(reader: pa.RecordBatchReader, path: Path, collection: Collection, crs: ServedCrs) -> None:
    projected = pyproj.CRS(_plain(crs)).to_json_dict()
    told = {
        "version": "1.1.0",
        "primary_column": _GEOMETRY,
        "columns": {_GEOMETRY: {"encoding": "WKB", "geometry_types": [], "crs": projected}},
    }
    plain = pa.schema([field.remove_metadata() for field in reader.schema], {"geo": json.dumps(told)})
    with pyarrow.parquet.ParquetWriter(path, plain, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=plain))


def _plain(crs: ServedCrs) -> str:
    """Return a coordinate system as files name it: in them x is first, so that CRS84 is EPSG:4326."""
    return "EPSG:4326" if crs.code == CRS84.code else crs.code


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "gpkg": Format(".gpkg", "application/geopackage+sqlite3", False, _write_gdal("GPKG")),
        "geojson": Format(
            ".geojson",
            "application/geo+json",
            True,
            _write_gdal("GeoJSON", RFC7946="YES", COORDINATE_PRECISION="13"),
        ),
        "csv": Format(".csv", "text/csv", False, _write_csv),
        "geoparquet": Format(".parquet", "application/vnd.apache.parquet", True, _write_parquet),
    }
)
