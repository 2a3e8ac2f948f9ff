"""Places by coordinates: how they are read, and what /api/search tells of them."""

from __future__ import annotations

import math

import numpy as np
import pyproj
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from api.main import create_app
from api.schemas import PointHit, SearchResult
from gis.coordinates import readings
from gis.settings import Settings
from gis.store import Store

TZ = (116.65, 39.9)


def _dms(degrees: float) -> str:
    """Return an angle in degrees, minutes and seconds with five decimals."""
    seconds = round(degrees * 3600, 5)
    return f"{int(seconds // 3600)}°{int(seconds % 3600 // 60)}'{seconds % 60:.5f}\""


@given(
    st.floats(115.5, 117.5), st.floats(39.4, 41.0), st.booleans(), st.sampled_from([", ", " ", "，", "; "])
)
def test_degrees_are_read_as_they_are_written(lon: float, lat: float, lon_first: bool, between: str) -> None:
    for east, north, within in (
        (f"{lon:.8f}", f"{lat:.8f}", 1e-8),
        (f"{_dms(lon)}E", f"{_dms(lat)}N", 1e-8),
        (f"东经{_dms(lon)}", f"北纬{_dms(lat)}", 1e-8),
        (f"E{lon:.6f}", f"N{lat:.6f}", 1e-6),
    ):
        (found,) = readings(between.join((east, north) if lon_first else (north, east)))
        assert (found.crs, found.x_first) == ("EPSG:4490", lon_first)
        assert math.isclose(found.lon, lon, abs_tol=within)
        assert math.isclose(found.lat, lat, abs_tol=within)


@given(
    st.floats(330_000, 600_000), st.floats(4_350_000, 4_550_000), st.booleans(), st.sampled_from([4548, 4527])
)
def test_metres_are_those_of_the_system(east: float, north: float, east_first: bool, epsg: int) -> None:
    written = [f"{east + (39_000_000 if epsg == 4527 else 0):.4f}", f"{north:.4f}"]
    (found,) = readings(" ".join(written if east_first else written[::-1]))
    assert (found.crs, found.x_first) == (f"EPSG:{epsg}", east_first)
    lat, lon = pyproj.Transformer.from_crs(4548, 4490).transform(north, east)
    assert np.allclose((found.lon, found.lat), (lon, lat), atol=2e-9, rtol=0)


@pytest.mark.parametrize(
    "text",
    ["BJ-TZ-000123", "116.4", "116.439.9", "1 2 3", "116°70'0\" 39°0'0\"", "95E 95N", "116.4E 39.9E",
     "500000 1", "通州 1", "1e2 3", "100 200", "999999999 4400000", "", " , "],
)  # fmt: skip
def test_what_is_no_coordinates(text: str) -> None:
    assert readings(text) == ()


@given(st.text(alphabet="0123456789.,°'\"NSEW度分秒东经北纬 -+度XYM=()", max_size=100))
def test_anything_is_read_or_not(text: str) -> None:
    for found in readings(text):
        assert abs(found.lon) <= 180
        assert abs(found.lat) <= 90


def test_both_orders_are_told_longitude_first() -> None:
    first, second = readings("20 -30")
    assert (first.lon, first.lat, first.x_first) == (20, -30, True)
    assert (second.lon, second.lat, second.x_first) == (-30, 20, False)


def _place(client: TestClient, q: str) -> PointHit:
    answer = client.get("/api/search", params={"q": q})
    assert answer.status_code == 200
    place = SearchResult.model_validate_json(answer.content).results[0]
    assert isinstance(place, PointHit)
    return place


@pytest.mark.parametrize(
    ("q", "crs", "order"),
    [
        ("116.65, 39.9", "EPSG:4490", "longitude, latitude"),
        ("39.9 116.65", "EPSG:4490", "latitude, longitude"),
        ("116°39'00\"E 39°54'00\"N", "EPSG:4490", "longitude, latitude"),
    ],
)
def test_a_place_in_the_city_says_how_it_was_read(client: TestClient, q: str, crs: str, order: str) -> None:
    place = _place(client, q)
    assert (place.crs, place.inside, place.note) == (crs, True, None)
    assert np.allclose((place.lon, place.lat), TZ, atol=1e-9)
    assert place.read_as.en.startswith(order)
    assert crs in place.read_as.zh


def test_metres_in_the_city(client: TestClient) -> None:
    north, east = pyproj.Transformer.from_crs(4490, 4548).transform(TZ[1], TZ[0])
    for q in (f"{east:.3f} {north:.3f}", f"{north:.3f}, {east + 39e6:.3f}"):
        place = _place(client, q)
        assert place.inside is True
        assert np.allclose((place.lon, place.lat), TZ, atol=1e-7)


def test_a_place_elsewhere_says_so(client: TestClient) -> None:
    for q in ("121.47 31.23", "-33.9 18.4", "0 0", "600000 3000000"):
        place = _place(client, q)
        assert place.inside is False
        assert place.note is not None
        assert place.note.en == "This place lies outside the districts of the city: there is no data here."


def test_without_districts_nothing_is_said_of_the_city(empty_store: Store, settings: Settings) -> None:
    with TestClient(create_app(empty_store, settings)) as client:
        place = _place(client, "116.65, 39.9")
    assert (place.inside, place.note) == (None, None)


def test_a_place_counts_to_the_limit(client: TestClient) -> None:
    answer = client.get("/api/search", params={"q": "116.65, 39.9", "limit": 1})
    assert [hit["kind"] for hit in answer.json()["results"]] == ["coordinate"]


def test_a_number_is_found_by_any_part_of_it(client: TestClient, city: Store) -> None:
    with city.engine.connect() as connection:
        parcel_id = connection.scalar(
            sa.text("SELECT max(parcel_id) FROM layer.parcel WHERE parcel_id LIKE 'P-%'")
        )
    for part in (parcel_id[2:], parcel_id[1:], parcel_id[:-1].lower()):
        found = client.get("/api/search", params={"q": part, "limit": 100}).json()["results"]
        assert parcel_id in {hit["id"] for hit in found}
        assert all(part.lower() in (hit["id"] + (hit["name"] or "")).lower() for hit in found)


def test_every_layer_has_a_turn(client: TestClient) -> None:
    """A short part of a number leaves room to the layers that come last, parcels above all."""
    many = client.get("/api/search", params={"q": "00", "limit": 100}).json()["results"]
    few = client.get("/api/search", params={"q": "00", "limit": 20}).json()["results"]
    assert len(few) == 20
    assert {hit["layer"] for hit in few} == {hit["layer"] for hit in many}
    assert "parcel" in {hit["layer"] for hit in few}
