"""Stores by URL, and what is said when they cannot be had."""

from __future__ import annotations

import threading
from collections.abc import Callable

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


def _prepared(url: sa.URL, *commands: str) -> Settings:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for command in commands:
            connection.execute(sa.text(command))
    engine.dispose()
    return Settings(database_url=url.render_as_string(hide_password=False))


def test_postgis_must_be_on_the_search_path(new_database: Databases) -> None:
    settings = _prepared(
        new_database("elsewhere"), "CREATE SCHEMA gis", "CREATE EXTENSION postgis SCHEMA gis"
    )
    with pytest.raises(StoreError, match="off the search path"):
        open_store(settings)


def test_a_user_without_rights_is_told_so(new_database: Databases) -> None:
    commands = (
        "CREATE EXTENSION postgis",
        "CREATE ROLE guest NOLOGIN",
        "ALTER DATABASE guarded SET role = guest",
    )
    with pytest.raises(StoreError, match="the database user lacks a right"):
        open_store(_prepared(new_database("guarded"), *commands))


def test_an_old_postgis_is_refused(new_database: Databases) -> None:
    # The catalogue is what tells the version; no server here has one that old.
    commands = (
        "CREATE EXTENSION postgis",
        "UPDATE pg_extension SET extversion = '3.2.9' WHERE extname = 'postgis'",
    )
    with pytest.raises(StoreError, match=r"PostGIS 3.2.9, but OneMap needs 3.3"):
        open_store(_prepared(new_database("antique"), *commands))


def test_two_programs_migrate_one_database(new_database: Databases) -> None:
    settings = _prepared(new_database("contested"))
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
