"""`onemap store`: what it tells, and a city that moves from one machine to another."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from gis.store import Cluster
from gis.store.migrate import HEAD
from tests.api.shapes import random_features
from tests.api.test_cli import ONEMAP, SAMPLE, Cli, environment, free_port, sentence, wait_until_ready
from tests.conftest import NewDatabase, at
from tests.store.old_stores import migrated

PARCELS = 6


@pytest.fixture(scope="module")
def city(shared_dir: Path) -> Iterator[Cli]:
    """A store that stays up for the module, with six parcels and their scores."""
    folder = shared_dir / "moving"
    folder.mkdir()
    cli = Cli(folder)
    assert cli("store", "start").returncode == 0
    features = {"type": "FeatureCollection", "features": random_features(PARCELS, seed=5)}
    (folder / "parcels.geojson").write_text(json.dumps(features))
    for layer, file in (("district", SAMPLE / "district.geojson"), ("parcel", "parcels.geojson")):
        done = cli("import", layer, str(file))
        assert done.returncode == 0, done.stderr
    assert cli("score", "--as-of", "2026-06-01").returncode == 0
    yield cli
    assert cli("store", "stop").returncode == 0


@pytest.fixture(scope="module")
def dump(city: Cli) -> Path:
    done = city("store", "backup", "city.dump")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"schema {HEAD}, are in city.dump" in done.stdout
    assert "city.dump.json belongs to it" in done.stdout
    return city.folder / "city.dump"


@pytest.fixture(scope="module")
def moved(dump: Path, shared_dir: Path) -> Cli:
    """Another data folder, with the backup restored into it."""
    folder = shared_dir / "moved"
    folder.mkdir()
    cli = Cli(folder)
    done = cli("store", "restore", str(dump))
    assert (done.returncode, done.stderr) == (0, "")
    assert "tables are as city.dump.json tells" in done.stdout
    return cli


def test_status_tells_how_the_store_stands(city: Cli) -> None:
    found = json.loads(city("store", "status", "--json").stdout)
    assert found["embedded"]["running"]
    assert found["embedded"]["process"] == Cluster(city.data_dir).status().pid
    store = found["store"]
    assert (store["schema_revision"], store["newest_revision"], store["known"]) == (HEAD, HEAD, True)
    assert {layer: one["feature_count"] for layer, one in store["layers"].items()}["parcel"] == PARCELS
    assert store["latest_run"]["parcel_count"] == PARCELS
    assert store["latest_run"]["as_of"] == "2026-06-01"
    assert store["bytes"] > 1e6
    told = city("store", "status").stdout
    assert f"Schema {HEAD}, the newest" in told
    assert "6  v1" in told
    assert "6 parcels are scored with rule set beijing as of 2026-06-01 (run 1," in told


def test_status_and_backup_make_no_store(shared_dir: Path) -> None:
    cli = Cli(shared_dir)
    cli.data_dir = shared_dir / "nothing"
    assert "is not there yet" in cli("store", "status").stdout
    assert json.loads(cli("store", "status", "--json").stdout)["store"] is None
    assert "There is no store in" in sentence(cli("store", "backup", "none.dump"), 1)
    assert not (shared_dir / "none.dump").exists()
    assert not (cli.data_dir / "store").exists()


def test_status_migrates_nothing_and_upgrade_says_what_it_did(
    city: Cli, new_database: NewDatabase, moved: Cli
) -> None:
    url = new_database("earlier")
    address = str(at(url).database_url)
    assert "holds no store" in city("store", "status", ONEMAP_DATABASE_URL=address).stdout
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        migrated(connection, "0009")
    told = city("store", "status", ONEMAP_DATABASE_URL=address).stdout
    assert f"Schema 0009, the newest is {HEAD}: `onemap store upgrade`" in told
    assert "No layer is loaded\nNothing is scored" in told
    done = city("store", "upgrade", ONEMAP_DATABASE_URL=address).stdout
    assert done.startswith(f"The schema went from 0009 to {HEAD} in ")
    assert "nothing was to be done" in city("store", "upgrade", ONEMAP_DATABASE_URL=address).stdout
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE meta.alembic_version SET version_num = 'ffff'")
    engine.dispose()
    told = city("store", "status", ONEMAP_DATABASE_URL=address).stdout
    assert "Schema ffff, which this OneMap does not know: use a newer OneMap" in told
    assert "which this OneMap does not know" in sentence(
        city("store", "upgrade", ONEMAP_DATABASE_URL=address), 1
    )
    # An embedded server that was stopped is so again.
    assert "is stopped" in moved("store", "status").stdout
    assert not Cluster(moved.data_dir).status().running


def test_a_store_that_was_moved_gives_the_same_answers(city: Cli, moved: Cli) -> None:
    ids = [f"T-{number:04d}" for number in range(1, PARCELS + 1)]
    answers = [city("explain", one, "--json").stdout for one in ids]
    assert all(answers)
    assert [moved("explain", one, "--json").stdout for one in ids] == answers
    again = moved("score", "--as-of", "2026-06-01")
    assert "Nothing has changed since the last run: its results stand" in again.stdout
    assert "is not empty" in sentence(moved("store", "restore", str(city.folder / "city.dump")), 1)


def test_a_server_starts_on_it(city: Cli, moved: Cli) -> None:
    port, key = free_port(), moved("key", "make", "planner", "--role", "planner").stdout.strip()
    process = subprocess.Popen(
        [ONEMAP, "serve", "--port", str(port), "--no-sample", "--workers", "1"],
        env=environment(moved.data_dir), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        wait_until_ready(port, process)
        address = f"http://127.0.0.1:{port}/api/parcels/T-0002/suitability"
        with urllib.request.urlopen(
            urllib.request.Request(address, headers={"X-API-Key": key}), timeout=20
        ) as answer:
            found = json.load(answer)
        process.send_signal(signal.SIGTERM)
        output = process.communicate(timeout=30)[0].decode()
    finally:
        process.kill()
    assert found == json.loads(city("explain", "T-0002", "--json").stdout)
    assert "up to date" not in output


def test_wrong_files_are_one_sentence(city: Cli, dump: Path) -> None:
    assert "is there already" in sentence(city("store", "backup", "city.dump"), 1)
    assert "cannot be read (No such file or directory)" in sentence(city("store", "restore", "none"), 1)
    (city.folder / "file").write_text("")
    assert "cannot be written" in sentence(city("store", "backup", "file/city.dump"), 1)
    assert sorted(path.name for path in city.folder.glob("*city*")) == ["city.dump", "city.dump.json"]
