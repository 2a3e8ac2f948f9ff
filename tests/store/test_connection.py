"""Stores by URL, and what is said when they cannot be had."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from geopandas.testing import assert_geodataframe_equal

from gis.errors import OneMapError, StoreError
from gis.settings import Settings
from gis.store import Store, open_store
from tests.store.frames import LOAD, layer_frame

Databases = Callable[[str], sa.URL]


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_a_store_by_url(empty_store: Store, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    url = empty_store.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("ONEMAP_DATABASE_URL", url.replace("postgresql+psycopg", scheme, 1))
    frame = layer_frame("green_space", 5)
    with open_store() as by_url:
        by_url.write_layer("green_space", frame, mode="replace", **LOAD)
    assert_geodataframe_equal(empty_store.read("green_space"), frame)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            "postgresql://me:geheim@127.0.0.1:1/db",
            "db at 127.0.0.1:1 cannot be used: the database does not answer",
        ),
        ("postgresql://me:geheim@nowhere.invalid/db", "db at nowhere.invalid:5432 cannot be used"),
        ("postgresql:///db?host=/nowhere&password=geheim", "db at /nowhere:5432 cannot be used"),
        ("mysql://me:geheim@host/db", "not a PostgreSQL URL"),
        ("geheim", "not a PostgreSQL URL"),
        ("postgresql://me:geheim@host:port/db", "not a PostgreSQL URL"),
    ],
)
def test_a_wrong_url_is_one_sentence_without_the_password(url: str, sentence: str) -> None:
    with pytest.raises(StoreError, match=sentence) as caught:
        open_store(Settings(database_url=url))
    assert "geheim" not in str(caught.value)
    assert "\n" not in str(caught.value)


@contextmanager
def _changed(store: Store, change: str, back: str) -> Iterator[Settings]:
    """Settings that point at the database of `store` while it is changed."""
    with store.engine.begin() as connection:
        connection.execute(sa.text(change))
    try:
        yield Settings(database_url=store.engine.url.render_as_string(hide_password=False))
    finally:
        with store.engine.begin() as connection:
            connection.execute(sa.text(back))


def test_postgis_must_be_on_the_search_path(empty_store: Store) -> None:
    change = "ALTER DATABASE second SET search_path = meta"
    with (
        _changed(empty_store, change, "ALTER DATABASE second RESET search_path") as settings,
        pytest.raises(StoreError, match="off the search path"),
    ):
        open_store(settings)


def test_a_user_without_rights_is_told_so(empty_store: Store) -> None:
    change = "CREATE ROLE guest NOLOGIN; ALTER DATABASE second SET role = guest"
    back = "ALTER DATABASE second RESET role; DROP ROLE guest"
    with (
        _changed(empty_store, change, back) as settings,
        pytest.raises(StoreError, match="the database user lacks a right"),
    ):
        open_store(settings)


def test_an_old_postgis_is_refused(empty_store: Store) -> None:
    # The catalogue is what tells the version; no server here has one that old.
    change = "UPDATE pg_extension SET extversion = '3.2.9' WHERE extname = 'postgis'"
    with empty_store.engine.connect() as connection:
        version = connection.scalar(sa.text("SELECT extversion FROM pg_extension WHERE extname = 'postgis'"))
    with (
        _changed(empty_store, change, change.replace("3.2.9", version)) as settings,
        pytest.raises(StoreError, match=r"PostGIS 3.2.9, but OneMap needs 3.3"),
    ):
        open_store(settings)


def test_an_old_postgresql_is_refused(empty_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gis.store.connection._POSTGRESQL_MIN", 99)
    with (
        _changed(empty_store, "SELECT 1", "SELECT 1") as settings,
        pytest.raises(StoreError, match=r"is PostgreSQL \d+, but OneMap needs 14"),
    ):
        open_store(settings)


def test_two_programs_migrate_one_database(new_database: Databases) -> None:
    settings = Settings(database_url=new_database("contested").render_as_string(hide_password=False))
    failures: list[OneMapError] = []

    def use() -> None:
        try:
            open_store(settings).close()
        except OneMapError as error:
            failures.append(error)

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_only_other_modules_queries_are_limited_in_time(store: Store) -> None:
    url = store.engine.url.render_as_string(hide_password=False)
    with (
        open_store(Settings(database_url=url, statement_timeout_s=0.2)) as hasty,
        hasty.engine.connect() as connection,
        pytest.raises(sa.exc.OperationalError, match="statement timeout"),
    ):
        connection.execute(sa.text("SELECT pg_sleep(2)"))
