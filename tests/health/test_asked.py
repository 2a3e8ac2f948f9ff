"""Checks by HTTP, by command and as a job: what is kept, what is stale, and who may read it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api.cli import main
from api.main import create_app
from gis.health import LayerCheck, check_store
from gis.settings import Settings
from gis.store import Store, keys
from layers import LAYERS, RASTERS
from tests.health.town import load
from tests.working import until, working

PLANT, MAIN = "wastewater_plant", "reclaimed_water_pipeline"


@pytest.fixture(scope="module")
def client(loaded_town: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client on the town, served as by default."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"))
    with TestClient(create_app(loaded_town, settings), raise_server_exceptions=False) as made:
        yield made


@pytest.fixture(scope="module")
def editor(loaded_town: Store) -> dict[str, str]:
    """The headers of somebody who may do everything."""
    return {"X-API-Key": keys.make(loaded_town.engine, "a steward", "editor", None)}


def test_a_check_is_told_until_and_after_a_newer_version(
    town: Store, client: TestClient, editor: dict[str, str]
) -> None:
    listed = client.get("/api/checks", headers=editor).json()["checks"]
    assert [one["layer"] for one in listed] == [*LAYERS, *RASTERS]
    assert {(one["loaded"], one["stale"], one["check"]) for one in listed} == {
        (True, None, None), (False, None, None)
    }  # fmt: skip
    [made] = check_store(town, [PLANT])
    told = client.get(f"/api/checks/{PLANT}", headers=editor).json()
    assert LayerCheck(**told["check"]) == made
    assert (told["stale"], told["version"], told["source_name"]) == (False, 1, "来源.gpkg")
    load(town, PLANT)
    told = client.get(f"/api/checks/{PLANT}", headers=editor).json()
    assert (told["stale"], told["version"], told["check"]["version"]) == (True, 2, 1)
    assert client.get("/api/checks/plants", headers=editor).status_code == 404


def test_who_may_not_read_a_layer_hears_nothing_of_it(
    town: Store, client: TestClient, editor: dict[str, str]
) -> None:
    with town.engine.begin() as connection:
        for layer in (PLANT, MAIN):
            connection.execute(sa.text(f"UPDATE layer.{layer} SET source = NULL"))
    check_store(town, [PLANT, MAIN])
    assert f"{MAIN}-1" in client.get("/api/checks", headers=editor).text
    listed = client.get("/api/checks")
    ids = [one["layer"] for one in listed.json()["checks"]]
    assert ids == [s.id for s in LAYERS.values() if s.access == "open"] + list(RASTERS)
    assert f"{PLANT}-1" in listed.text
    assert MAIN not in listed.text
    assert client.get(f"/api/checks/{MAIN}").status_code == 401
    assert client.post("/api/checks", json={}).status_code == 401
    assert client.get("/api/checks/results", headers=editor).status_code == 404


def test_what_was_surveyed_does_not_leak_from_behind_what_is_synthetic(
    town: Store, editor: dict[str, str]
) -> None:
    """A layer that is synthetic now is open; the check is of what was loaded before, which is not."""
    with town.engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE layer.{MAIN} SET source = NULL"))
    check_store(town, [MAIN])
    load(town, MAIN)
    with town.engine.begin() as connection:
        made = f"UPDATE meta.layer_version SET synthetic = true WHERE layer = '{MAIN}' AND version = 2"
        connection.execute(sa.text(made))
        town.fit_access(connection)
    with TestClient(create_app(town, Settings()), raise_server_exceptions=False) as client:
        told = client.get(f"/api/checks/{MAIN}")
        assert (told.status_code, told.json()["version"], told.json()["check"]) == (200, 2, None)
        assert f"{MAIN}-1" in client.get(f"/api/checks/{MAIN}", headers=editor).text


def test_a_job_checks_and_an_older_check_does_not_take_the_place_of_a_newer(
    town: Store, client: TestClient, editor: dict[str, str], tmp_path: Path
) -> None:
    with town.engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE layer.{PLANT} SET population_served = -1"))
    job = client.post("/api/checks", json={"layers": [PLANT]}, headers=editor).json()
    path = f"/api/jobs/{job['job_id']}"
    with working(town, Settings(data_dir=tmp_path)):
        until(lambda: client.get(path, headers=editor).json()["state"] == "done", "not checked")
    result = client.get(path, headers=editor).json()["result"]
    assert result == {"layers": [PLANT], "error_count": 1, "warning_count": 0, "note_count": 0}
    later = "UPDATE meta.layer_check SET version = 5"
    with town.engine.begin() as connection:
        connection.execute(sa.text(later))
    check_store(town, [PLANT])
    with town.engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT version FROM meta.layer_check")) == 5


@pytest.fixture
def onemap(town: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line on the town."""
    url = town.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    monkeypatch.setenv("ONEMAP_DATABASE_URL", url)


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["onemap", "check", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.mark.usefixtures("onemap")
def test_the_command_tells_and_ends_with_one_where_there_is_an_error(
    town: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town.engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE layer.{PLANT} SET source = NULL"))
    assert _run(monkeypatch, PLANT, "--lang", "en") == 0
    out = capsys.readouterr().out
    assert out.splitlines()[1].split() == [PLANT, "v1", "0", "6", "0", "1", "0"]
    assert "warning H-SRC-1  no source is named: 6 features" in out
    with town.engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE layer.{PLANT} SET population_served = -1"))
    assert _run(monkeypatch, PLANT, "--json") == 1
    [check] = json.loads(capsys.readouterr().out)
    assert [f["code"] for f in check["findings"]] == ["H-NUM-2", "H-SRC-1"]
    assert _run(monkeypatch, "plants") == 1
    assert "There is no layer 'plants'" in capsys.readouterr().err
