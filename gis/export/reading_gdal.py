"""Tables of file geodatabases, GeoPackages, Shapefiles and GeoJSON, read by GDAL."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyogrio
import pyproj

from gis.export.found import ROWS_AT_ONCE, Batch, Found, FoundColumn, batch_of, clearly, kind_of
from gis.export.model import ColumnType
from gis.ingest.shapefile import shapefile_encoding, sibling

DBF = (".shp", ".dbf")
_TYPES: dict[str, ColumnType] = {
    "OFTString": "text", "OFTInteger": "integer", "OFTInteger64": "integer", "OFTReal": "float",
    "OFTDate": "date",
}  # fmt: skip
_SUBTYPES = ("OFSTNone", "OFSTFloat32", "OFSTInt16")


def gdal_table(path: Path, layer: str | None) -> Found:
    """Return a table of a file, of one with a single table that; InputError where it cannot be read."""
    dbf = path.suffix.lower() in DBF
    # With a .cpg GDAL decodes by itself.
    encoding = shapefile_encoding(path) if dbf else None
    given = encoding if dbf and sibling(path, ".cpg") is None else None
    with clearly(path):
        info = pyogrio.read_info(path, layer=layer, encoding=given, force_feature_count=True)
        with pyogrio.open_arrow(path, layer=layer, encoding=given, use_pyarrow=True) as (_, stream):
            schema = stream.schema
        crs = None if info["crs"] is None else pyproj.CRS(info["crs"])
    timed, limited = info["driver"] == "OpenFileGDB", info["driver"] != "GeoJSON"
    widths = _dbf_widths(path) if dbf else {}
    columns = tuple(
        _gdal_column(schema.field(name), kind, subtype, timed, limited, widths.get(name))
        for name, kind, subtype in zip(info["fields"], info["ogr_types"], info["ogr_subtypes"], strict=True)
    )
    return Found(
        path,
        layer or path.stem,
        columns,
        kind_of(info["geometry_type"]),
        crs,
        int(info["features"]),
        encoding,
        typed=limited,
        bytewise=dbf,
        _read=partial(_gdal_batches, path, layer, given, info["geometry_type"] is not None),
    )


def _gdal_column(
    declared: pa.Field, told: str, subtype: str, timed: bool, limited: bool, sizes: tuple[int, int] | None
) -> FoundColumn:
    """Return a column; a file geodatabase has moments where dates are meant, if it is to be read by all."""
    kind = "date" if timed and told == "OFTDateTime" else _TYPES.get(told)
    if not limited and told == "OFTDateTime":
        kind = "text"  # JSON has no moments: GDAL takes what looks like one for it
    named = told.removeprefix("OFT") if subtype == "OFSTNone" else subtype.removeprefix("OFST")
    if subtype not in _SUBTYPES:
        kind = None
    if sizes is not None:
        number = kind in ("integer", "float")
        return FoundColumn(declared.name, kind, named, sizes[0], sizes[1] if number else None)
    metadata = declared.metadata or {}
    told_width = int(metadata.get(b"GDAL:OGR:width", b"0"))
    return FoundColumn(declared.name, kind, named, told_width if kind == "text" and limited else None)


def _dbf_widths(path: Path) -> dict[str, tuple[int, int]]:
    """Return widths and decimals by column as the head of a .dbf has them."""
    dbf = sibling(path, ".dbf")
    if dbf is None:
        return {}
    with dbf.open("rb") as stream:
        head = stream.read(32)
        size = struct.unpack("<H", head[8:10])[0]
        body = stream.read(max(size - 32, 0))
    records = [body[at : at + 32] for at in range(0, len(body) - 31, 32) if body[at : at + 1] != b"\r"]
    return {r[:11].split(b"\0")[0].decode("ascii", "replace"): (r[16], r[17]) for r in records}


def _gdal_batches(path: Path, layer: str | None, encoding: str | None, drawn: bool) -> Iterator[Batch]:
    first = 1
    with ExitStack() as stack:
        with clearly(path):
            opened = pyogrio.open_arrow(
                path,
                layer=layer,
                encoding=encoding,
                batch_size=ROWS_AT_ONCE,
                use_pyarrow=True,
                datetime_as_string=path.suffix.lower() == ".geojson",
            )
            _, stream = stack.enter_context(opened)
        while True:
            with clearly(path):
                rows = next(stream, None)
            if rows is None:
                return
            yield batch_of(rows, first, rows.schema.names[-1] if drawn else None)
            first += len(rows)
