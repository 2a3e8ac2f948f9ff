"""Writing measured values and the log of their deliveries, inside the caller's transaction."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.dialects.postgresql import insert

from gis.errors import BusyError
from gis.periods import Period
from gis.store import audit
from gis.store.copy import copying, qualified, raw
from gis.store.migrate import LOCK_SPACE
from gis.store.monitoring_tables import BLOCK, DELIVERY, PAIR, QUARANTINE, REPLACED

Floats = npt.NDArray[np.float64]
Dates = npt.NDArray[np.datetime64]

_FLOAT8 = 701
_HEAD, _END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_EPOCH = np.datetime64("2000-01-01", "D")
_ITEM = np.dtype([("length", ">i4"), ("value", ">f8")])


@dataclass(frozen=True, eq=False)
class Blocks:
    """Months of one variable: `values` (month, step), of which the first `counts` are steps of the month."""

    variable: str
    period: Period
    ids: Sequence[str]
    months: Dates
    counts: npt.NDArray[np.int64]
    values: Floats


def begin(connection: sa.Connection, sha256: str, name: str) -> tuple[int, dict[str, Any] | None]:
    """Return the number of a delivery, and what was told of it when it had been taken to its end.

    What an earlier attempt at it put into quarantine goes: it comes again.
    """
    command = insert(DELIVERY).values(sha256=sha256, name=name, author=audit.actor(), told={})
    connection.execute(command.on_conflict_do_nothing(index_elements=["sha256"]))
    columns = (DELIVERY.c.delivery_id, DELIVERY.c.finished_at, DELIVERY.c.told)
    number, finished_at, told = connection.execute(
        sa.select(*columns).where(DELIVERY.c.sha256 == sha256).with_for_update()
    ).one()
    if finished_at is not None:
        return number, told
    connection.execute(QUARANTINE.delete().where(QUARANTINE.c.delivery_id == number))
    return number, None


def claim(connection: sa.Connection, sha256: str, name: str) -> None:
    """Keep others from taking a delivery until the transaction ends; BusyError when another takes it."""
    query = sa.text("SELECT pg_try_advisory_xact_lock(:space, hashtext(:what))")
    if not connection.scalar(query, {"space": LOCK_SPACE, "what": f"delivery {sha256}"}):
        raise BusyError(f"{name} is being imported by another program: wait for its end.")


def turn(connection: sa.Connection, layer: str) -> None:
    """Wait until no other transaction writes measured values of a layer; the turn ends with this one."""
    query = sa.text("SELECT pg_advisory_xact_lock(:space, hashtext(:what))")
    connection.execute(query, {"space": LOCK_SPACE, "what": f"measured {layer}"})


def held(connection: sa.Connection, layer: str, wanted: Blocks) -> Floats:
    """Return the values that are there in place of those of `wanted`, NaN where there are none."""
    found = np.full(wanted.values.shape, np.nan)
    query = sql.SQL(
        'SELECT w.place, b."values" '
        "FROM unnest(%s::text[], %s::date[]) WITH ORDINALITY AS w (id, month, place) "
        "JOIN {} AS b ON b.feature_id = w.id AND b.month = w.month "
        "WHERE b.variable = %s AND b.period = %s AND b.month BETWEEN %s AND %s"
    ).format(qualified(BLOCK[layer]))
    months = _days(wanted.months)
    named = [list(wanted.ids), months, wanted.variable, wanted.period, min(months), max(months)]
    with raw(connection).cursor(binary=True) as cursor:
        for place, values in cursor.execute(query, named):
            found[place - 1, : len(values)] = values
    return found


def put(connection: sa.Connection, layer: str, delivery_id: int, blocks: Blocks) -> None:
    """Write months in the place of those that are there."""
    table = qualified(BLOCK[layer])
    months = _days(blocks.months)
    connection_ = raw(connection)
    connection_.execute(
        sql.SQL(
            "DELETE FROM {} AS b USING unnest(%s::text[], %s::date[]) AS w (id, month) "
            "WHERE b.feature_id = w.id AND b.month = w.month "
            "AND b.variable = %s AND b.period = %s AND b.month BETWEEN %s AND %s"
        ).format(table),
        [list(blocks.ids), months, blocks.variable, blocks.period, min(months), max(months)],
    )
    names = sql.SQL(", ").join(sql.Identifier(c.name) for c in BLOCK[layer].columns)
    command = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(table, names)
    with connection_.cursor() as cursor, cursor.copy(command) as copy:
        copy.write(_HEAD)
        copy.write(b"".join(_rows(blocks, delivery_id)))
        copy.write(_END)


def _rows(blocks: Blocks, delivery_id: int) -> list[bytes]:
    """Return months as rows of a binary COPY, in the order of the table's columns.

    The items of an array all have the same length, so that a month is one piece of memory.
    """
    items = np.empty(blocks.values.shape, dtype=_ITEM)
    items["length"], items["value"] = 8, blocks.values
    steps = np.arange(blocks.values.shape[1]) < blocks.counts[:, None]
    known = steps & ~np.isnan(blocks.values)
    counts = known.sum(axis=1)
    totals = np.where(known, blocks.values, 0.0).sum(axis=1)
    lows = np.where(known, blocks.values, np.inf).min(axis=1)
    highs = np.where(known, blocks.values, -np.inf).max(axis=1)
    days = (blocks.months.astype("datetime64[D]") - _EPOCH).astype(np.int64)
    variable, period = _text(blocks.variable), _text(blocks.period)
    rows = []
    for i, feature_id in enumerate(blocks.ids):
        size = int(blocks.counts[i])
        array = struct.pack(">iiiii", 1, 0, _FLOAT8, size, 1) + items[i, :size].tobytes()
        rows.append(
            b"\x00\x0a"
            + _text(feature_id)
            + variable
            + period
            + struct.pack(">iiii", 4, days[i], 4, delivery_id)
            + struct.pack(">ii", 4, counts[i])
            + struct.pack(">ididid", 8, totals[i], 8, lows[i], 8, highs[i])
            + struct.pack(">i", len(array))
            + array
        )
    return rows


def _text(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack(">i", len(encoded)) + encoded


def keep_replaced(connection: sa.Connection, layer: str, delivery_id: int, blocks: Blocks) -> None:
    """Keep what a delivery corrected, as it was before."""
    rows = [
        {
            "delivery_id": delivery_id,
            "layer": layer,
            "feature_id": id_,
            "variable": blocks.variable,
            "period": blocks.period,
            "month": day,
            "values": values[:count].tolist(),
        }
        for id_, day, count, values in zip(
            blocks.ids, _days(blocks.months), blocks.counts, blocks.values, strict=True
        )
    ]
    if rows:
        connection.execute(REPLACED.insert(), rows)


def quarantine(connection: sa.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Keep values that were not taken; tuples in the order of the table's columns."""
    with copying(connection, list(QUARANTINE.columns), qualified(QUARANTINE)) as copy:
        for row in rows:
            copy.write_row(row)


def finish(
    connection: sa.Connection, delivery_id: int, layer: str, name: str, told: dict[str, Any]
) -> datetime:
    """Note that a delivery was taken to its end."""
    done = connection.scalar(
        DELIVERY.update()
        .where(DELIVERY.c.delivery_id == delivery_id)
        .values(told=told, finished_at=sa.func.clock_timestamp())
        .returning(DELIVERY.c.finished_at)
    )
    audit.write(connection, "measure", layer, name=name, delivery_id=delivery_id, **told["counts"])
    assert isinstance(done, datetime)
    return done


def fit_pairs(connection: sa.Connection, ids: Sequence[str], months: Dates) -> None:
    """Work out anew what heat and electricity some projects had over common steps in some months.

    Of several periods in which both are known the one counts that covers most, then the finest. Where they
    have none in common, months that both are known of throughout count as they are.
    """
    if len(ids):
        days = _days(months)
        raw(connection).execute(_FORGET_PAIRS, [list(ids), days])
        raw(connection).execute(_PAIRS, [list(ids), days, min(days), max(days)])


def _days(months: Dates) -> list[date]:
    days: list[date] = months.astype("datetime64[D]").astype(object).tolist()
    return days


_FORGET_PAIRS = sql.SQL(
    "DELETE FROM {} AS p USING unnest(%s::text[], %s::date[]) AS w (id, month) "
    "WHERE p.feature_id = w.id AND p.month = w.month"
).format(qualified(PAIR))

_PAIRS = sql.SQL(
    """
    WITH block AS (
        SELECT b.feature_id, b.month, b.variable, b.period, b.value_count, b.total, b."values",
            extract(epoch FROM (b.month + interval '1 month') - b.month) / 3600 AS month_h,
            extract(epoch FROM (b.month + b.period::interval) - b.month) / 3600 AS step_h
        FROM (SELECT DISTINCT id, month FROM unnest(%s::text[], %s::date[]) AS w (id, month)) AS w
        JOIN {blocks} AS b ON b.feature_id = w.id AND b.month = w.month
        WHERE b.variable IN ('heat_kwh', 'electricity_kwh') AND b.month BETWEEN %s AND %s
    ), heat AS (SELECT * FROM block WHERE variable = 'heat_kwh'),
    electricity AS (SELECT * FROM block WHERE variable = 'electricity_kwh'),
    candidate AS (
        SELECT h.feature_id, h.month, h.step_h, s.heat_kwh, s.electricity_kwh, s.steps * h.step_h AS paired_h
        FROM heat AS h JOIN electricity AS e USING (feature_id, month, period), LATERAL (
            SELECT sum(v.h) AS heat_kwh, sum(v.e) AS electricity_kwh, count(*) AS steps
            FROM unnest(h."values", e."values") AS v (h, e) WHERE v.h <> 'NaN' AND v.e <> 'NaN'
        ) AS s WHERE s.steps > 0
        UNION ALL
        SELECT h.feature_id, h.month, greatest(h.step_h, e.step_h), h.total, e.total, h.month_h
        FROM heat AS h JOIN electricity AS e USING (feature_id, month)
        WHERE h.period <> e.period AND h.value_count * h.step_h = h.month_h
            AND e.value_count * e.step_h = e.month_h
    )
    INSERT INTO {pairs} (feature_id, month, heat_kwh, electricity_kwh, paired_h)
    SELECT DISTINCT ON (feature_id, month) feature_id, month, heat_kwh, electricity_kwh, paired_h
    FROM candidate ORDER BY feature_id, month, paired_h DESC, step_h, heat_kwh, electricity_kwh
    """
).format(blocks=qualified(BLOCK["heat_project"]), pairs=qualified(PAIR))
