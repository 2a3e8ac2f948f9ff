"""The store at one moment: layers, versions, results and parcels as they were when it was entered."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass

import geopandas as gpd
import pyarrow as pa
import sqlalchemy as sa
from psycopg import sql

from gis.resources import Resources
from gis.store import changes, influence, rasters
from gis.store.arrow import Reader
from gis.store.copy import qualified, raw
from gis.store.frames import read_frame
from gis.store.records import Change, LayerVersion, RunRecord
from gis.store.tables import LAYER_TABLES
from layers import LAYERS, RASTERS


@dataclass(frozen=True, eq=False)
class Moment:
    """What a run reads; to be used inside `Store.moment` only."""

    connection: sa.Connection
    versions: Mapping[str, LayerVersion]
    run: RunRecord | None
    """The run whose results are stored."""
    read: Reader
    """Gives the rows of a query, of this moment too."""

    def layer(self, layer_id: str) -> gpd.GeoDataFrame:
        """Return a loaded layer as `Store.read` does."""
        return read_frame(self.connection, self.read, LAYERS[layer_id], {}, None)

    def resources(self, known: Resources | None = None, layers: Collection[str] | None = None) -> Resources:
        """Return every loaded layer but `parcel`; of those whose version is `known`, what is known.

        With `layers` it is what is known, brought up to date in these alone.
        """
        known = known or Resources({}, {})
        versions = {layer: v.version for layer, v in self.versions.items() if layer != "parcel"}
        if layers is not None:
            versions = {**known.versions, **{i: v for i, v in versions.items() if i in layers}}
        same = {layer for layer, version in versions.items() if known.versions.get(layer) == version}
        return Resources(
            frames={
                layer: known.frames[layer] if layer in same else self.layer(layer)
                for layer in versions
                if layer in LAYERS
            },
            versions=versions,
            rasters={
                layer: known.rasters[layer] if layer in same else rasters.read(self.connection, layer)
                for layer in versions
                if layer in RASTERS
            },
        )

    def parcels(
        self, fields: Sequence[str], parcel_ids: Sequence[str] | None = None
    ) -> Generator[pa.RecordBatch]:
        """Yield all parcels, or those named, in batches: `parcel_id`, some fields, and `geom` as WKB."""
        columns = [sql.Identifier(name) for name in ("parcel_id", *fields)]
        named = sql.SQL("") if parcel_ids is None else sql.SQL(" WHERE parcel_id = ANY({})")
        query = sql.SQL("SELECT {}, ST_AsBinary(geom) AS geom FROM {}{}").format(
            sql.SQL(", ").join(columns),
            qualified(LAYER_TABLES["parcel"]),
            named.format(sql.Literal(list(parcel_ids or ()))),
        )
        return self.read(query.as_string(raw(self.connection)))

    def changes(self, layer: str, version: int) -> list[Change] | None:
        """Return what versions of a layer after `version` changed; None where that is not known."""
        return changes.since(self.connection, LAYERS[layer], version) if layer in LAYERS else None

    def influence_count(self) -> int:
        """Return of how many parcels it is known how far around them their results look."""
        return influence.parcel_count(self.connection)

    def touched(self, around: Sequence[influence.Around], parcel_ids: Sequence[str]) -> influence.Touched:
        """Return the parcels with results that changes `around` can touch, and those of `parcel_ids`."""
        return influence.touched(self.connection, around, parcel_ids)
