"""The last check of every layer's data, as it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from gis.store.connection import clear_errors
from gis.store.store import Store
from gis.store.tables import LAYER_CHECK as TABLE
from gis.store.tables import LAYER_VERSION


@dataclass(frozen=True)
class KeptCheck:
    """What is kept of a check: the version that was checked, and what came of it as JSON.

    `synthetic` says whether all of that version said so of itself, `present_synthetic` whether all of the
    present one does: who may read that may not be let read the other. None of rasters.
    """

    layer: str
    version: int
    present_version: int
    checked_at: datetime
    told: dict[str, Any]
    synthetic: bool | None
    present_synthetic: bool | None

    @property
    def stale(self) -> bool:
        """Whether a newer version is loaded."""
        return self.version != self.present_version


def keep_check(store: Store, checks: Mapping[str, tuple[int, datetime, dict[str, Any]]]) -> None:
    """Keep checks by layer (version, time, what is told), each in the place of the layer's last.

    One of an older version than what is kept changes nothing.
    """
    if not checks:
        return
    rows = [
        {"layer": layer, "version": version, "checked_at": at, "told": told}
        for layer, (version, at, told) in checks.items()
    ]
    statement = insert(TABLE).values(rows)
    changed = {name: statement.excluded[name] for name in ("version", "checked_at", "told")}
    newer = statement.on_conflict_do_update(
        index_elements=["layer"], set_=changed, where=TABLE.c.version <= statement.excluded.version
    )
    with clear_errors("Keeping the checks failed"), store.engine.begin() as connection:
        connection.execute(newer)


def kept_checks(store: Store) -> dict[str, KeptCheck]:
    """Return the last check of every layer and raster that was ever checked, by id."""
    present = (
        sa.select(LAYER_VERSION.c.layer, LAYER_VERSION.c.version, LAYER_VERSION.c.synthetic)
        .distinct(LAYER_VERSION.c.layer)
        .order_by(LAYER_VERSION.c.layer, LAYER_VERSION.c.version.desc())
        .subquery()
    )
    then = (LAYER_VERSION.c.layer == TABLE.c.layer) & (LAYER_VERSION.c.version == TABLE.c.version)
    query = (
        sa.select(
            TABLE,
            LAYER_VERSION.c.synthetic,
            present.c.version.label("present_version"),
            present.c.synthetic.label("present_synthetic"),
        )
        .join(LAYER_VERSION, then)
        .join(present, present.c.layer == TABLE.c.layer)
    )
    with clear_errors("Reading the checks failed"), store.engine.connect() as connection:
        return {row.layer: KeptCheck(**row._mapping) for row in connection.execute(query)}
