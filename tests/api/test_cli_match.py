"""`onemap match`: what it prints and writes, and what it refuses."""

from __future__ import annotations

import json
import subprocess

import pandas as pd
import pytest

from api.cli import main


@pytest.fixture
def onemap(city, monkeypatch, capsys):
    """A function that runs `onemap` on the sample city and returns exit code, output and errors."""
    url = city.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    monkeypatch.setenv("ONEMAP_DATABASE_URL", url)

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["onemap", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


def test_a_run_prints_its_certificate_and_writes_files_that_gdal_reads(onemap, city, tmp_path):
    out = tmp_path / "run"
    code, printed, _ = onemap("match", "--scenario", "cli", "--capacity", "data_centre=0", "--out", out)
    assert code == 0
    assert "certificate reclaimed_water: at most" in printed
    assert "43 in data_centre: nothing remains" in printed
    assert city.match("cli").settings["capacity_frac"] == {"data_centre": 0.0}
    assert sorted(f.name for f in out.iterdir()) == [
        "match.gpkg",
        "parcels.csv",
        "segments.csv",
        "sources.csv",
        "summary.json",
    ]
    told = json.loads((out / "summary.json").read_text())
    assert told["scenario"] == "cli"
    listed = subprocess.run(
        ["ogrinfo", "-ro", "-al", "-so", out / "match.gpkg"], capture_output=True, text=True, check=True
    ).stdout
    counts = [int(line.split(":")[1]) for line in listed.splitlines() if line.startswith("Feature Count")]
    stored = {name: len(city.match_part(name, "cli")) for name in ("parcels", "connections", "sources")}
    assert counts == [stored["parcels"], stored["connections"], stored["sources"]]
    assert "CGCS2000 / 3-degree Gauss-Kruger CM 117E" in listed
    assert "Geometry: Line String" in listed
    sources = pd.read_csv(out / "sources.csv")
    assert sources["exploitable_kw"].isna().sum() > 0, "what is not known is empty"
    assert sources["allocated_kw"].sum() == pytest.approx(
        city.match_part("sources", "cli")["allocated_kw"].sum()
    )


def test_a_folder_that_holds_something_is_left_alone(onemap, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    code, _, told = onemap("match", "--out", tmp_path)
    assert code == 1
    assert "not an empty folder" in told
    assert [f.name for f in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--capacity", "geothermal"], "WHAT=FACTOR"),
        (["--capacity", "geothermal=much"], "WHAT=FACTOR"),
        (["--capacity", "parcel=1"], "'parcel'"),
        (["--scenario", "My Run"], "'My Run'"),
        (["--reach", "-1"], "-1.0 of reach"),
    ],
)
def test_wrong_usage_ends_with_2(onemap, arguments, told):
    code, _, said = onemap("match", *arguments)
    assert code == 2
    assert told in said
    assert said.count("\n") == 1


def test_without_parcels_one_sentence(empty_store, monkeypatch, capsys):
    url = empty_store.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    monkeypatch.setenv("ONEMAP_DATABASE_URL", url)
    monkeypatch.setattr("sys.argv", ["onemap", "match"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "no parcels are loaded" in capsys.readouterr().err
