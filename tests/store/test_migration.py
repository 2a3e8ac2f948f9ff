"""The migrated database is the declared one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from api.commands_serve import prepare
from api.health import readiness
from gis.errors import StoreError
from gis.ingest import import_file
from gis.settings import Settings
from gis.store import Store, open_store
from gis.store.migrate import HEAD, differences
from tests.api.shapes import random_features
from tests.store.frames import results, run_record

# A result of the first schema, as its release wrote it.
OLD_RESULT = """
    INSERT INTO result.parcel_fact (parcel_id, area_m2, heat_load_kw) VALUES ('T-0001', 1.0, 2.0);
    INSERT INTO result.parcel_suitability (parcel_id, recommended) VALUES ('T-0001', 'air_source');
    INSERT INTO result.parcel_tile (parcel_id, geom, recommended)
        SELECT parcel_id, ST_Transform(geom, 3857), 'air_source' FROM layer.parcel WHERE parcel_id = 'T-0001';
    INSERT INTO meta.run (ruleset_id, ruleset_hash, as_of, layer_versions, parcel_count, software)
        VALUES ('beijing', 'ab', '2026-06-01', '{"parcel": 1}', 6, 'heat-onemap 0.1.0');
"""
RESULTS = ("result.parcel_fact", "result.parcel_suitability", "result.parcel_tile", "meta.run")


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


@pytest.fixture(scope="module", params=["0001", "0002"])
def upgraded(
    request: pytest.FixtureRequest, new_database: Callable[[str], sa.URL], shared_dir: Path
) -> Iterator[Store]:
    """A store of an earlier schema with six parcels and their results, opened by this program."""
    url = new_database(f"upgraded_{request.param}").render_as_string(hide_password=False)
    settings = Settings(database_url=url.replace("+psycopg", ""))
    file = shared_dir / f"six_{request.param}.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": random_features(6, seed=2)}))
    with open_store(settings) as store:
        import_file(store, "parcel", file, mode="replace", on_error="abort")
        config = Config()
        config.set_main_option("script_location", "gis.store:migrations")
        with store.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.downgrade(config, request.param)
            connection.exec_driver_sql(OLD_RESULT)
            counts = [connection.scalar(sa.text(f"SELECT count(*) FROM {name}")) for name in RESULTS]
            assert counts == [1, 1, 1, 1]
    with open_store(settings) as store:
        yield store


def test_an_upgrade_keeps_layers_and_drops_results(upgraded: Store) -> None:
    with upgraded.engine.connect() as connection:
        assert differences(connection) == []
        counts = [connection.scalar(sa.text(f"SELECT count(*) FROM {name}")) for name in RESULTS]
    assert counts == [0, 0, 6, 0]  # the tiles have come with the parcels
    parcels = upgraded.read("parcel")
    assert len(parcels) == 6
    assert upgraded.latest_run() is None
    assert readiness(upgraded) == "The parcels are not scored yet; run `onemap score`."


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


def test_an_upgraded_store_is_scored_when_it_is_served(upgraded: Store) -> None:
    prepare(upgraded, sample=False)
    run = upgraded.latest_run()
    assert run is not None
    assert run.run_id == 2
    assert run.parcel_count == 6
    # The new columns stand behind the old ones in the database: values go by name.
    assert upgraded.scored_parcel("T-0001").facts["season_d"] is not None
    facts, verdicts = results(upgraded.read("parcel")["parcel_id"].tolist())
    upgraded.save_results(facts, verdicts, run)
    found = upgraded.result_rows(list(facts.index))
    assert found[0].equals(facts)
    assert found[1].equals(verdicts)


def test_the_newest_revision_is_that_of_the_last_file() -> None:
    config = Config()
    config.set_main_option("script_location", "gis.store:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD
