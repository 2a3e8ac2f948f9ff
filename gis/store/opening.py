"""Opening a store: which database, its newest form, and the roles that only read."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from gis.settings import Settings
from gis.store import grants
from gis.store.connection import check_postgis, clear_errors, external_url, make_engine, place
from gis.store.embedded import Cluster
from gis.store.migrate import upgrade, wait_for_turn
from gis.store.store import Store


def open_store(settings: Settings | None = None, *, migrate: bool = True) -> Store:
    """Open the store of `settings` (by default from the environment) and `migrate` it to the newest schema.

    Without a database URL the embedded cluster of the data folder is started,
    or joined when another program runs it already. Raises StoreError in one
    sentence when the database cannot be had; without `migrate` a database by URL is first asked on use.
    """
    settings = settings or Settings()
    if settings.database_url is not None:
        return _opened(external_url(settings.database_url), settings, None, migrate)
    cluster = Cluster(settings.data_dir)
    cluster.join()
    try:
        return _opened(cluster.url(), settings, cluster, migrate)
    except BaseException:
        cluster.leave()
        raise


def _opened(url: sa.URL, settings: Settings, cluster: Cluster | None, migrate: bool) -> Store:
    revive: Callable[[], None] | None = None if cluster is None else cluster.revive
    engine = make_engine(url, settings.statement_timeout_s, revive)

    def reader(of: sa.URL) -> sa.Engine:
        return make_engine(of, settings.statement_timeout_s, revive, read_only=True)

    if migrate:
        _prepare(engine, settings)
    return Store(engine, cluster, settings.layer_access, reader)


def _prepare(engine: sa.Engine, settings: Settings) -> None:
    try:
        with clear_errors(f"The database {place(engine.url)} cannot be used"), engine.begin() as connection:
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            wait_for_turn(connection)
            check_postgis(connection)
            upgrade(connection)
            grants.prepare(connection, settings.layer_access)
    except BaseException:
        engine.dispose()
        raise
