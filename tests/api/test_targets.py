"""/api/targets and `onemap targets` on the sample's register, against SQL, the summary and another day."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.cli import app
from api.main import create_app
from api.schemas_targets import TargetProgress
from gis.periods import BEIJING_TIME
from gis.rules import load_ruleset
from gis.settings import Settings
from gis.store import Store, open_store
from gis.targets import COLUMNS, Progress, progress_of, tally_of
from gis.vocabulary import TECHNOLOGIES
from tests.conftest import MatchedCity, NewDatabase, at
from tests.store.frames import LOAD

TODAY = datetime.now(BEIJING_TIME).date()
BEFORE = TODAY - timedelta(days=5)


@pytest.fixture(scope="module")
def register(new_database: NewDatabase, sample: str) -> Iterator[tuple[Store, Progress]]:
    """The sample's register, dated since ten days; today one project ended. And what it was before that."""
    with open_store(at(new_database("register_targets", sample))) as store:
        projects = store.read("heat_project")
        for name in ("commissioned_on", "ended_on", "expected_on"):
            projects[name] = None
        # Of one technology each: areas are not split.
        projects[[f"{technology}_kw" for technology in TECHNOLOGIES]] = float("nan")
        running = projects.index[projects["status"] == "running"]
        projects.loc[running[1:4], "commissioned_on"] = date(2021, 11, 15)
        projects.loc[projects["status"] == "approved", "expected_on"] = date(2029, 11, 15)
        store.write_layer("heat_project", projects, mode="replace", **LOAD)
        with store.engine.begin() as connection:
            old = "UPDATE meta.layer_version SET loaded_at = loaded_at - interval '10 days'"
            connection.execute(sa.text(old))
        tally = tally_of(store.read("heat_project"), store.read("district"))
        version = store.layer_versions()["heat_project"]
        was = progress_of(tally, load_ruleset(), BEFORE, version.version, version.loaded_at)
        ended = projects.loc[running[1:2]].assign(status="ended", ended_on=TODAY)
        store.write_layer("heat_project", ended.reset_index(drop=True), mode="upsert", **LOAD)
        yield store, was


@pytest.fixture(scope="module")
def asked(register: tuple[Store, Progress]) -> Iterator[TestClient]:
    with TestClient(create_app(register[0], Settings(anonymous="editor"))) as made:
        yield made


def read(client: TestClient, **params: Any) -> TargetProgress:
    """Return the answer, which holds what is declared and nothing else."""
    answer = client.get("/api/targets", params=params)
    assert answer.status_code == 200, answer.text
    return TargetProgress.model_validate_json(answer.content)


def test_another_day_is_as_it_was(register: tuple[Store, Progress], asked: TestClient) -> None:
    _, was = register
    found, now = read(asked, as_of=str(BEFORE)), read(asked)
    assert (found.as_of, found.version, now.version) == (BEFORE, was.version, was.version + 1)
    assert [(y.year, y.areas.heated_area_m2) for y in found.years] == [
        (y.year, y.areas.heated_area_m2) for y in was.years
    ]
    assert [r.model_dump() for r in found.rows] == [vars(r) for r in was.rows]
    [then], [today] = ([y for y in one.years if y.basis == "present"] for one in (found, now))
    assert then.areas.project_count == today.areas.project_count + 1
    assert read(asked, as_of=str(TODAY)) == now


def test_every_row_is_what_the_register_holds(register: tuple[Store, Progress], asked: TestClient) -> None:
    query = """
        SELECT status, technology, commissioned_on IS NULL AS undated, count(*), sum(heated_area_m2)
        FROM layer.heat_project GROUP BY 1, 2, 3
    """
    with register[0].engine.connect() as connection:
        held = {tuple(row[:3]): (row[3], row[4]) for row in connection.execute(sa.text(query))}
    found = read(asked)
    for basis, status in (("running_undated", "running"), ("idea_undated", "idea")):
        rows = [row for row in found.rows if row.basis == basis]
        for technology in {row.technology for row in rows}:
            mine = [row for row in rows if row.technology == technology]
            counts = sum(row.project_count for row in mine), sum(row.heated_area_m2 or 0 for row in mine)
            assert counts == pytest.approx(held[status, technology, True])
    [expected] = found.pipeline.years
    approved = [v for (status, _, _), v in held.items() if status == "approved"]
    assert (expected.year, expected.areas.project_count) == (2029, sum(count for count, _ in approved))
    assert expected.areas.heated_area_m2 == pytest.approx(sum(m2 for _, m2 in approved))


def test_what_runs_is_what_the_summary_says(matched_city: MatchedCity) -> None:
    with TestClient(create_app(matched_city.store, Settings(anonymous="editor"))) as client:
        summary = client.get("/api/summary", params={"by": "district"}).json()
        found = read(client)
    [present] = [year for year in found.years if year.basis == "present"]
    for row in (summary["total"], *summary["rows"]):
        [running] = [s for s in row["standings"] if s["basis"] == "running"]
        here = [r for r in found.rows if r.basis == "running" and r.year == found.as_of.year]
        if row is summary["total"]:
            assert present.areas.heated_area_m2 == pytest.approx(running["heated_area_m2"])
            assert present.areas.unknown_area_count == running["unknown_count"]
            assert present.share_frac == pytest.approx(running["city_share_frac"])
        else:
            here = [r for r in here if r.district == row["district"]]
        assert sum(r.heated_area_m2 or 0 for r in here) == pytest.approx(running["heated_area_m2"])


def test_the_table_and_the_command_line(
    register: tuple[Store, Progress], asked: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = asked.get("/api/targets", params={"format": "csv"})
    assert answer.headers["content-disposition"].endswith(f'"onemap-targets-{TODAY}.csv"')
    table = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    told = [{k: "" if v is None else v for k, v in r.model_dump().items()} for r in read(asked).rows]
    assert [list(row) for row in table] == [list(COLUMNS)] * len(told)
    assert [{**row, "heated_area_m2": float(row["heated_area_m2"] or "nan")} for row in table] == [
        {**{k: str(v) for k, v in row.items()}, "heated_area_m2": pytest.approx(row["heated_area_m2"])}
        for row in told
    ]
    url = register[0].engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    monkeypatch.setenv("ONEMAP_DATABASE_URL", url)
    run = CliRunner()
    out = tmp_path / "targets.xlsx"
    shown = run.invoke(app, ["targets", "--out", str(out)])
    assert shown.exit_code == 0, shown.output
    assert "target 2030 (P1309-1.3-c): 21,750.0 万m2, 15% of the city's heated area" in shown.output
    sheet = openpyxl.load_workbook(out).active
    assert sheet is not None
    rows = [[c.value for c in row] for row in sheet.iter_rows()]
    assert rows[0] == list(COLUMNS)
    for row, told_row in zip(rows[1:], read(asked).rows, strict=True):
        expected = [pytest.approx(v) if isinstance(v, float) else v for v in told_row.model_dump().values()]
        assert row == expected
    body = run.invoke(app, ["targets", "--json", "--as-of", str(BEFORE)])
    assert TargetProgress(**json.loads(body.stdout)) == read(asked, as_of=str(BEFORE))
    refused = run.invoke(app, ["targets", "--out", "targets.pdf"])
    assert "must end in .csv or .xlsx" in str(refused.exception)


def test_days_that_cannot_be_answered(asked: TestClient, empty_store: Store) -> None:
    for as_of, status, words in (
        (TODAY + timedelta(days=1), 400, "is a day to come"),
        (date(2020, 1, 1), 404, "heat_project was not loaded on 2020-01-01"),
        ("2026-02-30", 422, ""),
    ):
        answer = asked.get("/api/targets", params={"as_of": str(as_of)})
        assert answer.status_code == status
        assert words in answer.json()["detail"]
    with TestClient(create_app(empty_store, Settings(anonymous="editor"))) as client:
        assert client.get("/api/targets").status_code == 404


def test_who_may_not_read_projects_or_the_past_is_told_nothing(register: tuple[Store, Progress]) -> None:
    store, _ = register
    url = store.engine.url.render_as_string(hide_password=False)
    # What was loaded before is as sensitive as the most sensitive layer that ever was.
    for layer, now, then in (("wastewater_plant", 200, 401), ("heat_project", 401, 401)):
        settings = Settings(anonymous=None, layer_access={layer: "restricted"}, database_url=url)
        with open_store(settings) as closed, TestClient(create_app(closed, settings)) as client:
            with closed.engine.begin() as connection:
                closed.fit_access(connection)
            assert client.get("/api/targets").status_code == now
            assert client.get("/api/targets", params={"as_of": str(BEFORE)}).status_code == then
    with store.engine.begin() as connection:
        store.fit_access(connection)
