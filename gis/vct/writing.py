"""A VCT file written part by part: features as they come, put together at the end."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import IO

import numpy as np
import pyarrow as pa
import pyproj

from gis.crs import Geometries
from gis.vct.model import Dialect, Field, Reference
from gis.vct.outlines import DECIMALS_DEG, DECIMALS_M, Borders, Drawn, line_texts, point_texts, polygon_texts
from gis.vct.texts import LINE_END, beside, block, column, fixed, whole

ENCODING = "gb18030"
_PARTS = ("Point", "Line", "Polygon")
_MARKS: Mapping[Dialect, tuple[str, str]] = MappingProxyType(
    {"2007": ("CNSDTF-VCT", "GB/T17798-2007"), "3.0": ("LANDUSE-VCT", "3.0")}
)
_UNDRAWN = ",NoneGeometry"
_COPY_BYTES = 1 << 22

Batches = Iterable[tuple[Geometries, pa.RecordBatch]]


@dataclass(frozen=True)
class Form:
    """How a file is written.

    `border` is the code under which lines are told that polygons share; without it polygons are told by
    their coordinates. `parameters` says in which order the parameters of the projection stand, which differs
    between tools: names of `PARAMETERS` in braces. `crs` is EPSG:4490 or a Gauss-Kruger system of CGCS2000.
    """

    dialect: Dialect
    crs: pyproj.CRS
    map_scale: int
    written_on: date
    parameters: str
    border: Reference | None = None

    @property
    def decimals(self) -> int:
        """Decimals of coordinates: finer than the 0.1 mm at which the platform tells points apart."""
        return DECIMALS_DEG if self.crs.is_geographic else DECIMALS_M


PARAMETERS: Mapping[str, str] = MappingProxyType(
    {
        "latitude_of_origin": "Latitude of natural origin",
        "central_meridian": "Longitude of natural origin",
        "scale_factor": "Scale factor at natural origin",
        "false_easting": "False easting",
        "false_northing": "False northing",
    }
)
"""Names of the parameters of a projection, and what EPSG calls them."""


@contextmanager
def vct_writer(target: Path, form: Form) -> Iterator[VctWriter]:
    """Give a writer; its file appears whole at the end, and not at all where the block fails."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=target.parent, prefix=".vct-")))
        parts = {
            name: stack.enter_context((folder / name).open("w+b"))
            for name in (*_PARTS, "Border", "Attribute")
        }
        writer = VctWriter(form, parts)
        yield writer
        with (folder / "whole").open("wb") as out:
            writer.put_together(out)
        (folder / "whole").replace(target)


class VctWriter:
    """Takes layers one after the other; every feature gets a number that no other has."""

    def __init__(self, form: Form, parts: Mapping[str, IO[bytes]]) -> None:
        self._form, self._parts = form, parts
        self._next = 1
        self._layers: list[tuple[Reference, tuple[Field, ...]]] = []
        self._loose: list[tuple[str, tuple[Field, ...]]] = []
        self._low, self._high = np.full(2, np.inf), np.full(2, -np.inf)

    def add(self, reference: Reference, fields: tuple[Field, ...], batches: Batches) -> int:
        """Write the features of a layer; return how many.

        Parameters
        ----------
        reference
            Code, name, kind and table.
        fields
            The columns, in the order of those of the batches.
        batches
            Shapes in the coordinate system of the file, x before y, none missing, with their values.
        """
        self._layers.append((reference, fields))
        count = 0
        borders = Borders() if reference.kind == "Polygon" and self._form.border else None
        self._text("Attribute", f"{reference.table}{LINE_END}")
        for shapes, values in batches:
            if not len(shapes):
                continue
            numbers = self._numbers(len(shapes))
            drawn = Drawn(numbers, reference.code, shapes, self._form.decimals)
            self._reach(drawn)
            if borders is not None:
                borders.add(drawn)
            else:
                self._text(reference.kind, block(self._outlines(reference, drawn)))
            columns = [column(values.column(i), declared) for i, declared in enumerate(fields)]
            self._text("Attribute", block(beside(whole(numbers), *columns)))
            count += len(shapes)
        if borders is not None and self._form.border is not None:
            first = self._next
            for kind, texts in borders.texts(first, self._form.border.code):
                self._text("Border" if kind == "Line" else kind, block(texts))
            self._next += borders.line_count
        self._text("Attribute", f"TableEnd{LINE_END}")
        return count

    def add_table(self, name: str, fields: tuple[Field, ...], batches: Iterable[pa.RecordBatch]) -> int:
        """Write the rows of a table of which nothing is drawn; return how many."""
        self._loose.append((name, fields))
        count = 0
        self._text("Attribute", f"{name}{LINE_END}")
        for values in batches:
            if values.num_rows:
                columns = [column(values.column(i), declared) for i, declared in enumerate(fields)]
                self._text("Attribute", block(beside(whole(self._numbers(values.num_rows)), *columns)))
                count += values.num_rows
        self._text("Attribute", f"TableEnd{LINE_END}")
        return count

    def _numbers(self, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        numbers = np.arange(self._next, self._next + count, dtype=np.int64)
        self._next += count
        return numbers

    def _outlines(self, reference: Reference, drawn: Drawn) -> pa.Array:
        if reference.kind == "Point":
            return point_texts(drawn, counted=self._form.dialect == "3.0")
        return line_texts(drawn) if reference.kind == "Line" else polygon_texts(drawn)

    def _reach(self, drawn: Drawn) -> None:
        if len(drawn.scaled):
            self._low = np.minimum(self._low, drawn.scaled.min(axis=0))
            self._high = np.maximum(self._high, drawn.scaled.max(axis=0))

    def _text(self, part: str, text: str) -> None:
        self._parts[part].write(text.encode(ENCODING))

    def put_together(self, out: IO[bytes]) -> None:
        """Write head, codes, tables and all parts."""
        form = self._form
        layers = list(self._layers)
        if form.border is not None:
            layers.append((form.border, ()))
        out.write(LINE_END.join(["HeadBegin", *self._head(), "HeadEnd", ""]).encode(ENCODING))
        codes = [",".join((r.code, r.name, r.kind, r.table)) for r, _ in layers]
        out.write(LINE_END.join(["FeatureCodeBegin", *codes, "FeatureCodeEnd", ""]).encode(ENCODING))
        tables = [line for r, fields in layers for line in _table(r.table, fields)]
        tables += [line for name, fields in self._loose for line in _table(name, fields, _UNDRAWN)]
        out.write(LINE_END.join(["TableStructureBegin", *tables, "TableStructureEnd", ""]).encode(ENCODING))
        for part in _PARTS:
            self._section(out, part, ("Line", "Border") if part == "Line" else (part,))
        self._section(out, "Attribute", ("Attribute",))
        out.write(LINE_END.join(["StyleBegin", "StyleEnd", ""]).encode(ENCODING))

    def _section(self, out: IO[bytes], name: str, parts: tuple[str, ...]) -> None:
        out.write(f"{name}Begin{LINE_END}".encode(ENCODING))
        for part in parts:
            self._parts[part].seek(0)
            shutil.copyfileobj(self._parts[part], out, _COPY_BYTES)
        out.write(f"{name}End{LINE_END}".encode(ENCODING))

    def _head(self) -> list[str]:
        form, geographic = self._form, self._form.crs.is_geographic
        mark, version = _MARKS[form.dialect]
        corners = [np.where(np.isfinite(c), c, 0).astype(np.int64) for c in (self._low, self._high)]
        low, high = (",".join(fixed(corner, form.decimals).to_pylist()) for corner in corners)
        values = {
            "DataMark": mark,
            "Version": version,
            "CoordinateSystemType": "D" if geographic else "P",
            "Dim": "2",
            "XAxisDirection": "E",
            "YAxisDirection": "N",
            "XYUnit": "D" if geographic else "M",
            "ZUnit": "M",
            "Spheroid": "CGCS2000,6378137.0,298.257222101",
            "PrimeMeridian": "Greenwich",
            "Projection": "" if geographic else "高斯-克吕格投影",
            "Parameters": "" if geographic else parameters(form),
            "VerticalDatum": "1985国家高程基准",
            "TemporalReferenceSystem": "北京时间",
            "ExtentMin": low,
            "ExtentMax": high,
            "MapScale": str(form.map_scale),
            "Offset": "0,0",
            "Date": f"{form.written_on:%Y%m%d}",
            "Separator": ",",
        }
        return [f"{key}:{value}" for key, value in values.items()]


def parameters(form: Form) -> str:
    """Return the parameters of the projection of a file as its head tells them."""
    operation = form.crs.coordinate_operation
    given = {p.name: p.value for p in operation.params} if operation is not None else {}
    return form.parameters.format_map({name: f"{given[epsg]:.1f}" for name, epsg in PARAMETERS.items()})


def _table(name: str, fields: tuple[Field, ...], mark: str = "") -> list[str]:
    lines = [f"{name},{len(fields)}{mark}"]
    for declared in fields:
        sizes = [str(n) for n in (declared.width, declared.decimals) if n is not None]
        kind = "Int4" if declared.type == "Int" else declared.type
        lines.append(",".join((declared.name, kind, *([] if declared.type in ("Int", "Date") else sizes))))
    return [*lines, "0"]
