"""Roles of the database that can only read, and what each of them may read.

For every class of access there is one role; requests of callers who may read that class run as it.
What a layer's class is follows from its declaration, the settings and whether all of it is synthetic.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql

from gis.access import CLASSES, HISTORY, READERS, RESULTS
from gis.errors import StoreError
from gis.store.connection import place
from gis.store.copy import raw
from gis.store.history_tables import RASTER_HISTORY, RESULT_HISTORY, UNDO_TABLES
from gis.store.migrate import LOCK_SPACE
from gis.store.monitoring_tables import BLOCK, MONITORED, PAIR
from gis.store.tables import (
    GROUND_POTENTIAL,
    LAYER_TABLES,
    LAYER_VERSION,
    MATCH,
    PARCEL_TILE,
    RASTER,
    RULESET,
    RUN,
    SITING,
)
from layers import LAYERS, RASTERS
from layers.spec import Access

_SCHEMAS = ("layer", "result", "meta", "history", "monitoring")
_TOLD_TO_ALL = (LAYER_VERSION, RUN, RULESET)
_RELATIONS = (
    "SELECT format('%I.%I', n.nspname, c.relname) "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
    "WHERE n.nspname = 'result' AND c.relkind IN ('r', 'p', 'v')"
)
_GRANTED = (
    "SELECT r.reader, t.name, has_table_privilege(r.reader, t.name, 'SELECT') "
    "FROM unnest(%s::text[]) AS r (reader), unnest(%s::text[]) AS t (name)"
)


def access_of(connection: sa.Connection, own: Mapping[str, Access]) -> dict[str, Access]:
    """Return the class of every layer and raster as it is now, of results, and of all there ever was.

    `own` are the classes that the settings give. What is synthetic throughout, or was never loaded,
    is open; results are as sensitive as the most sensitive that went into any of them.
    """
    told, ever = _classes(connection, own)
    return told | {HISTORY: _highest(ever.values())}


def _classes(
    connection: sa.Connection, own: Mapping[str, Access]
) -> tuple[dict[str, Access], dict[str, Access]]:
    """Return the class of layers, rasters and results, and of layers and rasters in any of their versions."""
    synthetic = {
        (row.layer, row.version): bool(row.synthetic)
        for row in connection.execute(
            sa.select(LAYER_VERSION.c.layer, LAYER_VERSION.c.version, LAYER_VERSION.c.synthetic)
        )
    }
    present = {layer: max(v for name, v in synthetic if name == layer) for layer, _ in synthetic}

    def of(layer: str, version: int | None) -> Access:
        declared = own.get(layer) or (LAYERS.get(layer) or RASTERS[layer]).access
        return "open" if version is None or synthetic.get((layer, version)) else declared

    told = {layer: of(layer, present.get(layer)) for layer in (*LAYERS, *RASTERS)}
    read = [*present.items(), *_went_in(connection)]
    told[RESULTS] = _highest(of(*one) for one in read if one[0] in told)
    ever = {
        layer: _highest(of(*one) for one in synthetic if one[0] == layer) for layer in (*LAYERS, *RASTERS)
    }
    return told, ever


def _highest(classes: Iterable[Access]) -> Access:
    return max(classes, key=CLASSES.index, default="open")


def _went_in(connection: sa.Connection) -> Iterator[tuple[str, int]]:
    """Yield the versions of layers that stored results were worked out from."""
    latest = sa.select(RUN.c.layer_versions).order_by(RUN.c.run_id.desc()).limit(1)
    for query in (latest, sa.select(MATCH.c.layer_versions), sa.select(SITING.c.layer_versions)):
        for (versions,) in connection.execute(query):
            yield from versions.items()
    for (told,) in connection.execute(sa.select(GROUND_POTENTIAL.c.told)):
        yield from told["layer_versions"].items()


def fit(connection: sa.Connection, own: Mapping[str, Access]) -> None:
    """Let every role read what callers of its class may, and nothing else, in the caller's transaction.

    Does nothing where the roles are not there.
    """
    cursor = raw(connection)
    if not _present(cursor) or not list(_amiss(connection, own)):
        return
    # Two programs that change the rights of one table at once would fail.
    cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext('grants'))", [LOCK_SPACE])
    for reader, table, may in _amiss(connection, own):
        name = sql.SQL(".").join(sql.Identifier(part) for part in table.split("."))
        command = "GRANT SELECT ON {} TO {}" if may else "REVOKE ALL ON {} FROM {}"
        cursor.execute(sql.SQL(command).format(name, sql.Identifier(reader)))


def _amiss(connection: sa.Connection, own: Mapping[str, Access]) -> Iterator[tuple[str, str, bool]]:
    """Yield role, table and whether it may read it, where that is not so."""
    cursor, (access, ever) = raw(connection), _classes(connection, own)
    tables = {table.fullname: access[layer] for layer, table in LAYER_TABLES.items()}
    tables |= {table.fullname: access[RESULTS] for table in (MATCH, SITING)}
    tables |= {str(row[0]): access[RESULTS] for row in cursor.execute(_RELATIONS)}
    tables[PARCEL_TILE.fullname] = access["parcel"]
    tables[RASTER.fullname] = _highest(access[layer] for layer in RASTERS)
    tables |= {table.fullname: ever[layer] for layer, table in UNDO_TABLES.items()}
    tables[RASTER_HISTORY.fullname] = _highest(ever[layer] for layer in RASTERS)
    tables[RESULT_HISTORY.fullname] = _highest(ever.values())
    tables |= {table.fullname: "open" for table in _TOLD_TO_ALL}
    # What was measured is as sensitive as the layer that it was measured at. Who delivered what, and what
    # was refused, is told by the owner alone.
    for layer in MONITORED:
        tables |= {BLOCK[layer].fullname: access[layer], f"monitoring.{layer}_value": access[layer]}
    tables[PAIR.fullname] = access["heat_project"]
    rows = cursor.execute(_GRANTED, [list(READERS.values()), list(tables)]).fetchall()
    reads = {reader: access for access, reader in READERS.items()}
    for reader, table, granted in rows:
        may = CLASSES.index(tables[table]) <= CLASSES.index(reads[reader])
        if may != granted:
            yield reader, table, may


def _present(cursor: psycopg.Connection[Any]) -> bool:
    names = list(READERS.values())
    found = cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = ANY(%s)", [names]).fetchone()
    return found is not None and found[0] == len(names)


def prepare(connection: sa.Connection, own: Mapping[str, Access]) -> None:
    """Make the roles where this user may, and let them read what they may.

    Without the right to make roles all but serving is possible, and serving says so.
    """
    cursor, url = raw(connection), connection.engine.url
    if not _present(cursor):
        with _if_allowed(connection):
            for name in READERS.values():
                cursor.execute(sql.SQL("CREATE ROLE {} LOGIN NOINHERIT").format(sql.Identifier(name)))
    if not _present(cursor):
        return
    mine = sql.SQL(", ").join(map(sql.Identifier, _SCHEMAS))
    for name in READERS.values():
        reader, secret = sql.Identifier(name), password(url, name)
        cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(mine, reader))
        if secret is not None:
            with _if_allowed(connection):
                cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(reader, sql.Literal(secret)))
    with _if_allowed(connection):
        database = sql.Identifier(str(cursor.info.dbname))
        cursor.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(database))
    fit(connection, own)


@contextmanager
def _if_allowed(connection: sa.Connection) -> Iterator[None]:
    """Do what the user of the database may not be allowed to, and nothing then."""
    with suppress(psycopg.errors.InsufficientPrivilege), connection.begin_nested():
        yield


def password(url: sa.URL, reader: str) -> str | None:
    """Return the password of a role: every program that has the owner's can tell it, and nobody else.

    None where the owner has none either: then the server knows its users otherwise.
    """
    if url.password is None:
        return None
    return hmac.new(str(url.password).encode(), reader.encode(), hashlib.sha256).hexdigest()


def reader_url(connection: sa.Connection, reads: Access) -> sa.URL:
    """Return the URL by which the role of a class logs in; StoreError where there are no roles."""
    url, name = connection.engine.url, READERS[reads]
    if not _present(raw(connection)):
        raise StoreError(
            f"The database {place(url)} lacks the roles that only read and its user may not make them: "
            f"ask its administrator for the roles {', '.join(READERS.values())}, or for the right CREATEROLE."
        )
    return url.set(username=name, password=password(url, name))
