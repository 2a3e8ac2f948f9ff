"""A small town in a database of its own, and a place for the files of its jobs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from gis.ingest import import_file
from gis.settings import Settings
from gis.store import Store, open_store
from tests.api.shapes import random_features
from tests.conftest import at

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"


@pytest.fixture(scope="session")
def town(new_database: Callable[..., sa.URL], shared_dir: Path) -> Iterator[Store]:
    """Forty parcels in their districts, nothing scored."""
    file = shared_dir / "forty.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": random_features(40, seed=3)}))
    with open_store(at(new_database("village"))) as store:
        for layer in ("district", "shallow_geothermal_zone"):
            import_file(store, layer, SAMPLE / f"{layer}.geojson")
        import_file(store, "parcel", file)
        yield store
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM job.procrastinate_jobs").scalar_one() == 0
    store.engine.dispose()


@pytest.fixture(scope="module")
def job_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings whose data folder is empty."""
    return Settings(data_dir=tmp_path_factory.mktemp("jobs"))
