"""Rasters by HTTP: values, colours and the file of the potential, held against file and library."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image, ImageColor
from rasterio.io import MemoryFile

import gis
from api.main import create_app
from gis.crs import transformer
from gis.resources import Raster
from gis.rules import load_ruleset
from gis.runs import Runs
from gis.settings import Settings
from gis.store import Store, keys
from gis.webmap.raster_tiles import EXCLUDED_COLOUR
from layers import POTENTIAL, RASTERS
from tests.browser.tile_reading import tile_of
from tests.potential.towns import STORAGE, box, row_of_hectares
from tests.scoring.conftest import X, Y, layer
from tests.store.frames import LOAD

FILE = "/api/potential/file"


@pytest.fixture
def hectares(empty_store: Store) -> Store:
    """A store with the row of hectares and one parcel, not scored."""
    for name, frame in row_of_hectares().frames.items():
        if "suitability" in frame:
            frame["suitability"] = frame["suitability"].fillna("suitable")  # a store takes no zone without
        empty_store.write_layer(name, frame, mode="replace", **LOAD)
    parcel = layer("parcel", {"land_use_code": "0901", "geometry": box(0, 0, 100, 100)})
    empty_store.write_layer("parcel", parcel, mode="replace", **LOAD)
    return empty_store


@pytest.fixture(scope="module")
def file(client: TestClient) -> Iterator[Any]:
    """The potential of the sample city, fetched and opened."""
    answer = client.get(FILE)
    assert answer.status_code == 200
    with MemoryFile(answer.content) as held, held.open() as opened:
        yield opened


def degrees(x: float, y: float) -> tuple[float, float]:
    lon, lat = transformer(STORAGE, "OGC:CRS84").transform(x, y)
    return float(lon), float(lat)


def test_the_file_is_what_the_library_makes_of_the_store(client: TestClient, city: Store) -> None:
    told = client.get("/api/potential").json()
    made = gis.ground_potential(city.resources(), load_ruleset())
    body = client.get(FILE).content
    assert body == made.encoded
    assert (told["size"], told["current"], told["cell_m"]) == (len(body), True, 100.0)
    assert told["layer_versions"] == {"shallow_geothermal_zone": 1, "drilling_exclusion": 1}
    assert set(told["synthetic_layers"]) == {"shallow_geothermal_zone", "drilling_exclusion"}
    for band, values in zip(told["bands"], made.values, strict=True):
        assert (band["minimum"], band["maximum"]) == (np.nanmin(values), np.nanmax(values))
        assert band["cell_count"] == np.count_nonzero(~np.isnan(values))
        assert np.nanmin(values) <= band["shown"][0] < band["shown"][1] <= np.nanmax(values)


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-99", slice(0, 100)),
        ("bytes=1000-", slice(1000, None)),
        ("bytes=-50", slice(-50, None)),
        ("bytes=10-999999999", slice(10, None)),
    ],
)
def test_ranges_are_parts_of_the_file(client: TestClient, asked: str, part: slice) -> None:
    whole = client.get(FILE)
    answer = client.get(FILE, headers={"Range": asked})
    start, stop, _ = part.indices(len(whole.content))
    assert answer.status_code == 206
    assert answer.content == whole.content[part]
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(whole.content)}"
    known = {"If-None-Match": whole.headers["etag"]}
    assert client.get(FILE, headers=known).status_code == 304
    # What was read of another file before is not gone on with.
    other = client.get(FILE, headers={"Range": asked, "If-Range": '"another"'})
    assert (other.status_code, other.content) == (200, whole.content)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("bytes=999999999-", 416),
        ("bytes=-0", 416),
        ("bytes=5-2", 200),
        ("bytes=0-1,5-6", 200),
        ("lines=1-2", 200),
    ],
)
def test_ranges_that_are_none(client: TestClient, asked: str, status: int) -> None:
    assert client.get(FILE, headers={"Range": asked}).status_code == status


def test_values_are_those_of_the_cells(client: TestClient, file: Any) -> None:
    random = np.random.default_rng(3)
    west, south, east, north = file.bounds
    for x, y in zip(random.uniform(west, east, 12), random.uniform(south, north, 12), strict=True):
        lon, lat = degrees(x, y)
        told = client.get("/api/rasters/values", params={"lon": lon, "lat": lat}).json()["values"]
        ((*expected,),) = file.sample([(x, y)])
        assert [one["id"] for one in told] == list(POTENTIAL)
        found = [np.nan if one["value"] is None else one["value"] for one in told]
        assert found == pytest.approx(expected, rel=1e-6, nan_ok=True)
    beyond = client.get(
        "/api/rasters/values", params={"lon": 10.0, "lat": 50.0, "layers": "ground_heat"}
    ).json()
    assert [one["value"] for one in beyond["values"]] == [None]
    unknown = client.get("/api/rasters/values", params={"lon": 10.0, "lat": 50.0, "layers": "slope"})
    assert unknown.status_code == 404


def test_tiles_have_the_colours_of_the_cells_and_grey_where_nothing_may_be_drilled(
    client: TestClient, file: Any
) -> None:
    stops = client.get("/tiles/ground_heat.json").json()["stops"]
    band, z = file.read(2), 13
    low, high = stops[0][0], stops[-1][0]
    chosen = {
        "excluded": band == 0,
        "low": (band > 0) & (band < low),
        "high": band > high,
        "unknown": np.isnan(band),
    }
    expected = {"excluded": EXCLUDED_COLOUR, "high": stops[-1][1], "unknown": None}
    random = np.random.default_rng(5)
    for kind, where in chosen.items():
        # In the middle of others alike, so that no neighbour is met.
        alike = where.copy()
        for step, axis in ((1, 0), (-1, 0), (1, 1), (-1, 1)):
            alike &= np.roll(where, step, axis)
        places = np.argwhere(alike)
        if kind == "unknown":
            places = places[(places > 5).all(axis=1) & (places < np.array(band.shape) - 5).all(axis=1)]
        row, column = places[random.integers(len(places))]
        lon, lat = degrees(*file.xy(row, column))
        x, y = tile_of(lon, lat, z)
        body = client.get(f"/tiles/ground_heat/{z}/{x}/{y}.png").content
        pixels = np.asarray(Image.open(io.BytesIO(body)).convert("RGBA"))
        across = int(((lon + 180) / 360 * 2**z - x) * 256)
        down = int(((1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2 * 2**z - y) * 256)
        if kind == "low":
            # Never the grey of what is excluded.
            assert tuple(pixels[down, across, :3]) != ImageColor.getrgb(EXCLUDED_COLOUR)
            assert pixels[down, across, 3] == 255
        elif expected[kind] is None:
            assert pixels[down, across, 3] == 0
        else:
            assert tuple(pixels[down, across]) == (*ImageColor.getrgb(expected[kind]), 255)
        wmts = client.get(f"/wmts/1.0.0/ground_heat/default/WebMercatorQuad/{z}/{y}/{x}.png")
        assert wmts.content == body
    capabilities = client.get("/wmts?request=GetCapabilities").text
    assert all(f"<ows:Identifier>{name}</ows:Identifier>" in capabilities for name in POTENTIAL)


def test_it_is_renewed_when_its_ground_changes_and_only_then(hectares: Store) -> None:
    page = TestClient(create_app(hectares, Settings(anonymous="editor")), raise_server_exceptions=False)
    assert page.get("/api/potential").status_code == page.get(FILE).status_code == 404
    assert page.get("/tiles/ground_heat.json").status_code == 404
    runs, ruleset = Runs(hectares), load_ruleset()
    runs.score(ruleset)
    first = page.get("/api/potential").json()
    tile = page.get("/tiles/ground_heat.json").json()["tiles"]
    hectares.write_layer("township", layer("township"), mode="replace", **LOAD)
    runs.score(ruleset, everything=True)
    assert page.get("/api/potential").json() == first

    raster = Raster(np.full((1, 9), 2.6), (X, Y, X + 900, Y + 100), STORAGE)
    load = {"source_name": "x.tif", "source_sha256": "0" * 64, "report": {}}
    hectares.write_raster("ground_conductivity", raster, **load)
    assert page.get("/api/potential").json()["current"] is False
    runs.score(ruleset)
    second = page.get("/api/potential").json()
    assert second["current"] is True
    assert second["layer_versions"] == first["layer_versions"] | {"ground_conductivity": 1}
    assert second["bands"][1]["maximum"] > 1.1 * first["bands"][1]["maximum"]
    assert page.get("/tiles/ground_heat.json").json()["tiles"] != tile
    lon, lat = degrees(X + 50, Y + 50)
    told = page.get("/api/rasters/values", params={"lon": lon, "lat": lat}).json()["values"]
    assert [one["id"] for one in told] == ["ground_conductivity", *POTENTIAL]
    assert told[0] == {
        "id": "ground_conductivity",
        "title": RASTERS["ground_conductivity"].title.model_dump(),
        "unit": "W/(m K)",
        "value": 2.6,
    }

    # Ground that is the same everywhere has a scale from nothing up.
    one = row_of_hectares().frames["shallow_geothermal_zone"].iloc[:1]
    hectares.write_layer("shallow_geothermal_zone", one, mode="replace", **LOAD)
    hectares.write_layer("drilling_exclusion", layer("drilling_exclusion"), mode="replace", **LOAD)
    runs.score(ruleset)
    (lowest, _), *_, (highest, _) = page.get("/tiles/ground_heat.json").json()["stops"]
    assert (lowest, highest) == (0.0, page.get("/api/potential").json()["bands"][1]["maximum"])
    z = 14
    x, y = tile_of(lon, lat, z)
    pixels = np.asarray(Image.open(io.BytesIO(page.get(f"/tiles/ground_heat/{z}/{x}/{y}.png").content)))
    assert len(np.unique(pixels.reshape(-1, pixels.shape[-1]), axis=0)) == 2

    hectares.write_layer(
        "shallow_geothermal_zone", layer("shallow_geothermal_zone").iloc[:0], mode="replace", **LOAD
    )
    runs.score(ruleset)
    assert page.get("/api/potential").status_code == 404


def test_who_may_not_read_results_gets_nothing_of_it(hectares: Store) -> None:
    Runs(hectares).score(load_ruleset())
    page = TestClient(create_app(hectares, Settings()), raise_server_exceptions=False)
    lon, lat = degrees(X + 50, Y + 50)
    at = {"lon": lon, "lat": lat}
    closed = ["/api/potential", FILE, "/tiles/ground_heat.json", "/tiles/ground_heat/14/13490/6200.png"]
    for path in closed:
        assert page.get(path).status_code == 401, path
    assert page.get("/api/rasters/values", params=at | {"layers": "ground_heat"}).status_code == 401
    assert page.get("/api/rasters/values", params=at).json() == {"values": []}
    assert "ground_heat" not in page.get("/wmts?request=GetCapabilities").text
    html = page.get("/").text
    entry = html[html.index('"id":"ground_heat"') :]
    assert '"version":null,"withheld":true' in entry[: entry.index('"visible"')]
    key = {"X-API-Key": keys.make(hectares.engine, "a planner", "planner", None)}
    assert all(page.get(path, headers=key).status_code == 200 for path in closed)
    assert len(page.get("/api/rasters/values", params=at, headers=key).json()["values"]) == len(POTENTIAL)
