"""/api/projects and `onemap project`: lists, one project with what the rules say of it, and who may read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely
import sqlalchemy as sa
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api import commands_project
from api.cli import app
from api.main import create_app
from gis.crs import STORAGE_CRS
from gis.register import precheck, project_of, subsidy
from gis.rules import load_ruleset
from gis.settings import Settings
from gis.store import Store, open_store
from tests.conftest import at

KW = ("shallow_ground_source_kw", "air_source_kw")
ROWS: list[dict[str, Any]] = [
    {
        "heat_project_id": f"HP-{i:02d}",
        "name": f"项目{i}",
        "district": ("海淀区", "朝阳区", None)[i % 3],
        "technology": ("shallow_ground_source", "air_source")[i % 2],
        "status": ("idea", "approved", "construction", "running", "ended", None)[i % 6],
        "heated_area_m2": 1000.0 * i if i else None,
        "installed_kw": 100.0 * i if i % 4 else None,
        KW[i % 2]: 50.0 * i,
        "investor_kind": "enterprise",
        "other_support": "none",
        "new_energy_investment_cny": 1e6 * i,
        "applied_on": date(2024, 1, 1 + i),
    }
    for i in range(30)
]


@pytest.fixture(scope="module")
def opened(new_database: Callable[..., sa.URL]) -> Iterator[Store]:
    frame = gpd.GeoDataFrame(
        pd.DataFrame(ROWS), geometry=[shapely.Point(450_000.0, 4_420_000.0)] * len(ROWS), crs=STORAGE_CRS
    )
    with open_store(at(new_database("projects"))) as store:
        store.write_layer(
            "heat_project", frame, mode="replace", source_name="t", source_sha256="0" * 64, report={},
            rejects=pd.DataFrame(),
        )  # fmt: skip
        yield store


@pytest.fixture(scope="module")
def client(opened: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"))
    with TestClient(create_app(opened, settings), raise_server_exceptions=False) as asked:
        yield asked


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"status": "running"},
        {"technology": "air_source"},
        {"district": "朝阳区", "status": "approved"},
        {"district": "无此区"},
        {"limit": 7, "offset": 9},
        {"status": "idea", "limit": 2, "offset": 2},
    ],
)
def test_the_list_is_what_the_rows_are(client: TestClient, asked: dict[str, Any]) -> None:
    where = {n: v for n, v in asked.items() if n in ("status", "technology", "district")}
    rows = [row for row in ROWS if all(row[n] == v for n, v in where.items())]
    some = rows[asked.get("offset", 0) :][: asked.get("limit", 1000)]
    answer = client.get("/api/projects", params=asked)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["numberMatched"] == len(rows)
    assert [p["heat_project_id"] for p in told["projects"]] == [r["heat_project_id"] for r in some]
    for project, row in zip(told["projects"], some, strict=True):
        own, installed = row[KW[int(row["heat_project_id"][3:]) % 2]], row["installed_kw"]
        assert project["new_energy_kw"] == own
        assert project["new_energy_share_frac"] == (0.5 if installed else None)
        assert project["applied_on"] == row["applied_on"].isoformat()
        assert (project["installed_kw"], project["commissioned_on"]) == (installed, None)


def test_a_project_is_told_with_what_the_rules_say(client: TestClient) -> None:
    told = client.get("/api/projects/HP-07").json()
    assert (told["project"]["status"], told["project"]["new_energy_share_frac"]) == ("approved", 0.5)
    assert [n["status"] for n in told["next_states"]] == ["construction", "ended"]
    assert [n["field"] for n in told["next_states"][0]["needs"]] == ["approved_on", "developer", "started_on"]
    assert [f["field"] for f in told["faults"]] == ["approved_on", "developer"]
    project, rules = project_of(ROWS[7]), load_ruleset()
    checked, support = precheck(project, rules, date(2000, 1, 1)), subsidy(project, rules, date(2000, 1, 1))
    assert told["precheck"]["result"] == checked.result == "incomplete"
    assert [m["field"] for m in told["precheck"]["missing"]] == list(checked.missing)
    assert [(i["id"], i["result"]) for i in told["precheck"]["items"]] == [
        (i.id, i.result) for i in checked.items
    ]
    assert (support.rate_frac, support.amount_cny) == (0.20, 1_400_000.0)
    assert {n: told["subsidy"][n] for n in ("as_of", "rate_frac", "amount_cny")} == {
        "as_of": "2024-01-08", "rate_frac": 0.20, "amount_cny": 1_400_000.0,
    }  # fmt: skip


def test_a_project_that_is_not_there_and_a_state_that_is_none(client: TestClient) -> None:
    gone = client.get("/api/projects/HP-99")
    assert (gone.status_code, "HP-99" in gone.json()["detail"]) == (404, True)
    assert client.get("/api/projects", params={"status": "dreaming"}).status_code == 422


def test_who_may_not_read_the_layer_learns_nothing(opened: Store, tmp_path: Any) -> None:
    settings = Settings(data_dir=tmp_path, layer_access={"heat_project": "restricted"})
    with open_store(at(opened.engine.url).model_copy(update={"layer_access": settings.layer_access})) as own:
        closed = TestClient(create_app(own, settings), raise_server_exceptions=False)
        for path in ("/api/projects", "/api/projects/HP-07", "/api/projects/HP-99"):
            answer = closed.get(path)
            assert answer.status_code == 401
            assert "HP-" not in answer.json()["detail"]


def test_the_command_line_tells_the_same(
    opened: Store, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands_project, "Settings", lambda: at(opened.engine.url))
    run = CliRunner().invoke
    shown = run(app, ["project", "show", "HP-07", "--json"])
    assert json.loads(shown.stdout) == client.get("/api/projects/HP-07").json()
    listed = run(app, ["project", "list", "--status", "running", "--json"])
    assert json.loads(listed.stdout) == client.get("/api/projects", params={"status": "running"}).json()
    text = run(app, ["project", "show", "HP-07"]).stdout
    assert "申请预审：不齐备（按 2024-01-08 的规定）" in text
    assert "  符合  新能源供热装机占比 50 %，不低于 30 % [P1309-6.1-a]" in text
    assert "  缺  缺建设单位 [P1309-5.3]" in text
    assert "市政府固定资产投资支持：20 %\n  金额：1,400,000.00 元" in text
    assert "pre-check: incomplete" in run(app, ["project", "show", "HP-07", "--lang", "en"]).stdout
    assert run(app, ["project", "list"]).stdout.splitlines()[-1] == "共 30 个项目"
