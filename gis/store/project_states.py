"""The log of what state heat projects were in: a line a change, in the transaction that makes it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import sqlalchemy as sa

from gis.store import audit
from gis.store.tables import LAYER_TABLES

PROJECT = "heat_project"
_TABLE = LAYER_TABLES[PROJECT]


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
