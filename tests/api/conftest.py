"""A scored sample city in a database of its own, and a client on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api.main import create_app
from gis.ingest import import_file
from gis.rules import load_ruleset
from gis.runs import Runs
from gis.settings import Settings
from gis.store import Store, open_store
from tests.api.shapes import random_features
from tests.conftest import at
from tests.working import working


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings with limits small enough to be reached by a test."""
    limits = {"max_body_bytes": 3_000_000, "max_body_features": 50, "max_body_vertices": 20_000}
    return Settings(anonymous="editor", data_dir=tmp_path_factory.mktemp("data"), **limits)


@pytest.fixture(scope="session")
def city(new_database: Callable[..., sa.URL], sample: str, shared_dir: Path) -> Iterator[Store]:
    """The sample and 60 random parcels, imported and scored."""
    url = new_database("city", sample).render_as_string(hide_password=False)
    with open_store(Settings(database_url=url)) as opened:
        drawn = shared_dir / "drawn.geojson"
        drawn.write_text(json.dumps({"type": "FeatureCollection", "features": random_features(60, seed=7)}))
        import_file(opened, "parcel", drawn, mode="append", on_error="abort")
        Runs(opened).score(load_ruleset())
        yield opened


@pytest.fixture(scope="session")
def town(new_database: Callable[..., sa.URL], sample: str) -> Iterator[Store]:
    """The sample city in a database of its own, not scored, to be changed."""
    with open_store(at(new_database("town", sample))) as opened:
        yield opened


@pytest.fixture(scope="session")
def client(city: Store, settings: Settings) -> Iterator[TestClient]:
    """A client on the sample city; a server error is an answer, not an exception."""
    with TestClient(create_app(city, settings), raise_server_exceptions=False) as made:
        yield made


@pytest.fixture(scope="module")
def worker(city: Store, settings: Settings) -> Iterator[None]:
    """A worker that does the jobs of the sample city."""
    with working(city, settings):
        yield
