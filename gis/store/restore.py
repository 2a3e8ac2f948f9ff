"""Restoring a backup into a store that holds nothing: all of it, as it was, or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import psycopg
import sqlalchemy as sa
from psycopg import sql

from gis.errors import InputError, StoreError
from gis.store import archive, audit, grants
from gis.store.backup import Advance, Manifest, quiet, read_manifest
from gis.store.binaries import client_folder
from gis.store.checksums import KEPT_ANYWHERE, OWN_SCHEMAS, checksums, stored_tables
from gis.store.connection import check_postgis, clear_errors, place
from gis.store.copy import raw
from gis.store.migrate import REVISIONS, revision, upgrade, wait_for_turn
from layers.spec import Access

_LOCK_WAIT_S = 10
_BATCH_BYTES = 1 << 18
_QUEUE = "job"
# What newer programs write for psql, or for servers of their own version.
_NOT_SQL = re.compile(rb"^(?:\\(?:un)?restrict\b.*|SET transaction_timeout = .*)$", re.MULTILINE)
_COPY = re.compile(rb"^COPY .* FROM stdin;$")
_END = b"\\.\n"


def restore(
    engine: sa.Engine, file: Path, own_access: Mapping[str, Access], advance: Advance = quiet
) -> Manifest:
    """Bring the backup `file` into the database, compare it with its manifest and migrate it.

    All of that is one transaction. The database must hold no store, or one in which nothing was ever
    stored; its tables then make room. Raises InputError for a file that is not an intact backup, and
    StoreError where the store holds something, or something other came out than went in.
    """
    told = read_manifest(file, advance)
    if told.schema_revision not in REVISIONS:
        raise InputError(
            f"{file} was written by OneMap {told.onemap} with schema revision {told.schema_revision}, "
            f"which this OneMap does not know (it knows up to {REVISIONS[-1]}): use a newer OneMap."
        )
    with clear_errors("The restore failed"), engine.connect() as connection:
        try:
            with connection.begin():
                _restore(connection, file, told, own_access, advance)
        finally:
            # The dump changes settings of the session, which nobody shall have after it.
            connection.invalidate()
    return told


def _restore(
    connection: sa.Connection, file: Path, told: Manifest, own_access: Mapping[str, Access], advance: Advance
) -> None:
    """Do what `restore` tells in the caller's transaction."""
    folder, _ = client_folder(raw(connection).info.server_version // 10_000, told.pg_dump)
    archive.listed(folder, file)
    connection.execute(
        sa.text(f"SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '{_LOCK_WAIT_S}s'")
    )
    wait_for_turn(connection)
    check_postgis(connection)
    _make_room(connection)
    _pour(connection, folder, file, told, advance)
    _compare(connection, file, told, advance)
    upgrade(connection)
    grants.prepare(connection, own_access)
    audit.write(connection, "restore", file.name, sha256=told.sha256, made_at=told.made_at.isoformat())
    _analyze(connection, advance)


def _make_room(connection: sa.Connection) -> None:
    """Drop the tables of a store that holds nothing; StoreError if there is anything in it."""
    where, cursor = place(connection.engine.url), raw(connection)
    tables = stored_tables(connection)
    if tables and revision(connection) is None:
        raise StoreError(
            f"The database {where} has tables that are not of OneMap in a schema of the same name "
            f"({next(iter(tables))}): restore into a database of its own."
        )
    for name, table in tables.items():
        # Workers sign on in the queue, so that it is never empty; entries in it have a row in meta.job.
        if name == KEPT_ANYWHERE or table.schema_name == _QUEUE:
            continue
        if cursor.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(table.identifier)).fetchone():
            raise StoreError(
                f"The store in {where} is not empty ({name} has rows): a backup is restored into an empty "
                "one only; set ONEMAP_DATA_DIR to a new folder, or ONEMAP_DATABASE_URL to a new database."
            )
    names = sql.SQL(", ").join(map(sql.Identifier, OWN_SCHEMAS))
    cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(names))


def _pour(connection: sa.Connection, folder: Path, file: Path, told: Manifest, advance: Advance) -> None:
    """Make tables, fill them and make their indexes."""
    cursor = raw(connection)
    _run_script(cursor, folder, file, "pre-data")
    poured = 0

    def count(rows: int) -> None:
        nonlocal poured
        poured += rows
        advance(poured, told.rows, "Restoring rows")

    with archive.script(folder, file, "data") as lines:
        statements: list[bytes] = []
        for line in lines:
            if not _COPY.match(line):
                statements.append(line)
                continue
            _execute(cursor, b"".join(statements))
            statements.clear()
            with cursor.cursor().copy(line.strip().removesuffix(b";")) as rows:
                _copy(lines, rows.write, count)
        _execute(cursor, b"".join(statements))
    advance(told.rows, told.rows, "Making indexes")
    _run_script(cursor, folder, file, "post-data")
    cursor.execute("RESET ALL; SET LOCAL statement_timeout = 0")


def _copy(lines: IO[bytes], write: Callable[[bytes], None], count: Callable[[int], None]) -> None:
    """Hand rows on up to the line that ends them, or where the dump breaks off: pg_restore tells of that."""
    batch, size = list[bytes](), 0
    for line in lines:
        if line == _END or not line.endswith(b"\n"):
            break
        batch.append(line)
        size += len(line)
        if size > _BATCH_BYTES:
            write(b"".join(batch))
            count(len(batch))
            batch, size = [], 0
    write(b"".join(batch))
    count(len(batch))


def _run_script(cursor: psycopg.Connection[Any], folder: Path, file: Path, section: str) -> None:
    with archive.script(folder, file, section) as text:
        _execute(cursor, text.read())


def _execute(cursor: psycopg.Connection[Any], script: bytes) -> None:
    cursor.execute(_NOT_SQL.sub(b"", script))


def _compare(connection: sa.Connection, file: Path, told: Manifest, advance: Advance) -> None:
    """Raise StoreError unless the tables hold what the manifest tells."""
    found = checksums(
        connection, stored_tables(connection), lambda done, total: advance(done, total, "Comparing")
    )
    for name in sorted(told.tables.keys() | found.keys()):
        if told.tables.get(name) != found.get(name):
            raise StoreError(
                f"The table {name} out of {file} is not what its manifest tells, so nothing was restored: "
                "use another backup."
            )


def _analyze(connection: sa.Connection, advance: Advance) -> None:
    tables = stored_tables(connection)
    for done, table in enumerate(tables.values()):
        advance(done, len(tables), "Statistics")
        raw(connection).execute(sql.SQL("ANALYZE {}").format(table.identifier))
