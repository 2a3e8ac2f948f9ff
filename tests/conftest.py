"""A real PostGIS for the tests: the embedded store in a folder that the `postgres` user can enter too."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from gis.rules import load_ruleset
from gis.runs import load_sample, score_store
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
def new_database(store: Store) -> Iterator[Callable[[str], sa.URL]]:
    """Make an empty database of a given name in the cluster of `store`; dropped at the end."""
    made: list[str] = []

    def command(text: str) -> None:
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text(text))

    def make(name: str) -> sa.URL:
        command(f"CREATE DATABASE {name} TEMPLATE template0")
        made.append(name)
        return store.engine.url.set(database=name)

    yield make
    for name in made:
        command(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def second_database(new_database: Callable[[str], sa.URL]) -> Iterator[Store]:
    """A store in a database of its own in the same cluster, opened by URL."""
    url = new_database("second").render_as_string(hide_password=False)
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


@pytest.fixture(scope="session")
def scored(store: Store) -> Store:
    """The sample city, imported and scored, in the session's first database; not to be written to."""
    if store.latest_run() is None:
        load_sample(store)
        score_store(store, load_ruleset())
    return store
