"""What a store holds, table by table, in numbers that are the same wherever the same rows lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql
from pydantic import BaseModel

from gis.store.copy import raw
from gis.store.tables import SCHEMAS, TILE

OWN_SCHEMAS = (*SCHEMAS, "job")
"""All schemas of a store; in `job` lies the queue, which its own library declares."""

KEPT_ANYWHERE = "meta.alembic_version"
"""The table that tells the revision: the only one with a row in a store that holds nothing."""

_TABLES = """
    SELECT n.nspname || '.' || c.relname, n.nspname, c.relname, pg_table_size(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY(%s) AND c.relkind = 'r' ORDER BY 1
"""
_COLUMNS = """
    SELECT attname, atttypid IN ('bytea'::regtype, to_regtype('geometry')) FROM pg_attribute
    WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attname
"""
# Numbers and times are written as text, which must not depend on what a server or a user prefers.
_SPELLING = (
    "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres'; "
    "SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'"
)
_HALF = 2**64


class TableSum(BaseModel, frozen=True):
    """Rows of a table, and 32 hexadecimal digits that do not depend on their order."""

    rows: int
    checksum: str


class StoredTable(BaseModel, frozen=True):
    """A table with rows of its own, and the bytes that it takes on disk without its indexes."""

    schema_name: str
    name: str
    bytes: int

    @property
    def identifier(self) -> sql.Identifier:
        """Return its name for a statement."""
        return sql.Identifier(self.schema_name, self.name)


def stored_tables(connection: sa.Connection) -> dict[str, StoredTable]:
    """Return all tables of the store by name, except the one of rendered tiles, which are made again."""
    found = raw(connection).execute(_TABLES, [list(OWN_SCHEMAS)]).fetchall()
    return {
        str(full): StoredTable(schema_name=schema, name=name, bytes=size)
        for full, schema, name, size in found
        if full != TILE.fullname
    }


def checksums(
    connection: sa.Connection,
    tables: dict[str, StoredTable],
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, TableSum]:
    """Return what is in the tables as this transaction sees it.

    A row counts by the MD5 of its columns as text, in the order of their names; the two halves of these
    are added up over all rows. `advance` is told the bytes of the tables that are done, and of all.
    """
    cursor = raw(connection)
    cursor.execute(_SPELLING)
    total, done, found = sum(table.bytes for table in tables.values()), 0, {}
    for name, table in tables.items():
        advance(done, total)
        found[name] = _sum(cursor, table)
        done += table.bytes
    advance(done, total)
    return found


def _sum(cursor: psycopg.Connection[Any], table: StoredTable) -> TableSum:
    regclass = table.identifier.as_string(cursor)
    columns = cursor.execute(_COLUMNS, [regclass]).fetchall()
    # Outlines and bytes may be long: as text they would be twice that, and no text is longer than 1 GB.
    values = [
        sql.SQL("md5({}::bytea)" if is_long else "{}").format(sql.Identifier("t", column))
        for column, is_long in columns
    ]
    query = sql.SQL(
        "SELECT count(*), coalesce(sum(('x' || left(h, 16))::bit(64)::bigint), 0), "
        "coalesce(sum(('x' || right(h, 16))::bit(64)::bigint), 0) "
        "FROM (SELECT md5(ROW({})::text) AS h FROM {} AS t) AS hashed"
    ).format(sql.SQL(", ").join(values), table.identifier)
    ((rows, first, second),) = cursor.execute(query).fetchall()
    return TableSum(rows=int(rows), checksum=f"{int(first) % _HALF:016x}{int(second) % _HALF:016x}")
