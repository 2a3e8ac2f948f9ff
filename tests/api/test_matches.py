"""/api/matches: runs begun, followed and read, and what is refused."""

from __future__ import annotations

import time

import pytest

from api.schemas_match import MatchDetail, MatchedParcel, Matches, MatchJob, MatchSources
from gis.vocabulary import TECHNOLOGIES


def wait(client):
    """Return the job when it is no longer running."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        body = client.get("/api/matches").json()
        Matches.model_validate(body)
        if body["job"] and body["job"]["state"] not in ("waiting", "running"):
            return body["job"]
        time.sleep(0.1)
    raise AssertionError("the run does not end")


@pytest.fixture(scope="module")
def dry(client, worker):
    """A client with one run, made by a request."""
    assert client.get("/api/matches").json()["job"] is None
    assert client.get("/api/matches/dry").status_code == 404
    begun = client.post("/api/matches", json={"scenario": "dry", "capacity_frac": {"reclaimed_water": 0.5}})
    assert begun.status_code == 202, begun.text
    MatchJob.model_validate(begun.json())
    # Another one waits for its turn, and is cancelled before.
    other = client.post("/api/matches", json={"scenario": "other"})
    assert (other.status_code, other.json()["state"]) == (202, "waiting")
    assert client.get("/api/matches").json()["job"]["scenario"] == "dry"
    assert client.delete(f"/api/jobs/{other.json()['job_id']}").json()["state"] == "cancelled"
    job = wait(client)
    assert (job["state"], job["error"], job["scenario"]) == ("done", None, "dry")
    return client


def test_a_run_is_listed_and_told(dry):
    run = {run["scenario"]: run for run in dry.get("/api/matches").json()["runs"]}["dry"]
    assert run["settings"] == {
        "order": "priority",
        "capacity_frac": {"reclaimed_water": 0.5},
        "reach_frac": 1.0,
    }
    assert run["current"]
    body = dry.get("/api/matches/dry").json()
    MatchDetail.model_validate(body)
    summary = body["summary"]
    assert {row["technology"] for row in summary["technologies"]} == set(TECHNOLOGIES)
    kw = sum(row["allocated_kw"] for row in summary["technologies"]) + summary["unmet_kw"]
    # Loads are matched in whole watts.
    assert kw == pytest.approx(summary["heat_load_kw"], abs=0.002 * summary["parcel_count"])
    by_district = sum(row["heat_load_kw"] for row in summary["districts"])
    assert by_district == pytest.approx(summary["heat_load_kw"], rel=1e-9)


def test_the_ledger_is_told_whole_and_by_layer(dry):
    body = dry.get("/api/matches/dry/sources").json()
    MatchSources.model_validate(body)
    layers = {row["source_layer"] for row in body["sources"]}
    assert layers >= {"wastewater_plant", "geothermal_field", "data_centre", "green_space"}
    plants = dry.get("/api/matches/dry/sources", params={"layer": "wastewater_plant"}).json()["sources"]
    assert plants == [row for row in body["sources"] if row["source_layer"] == "wastewater_plant"]
    unknown = [row for row in body["sources"] if row["exclusion"] == "unknown_capacity"]
    assert unknown
    assert all(row["exploitable_kw"] is None and row["allocated_kw"] == 0 for row in unknown)


def test_a_parcel_tells_its_sources_and_who_holds_the_full_one(dry):
    connections = dry.app.state.store.match_part("connections", "dry")
    rows = dry.app.state.store.match_part("parcels", "dry")
    displaced = rows[rows["displaced_id"].notna() & rows["parcel_id"].isin(connections["parcel_id"])]
    parcel_id = displaced["parcel_id"].iloc[0]
    body = dry.get(f"/api/matches/dry/parcels/{parcel_id}").json()
    MatchedParcel.model_validate(body)
    assert body["parcel"]["parcel_id"] == parcel_id
    assert body["connections"]
    assert len(body["holders"]) > 0
    assert all(h["source_id"] == body["parcel"]["displaced_id"] for h in body["holders"])
    assert parcel_id not in {h["parcel_id"] for h in body["holders"]}
    kw = [h["allocated_kw"] for h in body["holders"]]
    assert kw == sorted(kw, reverse=True)


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/api/matches/nobody", 404, "no matching run 'nobody'"),
        ("/api/matches/nobody/sources", 404, "no matching run 'nobody'"),
        ("/api/matches/dry/parcels/nobody", 404, "no parcel 'nobody'"),
        ("/api/matches/Dry%20Winter", 422, "scenario"),
        ("/api/matches/dry/sources?layer=" + "x" * 61, 422, "layer"),
    ],
)
def test_what_is_not_there(dry, path, status, told):
    answer = dry.get(path)
    assert answer.status_code == status
    assert told in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"scenario": "../etc"}, 422, "scenario"),
        ({"scenario": "a", "order": "beauty"}, 422, "order"),
        ({"scenario": "a", "reach_frac": -1}, 422, "reach_frac"),
        ({"scenario": "a", "capacity_frac": {"parcel": 1}}, 400, "'parcel'"),
        ({"scenario": "a", "capacity_frac": {"geothermal": -1}}, 400, "-1.0 of geothermal"),
        ({"scenario": "a", "capacity_frac": {"geothermal": "much"}}, 422, "capacity_frac"),
        ({"scenario": "a", "colour": "red"}, 422, "colour"),
        ([], 422, "body"),
    ],
)
def test_wrong_scenarios_are_refused_before_anything_runs(dry, body, status, told):
    answer = dry.post("/api/matches", json=body)
    assert answer.status_code == status, answer.text
    assert told in answer.json()["detail"]
    assert wait(dry)["scenario"] == "dry"


def test_a_run_that_fails_says_why_and_leaves_the_last_one(dry):
    before = dry.get("/api/matches/dry").json()
    begun = dry.post(
        "/api/matches", json={"scenario": "dry", "capacity_frac": {"wastewater_plant/NOBODY": 0.5}}
    )
    assert begun.status_code == 202
    job = wait(dry)
    assert job["state"] == "failed"
    assert "wastewater_plant/NOBODY" in job["error"]
    assert dry.get("/api/matches/dry").json() == before
