"""Tiles and identification against plain SQL on the same data."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pyproj
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api.main import create_app
from gis.crs import STORAGE_EPSG
from gis.settings import Settings
from gis.store import Store
from gis.webmap.boxes import storage_box
from gis.webmap.tiles import TILE_LAYERS, tile_box_m
from layers import LAYERS
from tests.browser.tile_reading import ask, features, tile_of

CENTRE = (116.40, 39.90)
PROBLEM = "application/problem+json"


def test_where_a_tile_lies_is_known_at_once_in_every_thread() -> None:
    box = tile_box_m(12, *tile_of(*CENTRE, 12))
    known = pyproj.Transformer.from_crs("EPSG:3857", f"EPSG:{STORAGE_EPSG}", always_xy=True)
    assert storage_box(box, 0.0) == pytest.approx(known.transform_bounds(*box, densify_pts=21), abs=1e-6)
    took_s: list[float] = []

    def ask_anew() -> None:
        begun = time.thread_time()
        storage_box(box, 0.0)
        took_s.append(time.thread_time() - begun)

    for _ in range(5):
        thread = threading.Thread(target=ask_anew)
        thread.start()
        thread.join()
    # The search for a transformation, which PROJ makes in every thread anew, takes some 0.1 s of a core.
    assert 0 < min(took_s) < 0.02


@pytest.mark.parametrize("z", [8, 10, 11])
def test_every_parcel_is_in_one_cell(map_client: TestClient, scored: Store, tmp_path: Path, z: int) -> None:
    x0, y0 = tile_of(115.3, 41.2, z)
    x1, y1 = tile_of(117.6, 39.3, z)
    counted = 0
    for x in range(x0, x1 + 1):
        for y in range(y0, y1 + 1):
            answer = ask(map_client, "parcel_suitability", z, x, y)
            if answer.status_code == 200:
                cells = features(answer.content, tmp_path)
                assert len(cells) <= 64 * 64
                counted += int(cells["parcel_count"].sum())
    with scored.engine.connect() as connection:
        assert counted == connection.execute(sa.text("SELECT count(*) FROM result.parcel_tile")).scalar()


@pytest.mark.parametrize("z", [12, 14, 16])
def test_parcel_tile_holds_the_parcels_that_sql_finds(
    map_client: TestClient, scored: Store, tmp_path: Path, z: int
) -> None:
    x, y = tile_of(*CENTRE, z)
    got = features(ask(map_client, "parcel_suitability", z, x, y).content, tmp_path)
    box = dict(zip("wsen", tile_box_m(z, x, y), strict=True))
    query = """SELECT parcel_id, recommended
               FROM result.parcel_tile LEFT JOIN result.parcel_suitability USING (parcel_id)
               WHERE ST_Intersects(geom, ST_MakeEnvelope(:w, :s, :e, :n, 3857))"""
    with scored.engine.connect() as connection:
        inside: dict[str, str | None] = dict(connection.execute(sa.text(query), box).tuples().all())
    # The tile reaches a few pixels over its edge, so that it may hold neighbours too.
    shown = dict(zip(got["id"], got["recommended"], strict=True))
    assert inside
    assert set(inside) <= set(shown)
    assert {k: shown[k] for k, v in inside.items() if v} == {k: v for k, v in inside.items() if v}


@pytest.mark.parametrize("layer", TILE_LAYERS)
def test_every_layer_has_tiles_at_every_zoom(map_client: TestClient, layer: str) -> None:
    drawn = 0
    for z in (0, 3, 6, 9, 12, 15, 22):
        x, y = tile_of(*CENTRE, z)
        for place in {(x, y), (0, 0), (2**z - 1, 2**z - 1)}:
            answer = ask(map_client, layer, z, *place)
            assert answer.status_code in (200, 204), answer.text
            drawn += answer.status_code == 200
    whole_city = (ask(map_client, layer, 12, x, y) for x in range(3370, 3378) for y in range(1548, 1554))
    assert drawn or any(t.status_code == 200 for t in whole_city)


@pytest.mark.parametrize(
    "path",
    [
        "nowhere/9/420/193",
        "meta/9/420/193",
        "parcel_tile/9/420/193",
        "district/23/0/0",
        "district/-1/0/0",
        "district/3/8/0",
        "district/3/0/-1",
        "district/3/99999999999999999999999999/0",
    ],
)
def test_tiles_that_do_not_exist_are_problems(map_client: TestClient, path: str) -> None:
    answer = map_client.get(f"/tiles/{path}.mvt")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith(PROBLEM)


@pytest.mark.parametrize("path", ["district/a/0/0", "district/1/0.5/0", "district/1/0/x"])
def test_tile_numbers_must_be_whole(map_client: TestClient, path: str) -> None:
    answer = map_client.get(f"/tiles/{path}.mvt")
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"].startswith(PROBLEM)


def test_tiles_are_compressed_and_cached_by_version(map_client: TestClient) -> None:
    x, y = tile_of(*CENTRE, 10)
    first = ask(map_client, "district", 10, x, y)
    assert first.headers["content-encoding"] == "gzip"
    assert first.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    assert first.headers["cache-control"] == "public, no-cache"
    again = ask(map_client, "district", 10, x, y, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert not again.content
    plain = ask(map_client, "district", 10, x, y, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == first.content
    page = map_client.get("/").text
    version = page.split("/tiles/district/{z}/{x}/{y}.mvt?v=")[1].split("'")[0]
    lasting = ask(map_client, "district", 10, x, y, params={"v": version})
    assert "immutable" in lasting.headers["cache-control"]
    stale = ask(map_client, "district", 10, x, y, params={"v": "0" * 12})
    assert stale.headers["cache-control"] == "public, no-cache"


def test_a_store_without_data_answers_with_nothing(empty_store: Store, map_settings: Settings) -> None:
    client = TestClient(create_app(empty_store, map_settings), raise_server_exceptions=False)
    assert client.get("/").status_code == 200
    for layer in TILE_LAYERS:
        assert ask(client, layer, 9, 421, 193).status_code == 204
    every = ",".join(LAYERS)
    answer = client.get("/api/identify", params={"lon": 116.4, "lat": 39.9, "layers": every})
    nothing = {"parcels": [], "hidden_parcel_count": 0, "features": []}
    assert answer.json() == {"lon": 116.4, "lat": 39.9, **nothing}


def test_identify_finds_the_parcel_and_the_features(map_client: TestClient, scored: Store) -> None:
    query = """SELECT p.parcel_id, w.wastewater_plant_id,
                 ST_X(ST_Transform(c, 4326)), ST_Y(ST_Transform(c, 4326)),
                 ST_X(ST_Transform(w.geom, 4326)), ST_Y(ST_Transform(w.geom, 4326))
               FROM layer.parcel p, layer.wastewater_plant w,
               LATERAL (SELECT (ST_MaximumInscribedCircle(p.geom)).center AS c) AS middle
               ORDER BY p.parcel_id, w.wastewater_plant_id LIMIT 1"""
    with scored.engine.connect() as connection:
        parcel, plant, lon, lat, plant_lon, plant_lat = connection.execute(sa.text(query)).one()
    found = map_client.get("/api/identify", params={"lon": lon, "lat": lat}).json()
    assert [p["parcel_id"] for p in found["parcels"]] == [parcel]
    assert found["parcels"][0]["geometry"]["type"] == "MultiPolygon"
    assert found["features"] == []
    beside = {"lon": plant_lon + 0.0002, "lat": plant_lat, "zoom": 14, "layers": "wastewater_plant,district"}
    features_there = map_client.get("/api/identify", params=beside).json()["features"]
    assert ("wastewater_plant", plant) in [(f["layer"], f["id"]) for f in features_there]
    assert [f["layer"] for f in features_there].count("district") == 1
    close = map_client.get("/api/identify", params=beside | {"zoom": 18}).json()["features"]
    assert "wastewater_plant" not in [f["layer"] for f in close]


@pytest.mark.parametrize(("lon", "lat"), [(0, 0), (180, 90), (-180, -90), (116.4, 89.9)])
def test_identify_far_away_finds_nothing(map_client: TestClient, lon: float, lat: float) -> None:
    answer = map_client.get("/api/identify", params={"lon": lon, "lat": lat, "layers": ",".join(LAYERS)})
    assert answer.status_code == 200
    assert answer.json()["parcels"] == answer.json()["features"] == []


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"lon": "nan", "lat": 39.9}, 422),
        ({"lon": 181, "lat": 39.9}, 422),
        ({"lon": 116.4}, 422),
        ({"lon": 116.4, "lat": 39.9, "zoom": 99}, 422),
        ({"lon": 116.4, "lat": 39.9, "layers": "parcel;DROP"}, 404),
    ],
)
def test_identify_refuses_bad_parameters(map_client: TestClient, params: dict[str, Any], status: int) -> None:
    answer = map_client.get("/api/identify", params=params)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith(PROBLEM)


def test_a_zone_given_as_townships_is_drawn_and_found(map_client: TestClient, scored: Store) -> None:
    with scored.engine.connect() as connection:
        zone, lon, lat = connection.execute(
            sa.text(
                """
                SELECT z.water_intake_zone_id, ST_X(p), ST_Y(p)
                FROM layer.water_intake_zone z JOIN layer.township t
                     ON t.name = ANY(string_to_array(z.townships, '、')),
                     LATERAL ST_Transform(ST_PointOnSurface(t.geom), 4326) AS p
                WHERE z.geom IS NULL ORDER BY t.township_id LIMIT 1"""
            )
        ).one()
    query = {"lon": lon, "lat": lat, "zoom": 12, "layers": "water_intake_zone"}
    found = map_client.get("/api/identify", params=query).json()["features"]
    assert zone in [feature["id"] for feature in found]
    x, y = tile_of(lon, lat, 12)
    answer = map_client.get(f"/tiles/water_intake_zone/12/{x}/{y}.mvt")
    assert answer.status_code == 200
    assert zone.encode() in answer.content
