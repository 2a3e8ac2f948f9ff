"""Documents about tiles, rasters as tiles, and pictures for WMTS: held against SQL, GDAL and OWSLib."""

from __future__ import annotations

import math
import os
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import morecantile
import numpy as np
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from owslib.wmts import WebMapTileService
from PIL import Image, ImageColor

from api.main import create_app
from gis.resources import Raster
from gis.settings import Settings
from gis.store import Store
from gis.webmap.page import TECHNOLOGY_COLOURS
from gis.webmap.raster_tiles import stops
from gis.webmap.tiles import TILE_LAYERS
from layers import LAYERS, RASTERS
from tests.browser.tile_reading import ask, features, tile_of
from tests.serving import serve

CENTRE = (116.40, 39.90)
PROBLEM = "application/problem+json"
QUAD = "WebMercatorQuad"


@pytest.fixture(scope="module")
def address(city: Store, settings: Settings) -> Iterator[str]:
    """The address of the scored city on a real server."""
    with serve(create_app(city, settings)) as base:
        yield base


def run(*command: str) -> str:
    """Return what a GDAL program prints."""
    environment = os.environ | {"no_proxy": "127.0.0.1", "GDAL_HTTP_TIMEOUT": "60"}
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "ERROR" not in ran.stderr, ran.stderr
    return ran.stdout


def picture(body: bytes) -> np.ndarray[Any, Any]:
    """Return red, green, blue and alpha of every pixel."""
    return np.asarray(Image.open(BytesIO(body)).convert("RGBA"))


@pytest.mark.parametrize("layer", ["parcel", "parcel_suitability", "water_intake_zone", "data_centre"])
def test_tilejson_tells_what_the_tiles_hold(client: TestClient, tmp_path: Path, layer: str) -> None:
    told = client.get(f"/tiles/{layer}.json").json()
    assert told["tilejson"] == "3.0.0"
    (one,) = told["vector_layers"]
    assert one["id"] == layer
    drawn = 0
    for z in (told["minzoom"], 12):
        x, y = tile_of(*CENTRE, z)
        places = [
            (x + i, y + j) for i in range(-1, 2) for j in range(-1, 2) if 0 <= x + i < 2**z > y + j >= 0
        ]
        for i, j in places:
            path = told["tiles"][0].replace("{z}", str(z)).replace("{x}", str(i)).replace("{y}", str(j))
            answer = client.get(path.removeprefix("http://testserver"))
            assert "immutable" in answer.headers["cache-control"]
            if answer.status_code == 200:
                found = set(features(answer.content, tmp_path).columns) - {"geometry", "mvt_id"}
                assert found <= set(one["fields"])
                drawn += 1
    assert drawn > 0
    west, south, east, north = told["bounds"]
    assert west < CENTRE[0] < east
    assert south < CENTRE[1] < north


def test_tiles_that_are_not_there_have_no_tilejson(client: TestClient) -> None:
    for layer in ("nowhere", "match_parcel"):  # the city was never matched
        answer = client.get(f"/tiles/{layer}.json")
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith(PROBLEM)


def test_the_style_draws_every_source_in_the_colours_of_the_page(client: TestClient) -> None:
    style = client.get("/tiles/style.json").json()
    assert style["version"] == 8
    assert {layer["source"] for layer in style["layers"]} == set(style["sources"])
    assert set(style["sources"]) <= set(TILE_LAYERS)
    assert len({layer["id"] for layer in style["layers"]}) == len(style["layers"])
    results = next(layer for layer in style["layers"] if layer["source"] == "parcel_suitability")
    cases = results["paint"]["fill-color"]
    assert dict(zip(cases[2:-1:2], cases[3:-1:2], strict=True)) == TECHNOLOGY_COLOURS
    mains = next(layer for layer in style["layers"] if layer["id"] == "reclaimed_water_pipeline-line")
    assert mains["paint"]["line-color"] == LAYERS["reclaimed_water_pipeline"].style.colour


def test_ogc_tilesets_lead_to_the_same_tiles(client: TestClient, tmp_path: Path) -> None:
    conforms = client.get("/ogc/conformance").json()["conformsTo"]
    assert "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/core" in conforms
    for layer in ("parcel", "district"):
        links = client.get(f"/ogc/collections/{layer}").json()["links"]
        (tiles,) = [one["href"] for one in links if one["rel"].endswith("/tilesets-vector")]
        (tileset,) = client.get(tiles).json()["tilesets"]
        rels = {one["rel"]: one["href"] for one in tileset["links"]}
        told = client.get(rels["self"]).json()
        scheme = client.get(rels["http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme"]).json()
        quad = morecantile.TileMatrixSet.model_validate(scheme)
        assert quad.tile(*CENTRE, 13) == morecantile.tms.get(QUAD).tile(*CENTRE, 13)
        limits = {one["tileMatrix"]: one for one in told["tileMatrixSetLimits"]}
        place = dict(zip(("x", "y"), tile_of(*CENTRE, 13), strict=True))
        assert limits["13"]["minTileCol"] <= place["x"] <= limits["13"]["maxTileCol"]
        assert limits["13"]["minTileRow"] <= place["y"] <= limits["13"]["maxTileRow"]
        path = rels["item"].replace("{tileMatrix}", "13").replace("{tileRow}", str(place["y"]))
        answer = client.get(path.replace("{tileCol}", str(place["x"])))
        assert answer.content == ask(client, layer, 13, **place).content
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("collections/nowhere/tiles", 404),
        ("collections/parcel/tiles/WorldCRS84Quad", 404),
        (f"collections/parcel/tiles/{QUAD}/23/0/0", 404),
        (f"collections/parcel/tiles/{QUAD}/3/0/8", 404),
        (f"collections/parcel/tiles/{QUAD}/a/0/0", 422),
        (f"collections/parcel/tiles/{QUAD}?g=json", 400),
    ],
)
def test_bad_requests_for_ogc_tiles_are_problems(client: TestClient, path: str, status: int) -> None:
    answer = client.get(f"/ogc/{path}")
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith(PROBLEM)


def test_gdal_places_a_tile_where_sql_does(address: str, city: Store) -> None:
    z = 13
    x, y = tile_of(*CENTRE, z)
    asked = f"MVT:/vsicurl/{address}/tiles/parcel/{z}/{x}/{y}.mvt"
    told = run("ogrinfo", "-ro", "-al", asked)
    ids = {line.split(" = ")[1] for line in told.splitlines() if line.startswith("  id (String)")}
    box = dict(zip("wsen", morecantile.tms.get(QUAD).xy_bounds(x, y, z), strict=True))
    query = """SELECT parcel_id FROM layer.parcel
               WHERE ST_Intersects(ST_Transform(geom, 3857), ST_MakeEnvelope(:w, :s, :e, :n, 3857))"""
    with city.engine.connect() as connection:
        inside = set(connection.scalars(sa.text(query), box))
    assert inside
    # GDAL cuts at the edge: what only touches it within half a unit may fall away.
    assert len(inside - ids) <= 1


def test_wmts_is_read_by_owslib(address: str, city: Store) -> None:
    client = WebMapTileService(f"{address}/wmts")
    assert {"parcel_suitability", "parcel", "district"} <= set(client.contents)
    with city.engine.connect() as connection:
        query = """SELECT recommended, ST_X(p), ST_Y(p) FROM result.parcel_suitability
                   JOIN (SELECT parcel_id, ST_Transform((ST_MaximumInscribedCircle(geom)).center, 4326) AS p,
                         ST_Area(geom) AS area FROM layer.parcel) AS parcel USING (parcel_id)
                   WHERE recommended IS NOT NULL ORDER BY area DESC LIMIT 3"""
        found = connection.execute(sa.text(query)).all()
    z = 16
    for technology, lon, lat in found:
        x, y = tile_of(lon, lat, z)
        got = client.gettile(
            layer="parcel_suitability",
            tilematrixset=QUAD,
            tilematrix=str(z),
            row=y,
            column=x,
            format="image/png",
        )
        pixels = picture(got.read())
        left, upper = morecantile.tms.get(QUAD).ul(x, y, z)
        right, lower = morecantile.tms.get(QUAD).ul(x + 1, y + 1, z)
        at = pixels[int((upper - lat) / (upper - lower) * 256), int((lon - left) / (right - left) * 256)]
        # Making the picture smaller rounds colours of what is not opaque.
        assert np.allclose(at[:3], ImageColor.getrgb(TECHNOLOGY_COLOURS[technology]), atol=2)
        assert at[3] > 200


def test_wmts_is_read_by_gdal(address: str, tmp_path: Path) -> None:
    source = f"WMTS:{address}/wmts/1.0.0/WMTSCapabilities.xml,layer=district"
    cache = ("--config", "GDAL_DEFAULT_WMS_CACHE_PATH", str(tmp_path / "cache"))
    out = tmp_path / "city.png"
    window = ("-projwin", "12900000", "4920000", "13000000", "4800000", "-outsize", "200", "240")
    run("gdal_translate", "-q", *cache, *window, source, str(out))
    pixels = picture(out.read_bytes())
    assert pixels.shape[:2] == (240, 200)
    assert (pixels[..., 3] > 0).any()


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("request=GetMap", 400),
        ("service=WMS&request=GetCapabilities", 400),
        ("request=GetTile&layer=parcel&tilematrix=x&tilerow=0&tilecol=0", 400),
        ("request=GetTile&layer=parcel&tilematrix=1&tilerow=0&tilecol=0&tilematrixset=EPSG:4326", 400),
        ("request=GetTile&layer=nowhere&tilematrix=1&tilerow=0&tilecol=0", 404),
        ("request=GetTile&layer=parcel&tilematrix=1&tilerow=2&tilecol=0", 404),
    ],
)
def test_bad_requests_for_wmts_are_problems(client: TestClient, query: str, status: int) -> None:
    answer = client.get(f"/wmts?{query}")
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith(PROBLEM)


def test_an_empty_picture_is_transparent(client: TestClient) -> None:
    answer = client.get("/wmts?SERVICE=WMTS&REQUEST=GetTile&LAYER=parcel&TILEMATRIX=9&TILEROW=1&TILECOL=1")
    assert answer.status_code == 200
    assert not picture(answer.content)[..., 3].any()


@pytest.fixture(scope="module")
def rastered(town: Store) -> TestClient:
    """A client on a city with a raster of four cells of 1 km, one of them without a value."""
    spec = RASTERS["ground_temperature"]
    values = np.array([[spec.minimum, spec.maximum], [np.nan, spec.minimum]])
    raster = Raster(values, (450_000, 4_420_000, 452_000, 4_422_000), "EPSG:4548")
    town.write_raster(spec.id, raster, source_name="x.tif", source_sha256="0" * 64, report={})
    return TestClient(create_app(town, Settings(anonymous="editor")), raise_server_exceptions=False)


def test_a_raster_has_the_colour_of_its_cells(rastered: TestClient, town: Store) -> None:
    spec = RASTERS["ground_temperature"]
    told = rastered.get(f"/tiles/{spec.id}.json").json()
    assert (told["unit"], told["vector_layers"]) == (spec.unit, [])
    drawn = stops((spec.minimum, spec.maximum))
    assert [tuple(stop) for stop in told["stops"]] == drawn
    lowest, highest = drawn[0][1], drawn[-1][1]
    cells = {(0.5, 1.5): lowest, (1.5, 1.5): highest, (0.5, 0.5): None, (1.5, 0.5): lowest, (3.0, 1.0): None}
    z = 14
    for (east_km, north_km), colour in cells.items():
        point = f"ST_SetSRID(ST_MakePoint({450_000 + 1000 * east_km}, {4_420_000 + 1000 * north_km}), 4548)"
        with town.engine.connect() as connection:
            lon, lat = connection.execute(
                sa.text(f"SELECT ST_X(p), ST_Y(p) FROM ST_Transform({point}, 4326) AS p")
            ).one()
        x, y = tile_of(lon, lat, z)
        answer = rastered.get(f"/tiles/{spec.id}/{z}/{x}/{y}.png")
        assert answer.status_code == 200
        across = (lon + 180) / 360 * 2**z - x
        down = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**z - y
        at = picture(answer.content)[int(down * 256), int(across * 256)]
        expected = (0,) if colour is None else (*ImageColor.getrgb(colour), 255)
        assert tuple(at[-len(expected) :]) == expected
        wmts = rastered.get(f"/wmts/1.0.0/{spec.id}/default/{QUAD}/{z}/{y}/{x}.png")
        assert wmts.content == answer.content
    west, south, east, north = told["bounds"]
    assert west < 116.43 < east
    assert south < 39.93 < north


def test_a_new_raster_has_new_tiles(rastered: TestClient, town: Store) -> None:
    path = "/tiles/ground_temperature/10/843/387.png"
    before = rastered.get(path).headers["etag"]
    assert rastered.get(path, headers={"If-None-Match": before}).status_code == 304
    raster = Raster(np.array([[11.0]]), (450_000, 4_420_000, 452_000, 4_422_000), "EPSG:4548")
    town.write_raster("ground_temperature", raster, source_name="y", source_sha256="1" * 64, report={})
    after = rastered.get(path, headers={"If-None-Match": before})
    assert after.status_code == 200
    assert after.headers["etag"] != before


@pytest.mark.parametrize(
    "path", ["slope/9/420/193", "ground_temperature/9/999/0", "ground_temperature/23/0/0"]
)
def test_raster_tiles_that_do_not_exist_are_problems(client: TestClient, path: str) -> None:
    answer = client.get(f"/tiles/{path}.png")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith(PROBLEM)
