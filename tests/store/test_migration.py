"""The migrated database is the declared one."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from gis.errors import StoreError
from gis.settings import Settings
from gis.store import Store, open_store
from gis.store.migrate import differences


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
    with open_store(Settings(database_url=url)) as again, again.engine.connect() as connection:
        assert differences(connection) == []


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
