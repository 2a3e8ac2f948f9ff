"""Engines, the check of PostGIS, and database errors in one sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy import event

from gis.errors import BusyError, InputError, StoreError

BINARY = "binary"
"""The option of a statement whose rows come in binary: outlines as text are twice as long and read twice."""

_POSTGIS_MIN = (3, 3)
_POSTGRESQL_MIN = 14
_CONNECT_TIMEOUT_S = 5
_TOO_MANY = (
    "the database takes no more connections ({told}); end programs that use it, or raise max_connections"
)
_FULL = re.compile("too many clients|remaining connection slots|too many connections")
_STOPPED = "the database was stopped or is starting ({told}); try again once it runs"
_TROUBLES = {
    psycopg.errors.DiskFull: "the disk of the database is full ({told}); free space there and try again",
    psycopg.errors.ReadOnlySqlTransaction: "the database only reads ({told}); use the one that takes writes, "
    "or end default_transaction_read_only",
    psycopg.errors.TooManyConnections: _TOO_MANY,
    psycopg.errors.ConfigurationLimitExceeded: "the database keeps to a limit ({told}); have it raised",
    psycopg.errors.AdminShutdown: _STOPPED,
    psycopg.errors.CrashShutdown: _STOPPED,
    psycopg.errors.CannotConnectNow: _STOPPED,
}
_NETWORK = {
    # A server that went away without a word is noticed, whatever is waited for.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


def external_url(text: str) -> sa.URL:
    """Return the URL of an ONEMAP_DATABASE_URL, with the psycopg driver; StoreError if it is none."""
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        url = None
    if url is None or url.drivername.partition("+")[0] not in ("postgresql", "postgres"):
        raise StoreError(
            "ONEMAP_DATABASE_URL is not a PostgreSQL URL: write postgresql://user:password@host:port/database."
        )
    return url.set(drivername="postgresql+psycopg")


def place(url: sa.URL) -> str:
    """Return database and host of a URL for a message; never a password."""
    host = url.host or url.query.get("host") or "localhost"
    return f"{url.database or 'postgres'} at {host}:{url.port or 5432}"


def make_engine(
    url: sa.URL,
    statement_timeout_s: float,
    revive: Callable[[], None] | None = None,
    *,
    read_only: bool = False,
) -> sa.Engine:
    """Return an engine whose statements end after `statement_timeout_s`, unless a transaction lifts it.

    `revive` is called when no connection can be made; then it is tried once more.
    """
    options = {"options": "-c default_transaction_read_only=on"} if read_only else {}
    engine = sa.create_engine(
        url,
        pool_pre_ping=True,
        hide_parameters=True,  # errors reach the log, and values may be anything that was sent
        pool_size=10,
        max_overflow=30,
        pool_timeout=_CONNECT_TIMEOUT_S,
        connect_args={"connect_timeout": _CONNECT_TIMEOUT_S, **_NETWORK, **options},
    )

    @event.listens_for(engine, "connect")
    def _limit(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('statement_timeout', %s, false)", [f"{statement_timeout_s * 1e3:.0f}"]
            )
        connection.commit()
        _notice_death(connection)

    @event.listens_for(engine, "before_cursor_execute")
    def _format(_c: Any, cursor: Any, _s: Any, _p: Any, context: Any, _m: Any) -> None:
        if context is not None and context.execution_options.get(BINARY):
            cursor.format = psycopg.pq.Format.BINARY

    if revive is not None:
        again = revive

        @event.listens_for(engine, "do_connect")
        def _connect(dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
            try:
                return dialect.connect(*arguments, **options)
            except psycopg.OperationalError:
                again()
                return dialect.connect(*arguments, **options)

    return engine


def _notice_death(connection: Any) -> None:
    """Let the server end what a killed program was doing, with its locks, instead of going on for nobody."""
    try:
        connection.execute("SET client_connection_check_interval = '1s'")
    except psycopg.Error:
        connection.rollback()  # a server on a system that cannot tell
    else:
        connection.commit()


def check_postgis(connection: sa.Connection) -> None:
    """Make sure PostGIS >= 3.3 is there, creating the extension if it may; StoreError otherwise.

    The server has to be PostgreSQL 14 or newer: an older one cannot count bits, as views of results do.
    """
    where = place(connection.engine.url)
    major = int(connection.scalar(sa.text("SHOW server_version_num")) or 0) // 10_000
    if major < _POSTGRESQL_MIN:
        raise StoreError(
            f"The database {where} is PostgreSQL {major}, but OneMap needs 14 or newer: upgrade it."
        )
    offered = connection.scalar(
        sa.text("SELECT default_version FROM pg_available_extensions WHERE name = 'postgis'")
    )
    present = connection.scalar(sa.text("SELECT extversion FROM pg_extension WHERE extname = 'postgis'"))
    version = present or offered
    if version is None:
        raise StoreError(f"The database {where} has no PostGIS: install PostGIS 3.3 or newer on its server.")
    numbers = tuple(int(n) for n in re.findall(r"\d+", version)[:2])
    if numbers < _POSTGIS_MIN:
        raise StoreError(
            f"The database {where} has PostGIS {version}, but OneMap needs 3.3 or newer: upgrade it."
        )
    if present is None:
        try:
            connection.execute(sa.text("CREATE EXTENSION postgis SCHEMA public"))
        except sa.exc.ProgrammingError as error:
            raise StoreError(
                f"The extension postgis is not created in the database {where} and this user may not do it: "
                "ask its administrator for CREATE EXTENSION postgis."
            ) from error
    if connection.scalar(sa.text("SELECT to_regtype('geometry')")) is None:
        raise StoreError(
            f"PostGIS in the database {where} is in a schema off the search path: add it to search_path."
        )


@contextmanager
def clear_errors(what: str) -> Iterator[None]:
    """Turn database errors into one sentence that begins with `what`."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise _translated(what, error.orig or error) from error
    except sa.exc.TimeoutError as error:
        raise StoreError(f"{what}: all connections to the database are in use; try again.") from error
    except (psycopg.Error, UnicodeEncodeError) as error:
        raise _translated(what, error) from error


def _translated(what: str, error: BaseException) -> StoreError | InputError:
    diagnosis = getattr(error, "diag", None)
    told = (diagnosis.message_primary if diagnosis else None) or (str(error).strip().splitlines() or [""])[0]
    if isinstance(error, psycopg.errors.NotNullViolation):
        return InputError(
            f"{what}: the required field {diagnosis.column_name if diagnosis else ''} is empty."
        )
    if isinstance(error, psycopg.DataError | psycopg.errors.UndefinedFunction | UnicodeEncodeError):
        return InputError(f"{what}: a value does not fit its field ({told}).")
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return StoreError(f"{what}: the database user lacks a right ({told}).")
    if isinstance(error, psycopg.errors.QueryCanceled):
        return StoreError(f"{what}: the query took longer than it may ({told}); ask for less.")
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return BusyError(f"{what}: another program uses what this needs ({told}); end it or wait for it.")
    for kinds, sentence in _TROUBLES.items():
        if isinstance(error, kinds):
            return StoreError(f"{what}: {sentence.format(told=told)}.")
    if isinstance(error, psycopg.OperationalError):
        if _FULL.search(told):  # of a refused connection there is no code, only this
            return StoreError(f"{what}: {_TOO_MANY.format(told=told)}.")
        return StoreError(f"{what}: the database does not answer ({told}).")
    return StoreError(f"{what}: the database refused it ({told}).")
