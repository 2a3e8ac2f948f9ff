"""Small packages in all formats, made with nothing that the program makes packages with but VCT."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pyproj
import shapely

from gis.export.model import (
    BETWEEN,
    MANIFEST,
    Column,
    Crs,
    DataFormat,
    Encoding,
    File,
    Manifest,
    Packed,
    Part,
)
from gis.export.profile import Profile, read_profile, resolved
from gis.vct.model import Field, Reference
from gis.vct.writing import Form, vct_writer
from layers import Text

PROFILE: Profile = read_profile("territorial")
TABLES = {t.source: t for t in resolved(PROFILE)}
FORMATS: tuple[DataFormat, ...] = ("gdb", "gpkg", "shp", "vct", "geojson", "geoparquet")
ROWS = 9
ORIGIN = (448_000.0, 4_418_000.0)
SIDE_M = 2_000.0
CODES = ("110101", "110102", "110105", "110106")

_DRIVERS = {"gdb": "OpenFileGDB", "gpkg": "GPKG", "shp": "ESRI Shapefile", "geojson": "GeoJSON"}
_GEOD = pyproj.Geod(ellps="GRS80")
_GDAL_KINDS = {"polygon": "Polygon", "line": "LineString", "point": "Point"}
_VCT_KINDS = {"polygon": "Polygon", "line": "Line", "point": "Point"}
_ARROW = {"text": pa.string(), "integer": pa.int64(), "float": pa.float64(), "date": pa.date32()}


@dataclass
class Rows:
    """What is written of one table: `columns` with their values, `shapes` None for a table without.

    `raw` are shapes as WKB in place of others; `crs`, `encoding`, `drawn_as` and `types` of columns are what
    the file says, whatever the manifest does.
    """

    table: Packed
    columns: dict[str, Column]
    values: dict[str, list[Any]]
    shapes: np.ndarray[Any, Any] | None
    crs: str | None
    encoding: str
    raw: dict[int, bytes] = field(default_factory=dict)
    drawn_as: str | None = None
    types: dict[str, pa.DataType] = field(default_factory=dict)

    def put(self, name: str, row: int, value: Any) -> None:
        """Write another value."""
        self.values[name][row] = value

    def draw(self, row: int, shape: Any) -> None:
        """Draw another shape, with its area where there is one."""
        assert self.shapes is not None
        self.shapes[row] = shape
        if "MJ" in self.values:
            self.values["MJ"][row] = round(geodesic_area(shape, str(self.crs)), 2)

    def named(self, source: str) -> str:
        """Return the column that a field or verdict fills."""
        return next(c.name for c in self.table.columns if c.source == source)


@dataclass
class Content:
    """A package before it is written; what a test changes here is in files and manifest alike."""

    format: DataFormat
    crs: Crs
    encoding: Encoding
    rows: dict[str, Rows]

    def of(self, source: str) -> Rows:
        """Return the rows that come from a layer or result."""
        return self.rows[source]


def _shapes(source: str) -> list[Any] | None:
    """Return shapes in EPSG:4548: four districts, parcels in them, and what lies between."""
    x, y = ORIGIN
    if source == "district":
        return [
            shapely.box(x + i * SIDE_M, y + j * SIDE_M, x + (i + 1) * SIDE_M, y + (j + 1) * SIDE_M)
            for i in (0, 1)
            for j in (0, 1)
        ]
    corners = [(x + 100 + 400 * (n % 3), y + 100 + 400 * (n // 3)) for n in range(ROWS)]
    return {
        "polygon": [shapely.box(a, b, a + 120, b + 90) for a, b in corners],
        "line": [shapely.LineString([(a, b), (a + 200, b + 30), (a + 250, b + 200)]) for a, b in corners],
        "point": [shapely.Point(a, b) for a, b in corners],
    }.get(TABLES[source].kind)


def projected(shapes: Any, crs: str, source: str = "EPSG:4548") -> np.ndarray[Any, Any]:
    """Return shapes in another system, x before y."""
    move = pyproj.Transformer.from_crs(source, crs, always_xy=True).transform
    found = shapely.transform(np.array(shapes, dtype=object), lambda p: np.column_stack(move(*p.T)))
    return np.asarray(found, dtype=object)


def geodesic_area(shape: Any, crs: str) -> float:
    """Return the area of a polygon on the ellipsoid, by geodesics."""
    degrees = projected(shape, "EPSG:4490", crs).item()
    return abs(float(_GEOD.geometry_area_perimeter(shapely.orient_polygons(degrees))[0]))


def _value(column: Column, row: int) -> Any:
    """Return a value that is allowed; every fourth of what may lack is missing."""
    if not column.required and row % 4 == 3:
        return None
    if column.domain:
        words = [one.written for one in column.domain]
        return BETWEEN.join(words[:2]) if column.several else words[row % len(words)]
    if column.type == "text":
        return f"供热{row}䶮"
    if column.type == "date":
        return date(2026, 1, 1 + row)
    low = 0.0 if column.minimum is None else column.minimum
    high = low + 1_000 if column.maximum is None else column.maximum
    number = low + (high - low) * (row + 1) / (ROWS + 2)
    return int(number) if column.type == "integer" else round(number, column.decimals or 0)


def _rows(source: str, number: int, crs: Crs, encoding: Encoding) -> Rows:
    table = TABLES[source]
    if source == "parcel":
        # No layer has whole numbers; a profile may.
        table = table.model_copy(update={"columns": (*table.columns, STOREYS)})
    shapes = _shapes(source)
    drawn = None if shapes is None else projected(shapes, crs)
    count = ROWS if shapes is None else len(shapes)
    values = {c.name: [_value(c, row) for row in range(count)] for c in table.columns}
    values["BSM"] = [f"1100002026{number:02d}{row:06d}" for row in range(count)]
    values["YSDM"] = [table.ysdm] * count
    values["XZQDM"] = [CODES[row % len(CODES)] for row in range(count)]
    if drawn is not None and table.kind == "polygon":
        values["MJ"] = [round(geodesic_area(shape, crs), 2) for shape in drawn]
    for column in table.columns:
        if column.source == "parcel_id":
            values[column.name] = [f"P-{row:04d}" for row in range(count)]
    packed = Packed(**table.model_dump(), parts=(), origins=(), synthetic=True)
    return Rows(packed, {c.name: c for c in table.columns}, values, drawn, crs, encoding)


SOURCES = (
    "district", "parcel", "heat_network", "wastewater_plant", "parcel_suitability", "match_source",
    "water_intake_zone",
)  # fmt: skip
STOREYS = Column(
    name="CS", type="integer", width=4, title=Text(zh="层数", en="storeys"), minimum=1, maximum=900
)


def content(format: DataFormat = "gpkg", crs: Crs = "EPSG:4490", encoding: Encoding = "UTF-8") -> Content:
    """Return a package without fault: polygons, a coverage, lines, points and a table without shapes."""
    rows = {source: _rows(source, number, crs, encoding) for number, source in enumerate(SOURCES, 1)}
    return Content(format, crs, encoding, rows)


def write(
    folder: Path,
    made: Content,
    before: Callable[[Path], object] = lambda folder: None,
    alter: Callable[[dict[str, Any]], object] = lambda told: None,
) -> Path:
    """Write data files and the manifest; return the folder.

    `before` may change files of which the manifest then tells, `alter` what it tells.
    """
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("说明", encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        places = _write_data(folder, made)
    before(folder)
    tables = tuple(
        rows.table.model_copy(update={"parts": (_part(rows, *places[source]),)})
        for source, rows in made.rows.items()
    )
    manifest = Manifest(
        profile=PROFILE.described(),
        area=PROFILE.area,
        created_at=datetime(2026, 11, 22, 8, 0, tzinfo=UTC),
        software="tests",
        format=made.format,
        vct_dialect="3.0" if made.format == "vct" else None,
        encoding=made.encoding,
        crs=made.crs,
        datum_note=Text(zh="无", en="none"),
        tolerance_m=PROFILE.tolerance_m,
        sliver=PROFILE.sliver,
        scenario=None,
        rules=None,
        run=None,
        tables=tables,
        files=tuple(_file(folder, path) for path in sorted(folder.rglob("*")) if path.is_file()),
    )
    told = manifest.model_dump(mode="json")
    alter(told)
    (folder / MANIFEST).write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    return folder


def _file(folder: Path, path: Path) -> File:
    body = path.read_bytes()
    return File(
        path=path.relative_to(folder).as_posix(),
        sha256=hashlib.sha256(body).hexdigest(),
        size_bytes=len(body),
    )


def _part(rows: Rows, file: str, layer: str) -> Part:
    count = len(next(iter(rows.values.values())))
    extent = None
    if rows.shapes is not None and np.isfinite(shapely.total_bounds(rows.shapes)).all():
        extent = tuple(map(float, shapely.total_bounds(rows.shapes)))
    return Part(file=file, layer=layer, feature_count=count, extent=extent)


def _write_data(folder: Path, made: Content) -> dict[str, tuple[str, str]]:
    if made.format == "vct":
        return _write_vct(folder, made)
    places = {}
    for source, rows in made.rows.items():
        name = rows.table.name
        if made.format == "geoparquet":
            path = folder / f"{name}.parquet"
            _write_parquet(path, made, rows)
        else:
            single = made.format in ("gdb", "gpkg")
            ending = "dbf" if made.format == "shp" and rows.shapes is None else made.format
            path = folder / (f"110000.{ending}" if single else f"{name}.{ending}")
            _write_gdal(path, made, rows)
        places[source] = path.name, name
    return places


def arrow(made: Content, rows: Rows, *, shaped: bool = True) -> pa.Table:
    """Return rows as Arrow, with widths and decimals where the format keeps them."""
    fields, arrays = [], []
    for name, values in rows.values.items():
        column = rows.columns[name]
        kind, given = _ARROW[column.type], values
        widths = {b"GDAL:OGR:width": str(column.width)} if column.width else {}
        if made.format == "shp" and column.type == "text":
            widths = {b"GDAL:OGR:width": str(min(column.width or 254, 254))}
        if made.format == "gdb" and column.type == "integer":
            kind, widths = pa.float64(), {}
        if made.format == "shp" and column.type == "float":
            kind = pa.decimal128(column.width, column.decimals)
            step = Decimal(1).scaleb(-(column.decimals or 0))
            given = [None if v is None else Decimal(repr(v)).quantize(step) for v in values]
        kind = rows.types.get(name, kind)
        fields.append(pa.field(name, kind, metadata=widths))
        arrays.append(pa.array(given, kind))
    if rows.shapes is not None and shaped:
        wkb = [rows.raw.get(i, None if s is None else shapely.to_wkb(s)) for i, s in enumerate(rows.shapes)]
        fields.append(pa.field("geom", pa.binary(), metadata={"ARROW:extension:name": "ogc.wkb"}))
        arrays.append(pa.array(wkb, pa.binary()))
    return pa.table(arrays, schema=pa.schema(fields))


def _write_gdal(path: Path, made: Content, rows: Rows) -> None:
    drawn = {}
    if rows.shapes is not None:
        kind = rows.drawn_as or _GDAL_KINDS[rows.table.kind]
        drawn = {"geometry_name": "geom", "geometry_type": kind, "crs": rows.crs}
    if made.format == "shp":
        drawn["encoding"] = rows.encoding
    pyogrio.write_arrow(
        arrow(made, rows), path, layer=rows.table.name, driver=_DRIVERS[made.format], append=path.exists(),
        **drawn,
    )  # fmt: skip


def _write_parquet(path: Path, made: Content, rows: Rows) -> None:
    found = arrow(made, rows)
    if rows.shapes is not None:
        kinds = sorted({s.geom_type for s in rows.shapes if s is not None})
        about = {"encoding": "WKB", "geometry_types": kinds}
        about["crs"] = None if rows.crs is None else pyproj.CRS(rows.crs).to_json_dict()
        geo = {"version": "1.0.0", "primary_column": "geom", "columns": {"geom": about}}
        found = found.replace_schema_metadata({"geo": json.dumps(geo)})
    pq.write_table(found, path)


def _write_vct(folder: Path, made: Content) -> dict[str, tuple[str, str]]:
    path = folder / "110000.vct"
    form = Form("3.0", pyproj.CRS(made.crs), 10_000, date(2026, 11, 22), PROFILE.projection_parameters)
    kinds = {"text": "Char", "integer": "Int", "float": "Float", "date": "Date"}
    with vct_writer(path, form) as writer:
        for rows in made.rows.values():
            if rows.shapes is None:
                continue
            table = rows.table
            fields = tuple(
                Field(c.name, kinds[c.type], c.width, c.decimals)
                for c in rows.columns.values()  # type: ignore[arg-type]
            )
            reference = Reference(table.ysdm, table.title.zh, _VCT_KINDS[table.kind], table.name)  # type: ignore[arg-type]
            (batch,) = arrow(made, rows, shaped=False).combine_chunks().to_batches()
            writer.add(reference, fields, [(rows.shapes, batch)])
    plain = [rows for rows in made.rows.values() if rows.shapes is None]
    _add_plain(path, plain)
    return {source: (path.name, rows.table.name) for source, rows in made.rows.items()}


def _add_plain(path: Path, plain: list[Rows]) -> None:
    """Add tables without shapes, which the writer has none of."""
    structure, body = [], []
    for number, rows in enumerate(plain):
        told = {
            "text": "Char,{0.width}",
            "integer": "Int4",
            "float": "Float,{0.width},{0.decimals}",
            "date": "Date",
        }
        structure.append(f"{rows.table.name},{len(rows.columns)},NoneGeometry")
        structure += [f"{c.name},{told[c.type].format(c)}" for c in rows.columns.values()] + ["0"]
        body.append(rows.table.name)
        for row in range(len(rows.values["BSM"])):
            values = [rows.values[name][row] for name in rows.columns]
            body.append(
                ",".join(
                    [str(900_001 + 1_000 * number + row), *("" if v is None else str(v) for v in values)]
                )
            )
        body.append("TableEnd")
    text = path.read_bytes().decode("gb18030")
    text = text.replace("TableStructureEnd", "\r\n".join([*structure, "TableStructureEnd"]))
    path.write_bytes(text.replace("AttributeEnd", "\r\n".join([*body, "AttributeEnd"])).encode("gb18030"))
