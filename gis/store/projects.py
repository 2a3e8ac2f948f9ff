"""Heat projects in the store: some of them, a page at a time, and the log of their states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import sqlalchemy as sa

from gis.store import audit
from gis.store.connection import clear_errors
from gis.store.tables import LAYER_TABLES
from layers import LAYERS

PROJECT = "heat_project"
_TABLE = LAYER_TABLES[PROJECT]


def page(
    connection: sa.Connection, where: Mapping[str, str], limit: int, offset: int
) -> tuple[list[dict[str, Any]], int]:
    """Return up to `limit` projects after the first `offset` by key, and how many there are in all.

    `where` asks for values of fields. A project has its fields, None where not told.
    """
    fields = [_TABLE.c[name] for name in LAYERS[PROJECT].field_names]
    chosen = sa.and_(sa.true(), *(_TABLE.c[name] == value for name, value in where.items()))
    query = sa.select(*fields).where(chosen).order_by(_TABLE.c.heat_project_id).limit(limit).offset(offset)
    with clear_errors("Reading the projects failed"):
        rows = [dict(row) for row in connection.execute(query).mappings()]
        count = connection.scalar(sa.select(sa.func.count()).select_from(_TABLE).where(chosen))
    return rows, int(count or 0)


def log_loaded(
    connection: sa.Connection,
    layer: str,
    version: int,
    staged: pd.DataFrame,
    mode: str,
    correction: str | None = None,
) -> None:
    """Log whose state becomes another by a load, before it is made; nothing for layers without states.

    The first version is not logged project by project: there was nothing before it. `correction` is why a
    state is set against the order of states.
    """
    if layer != PROJECT or version == 1:
        return
    held = _held(connection)
    loaded = dict(zip(staged[_TABLE.c.heat_project_id.name], staged["status"], strict=True))
    loaded = {id_: None if pd.isna(status) else status for id_, status in loaded.items()}
    after = loaded if mode == "replace" else {**held, **loaded}
    for id_ in sorted({*held, *after}):
        _log(connection, id_, held.get(id_), after.get(id_), version, id_ not in after, correction)


def log_removed(connection: sa.Connection, layer: str, version: int, feature_id: str) -> None:
    """Log that a project is removed, before it is."""
    if layer == PROJECT:
        _log(connection, feature_id, _held(connection).get(feature_id), None, version, True, None)


def _held(connection: sa.Connection) -> dict[str, str | None]:
    query = sa.select(_TABLE.c.heat_project_id, _TABLE.c.status)
    return {row.heat_project_id: row.status for row in connection.execute(query)}


def _log(
    connection: sa.Connection,
    id_: str,
    old: str | None,
    new: str | None,
    version: int,
    removed: bool,
    correction: str | None,
) -> None:
    if old == new and not removed:
        return
    detail: dict[str, Any] = {"heat_project_id": id_, "old_status": old, "new_status": new}
    detail |= {"version": version, "removed": removed}
    if correction is not None:
        detail["correction"] = correction
    audit.write(connection, "status", PROJECT, **detail)
