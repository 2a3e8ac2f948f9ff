"""A real PostGIS for the tests: the embedded store in a folder that the `postgres` user can enter too."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from gis.settings import Settings
from gis.store import Store, open_store


@pytest.fixture(scope="session")
def shared_dir() -> Iterator[Path]:
    """A temporary folder that any user may enter (pytest's own are closed to others)."""
    folder = Path(tempfile.mkdtemp(prefix="onemap-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def store(shared_dir: Path) -> Iterator[Store]:
    """The embedded store of the test session."""
    with open_store(Settings(database_url=None, data_dir=shared_dir / "data")) as opened:
        yield opened


@pytest.fixture(scope="session")
def second_database(store: Store) -> Iterator[Store]:
    """A store in a database of its own in the same cluster, opened by URL."""
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("CREATE DATABASE second TEMPLATE template0"))
    url = store.engine.url.set(database="second").render_as_string(hide_password=False)
    with open_store(Settings(database_url=url.replace("+psycopg", ""))) as opened:
        yield opened


@pytest.fixture
def empty_store(second_database: Store) -> Store:
    """A store with no layer loaded and no result, independent of `store`."""
    tables = sa.inspect(second_database.engine)
    names = [f"{s}.{t}" for s in ("layer", "result", "meta") for t in tables.get_table_names(schema=s)]
    names.remove("meta.alembic_version")
    with second_database.engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {', '.join(names)} RESTART IDENTITY"))
    return second_database
