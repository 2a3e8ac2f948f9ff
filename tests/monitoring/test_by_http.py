"""Measured values by HTTP and by the command line, and who may send and read them."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from api.main import create_app
from gis.access import ROLES
from gis.settings import Settings
from gis.store import Store, audit, keys
from tests.conftest import at
from tests.monitoring.conftest import contents, values_of


@pytest.fixture(scope="module")
def asked(metered: Store) -> Iterator[TestClient]:
    """A client on the city as it is served when nothing is set: heat projects are open."""
    settings = Settings(max_body_bytes=300_000)
    with TestClient(create_app(metered, settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def key_of(metered: Store) -> dict[str, dict[str, str]]:
    """The header that callers of every role send."""
    return {role: {"X-API-Key": keys.make(metered.engine, f"a {role}", role, None)} for role in ROLES}


def body(*values: tuple[Any, ...], period: str = "PT1H") -> dict[str, Any]:
    """Return a body of values (feature, time, variable, value, unit)."""
    names = ("feature_id", "time", "variable", "value", "unit")
    return {"period": period, "values": [dict(zip(names, value, strict=True)) for value in values]}


SENT = body(
    ("HP-1", "2024-11-15 08:00", "heat", 0.25, "MWh"),
    ("HP-1", "2024-11-15T01:00:00Z", "供热量", 250.5, "kWh"),
    ("HP-1", "2024-11-15 08:00", "electricity_kwh", 80, "kWh"),
    ("HP-1", "2024-11-15 10:00", "electricity_kwh", None, "kWh"),
    ("HP-1", "2024-11-15 08:00", "heat", 99, "MWh"),
    ("HP-0", "2024-11-15 08:00", "heat", 1, "kWh"),
)


def test_what_is_sent_is_there_once(meters: Store, asked: TestClient, key_of: dict[str, dict[str, str]]):
    told = asked.post("/api/monitoring/heat_project", json=SENT, headers=key_of["meter"])
    assert told.status_code == 200, told.text
    first = told.json()
    assert first["counts"] == {
        "rows": 6, "new": 3, "same": 0, "corrected": 0, "repeated": 0, "empty": 1, "refused": 2,
    }  # fmt: skip
    assert [(one["row"], one["reason"], one["value"]) for one in first["refused"]] == [
        (5, "installed", "99.0"),
        (6, "feature", "1.0"),
    ]
    expected = {
        ("HP-1", "heat_kwh", "PT1H", "2024-11-15 08:00:00"): 250.0,
        ("HP-1", "heat_kwh", "PT1H", "2024-11-15 09:00:00"): 250.5,
        ("HP-1", "electricity_kwh", "PT1H", "2024-11-15 08:00:00"): 80.0,
    }
    assert values_of(meters) == expected
    before = contents(meters)
    again = asked.post("/api/monitoring/heat_project", json=SENT, headers=key_of["editor"]).json()
    assert again == first | {"repeated": True}
    assert contents(meters) == before
    line = audit.last(meters.engine, 1)[0]
    assert (line.action, line.target, line.detail["new"]) == ("measure", "heat_project", 3)
    assert line.actor.startswith("a meter (")


def test_what_is_there_is_told(meters: Store, asked: TestClient, key_of: dict[str, dict[str, str]]):
    asked.post("/api/monitoring/heat_project", json=SENT, headers=key_of["meter"])
    place = "/api/monitoring/heat_project/features/HP-1"
    days = {"from": "2024-11-15", "to": "2024-11-15"}
    found = asked.get(place, params=days | {"variable": "heat_kwh"}).json()["series"]
    (heat,) = found
    assert (heat["unit"], heat["period"], heat["start"]) == ("kWh", "PT1H", "2024-11-15T00:00:00")
    assert heat["values"] == [None] * 8 + [250.0, 250.5] + [None] * 14
    assert [one["variable"] for one in asked.get(place, params=days).json()["series"]] == [
        "heat_kwh",
        "electricity_kwh",
    ]
    reach = asked.get("/api/monitoring/heat_project").json()
    assert {one["variable"]: one["value_count"] for one in reach["reach"]} == {
        "electricity_kwh": 1,
        "heat_kwh": 2,
    }
    assert reach["deliveries"] == []
    seen = asked.get("/api/monitoring/heat_project", headers=key_of["planner"]).json()["deliveries"]
    assert [(one["name"][:8], one["counts"]["refused"]) for one in seen] == [("a meter ", 2)]
    refused = asked.get(
        f"/api/monitoring/heat_project/deliveries/{seen[0]['delivery_id']}/quarantine",
        headers=key_of["meter"],
    ).json()
    assert [one["reason"] for one in refused["refused"]] == ["installed", "feature"]
    assert refused["next_after"] is None


def test_who_may(meters: Store, asked: TestClient, key_of: dict[str, dict[str, str]]):
    place = "/api/monitoring/data_centre"
    sent = body(("DC-1", "2024-11-15 08:00", "electricity", 5, "MWh"))
    assert asked.post(place, json=sent).status_code == 401
    for role, status in {"viewer": 403, "planner": 403, "meter": 200, "editor": 200}.items():
        assert asked.post(place, json=sent, headers=key_of[role]).status_code == status, role
    # Data centres are restricted; who only sends cannot read them.
    days = {"from": "2024-11-15", "to": "2024-11-15"}
    for role, status in {None: 401, "meter": 403, "viewer": 403, "planner": 200}.items():
        headers = key_of[role] if role else {}
        assert asked.get(place, headers=headers).status_code == status, role
        assert asked.get(f"{place}/features/DC-1", params=days, headers=headers).status_code == status
    assert asked.get(f"{place}/deliveries/1/quarantine", headers=key_of["meter"]).status_code == 403
    seen = asked.get("/api/monitoring/heat_project", headers=key_of["viewer"]).json()
    assert seen["deliveries"] == []


@pytest.mark.parametrize(
    ("layer", "sent", "status", "told"),
    [
        ("parcel", SENT, 404, "'parcel' is not measured"),
        ("heat_project", body(), 422, "at least 1 item"),
        ("heat_project", SENT | {"period": "PT7M"}, 422, "'PT15M', 'PT1H', 'P1D' or 'P1M'"),
        ("heat_project", {"values": SENT["values"]}, 422, "Field required"),
        ("heat_project", body(("HP-1", "2024-11-15 08:00", "heat", "much", "kWh")), 422, "valid number"),
        ("heat_project", body(("HP-1\0", "2024-11-15 08:00", "heat", 1, "kWh")), 422, "zero byte"),
        ("heat_project", body(*[("HP-1", "2024-11-15 08:00", "heat", 1, "kWh")] * 5000), 413, "larger than"),
    ],
)
def test_bodies_that_are_wrong(
    meters: Store,
    asked: TestClient,
    key_of: dict[str, dict[str, str]],
    layer: str,
    sent: Any,
    status: int,
    told: str,
):
    answer = asked.post(f"/api/monitoring/{layer}", json=sent, headers=key_of["meter"])
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert told in answer.text
    assert not any(contents(meters).values())


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("from=2024-11-15&to=2024-11-14", "`to` is not before"),
        ("from=2020-11-15&to=2024-11-14", "at most 26 months"),
        ("from=2024-11-15", "Field required"),
        ("from=2024-11-15&to=2024-11-16&variable=wind", "no variable 'wind'"),
    ],
)
def test_questions_that_are_wrong(asked: TestClient, query: str, told: str):
    answer = asked.get(f"/api/monitoring/heat_project/features/HP-1?{query}")
    assert answer.status_code in (400, 404, 422)
    assert told in answer.text


def test_by_the_command_line(meters: Store, tmp_path: Path):
    settings = {"ONEMAP_DATABASE_URL": str(at(meters.engine.url).database_url), "PATH": "/usr/bin:/bin"}

    def onemap(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "api.cli", "monitor", *arguments]
        return subprocess.run(command, env=settings, capture_output=True, text=True, check=False)

    times = pd.date_range("2024-11-15", periods=5, freq="h")
    frame = pd.DataFrame(
        {"heat_project_id": "HP-1", "time": times, "heat (MWh)": [0.1, 0.2, 0.3, 40.0, None]}
    )
    frame["weather"] = "fine"
    frame.to_csv(tmp_path / "hours.csv", index=False)
    done = onemap("import", "heat_project", str(tmp_path / "hours.csv"))
    assert done.stdout.splitlines() == [
        "Delivery 1: 5 rows of PT1H; 3 new, 1 empty, 1 refused",
        "  1 in quarantine: the value is far above the installed capacity; the unit may be wrong",
        "Columns that were not used: weather",
    ], done.stderr
    done = onemap("import", "heat_project", str(tmp_path / "hours.csv"))
    assert done.stdout == "Delivery 1 was imported before, to its end: nothing was done.\n"
    told = onemap("status").stdout
    assert "heat_project  heat_kwh                         3 values of 1 features, 2024-11 to 2024-11" in told
    assert "delivery 1  hours.csv" in told
    out = tmp_path / "refused.csv"
    assert onemap("quarantine", "1", "--out", str(out)).returncode == 0
    with out.open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["row"], row["value"], row["unit"], row["reason"]) == ("4", "40.0", "MWh", "installed")
    for arguments, code, sentence in (
        (("import", "parcel", "x.csv"), 1, "error: x.csv: there is no such file."),
        (
            ("import", "heat_project", str(tmp_path / "hours.csv"), "--period", "1h"),
            2,
            "'1h' is none of PT15M",
        ),
        (("quarantine", "9", "--out", str(out)), 1, "There is no delivery 9"),
    ):
        ended = onemap(*arguments)
        assert (ended.returncode, ended.stderr.count("\n")) == (code, 1)
        assert sentence in ended.stderr
