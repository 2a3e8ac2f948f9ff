"""A real PostGIS for the tests: the embedded store in a folder that the `postgres` user can enter too."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import sqlalchemy as sa
from hypothesis import settings as examples
from xdist.scheduler.loadfile import LoadFileScheduling

from gis.citywide import Match, match_store
from gis.facts.surroundings import Surroundings
from gis.rules import RuleSet, load_ruleset
from gis.runs import Runs, load_sample
from gis.settings import Settings
from gis.store import Store, open_store, server
from gis.store.tables import SCHEMAS

# The same examples at every run, however busy the machine is.
examples.register_profile("seeded", derandomize=True, deadline=None)
# For long searches: pytest tests/fuzz --hypothesis-profile long.
examples.register_profile("long", max_examples=1000, deadline=None, print_blob=True)
examples.load_profile("seeded")

# A shell starts what runs in its background deaf to Ctrl-C, and so would be all programs that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

NewDatabase = Callable[..., sa.URL]

TOGETHER = {f"tests/runs/test_{name}.py": "tests/runs" for name in ("cli_past", "difference", "past")}
"""Files that share a fixture which takes a minute to make: one process runs them all."""


class _Sharing(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return TOGETHER.get(file, file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Sharing | None:
    """Share tests among processes file by file, where that is asked for."""
    return _Sharing(config, log) if config.getvalue("dist") == "loadfile" else None


def at(url: sa.URL) -> Settings:
    """Return the settings that name a database by its URL, as a user would write it."""
    return Settings(database_url=url.render_as_string(hide_password=False).replace("+psycopg", ""))


@pytest.fixture(scope="session")
def shared_dir() -> Iterator[Path]:
    """A temporary folder that any user may enter (pytest's own are closed to others)."""
    folder = Path(tempfile.mkdtemp(prefix="onemap-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def store(shared_dir: Path) -> Iterator[Store]:
    """The embedded store of the test session, which need not outlive a failure of the machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(server._SETTINGS, "fsync", "off")
        opened = open_store(Settings(database_url=None, data_dir=shared_dir / "data"))
    with opened:
        yield opened


@pytest.fixture(scope="session")
def new_database(store: Store) -> NewDatabase:
    """Make a database in the cluster of `store`: empty, or a copy of one that nobody uses.

    Test files share a cluster when one process runs both: a name that is taken gets a number.
    """
    taken: Counter[str] = Counter()

    def make(name: str, template: str = "template0") -> sa.URL:
        taken[name] += 1
        own = name if taken[name] == 1 else f"{name}_{taken[name]}"
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text(f"CREATE DATABASE {own} TEMPLATE {template}"))
        return store.engine.url.set(database=own)

    return make


@pytest.fixture(scope="session")
def second_database(new_database: NewDatabase) -> Iterator[Store]:
    """A store in a database of its own in the same cluster, opened by URL."""
    with open_store(at(new_database("second"))) as opened:
        yield opened


@pytest.fixture
def empty_store(second_database: Store) -> Store:
    """A store with no layer loaded and no result, independent of `store`."""
    tables = sa.inspect(second_database.engine)
    names = [f"{s}.{t}" for s in SCHEMAS for t in tables.get_table_names(schema=s)]
    names.remove("meta.alembic_version")
    with second_database.engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {', '.join(names)} RESTART IDENTITY"))
    return second_database


@pytest.fixture(scope="session")
def sample(new_database: NewDatabase) -> str:
    """The name of a database with the sample city imported and no result, to be copied."""
    url = new_database("sample")
    with open_store(at(url)) as opened:
        load_sample(opened)
    return str(url.database)


@pytest.fixture(scope="session")
def scored(new_database: NewDatabase, sample: str) -> Iterator[Store]:
    """The sample city, imported and scored; not to be written to."""
    with open_store(at(new_database("scored", sample))) as opened:
        Runs(opened).score(load_ruleset())
        yield opened


@dataclass(frozen=True)
class MatchedCity:
    """A store with its parcels, layers and the run of the base scenario."""

    store: Store
    parcels: gpd.GeoDataFrame
    around: Surroundings
    ruleset: RuleSet
    base: Match


@pytest.fixture(scope="session")
def matched_city(scored: Store, new_database: NewDatabase) -> Iterator[MatchedCity]:
    """The sample city, scored and matched, in a database of its own; runs of other scenarios may be added."""
    scored.engine.dispose()  # a database that is in use cannot be copied
    with open_store(at(new_database("matched", "scored"))) as store:
        ruleset = load_ruleset()
        base = match_store(store, ruleset)
        around = Surroundings(store.resources())
        yield MatchedCity(store, store.read("parcel"), around, ruleset, base)
