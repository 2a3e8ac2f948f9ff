"""Addresses and bodies that nobody would send: an answer or a problem of the caller's, not the server's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest
from fastapi.testclient import TestClient
from hypothesis import example, given
from hypothesis import strategies as st

from api.main import create_app
from gis.settings import Settings
from gis.store import Store
from gis.store.collections import COLLECTIONS
from layers import LAYERS, RASTERS
from tests.browser.tile_reading import features, tile_of
from tests.fuzz.altering import altered_bytes, altered_tree, many
from tests.fuzz.promise import check_sentence
from tests.fuzz.targets import seeds

NUMBERS = st.one_of(
    st.integers(-2, 24), st.integers(0, 2**16), st.sampled_from((2**31, 2**63, -(2**63), 10**30, "9" * 5000)),
    st.sampled_from(("", "x", "1.5", "1e3", "٣", "0x1", "+1", " 1", "nan", "-0", "%00", "1/2")),
)  # fmt: skip


# Around the city, where tiles are not empty.
PLACES = st.integers(6, 15).flatmap(
    lambda z: st.tuples(st.just(z), *(st.integers(at - 1, at + 1) for at in tile_of(116.7, 39.9, z)))
)
NAMES = st.sampled_from((
    *LAYERS, *RASTERS, *COLLECTIONS, "demand", "potential", "none", "", "..", "%2e%2e", "'", "%00",
    "match_main", "parcel_suitability", "match_source", "名", "%ff", "a" * 3000,
))  # fmt: skip
WORDS = st.text(max_size=12) | NAMES | st.sampled_from((
    "none", "base", "通州区", "reclaimed_water", "suitable", "0", "-1", "1e400", "nan", "\0", "\ud7ff",
    "1,2,3", "116.7,39.9,116.8,40", "9,9,1,1", "..", "2026-01-01/..", "x" * 9000, "name,-name", "hits",
    "2.0.0", "1.1.0", "http://www.opengis.net/def/crs/EPSG/0/4490", "urn:ogc:def:crs:EPSG::4326",
    "GetFeature", "WFS", "onemap:parcel", "application/json", "GML3",
))  # fmt: skip
QUERIES = {
    "tiles": ("v", "scenario", "district", "technology", "status", "land_use_class", "score_min",
              "score_max"),
    "items": ("limit", "bbox", "bbox-crs", "crs", "filter", "filter-lang", "filter-crs", "sortby",
              "datetime", "after", "f", "name", "population"),
    "wfs": ("service", "version", "request", "typenames", "typename", "count", "startindex", "srsname",
            "bbox", "filter", "cql_filter", "resourceid", "propertyname", "sortby", "outputformat",
            "resulttype"),
    "identify": ("lon", "lat", "zoom", "layers", "district", "score_min"),
    "search": ("q", "limit", "kinds"),
}  # fmt: skip
TEMPLATES = (
    "/tiles/{name}/{z}/{x}/{y}.mvt", "/tiles/{name}/{z}/{x}/{y}.png", "/tiles/{name}.json",
    "/ogc/collections/{name}/tiles/WebMercatorQuad/{z}/{y}/{x}",
    "/wmts/1.0.0/{name}/default/WebMercatorQuad/{z}/{y}/{x}.png",
)  # fmt: skip


@pytest.fixture(scope="module")
def client(scored: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client on the scored sample; a server error is an answer, not an exception."""
    settings = Settings(anonymous="editor", data_dir=tmp_path_factory.mktemp("data"))
    with TestClient(create_app(scored, settings), raise_server_exceptions=False) as made:
        yield made


def check(answer: httpx.Response) -> None:
    """Hold an answer against the promise: refusals are problems in a sentence."""
    assert answer.status_code < 500, f"{answer.status_code} of {answer.request.url}: {answer.text[:300]}"
    if answer.status_code >= 400 and answer.headers["content-type"].startswith("application/problem+json"):
        check_sentence(answer.json()["detail"])


def asked(names: tuple[str, ...]) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Return parameters, some of them twice."""
    return st.lists(st.tuples(st.sampled_from(names), WORDS), max_size=3)


@given(template=st.sampled_from(TEMPLATES), name=NAMES, place=PLACES | st.tuples(NUMBERS, NUMBERS, NUMBERS),
       query=asked(QUERIES["tiles"]))  # fmt: skip
@example(template=TEMPLATES[0], name="parcel", place=(13, *tile_of(116.7, 39.9, 13)), query=[])
@many(60)
def test_tiles(
    client: TestClient, tmp_path_factory: Any, template: str, name: str, place: Any, query: Any
) -> None:
    z, x, y = place
    answer = client.get(template.format(name=name, z=z, x=x, y=y), params=query)
    check(answer)
    if answer.status_code == 200 and answer.headers["content-type"].startswith("application/vnd.mapbox"):
        features(answer.content, tmp_path_factory.mktemp("tile"))


@given(name=NAMES, query=asked(QUERIES["items"]))
@many(30)
def test_items(client: TestClient, name: str, query: Any) -> None:
    check(client.get(f"/ogc/collections/{name}/items", params=query))


@given(query=asked(QUERIES["wfs"]), data=st.data())
@many(30)
def test_wfs(client: TestClient, query: Any, data: st.DataObject) -> None:
    begun = {"service": "WFS", "version": "2.0.0", "request": "GetFeature", "typenames": "parcel"}
    if data.draw(st.booleans()):
        right = data.draw(st.sampled_from(sorted(seeds("wfs_xml").values())))
        begun["filter"] = data.draw(altered_bytes(right)).decode("utf-8", "replace")
    check(client.get("/wfs", params=begun | {"count": "2"} | dict(query)))


@given(which=st.sampled_from(("identify", "search")), data=st.data())
@many(20)
def test_places_and_words(client: TestClient, which: str, data: st.DataObject) -> None:
    begun = {"identify": {"lon": "116.7", "lat": "39.9"}, "search": {"q": "通州"}}[which]
    check(client.get(f"/api/{which}", params=begun | dict(data.draw(asked(QUERIES[which])))))


@given(data=st.data())
@many(60)
def test_bodies_of_drawn_polygons(client: TestClient, data: st.DataObject) -> None:
    names = ("collection.json", "bare_polygon.json", "feature_with_crs.json")
    sent = seeds("body")[data.draw(st.sampled_from(names))]
    if data.draw(st.booleans()):
        sent = data.draw(altered_bytes(sent))
    else:
        sent = json.dumps(data.draw(altered_tree(orjson.loads(sent)))).encode()
    check(client.post("/api/suitability", content=sent, headers={"content-type": "application/geo+json"}))
