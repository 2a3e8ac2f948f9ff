"""Bring a database to the newest schema, and compare it with the declaration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from gis.errors import StoreError
from gis.store import history_tables, monitoring_tables
from gis.store.tables import (
    CODE_LIST,
    FINGERPRINT,
    PARCEL_ROW,
    RUN,
    SCHEMAS,
    SHARED_ROW,
    SLOTS,
    WORD,
    metadata,
)
from gis.store.views import VIEWS

REVISIONS = tuple(
    sorted(path.name[:4] for path in Path(__file__).with_name("migrations").glob("versions/[0-9]*.py"))
)
"""All schema revisions, the oldest first: files of migrations begin with their own."""

HEAD = REVISIONS[-1]
"""The newest schema revision."""

LOCK_SPACE = 0x0E3A
"""First key of every advisory lock of OneMap."""


def _in_declared_schema(name: str | None, kind: str, _parents: Any) -> bool:
    return kind != "schema" or name in SCHEMAS


DECLARING = (history_tables, monitoring_tables)
"""Modules that declare tables besides `gis.store.tables`."""

COMPARISON: dict[str, Any] = {
    "target_metadata": metadata,
    "include_schemas": True,
    "include_name": _in_declared_schema,
    "compare_type": True,
    "compare_server_default": True,
    "version_table_schema": "meta",
}
"""Options of the Alembic context: only our schemas are looked at, types and defaults are compared."""


def wait_for_turn(connection: sa.Connection) -> None:
    """Wait until no other program prepares this database; the turn ends with the transaction."""
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:s, hashtext('migrate'))"), {"s": LOCK_SPACE})


def revision(connection: sa.Connection) -> str | None:
    """Return the schema revision of the database, None where there is no store."""
    if connection.scalar(sa.text("SELECT to_regclass('meta.alembic_version')")) is None:
        return None
    found = connection.scalar(sa.text("SELECT version_num FROM meta.alembic_version"))
    return None if found is None else str(found)


def upgrade(connection: sa.Connection) -> None:
    """Migrate the database to the newest revision."""
    current = revision(connection)
    if current != HEAD:
        connection.execute(sa.text("CREATE SCHEMA IF NOT EXISTS meta"))
        _run_migrations(connection, current)
    _fit_results(connection)


def _run_migrations(connection: sa.Connection, current: str | None) -> None:
    # Alembic is needed here alone, and a third of a second is lost by importing it.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "gis.store:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(
            f"The database has schema revision {current}, which this OneMap does not know: "
            "use a newer OneMap."
        ) from error


def _fit_results(connection: sa.Connection) -> None:
    """Make the tables and views of results anew unless they are those of this vocabulary.

    Results of another vocabulary are dropped: scoring makes them again, and `history` keeps what they were.
    """
    told = sa.text("SELECT obj_description(to_regclass(:name), 'pg_class')")
    if connection.scalar(told, {"name": PARCEL_ROW.fullname}) == FINGERPRINT:
        return
    for view in ("parcel_suitability", "parcel_fact", "parcel_result"):
        connection.execute(sa.text(f"DROP VIEW IF EXISTS result.{view}"))
    connection.execute(sa.text(f"UPDATE {RUN.fullname} SET slot = NULL"))
    connection.execute(sa.text(f"TRUNCATE {WORD.fullname}, {CODE_LIST.fullname}"))
    connection.execute(sa.text(f"DROP TABLE IF EXISTS {PARCEL_ROW.fullname}, {SHARED_ROW.fullname}"))
    PARCEL_ROW.create(connection)
    SHARED_ROW.create(connection)
    for slot, part in enumerate(SLOTS):
        own = f"(slot DEFAULT {slot}) FOR VALUES IN ({slot})"
        connection.execute(sa.text(f"CREATE TABLE {part.fullname} PARTITION OF {PARCEL_ROW.fullname} {own}"))
        for index in part.indexes:
            index.create(connection)
        # Nothing is looked up in the record: its statistics would only cost.
        connection.execute(sa.text(f"ALTER TABLE {part.fullname} ALTER COLUMN record SET STATISTICS 0"))
    for view in VIEWS:
        connection.exec_driver_sql(view)


def differences(connection: sa.Connection) -> list[Any]:
    """Return what Alembic finds different between the declared tables and the database."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    return list(compare_metadata(MigrationContext.configure(connection, opts=COMPARISON), metadata))
