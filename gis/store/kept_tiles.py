"""Rendered tiles that are kept in the database, where all web processes find them.

A tile is kept under the version of what it shows, so that none is ever stale. What is kept of readable
and of unreadable layers lies in one table: whoever answers a caller must ask first what they may read.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

_FIND = sa.text(
    "SELECT body FROM meta.tile WHERE layer = :layer AND scenario = :scenario AND version = :version"
    " AND form = :form AND z = :z AND x = :x AND y = :y"
)
# The first of a version drops those of the others. Here and not when data is written: then whoever writes
# layers or results would have to know of tiles.
_KEEP = sa.text(
    "WITH dropped AS ("
    " DELETE FROM meta.tile WHERE layer = :layer AND scenario = :scenario AND version <> :version"
    "  AND NOT EXISTS (SELECT FROM meta.tile WHERE layer = :layer AND scenario = :scenario"
    "   AND version = :version))"
    " INSERT INTO meta.tile (layer, scenario, version, form, z, x, y, body)"
    " VALUES (:layer, :scenario, :version, :form, :z, :x, :y, :body) ON CONFLICT DO NOTHING"
)


class TileKey(NamedTuple):
    """What a kept tile is found by; `form` is `mvt` or `png`, `scenario` empty but for matching runs."""

    layer: str
    form: str
    scenario: str
    version: str
    z: int
    x: int
    y: int


def find(engine: sa.Engine, key: TileKey) -> bytes | None:
    """Return a kept tile, None where there is none."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        body = connection.scalar(_FIND, key._asdict())
    return None if body is None else bytes(body)


def keep(engine: sa.Engine, key: TileKey, body: bytes) -> None:
    """Keep a tile; the first of a version drops those of the others."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(_KEEP, key._asdict() | {"body": body})
