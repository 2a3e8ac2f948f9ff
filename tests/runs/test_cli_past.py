"""`onemap versions`, `snapshot`, `diff` and `explain --as-of` as they are typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from api.cli import main
from gis.crs import STORAGE_CRS
from gis.periods import BEIJING_TIME
from gis.store import Store
from tests.runs.days import Told, flat
from tests.runs.test_difference import changed

Onemap = Callable[..., tuple[int, str, str]]


@pytest.fixture
def onemap(
    past_city: Store, days: list[Told], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Onemap:
    """Run `onemap` on the city; gives exit code, output and errors."""
    url = past_city.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    monkeypatch.setenv("ONEMAP_DATABASE_URL", url)

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["onemap", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


def time_of(day: Told) -> str:
    """Return a time as somebody in Beijing types it."""
    return day.at.astimezone(BEIJING_TIME).replace(tzinfo=None).isoformat()


def test_a_snapshot_holds_what_was_and_gives_the_same_verdicts(
    onemap: Onemap, days: list[Told], tmp_path: Path
) -> None:
    day, folder = days[12], tmp_path / "then"
    code, printed, told = onemap("snapshot", time_of(day), folder)
    assert code == 0, told
    assert f"Verdicts of {day.run.parcel_count} parcels are those of run {day.run.run_id}." in printed
    for layer, frame in day.layers.items():
        read = gpd.read_parquet(folder / "layers" / f"{layer}.parquet")
        assert flat(read)["geometry"].equals(frame["geometry"]), layer
        assert list(read.columns[:-1]) == list(frame.columns[:-1])
    verdicts = gpd.read_parquet(folder / "parcel_suitability.parquet")
    assert verdicts.crs == STORAGE_CRS
    said = json.loads((folder / "snapshot.json").read_text(encoding="utf-8"))
    assert said["run"]["ruleset"]["hash"] == day.run.ruleset_hash
    assert {e["layer"]: e["version"] for e in said["layers"]} == day.run.layer_versions
    # Whoever has the folder works out the same verdicts from it.
    files = folder / "layers"
    code, _, told = onemap(
        "score", "--parcels", files / "parcel.parquet", "--resources", files, "--rules", folder / "rules",
        "--as-of", day.run.as_of, "--out", tmp_path / "again.parquet",
    )  # fmt: skip
    assert code == 0, told
    again = pd.read_parquet(tmp_path / "again.parquet").set_index("parcel_id").sort_index()
    for name in ("recommended", "recommended_status", "shallow_ground_source_score"):
        assert (again[name].fillna("") == verdicts[name].fillna("")).all(), name
    code, _, told = onemap("snapshot", time_of(day), folder)
    assert (code, "is there already and not empty" in told) == (1, True)


def test_a_difference_is_told_and_written(onemap: Onemap, days: list[Told], tmp_path: Path) -> None:
    before, after = days[4], days[14]
    out = tmp_path / "changes.gpkg"
    code, printed, told = onemap("diff", time_of(before), f"run {after.run.run_id}", "--out", out)
    assert code == 0, told
    expected = changed(before, after)
    common = len(before.results[0].index.intersection(after.results[0].index))
    assert f"{len(expected)} of {common} parcels changed" in printed
    assert "rules/reclaimed_water.yaml" in printed
    assert set(gpd.read_file(out)["parcel_id"]) == expected
    code, printed, _ = onemap("diff", time_of(before), time_of(after), "--json")
    summary = json.loads(printed)
    assert (summary["changed_count"], summary["before"]["run_id"]) == (len(expected), before.run.run_id)
    assert sum(move["parcel_count"] for move in summary["moves"]) == summary["other_technology_count"]
    assert {c["name"] for c in summary["differing"] if c["kind"] == "parameter"}


def test_a_verdict_is_explained_as_it_was(onemap: Onemap, days: list[Told]) -> None:
    day = days[2]
    key = str(day.results[0].index[7])
    code, printed, told = onemap("explain", key, "--as-of", time_of(day), "--json")
    assert code == 0, told
    document = json.loads(printed)
    assert document["recommended"] == day.results[1].loc[key, "recommended"]
    assert document["ruleset"]["hash"] == day.run.ruleset_hash
    assert document["data_versions"] == day.run.layer_versions
    code, printed, _ = onemap("explain", key, "--as-of", f"run {day.run.run_id}")
    assert code == 0
    assert key in printed


def test_versions_are_listed(onemap: Onemap, days: list[Told]) -> None:
    code, printed, _ = onemap("versions")
    assert code == 0
    lines = printed.splitlines()
    assert len(lines) == 30
    assert any(" run    beijing " in line and "parcels" in line for line in lines)
    code, printed, _ = onemap("versions", "parcel", "--json", "--as-of", time_of(days[0]))
    found = json.loads(printed)
    assert {v["target"] for v in found} == {"parcel"}
    assert found[0]["number"] == days[0].run.layer_versions["parcel"]
    assert all(v["author"].startswith("cli:") for v in found)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("diff", "soon", "run 1"), "'soon' is no time"),
        (("diff", "run 1", "run 999"), "There is no run 999"),
        (("diff", "2001-01-01", "run 1"), "no results yet"),
        (("snapshot", "run 999", "nowhere"), "There is no run 999"),
        (("explain", "nowhere", "--as-of", "run 1"), "no scored parcel 'nowhere'"),
    ],
)
def test_what_cannot_be_told_is_said(onemap: Onemap, arguments: tuple[str, ...], said: str) -> None:
    code, printed, told = onemap(*arguments)
    assert (code, printed) == (1, "")
    assert said in told
    assert len(told.strip().splitlines()) == 1


def test_an_ending_that_is_none_is_usage(onemap: Onemap) -> None:
    assert onemap("diff", "run 1", "run 2", "--out", "changes.txt")[0] == 2
