"""Files of parcels from the command line: partitioned, scored and refused without any database."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import geopandas as gpd
import psutil
import pytest

from gis.ingest import read_mapped
from gis.runs import SAMPLE_DIR
from tests.api.test_cli import ONEMAP, Cli, environment, sentence

LAYERS = ("district", "shallow_geothermal_zone", "drilling_exclusion")


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """A folder with parcels of another office and the layers around them; nothing is stored."""
    (tmp_path / "around").mkdir()
    for layer in LAYERS:
        (tmp_path / "around" / f"{layer}.geojson").symlink_to(SAMPLE_DIR / f"{layer}.geojson")
    frame = gpd.read_parquet(SAMPLE_DIR / "parcel.parquet").iloc[::40]
    frame.to_crs(4490).to_file(tmp_path / "parcels.gpkg")
    return Cli(tmp_path)


def test_a_file_is_partitioned_and_scored_without_a_database(cli: Cli):
    done = cli("partition", "parcels.gpkg", "parts")
    assert done.returncode == 0, done.stderr
    assert "300 of 300 parcels of parcels.gpkg are in parts, 1 parts in EPSG:4548" in done.stdout
    assert "Columns: parcel_id <- " in done.stdout

    day = ("--as-of", "2026-06-01")
    folder = cli("score", "--parcels", "parts", "--resources", "around", "--out", "verdicts", *day)
    assert folder.returncode == 0, folder.stderr
    assert "300 parcels are written to verdicts" in folder.stdout
    single = cli("score", "--parcels", "parts", "--resources", "around", "--out", "all.parquet", *day)
    whole = cli("score", "--parcels", "parcels.gpkg", "--resources", "around", "--out", "all.gpkg", *day)
    counts = [done.stdout.splitlines()[1:] for done in (folder, single, whole)]
    assert counts[0] == counts[1] == counts[2]
    assert "zone" in folder.stderr or "rows of district.geojson" in folder.stderr
    assert not cli.data_dir.exists()

    found = gpd.read_parquet(cli.folder / "verdicts" / "part-00000.parquet")
    assert (
        found.geometry.to_wkb().tolist()
        == gpd.read_parquet(cli.folder / "all.parquet").geometry.to_wkb().tolist()
    )
    said = json.loads((cli.folder / "verdicts" / "_run.json").read_text(encoding="utf-8"))
    assert sorted(said["resources"]) == sorted(LAYERS)
    assert said["ruleset"]["as_of"] == "2026-06-01"


def test_a_file_of_another_form_is_read_as_an_import_reads_it(cli: Cli):
    gpd.read_file(cli.folder / "parcels.gpkg").to_parquet(cli.folder / "parcels.parquet")
    done = cli("score", "--parcels", "parcels.parquet", "--resources", "around", "--out", "all.parquet")
    assert done.returncode == 0, done.stderr
    assert "its coordinates are not in EPSG:4548. It is read as an import reads it." in done.stderr
    assert len(gpd.read_parquet(cli.folder / "all.parquet")) == 300


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (["score", "--resources", "around"], 2, "--parcels"),
        (["score", "--engine", "dask"], 2, "--parcels"),
        (["score", "--parcels", "parcels.gpkg", "--scheduler", "tcp://127.0.0.1:9"], 2, "--engine dask"),
        (["score", "--parcels", "parcels.gpkg", "--engine", "dask"], 2, "--out"),
        (["score", "--parcels", "parts", "--resources", "around"], 2, "--out"),
        (["score", "--parcels", "parcels.gpkg", "--resources", "nowhere"], 1, "nowhere"),
        (["score", "--parcels", "parcels.gpkg", "--resources", "."], 1, "no file is named by a layer"),
        (["score", "--parcels", "parcels.gpkg", "--resources", "around", "--out", "x"], 1, "GeoParquet"),
        (["partition", "missing.gpkg", "parts2"], 1, "missing.gpkg"),
        (["partition", "parcels.gpkg", "around"], 1, "not an empty folder"),
        (["partition", "parcels.gpkg", "parts2", "--column", "x"], 2, "field=source column"),
    ],
)
def test_usage_and_refusals(arguments, code, named, cli: Cli):
    (cli.folder / "parts").mkdir()
    read_mapped("parcel", cli.folder / "parcels.gpkg").frame.to_parquet(cli.folder / "parts" / "0.parquet")
    before = sorted(p.name for p in cli.folder.iterdir())
    assert named in sentence(cli(*arguments), code)
    assert sorted(p.name for p in cli.folder.iterdir()) == before


def of_session(session: int) -> list[str]:
    """Return the command lines of the processes of a session."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
    return found


def test_ctrl_c_leaves_what_the_next_run_goes_on_from(cli: Cli):
    """Stopped while it works on a cluster: no worker stays, and nothing has the name of the result."""
    frame = read_mapped("parcel", cli.folder / "parcels.gpkg").frame
    (cli.folder / "many").mkdir()
    for number in range(60):
        ids = f"{number}-" + frame["parcel_id"].astype(str)
        frame.assign(parcel_id=ids).to_parquet(cli.folder / "many" / f"{number:03d}.parquet")
    arguments = ["score", "--parcels", "many", "--resources", "around", "--out", "verdicts"]
    started = subprocess.Popen(
        [ONEMAP, *arguments, "--engine", "dask"],
        cwd=cli.folder,
        env=environment(cli.data_dir),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    parts = cli.folder / ".verdicts.unfinished" / "parts"
    deadline = time.monotonic() + 90
    while len(list(parts.glob("*.parquet"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(started.pid, signal.SIGINT)
    _, said = started.communicate(timeout=60)
    assert started.returncode == 130, said
    assert "Traceback" not in said
    assert not (cli.folder / "verdicts").exists()
    # What Python starts for bookkeeping sees that the program is gone, and goes too.
    deadline = time.monotonic() + 10
    while (others := of_session(started.pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not others
    left = len(list(parts.glob("*.parquet")))
    done = cli(*arguments)
    assert done.returncode == 0, done.stderr
    assert f"{left * 300:,} parcels had been scored before the run was stopped" in done.stderr
    assert len(list((cli.folder / "verdicts").glob("*.parquet"))) == 60
