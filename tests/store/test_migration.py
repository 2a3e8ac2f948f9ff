"""The migrated database is the declared one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from api.commands_serve import prepare
from api.health import readiness
from gis.errors import StoreError
from gis.jobs import waiting
from gis.rules import load_ruleset
from gis.runs import Runs
from gis.settings import Settings
from gis.store import Store, grants, open_store
from gis.store.migrate import HEAD, REVISIONS, differences, upgrade
from tests.conftest import NewDatabase, at
from tests.store.frames import results, run_record
from tests.store.old_stores import FEATURES, filled, in_common, lasting, migrated, rows


def test_the_migrations_make_what_is_declared(store: Store) -> None:
    with store.engine.connect() as connection:
        assert differences(connection) == []


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE layer.parcel DROP COLUMN population",
        "ALTER TABLE layer.parcel ADD COLUMN extra text",
        "ALTER TABLE layer.parcel ALTER COLUMN population TYPE real",
        "ALTER TABLE layer.parcel ALTER COLUMN geom TYPE geometry(MultiPolygon, 4326) "
        "USING ST_SetSRID(geom, 4326)",
        "ALTER TABLE layer.water_intake_zone ALTER COLUMN zone_class DROP NOT NULL",
        "DROP INDEX layer.parcel_geom_idx",
        "CREATE TABLE result.stray (a int)",
    ],
)
def test_the_comparison_finds_a_difference(store: Store, change: str) -> None:
    with store.engine.connect() as connection:
        connection.execute(sa.text(change))
        assert differences(connection) != []
        connection.rollback()


def test_opening_again_changes_nothing(empty_store: Store) -> None:
    url = empty_store.engine.url.render_as_string(hide_password=False)
    with empty_store.engine.connect() as connection:
        # A table of results that was emptied for the next run has no index until that run fills it.
        before = [str(found) for found in differences(connection)]
    with open_store(Settings(database_url=url)) as again, again.engine.connect() as connection:
        assert [str(found) for found in differences(connection)] == before


def test_a_database_of_a_newer_onemap_is_refused(empty_store: Store) -> None:
    url = empty_store.engine.url.render_as_string(hide_password=False)
    with empty_store.engine.begin() as connection:
        head = connection.scalar(sa.text("SELECT version_num FROM meta.alembic_version"))
        connection.execute(sa.text("UPDATE meta.alembic_version SET version_num = 'ffff'"))
    try:
        with pytest.raises(StoreError, match="revision ffff, which this OneMap does not know"):
            open_store(Settings(database_url=url))
    finally:
        with empty_store.engine.begin() as connection:
            connection.execute(sa.text("UPDATE meta.alembic_version SET version_num = :head"), {"head": head})


@pytest.fixture(scope="module")
def released(new_database: NewDatabase) -> Iterator[sa.Engine]:
    """A database with nothing but PostGIS in it, to which every test leaves it again."""
    engine = sa.create_engine(new_database("released"))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE EXTENSION postgis")
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def features(store: Store, sample: str) -> Iterator[sa.Engine]:
    """The layers of the sample city."""
    engine = sa.create_engine(store.engine.url.set(database=sample))
    yield engine
    engine.dispose()


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_schema_is_upgraded_with_what_is_in_it(
    released: sa.Engine, features: sa.Engine, revision: str
) -> None:
    with released.connect() as connection:
        migrated(connection, revision)
        before = filled(connection, features)
        upgrade(connection)
        grants.prepare(connection, {})
        assert differences(connection) == []
        kept = lasting(before, revision)
        assert {"meta.layer_version", "meta.ruleset", "meta.reject", "layer.parcel"} <= set(kept)
        after = rows(connection, kept)
        for name in kept:
            then, now = in_common(before, after, name)
            assert now == then, name
        connection.rollback()


@pytest.mark.parametrize("revision", ["0001", "0009", HEAD])
def test_a_store_of_an_earlier_schema_is_scored_when_it_is_served(
    new_database: NewDatabase, features: sa.Engine, revision: str
) -> None:
    url = new_database(f"served_{revision}")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        migrated(connection, revision)
        before = filled(connection, features)
    engine.dispose()
    with open_store(at(url)) as store:
        results_kept = revision >= "0003"
        assert (store.latest_run() is not None) == results_kept
        assert isinstance(readiness(store), str) != results_kept
        prepare(store, sample=False)
        # What was there is served meanwhile.
        assert (waiting(store, "score") is not None) == results_kept
        if results_kept:
            Runs(store).score(load_ruleset())
        run = store.latest_run()
        assert run is not None
        assert run.parcel_count == run.scored_count == FEATURES
        # The new columns stand behind the old ones in the database: values go by name.
        key = str(before["layer.parcel"][0]["parcel_id"])
        assert store.scored_parcel(key).facts["season_d"] is not None
        assert not isinstance(readiness(store), str)


def test_results_of_another_vocabulary_are_dropped_when_the_store_is_opened(
    new_database: Callable[[str], sa.URL],
) -> None:
    url = new_database("vocabulary").render_as_string(hide_password=False)
    settings = Settings(database_url=url.replace("+psycopg", ""))
    facts, verdicts = results(["a", "b"])
    with open_store(settings) as store:
        store.save_results(facts, verdicts, run_record(2))
    with open_store(settings) as store:
        assert store.latest_run() is not None
        with store.engine.begin() as connection:
            # As a program with one fact less would have left it.
            connection.exec_driver_sql("DROP VIEW result.parcel_fact")
            connection.exec_driver_sql("CREATE VIEW result.parcel_fact AS SELECT 1 AS gone")
            connection.exec_driver_sql("ALTER TABLE result.parcel_row DROP COLUMN area_m2 CASCADE")
            connection.exec_driver_sql("COMMENT ON TABLE result.parcel_row IS 'layout of before'")
    with open_store(settings) as store:
        with store.engine.connect() as connection:
            assert differences(connection) == []
            assert connection.scalar(sa.text("SELECT count(*) FROM result.word")) == 0
        assert store.latest_run() is None
        store.save_results(facts, verdicts, run_record(2))
        assert store.result_rows(["a", "b"])[0].equals(facts)


def test_the_newest_revision_is_that_of_the_last_file() -> None:
    config = Config()
    config.set_main_option("script_location", "gis.store:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD
