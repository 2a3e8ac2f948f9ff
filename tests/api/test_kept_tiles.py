"""Tiles that are kept for all web processes: never stale, never rendered twice, nothing lost in them."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api.main import create_app
from gis.settings import Settings
from gis.store import Store
from gis.webmap.boxes import KEPT_MAX_ZOOM, tile_box_m
from tests.browser.tile_reading import ask, features, tile_of

CENTRE = (116.40, 39.90)
CITY = ((115.3, 41.2), (117.6, 39.3))


@pytest.fixture(scope="module")
def two(town: Store) -> tuple[TestClient, TestClient]:
    """Clients of two applications on one store, as two web processes have."""
    made = [
        TestClient(create_app(town, Settings(anonymous="editor")), raise_server_exceptions=False)
        for _ in range(2)
    ]
    return made[0], made[1]


def kept(store: Store, layer: str) -> list[Any]:
    """Return version, zoom and body of the kept tiles of a layer."""
    with store.engine.connect() as connection:
        query = sa.text("SELECT version, z, body FROM meta.tile WHERE layer = :layer")
        return list(connection.execute(query, {"layer": layer}))


def write(store: Store, statement: str, **values: Any) -> None:
    """Change the database."""
    with store.engine.begin() as connection:
        connection.execute(sa.text(statement), values)


def test_one_application_finds_what_the_other_rendered(
    two: tuple[TestClient, TestClient], town: Store
) -> None:
    place = ("parcel", 13, *tile_of(*CENTRE, 13))
    first = ask(two[0], *place)
    assert [(z, gzip.decompress(body)) for _, z, body in kept(town, "parcel")] == [(13, first.content)]
    write(town, "UPDATE meta.tile SET body = :body", body=gzip.compress(b"from the table"))
    assert ask(two[1], *place).content == b"from the table"
    write(town, "TRUNCATE meta.tile")
    anew = TestClient(create_app(town, Settings(anonymous="editor")))
    again = ask(anew, *place)
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])


def test_who_has_a_tile_is_told_so_without_rendering(two: tuple[TestClient, TestClient], town: Store) -> None:
    place = ("district", 10, *tile_of(*CENTRE, 10))
    etag = ask(two[0], *place).headers["etag"]
    write(town, "TRUNCATE meta.tile")
    for told in (etag, f"W/{etag}", f'"other", {etag}'):
        answer = ask(two[0], *place, headers={"If-None-Match": told})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert kept(town, "district") == []
    assert ask(two[0], *place, headers={"If-None-Match": '"other"'}).status_code == 200


def test_an_import_brings_other_tiles_and_drops_the_kept(
    two: tuple[TestClient, TestClient], town: Store, tmp_path: Path
) -> None:
    place = ("data_centre", 9, *tile_of(*CENTRE, 9))
    before = ask(two[0], *place)
    (old,) = {version for version, *_ in kept(town, "data_centre")}
    one = town.read("data_centre").iloc[[0]].reset_index(drop=True)
    one["data_centre_id"] = "NEW"
    rejects = pd.DataFrame(columns=["row", "reason", "attributes", "wkt"])
    source = {"source_name": "x", "source_sha256": "0" * 64, "report": {}, "rejects": rejects}
    town.write_layer("data_centre", one, mode="append", **source)
    for client in two:
        after = ask(client, *place, headers={"If-None-Match": before.headers["etag"]})
        assert after.status_code == 200
        assert after.headers["etag"] != before.headers["etag"]
        assert set(features(after.content, tmp_path)["id"]) - set(
            features(before.content, tmp_path)["id"]
        ) == {"NEW"}
    assert old not in {version for version, *_ in kept(town, "data_centre")}


def test_tiles_around_the_city_and_close_ones_are_not_kept(
    two: tuple[TestClient, TestClient], town: Store
) -> None:
    write(town, "TRUNCATE meta.tile")
    assert ask(two[0], "parcel", 13, 0, 0).status_code == 204
    z = KEPT_MAX_ZOOM + 1
    with town.engine.connect() as connection:
        point = "ST_Transform(ST_PointOnSurface(geom), 4326)"
        where = sa.text(f"SELECT ST_X({point}), ST_Y({point}) FROM layer.parcel ORDER BY parcel_id LIMIT 1")
        lon, lat = connection.execute(where).one()
    assert ask(two[0], "parcel", z, *tile_of(lon, lat, z)).status_code == 200
    assert kept(town, "parcel") == []


def test_an_empty_tile_beside_others_is_kept(two: tuple[TestClient, TestClient], town: Store) -> None:
    write(town, "TRUNCATE meta.tile")
    source = town.read("wastewater_plant").to_crs("OGC:CRS84").geometry.iloc[0]
    x, y = (place // 16 * 16 for place in tile_of(source.x, source.y, 16))
    for j in range(16):
        for client in two:
            assert ask(client, "wastewater_plant", 16, x, y + j).status_code in (200, 204)
    bodies = [bytes(body) for _, _, body in kept(town, "wastewater_plant")]
    assert len(bodies) == 16
    assert b"" in bodies


@pytest.mark.parametrize("z", [7, 8])
def test_no_small_area_is_lost(
    two: tuple[TestClient, TestClient], town: Store, tmp_path: Path, z: int
) -> None:
    (x0, y0), (x1, y1) = (tile_of(*corner, z) for corner in CITY)
    counted, drawn = 0, set()
    for x in range(x0, x1 + 1):
        for y in range(y0, y1 + 1):
            answer = ask(two[0], "green_space", z, x, y)
            if answer.status_code == 200:
                found = features(answer.content, tmp_path)
                counts = found.get("feature_count", pd.Series(float("nan"), found.index))
                counted += int(counts.sum())
                drawn |= set(found["id"][counts.isna()])
    everything = set(town.read("green_space")["green_space_id"])
    assert drawn <= everything
    assert counted + len(drawn) == len(everything)
    assert counted > 0


@pytest.mark.parametrize("z", [12, 14])
def test_every_parcel_of_the_box_is_in_the_tile(
    two: tuple[TestClient, TestClient], town: Store, tmp_path: Path, z: int
) -> None:
    x, y = tile_of(*CENTRE, z)
    with town.engine.connect() as connection:
        query = """SELECT parcel_id FROM layer.parcel
                   WHERE ST_Intersects(ST_Transform(geom, 3857), ST_MakeEnvelope(:w, :s, :e, :n, 3857))"""
        inside = set(connection.scalars(sa.text(query), dict(zip("wsen", tile_box_m(z, x, y), strict=True))))
    assert inside
    assert inside <= set(features(ask(two[1], "parcel", z, x, y).content, tmp_path)["id"])
