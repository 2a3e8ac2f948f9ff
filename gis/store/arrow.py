"""Arrow batches out of the database, in bounded memory and without an object a row.

ADBC turns a binary COPY into Arrow batches in C++, on a connection of its own that sees
the same moment as the caller's transaction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager

import adbc_driver_manager
import pyarrow as pa
import sqlalchemy as sa
from adbc_driver_postgresql import StatementOptions, dbapi
from psycopg.conninfo import make_conninfo

from gis.errors import InputError, StoreError
from gis.store.copy import raw

Reader = Callable[[str], Generator[pa.RecordBatch]]

_BATCH_BYTES = 16_000_000
_NO_RIGHT = "42501"
_WRONG_TYPE = "42883"
_WRONG_VALUE = "22"


@contextmanager
def snapshot_reader(connection: sa.Connection, what: str) -> Iterator[Reader]:
    """Give a function from a query to its rows as record batches, all of the caller's moment.

    `connection` is in a REPEATABLE READ transaction, which stays open meanwhile. Batches have
    about 16 MB and come as they are read, none for a query without rows; geometries are asked
    for by ST_AsBinary. One query is read at a time, and one left half read ends the reading.
    Errors of the database become StoreError, in a sentence that begins with `what`.
    """
    native = raw(connection)
    place = make_conninfo(native.info.dsn, password=native.info.password or None)
    moment = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
    with ExitStack() as opened:
        with _clear_errors(what):
            reading = opened.enter_context(closing(dbapi.connect(place)))
            with closing(reading.cursor()) as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                cursor.execute(f"SET TRANSACTION SNAPSHOT '{moment}'")
                cursor.execute("SET LOCAL statement_timeout = 0")
        yield lambda query: _read(reading, query, what)


def _read(reading: dbapi.Connection, query: str, what: str) -> Generator[pa.RecordBatch]:
    with _clear_errors(what), closing(reading.cursor()) as rows:
        rows.adbc_statement.set_options(**{StatementOptions.BATCH_SIZE_HINT_BYTES.value: str(_BATCH_BYTES)})
        rows.execute(query)
        whole = False
        try:
            yield from rows.fetch_record_batch()
            whole = True
        finally:
            if not whole:
                rows.adbc_cancel()  # else closing waits for all the rows that nobody wants


@contextmanager
def _clear_errors(what: str) -> Iterator[None]:
    """Turn errors of ADBC into one sentence that begins with `what`."""
    try:
        yield
    except (adbc_driver_manager.Error, pa.ArrowException, OSError) as error:
        text = str(error).strip()
        # While rows come in, errors reach us through Arrow, which keeps their text alone.
        refused = "ERROR:" in text or getattr(error, "sqlstate", None) is not None
        told = (re.split(r"ERROR:|FATAL:", text)[-1].strip().splitlines() or [""])[0]
        state = str(getattr(error, "sqlstate", None) or "")
        if state.startswith(_WRONG_VALUE) or state == _WRONG_TYPE:
            raise InputError(f"{what}: a value does not fit its field ({told}).") from error
        if state == _NO_RIGHT:
            raise StoreError(f"{what}: the database user lacks a right ({told}).") from error
        happened = "the database refused it" if refused else "the database does not answer"
        raise StoreError(f"{what}: {happened} ({told}).") from error
