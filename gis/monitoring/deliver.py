"""Taking a delivery of measured values: read, judged, merged with what is held, batch by batch.

A batch is a transaction. What a crash or Ctrl-C leaves is whole batches: the same delivery again takes the
rest and changes nothing of them, and one that was taken to its end is known by its digest and does nothing.
Of the values that one delivery gives for one step the first counts and others go to quarantine; a later
delivery corrects, and what it corrected is kept.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import sqlalchemy as sa

from gis.errors import InputError, NotFoundError, UsageError
from gis.ingest.source import sha256
from gis.monitoring.blocks import Months, gathered, merged
from gis.monitoring.columns import Roles, roles_of
from gis.monitoring.parsing import times, words
from gis.monitoring.pieces import Known, Piece, Refused, contradicting, pieces
from gis.monitoring.reading import Table, open_table, peeked, table_of
from gis.monitoring.variables import LIMITS
from gis.periods import PERIODS, STEP_S, Period, step_count
from gis.store import Store, measured
from gis.store.connection import clear_errors
from gis.store.measured import Blocks
from gis.store.monitoring_tables import MONITORED
from gis.store.tables import LAYER_TABLES
from layers import LAYERS

Progress = Callable[[int, int, str], None]

_FUTURE = dt.timedelta(days=1)
_MONTH_D = (28, 29, 30, 31)
_CLEAR_FRAC = 0.9
_PAIRED = ("heat_kwh", "electricity_kwh")


@dataclass
class Delivered:
    """What came of a delivery.

    delivery_id  its number; None where it only was looked at
    repeated     whether it had been taken to its end before, so that nothing was done
    period       step of its values
    counts       rows, and values: new, same as held, corrected, repeated within it, empty, refused
    quarantine   code of a reason -> values refused for it
    unused       columns that hold nothing of this
    """

    delivery_id: int
    repeated: bool
    period: Period
    counts: dict[str, int]
    quarantine: dict[str, int]
    unused: list[str]

    def told(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return {
            "period": self.period,
            "counts": self.counts,
            "quarantine": self.quarantine,
            "unused": self.unused,
        }


def deliver_file(
    store: Store,
    layer: str,
    path: Path,
    *,
    period: Period | None = None,
    progress: Progress | None = None,
) -> Delivered:
    """Take the measured values in a CSV, XLSX or Parquet file and return what came of them.

    Times are Beijing time and name the beginning of a step; `period` is the step, by default what the times
    show. Raises InputError for a file that cannot be read or lacks columns, and BusyError while another
    program takes the same one. What single values have wrong puts them into quarantine.
    """
    table = open_table(path)
    return _deliver(store, layer, table, sha256(path), path.name, period, progress)


def deliver_rows(store: Store, layer: str, rows: pa.Table, name: str, period: Period) -> Delivered:
    """Take measured values that are in memory, as `deliver_file` does."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    digest = hashlib.sha256(sink.getvalue()).hexdigest()
    return _deliver(store, layer, table_of(rows), digest, name, period, None)


def _deliver(
    store: Store,
    layer: str,
    table: Table,
    digest: str,
    name: str,
    period: Period | None,
    progress: Progress | None,
) -> Delivered:
    if layer not in MONITORED:
        raise UsageError(f"{layer!r} is not measured; those that are: {', '.join(MONITORED)}.")
    roles = roles_of(layer, table.names, name)
    first, table = peeked(table)
    known = _known(store, layer, period or _shown(first, roles, name))
    # The same content read in another way is another delivery.
    asked = hashlib.sha256(f"{digest} {layer} {known.period}".encode()).hexdigest()
    with clear_errors("The import failed"), store.engine.begin() as guard:
        measured.claim(guard, asked, name)
        with clear_errors("The import failed"), store.engine.begin() as connection:
            number, told = measured.begin(connection, asked, name)
        if told is not None:
            return Delivered(number, True, **told)
        return _Delivery(store, known, roles, number, name).take(table, progress)


def _known(store: Store, layer: str, period: Period) -> Known:
    """Return what rows are judged by: the features of the layer and what they can give."""
    spec, table = LAYERS[layer], LAYER_TABLES[layer].c
    limits = LIMITS[layer]
    query = sa.select(table[spec.key], *(table[name] for name in limits.values())).order_by(table[spec.key])
    with clear_errors("Reading the layer failed"), store.engine.connect() as connection:
        rows = connection.execute(query).tuples().all()
    if not rows:
        raise NotFoundError(
            f"The layer {layer} is empty: import its features before what was measured at them."
        )
    found = {
        variable: np.array([row[i + 1] for row in rows], dtype=np.float64)
        for i, variable in enumerate(limits)
    }
    ids = tuple(str(row[0]) for row in rows)
    until = dt.datetime.now(dt.UTC) + _FUTURE + dt.timedelta(hours=8)
    until_s = int((until.replace(tzinfo=None) - dt.datetime(1970, 1, 1)).total_seconds())
    return Known(layer, {id_: i for i, id_ in enumerate(ids)}, ids, found, period, until_s)


def _shown(first: pa.RecordBatch | None, roles: Roles, name: str) -> Period:
    """Return the step that the times of a first batch show."""
    found: pd.Series[float] = pd.Series(dtype=np.float64)
    if first is not None:
        when, of = times(first.column(roles.time)), words(first.column(roles.key))
        frame = pd.DataFrame({"of": of.places, "at": when.seconds})[when.read].drop_duplicates()
        found = frame.sort_values(["of", "at"]).groupby("of")["at"].diff().dropna()
    for period in PERIODS:
        steps = [STEP_S[period]] if period != "P1M" else [days * 86400 for days in _MONTH_D]
        if len(found) and float(found.isin(steps).mean()) >= _CLEAR_FRAC:
            return period
    raise InputError(
        f"{name}: the times do not show in which steps values were measured; state it as one of "
        f"{', '.join(PERIODS)} (--period)."
    )


@dataclass
class _Delivery:
    """A delivery that is being taken; `seen` holds, a bit a step, what it gave values for."""

    store: Store
    known: Known
    roles: Roles
    number: int
    name: str
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    seen: dict[tuple[str, int, int], bytes] = field(default_factory=dict)

    def take(self, table: Table, progress: Progress | None) -> Delivered:
        """Take all batches, and note the end."""
        keys = ("new", "same", "corrected", "repeated", "empty", "refused")
        self.counts.update(dict.fromkeys(("rows", *keys), 0))
        coming = next(table.batches, None)
        while True:
            now, coming = coming, None if coming is None else next(table.batches, None)
            with clear_errors("The import failed"), self.store.engine.begin() as connection:
                connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
                if now is not None:
                    self._batch(connection, now[0])
                found = self._found()
                if coming is None:
                    measured.finish(connection, self.number, self.known.layer, self.name, found.told())
            if progress and now is not None:
                progress(now[1], table.size, "measured values")
            if coming is None:
                return found

    def _found(self) -> Delivered:
        counts, reasons = dict(self.counts), dict(self.reasons)
        return Delivered(self.number, False, self.known.period, counts, reasons, list(self.roles.unused))

    def _batch(self, connection: sa.Connection, batch: pa.RecordBatch) -> None:
        first_row = self.counts["rows"] + 1
        self.counts["rows"] += batch.num_rows
        measured.turn(connection, self.known.layer)
        paired: set[tuple[int, int]] = set()
        for piece in pieces(batch, self.roles, first_row, self.known):
            self.counts["empty"] += piece.empty_count
            self._refuse(connection, piece.refused)
            for months in gathered(piece.taken, self.known.period):
                self._months(connection, piece, months, batch, first_row)
                if piece.taken.variable in _PAIRED:
                    numbers = months.months.astype(np.int64).tolist()
                    paired |= set(zip(months.features.tolist(), numbers, strict=True))
        if paired and self.known.layer == "heat_project":
            features, numbers = zip(*sorted(paired), strict=True)
            ids = [self.known.ids[i] for i in features]
            measured.fit_pairs(connection, ids, np.array(numbers, dtype="datetime64[M]"))

    def _months(
        self, connection: sa.Connection, piece: Piece, months: Months, batch: pa.RecordBatch, first_row: int
    ) -> None:
        """Merge months with what is held and write those that are changed by it."""
        taken, layer = piece.taken, self.known.layer
        stated = taken.values[months.at]
        delivered = self._blocks(taken.variable, months.features, months.months, months.values)
        before = measured.held(connection, layer, delivered)
        keys = self._keys(taken.variable, months)
        found = merged(months.values, before, self._seen(keys, months.values.shape[1]))
        wrong = found.values[months.month_of, months.step_of] != stated
        if wrong.any():
            at = months.at[wrong]
            self._refuse(connection, contradicting(taken, at, batch, self.roles, first_row))
        changed = np.flatnonzero(found.changed)
        if len(changed):
            measured.put(connection, layer, self.number, self._part(delivered, found.values, changed))
        if found.corrected_count:
            those = np.flatnonzero(~np.isnan(found.replaced).all(axis=1))
            old = self._part(delivered, found.replaced, those)
            measured.keep_replaced(connection, layer, self.number, old)
        self._note(keys, ~np.isnan(months.values))
        fresh = found.new_count + found.same_count + found.corrected_count
        self.counts["new"] += found.new_count
        self.counts["same"] += found.same_count
        self.counts["corrected"] += found.corrected_count
        self.counts["repeated"] += len(stated) - int(wrong.sum()) - fresh

    def _blocks(
        self,
        variable: str,
        features: npt.NDArray[np.int64],
        months: npt.NDArray[np.datetime64],
        values: npt.NDArray[np.float64],
    ) -> Blocks:
        ids = [self.known.ids[i] for i in features]
        lengths = {month: step_count(self.known.period, month) for month in np.unique(months)}
        counts = np.array([lengths[month] for month in months], dtype=np.int64)
        return Blocks(variable, self.known.period, ids, months, counts, values)

    def _part(self, of: Blocks, values: npt.NDArray[np.float64], rows: npt.NDArray[np.int64]) -> Blocks:
        ids = [of.ids[i] for i in rows]
        return Blocks(of.variable, of.period, ids, of.months[rows], of.counts[rows], values[rows])

    def _keys(self, variable: str, months: Months) -> list[tuple[str, int, int]]:
        numbers = months.months.astype(np.int64).tolist()
        return [(variable, f, m) for f, m in zip(months.features.tolist(), numbers, strict=True)]

    def _seen(self, keys: list[tuple[str, int, int]], width: int) -> npt.NDArray[np.bool_]:
        """Return the steps that this delivery gave values for in earlier batches."""
        found = np.zeros((len(keys), width), dtype=bool)
        for i, key in enumerate(keys):
            if bits := self.seen.get(key):
                found[i] = np.unpackbits(np.frombuffer(bits, dtype=np.uint8), count=width)
        return found

    def _note(self, keys: list[tuple[str, int, int]], given: npt.NDArray[np.bool_]) -> None:
        packed = np.packbits(given, axis=1)
        for key, bits in zip(keys, packed, strict=True):
            before = self.seen.get(key)
            self.seen[key] = (
                bits if before is None else bits | np.frombuffer(before, dtype=np.uint8)
            ).tobytes()

    def _refuse(self, connection: sa.Connection, refused: Refused) -> None:
        if not len(refused.rows):
            return
        self.counts["refused"] += len(refused.rows)
        self.reasons.update(refused.reasons)
        told = zip(
            refused.rows.tolist(),
            refused.features,
            refused.times,
            refused.values,
            refused.units,
            refused.reasons,
            strict=True,
        )
        # In the order of the table's columns.
        rows = [
            (self.number, row, refused.variable, self.known.layer, of, at, value, unit, reason)
            for row, of, at, value, unit, reason in told
        ]
        measured.quarantine(connection, rows)
