"""What holds between tables: identifiers of the whole package, parcels that results are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gis.export.checks.findings import Rows, Tally, Values, shown
from gis.export.checks.texts import bools, decoded, kept
from gis.export.model import Table

PARCEL, PARCEL_ID = "parcel", "parcel_id"


@dataclass
class Identifiers:
    """The identifiers of all features of a package, in the order in which they were read."""

    rows: list[Rows] = field(default_factory=list)

    def finish(self, tally: Tally) -> None:
        """Tell of identifiers that more than one feature has, at all of them but the first."""
        given = [rows.bsm.cast(pa.string()) for rows in self.rows if rows.bsm is not None]
        if not given:
            return
        words = pa.chunked_array(given).combine_chunks().dictionary_encode()
        places = np.asarray(words.indices.fill_null(-1), dtype=np.int64)
        first = np.full(len(words.dictionary) + 1, len(places), dtype=np.int64)
        np.minimum.at(first, places, np.arange(len(places)))
        begin = 0
        for rows in self.rows:
            own = places[begin : begin + rows.count]
            firsts = first[own]
            named = (own >= 0) & ~bools(pc.equal(rows.bsm, ""))
            twice = named & (firsts != np.arange(begin, begin + rows.count))

            def told(i: int, rows: Rows = rows, firsts: npt.NDArray[np.int64] = firsts) -> Values:
                return {"value": shown(rows.feature(i)), "other": self._place(int(firsts[i]))}

            tally.rows("V-BSM-3", rows, twice, told, checked=int(named.sum()))
            begin += rows.count

    def _place(self, index: int) -> object:
        for rows in self.rows:
            if index < rows.count:
                return rows.at(index)
            index -= rows.count
        raise IndexError(index)


@dataclass
class Parcels:
    """The numbers of the parcels in the parcel table, and what results say of parcels."""

    table: str | None = None
    known: list[pa.Array] = field(default_factory=list)

    def check(
        self, table: Table, columns: Mapping[str, str], rows: Rows, values: pa.RecordBatch, tally: Tally
    ) -> None:
        """Take the numbers of parcels of the parcel table; look those of other tables up there."""
        column = next((c for c in table.columns if c.source == PARCEL_ID and c.name in columns), None)
        if column is None or column.type != "text":
            return
        given = values.column(columns[column.name])
        if not pa.types.is_string(given.type) and not pa.types.is_large_string(given.type):
            return
        given = decoded(given).cast(pa.string())
        if table.source == PARCEL:
            self.table = table.name
            self.known.append(kept(given))
        elif self.table is not None:
            there = np.asarray(given.is_valid())
            known = pa.chunked_array(self.known).combine_chunks()
            strange = there & ~bools(pc.is_in(given, value_set=known))
            name = self.table
            tally.rows(
                "V-REF-1", rows, strange, lambda i: {"value": shown(given[i]), "table": name},
                checked=int(there.sum()),
            )  # fmt: skip
        else:
            tally.skipped(
                "V-REF-1",
                table.name,
                "成果包中没有完整可读的地块图层",
                "the package has no table of parcels that can be read whole",
            )

    def forget(self) -> None:
        """Drop the parcels: of a table that was not read whole, none is missed."""
        self.table, self.known = None, []
