"""The store as it was: layers, rasters and results of another day, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import sqlalchemy as sa

from gis.errors import NotFoundError
from gis.resources import Raster, Resources
from gis.store import changes, kept_results, rasters, results, versions
from gis.store.arrow import Reader
from gis.store.frames import read_frame
from gis.store.records import LayerVersion, RunRecord, ScoredParcel
from layers import LAYERS, RASTERS


@dataclass(frozen=True, eq=False)
class Past:
    """What was loaded and judged at one time; to be used inside `Store.past` only.

    at        the time
    versions  layer or raster -> the version that was in force
    run       the run whose results stood, None before the first
    """

    at: datetime
    versions: Mapping[str, LayerVersion]
    run: RunRecord | None
    connection: sa.Connection
    read: Reader

    @property
    def current(self) -> bool:
        """Whether the results were those of the layers at that time."""
        loaded = {layer: v.version for layer, v in self.versions.items()}
        return self.run is not None and self.run.layer_versions == loaded

    def layer(
        self,
        layer_id: str,
        *,
        where: Mapping[str, object] | None = None,
        ids: Sequence[str] | None = None,
    ) -> gpd.GeoDataFrame:
        """Return features of a layer as `Store.read` gave them then.

        Raises NotFoundError where the layer was not loaded then, or what it was is not kept.
        """
        spec, version = LAYERS[layer_id], self._version(layer_id)
        rows_of = changes.rows_at(spec, version)
        return read_frame(self.connection, self.read, spec, where or {}, ids, rows_of)

    def raster(self, raster_id: str) -> Raster:
        """Return a raster as it was then; raises as `layer` does."""
        return rasters.read_at(self.connection, raster_id, self._version(raster_id))

    def resources(self) -> Resources:
        """Return all layers and rasters that were loaded then but `parcel`."""
        loaded = {id_: v.version for id_, v in self.versions.items() if id_ != "parcel"}
        return Resources(
            frames={id_: self.layer(id_) for id_ in loaded if id_ in LAYERS},
            versions=loaded,
            rasters={id_: self.raster(id_) for id_ in loaded if id_ in RASTERS},
        )

    def results(self, parcel_ids: Sequence[str] | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return facts and verdicts as they stood, of all parcels or of some, sorted by id.

        Those without results are absent. Raises NotFoundError before the first run, and where the results
        are not kept.
        """
        if self.run is None:
            raise NotFoundError(f"There were no results yet at {versions.told(self.at)}.")
        return kept_results.rows(self.connection, self.run, parcel_ids)

    def scored_parcel(self, parcel_id: str) -> ScoredParcel:
        """Return facts and verdict of a parcel as `Store.scored_parcel` gave them then; raises as it does."""
        facts, verdicts = self.results([parcel_id])
        if parcel_id not in facts.index or self.run is None:
            raise NotFoundError(f"There was no scored parcel {parcel_id!r} at {versions.told(self.at)}.")
        one, other = (
            {"parcel_id": parcel_id, **{str(n): _value(row) for n, row in frame.iloc[0].items()}}
            for frame in (facts, verdicts)
        )
        return ScoredParcel(self.run, one, other)

    def _version(self, id_: str) -> int:
        when = versions.told(self.at)
        if id_ not in self.versions:
            raise NotFoundError(f"The layer {id_} was not loaded yet at {when}.")
        version = self.versions[id_].version
        if not changes.known_back_to(self.connection, id_, version):
            raise NotFoundError(
                f"What the layer {id_} was at {when} is not kept: a later version was loaded before this "
                "store began to keep what it replaces."
            )
        return version


def _value(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and value != value else value


def past_of(connection: sa.Connection, read: Reader, when: datetime | int) -> Past:
    """Return the store at a time; or the results of a run by its number, with the layers they came of.

    Raises NotFoundError for a run that is not there.
    """
    if isinstance(when, datetime):
        loaded, run = versions.layers_at(connection, when), results.run_at(connection, when)
        return Past(when, loaded, run, connection, read)
    found = results.run_of(connection, when)
    if found is None or found.finished_at is None:
        raise NotFoundError(f"There is no run {when}; `onemap versions` lists them.")
    loaded = versions.layers_of(connection, found.layer_versions)
    return Past(found.finished_at, loaded, found, connection, read)
