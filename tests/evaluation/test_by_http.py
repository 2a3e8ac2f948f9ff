"""The evaluation of what a store holds: by HTTP, as a sheet, by the command line, and how long it takes."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely
from fastapi.testclient import TestClient

from api.main import create_app
from gis.crs import STORAGE_CRS
from gis.monitoring.deliver import deliver_rows
from gis.settings import Settings
from gis.store import Store, open_store
from tests.conftest import NewDatabase, at


@pytest.fixture(scope="module")
def running(new_database: NewDatabase) -> Iterator[Store]:
    """A ground-source project with three seasons of known values, a new one, and one that is not measured."""
    with open_store(at(new_database("running"))) as store:
        frame = pd.DataFrame(
            {
                "heat_project_id": ["HP-1", "HP-2", "HP-3"],
                "name": ["甲项目", "乙项目", None],
                "district": ["通州区", "延庆区", None],
                "technology": ["shallow_ground_source", "air_source", "waste_heat"],
                "status": "running",
                "heated_area_m2": [50_000.0, None, None],
                "installed_kw": [2_500.0, 800.0, None],
                "design_scop": [3.5, None, None],
                "synthetic": False,
            }
        )
        places = shapely.points([[450_000.0 + 100 * i, 4_420_000.0] for i in range(len(frame))])
        given = {"source_name": "made", "source_sha256": "0" * 64, "report": {}, "rejects": pd.DataFrame()}
        features = gpd.GeoDataFrame(frame, geometry=places, crs=STORAGE_CRS)
        store.write_layer("heat_project", features, mode="replace", **given)
        deliver_rows(store, "heat_project", _three_years(), "three years", "PT1H")
        # The second hour is of the day before a season begins in Yanqing.
        times = ["2025-01-10 08:00", "2025-11-04 23:00"]
        some = pa.table({"id": ["HP-2"] * 2, "time": times, "heat_kwh": [120.0, 90.0]})
        deliver_rows(store, "heat_project", some, "an hour", "PT1H")
        yield store


def _three_years() -> pa.Table:
    """Return hours from November 2022 on: 1,000 kWh of heat by 250 of electricity, in summer cooling."""
    times = pd.date_range("2022-11-01", "2025-10-31 23:00", freq="h")
    winter = np.isin(times.month, (11, 12, 1, 2, 3))
    summer = np.isin(times.month, (6, 7, 8))
    return pa.table(
        {
            "id": ["HP-1"] * len(times),
            "time": times,
            "heat_kwh": np.where(winter, 1000.0, 0.0),
            "cooling_kwh": np.where(summer, 800.0, 0.0),
            "electricity_kwh": np.where(winter, 250.0, np.where(summer, 160.0, 0.0)),
            "source_supply_degc": np.where(winter, 9.0, 24.0) - 0.1 * (times.year - 2022),
            "supply_degc": np.where(winter, 45.0, np.nan),
        }
    )


@pytest.fixture(scope="module")
def asked(running: Store) -> Iterator[TestClient]:
    with TestClient(create_app(running, Settings()), raise_server_exceptions=False) as client:
        yield client


def test_a_season_is_what_was_put_in(asked: TestClient):
    told = asked.get("/api/projects/HP-1/evaluation?season=2023").json()
    hours = (16 + 31 + 31 + 29 + 15) * 24
    assert (told["from"], told["to"]) == ("2023-11-15", "2024-03-15")
    assert told["heat"]["measured_kwh"] == 1000.0 * hours
    assert told["heat"]["kwh_per_m2"] == pytest.approx(hours / 50.0)
    assert told["cop"] | {"model_low": 0, "model_high": 0} == {
        "value": 4.0, "paired_h": hours, "design": 3.5, "ratio_to_design": pytest.approx(4.0 / 3.5),
        "model": 3.4, "model_parameter": "scop_ground_source", "model_low": 0, "model_high": 0,
        "ratio_to_model": pytest.approx(4.0 / 3.4),
    }  # fmt: skip
    # 2023 and 2024 by Beijing's factor of 2022.
    assert told["co2"]["emitted_t"] == pytest.approx(250.0 * hours * 0.5580 / 1000.0)
    assert told["co2"]["factor"]["by_year"] == [
        {"year": year, "of_year": 2022, "kg_per_kwh": 0.558} for year in (2023, 2024)
    ]
    # Twelve months from 1 November on, five of which give 750 kWh an hour of the ground's.
    heating_h = (30 + 31 + 31 + 29 + 31) * 24
    cooling_h = (30 + 31 + 31) * 24
    assert told["balance"]["extracted_kwh"] == pytest.approx(750.0 * heating_h)
    assert told["balance"]["beta"] == pytest.approx(960.0 * cooling_h / (750.0 * heating_h))
    assert told["drift"]["seasons"] == [2022, 2023]
    assert told["seasons"] == [2024, 2023, 2022]
    assert {month["cop"] for month in told["months"]} == {4.0}
    assert told["delivery_ids"] == [1]
    assert (told["heat"]["gap_count"], told["heat"]["longest_gaps"]) == (0, [])
    assert asked.get("/api/projects/HP-1/evaluation").json()["season"] == 2024


def test_what_is_not_known_is_null(asked: TestClient):
    told = asked.get("/api/projects/HP-2/evaluation").json()
    assert (told["from"], told["to"]) == ("2024-11-05", "2025-03-25")
    assert told["heat"]["measured_kwh"] == 120.0
    assert told["heat"]["coverage_frac"] == pytest.approx(1 / (141 * 24))
    assert (told["cop"]["value"], told["heat"]["kwh_per_m2"], told["co2"], told["balance"]) == (None,) * 4
    assert {c["result"] for c in told["checks"] if c["id"] == "cop_possible"} == {"unknown"}


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("HP-3/evaluation", "Nothing was measured of the heat project 'HP-3' in a heating season."),
        (
            "HP-2/evaluation?season=2025",
            "project 'HP-2' in the heating season 2025; there are values of 2024.",
        ),
        ("HP-9/evaluation", "There is no heat project 'HP-9'."),
        (
            "HP-1/evaluation?season=2010",
            "in the heating season 2010; there are values of 2024, 2023, 2022.",
        ),
        ("HP-9/sheet", "There is no heat project 'HP-9'."),
    ],
)
def test_what_is_not_there_is_told(asked: TestClient, path: str, told: str):
    answer = asked.get(f"/api/projects/{path}")
    assert answer.status_code == 404
    assert told in answer.json()["detail"]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_sheet_says_what_the_evaluation_says(asked: TestClient, lang: str):
    told = asked.get("/api/projects/HP-1/evaluation?season=2023").json()
    page = asked.get(f"/api/projects/HP-1/sheet?season=2023&format=html&lang={lang}").text
    for check in told["checks"]:
        assert check[lang] in page.replace("&#39;", "'")
    assert "2,928,000 kWh" in page
    assert "4.00" in page
    assert "<script" not in page
    pdf = asked.get(f"/api/projects/HP-1/sheet?season=2023&lang={lang}")
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF-")
    assert len(pdf.content) > 20_000
    table = asked.get("/api/projects/HP-1/sheet?season=2023&format=csv").content.decode("utf-8-sig")
    rows = {(r["part"], r["name"]): r["value"] for r in csv.DictReader(io.StringIO(table))}
    assert float(rows["cop", "value"]) == 4.0
    assert rows["co2", "factor.name"] == "grid_beijing_kg_per_kwh"


def test_a_season_takes_less_than_a_tenth_of_a_second(asked: TestClient):
    asked.get("/api/projects/HP-1/evaluation?season=2023")
    took = []
    for _ in range(5):
        begun = time.perf_counter()
        asked.get("/api/projects/HP-1/evaluation?season=2024")
        took.append(time.perf_counter() - begun)
    assert min(took) < 0.1


def test_who_may_not_read_projects_reads_no_evaluation(running: Store):
    closed = at(running.engine.url).model_copy(update={"layer_access": {"heat_project": "restricted"}})
    with open_store(closed) as store, TestClient(create_app(store, closed)) as client:
        for path in ("evaluation", "sheet?format=html", "sheet?format=csv", "sheet"):
            answer = client.get(f"/api/projects/HP-1/{path}")
            assert answer.status_code == 401, path
            assert "甲项目" not in answer.text


def test_by_the_command_line(running: Store, asked: TestClient, tmp_path: Path):
    settings = {"ONEMAP_DATABASE_URL": str(at(running.engine.url).database_url), "PATH": "/usr/bin:/bin"}

    def onemap(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "api.cli", "project", *arguments]
        return subprocess.run(command, env=settings, capture_output=True, text=True, check=False)

    done = onemap("evaluate", "HP-1", "--season", "2023", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == asked.get("/api/projects/HP-1/evaluation?season=2023").json()
    out = tmp_path / "sheet.html"
    assert onemap("sheet", "HP-1", "--season", "2023", "--out", str(out), "--lang", "en").returncode == 0
    assert out.read_text() == asked.get("/api/projects/HP-1/sheet?season=2023&format=html&lang=en").text
    wrong = onemap("sheet", "HP-1", "--out", str(tmp_path / "sheet.doc"))
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    gone = onemap("evaluate", "HP-9")
    assert (gone.returncode, gone.stderr) == (1, "error: There is no heat project 'HP-9'.\n")
