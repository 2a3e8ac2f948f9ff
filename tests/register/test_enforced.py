"""The register's rules where projects change: imports, single edits, and the log of states."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api.main import create_app
from gis.errors import BusyError
from gis.ingest import ImportReport, import_file, pipeline
from gis.settings import Settings
from gis.store import Store, audit, open_store
from tests.conftest import at

ITEMS = "/ogc/collections/heat_project/items"
RUNNING = {
    "developer": "某公司", "technology": "biomass", "heated_area_m2": 1000.0, "commissioned_on": "2024-11-01",
}  # fmt: skip


@pytest.fixture(scope="module")
def opened(new_database: Callable[..., sa.URL]) -> Iterator[Store]:
    with open_store(at(new_database("register"))) as store:
        yield store


@pytest.fixture(scope="module")
def client(opened: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings(anonymous="editor", data_dir=tmp_path_factory.mktemp("data"))
    with TestClient(create_app(opened, settings), raise_server_exceptions=False) as asked:
        yield asked


@pytest.fixture
def loads(opened: Store, tmp_path: Path) -> Callable[..., ImportReport]:
    """Import projects, given by id, into the register."""

    def load(rows: dict[str, dict[str, Any]], mode: Any = "upsert", **options: Any) -> ImportReport:
        features = [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [116.4, 39.9]},
                "properties": {"heat_project_id": id_, **values},
            }
            for id_, values in rows.items()
        ]
        path = tmp_path / "projects.geojson"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
        return import_file(opened, "heat_project", path, mode=mode, **options)

    return load


@pytest.fixture
def register(opened: Store, loads: Callable[..., ImportReport]) -> ImportReport:
    """A register anew, with an idea, a project that runs, and an old record of which little is told."""
    with opened.engine.begin() as connection:
        # Only this layer was ever loaded here.
        for table in (
            "layer.heat_project", "history.heat_project", "access.audit", "meta.reject", "meta.layer_version",
        ):  # fmt: skip
            connection.execute(sa.text(f"DELETE FROM {table}"))
    return loads({"A": {"status": "idea"}, "B": {"status": "running", **RUNNING}, "C": {"status": "running"}})


def states(store: Store) -> dict[str, str | None]:
    frame = store.read("heat_project")
    return dict(zip(frame["heat_project_id"], frame["status"], strict=True))


def changes(store: Store) -> list[tuple[Any, ...]]:
    """Return the logged changes of state, the oldest first."""
    lines = [e for e in reversed(audit.last(store.engine, 100)) if e.action == "status"]
    assert {e.target for e in lines} <= {"heat_project"}
    return [(e.detail["heat_project_id"], e.detail["old_status"], e.detail["new_status"]) for e in lines]


def test_the_first_import_only_warns_of_what_old_records_lack(register: ImportReport, opened: Store) -> None:
    assert (register.rows_accepted, register.rows_rejected) == (3, 0)
    [warning] = register.warnings
    assert warning == (
        "Projects that are not complete by the register's rules: 1 of 3; row 3 (C): a project that is "
        "running needs a value of developer (P1309-5.3)."
    )
    assert changes(opened) == []


def test_an_import_refuses_what_the_rules_do(
    register: ImportReport, loads: Callable[..., ImportReport], opened: Store
) -> None:
    told = loads(
        {
            "A": {"status": "running", **RUNNING},
            "B": {"status": "running", **RUNNING, "heated_area_m2": 1200.0},
            "C": {"status": "running", "name": "旧"},
            "D": {"status": "running"},
            "E": {"status": "idea"},
        }
    )
    [reject] = told.rejects
    assert reject.row == 1
    assert reject.reason == (
        "status: a project does not go from idea to running; what may follow is: approved, ended (P1309-5.3)"
    )
    assert told.warnings[0].startswith(
        "Projects that are not complete by the register's rules: 2 of 4; row 3 (C)"
    )
    now = opened.read("heat_project").set_index("heat_project_id")
    assert dict(now["status"]) == {"A": "idea", "B": "running", "C": "running", "D": "running", "E": "idea"}
    assert (now.loc["B", "heated_area_m2"], now.loc["C", "name"]) == (1200.0, "旧")
    # What came into the register is logged with the state it came in.
    assert changes(opened) == [("D", None, "running"), ("E", None, "idea")]


def test_a_new_state_needs_its_fields_and_old_values_are_not_lost(
    register: ImportReport, loads: Callable[..., ImportReport], opened: Store
) -> None:
    told = loads(
        {
            "A": {"status": "ended"},
            "B": {"status": "ended", "ended_on": "2026-01-01"},
            "C": {"status": "running"},
        }
    )
    assert [(r.row, r.reason) for r in told.rejects] == [
        (1, "ended_on: a project that is ended needs a value of ended on (P1309-5.4)")
    ]
    assert states(opened) == {"A": "idea", "B": "ended", "C": "running"}
    assert changes(opened) == [("B", "running", "ended")]


def test_where_a_layer_is_replaced_a_refused_project_stays(
    register: ImportReport, loads: Callable[..., ImportReport], opened: Store
) -> None:
    told = loads(
        {"B": {"status": "idea"}, "C": {"status": "running"}, "D": {"status": "idea"}}, mode="replace"
    )
    assert [r.row for r in told.rejects] == [1]
    assert "Projects that stay as they were, their change refused: 1." in told.warnings
    assert states(opened) == {"B": "running", "C": "running", "D": "idea"}
    assert opened.read("heat_project")["developer"].iloc[0] == "某公司"
    # A left the register with the file.
    assert changes(opened) == [("A", "idea", None), ("D", None, "idea")]


def test_what_others_change_meanwhile_is_not_overwritten(
    register: ImportReport,
    loads: Callable[..., ImportReport],
    opened: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judge = pipeline.judge

    def meanwhile(*args: Any) -> None:
        monkeypatch.setattr(pipeline, "judge", judge)
        loads({"B": {"status": "ended", "ended_on": "2026-01-01", **RUNNING}})
        judge(*args)

    monkeypatch.setattr(pipeline, "judge", meanwhile)
    with pytest.raises(BusyError, match="was changed by others meanwhile: import again"):
        loads({"B": {"status": "running", **RUNNING}})
    assert states(opened)["B"] == "ended"


def patched(client: TestClient, id_: str, properties: dict[str, Any], **params: str) -> Any:
    tag = client.get(f"{ITEMS}/{id_}").headers["etag"]
    body = {"type": "Feature", "properties": properties}
    return client.patch(f"{ITEMS}/{id_}", json=body, headers={"If-Match": tag}, params=params)


def test_an_edit_is_refused_with_field_and_clause(
    register: ImportReport, client: TestClient, opened: Store
) -> None:
    answer = patched(client, "B", {"status": "approved", "approved_on": "2024-01-01"})
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["pointer"] == "/properties/status"
    assert (
        "a project does not go from running to approved; what may follow is: ended (P1309-5.4)"
        in error["detail"]
    )
    answer = patched(client, "A", {"status": "approved", "developer": "某公司", "technology": "biomass"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/properties/approved_on")
    assert "heated area or installed heating capacity (P1309-5.3)" in answer.json()["detail"]
    # An old record may be mended bit by bit, but nothing that a state needs is taken away.
    assert patched(client, "C", {"developer": "某公司"}).status_code == 200
    assert patched(client, "B", {"commissioned_on": None}).json()["errors"][0]["pointer"] == (
        "/properties/commissioned_on"
    )
    assert states(opened) == {"A": "idea", "B": "running", "C": "running"}
    assert changes(opened) == []


def test_a_project_goes_its_way_and_the_log_has_every_step(
    register: ImportReport, client: TestClient, opened: Store
) -> None:
    for step in (
        {"status": "approved", "approved_on": "2024-01-01", "developer": "某公司", "technology": "biomass",
         "installed_kw": 500.0},
        {"status": "construction", "started_on": "2024-02-01"},
        {"status": "running", "commissioned_on": "2024-11-15", "heated_area_m2": 9000.0},
    ):  # fmt: skip
        answer = patched(client, "A", step)
        assert answer.status_code == 200, answer.text
    tag = client.get(f"{ITEMS}/C").headers["etag"]
    assert client.delete(f"{ITEMS}/C", headers={"If-Match": tag}).status_code == 200
    assert changes(opened) == [
        ("A", "idea", "approved"),
        ("A", "approved", "construction"),
        ("A", "construction", "running"),
        ("C", "running", None),
    ]
    last = audit.last(opened.engine, 2)
    assert {(e.action, e.actor, e.detail["version"]) for e in last} >= {("status", "anonymous", 5)}
    assert len({e.at for e in last}) == 1  # one transaction


def test_a_mistake_is_corrected_with_a_reason_that_is_kept(
    register: ImportReport, client: TestClient, opened: Store
) -> None:
    answer = patched(client, "B", {"status": "construction"}, correction="误录为在运，未办理投运")
    # The reason stands for the order of states only.
    assert answer.json()["errors"][0]["pointer"] == "/properties/approved_on"
    told = {"status": "construction", "approved_on": "2024-01-01", "started_on": "2024-02-01"}
    assert patched(client, "B", told, correction="误录").status_code == 422  # too short to be a reason
    assert patched(client, "B", told, correction="误录为在运，未办理投运").status_code == 200
    assert changes(opened) == [("B", "running", "construction")]
    [line] = [e for e in audit.last(opened.engine, 5) if e.action == "status"]
    assert line.detail["correction"] == "误录为在运，未办理投运"
    other = client.patch(
        "/ogc/collections/district/items/x", json={"type": "Feature"}, params={"correction": "a reason"}
    )
    assert (other.status_code, "leave it out" in other.json()["detail"]) == (400, True)


def test_a_new_project_is_told_whole(register: ImportReport, client: TestClient) -> None:
    point = {"type": "Point", "coordinates": [116.4, 39.9]}
    sent = {"type": "Feature", "geometry": point, "properties": {"heat_project_id": "N", "status": "running"}}
    assert client.post(ITEMS, json=sent).json()["errors"][0]["pointer"] == "/properties/developer"
    sent["properties"] = {"heat_project_id": "N", "status": "running", **RUNNING}
    assert client.post(ITEMS, json=sent).status_code == 201
    tag = client.get(f"{ITEMS}/N").headers["etag"]
    sent["properties"] = {"status": "idea"}
    answer = client.put(f"{ITEMS}/N", json=sent, headers={"If-Match": tag})
    assert answer.json()["errors"][0]["pointer"] == "/properties/status"
