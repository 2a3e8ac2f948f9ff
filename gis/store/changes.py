"""Which features a load changed, kept until the results have followed.

A load writes down every feature that came, went or is different, with the box it had and
has. Where that would be most of a layer, only that it was.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from psycopg import sql

from gis.store.copy import qualified, raw
from gis.store.records import Change
from gis.store.tables import LAYER_CHANGE, LAYER_TABLES, LAYER_VERSION
from layers import LayerSpec

MOST = 20_000
"""Changes of one load beyond which only their being many is kept: a full run is as quick."""

_BOX = sql.SQL(
    "CASE WHEN {0}.geom IS NOT NULL THEN "
    "ARRAY[ST_XMin({0}.geom), ST_YMin({0}.geom), ST_XMax({0}.geom), ST_YMax({0}.geom)] END"
)


def write(
    connection: sa.Connection, spec: LayerSpec, version: int, stage: sql.Identifier, *, whole: bool
) -> int | None:
    """Write down what the staged rows are about to change in the layer; return how many features that is.

    `whole`: features that are not staged go. None, and nothing written, where the layer
    was empty or the changes are too many.
    """
    target, cursor = qualified(LAYER_TABLES[spec.id]), raw(connection)
    if cursor.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(target)).fetchone() is None:
        return None
    written = cursor.execute(
        sql.SQL(
            "INSERT INTO {log} (layer, version, feature_id, existed, exists, before_box, after_box) "
            "SELECT {layer}, {version}, coalesce(o.{key}, n.{key}), "
            "o.{key} IS NOT NULL, n.{key} IS NOT NULL, {before}, {after} "
            "FROM {target} o {join} JOIN {stage} n USING ({key}) WHERE {differs} LIMIT {limit}"
        ).format(
            log=qualified(LAYER_CHANGE),
            layer=sql.Literal(spec.id),
            version=sql.Literal(version),
            key=sql.Identifier(spec.key),
            before=_BOX.format(sql.Identifier("o")),
            after=_BOX.format(sql.Identifier("n")),
            target=target,
            join=sql.SQL("FULL" if whole else "RIGHT"),
            stage=stage,
            differs=_differs(spec),
            limit=sql.Literal(MOST + 1),
        )
    ).rowcount
    if written <= MOST:
        return written
    connection.execute(LAYER_CHANGE.delete().where(_of(spec.id), LAYER_CHANGE.c.version == version))
    return None


def _differs(spec: LayerSpec) -> sql.Composable:
    """Return the condition that a row is new, gone or another; outlines are compared by their bytes."""
    parts = []
    for column in LAYER_TABLES[spec.id].columns:
        old, new = (sql.Identifier(side, column.name) for side in ("o", "n"))
        kind = sql.SQL("::bytea" if column.name == "geom" else "")
        parts.append(sql.SQL("{0}{2} IS DISTINCT FROM {1}{2}").format(old, new, kind))
    return sql.SQL(" OR ").join(parts)


def _of(layer: str) -> sa.ColumnElement[bool]:
    return LAYER_CHANGE.c.layer == layer


def since(connection: sa.Connection, layer: str, version: int) -> list[Change] | None:
    """Return what loads after `version` of a layer changed, in their order; None where that is not kept."""
    later = LAYER_VERSION.select().where(LAYER_VERSION.c.layer == layer, LAYER_VERSION.c.version > version)
    if any(row.change_count is None for row in connection.execute(later)):
        return None
    log = LAYER_CHANGE.c
    rows = connection.execute(
        LAYER_CHANGE.select().where(_of(layer), log.version > version).order_by(log.version, log.feature_id)
    )
    return [
        Change(layer, r.feature_id, r.existed, r.exists, _box(r.before_box), _box(r.after_box)) for r in rows
    ]


def _box(values: list[float] | None) -> tuple[float, float, float, float] | None:
    return None if values is None else (values[0], values[1], values[2], values[3])


def forget(connection: sa.Connection, versions: Mapping[str, int]) -> None:
    """Drop what the results have followed: the changes up to the given versions."""
    for layer, version in versions.items():
        connection.execute(LAYER_CHANGE.delete().where(_of(layer), LAYER_CHANGE.c.version <= version))
