"""The command line: exit codes, one-sentence errors, clean ends.

Most commands are called in this process, from the function behind the program's entry point: starting
Python and its libraries takes seconds. The program itself is run for one command of every exit code, for
start, import and stop, and wherever signals and start-up are what is tested.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest

from api.cli import main
from gis.store.embedded import Cluster
from layers import LAYERS, RASTERS
from tests.api.shapes import random_features

ONEMAP = Path(sys.executable).with_name("onemap")
SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"


def environment(data_dir: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ONEMAP_")}
    return {**kept, "ONEMAP_DATA_DIR": str(data_dir)}


Done = subprocess.CompletedProcess[str]


class Cli:
    """`onemap` in a folder of its own, on one store: called here, or run as the program it is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data_dir = folder / "data"

    def run(self, *arguments: str) -> Done:
        """Run the installed program."""
        return subprocess.run(
            [ONEMAP, *arguments],
            cwd=self.folder,
            env=environment(self.data_dir),
            capture_output=True,
            text=True,
            timeout=120,
        )

    def __call__(self, *arguments: str, **variables: str) -> Done:
        """Call what the program calls, with its arguments, folder and environment."""
        out, err = io.StringIO(), io.StringIO()
        code: Any = 0
        handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            patch.setattr(sys, "argv", [str(ONEMAP), *arguments])
            patch.setattr(os, "environ", environment(self.data_dir) | variables)
            try:
                main()
            except SystemExit as end:
                code = end.code
            finally:
                for number, handler in handlers.items():
                    signal.signal(number, handler)
        return Done(arguments, code, out.getvalue(), err.getvalue())


def sentence(done: Done, code: int) -> str:
    """Return the one line on stderr that begins with `error:`."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.fixture(scope="module")
def cli(shared_dir: Path) -> Iterator[Cli]:
    """A store that stays up for the module, with a few layers, 40 parcels and their scores."""
    folder = shared_dir / "cli"
    folder.mkdir()
    cli = Cli(folder)
    assert cli.run("store", "start").returncode == 0
    features = {"type": "FeatureCollection", "features": random_features(40, seed=3)}
    (folder / "parcels.geojson").write_text(json.dumps(features))
    for layer in ("district", "shallow_geothermal_zone"):
        done = cli("import", layer, str(SAMPLE / f"{layer}.geojson"))
        assert done.returncode == 0, done.stderr
    written = ["--report", "report.json", "--rejects", "rejects.csv"]
    done = cli.run("import", "parcel", "parcels.geojson", *written)
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / "report.json").read_text())["rows_accepted"] == 40
    done = cli("score", "--as-of", "2026-06-01")
    assert done.returncode == 0, done.stderr
    assert "40 of 40 parcels worked out: no results are stored yet" in done.stdout
    assert "40 parcels scored as of 2026-06-01" in done.stdout
    yield cli
    assert cli.run("store", "stop").returncode == 0


def test_score_tells_what_it_worked_out(cli: Cli) -> None:
    again = cli("score", "--as-of", "2026-06-01")
    assert (again.returncode, again.stderr) == (0, "")
    assert "Nothing has changed since the last run: its results stand" in again.stdout
    whole = cli("score", "--as-of", "2026-06-01", "--all")
    assert "40 of 40 parcels worked out: asked for" in whole.stdout
    assert again.stdout.splitlines()[1:] == whole.stdout.splitlines()[1:]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["explain", "T-0001"], 0),
        (["explain", "no-such-parcel"], 1),
        (["score", "--all", "--parcels", "parcels.geojson"], 2),
        (["nonsense"], 2),
    ],
)
def test_the_program_is_what_is_called_here(cli: Cli, arguments: list[str], code: int) -> None:
    program, call = cli.run(*arguments), cli(*arguments)
    assert program.returncode == call.returncode == code
    assert program.stdout == call.stdout
    assert program.stderr == call.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["--nonsense"],
        ["import"],
        ["import", "parcel"],
        ["import", "parcel", "x.shp", "--mode", "merge"],
        ["score", "--as-of", "yesterday"],
        ["serve", "--port", "0"],
        ["explain", "a", "--lang", "fr"],
    ],
)
def test_usage_is_2(cli: Cli, arguments: list[str]) -> None:
    done = cli(*arguments)
    assert done.returncode == 2
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_layer_and_options_are_2(cli: Cli) -> None:
    assert "geothermal_field" in sentence(cli("import", "parcels", "parcels.geojson"), 2)
    assert "field=source" in sentence(cli("import", "parcel", "parcels.geojson", "--column", "name"), 2)
    raster = ["import", "ground_temperature", "t.tif"]
    assert "leave out --mode append" in sentence(cli(*raster, "--mode", "append"), 2)
    assert "cannot be freed of this shift" in sentence(cli(*raster, "--source-crs", "gcj02"), 2)
    assert ".parquet" in sentence(cli("score", "--out", "table.shp"), 2)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["import", "parcel", "missing.shp"], "missing.shp"),
        (["import", "parcel", "broken.geojson"], "broken.geojson"),
        (["import", "ground_temperature", "parcels.geojson"], "'.geojson' is not one of .tif"),
        (["explain", "no-such-parcel"], "no-such-parcel"),
        (["score", "--rules", "nowhere"], "nowhere"),
        (["score", "--parcels", "missing.gpkg"], "missing.gpkg"),
        (["score", "--parcels", "parcels.geojson", "--out", "nowhere/table.gpkg"], "nowhere/table.gpkg"),
    ],
)
def test_a_clear_error_is_1(cli: Cli, arguments: list[str], told: str) -> None:
    (cli.folder / "broken.geojson").write_text('{"type": "FeatureCollection", "features": [')
    assert told in sentence(cli(*arguments), 1)


def test_a_database_that_is_not_there_is_1(cli: Cli) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    assert "127.0.0.1:1" in sentence(cli("layers", ONEMAP_DATABASE_URL=url), 1)


def test_help_is_0(cli: Cli) -> None:
    done = cli("--help")
    assert done.returncode == 0
    for command in ("serve", "store", "layers", "import", "score", "explain"):
        assert command in done.stdout


def test_layers(cli: Cli) -> None:
    done = cli("layers", "--json")
    assert done.returncode == 0
    loaded = {e["id"]: e["feature_count"] for e in json.loads(done.stdout)["layers"] if e["loaded"]}
    assert loaded["parcel"] == 40
    assert set(loaded) == {"parcel", "district", "shallow_geothermal_zone"}
    lines = cli("layers").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [*LAYERS, *RASTERS]
    assert "not loaded" in lines[-1]


def test_dry_run_stores_nothing(cli: Cli) -> None:
    done = cli("import", "township", str(SAMPLE / "township.geojson"), "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "township" not in json.dumps(
        [e["id"] for e in json.loads(cli("layers", "--json").stdout)["layers"] if e["loaded"]]
    )


def test_explain(cli: Cli) -> None:
    document = json.loads(cli("explain", "T-0001", "--json").stdout)
    assert document["parcel_id"] == "T-0001"
    assert document["ruleset"]["as_of"] == "2026-06-01"
    zh, en = cli("explain", "T-0001").stdout, cli("explain", "T-0001", "--lang", "en").stdout
    for verdict in document["technologies"]:
        assert f"{verdict['rank']}. {verdict['title']['zh']}：" in zh
        assert f"{verdict['rank']}. {verdict['title']['en']}: " in en
    assert "组合方案" in zh
    assert "Portfolio" in en


@pytest.fixture(scope="module")
def stored(cli: Cli) -> Iterator[dict[str, Any]]:
    """The stored document of T-0002, which scoring files must leave as it is."""
    before = cli("explain", "T-0002", "--json").stdout
    yield json.loads(before)
    assert cli("explain", "T-0002", "--json").stdout == before


def read_table(path: Path) -> pd.DataFrame:
    frame = gpd.read_parquet(path) if path.suffix == ".parquet" else gpd.read_file(path)
    assert frame.crs is not None
    return pd.DataFrame(frame.drop(columns="geometry")).set_index("parcel_id")


@pytest.mark.parametrize("ending", ["parquet", "gpkg", "geojson"])
def test_score_a_file(cli: Cli, stored: dict[str, Any], ending: str) -> None:
    name = f"out.{ending}"
    arguments = ["--parcels", "parcels.geojson", "--out", name, "--as-of", "2026-06-01"]
    done = cli("score", *arguments)
    assert done.returncode == 0, done.stderr
    table = read_table(cli.folder / name)
    assert len(table) == 40
    row = table.loc["T-0002"]
    plan = stored["portfolio"]
    assert plan is not None
    names = row["portfolio_technologies"]
    assert list(names.split(",") if isinstance(names, str) else names) == [
        part["technology"] for part in plan["technologies"]
    ]
    assert row["portfolio_lcoh_cny_per_mwh"] == pytest.approx(plan["lcoh_cny_per_mwh"], rel=1e-12)
    for verdict in stored["technologies"]:
        option = verdict["technology"] + (f"_{verdict['variant']}" if verdict["variant"] else "")
        assert row[f"{option}_status"] == verdict["status"]
        codes = row[f"{option}_reasons"]
        assert list(codes.split(",") if isinstance(codes, str) else codes) == [
            r["code"] for r in verdict["reasons"]
        ]
        for part in ("score", "capacity_kw"):
            value, expected = row[f"{option}_{part}"], verdict[part]
            # GDAL writes 33.09404 for 33.094039999999985 in GeoJSON.
            assert value == pytest.approx(expected, rel=1e-12) if expected is not None else pd.isna(value)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_port_in_use(cli: Cli) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"Port {port}" in sentence(cli("serve", "--port", str(port), "--no-sample"), 1)


def wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError("the server did not come up")


@pytest.fixture(scope="module")
def served(shared_dir: Path) -> Path:
    """A data folder for servers: the first one makes the store in it, and none puts parcels there."""
    return shared_dir / "served"


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130)])
def test_serve_ends_quietly_and_stops_its_database(served: Path, stop: signal.Signals, code: int) -> None:
    port = free_port()
    process = subprocess.Popen(
        [ONEMAP, "serve", "--port", str(port), "--no-sample"],
        env=environment(served),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        wait_until_ready(port, process)
        assert Cluster(served).status().running
        process.send_signal(stop)
        output = process.communicate(timeout=30)[0].decode()
    finally:
        process.kill()
    assert process.returncode == code
    assert f"http://127.0.0.1:{port}" in output
    assert "Traceback" not in output
    assert not Cluster(served).status().running


def test_ctrl_c_in_the_middle_of_the_sample(served: Path) -> None:
    process = subprocess.Popen(
        [ONEMAP, "serve", "--port", str(free_port())],
        env=environment(served),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert any("sample" in line for line in process.stderr)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=30)[1]
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert not Cluster(served).status().running
