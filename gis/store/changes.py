"""What a version changes in a layer: kept as what takes it back, and told to those who follow."""

from __future__ import annotations

import sqlalchemy as sa
from psycopg import sql

from gis.store.copy import qualified, raw
from gis.store.history_tables import UNDO_TABLES
from gis.store.records import Change
from gis.store.tables import LAYER_TABLES, LAYER_VERSION
from layers import LayerSpec

MOST = 20_000
"""Changes beyond which they are not told one by one: a run over all parcels is as quick."""

_BOX = sql.SQL(
    "CASE WHEN {0}.geom IS NOT NULL THEN "
    "ARRAY[ST_XMin({0}.geom), ST_YMin({0}.geom), ST_XMax({0}.geom), ST_YMax({0}.geom)] END"
)


def keep(
    connection: sa.Connection, spec: LayerSpec, version: int, stage: sql.Identifier, *, whole: bool
) -> int:
    """Keep what the staged rows are about to change in the layer; return how many features that is.

    `whole`: features that are not staged go.
    """
    return _kept(
        connection,
        spec,
        version,
        sql.SQL("{target} o {join} JOIN {stage} n USING ({key}) WHERE {differs}").format(
            target=qualified(LAYER_TABLES[spec.id]),
            join=sql.SQL("FULL" if whole else "RIGHT"),
            stage=stage,
            key=sql.Identifier(spec.key),
            differs=_differs(spec),
        ),
        sql.SQL("coalesce(o.{0}, n.{0}), o.{0} IS NOT NULL").format(sql.Identifier(spec.key)),
    )


def keep_one(connection: sa.Connection, spec: LayerSpec, version: int, feature_id: str) -> int:
    """Keep a feature that is about to go; return 1, or 0 where it is not there."""
    key = sql.Identifier(spec.key)
    source = sql.SQL("{} o WHERE {} = {}").format(
        qualified(LAYER_TABLES[spec.id]), key, sql.Literal(feature_id)
    )
    return _kept(connection, spec, version, source, sql.SQL("{}, true").format(key))


def _kept(
    connection: sa.Connection, spec: LayerSpec, version: int, source: sql.Composable, head: sql.Composable
) -> int:
    names = [sql.Identifier(c.name) for c in LAYER_TABLES[spec.id].columns if c.name != spec.key]
    command = sql.SQL(
        "INSERT INTO {log} ({key}, existed, undone_version, {names}) "
        "SELECT {head}, {version}, {values} FROM {source}"
    ).format(
        log=qualified(UNDO_TABLES[spec.id]),
        key=sql.Identifier(spec.key),
        names=sql.SQL(", ").join(names),
        head=head,
        version=sql.Literal(version),
        values=sql.SQL(", ").join(sql.SQL("o.{}").format(name) for name in names),
        source=source,
    )
    return raw(connection).execute(command).rowcount


def _differs(spec: LayerSpec) -> sql.Composable:
    """Return the condition that a row is new, gone or another; outlines are compared by their bytes."""
    parts = []
    for column in LAYER_TABLES[spec.id].columns:
        old, new = (sql.Identifier(side, column.name) for side in ("o", "n"))
        kind = sql.SQL("::bytea" if column.name == "geom" else "")
        parts.append(sql.SQL("{0}{2} IS DISTINCT FROM {1}{2}").format(old, new, kind))
    return sql.SQL(" OR ").join(parts)


def undone(spec: LayerSpec, version: int) -> sql.Composable:
    """Return the query of how every feature was at a version that a later one changed."""
    key = sql.Identifier(spec.key)
    return sql.SQL(
        "SELECT DISTINCT ON ({key}) * FROM {log} WHERE undone_version > {version} "
        "ORDER BY {key}, undone_version"
    ).format(key=key, log=qualified(UNDO_TABLES[spec.id]), version=sql.Literal(version))


def rows_at(spec: LayerSpec, version: int) -> sql.Composable:
    """Return the rows of a layer as they were at a version, as what a query selects from."""
    names = sql.SQL(", ").join(sql.Identifier(c.name) for c in LAYER_TABLES[spec.id].columns)
    return sql.SQL(
        "(WITH undone AS MATERIALIZED ({undone}) SELECT {names} FROM undone WHERE existed "
        "UNION ALL SELECT {names} FROM {target} AS t "
        "WHERE NOT EXISTS (SELECT FROM undone WHERE undone.{key} = t.{key})) AS past"
    ).format(
        undone=undone(spec, version),
        names=names,
        target=qualified(LAYER_TABLES[spec.id]),
        key=sql.Identifier(spec.key),
    )


def known_back_to(connection: sa.Connection, layer: str, version: int) -> bool:
    """Return whether every later version of a layer can be taken back."""
    later = LAYER_VERSION.select().where(LAYER_VERSION.c.layer == layer, LAYER_VERSION.c.version > version)
    return all(row.undoable for row in connection.execute(later))


def since(connection: sa.Connection, spec: LayerSpec, version: int) -> list[Change] | None:
    """Return how features of a layer differ from those of an earlier version, by id.

    None where that is not kept, and where they are more than `MOST`.
    """
    if not known_back_to(connection, spec.id, version):
        return None
    rows = raw(connection).execute(
        sql.SQL(
            "SELECT {key}, o.existed, n.{key} IS NOT NULL, {before}, {after} FROM ({undone}) o "
            "LEFT JOIN {target} n USING ({key}) ORDER BY {key} LIMIT {limit}"
        ).format(
            key=sql.Identifier(spec.key),
            before=_BOX.format(sql.Identifier("o")),
            after=_BOX.format(sql.Identifier("n")),
            undone=undone(spec, version),
            target=qualified(LAYER_TABLES[spec.id]),
            limit=sql.Literal(MOST + 1),
        )
    )
    found = [
        Change(spec.id, key, existed, exists, _box(before), _box(after))
        for key, existed, exists, before, after in rows
    ]
    return None if len(found) > MOST else found


def _box(values: list[float] | None) -> tuple[float, float, float, float] | None:
    return None if values is None else (values[0], values[1], values[2], values[3])
