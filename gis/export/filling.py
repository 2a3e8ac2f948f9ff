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

from gis.export.columns import TYPES, Room, fitted, written
from gis.export.drawn import Drawing, Drawn
from gis.export.model import Table
from gis.export.profile import Profile
from gis.export.rows import Asked, Rows, rows_of
from gis.export.spool import GEOMETRY, Spool

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

    def __init__(self, profile: Profile, drawing: Drawing, room: Room, split: bool, overlong: Path) -> None:
        self._profile, self._drawing, self._room = profile, drawing, room
        self._split, self._overlong = split, overlong
        self._tables = 0

    def fill(self, table: Table, asked: Asked, spool: Spool, told: Told) -> Filled:
        """Read all rows of a table and put them on heaps."""
        self._tables += 1
        out = Filled()
        if not self._split:
            spool.heap(table, None, self._schema(table))  # be it empty
        names = tuple(column.source for column in table.columns if column.source is not None)
        at_hand = self._drawing.knows_parcels
        with closing(rows_of(table.source, asked, names, at_hand)) as every:
            for rows in every:
                self._put(table, rows, spool, out)
                told(table.title.zh, rows.count)
        return out

    def _schema(self, table: Table) -> pa.Schema:
        fields = [pa.field(column.name, TYPES[column.type]) for column in table.columns]
        return pa.schema(fields if table.kind == "table" else [*fields, pa.field(GEOMETRY, pa.binary())])

    def _put(self, table: Table, rows: Rows, spool: Spool, out: Filled) -> None:
        rows, drawn = self._drawn(table, rows)
        out.unplaced_count += rows.unplaced_count
        if not rows.count:
            return
        made = self._made(table, rows, drawn, out)
        columns, cuts = [], []
        for column in table.columns:
            given = None if column.source is None else rows.values[column.source]
            values = made[column.name] if given is None else written(given, column)
            if column.type == "text":
                values, long = fitted(values, column, self._room)
                cuts += long
            columns.append(values.cast(TYPES[column.type]))
        out.cut_count += len(cuts)
        self._keep(table, made[self._profile.common.bsm.name], cuts)
        synthetic = rows.values.get("synthetic")
        out.synthetic |= synthetic is not None and bool(pc.any(synthetic).as_py())
        if table.kind != "table":
            columns.append(drawn.wkb)
        batch = pa.RecordBatch.from_arrays(columns, schema=self._schema(table))
        self._heap(spool, table, batch, drawn)

    def _drawn(self, table: Table, rows: Rows) -> tuple[Rows, Drawn]:
        """Return the rows that can be drawn, and what of them is; of a table without shapes all."""
        if table.kind == "table":
            return rows, self._drawing.nothing(rows.count)
        if rows.shapes is None:
            drawn, there = self._drawing.of_parcels(rows.parcels)
            return rows.taken(there), drawn
        there = np.flatnonzero(~(shapely.is_missing(rows.shapes) | shapely.is_empty(rows.shapes)))
        shapes, rows = rows.shapes[there], rows.taken(there)
        drawn = self._drawing.of(shapes, rows.districts)
        if rows.parcels is not None:
            self._drawing.keep(rows.parcels, drawn)
        return rows, drawn

    def _made(self, table: Table, rows: Rows, drawn: Drawn, out: Filled) -> Mapping[str, pa.Array]:
        """Return the columns that the package fills itself."""
        common, count = self._profile.common, rows.count
        first, out.numbered = out.numbered + 1, out.numbered + count
        head = f"{self._profile.area.code}{self._tables:02d}"
        digits = common.bsm.width - len(head)
        area_m2 = np.round(drawn.area_m2, common.area.decimals or 0)
        return {
            common.bsm.name: pa.array([f"{head}{n:0{digits}d}" for n in range(first, first + count)]),
            common.ysdm.name: pa.repeat(pa.scalar(table.ysdm), count),
            common.district_code.name: drawn.codes,
            common.district_name.name: drawn.names,
            common.area.name: pa.array(area_m2, from_pandas=True),
            common.remark.name: pa.nulls(count, pa.string()),
        }

    def _heap(self, spool: Spool, table: Table, batch: pa.RecordBatch, drawn: Drawn) -> None:
        if not self._split:
            spool.add(table, None, batch, drawn.bounds)
            return
        coded = drawn.codes.fill_null(self._profile.area.code).dictionary_encode()
        places = coded.indices.to_numpy()
        for place, code in enumerate(coded.dictionary.to_pylist()):
            rows = np.flatnonzero(places == place)
            spool.add(table, code, batch.take(pa.array(rows)), drawn.bounds[rows])

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
