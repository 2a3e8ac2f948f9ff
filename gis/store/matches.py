"""Matching runs in the database: written whole, scenario by scenario, and read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from psycopg import sql
from pyarrow import csv

from gis.errors import NotFoundError
from gis.store import audit
from gis.store.copy import qualified, raw
from gis.store.loading import claim
from gis.store.records import MatchChange, MatchedParcel, MatchRecord
from gis.store.tables import MATCH, MATCH_CONNECTION, MATCH_PARCEL, MATCH_SEGMENT, MATCH_SOURCE

PARTS = {
    "sources": MATCH_SOURCE,
    "segments": MATCH_SEGMENT,
    "parcels": MATCH_PARCEL,
    "connections": MATCH_CONNECTION,
}
"""The tables of a run, by the names of its parts."""

_ROWS_AT_ONCE = 50_000


def write(connection: sa.Connection, record: MatchRecord, parts: dict[str, pd.DataFrame]) -> MatchRecord:
    """Put a run in the place of the one of its scenario, in the caller's transaction; return it as saved.

    `parts` has a frame for each of `PARTS`, with exactly the columns of its table but
    `scenario`. Raises BusyError while another run of any scenario is saved.
    """
    claim(connection, "matches", "Another matching run is being saved: try again when it has finished.")
    _remove(connection, record.scenario)
    for name, table in PARTS.items():
        append(connection, table, parts[name], record.scenario)
    values = {name: getattr(record, name) for name in MatchRecord.__dataclass_fields__}
    if record.finished_at is None:
        del values["finished_at"]
    saved = connection.execute(MATCH.insert().values(values).returning(MATCH.c.finished_at)).scalar_one()
    audit.write(connection, "match", record.scenario, settings=record.settings)
    return replace(record, finished_at=saved)


def _remove(connection: sa.Connection, scenario: str) -> None:
    for table in (*PARTS.values(), MATCH):
        connection.execute(table.delete().where(table.c.scenario == scenario))


def append(connection: sa.Connection, table: sa.Table, frame: pd.DataFrame, scenario: str) -> None:
    """Add the rows of a scenario to a table that holds those of all."""
    names = [c.name for c in table.columns if c.name != "scenario"]
    rows = pa.Table.from_pandas(frame[names], preserve_index=False)
    rows = rows.add_column(0, "scenario", pa.array([scenario] * len(rows), pa.string()))
    columns = sql.SQL(", ").join(map(sql.Identifier, ["scenario", *names]))
    command = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT CSV)").format(qualified(table), columns)
    # What is there is quoted, what is missing is not: an empty text stays one.
    options = csv.WriteOptions(include_header=False, quoting_style="all_valid")
    with raw(connection).cursor() as cursor, cursor.copy(command) as copy:
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            text = pa.BufferOutputStream()
            csv.write_csv(rows.slice(start, _ROWS_AT_ONCE), text, options)
            copy.write(text.getvalue().to_pybytes())


def latest(connection: sa.Connection) -> list[MatchRecord]:
    """Return the runs of all scenarios, by their names."""
    query = sa.select(*(MATCH.c[name] for name in MatchRecord.__dataclass_fields__))
    return [MatchRecord(**row._mapping) for row in connection.execute(query.order_by(MATCH.c.scenario))]


def one(connection: sa.Connection, scenario: str) -> MatchRecord:
    """Return the run of a scenario; NotFoundError where there is none."""
    query = sa.select(*(MATCH.c[name] for name in MatchRecord.__dataclass_fields__))
    row = connection.execute(query.where(MATCH.c.scenario == scenario)).one_or_none()
    if row is None:
        raise NotFoundError(f"There is no matching run {scenario!r}; `onemap match` makes one.")
    return MatchRecord(**row._mapping)


def part(
    connection: sa.Connection, name: str, scenario: str, where: Mapping[str, Sequence[Any]]
) -> pd.DataFrame:
    """Return a part of a run, sorted by its key; `where` asks for some values of some of its columns."""
    table = PARTS[name]
    columns = [c for c in table.columns if c.name != "scenario"]
    query = sa.select(*columns).where(table.c.scenario == scenario)
    for column, values in where.items():
        query = query.where(table.c[column].in_(list(values)))
    keys = (c for c in columns if c.primary_key)
    query = query.order_by(*(c.collate("C") if isinstance(c.type, sa.Text) else c for c in keys))
    rows = [tuple(row) for row in connection.execute(query)]
    return pd.DataFrame(rows, columns=[c.name for c in columns])


def parcel(connection: sa.Connection, scenario: str, parcel_id: str, most_holders: int) -> MatchedParcel:
    """Return what a run tells of a parcel; NotFoundError where there is no such run or parcel.

    The holders are no more than `most_holders`, the largest first, the first by key among equals.
    """
    one(connection, scenario)
    found = part(connection, "parcels", scenario, {"parcel_id": [parcel_id]})
    if found.empty:
        raise NotFoundError(f"The matching run {scenario!r} has no parcel {parcel_id!r}.")
    connections = part(connection, "connections", scenario, {"parcel_id": [parcel_id]})
    first = found.iloc[0]
    full = {"source_layer": [first["displaced_layer"]], "source_id": [first["displaced_id"]]}
    held = part(connection, "connections", scenario, full)
    others = held[held["parcel_id"] != parcel_id]
    largest = others.sort_values("allocated_kw", ascending=False, kind="stable", ignore_index=True)
    return MatchedParcel(found, connections, largest.head(most_holders))


def against(connection: sa.Connection, scenario: str, other: str) -> list[MatchChange]:
    """Return how many parcels have which main technology in the run `other` and in this one.

    The most parcels first. Raises NotFoundError where one of the runs is not there.
    """
    for name in (scenario, other):
        one(connection, name)
    before, after = (
        sa.select(MATCH_PARCEL.c.parcel_id, MATCH_PARCEL.c.matched)
        .where(MATCH_PARCEL.c.scenario == name)
        .subquery()
        for name in (other, scenario)
    )
    pairs = before.join(after, before.c.parcel_id == after.c.parcel_id, full=True)
    in_both = sa.and_(before.c.parcel_id.is_not(None), after.c.parcel_id.is_not(None))
    columns = (before.c.matched, after.c.matched, in_both.label("in_both"))
    query = (
        sa.select(*columns, sa.func.count().label("parcel_count"))
        .select_from(pairs)
        .group_by(*columns)
        .order_by(sa.desc("parcel_count"), before.c.matched, after.c.matched)
    )
    return [MatchChange(*row) for row in connection.execute(query)]
