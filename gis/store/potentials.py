"""The potential of the ground in the database: one Cloud Optimized GeoTIFF with what it was made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from gis.errors import NotFoundError
from gis.store.connection import clear_errors
from gis.store.store import Store
from gis.store.tables import GROUND_POTENTIAL as TABLE

_ID = "shallow_ground_source"


@dataclass(frozen=True)
class PotentialRecord:
    """What is kept of a potential beside its file.

    made_of  a digest: the same for the same rules, layers and program
    told     what the file says of itself, and its bands, as JSON
    size     of the file, in bytes
    """

    made_of: str
    made_at: datetime
    told: dict[str, Any]
    size: int


def kept_potential(store: Store) -> PotentialRecord | None:
    """Return what is kept, None where there is no potential."""
    query = sa.select(
        TABLE.c.made_of, TABLE.c.made_at, TABLE.c.told, sa.func.octet_length(TABLE.c.content).label("size")
    )
    with clear_errors("Reading the ground potential failed"), store.engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else PotentialRecord(**row._mapping)


def potential_bytes(store: Store, made_of: str, start: int, stop: int) -> bytes:
    """Return the bytes of the file from `start` up to, not with, `stop`.

    Raises NotFoundError where another one has taken its place.
    """
    part = sa.func.substring(TABLE.c.content, start + 1, stop - start)
    query = sa.select(part).where(TABLE.c.made_of == made_of)
    with clear_errors("Reading the ground potential failed"), store.engine.connect() as connection:
        found = connection.scalar(query)
    if found is None:
        raise NotFoundError("Another ground potential has taken the place of this one: ask again.")
    return bytes(found)


def keep_potential(store: Store, made_of: str, told: dict[str, Any], content: bytes) -> None:
    """Put a potential in the place of the one before, in one transaction."""
    values = {"made_of": made_of, "told": told, "content": content, "made_at": sa.func.now()}
    statement = insert(TABLE).values(potential_id=_ID, **values)
    with clear_errors("Keeping the ground potential failed"), store.engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        connection.execute(statement.on_conflict_do_update(index_elements=["potential_id"], set_=values))
        store.fit_access(connection)


def drop_potential(store: Store) -> None:
    """Remove the potential; nothing happens where there is none."""
    with clear_errors("Removing the ground potential failed"), store.engine.begin() as connection:
        connection.execute(TABLE.delete())
