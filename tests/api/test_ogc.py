"""OGC API Features: documents, pages, links, and what is refused."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any
from urllib.parse import quote, urlsplit

import pandas as pd
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api.main import create_app
from api.schemas import Problem
from gis.settings import Settings
from gis.store import Store, items
from gis.store.collections import COLLECTIONS
from gis.vocabulary import VERDICTS
from layers import LAYERS

ITEMS = "/ogc/collections/{}/items"


def href(document: dict[str, Any], rel: str) -> str:
    """Return where the only link of a relation leads."""
    (found,) = [link["href"] for link in document["links"] if link["rel"] == rel]
    return str(found)


def pages(client: TestClient, url: str) -> list[dict[str, Any]]:
    """Return a page and all that follow by their links."""
    found = [client.get(url).json()]
    while any(link["rel"] == "next" for link in found[-1]["links"]):
        found.append(client.get(href(found[-1], "next")).json())
    return found


def test_every_link_of_the_documents_leads_to_what_it_says(client: TestClient) -> None:
    seen: set[str] = set()
    waiting = ["http://testserver/ogc"]
    while waiting:
        answer = client.get(waiting.pop())
        assert answer.status_code == 200, answer.url
        if not answer.headers["content-type"].startswith("application/json"):
            continue
        document = answer.json()
        links = document.get("links", [])
        for link in [*links, *(one for c in document.get("collections", []) for one in c["links"])]:
            assert urlsplit(link["href"]).scheme == "http", link
            if link["href"] not in seen:
                seen.add(link["href"])
                told = client.get(link["href"]).headers["content-type"]
                assert told.split(";")[0] == link["type"].split(";")[0], link
                if link["rel"] in ("data", "conformance", "self"):
                    waiting.append(link["href"])
    assert any(link.endswith("/ogc/collections/parcel_suitability/items?f=json") for link in seen)


def test_the_interface_is_openapi_3_0_by_itself(client: TestClient) -> None:
    text = client.get("/ogc/api").text
    document = json.loads(text)
    assert document["openapi"].startswith("3.0.")
    assert set(re.findall(r'"#/components/schemas/(\w+)"', text)) == set(document["components"]["schemas"])
    # What JSON Schema has and OpenAPI 3.0 has not.
    for word in ('"null"', '"const"', '"examples"', '"$defs"', '"prefixItems"'):
        assert word not in text
    limit = next(
        p
        for p in document["paths"]["/ogc/collections/{collection_id}/items"]["get"]["parameters"]
        if p["name"] == "limit"
    )
    assert limit["schema"]["maximum"] == 10_000


def test_collections_are_the_loaded_layers_and_the_results(client: TestClient) -> None:
    found = {c["id"]: c for c in client.get("/ogc/collections").json()["collections"]}
    expected = {*LAYERS, "parcel_suitability"}
    if client.get("/api/matches").json()["runs"]:
        expected |= {"match_parcel", "match_connection", "match_source"}
    if client.get("/api/sites").json()["sitings"]:
        expected.add("site")
    assert set(found) == expected
    west, south, east, north = found["parcel"]["extent"]["spatial"]["bbox"][0]
    assert 115 < west < east < 118
    assert 39 < south < north < 42
    assert client.get("/ogc/collections/parcel").json()["extent"] == found["parcel"]["extent"]


def test_what_was_never_loaded_is_no_collection(empty_store: Store, settings: Settings) -> None:
    with TestClient(create_app(empty_store, settings)) as client:
        assert client.get("/ogc/collections").json()["collections"] == []
        for path in ("parcel", "parcel/items", "parcel_suitability/items/P-1", "nothing"):
            answer = client.get(f"/ogc/collections/{path}")
            assert answer.status_code == 404
            assert "There is no collection" in answer.json()["detail"]


@pytest.mark.parametrize(("layer", "limit"), [("data_centre", 1), ("green_space", 7), ("green_space", 100)])
def test_pages_hold_every_feature_once_in_the_order_of_ids(
    client: TestClient, city: Store, layer: str, limit: int
) -> None:
    found = pages(client, f"{ITEMS.format(layer)}?limit={limit}")
    ids = [feature["id"] for page in found for feature in page["features"]]
    assert ids == city.read(layer)[f"{layer}_id"].tolist()
    assert len(found) > 1
    for page in found:
        assert page["numberReturned"] == len(page["features"]) <= limit
        assert page["numberMatched"] == len(ids)


def test_deep_pages_are_read_from_the_index(city: Store) -> None:
    with city.engine.connect() as connection:
        last = connection.scalar(sa.text('SELECT max(parcel_id COLLATE "C") FROM layer.parcel'))
        for id_ in ("parcel", "parcel_suitability"):
            query = items.select_page(COLLECTIONS[id_], 100, after=last[:-3])
            text = query.compile(connection, compile_kwargs={"literal_binds": True}).string
            plan = "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {text}"))
            assert "Index Scan using parcel_order_idx on parcel" in plan, plan
            assert "Sort" not in plan, plan


def test_a_page_of_large_outlines_ends_early_and_the_next_goes_on(
    client: TestClient, city: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(items, "MAX_PAGE_BYTES", 2_000)
    found = pages(client, f"{ITEMS.format('green_space')}?limit=1000")
    assert len(found) > 1
    ids = [feature["id"] for page in found for feature in page["features"]]
    assert ids == city.read("green_space")["green_space_id"].tolist()


def test_a_feature_has_the_declared_values(client: TestClient, city: Store) -> None:
    for spec in LAYERS.values():
        frame = city.read(spec.id).astype(object)
        (feature,) = client.get(f"{ITEMS.format(spec.id)}?limit=1").json()["features"]
        row = frame.iloc[0]
        assert list(feature["properties"]) == list(spec.field_names)
        for name, value in feature["properties"].items():
            if value is None:
                assert pd.isna(row[name]), name
            elif spec.field(name).type == "timestamp":
                assert value == row[name].isoformat() + "+08:00"
            else:
                assert value == (str(row[name]) if spec.field(name).type == "date" else row[name]), name


def test_results_are_those_of_the_store(client: TestClient, city: Store) -> None:
    page = client.get(ITEMS.format("parcel_suitability"), params={"limit": 500}).json()
    facts, verdicts = city.result_rows([feature["id"] for feature in page["features"]])
    assert len(verdicts) == 500
    for feature, (_, row), load in zip(
        page["features"], verdicts.iterrows(), facts["heat_load_kw"], strict=True
    ):
        told = feature["properties"]
        for column in VERDICTS:
            value = row[column.name]
            assert told[column.name] == (None if value is None or value != value else value), column.name
        assert told["heat_load_kw"] == (None if load != load else load)


def test_one_feature_is_that_of_its_page(client: TestClient) -> None:
    (feature,) = client.get(f"{ITEMS.format('district')}?limit=1").json()["features"]
    alone = client.get(f"{ITEMS.format('district')}/{feature['id']}").json()
    links = alone.pop("links")
    assert alone == feature
    assert {link["rel"] for link in links} == {"self", "alternate", "collection"}


def test_ids_with_any_characters_are_found(empty_store: Store, settings: Settings, city: Store) -> None:
    names = ["a/b", "../c", "d?e#f", "g h", "é地", "'; --", '"', "<b>", "A", "_"]
    frame = city.read("wastewater_plant").iloc[: len(names)].reset_index(drop=True)
    frame["wastewater_plant_id"] = names
    nothing: Any = frame.iloc[:0]
    empty_store.write_layer(
        "wastewater_plant",
        frame,
        mode="replace",
        source_name="t",
        source_sha256="",
        report={},
        rejects=nothing,
    )
    with TestClient(create_app(empty_store, settings)) as client:
        url = ITEMS.format("wastewater_plant")
        found = [f["id"] for page in pages(client, f"{url}?limit=2") for f in page["features"]]
        assert found == sorted(names)
        for name in names:
            answer = client.get(f"{url}/{quote(name, safe='')}")
            assert answer.status_code == 200, name
            assert answer.json()["properties"]["wastewater_plant_id"] == name
            assert client.get(href(answer.json(), "self")).json()["id"] == name
        shown = client.get(url, params={"f": "html"}).text
        assert "<b>" not in shown
        assert "&lt;b&gt;" in shown


def test_the_form_follows_f_and_then_accept(client: TestClient) -> None:
    def form(accept: str, **params: str) -> str:
        answer = client.get("/ogc", headers={"Accept": accept}, params=params)
        return answer.headers["content-type"].split(";")[0]

    assert form("text/html,application/xhtml+xml,*/*;q=0.8") == "text/html"
    assert form("*/*") == "application/json"
    assert form("application/json") == "application/json"
    assert form("text/html;q=0.5, application/json") == "application/json"
    assert form("text/html", f="json") == "application/json"
    assert form("application/json", f="html") == "text/html"
    assert form("text/html;q=x") == "text/html"


def test_pages_for_people_lead_on(client: TestClient) -> None:
    page = client.get(ITEMS.format("district"), params={"f": "html", "limit": 2}).text
    assert "<script" not in page
    next_ = re.search(r"href='([^']*)'>Next page", page)
    assert next_ is not None
    assert client.get(unescape(next_[1])).headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=10001", "limit=-1", "limit=1.5", "limit=9e9", "limit=999999999999999999999",
        "limit=", "limit=%D9%A1", "limit=1&limit=2", "bbox=1,2,3", "bbox=1,2,3,x", "bbox=1,2,3,4,5",
        "bbox=1,2,3,nan", "bbox=1,2,3,inf", "bbox=1,2,3,1e999", "bbox=", "bbox=116,40,117,39",
        "bbox-crs=EPSG:4326", "crs=", "crs=http://www.opengis.net/def/crs/EPSG/0/3857",
        "bbox=39501000,1,39500000,2&bbox-crs=http://www.opengis.net/def/crs/EPSG/0/4527",
        "datetime=tomorrow", "datetime=2026-13-01", "datetime=..", "datetime=2026-01-01/2025-01-01",
        "datetime=2026-01-01/../..", "f=xml", "f=", "nosuch=x", "after=", "after=a%00b", "offset=5",
        "filter%00=1", "after=" + "x" * 4001,
        "sortby=", "sortby=nosuch", "sortby=geometry", "sortby=name,", "sortby=name,-name", "sortby=--name",
        "sortby=parcel_id,name,district,township,source,remark", "sortby=name&after=P-000101",
        "sortby=name&after=%5B%22x%22%5D", "sortby=population&after=%5B%22x%22,%22y%22%5D",
        "sortby=name&after=%5B%5B%5D,%22y%22%5D", "sortby=name&after=%7B%7D", "population=x", "synthetic=1",
        "floor_area_ratio=1e999", "district=a&district=b", "geometry=x", "parcel_id=%00",
    ],
)  # fmt: skip
def test_wrong_parameters_are_refused(client: TestClient, query: str) -> None:
    answer = client.get(f"{ITEMS.format('parcel')}?{query}")
    assert answer.status_code == 400, answer.text
    problem = Problem.model_validate_json(answer.content)
    assert problem.detail.endswith(".")


@pytest.mark.parametrize("path", ["", "/conformance", "/api", "/collections", "/collections/parcel"])
def test_no_route_takes_parameters_that_are_not_known(client: TestClient, path: str) -> None:
    assert client.get(f"/ogc{path}?unknown=1").status_code == 400


@pytest.mark.parametrize(
    "when", ["2026-01-01", "2026-01-01T00:00:00Z/..", "/2026-01-01", "2025-01-01/2026-01-01"]
)
def test_no_feature_is_bound_to_a_time(client: TestClient, when: str) -> None:
    found = client.get(ITEMS.format("district"), params={"datetime": when, "limit": 100})
    assert found.json()["features"] == client.get(ITEMS.format("district") + "?limit=100").json()["features"]


@pytest.mark.parametrize("feature_id", ["..%2f..%2fetc%2fpasswd", "%00", "x'--", "%ff", "a" * 5000])
def test_ids_that_are_none_are_not_found(client: TestClient, feature_id: str) -> None:
    answer = client.get(f"{ITEMS.format('parcel')}/{feature_id}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
