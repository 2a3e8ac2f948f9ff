"""Bodies that POST /api/suitability must refuse with 4xx and the place named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

URL = "/api/suitability"
SQUARE = [[116.70, 39.90], [116.71, 39.90], [116.71, 39.91], [116.70, 39.91], [116.70, 39.90]]


def polygon(*rings: list[Any]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def collection(*features: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


def moved(dx: float, dy: float) -> list[list[float]]:
    return [[x + dx, y + dy] for x, y in SQUARE]


BOW_TIE = [[116.70, 39.90], [116.71, 39.91], [116.71, 39.90], [116.70, 39.91], [116.70, 39.90]]
GOOD = feature(polygon(SQUARE))
GEOGRAPHIC_CRS = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4548"}}

CASES: dict[str, tuple[Any, int, str]] = {
    "self-intersecting": (feature(polygon(BOW_TIE)), 422, "/geometry/coordinates"),
    "outside the city": (feature(polygon(moved(-1.9, -0.9))), 422, "/geometry/coordinates"),
    "outside the map": (feature(polygon(moved(-100, 0))), 422, "/geometry/coordinates/0/0/0"),
    "latitude first": (polygon([[y, x] for x, y in SQUARE]), 422, "/coordinates/0/0/0"),
    "metres": (polygon([[x * 4300, y * 110000] for x, y in SQUARE]), 422, "/coordinates/0/0/0"),
    "wrong crs": ({**collection(GOOD), "crs": GEOGRAPHIC_CRS}, 422, "/crs"),
    "wrong crs inside": (collection(GOOD, {**GOOD, "crs": GEOGRAPHIC_CRS}), 422, "/features/1/crs"),
    "point": (feature({"type": "Point", "coordinates": [116.7, 39.9]}), 422, "/geometry/type"),
    "line": (
        collection(GOOD, feature({"type": "LineString", "coordinates": SQUARE})),
        422, "/features/1/geometry/type",
    ),
    "geometry collection": (
        feature({"type": "GeometryCollection", "geometries": [polygon(SQUARE)]}), 422, "/geometry/type",
    ),
    "nested collection": (collection(collection(GOOD)), 422, "/features/0/type"),
    "empty collection": (collection(), 422, "/features"),
    "features no array": ({"type": "FeatureCollection", "features": {}}, 422, "/features"),
    "empty polygon": (feature(polygon()), 422, "/geometry/coordinates"),
    "empty ring": (feature(polygon([])), 422, "/geometry/coordinates/0"),
    "empty parts": (feature({"type": "MultiPolygon", "coordinates": []}), 422, "/geometry/coordinates"),
    "no geometry": (feature(None), 422, "/geometry"),
    "no type": ({}, 422, "/type"),
    "an array": ([GOOD], 422, ""),
    "null": (None, 422, ""),
    "unclosed": (feature(polygon([*SQUARE[:-1], [116.69, 39.9]])), 422, "/geometry/coordinates/0/4"),
    "three positions": (feature(polygon([*SQUARE[:2], SQUARE[0]])), 422, "/geometry/coordinates/0"),
    "a text for a number": (
        collection(GOOD, GOOD, GOOD, feature(polygon([SQUARE[0], SQUARE[1], ["116.7", 39.9], *SQUARE[3:]]))),
        422, "/features/3/geometry/coordinates/0/2/0",
    ),
    "true for a number": (polygon([SQUARE[0], [116.71, True], *SQUARE[2:]]), 422, "/coordinates/0/1/1"),
    "one number": (polygon([SQUARE[0], [116.71], *SQUARE[2:]]), 422, "/coordinates/0/1"),
    "no area": (polygon([SQUARE[0], SQUARE[1], SQUARE[0], SQUARE[0]]), 422, "/coordinates"),
    "properties an array": ({**GOOD, "properties": []}, 422, "/properties"),
    "id an object": ({**GOOD, "id": {}}, 422, "/id"),
    "ratio out of range": (feature(polygon(SQUARE), 容积率=-1), 422, "/properties/容积率"),
    "ratio no number": (feature(polygon(SQUARE), far="many"), 422, "/properties/far"),
    "status unknown": (collection(GOOD, feature(polygon(SQUARE), building_status="?")), 422,
                       "/features/1/properties/building_status"),
    "text too long": (feature(polygon(SQUARE), name="名" * 300), 422, "/properties/name"),
    "property nested": (feature(polygon(SQUARE), name={"zh": "x"}), 422, "/properties/name"),
    "zero byte": (feature(polygon(SQUARE), name="a\0b"), 422, "/properties/name"),
    "id twice": (collection({**GOOD, "id": "a"}, {**GOOD, "id": "a"}), 422, "/features/1"),
    "too many features": (collection(*[GOOD] * 51), 413, "/features"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_refused_with_place(client: TestClient, name: str) -> None:
    body, status, pointer = CASES[name]
    answer = client.post(URL, json=body)
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), (
        problem
    )
    assert {k: problem[k] for k in ("type", "status", "instance")} == {
        "type": "about:blank", "status": status, "instance": URL,
    }  # fmt: skip
    assert problem["errors"] == [{"pointer": pointer, "detail": problem["detail"]}]
    assert problem["detail"].endswith(".")


RAW: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"parcel;1",
    "truncated": json.dumps(GOOD).encode()[:-5],
    "NaN": json.dumps(feature(polygon([[float("nan"), 39.9], *SQUARE[1:]]))).encode(),
    "Infinity": json.dumps(feature(polygon(SQUARE), floor_area_ratio=float("inf"))).encode(),
    "out of double": json.dumps(polygon(SQUARE)).replace("116.71", "1e999").encode(),
    "not UTF-8": json.dumps(GOOD).encode()[:-1] + b',"x":"\xff"}',
    "nested arrays": b"[" * 5000 + b"]" * 5000,
    "nested objects": b'{"type":' * 500 + b"1" + b"}" * 500,
    "open brackets": b"[" * 2_000_000,
    "brackets in a text": json.dumps(feature(polygon(SQUARE), name="[" * 3000)).encode(),
}


@pytest.mark.parametrize("name", RAW)
def test_raw_bytes_refused(client: TestClient, name: str) -> None:
    answer = client.post(URL, content=RAW[name], headers={"content-type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["detail"]


def circle(count: int) -> list[list[float]]:
    angles = np.linspace(0, 2 * np.pi, count)
    ring = np.column_stack([116.7 + 0.01 * np.cos(angles), 39.9 + 0.01 * np.sin(angles)]).tolist()
    return [*ring[:-1], ring[0]]


def test_a_million_vertices(client: TestClient) -> None:
    vertices = json.dumps(feature(polygon(circle(1_000_000)))).encode()
    answer = client.post(URL, content=vertices, headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert "bytes" in answer.json()["detail"]


def test_too_many_vertices_within_the_bytes(client: TestClient) -> None:
    answer = client.post(URL, json=polygon(circle(21_000)))
    assert answer.status_code == 413
    assert "vertices" in answer.json()["detail"]


def test_stream_without_length_is_cut(client: TestClient) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b" " * 100_000

    answer = client.post(URL, content=endless(), headers={"content-type": "application/json"})
    assert answer.status_code == 413


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "multipart/form-data"])
def test_media_type(client: TestClient, media_type: str) -> None:
    answer = client.post(URL, content=json.dumps(GOOD), headers={"content-type": media_type})
    assert answer.status_code == 415


def test_unknown_properties_are_left_aside(client: TestClient) -> None:
    answer = client.post(URL, json=feature(polygon(SQUARE), colour={"deep": [1]}, remark_2=None))
    assert answer.status_code == 200, answer.text
