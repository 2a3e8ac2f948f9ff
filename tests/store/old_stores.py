"""Databases of every released schema with rows in every table, as its program may have left them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from geoalchemy2 import Geometry

from gis.store import migrate
from gis.store.checksums import KEPT_ANYWHERE, stored_tables
from gis.store.copy import raw
from gis.store.tables import GROUND_POTENTIAL, RUN

Rows = Mapping[str, list[dict[str, str | None]]]
"""By table, the rows with every value as text."""

FEATURES = 8
# What is made from layers and rules goes where its form changed; it is worked out again.
_MADE_ANEW = {
    "0003": {"meta.run", "result.parcel_fact", "result.parcel_suitability", "result.parcel_tile"},
    "0008": {"result.influence"},
    "0015": {"meta.layer_change"},
    "0016": {"meta.tile"},
}
_OUTLINES = {
    "POINT": "POINT(0 1)",
    "MULTILINESTRING": "MULTILINESTRING((0 0, 1 0))",
    "MULTIPOLYGON": "MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)))",
}
_FIRST_WITH_TABLES_OF_THE_VOCABULARY = "0003"


def migrated(connection: sa.Connection, revision: str) -> None:
    """Bring an empty database to a revision, with the tables of results that its program made beside."""
    config = Config()
    config.set_main_option("script_location", "gis.store:migrations")
    connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS postgis; CREATE SCHEMA meta")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    if revision >= _FIRST_WITH_TABLES_OF_THE_VOCABULARY:
        migrate._fit_results(connection)


def filled(connection: sa.Connection, sample: sa.Engine) -> Rows:
    """Put some rows into every table: layers from the sample, the others as their types say. Return all."""
    names = [name for name in stored_tables(connection) if name.split(".")[0] != "job"]
    names.remove(KEPT_ANYWHERE)
    declared = sa.MetaData()
    for schema in {name.split(".")[0] for name in names}:
        here = [name.split(".")[1] for name in names if name.startswith(f"{schema}.")]
        declared.reflect(connection, schema=schema, only=here)
    loaded = [n.split(".")[1] for n in names if n.startswith("layer.") and n != "layer.raster"]
    with sample.connect() as source:
        for table in declared.sorted_tables:
            if table.schema == "layer" and table.name in loaded:
                _copied(source, connection, table)
            else:
                layers = loaded[:1] if table.fullname == GROUND_POTENTIAL.fullname else loaded
                connection.execute(table.insert(), [_row(table, layer) for layer in layers])
    told = rows(connection, names)
    assert all(told.values()), [name for name, found in told.items() if not found]
    return told


def rows(connection: sa.Connection, names: list[str]) -> Rows:
    """Return what is in tables."""
    found = {}
    connection.exec_driver_sql("SET LOCAL TimeZone = 'UTC'")
    for name in names:
        columns = _columns(connection, name)
        listed = ", ".join(f'"{column}"::text' for column in columns)
        query = connection.exec_driver_sql(f"SELECT {listed} FROM {name}")
        found[name] = [dict(zip(columns, row, strict=True)) for row in query]
    return found


def lasting(before: Rows, revision: str) -> list[str]:
    """Return the tables of a revision whose rows every later one keeps."""
    gone = set().union(*(names for at, names in _MADE_ANEW.items() if revision < at))
    return [name for name in before if name not in gone]


def in_common(before: Rows, after: Rows, name: str) -> tuple[list[str], list[str]]:
    """Return the rows of a table then and now, in the columns that it had and has, in one order."""
    columns = sorted(before[name][0].keys() & (after[name] or before[name])[0].keys())

    def told(found: Rows) -> list[str]:
        return sorted(repr([row[column] for column in columns]) for row in found[name])

    return told(before), told(after)


def _columns(connection: sa.Connection, name: str) -> list[str]:
    return list(connection.exec_driver_sql(f"SELECT * FROM {name} LIMIT 0").keys())


def _copied(source: sa.Connection, target: sa.Connection, table: sa.Table) -> None:
    """Take over the first features of a layer, in the columns that both databases have."""
    newest = _columns(source, table.fullname)
    columns = ", ".join(f'"{c.name}"' for c in table.columns if c.name in newest)
    key = next(iter(table.primary_key)).name
    chosen = f"SELECT {columns} FROM {table.fullname} ORDER BY {key} LIMIT {FEATURES}"
    with (
        raw(source).cursor().copy(f"COPY ({chosen}) TO STDOUT") as out,
        raw(target).cursor().copy(f"COPY {table.fullname} ({columns}) FROM STDIN") as into,
    ):
        for block in out:
            into.write(block)


def _row(table: sa.Table, layer: str) -> dict[str, Any]:
    """Return a row that fits the table and is another for another layer."""
    return {
        column.name: _value(table, column, layer)
        for column in table.columns
        # Rows of a part belong to its slot, and the database numbers what it numbers always.
        if column.identity is None and not (column.name == "slot" and table.fullname != RUN.fullname)
    }


def _year(table: str) -> int:
    """Return a year that a table takes: parts of measured values hold one each, `rest` those before 2010."""
    part = table.rpartition("_")[2]
    return int(part) if part.isdigit() else 2009 if part == "rest" else 2026


def _value(table: sa.Table, column: sa.Column[Any], layer: str) -> Any:
    number = sum(layer.encode())
    told = {"layer": layer, "version": 1, "feature_count": FEATURES, "slot": 0}
    if column.name in told:
        return told[column.name]
    makers: dict[type, Any] = {
        sa.JSON: {"layer_versions": {layer: 1}, "乙": [1.5, None]},
        sa.Uuid: uuid.uuid5(uuid.NAMESPACE_OID, layer),
        sa.LargeBinary: bytes([number % 256, 0, 255]),
        sa.Boolean: number % 2 == 0,
        sa.Date: dt.date(_year(table.name), 1, 1 + number % 28),
        sa.DateTime: dt.datetime(2026, 1, 1, number % 24, tzinfo=dt.UTC),
        sa.SmallInteger: number % 3,
        sa.Integer: number,
        sa.Float: number / 7,
        sa.Text: f"{column.name} of {layer} 甲",
    }
    if isinstance(column.type, sa.ARRAY):
        return [number / 7, None] if isinstance(column.type.item_type, sa.Float) else [layer, "乙"]
    if isinstance(column.type, Geometry):
        return f"SRID={column.type.srid};{_OUTLINES[column.type.geometry_type]}"
    for made, value in makers.items():
        if isinstance(column.type, made):
            return value
    raise AssertionError(f"{table.fullname}.{column.name}: no value for {column.type!r}")
