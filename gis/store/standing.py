"""How a store stands: which servers, which schema, what is loaded. Asked without changing anything."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from pydantic import BaseModel

from gis.store.connection import clear_errors, place
from gis.store.migrate import HEAD, REVISIONS, revision

# Only columns that every schema since the first has.
_LAYERS = """
    SELECT DISTINCT ON (layer) layer, version, loaded_at, feature_count
    FROM meta.layer_version ORDER BY layer, version DESC
"""
_RUN = """
    SELECT run_id, ruleset_id, as_of, parcel_count, finished_at, software
    FROM meta.run ORDER BY run_id DESC LIMIT 1
"""


class LayerStanding(BaseModel, frozen=True):
    """The latest load of a layer; of a raster `feature_count` are its cells with a value."""

    version: int
    loaded_at: datetime
    feature_count: int


class RunStanding(BaseModel, frozen=True):
    """The run whose results are stored."""

    run_id: int
    ruleset_id: str
    as_of: date
    parcel_count: int
    finished_at: datetime
    software: str


class Standing(BaseModel, frozen=True):
    """What a database is and holds.

    `schema_revision` and `postgis` are None where there is none yet; `known` says whether this program
    knows the revision. Of a schema that it does not know, layers and run are not told (None).
    """

    database: str
    postgresql: str
    postgis: str | None
    schema_revision: str | None
    newest_revision: str
    known: bool
    bytes: int
    layers: dict[str, LayerStanding] | None
    latest_run: RunStanding | None


def standing(engine: sa.Engine) -> Standing:
    """Return how the store in a database stands, all of one moment; StoreError if it cannot be asked."""
    where = place(engine.url)
    with clear_errors(f"The database {where} cannot be used"), engine.begin() as connection:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        present = revision(connection)
        known = present in REVISIONS
        layers = list(connection.exec_driver_sql(_LAYERS).mappings()) if known else []
        run = connection.exec_driver_sql(_RUN).mappings().one_or_none() if known else None
        extension = sa.text("SELECT extversion FROM pg_extension WHERE extname = 'postgis'")
        return Standing(
            database=where,
            postgresql=str(connection.scalar(sa.text("SHOW server_version"))),
            postgis=connection.scalar(extension),
            schema_revision=present,
            newest_revision=HEAD,
            known=known,
            bytes=int(connection.scalar(sa.text("SELECT pg_database_size(current_database())")) or 0),
            layers={row["layer"]: LayerStanding.model_validate(dict(row)) for row in layers}
            if known
            else None,
            latest_run=None if run is None else RunStanding.model_validate(dict(run)),
        )
