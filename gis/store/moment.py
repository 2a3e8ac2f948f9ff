"""The store at one moment: layers, versions and parcels as they were when it was entered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import sqlalchemy as sa
from psycopg import sql

from gis.resources import Resources
from gis.store.arrow import Reader
from gis.store.copy import qualified, raw
from gis.store.records import LayerVersion
from gis.store.tables import LAYER_TABLES
from layers import LAYERS


@dataclass(frozen=True, eq=False)
class Moment:
    """What a run reads; to be used inside `Store.moment` only."""

    connection: sa.Connection
    versions: Mapping[str, LayerVersion]
    resources: Resources
    """Every loaded layer but `parcel`."""
    _read: Reader

    def parcels(self) -> Iterator[pa.RecordBatch]:
        """Yield all parcels in batches: the layer's fields, and `geom` as WKB."""
        columns = [sql.Identifier(name) for name in LAYERS["parcel"].field_names]
        query = sql.SQL("SELECT {}, ST_AsBinary(geom) AS geom FROM {}").format(
            sql.SQL(", ").join(columns), qualified(LAYER_TABLES["parcel"])
        )
        return self._read(query.as_string(raw(self.connection)))
