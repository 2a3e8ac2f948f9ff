"""A small city to be broken: files to import, and databases in every state that a program begins with."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from gis.batch import partition_parcels
from gis.citywide import match_store
from gis.ingest import import_file
from gis.rules import load_ruleset
from gis.runs import SAMPLE_DIR, Runs, load_sample
from gis.store import open_store
from tests.conftest import at

PARCELS = 300
OLD_SCHEMA = "0009"
RASTER = "ground_temperature"


@dataclass(frozen=True)
class City:
    """Where the databases of a small city are, and its files.

    `scored` is whole: layers, a raster, results, a matching run and the ground's potential. In `moved`
    a main was moved since the run; `old` has the schema of an earlier release.
    """

    server: sa.URL
    files: Path
    scored: str = "faults_scored"
    moved: str = "faults_moved"
    old: str = "faults_old"

    def url(self, name: str) -> sa.URL:
        """Return the URL of a database."""
        return self.server.set(database=name)

    def copy(self, template: str, name: str) -> sa.URL:
        """Make a database as a copy of one that nobody uses, in the place of what has the name."""
        self.drop(name)
        # Small files are quicker copied than written to the log.
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove a database, with whoever uses it."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def execute(self, text: str) -> None:
        """Run a command outside of any transaction."""
        engine = sa.create_engine(self.server, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(text)


def made_city(server: sa.URL, files: Path) -> City:
    """Make the files and databases of the city."""
    city = City(server, files)
    _write_files(files)
    city.execute(f"CREATE DATABASE {city.scored} TEMPLATE template0")
    ruleset = load_ruleset()
    with open_store(at(city.url(city.scored))) as store:
        load_sample(store, folder=files)
        import_file(store, RASTER, SAMPLE_DIR / f"{RASTER}.tif", on_error="abort")
        Runs(store).score(ruleset)
        match_store(store, ruleset)
    with open_store(at(city.copy(city.scored, city.moved))) as store:
        import_file(
            store, "reclaimed_water_pipeline", files / "mains.geojson", mode="upsert", on_error="abort"
        )
    with open_store(at(city.copy(city.scored, city.old)), migrate=False) as store:
        downgrade(store.engine, OLD_SCHEMA)
    return city


def downgrade(engine: sa.Engine, revision: str) -> None:
    """Take a database back to the schema of an earlier release, with its data."""
    config = Config()
    config.set_main_option("script_location", "gis.store:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def _write_files(files: Path) -> None:
    """Write a sample of fewer parcels, and what is imported after it."""
    shutil.copytree(SAMPLE_DIR, files, ignore=shutil.ignore_patterns("known", "sample_city", "*.py", "*.md"))
    all_parcels = gpd.read_parquet(files / "parcel.parquet")
    drawn = all_parcels.sample(PARCELS + 30, random_state=1).reset_index(drop=True)
    first, more = drawn.iloc[:PARCELS], drawn.iloc[PARCELS:]
    first.to_parquet(files / "parcel.parquet")
    more.to_parquet(files / "more.parquet")
    # Some are gone, some have moved, some are new.
    moved = first.iloc[:40]
    changed = [moved.set_geometry(moved.translate(30.0, 0.0)), first.iloc[40:280], more.iloc[:10]]
    together = gpd.GeoDataFrame(_stacked(changed), crs=first.crs)
    together.to_parquet(files / "others.parquet")
    mains = gpd.read_file(files / "reclaimed_water_pipeline.geojson").iloc[:5]
    mains.set_geometry(mains.translate(0.003, 0.0)).to_file(files / "mains.geojson")
    _write_measured(files)
    partition_parcels(files / "parcel.parquet", files / "parts")
    _write_resources(files)
    with rasterio.open(SAMPLE_DIR / f"{RASTER}.tif") as source:
        values, profile = source.read(1), source.profile
    with rasterio.open(files / "warmer.tif", "w", **profile) as target:
        target.write(values + 1, 1)


def _write_measured(files: Path) -> None:
    """Write half a year of hourly heat and electricity of the projects, some of it not to be taken."""
    ids = gpd.read_file(files / "heat_project.geojson")["项目编号"].tolist()
    times = pd.date_range("2024-10-01", "2025-03-31 23:00", freq="h")
    rng = np.random.default_rng(3)
    heat = rng.uniform(-0.5, 100.0, len(ids) * len(times))
    pd.DataFrame(
        {
            "heat_project_id": np.repeat(ids, len(times)),
            "time": np.tile(times, len(ids)),
            "heat_kwh": heat,
            "electricity_kwh": heat / 3.0,
        }
    ).to_parquet(files / "measured.parquet")


def _stacked(frames: list[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    return pd.concat(frames, ignore_index=True)


def _write_resources(files: Path) -> None:
    """Write the folder of what is around parcels: a file a layer, named by it."""
    folder = files / "around"
    folder.mkdir()
    for entry in json.loads((files / "manifest.json").read_text(encoding="utf-8"))["files"]:
        path = files / entry["file"]
        if (
            entry["layer"] != "parcel"
            and entry.get("mode", "replace") == "replace"
            and path.suffix == ".geojson"
        ):
            shutil.copy(path, folder / f"{entry['layer']}.geojson")
