"""Single features by HTTP: right, If-Match, what is refused, and results that follow."""

from __future__ import annotations

import concurrent.futures
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api.main import create_app
from gis.rules import load_ruleset
from gis.runs import Runs
from gis.settings import Settings
from gis.store import Store, open_store
from tests.conftest import at
from tests.working import until, working

PLANT = "/ogc/collections/wastewater_plant/items"


@pytest.fixture(scope="module")
def village(new_database: Callable[..., sa.URL], sample: str) -> Iterator[Store]:
    """A part of the sample, scored."""
    with open_store(at(new_database("village", sample))) as store:
        some = store.read("parcel").iloc[::60].reset_index(drop=True)
        given: dict[str, Any] = {"source_name": "t", "source_sha256": "0" * 64, "report": {}}
        store.write_layer("parcel", some, mode="replace", rejects=pd.DataFrame(), **given)
        Runs(store).score(load_ruleset())
        yield store


@pytest.fixture(scope="module")
def client(village: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings(anonymous="editor", data_dir=tmp_path_factory.mktemp("data"))
    with (
        working(village, settings),
        TestClient(create_app(village, settings), raise_server_exceptions=False) as asked,
    ):
        yield asked


def plant(client: TestClient, place: int = 0) -> tuple[str, dict[str, Any], str]:
    """Return id, feature and tag of a plant."""
    key = client.get(PLANT, params={"limit": 20}).json()["features"][place]["id"]
    answer = client.get(f"{PLANT}/{key}")
    return key, answer.json(), answer.headers["etag"]


def ended(client: TestClient, job: str) -> None:
    """Wait until a job has ended."""
    until(lambda: client.get(f"/api/jobs/{job}").json()["state"] in ("done", "failed"), f"job {job}")


def test_a_changed_property_leaves_all_else_as_it_is(client: TestClient, village: Store) -> None:
    key, _, tag = plant(client)
    before, version = village.read("wastewater_plant"), village.layer_versions()["wastewater_plant"]
    body = {"type": "Feature", "properties": {"remark": "扩建", "winter_temperature_degc": None}}
    answer = client.patch(f"{PLANT}/{key}", json=body, headers={"If-Match": tag})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["version"], told["etag"]) == (version.version + 1, answer.headers["etag"])
    assert client.get(f"{PLANT}/{key}").headers["etag"] == told["etag"] != tag
    after = village.read("wastewater_plant")
    at_key = (before["wastewater_plant_id"] == key).to_numpy()
    expected = before.copy()
    expected.loc[at_key, "remark"] = "扩建"
    expected.loc[at_key, "winter_temperature_degc"] = float("nan")
    assert after.drop(columns="geometry").equals(expected.drop(columns="geometry"))
    assert (after.geometry.to_wkb() == before.geometry.to_wkb()).all()
    with village.past(version.loaded_at) as past:
        assert past.layer("wastewater_plant").drop(columns="geometry").equals(before.drop(columns="geometry"))
    line = village.versions(["wastewater_plant"], 1)[0]
    assert (line.kind, line.change_count, line.author) == ("edit", 1, "anonymous")


def test_results_follow(client: TestClient, village: Store) -> None:
    key, feature, tag = plant(client, 2)
    run = village.latest_run()
    assert run is not None
    # Beside a parcel it serves it better than what is farther away, or is another source at least.
    middle = village.read("parcel").geometry.to_crs("EPSG:4326").iloc[0].representative_point()
    feature["geometry"]["coordinates"] = [middle.x + 0.002, middle.y]
    feature["properties"] |= {"winter_flow_m3_per_d": 90_000.0, "winter_temperature_degc": 13.0}
    sent = {k: feature[k] for k in ("type", "geometry", "properties")}
    answer = client.put(f"{PLANT}/{key}", json=sent, headers={"If-Match": tag})
    assert answer.status_code == 200, answer.text
    job = answer.json()["job_id"]
    ended(client, job)
    done = client.get(f"/api/jobs/{job}").json()
    assert done["state"] == "done", done
    follows = village.latest_run()
    assert follows is not None
    assert follows.layer_versions["wastewater_plant"] == answer.json()["version"]
    assert follows.scored_count < follows.parcel_count
    assert (follows.ruleset_hash, follows.as_of) == (run.ruleset_hash, run.as_of)


def test_a_feature_comes_and_goes(client: TestClient, village: Store) -> None:
    count = village.layer_versions()["data_centre"].feature_count
    items = "/ogc/collections/data_centre/items"
    held = client.get(items, params={"limit": 1}).json()["features"][0]
    held["properties"]["data_centre_id"] = "新 / 1"
    body = {k: held[k] for k in ("type", "geometry", "properties")}
    made = client.post(items, json=body)
    assert made.status_code == 201, made.text
    assert client.get(made.headers["location"]).json()["properties"]["data_centre_id"] == "新 / 1"
    assert village.layer_versions()["data_centre"].feature_count == count + 1
    again = client.post(items, json=body)
    assert again.status_code == 409
    assert "replace it with PUT" in again.json()["detail"]
    gone = client.delete(made.headers["location"], headers={"If-Match": made.headers["etag"]})
    assert (gone.status_code, gone.json()["etag"]) == (200, None)
    assert client.get(made.headers["location"]).status_code == 404
    assert village.layer_versions()["data_centre"].feature_count == count


def test_who_saw_another_state_changes_nothing(client: TestClient, village: Store) -> None:
    key, _, tag = plant(client, 1)
    body = {"type": "Feature", "properties": {"remark": "一"}}
    assert client.patch(f"{PLANT}/{key}", json=body, headers={"If-Match": tag}).status_code == 200
    version = village.layer_versions()["wastewater_plant"].version
    for headers, status in (({"If-Match": tag}, 412), ({}, 428), ({"If-Match": '"x"'}, 412)):
        for method in ("put", "patch", "delete"):
            sent = {} if method == "delete" else {"json": {**body, "geometry": None}}
            answer = client.request(method, f"{PLANT}/{key}", headers=headers, **sent)
            assert answer.status_code == status, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
    assert village.layer_versions()["wastewater_plant"].version == version


def test_of_many_who_saw_the_same_one_wins(client: TestClient, village: Store) -> None:
    key, _, tag = plant(client, 3)

    def change(number: int) -> int:
        body = {"type": "Feature", "properties": {"remark": f"第 {number} 人"}}
        answer = client.patch(f"{PLANT}/{key}", json=body, headers={"If-Match": tag})
        return answer.status_code

    before = village.layer_versions()["wastewater_plant"].version
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        found = sorted(pool.map(change, range(6)))
    assert found == [200] + [412] * 5
    assert village.layer_versions()["wastewater_plant"].version == before + 1


LINE = [[116.5, 39.9], [116.6, 39.9]]
WRONG = [
    ({"properties": {"colour": "red"}}, "/properties/colour", "has no field 'colour'"),
    ({"properties": {"design_capacity_m3_per_d": "many"}}, "", "design_capacity_m3_per_d"),
    ({"properties": {"design_capacity_m3_per_d": -5}}, "", "design_capacity_m3_per_d"),
    (
        {"properties": {"wastewater_plant_id": "b"}},
        "/properties/wastewater_plant_id",
        "cannot be changed",
    ),
    ({"properties": {"remark": {"a": 1}}}, "/properties/remark", "must be a text"),
    ({"properties": []}, "/properties", "must be an object"),
    ({"geometry": {"type": "Point", "coordinates": [39.9, 116.5]}}, "/geometry/coordinates/0", "longitude"),
    ({"geometry": {"type": "Point", "coordinates": "here"}}, "/geometry/coordinates", "position"),
    ({"geometry": {"type": "Circle"}}, "/geometry/type", "which no layer holds"),
    (
        {"geometry": {"type": "LineString", "coordinates": LINE[:1]}},
        "/geometry/coordinates",
        "at least 2",
    ),
    ({"geometry": {"type": "LineString", "coordinates": LINE}}, "", "layer wastewater_plant holds points"),
    ({"geometry": None}, "", "geometry"),
    ({"type": "FeatureCollection"}, "/type", "must be a GeoJSON Feature"),
]


@pytest.mark.parametrize(("body", "pointer", "said"), WRONG, ids=lambda v: str(v)[:40])
def test_what_an_import_would_refuse_is_refused(
    client: TestClient, village: Store, body: dict[str, Any], pointer: str, said: str
) -> None:
    key, _, tag = plant(client, 4)
    version = village.layer_versions()["wastewater_plant"].version
    answer = client.patch(f"{PLANT}/{key}", json={"type": "Feature"} | body, headers={"If-Match": tag})
    assert answer.status_code in (400, 422), answer.text
    told = answer.json()
    assert said in told["detail"], told
    if pointer:
        assert told["errors"][0]["pointer"] == pointer
    assert village.layer_versions()["wastewater_plant"].version == version
    assert client.get(f"{PLANT}/{key}").headers["etag"] == tag


def test_an_outline_that_crosses_itself_is_refused(client: TestClient) -> None:
    ring = [[116.4, 39.9], [116.41, 39.91], [116.41, 39.9], [116.4, 39.91], [116.4, 39.9]]
    body = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"parcel_id": "crossing"},
    }
    answer = client.post("/ogc/collections/parcel/items", json=body)
    assert answer.status_code == 422
    assert "not a valid polygon" in answer.json()["detail"]


def test_a_new_parcel_is_drawn_and_judged(client: TestClient, village: Store) -> None:
    held = client.get("/ogc/collections/parcel/items", params={"limit": 1}).json()["features"][0]
    held["properties"]["parcel_id"] = "new parcel"
    body = {k: held[k] for k in ("type", "geometry", "properties")}
    made = client.post("/ogc/collections/parcel/items", json=body)
    assert made.status_code == 201, made.text
    job = made.json()["job_id"]
    ended(client, job)
    assert village.scored_parcel("new parcel").verdict["parcel_id"] == "new parcel"
    with village.engine.connect() as connection:
        drawn = "SELECT count(*) FROM result.parcel_tile WHERE parcel_id = 'new parcel'"
        assert connection.exec_driver_sql(drawn).scalar() == 1
    gone = client.delete(made.headers["location"], headers={"If-Match": made.headers["etag"]})
    assert gone.status_code == 200
    with village.engine.connect() as connection:
        assert connection.exec_driver_sql(drawn).scalar() == 0


def test_only_who_may_changes(village: Store, tmp_path: Path) -> None:
    for role in (None, "viewer", "planner"):
        settings = Settings(anonymous=role, data_dir=tmp_path)
        with TestClient(create_app(village, settings)) as client:
            answers = [
                client.post(PLANT, json={"type": "Feature"}),
                client.patch(f"{PLANT}/P", json={"type": "Feature"}),
                client.delete(f"{PLANT}/P", headers={"If-Match": "x"}),
            ]
        assert {a.status_code for a in answers} == {401}


def test_there_is_nothing_to_change_but_layers(client: TestClient) -> None:
    for path in ("/ogc/collections/parcel_suitability/items/a", "/ogc/collections/nothing/items/a"):
        answer = client.delete(path, headers={"If-Match": "x"})
        assert answer.status_code == 404
        assert "whose features change" in answer.json()["detail"]
    answer = client.patch(f"{PLANT}/P", content=b"<a/>", headers={"Content-Type": "text/xml"})
    assert answer.status_code == 415
    answer = client.post(PLANT, content=json.dumps({"type": "Feature", "properties": {}}).encode())
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/properties")


def test_versions_and_differences_by_http(client: TestClient, village: Store) -> None:
    log = client.get("/api/versions", params={"limit": 1000}).json()["versions"]
    assert {v["kind"] for v in log} == {"import", "edit", "run", "rules"}
    assert all(v["author"] is None for v in log)
    one = client.get("/api/versions", params={"target": "wastewater_plant", "limit": 2}).json()["versions"]
    assert len(one) == 2
    older = client.get("/api/versions", params={"target": "wastewater_plant", "before": one[1]["at"]})
    assert all(v["at"] < one[1]["at"] for v in older.json()["versions"])
    assert client.get("/api/versions", params={"target": "job"}).status_code == 404
    runs = sorted(v["number"] for v in log if v["kind"] == "run")
    first = f"run {runs[0]}"
    asked = client.post("/api/diffs", json={"before": first, "after": f"run {runs[-1]}"})
    assert asked.status_code == 202, asked.text
    job = asked.json()["job_id"]
    ended(client, job)
    told = client.get(f"/api/jobs/{job}").json()
    assert told["state"] == "done", told
    assert told["result"]["before"]["run_id"] == runs[0]
    file = client.get(f"/api/diffs/{job}/file").json()
    assert len(file["features"]) == told["result"]["changed_count"] > 0
    parcel = file["features"][0]["properties"]
    assert "wastewater_plant" in parcel["because"]
    then = client.get(f"/api/parcels/{parcel['parcel_id']}/suitability", params={"as_of": first}).json()
    now = client.get(f"/api/parcels/{parcel['parcel_id']}/suitability").json()
    assert (then["recommended"], then["data_versions"]["wastewater_plant"]) == (
        parcel["recommended_before"],
        told["result"]["before"]["layer_versions"]["wastewater_plant"],
    )
    assert now["recommended"] == parcel["recommended_after"]
    bad = client.get(f"/api/parcels/{parcel['parcel_id']}/suitability", params={"as_of": "soon"})
    assert (bad.status_code, "is no time" in bad.json()["detail"]) == (400, True)
    assert client.post("/api/diffs", json={"before": "soon", "after": first}).status_code == 400
    missing = client.get(f"/api/parcels/{parcel['parcel_id']}/suitability", params={"as_of": "2001-01-01"})
    assert missing.status_code == 404
