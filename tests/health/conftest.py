"""The town in a database of its own, to which faults are done and undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from gis.store import Store, open_store
from layers import LAYERS
from tests.conftest import NewDatabase, at
from tests.health.town import load


@pytest.fixture(scope="session")
def loaded_town(new_database: NewDatabase) -> Iterator[Store]:
    """The town with all its layers, and copies of their tables."""
    with open_store(at(new_database("health"))) as store:
        for layer in LAYERS:
            load(store, layer)
        with store.engine.begin() as connection:
            connection.execute(sa.text("CREATE SCHEMA kept"))
            for table in (*(f"layer.{layer}" for layer in LAYERS), "meta.layer_version"):
                connection.execute(sa.text(f"CREATE TABLE kept.{table.split('.')[1]} AS TABLE {table}"))
        yield store


@pytest.fixture
def town(loaded_town: Store) -> Iterator[Store]:
    """The town, which is as it was after each test."""
    yield loaded_town
    tables = [f"layer.{layer}" for layer in LAYERS] + ["meta.layer_version"]
    made = [f"history.{layer}" for layer in LAYERS] + ["meta.layer_check", "layer.raster"]
    with loaded_town.engine.begin() as connection:
        for table in (*made, *tables):
            connection.execute(sa.text(f"DELETE FROM {table}"))
        for table in tables:
            connection.execute(sa.text(f"INSERT INTO {table} SELECT * FROM kept.{table.split('.')[1]}"))
        loaded_town.fit_access(connection)
