"""What layers, rasters and results were before: the tables of the schema `history`."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from geoalchemy2 import Geometry

from gis.store.tables import LAYER_TABLES, metadata
from layers import LAYERS


def _kind(column: sa.Column[Any]) -> sa.types.TypeEngine[Any]:
    if column.name != "geom":
        return column.type
    return Geometry(column.type.geometry_type, srid=column.type.srid, spatial_index=False)  # type: ignore[attr-defined]


def _undo_table(layer_id: str) -> sa.Table:
    table, key = LAYER_TABLES[layer_id], LAYERS[layer_id].key
    # Of a feature that was not there nothing is.
    fields = [sa.Column(c.name, _kind(c), nullable=True) for c in table.columns if c.name != key]
    return sa.Table(
        layer_id,
        metadata,
        sa.Column("undone_version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column(key, sa.Text, primary_key=True),
        sa.Column("existed", sa.Boolean, nullable=False),
        *fields,
        schema="history",
    )


UNDO_TABLES: dict[str, sa.Table] = {layer_id: _undo_table(layer_id) for layer_id in LAYERS}
"""By layer what takes a version back: a row a feature that it changed, as the feature was before, or that
it was not there. A layer's first version has none: before it there was nothing."""

RASTER_HISTORY = sa.Table(
    "raster",
    metadata,
    sa.Column("layer", sa.Text, primary_key=True),
    sa.Column("undone_version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    schema="history",
)
"""By raster and version the raster that it took the place of."""

RESULT_HISTORY = sa.Table(
    "result",
    metadata,
    sa.Column("run_id", sa.BigInteger, primary_key=True),
    sa.Column("block", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("parcel_ids", sa.LargeBinary, nullable=False),
    sa.Column("content", sa.LargeBinary),
    schema="history",
)
"""What every run worked out, many parcels a row: ids as an Arrow stream, facts and verdicts as Parquet.
Without content the parcels lost their results in that run. No row depends on how present results lie."""
