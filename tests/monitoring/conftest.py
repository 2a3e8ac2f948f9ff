"""A city of a few projects and data centres whose values are known beforehand."""

from __future__ import annotations

from collections.abc import Iterator

import geopandas as gpd
import pandas as pd
import pytest
import shapely
import sqlalchemy as sa

from gis.crs import STORAGE_CRS
from gis.store import Store, open_store
from tests.conftest import NewDatabase, at

TABLES = (
    "heat_project_block",
    "data_centre_block",
    "heat_project_pair",
    "delivery",
    "replaced",
    "quarantine",
)


@pytest.fixture(scope="module")
def metered(new_database: NewDatabase) -> Iterator[Store]:
    """A store with four projects, of two of which the installed capacity is known, and a data centre."""
    with open_store(at(new_database("metered"))) as store:
        given = {"source_name": "made", "source_sha256": "0" * 64, "report": {}, "rejects": pd.DataFrame()}
        for layer, frame in {
            "heat_project": pd.DataFrame(
                {
                    "heat_project_id": ["HP-1", "HP-2", "HP-3", "HP-4"],
                    "installed_kw": [1000.0, 200.0, None, None],
                    "status": "running",
                }
            ),
            "data_centre": pd.DataFrame({"data_centre_id": ["DC-1"], "it_load_kw": [5000.0]}),
        }.items():
            places = shapely.points([[450_000.0 + 100 * i, 4_420_000.0] for i in range(len(frame))])
            features = gpd.GeoDataFrame(frame, geometry=places, crs=STORAGE_CRS)
            store.write_layer(layer, features, mode="replace", **given)
        yield store


@pytest.fixture
def meters(metered: Store) -> Store:
    """The store without any measured value."""
    with metered.engine.begin() as connection:
        connection.execute(
            sa.text(f"TRUNCATE {', '.join(f'monitoring.{name}' for name in TABLES)} RESTART IDENTITY")
        )
    return metered


def values_of(store: Store, layer: str = "heat_project") -> dict[tuple[str, str, str, str], float]:
    """Return all measured values as the database's own view has them: (feature, variable, period, time)."""
    query = sa.text(f"SELECT feature_id, variable, period, time::text, value FROM monitoring.{layer}_value")
    with store.engine.connect() as connection:
        return {tuple(row[:4]): row[4] for row in connection.execute(query)}


def contents(store: Store) -> dict[str, list[str]]:
    """Return every row of every table of measured values as text."""
    with store.engine.connect() as connection:
        return {
            name: sorted(
                row[0] for row in connection.execute(sa.text(f"SELECT t::text FROM monitoring.{name} AS t"))
            )
            for name in TABLES
        }
