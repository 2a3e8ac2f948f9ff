"""Changing single features: seen as they are, changed and counted as a version, in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import geopandas as gpd
import pandas as pd
import psycopg
import shapely
import sqlalchemy as sa
from psycopg import sql

from gis.errors import BusyError, NotFoundError
from gis.store import changes, loading, projects
from gis.store.collections import COLLECTIONS
from gis.store.copy import qualified, raw
from gis.store.items import Page, one
from gis.store.records import LayerVersion
from gis.store.tables import LAYER_TABLES, PARCEL_TILE
from layers import LayerSpec

_WAIT_S = 5


def state_of(page: Page) -> str:
    """Return what tells one state of a feature from every other: a digest of all it holds."""
    digest = hashlib.sha256()
    for id_, shape, values in zip(page.ids, page.geometries, page.values, strict=True):
        digest.update(repr((id_, None if shape is None else shapely.to_wkb(shape), tuple(values))).encode())
    return digest.hexdigest()[:32]


class Editing:
    """Changes one feature of a layer inside the caller's transaction; made by `Store.editing`.

    Nobody else loads or edits the layer meanwhile.
    """

    def __init__(self, connection: sa.Connection, spec: LayerSpec, read: Callable[..., Any]) -> None:
        self._connection, self.spec, self._read = connection, spec, read
        connection.execute(sa.text(f"SET LOCAL lock_timeout = '{_WAIT_S}s'"))
        try:
            loading.claim_layer(connection, spec.id, wait=True)
        except sa.exc.OperationalError as error:
            if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
                raise
            raise BusyError(
                f"An import into layer {spec.id} is running: try again when it has finished."
            ) from error
        if loading.next_version(connection, spec) == 1:
            raise NotFoundError(f"The layer {spec.id} was never loaded: import it first.")

    def state(self, feature_id: str) -> str | None:
        """Return the state of a feature as `state_of` has it, None where it is not there."""
        try:
            return state_of(one(self._connection, COLLECTIONS[self.spec.id], feature_id))
        except NotFoundError:
            return None

    def feature(self, feature_id: str) -> gpd.GeoDataFrame:
        """Return a feature as `Store.read` does, in a frame of one row."""
        found: gpd.GeoDataFrame = self._read(self.spec.id, ids=[feature_id])
        return found

    def put(self, frame: gpd.GeoDataFrame, sent_sha256: str, correction: str | None = None) -> LayerVersion:
        """Write a feature, new or in the place of the one with its key, and return the layer's version.

        `correction` is why a heat project's state is set against the order of states, for the log.
        Raises InputError for what cannot be stored.
        """
        staged = loading.staged_frame(self.spec, frame)
        number = loading.next_version(self._connection, self.spec)
        projects.log_loaded(self._connection, self.spec.id, number, staged, "upsert", correction)
        counts = loading.swap(self._connection, self.spec, staged, "upsert", number)
        return self._recorded(number, counts, str(frame[self.spec.key].iloc[0]), sent_sha256)

    def remove(self, feature_id: str, sent_sha256: str) -> LayerVersion:
        """Remove a feature that is there, and return the layer's version."""
        number = loading.next_version(self._connection, self.spec)
        projects.log_removed(self._connection, self.spec.id, number, feature_id)
        gone = changes.keep_one(self._connection, self.spec, number, feature_id)
        table = LAYER_TABLES[self.spec.id]
        for of in (table, PARCEL_TILE) if self.spec.id == "parcel" else (table,):
            command = sql.SQL("DELETE FROM {} WHERE {} = %s").format(
                qualified(of), sql.Identifier(self.spec.key)
            )
            raw(self._connection).execute(command, [feature_id])
        count = self._connection.scalar(sa.select(sa.func.count()).select_from(table))
        return self._recorded(number, (int(count or 0), gone), feature_id, sent_sha256)

    def _recorded(
        self, number: int, counts: tuple[int, int | None], feature_id: str, sent_sha256: str
    ) -> LayerVersion:
        source = (feature_id, sent_sha256)
        return loading.record(
            self._connection, self.spec, number, "edit", counts, source, {"feature_id": feature_id},
            pd.DataFrame(),
        )  # fmt: skip
