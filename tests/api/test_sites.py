"""/api/sites: sites searched for, followed and read, and what is refused."""

from __future__ import annotations

import time

import pytest
from shapely.geometry import shape

from api.schemas_match import MatchJob
from api.schemas_site import SitesDetail, SitesList, SitesOnMap
from gis.crs import to_storage


def wait(client):
    """Return the job when it is no longer running."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        body = client.get("/api/sites").json()
        SitesList.model_validate(body)
        if body["job"] and body["job"]["state"] not in ("waiting", "running"):
            return body["job"]
        time.sleep(0.1)
    raise AssertionError("the search does not end")


@pytest.fixture(scope="module")
def sited(client, worker):
    """A client with the sites of the scenario `base`, found at a request."""
    assert client.get("/api/sites").json()["job"] is None
    assert client.get("/api/sites/base").status_code == 404
    begun = client.post("/api/sites", json={"count": 4, "technology": "waste_heat", "capacity_kw": 20000})
    assert begun.status_code == 202, begun.text
    MatchJob.model_validate(begun.json())
    job = wait(client)
    assert (job["state"], job["error"], job["scenario"]) == ("done", None, "base")
    yield client
    # Other tests of this store find it without runs.
    with client.app.state.store.engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE result.site, meta.siting")


def test_sites_are_listed_and_told(sited):
    (record,) = sited.get("/api/sites").json()["sitings"]
    assert record["plan"] == {
        "count": 4,
        "candidates": "grid",
        "technology": "waste_heat",
        "capacity_kw": 20000.0,
        "reach_m": None,
        "spacing_m": None,
    }
    assert record["current"]
    body = sited.get("/api/sites/base").json()
    SitesDetail.model_validate(body)
    chosen = [row for row in body["sites"] if row["rank"] is not None]
    assert [row["rank"] for row in chosen] == [1, 2, 3, 4]
    assert body["sites"][:4] == chosen
    assert len(body["sites"]) == body["summary"]["candidate_count"] == 300
    gain = sum(row["gain_kw"] for row in chosen)
    assert gain == pytest.approx(body["summary"]["gain_kw"])
    assert 0 < gain <= body["summary"]["most_gain_kw"] + 1e-6
    assert all(row["gain_kw"] is None for row in body["sites"][4:])


def test_places_are_told_as_geojson_where_they_are(sited):
    rows = sited.get("/api/sites/base").json()["sites"]
    body = sited.get("/api/sites/base/places").json()
    SitesOnMap.model_validate(body)
    assert [feature["properties"] for feature in body["features"]] == rows
    points = to_storage([shape(feature["geometry"]) for feature in body["features"]])
    for point, row in zip(points, rows, strict=True):
        assert (point.x, point.y) == pytest.approx((row["x_m"], row["y_m"]), abs=1e-3)


def test_another_scenario_of_that_name_makes_them_old(sited):
    store = sited.app.state.store
    with store.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO meta.match (scenario, settings, summary, ruleset_id, ruleset_hash, as_of, "
            "layer_versions, software) SELECT scenario, "
            '\'{"order": "cost", "capacity_frac": {}, "reach_frac": 1.0}\', \'{}\', ruleset_id, '
            "ruleset_hash, as_of, layer_versions, software FROM meta.siting WHERE scenario = 'base'"
        )
    assert not sited.get("/api/sites/base").json()["current"]
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM meta.match WHERE scenario = 'base'")
    assert sited.get("/api/sites/base").json()["current"]


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({}, 422, "count"),
        ({"count": 0}, 422, "count"),
        ({"count": 1000}, 422, "count"),
        ({"count": 1, "technology": "air_source"}, 422, "technology"),
        ({"count": 1, "technology": "shallow_ground_source"}, 422, "technology"),
        ({"count": 1, "capacity_kw": -5}, 422, "capacity_kw"),
        ({"count": 1, "reach_m": 1e9}, 422, "reach_m"),
        ({"count": 1, "spacing_m": 1}, 422, "spacing_m"),
        ({"count": 1, "scenario": "../etc"}, 422, "scenario"),
        ({"count": 1, "scenario": "nobody"}, 404, "no matching run 'nobody'"),
        ({"count": 1, "colour": "red"}, 422, "colour"),
        ([], 422, "body"),
    ],
)
def test_wrong_plans_are_refused_before_anything_runs(client, body, status, told):
    answer = client.post("/api/sites", json=body)
    assert answer.status_code == status, answer.text
    assert told in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/api/sites/nobody", "/api/sites/nobody/places"])
def test_what_is_not_there(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert "no sites for the scenario 'nobody'" in answer.json()["detail"]
