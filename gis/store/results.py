"""Results in the database: facts and verdicts of every parcel, runs, and the rule sets they used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa
from psycopg import sql

from gis.errors import InputError
from gis.store.copy import copy_in, copy_out, qualified, raw
from gis.store.loading import claim
from gis.store.records import RunRecord
from gis.store.tables import LAYER_TABLES, PARCEL_FACT, PARCEL_SUITABILITY, PARCEL_TILE, RUN, TILE_EPSG

_TILES = sql.SQL(
    "INSERT INTO {tile} (parcel_id, geom, recommended, recommended_status, recommended_score) "
    "SELECT parcel_id, ST_Transform(p.geom, {epsg}), "
    "v.recommended, v.recommended_status, v.recommended_score "
    "FROM {verdict} v JOIN {parcel} p USING (parcel_id)"
).format(
    tile=qualified(PARCEL_TILE),
    epsg=sql.Literal(TILE_EPSG),
    verdict=qualified(PARCEL_SUITABILITY),
    parcel=qualified(LAYER_TABLES["parcel"]),
)


def _table_frame(table: sa.Table, frame: pd.DataFrame) -> pd.DataFrame:
    """Return `frame` with its index as column parcel_id; InputError unless its columns are the declared."""
    declared = {c.name for c in table.columns} - {"parcel_id"}
    for name in sorted(declared.symmetric_difference(frame.columns)):
        problem = "is missing from" if name in declared else "is not declared for"
        raise InputError(f"The column {name} {problem} the results that go to {table.name}.")
    repeated = frame.index[frame.index.duplicated()]
    if len(repeated):
        raise InputError(f"The parcel {repeated[0]} occurs more than once in the results.")
    return frame.rename_axis("parcel_id").reset_index()


def replace(connection: sa.Connection, facts: pd.DataFrame, verdicts: pd.DataFrame, run: RunRecord) -> int:
    """Replace all stored results inside the caller's transaction and return the id of the run."""
    if not facts.index.equals(verdicts.index):
        raise InputError("Facts and verdicts must have the same parcels in the same order.")
    claim(connection, "results", "Another run is saving its results: try again when it has finished.")
    for table in (PARCEL_TILE, PARCEL_SUITABILITY, PARCEL_FACT):
        connection.execute(table.delete())
    for table, frame in ((PARCEL_FACT, facts), (PARCEL_SUITABILITY, verdicts)):
        copy_in(connection, list(table.columns), _table_frame(table, frame), qualified(table))
    raw(connection).execute(_TILES)
    return save_run(connection, run)


def save_run(connection: sa.Connection, run: RunRecord) -> int:
    """Write the record of a run and return its id; without a finishing time it has finished now."""
    values = {
        "ruleset_id": run.ruleset_id,
        "ruleset_hash": run.ruleset_hash,
        "as_of": run.as_of,
        "layer_versions": run.layer_versions,
        "parcel_count": run.parcel_count,
        "software": run.software,
    }
    if run.finished_at is not None:
        values["finished_at"] = run.finished_at
    return int(connection.execute(RUN.insert().values(values).returning(RUN.c.run_id)).scalar_one())


def latest_run(connection: sa.Connection) -> RunRecord | None:
    """Return the run whose results are stored, None before the first."""
    row = connection.execute(RUN.select().order_by(RUN.c.run_id.desc()).limit(1)).one_or_none()
    return None if row is None else RunRecord(**row._mapping)


def row(connection: sa.Connection, table: sa.Table, parcel_id: str) -> dict[str, Any] | None:
    """Return one parcel's row, None where it has no results."""
    found = connection.execute(table.select().where(table.c.parcel_id == parcel_id)).mappings().one_or_none()
    return None if found is None else dict(found)


def rows(connection: sa.Connection, table: sa.Table, parcel_ids: Sequence[str]) -> pd.DataFrame:
    """Return the rows of the parcels asked for, in that order, indexed by parcel_id; unknown are absent."""
    wanted = [str(i) for i in parcel_ids]
    condition = sql.SQL("parcel_id = ANY({})").format(sql.Placeholder("ids"))
    frame = copy_out(connection, table, condition, {"ids": wanted}, "parcel_id").set_index("parcel_id")
    return frame.loc[[i for i in dict.fromkeys(wanted) if i in frame.index]]
