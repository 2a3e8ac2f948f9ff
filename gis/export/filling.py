"""The rows of all tables of a package on their heaps: with codes, areas, words, and texts that fit."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from gis.crs import STORAGE_EPSG, Geometries, reproject
from gis.export.columns import TYPES, Room, fitted, written
from gis.export.ellipsoid import ellipsoidal_area_m2
from gis.export.model import Crs, Table
from gis.export.places import Districts
from gis.export.profile import Profile
from gis.export.rows import Asked, Rows, rows_of
from gis.export.spool import GEOMETRY, Spool

_STORED = f"EPSG:{STORAGE_EPSG}"
_OVERLONG = ("图层", "标识码", "字段", "全文")

Told = Callable[[str, int], None]
"""Called with the title of a table and how many of its rows were read since."""


@dataclass
class Filled:
    """What came of filling one table."""

    cut_count: int = 0
    unplaced_count: int = 0
    synthetic: bool = False
    numbered: int = 0


class Filling:
    """Fills heaps for one package; every row gets a number that no other has."""

    def __init__(
        self, profile: Profile, crs: Crs, room: Room, districts: Districts, split: bool, overlong: Path
    ) -> None:
        self._profile, self._crs, self._room = profile, crs, room
        self._districts, self._split, self._overlong = districts, split, overlong
        self._tables = 0

    def fill(self, table: Table, asked: Asked, spool: Spool, told: Told) -> Filled:
        """Read all rows of a table and put them on heaps."""
        self._tables += 1
        out = Filled()
        if not self._split:
            spool.heap(table, None, self._schema(table))  # be it empty
        names = tuple(column.source for column in table.columns if column.source is not None)
        with closing(rows_of(table.source, asked, names)) as every:
            for rows in every:
                self._put(table, rows, spool, out)
                told(table.title.zh, len(rows.shapes))
        return out

    def _schema(self, table: Table) -> pa.Schema:
        fields = [pa.field(column.name, TYPES[column.type]) for column in table.columns]
        return pa.schema(fields if table.kind == "table" else [*fields, pa.field(GEOMETRY, pa.binary())])

    def _put(self, table: Table, rows: Rows, spool: Spool, out: Filled) -> None:
        if table.kind != "table":
            rows, lost = _drawn(rows)
            out.unplaced_count += lost
        if not len(rows.shapes):
            return
        codes, names = self._districts.of(rows.shapes, rows.districts)
        made = self._made(table, rows, codes, names, out)
        columns, cuts = [], []
        for column in table.columns:
            values = (
                made[column.name] if column.source is None else written(rows.values[column.source], column)
            )
            if column.type == "text":
                values, long = fitted(values, column, self._room)
                cuts += long
            columns.append(values.cast(TYPES[column.type]))
        out.cut_count += len(cuts)
        self._keep(table, made[self._profile.common.bsm.name], cuts)
        synthetic = rows.values.get("synthetic")
        out.synthetic |= synthetic is not None and bool(pc.any(synthetic).as_py())
        shapes = self._shapes(table, rows.shapes)
        bounds = np.empty((0, 4)) if shapes is None else shapely.bounds(shapes)
        if shapes is not None:
            columns.append(pa.array(shapely.to_wkb(shapes), pa.binary()))
        self._heap(
            spool, table, pa.RecordBatch.from_arrays(columns, schema=self._schema(table)), codes, bounds
        )

    def _made(
        self, table: Table, rows: Rows, codes: pa.Array, names: pa.Array, out: Filled
    ) -> Mapping[str, pa.Array]:
        """Return the columns that the package fills itself."""
        common, count = self._profile.common, len(rows.shapes)
        first, out.numbered = out.numbered + 1, out.numbered + count
        head = f"{self._profile.area.code}{self._tables:02d}"
        digits = common.bsm.width - len(head)
        made = {
            common.bsm.name: pa.array([f"{head}{n:0{digits}d}" for n in range(first, first + count)]),
            common.ysdm.name: pa.repeat(pa.scalar(table.ysdm), count),
            common.district_code.name: codes,
            common.district_name.name: names,
            common.remark.name: pa.nulls(count, pa.string()),
        }
        if table.kind == "polygon":
            area = np.round(ellipsoidal_area_m2(rows.shapes), common.area.decimals or 0)
            made[common.area.name] = pa.array(area, from_pandas=True)
        return made

    def _shapes(self, table: Table, shapes: Geometries) -> Geometries | None:
        if table.kind == "table":
            return None
        return shapes if self._crs == _STORED else reproject(shapes, _STORED, self._crs)

    def _heap(
        self, spool: Spool, table: Table, batch: pa.RecordBatch, codes: pa.Array, bounds: np.ndarray
    ) -> None:
        if not self._split:
            spool.add(table, None, batch, bounds)
            return
        coded = codes.fill_null(self._profile.area.code).dictionary_encode()
        places = coded.indices.to_numpy()
        for place, code in enumerate(coded.dictionary.to_pylist()):
            rows = np.flatnonzero(places == place)
            spool.add(table, code, batch.take(pa.array(rows)), bounds[rows] if len(bounds) else bounds)

    def _keep(self, table: Table, bsm: pa.Array, cuts: Sequence[tuple[int, str, str]]) -> None:
        """Write whole texts down where the column took the beginning alone."""
        if not cuts:
            return
        new = not self._overlong.exists()
        # The mark at the beginning tells spreadsheets that this is UTF-8.
        with self._overlong.open("a", encoding="utf-8-sig" if new else "utf-8", newline="") as out:
            table_of = csv.writer(out)
            if new:
                table_of.writerow(_OVERLONG)
            table_of.writerows([table.name, bsm[row].as_py(), name, text] for row, name, text in cuts)


def _drawn(rows: Rows) -> tuple[Rows, int]:
    """Return the rows that can be drawn, and how many cannot."""
    missing = shapely.is_missing(rows.shapes) | shapely.is_empty(rows.shapes)
    if not missing.any():
        return rows, 0
    there = pa.array(~missing)
    values = {name: column.filter(there) for name, column in rows.values.items()}
    districts = None if rows.districts is None else rows.districts.filter(there)
    return Rows(rows.shapes[~missing], values, districts), int(missing.sum())
