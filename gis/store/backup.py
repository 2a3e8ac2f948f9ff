"""Backups: a dump of the store as of one moment, and beside it a manifest that says what is in it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO

import sqlalchemy as sa
from psycopg import sql
from pydantic import BaseModel, ValidationError

from gis.errors import BusyError, InputError, StoreError
from gis.store import archive
from gis.store.binaries import client_folder
from gis.store.checksums import StoredTable, TableSum, checksums, stored_tables
from gis.store.connection import clear_errors, place
from gis.store.copy import raw
from gis.store.migrate import revision
from gis.writing import replacing

Advance = Callable[[int, int, str], None]
"""Called with what is done, what there is in all, and what is being done."""

_CHUNK_BYTES = 1 << 20
_OWNER_ONLY = 0o600


class Manifest(BaseModel, frozen=True):
    """What `FILE.json` tells of the dump `FILE`; times are UTC, versions as their programs write them."""

    made_at: datetime
    onemap: str
    schema_revision: str
    postgresql: str
    postgis: str
    pg_dump: int
    bytes: int
    sha256: str
    tables: dict[str, TableSum]

    @property
    def rows(self) -> int:
        """Return how many rows all tables have together."""
        return sum(table.rows for table in self.tables.values())


def manifest_of(file: Path) -> Path:
    """Return where the manifest of a dump lies."""
    return file.with_name(f"{file.name}.json")


def quiet(_done: int, _total: int, _label: str) -> None:
    """Show no progress."""


def back_up(engine: sa.Engine, file: Path, advance: Advance = quiet) -> Manifest:
    """Write the store as of now to `file`, a custom-format dump, and its manifest beside it.

    Readers and imports go on meanwhile. The store stays as it is: one of an earlier schema is not
    migrated, and a database that only reads will do. The dump holds everything, keys and layers of all
    classes, so only its owner may read it. It is under its name once it is whole, on disk and read back.

    Raises InputError where the files cannot be written or `file` is there already, and StoreError where
    there is no store, no pg_dump, or the database fails.
    """
    if file.exists():
        raise InputError(f"{file} is there already: choose another name, backups replace nothing.")
    with _on_disk(file), clear_errors("The backup failed"), engine.connect() as connection:
        with connection.begin():
            if revision(connection) is None:
                raise StoreError(f"The database {place(engine.url)} holds no store of OneMap yet.")
            major = raw(connection).info.server_version // 10_000
            folder, dumped_by = client_folder(major, major)
            tables = stored_tables(connection)
        with connection.begin(), replacing(file, _OWNER_ONLY) as fresh:
            snapshot = _one_moment(connection, tables)
            sums, digest = _write(folder, connection, snapshot, tables, fresh, advance)
            archive.listed(folder, fresh)
            told = Manifest(
                made_at=connection.scalar(sa.text("SELECT now()")),
                onemap=version("heat-onemap"),
                schema_revision=revision(connection),
                postgresql=connection.scalar(sa.text("SHOW server_version")),
                postgis=connection.scalar(sa.text("SELECT PostGIS_Lib_Version()")),
                pg_dump=dumped_by,
                bytes=fresh.stat().st_size,
                sha256=digest,
                tables=sums,
            )
            # First the manifest: a dump under its name always has the one that belongs to it.
            with replacing(manifest_of(file), _OWNER_ONLY) as beside, beside.open("wb") as out:
                out.write(told.model_dump_json(indent=2).encode())
                _sync(out)
        _sync_folder(file.parent)
    return told


def read_manifest(file: Path, advance: Advance = quiet) -> Manifest:
    """Return the manifest of a dump after making sure that the dump is the one it tells of.

    Raises InputError where either is not there, not readable or not of the other.
    """
    beside = manifest_of(file)
    try:
        length = file.stat().st_size
        told = Manifest.model_validate_json(beside.read_bytes())
        digest = _sha256(file, lambda done: advance(done, length, "Reading the file"))
    except ValidationError as error:
        raise InputError(f"{beside} is not the manifest of a backup: use the one written with it.") from error
    except OSError as error:
        hint = f": {beside.name} belongs beside {file.name}" if error.filename == str(beside) else ""
        raise InputError(f"{error.filename or file} cannot be read ({error.strerror}){hint}.") from error
    if length < told.bytes:
        raise InputError(
            f"{file} is cut off: it has {length:,} of {told.bytes:,} bytes; copy the backup once more."
        )
    if (length, digest) != (told.bytes, told.sha256):
        raise InputError(
            f"{file} is not the dump that {beside.name} tells of (SHA-256 {digest[:12]} instead of "
            f"{told.sha256[:12]}): it is damaged or another one; use an intact copy of both."
        )
    return told


def _one_moment(connection: sa.Connection, tables: dict[str, StoredTable]) -> str:
    """Begin to see the store as of now; return the name of that snapshot.

    The locks come first: a table that is emptied at once would be empty in older snapshots too.
    Raises BusyError where there are other tables by now.
    """
    cursor = raw(connection)
    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    cursor.execute("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0")
    names = sql.SQL(", ").join(table.identifier for table in tables.values())
    cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(names))
    snapshot = str(connection.scalar(sa.text("SELECT pg_export_snapshot()")))
    if stored_tables(connection).keys() != tables.keys():
        raise BusyError("The tables of the store were changed as the backup began: start it again.")
    return snapshot


def _write(
    folder: Path,
    connection: sa.Connection,
    snapshot: str,
    tables: dict[str, StoredTable],
    file: Path,
    advance: Advance,
) -> tuple[dict[str, TableSum], str]:
    """Write the dump to `file`; return what is in the tables, and the SHA-256 of what is on the disk."""
    total, begun = sum(table.bytes for table in tables.values()), list[str]()

    def show() -> None:
        done = sum(tables[name].bytes for name in begun[:-1] if name in tables)
        advance(done, total, "Writing the dump")

    with archive.dumping(folder, connection, snapshot, begun.append) as source, file.open("wb") as out:
        # pg_dump locks the tables as it starts: whoever wants to change them is not to come in between.
        sums = checksums(connection, tables, lambda done, all_: advance(done, all_, "Checksums"))
        while chunk := source.read(_CHUNK_BYTES):
            out.write(chunk)
            show()
        _sync(out)
    return sums, _sha256(file, lambda done: None)


def _sync(out: IO[bytes]) -> None:
    out.flush()
    os.fsync(out.fileno())


def _sha256(file: Path, read: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK_BYTES):
            digest.update(chunk)
            read(content.tell())
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    """Make the names of the files in a folder outlive a failure of the machine."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _on_disk(file: Path) -> Iterator[None]:
    """Turn what the file system refuses into one sentence."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"The backup {file} cannot be written ({error.strerror}): "
            "free space there, or name a file in a folder where there is some and you may write."
        ) from error
