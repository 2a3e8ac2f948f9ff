"""Transactions of a store: those that write, and those that see one moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.schema import DropIndex

from gis.store.copy import qualified, raw

_LOCK_WAIT_S = 2


class Transactions:
    """What the store does everything in; `engine` is that of its database."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        with self.engine.begin() as connection:
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            yield connection

    @contextmanager
    def _snapshot(self) -> Iterator[sa.Connection]:
        """A read transaction in which all statements see the same moment."""
        with self.engine.begin() as connection:
            connection.exec_driver_sql(
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL statement_timeout = 0"
            )
            yield connection

    def _analyze(self, table: sa.Table, target: int = 100) -> None:
        with self._transaction() as connection:
            connection.execute(sa.text(f"SET LOCAL default_statistics_target = {target:d}"))
            raw(connection).execute(sql.SQL("ANALYZE {}").format(qualified(table)))

    def _emptied(self, table: sa.Table) -> bool:
        """Return whether a table that nobody needs could be emptied at once, in a transaction of its own.

        Its indexes go as well. Somebody who reads both tables of results holds it up; the wait keeps
        other readers waiting too.
        """
        try:
            with self._transaction() as connection:
                connection.execute(sa.text(f"SET LOCAL lock_timeout = '{_LOCK_WAIT_S}s'"))
                raw(connection).execute(sql.SQL("TRUNCATE {}").format(qualified(table)))
                for index in table.indexes:
                    connection.execute(DropIndex(index, if_exists=True))
        except psycopg.errors.LockNotAvailable:
            return False
        return True
