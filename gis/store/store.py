"""The face of the store: layers in and out, versions, results."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from threading import Lock
from types import MappingProxyType, TracebackType
from typing import Any, Self

import geopandas as gpd
import numpy as np
import pandas as pd
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.dialects.postgresql import insert

from gis.errors import BusyError, InputError, NotFoundError, StoreError
from gis.resources import Raster, Resources
from gis.store import audit, grants, loading, matches, projects, rasters, results, versions
from gis.store.arrow import snapshot_reader
from gis.store.connection import clear_errors
from gis.store.copy import qualified, raw
from gis.store.editing import Editing
from gis.store.embedded import Cluster
from gis.store.frames import read_frame
from gis.store.loading import Mode
from gis.store.moment import Moment
from gis.store.past import Past, past_of
from gis.store.records import (
    Box,
    LayerVersion,
    MatchChange,
    MatchedParcel,
    MatchRecord,
    RunRecord,
    ScoredParcel,
)
from gis.store.scored import ParcelReader
from gis.store.tables import LAYER_TABLES, PARCEL_TILE, RULESET
from gis.store.transactions import Transactions
from gis.store.versions import Version
from gis.store.writer import ResultWriter
from gis.vocabulary import FACTS, VERDICTS
from layers import LAYERS, RASTERS, LayerSpec
from layers.spec import Access


class Store(Transactions):
    """An open store, made by `open_store`; a context manager.

    `engine` serves other modules' own queries, with the time limit of the settings;
    the methods here move whole layers and have none.
    """

    def __init__(
        self,
        engine: sa.Engine,
        cluster: Cluster | None = None,
        own_access: Mapping[str, Access] = MappingProxyType({}),
        reader: Callable[[sa.URL], sa.Engine] | None = None,
    ) -> None:
        super().__init__(engine)
        self._cluster = cluster
        self._own_access = own_access
        self._reader = reader
        self._readers: dict[Access, Store] = {}
        self._lock = Lock()
        self._pid = os.getpid()
        self._parcels = ParcelReader(engine, self._snapshot)
        atexit.register(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; an embedded server stops when no other program uses it."""
        atexit.unregister(self.close)
        if os.getpid() != self._pid:
            return  # a forked child shares the sockets and the lock with its parent, who still uses them
        for reader in self._readers.values():
            reader.close()
        self._parcels.close()
        self.engine.dispose()
        if self._cluster is not None:
            self._cluster.leave()

    def reading_as(self, reads: Access) -> Store:
        """Return the store as callers who may read a class see it: its user can only read, and only that.

        It is closed with this one. Raises StoreError where the database has no such users.
        """
        with self._lock:
            if reads not in self._readers:
                if self._reader is None:
                    raise StoreError("A store that only reads cannot be opened to read less.")
                with clear_errors("Asking for the roles failed"), self._snapshot() as connection:
                    url = grants.reader_url(connection, reads)
                self._readers[reads] = Store(self._reader(url))
            return self._readers[reads]

    def access(self) -> dict[str, Access]:
        """Return the class of every layer, every raster and of `gis.access.RESULTS` as of now."""
        with clear_errors("Reading the versions failed"), self._snapshot() as connection:
            return grants.access_of(connection, self._own_access)

    def fit_access(self, connection: sa.Connection) -> None:
        """Let callers of each class read what they may from the end of this transaction on."""
        grants.fit(connection, self._own_access)

    def read(
        self,
        layer_id: str,
        *,
        where: Mapping[str, object] | None = None,
        ids: Sequence[str] | None = None,
    ) -> gpd.GeoDataFrame:
        """Return features of a layer as stored: declared fields and `geometry` in EPSG:4548, sorted by key.

        `where` asks for equality on declared fields (None: the value is
        missing), `ids` for these keys. Missing values are None in text and
        dates, NaN in floats, NA in integers and booleans, NaT in times.

        Raises NotFoundError for an unknown layer and InputError for an
        undeclared field.
        """
        spec = _spec(layer_id)
        what = f"Reading layer {layer_id} failed"
        with clear_errors(what), self._snapshot() as connection, snapshot_reader(connection, what) as read:
            return read_frame(connection, read, spec, where or {}, ids)

    def write_layer(
        self,
        layer_id: str,
        frame: gpd.GeoDataFrame,
        *,
        mode: Mode,
        source_name: str,
        source_sha256: str,
        report: dict[str, Any],
        rejects: pd.DataFrame,
        seen: int | None = None,
    ) -> LayerVersion:
        """Load features (EPSG:4548) into a layer in one transaction and return its new version.

        `rejects` has one row per refused source row: `row`, `reason`,
        `attributes` (dict or None), `wkt` (text or None). Readers see the old
        layer or the new one. Raises InputError for what cannot be stored, such
        as a repeated key, and BusyError while another load of the layer runs, and
        where the layer has another version than the one `seen` (0: none yet).
        """
        spec = _spec(layer_id)
        staged = loading.staged_frame(spec, frame)
        with clear_errors(f"Loading layer {layer_id} failed"):
            with self._transaction() as connection:
                loading.claim_layer(connection, layer_id)
                number = loading.next_version(connection, spec)
                if seen is not None and number != seen + 1:
                    raise BusyError(f"Layer {layer_id} was changed by others meanwhile: import again.")
                projects.log_loaded(connection, layer_id, number, staged, mode)
                count, changed = loading.swap(connection, spec, staged, mode, number)
                source = (source_name, source_sha256)
                version = loading.record(
                    connection, spec, number, mode, (count, changed), source, report, rejects
                )
                self.fit_access(connection)
            self._analyze(LAYER_TABLES[layer_id])
            if layer_id == "parcel":
                self._analyze(PARCEL_TILE)
        return version

    @contextmanager
    def editing(self, layer_id: str) -> Iterator[Editing]:
        """Give a way to change a feature of a layer in one transaction; readers see nothing before its end.

        Raises BusyError while a load of the layer runs, and NotFoundError where it was never loaded.
        """
        with clear_errors(f"Editing layer {layer_id} failed"), self._transaction() as connection:
            yield Editing(connection, _spec(layer_id), self.read)
            self.fit_access(connection)

    def write_raster(
        self, layer_id: str, raster: Raster, *, source_name: str, source_sha256: str, report: dict[str, Any]
    ) -> LayerVersion:
        """Put a raster in the place of the loaded one in one transaction and return its new version.

        Its `feature_count` is the number of cells with a value. Raises BusyError while another
        load of the raster runs, and NotFoundError for an unknown one.
        """
        if layer_id not in RASTERS:
            raise NotFoundError(f"There is no raster {layer_id!r}; the rasters are {', '.join(RASTERS)}.")
        spec, content = RASTERS[layer_id], rasters.encoded(raster)
        cells = int(np.count_nonzero(~np.isnan(raster.values)))
        with clear_errors(f"Loading layer {layer_id} failed"), self._transaction() as connection:
            loading.claim_layer(connection, layer_id)
            number = loading.next_version(connection, spec)
            rasters.write(connection, layer_id, number, content)
            source = (source_name, source_sha256)
            version = loading.record(
                connection, spec, number, "replace", (cells, None), source, report, pd.DataFrame()
            )
            self.fit_access(connection)
        return version

    def extent(self, layer_id: str) -> Box | None:
        """Return the box around a layer; None where it has no outlines."""
        query = sql.SQL(
            "SELECT ST_XMin(b), ST_YMin(b), ST_XMax(b), ST_YMax(b) "
            "FROM (SELECT ST_Extent(geom) AS b FROM {}) AS t"
        ).format(qualified(LAYER_TABLES[layer_id]))
        with clear_errors(f"Reading layer {layer_id} failed"), self._snapshot() as connection:
            row = raw(connection).execute(query).fetchone()
        return None if row is None or row[0] is None else (row[0], row[1], row[2], row[3])

    def layer_versions(self) -> dict[str, LayerVersion]:
        """Return the latest version of every loaded layer and raster; one never loaded is absent."""
        with clear_errors("Reading the layer versions failed"), self._snapshot() as connection:
            return versions.latest(connection)

    def resources(self, known: Resources | None = None) -> Resources:
        """Return every loaded layer except `parcel`, all of one moment; what is `known` is not read again."""
        with self.moment() as moment:
            return moment.resources(known)

    @contextmanager
    def moment(self) -> Iterator[Moment]:
        """Give what a run reads, all of one moment."""
        what = "Reading the layers failed"
        with clear_errors(what), self._snapshot() as connection, snapshot_reader(connection, what) as read:
            loaded, run = versions.latest(connection), results.latest_run(connection)
            yield Moment(connection, loaded, run, read)

    @contextmanager
    def past(self, when: datetime | int) -> Iterator[Past]:
        """Give the layers and results of a time, or those of a run by its number, all of one moment.

        Raises NotFoundError for a run that is not there.
        """
        what = "Reading what was failed"
        with clear_errors(what), self._snapshot() as connection, snapshot_reader(connection, what) as read:
            yield past_of(connection, read, when)

    def versions(
        self, targets: Iterable[str], most: int = 100, before: datetime | None = None
    ) -> list[Version]:
        """Return the last versions of layers, rasters and rule sets, or those before a time; newest first."""
        with clear_errors("Reading the versions failed"), self._snapshot() as connection:
            return versions.log(connection, targets, most, before)

    @contextmanager
    def writing_results(self) -> Iterator[ResultWriter]:
        """Give a writer of results whose work is one transaction; readers see the old ones until its end.

        Raises BusyError while another run writes, and InputError for results that cannot be stored.
        """
        with clear_errors("Saving the results failed"):
            with self._transaction() as connection:
                with ResultWriter(connection, self._emptied) as writer:
                    yield writer
                self.fit_access(connection)
            if writer.refilled is not None:
                # A small sample does for the few plans there are, in a tenth of the time.
                self._analyze(writer.refilled, target=10)

    def save_results(self, facts: pd.DataFrame, verdicts: pd.DataFrame, run: RunRecord) -> int:
        """Replace the stored results by those of `run` in one transaction and return its id.

        Both frames are indexed by parcel id and have exactly the columns of
        `gis.vocabulary` FACTS and VERDICTS.
        """
        if not facts.index.equals(verdicts.index):
            raise InputError("Facts and verdicts must have the same parcels in the same order.")
        with self.writing_results() as writer:
            writer.clear()
            writer.add(facts.index, results.checked(facts, FACTS), results.checked(verdicts, VERDICTS))
            saved = writer.finish(run)
        return int(saved.run_id or 0)

    def latest_run(self) -> RunRecord | None:
        """Return the run whose results are stored, None before the first."""
        with clear_errors("Reading the latest run failed"), self._snapshot() as connection:
            return results.latest_run(connection)

    def result_rows(self, parcel_ids: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return facts and verdicts of parcels in the order asked for; those without results are absent."""
        with clear_errors("Reading results failed"), self._snapshot() as connection:
            return results.rows(connection, parcel_ids)

    def recommended_counts(self) -> dict[tuple[str | None, str | None], int]:
        """Return how many parcels have which technology recommended, and with which status."""
        query = (
            "SELECT recommended, recommended_status, count(*) FROM result.parcel_suitability GROUP BY 1, 2"
        )
        with clear_errors("Reading results failed"), self._snapshot() as connection:
            return {(row[0], row[1]): row[2] for row in connection.exec_driver_sql(query)}

    def state(self) -> tuple[dict[str, LayerVersion], RunRecord | None]:
        """Return `layer_versions()` and `latest_run()` of one moment."""
        with clear_errors("Reading the versions failed"), self._snapshot() as connection:
            return versions.latest(connection), results.latest_run(connection)

    def scored_parcel(self, parcel_id: str) -> ScoredParcel:
        """Return the stored facts and verdicts of one parcel with the run they come from.

        Raises NotFoundError when there are no results, or none of this parcel.
        """
        with clear_errors("Reading results failed"):
            return self._parcels.read(parcel_id)

    def save_ruleset(self, hash: str, id: str, as_of: date, content: dict[str, Any]) -> None:
        """Keep the content of a rule set under its hash; saving it again changes nothing."""
        row = {"hash": hash, "id": id, "as_of": as_of, "content": content, "author": audit.actor()}
        with clear_errors(f"Saving rule set {id} failed"), self._transaction() as connection:
            connection.execute(insert(RULESET).values(row).on_conflict_do_nothing())

    def ruleset_content(self, hash: str) -> dict[str, Any]:
        """Return the content of a saved rule set; NotFoundError when there is none of this hash."""
        with clear_errors("Reading a rule set failed"), self._snapshot() as connection:
            found = connection.scalar(sa.select(RULESET.c.content).where(RULESET.c.hash == hash))
        if found is None:
            raise NotFoundError(f"No rule set with hash {hash} is stored.")
        return dict(found)

    def ruleset_ids(self) -> list[str]:
        """Return the ids of rule sets that were ever stored."""
        with clear_errors("Reading the rule sets failed"), self._snapshot() as connection:
            return list(connection.scalars(sa.select(RULESET.c.id).distinct().order_by(RULESET.c.id)))

    def save_match(self, record: MatchRecord, parts: dict[str, pd.DataFrame]) -> MatchRecord:
        """Put a matching run in the place of the last of its scenario, and return it as saved.

        `parts` has the frames `sources`, `segments`, `parcels` and `connections` with the columns
        of `gis.matching.columns`. Raises BusyError while another run is being saved.
        """
        with clear_errors("Saving the matching run failed"):
            with self._transaction() as connection:
                saved = matches.write(connection, record, parts)
                self.fit_access(connection)
            for table in matches.PARTS.values():
                self._analyze(table)
        return saved

    def matches(self) -> list[MatchRecord]:
        """Return the matching runs, the last of every scenario, by name."""
        with clear_errors("Reading the matching runs failed"), self._snapshot() as connection:
            return matches.latest(connection)

    def match(self, scenario: str) -> MatchRecord:
        """Return the matching run of a scenario; NotFoundError where there is none."""
        with clear_errors("Reading a matching run failed"), self._snapshot() as connection:
            return matches.one(connection, scenario)

    def match_part(self, name: str, scenario: str, **where: Sequence[Any]) -> pd.DataFrame:
        """Return the `sources`, `segments`, `parcels` or `connections` of a matching run, sorted by key.

        `where` asks for some values of columns. Raises NotFoundError where there is no such run.
        """
        with clear_errors("Reading a matching run failed"), self._snapshot() as connection:
            matches.one(connection, scenario)
            return matches.part(connection, name, scenario, where)

    def matched_parcel(self, scenario: str, parcel_id: str, most_holders: int) -> MatchedParcel:
        """Return what a matching run tells of a parcel, with its largest holders, all of one moment.

        Raises NotFoundError where there is no such run, or none of this parcel.
        """
        with clear_errors("Reading a matching run failed"), self._snapshot() as connection:
            return matches.parcel(connection, scenario, parcel_id, most_holders)

    def match_changes(self, scenario: str, other: str) -> list[MatchChange]:
        """Return how many parcels have which main technology in the run `other` and in `scenario`.

        Raises NotFoundError where one of the runs is not there.
        """
        with clear_errors("Reading a matching run failed"), self._snapshot() as connection:
            return matches.against(connection, scenario, other)


def _spec(layer_id: str) -> LayerSpec:
    if layer_id not in LAYERS:
        raise NotFoundError(f"There is no layer {layer_id!r}; the layers are {', '.join(LAYERS)}.")
    return LAYERS[layer_id]
