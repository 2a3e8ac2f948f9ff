"""What a city measured, from its store: the yearly table beside SQL, by HTTP, and written into the layers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely
import sqlalchemy as sa
from fastapi.testclient import TestClient

import gis
from api.main import create_app
from gis.crs import STORAGE_CRS
from gis.errors import BusyError, RuleError
from gis.evaluation.city import measured_years, read_city, yearly
from gis.evaluation.feedback import Published, publish
from gis.evaluation.ranking import ranking_rules_of, with_ranking
from gis.monitoring.deliver import deliver_rows
from gis.rules import load_ruleset
from gis.rules.loader import parse_ruleset
from gis.settings import Settings
from gis.store import Store, audit, open_store
from tests.conftest import NewDatabase, at

RULES = load_ruleset()
assert RULES.evaluation is not None
assert RULES.ranking is not None
EVALUATION, LIMITS = RULES.evaluation, RULES.ranking
WATER = "reclaimed_water"
SEASON = (11, 12, 1, 2, 3)


def load(store: Store, layer: str, frame: pd.DataFrame) -> None:
    places = shapely.points([[450_000.0 + 100 * i, 4_420_000.0] for i in range(len(frame))])
    features = gpd.GeoDataFrame(frame, geometry=places, crs=STORAGE_CRS)
    made = {"source_name": "made", "source_sha256": "0" * 64, "report": {}, "rejects": pd.DataFrame()}
    store.write_layer(layer, features, mode="replace", **made)


@pytest.fixture(scope="module")
def unmeasured(new_database: NewDatabase) -> Iterator[Store]:
    """A store with three projects and three data centres of which nothing is measured yet."""
    with open_store(at(new_database("yearly"))) as store:
        load(
            store,
            "heat_project",
            pd.DataFrame(
                {
                    "heat_project_id": ["A", "B", "C"],
                    "technology": WATER,
                    "district": "海淀区",
                    "heated_area_m2": [1e4, 2e4, None],
                    "installed_kw": 1000.0,
                    "status": "running",
                    "developer": ["甲公司", None, None],
                    "monitored_heat_mwh_per_a": [None, 77.0, 88.0],
                }
            ),
        )
        centres = {
            "data_centre_id": ["DC-1", "DC-2", "DC-3"],
            "it_load_kw": 5000.0,
            "pue": [1.25, None, None],
        }
        load(store, "data_centre", pd.DataFrame(centres))
        yield store


@pytest.fixture(scope="module")
def meters(unmeasured: Store) -> dict[str, pd.DataFrame]:
    """Hourly values of two projects and a data centre, with gaps: many in the heat of B."""
    rng = np.random.default_rng(5)
    times = pd.date_range("2022-09-10", "2024-04-10", freq="h", inclusive="left")
    found = {}
    for id_, gaps in (("A", 0.02), ("B", 0.25)):
        heat = rng.uniform(0.0, 900.0, len(times))
        used = heat / rng.uniform(2.0, 5.0, len(times))
        heat[rng.random(len(times)) < gaps] = np.nan
        found[id_] = pd.DataFrame({"id": id_, "time": times, "heat_kwh": heat, "electricity_kwh": used})
    kw = rng.uniform(2000.0, 3000.0, len(times))
    kw[rng.random(len(times)) < 0.02] = np.nan
    found["DC-1"] = pd.DataFrame({"id": "DC-1", "time": times, "electricity_kwh": kw})
    return found


@pytest.fixture(scope="module")
def measured(unmeasured: Store, meters: dict[str, pd.DataFrame]) -> Store:
    """The same store with what was measured; a data centre sends months, another a day.

    Of the last heating year there is a day in summer only.
    """
    for id_, frame in meters.items():
        deliver_rows(
            unmeasured, layer_of(id_), pa.Table.from_pandas(frame, preserve_index=False), id_, "PT1H"
        )
    bill = pa.table({"id": ["DC-2"], "time": ["2024-02"], "electricity_kwh": [696.0 * 1500.0]})
    deliver_rows(unmeasured, "data_centre", bill, "bill", "P1M")
    summer = pa.table({"id": ["B"], "time": ["2024-08-01"], "electricity_kwh": [24.0]})
    deliver_rows(unmeasured, "heat_project", summer, "summer", "P1D")
    day = pa.table({"id": ["DC-3"], "time": ["2024-02-01"], "electricity_kwh": [24_000.0]})
    deliver_rows(unmeasured, "data_centre", day, "day", "P1D")
    return unmeasured


def layer_of(id_: str) -> str:
    return "data_centre" if id_.startswith("DC") else "heat_project"


@pytest.fixture(scope="module")
def asked(unmeasured: Store) -> Iterator[TestClient]:
    with TestClient(create_app(unmeasured, Settings()), raise_server_exceptions=False) as client:
        yield client


def test_before_anything_is_measured_nothing_is_told(asked: TestClient, unmeasured: Store):
    told = asked.get("/api/evaluations")
    assert told.status_code == 404
    assert "measured yet" in told.json()["detail"]
    empty = asked.get("/api/evaluations/yearly").json()
    assert empty["rows"] == []
    assert [one["by_year"] for one in empty["factors"]] == [[], []]
    assert asked.get("/api/evaluations/yearly?format=csv").text.count("\n") == 1
    assert [one.values for one in publish(unmeasured, RULES, LIMITS)] == [[], []]


ORACLE = sa.text(
    """
    WITH v AS (
        SELECT h.feature_id, h.time, h.value AS heat, e.value AS used,
            extract(year FROM h.time - interval '6 months')::int AS year, extract(month FROM h.time) AS month
        FROM monitoring.heat_project_value AS h
        FULL JOIN monitoring.heat_project_value AS e
            ON e.feature_id = h.feature_id AND e.time = h.time AND e.variable = 'electricity_kwh'
        WHERE h.variable = 'heat_kwh'
    )
    SELECT year, sum(heat), sum(heat) FILTER (WHERE month IN (11, 12, 1, 2, 3) AND used IS NOT NULL)
            / sum(used) FILTER (WHERE month IN (11, 12, 1, 2, 3)), count(heat)
    FROM v GROUP BY year ORDER BY year
    """
)


def test_sums_are_those_of_the_database(measured: Store):
    with measured.engine.connect() as connection:
        told = connection.execute(ORACLE).tuples().all()
        found, years = read_city(connection), measured_years(connection, EVALUATION)
    table = yearly(found, "heating", RULES, EVALUATION)
    table = table[table["heat_kwh"].notna()]
    expected = np.array(told, dtype=float)
    np.testing.assert_allclose(table[["year", "heat_kwh", "cop"]].to_numpy(float), expected[:, :3], rtol=1e-9)
    possible = table["year"].map({2022: 365, 2023: 366}).to_numpy() * 24 * 2
    np.testing.assert_allclose(table["coverage_frac"], expected[:, 3] / possible, rtol=1e-9)
    assert years == [2022, 2023]


def test_the_table_by_http_is_that_of_the_store(asked: TestClient, measured: Store):
    told = asked.get("/api/evaluations/yearly?basis=heating").json()
    with measured.engine.connect() as connection:
        table = yearly(read_city(connection), "heating", RULES, EVALUATION)
    assert [row["heat_kwh"] for row in told["rows"][:2]] == table["heat_kwh"].tolist()[:2]
    assert told["rows"][2]["heat_kwh"] is None
    assert [row["year"] for row in told["rows"]] == [2022, 2023, 2024]
    assert told["rows"][0]["water_m3"] is None
    assert {n: told["rows"][0][n] for n in ("project_count", "measured_count")} == {
        "project_count": 3, "measured_count": 2,
    }  # fmt: skip
    beijing, north_china = told["factors"]
    assert beijing["columns"] == ["co2_t", "avoided_t"]
    assert beijing["by_year"][-1] == {"year": 2024, "of_year": 2022, "kg_per_kwh": 0.558}
    assert [f["of_year"] for f in north_china["by_year"]] == [2022, 2023, 2023]
    assert told["ruleset"]["hash"] == RULES.hash
    text = asked.get("/api/evaluations/yearly?basis=heating&format=csv").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [float(row["cop"]) for row in rows[:2]] == pytest.approx([row["cop"] for row in told["rows"][:2]])
    assert (rows[0]["water_m3"], rows[2]["cop"]) == ("", "")


def test_projects_are_ranked_by_http(asked: TestClient, measured: Store, meters: dict[str, pd.DataFrame]):
    told = asked.get("/api/evaluations").json()
    assert (told["season"], told["seasons"]) == (2023, [2022, 2023])
    by_id = {one["heat_project_id"]: one for one in told["projects"]}
    assert set(by_id) == {"A", "B"}
    assert (by_id["A"]["rank"], by_id["B"]["rank"], by_id["A"]["percentile_frac"]) == (1, None, None)
    assert by_id["B"]["kwh_per_m2"] is None
    assert len(by_id["B"]["reasons"]) == 2
    frame = meters["A"][meters["A"]["time"] >= "2023-07-01"]
    assert by_id["A"]["kwh_per_m2"] == pytest.approx(frame["heat_kwh"].sum() / 1e4)
    both = frame[frame["time"].dt.month.isin(SEASON)].dropna()
    assert by_id["A"]["cop"] == pytest.approx(both["heat_kwh"].sum() / both["electricity_kwh"].sum())
    assert asked.get("/api/evaluations?season=2022").json()["season"] == 2022
    none = asked.get("/api/evaluations?season=2015")
    assert none.status_code == 404
    assert "2022, 2023" in none.json()["detail"]


def test_rules_that_were_kept_before_there_was_a_ranking_are_those_of_today():
    texts = {name: str(text).encode() for name, text in RULES.content.items() if name != "ranking.yaml"}
    kept = parse_ruleset(texts, RULES.as_of)
    with pytest.raises(RuleError, match=r"no ranking\.yaml"):
        ranking_rules_of(kept)
    assert with_ranking(kept).hash == RULES.hash
    assert with_ranking(RULES) is RULES


def values(done: list[Published]) -> dict[tuple[str, str], Any]:
    return {(v.feature_id, v.field): v.value for one in done for v in one.values}


def plain(store: Store, layer: str) -> pd.DataFrame:
    return pd.DataFrame(store.read(layer)).set_index(f"{layer}_id")


def test_measurements_are_written_into_the_layers_once(measured: Store, meters: dict[str, pd.DataFrame]):
    layers = ("heat_project", "data_centre")
    before = {layer: plain(measured, layer) for layer in layers}
    versions = {layer: v.version for layer, v in measured.layer_versions().items()}
    looked = publish(measured, RULES, LIMITS, dry_run=True)
    assert {layer: v.version for layer, v in measured.layer_versions().items()} == versions
    with audit.acting("an engineer"):
        done = publish(measured, RULES, LIMITS)
    assert [one.version for one in looked] == [None, None]
    assert [one.version for one in done] == [versions[layer] + 1 for layer in layers]
    assert values(looked) == values(done)

    year = meters["A"][meters["A"]["time"].between("2023-04-01", "2024-03-31 23:00")]
    days = meters["DC-1"][meters["DC-1"]["time"] >= "2024-03-11"]
    expected = {
        ("A", "monitored_heat_mwh_per_a"): round(year["heat_kwh"].sum() / 1000.0, 3),
        ("A", "monitored_electricity_mwh_per_a"): round(year["electricity_kwh"].sum() / 1000.0, 3),
        ("DC-1", "monitored_power_kw"): round(days["electricity_kwh"].mean(), 3),
        ("DC-1", "monitored_at"): pd.Timestamp("2024-04-10"),
        ("DC-2", "monitored_power_kw"): 1500.0,
        ("DC-2", "monitored_at"): pd.Timestamp("2024-03-01"),
    }
    assert values(done) == expected
    for layer in layers:
        after = plain(measured, layer)
        for (id_, field), value in expected.items():
            if layer_of(id_) == layer:
                assert after.loc[id_, field] == value
                after.loc[id_, field] = before[layer].loc[id_, field]
        pd.testing.assert_frame_equal(after, before[layer], check_dtype=False)
    version = measured.layer_versions()["data_centre"]
    assert (version.author, version.source_name) == ("an engineer", "measured values up to delivery 6")

    again = publish(measured, RULES, LIMITS)
    assert [(one.values, one.version) for one in again] == [([], None), ([], None)]

    more = pa.table({"id": ["DC-1"], "time": ["2024-04-10"], "electricity_kwh": [2_400.0]})
    deliver_rows(measured, "data_centre", more, "an hour more", "PT1H")
    assert publish(measured, RULES, LIMITS, dry_run=True)[1].values[1].value == pd.Timestamp("2024-04-11")


def test_a_layer_that_others_change_meanwhile_is_left_to_them(
    measured: Store, monkeypatch: pytest.MonkeyPatch
):
    read = Store.read

    def late(store: Store, layer: str, **asked: Any) -> gpd.GeoDataFrame:
        found = read(store, layer, **asked)
        made = {"source_name": "others", "source_sha256": "0" * 64, "report": {}, "rejects": pd.DataFrame()}
        store.write_layer(layer, read(store, layer), mode="upsert", **made)
        return found

    before = plain(measured, "data_centre")
    with monkeypatch.context() as patch:
        patch.setattr(Store, "read", late)
        with pytest.raises(BusyError, match="data_centre was changed by others"):
            publish(measured, RULES, LIMITS)
    pd.testing.assert_frame_equal(plain(measured, "data_centre"), before)


def test_waste_heat_is_worked_out_of_the_measured_power(measured: Store):
    """2,500 kW or so over a PUE of 1.25, and not the 5,000 kW of the design."""
    publish(measured, RULES, LIMITS)
    kw = float(measured.read("data_centre", ids=["DC-1"])["monitored_power_kw"].iloc[0])
    assert 2400.0 < kw < 2600.0
    square = shapely.box(450_000.0, 4_420_050.0, 450_050.0, 4_420_100.0)
    parcel = gpd.GeoDataFrame(
        {"parcel_id": ["P-1"], "land_use_code": ["0802"]}, geometry=[square], crs=STORAGE_CRS
    )
    found = gis.score(parcel, measured.resources(), RULES)
    assert found.facts["waste_heat_it_power_kw"].iloc[0] == pytest.approx(kw / 1.25)


def test_who_may_not_read_projects_reads_nothing_of_them(measured: Store):
    closed = at(measured.engine.url).model_copy(update={"layer_access": {"heat_project": "restricted"}})
    with open_store(closed) as store, TestClient(create_app(store, closed)) as client:
        for path in ("/api/evaluations", "/api/evaluations/yearly", "/api/evaluations/yearly?format=csv"):
            told = client.get(path)
            assert told.status_code == 401
            assert "The layer heat_project is restricted" in told.json()["detail"]
