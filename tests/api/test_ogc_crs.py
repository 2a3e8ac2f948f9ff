"""Features in every coordinate system that is served: right to a micrometre, in the right axis order."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely
import sqlalchemy as sa
from fastapi.testclient import TestClient

from gis.errors import InputError
from gis.served_crs import CRS84, SERVED, STORED, ServedCrs, box_into_storage, from_storage, into_storage
from gis.store import Store

EPSG = {4326: "geographic", 4490: "geographic", 4548: "metres", 4527: "metres"}
URI = "http://www.opengis.net/def/crs/EPSG/0/{}"
PARCELS = "/ogc/collections/parcel/items"


def stored_points(seed: int, count: int = 500) -> np.ndarray:
    """Return random eastings and northings of the city on the storage grid."""
    random = np.random.default_rng(seed)
    points = np.column_stack([random.uniform(360e3, 560e3, count), random.uniform(4360e3, 4560e3, count)])
    return np.round(points, 4)


def test_the_systems_are_those_promised() -> None:
    assert list(SERVED) == ["http://www.opengis.net/def/crs/OGC/1.3/CRS84", *(URI.format(n) for n in EPSG)]
    assert SERVED[URI.format(4548)] == STORED
    assert [c.y_first for c in SERVED.values()] == [False, True, True, True, True]


@pytest.mark.parametrize("crs", SERVED.values(), ids=lambda c: c.code)
def test_round_trips_agree_with_the_registry(crs: ServedCrs) -> None:
    xy = stored_points(seed=1)
    served = shapely.get_coordinates(from_storage(shapely.points(xy), crs))
    back = pyproj.Transformer.from_crs(crs.code, "EPSG:4548", always_xy=False)
    northing, easting = back.transform(served[:, 0], served[:, 1])
    assert np.hypot(easting - xy[:, 0], northing - xy[:, 1]).max() < 1e-6
    again = shapely.get_coordinates([into_storage(shapely.Point(p), crs) for p in served])
    assert np.hypot(*(again - xy).T).max() < 1e-6


@pytest.mark.parametrize("crs", SERVED.values(), ids=lambda c: c.code)
def test_features_come_in_the_system_asked_for(client: TestClient, city: Store, crs: ServedCrs) -> None:
    answer = client.get(PARCELS, params={"limit": 200, "crs": crs.uri})
    assert answer.headers["content-crs"] == f"<{crs.uri}>"
    features = answer.json()["features"]
    frame = city.read("parcel", ids=[f["id"] for f in features])
    back = pyproj.Transformer.from_crs(crs.code, "EPSG:4548", always_xy=False)
    for feature, stored in zip(features, frame.geometry, strict=True):
        served = shapely.get_coordinates(shapely.geometry.shape(feature["geometry"]))
        northing, easting = back.transform(served[:, 0], served[:, 1])
        found = shapely.multipoints(np.column_stack([easting, northing]))
        assert shapely.hausdorff_distance(found, shapely.multipoints(shapely.get_coordinates(stored))) < 1e-6
        shells = [p.exterior for p in shapely.geometry.shape(feature["geometry"]).geoms]
        assert all(shell.is_ccw != crs.y_first for shell in shells)


@pytest.mark.parametrize("crs", SERVED.values(), ids=lambda c: c.code)
def test_a_box_finds_what_postgis_finds(client: TestClient, city: Store, crs: ServedCrs) -> None:
    middle = shapely.Point(473_500.0, 4_418_800.0)
    corners = shapely.get_coordinates(
        from_storage(shapely.points(shapely.get_coordinates(middle.buffer(1500).envelope)), crs)
    )
    low, high = corners.min(axis=0), corners.max(axis=0)
    asked = {
        "bbox": ",".join(map(repr, [*low.tolist(), *high.tolist()])),
        "bbox-crs": crs.uri,
        "limit": 10_000,
    }
    found = {f["id"] for f in client.get(PARCELS, params=asked).json()["features"]}
    west, south, east, north = (*low[::-1], *high[::-1]) if crs.y_first else (*low, *high)
    number = 4326 if crs == CRS84 else int(crs.code.split(":")[1])
    query = sa.text(
        "SELECT parcel_id FROM layer.parcel WHERE ST_Intersects("
        "ST_Transform(geom, CAST(:n AS int)), ST_MakeEnvelope(:w, :s, :e, :t, CAST(:n AS int)))"
    )
    values = {"n": number, "w": float(west), "s": float(south), "e": float(east), "t": float(north)}
    with city.engine.connect() as connection:
        expected = set(connection.scalars(query, values))
    assert 10 < len(expected) < 1000
    assert found == expected


def test_boxes_at_the_ends_of_the_world(client: TestClient) -> None:
    def count(box: str, **more: str) -> int:
        answer = client.get("/ogc/collections/district/items", params={"bbox": box, "limit": 100} | more)
        assert answer.status_code == 200, answer.text
        return len(answer.json()["features"])

    every = len(client.get("/ogc/collections/district/items?limit=100").json()["features"])
    assert count("-180,-90,180,90") == every
    assert count("-180,-90,-1000,180,90,9000") == every
    assert count("-1e300,-1e300,1e300,1e300") == every
    assert count("100,0,-100,90") == every  # over the antimeridian
    assert count("150,0,-150,90") == 0
    assert count("0,0,1,1") == 0
    assert count("116.4,39.9,116.4,39.9") == 1
    for number in (4548, 4527):
        assert count("-1e300,-1e300,1e300,1e300", **{"bbox-crs": URI.format(number)}) == every
        assert count("0,0,1,1", **{"bbox-crs": URI.format(number)}) == 0


def test_the_sides_of_a_long_box_are_straight_in_degrees() -> None:
    shape = box_into_storage((115.0, 39.5, 118.0, 40.5), CRS84)
    # In metres the parallel bends by more than a kilometre between its ends.
    inside, outside = shapely.Point(116.5, 40.4999), shapely.Point(116.5, 40.5001)
    assert shape.contains(into_storage(inside, CRS84))
    assert not shape.contains(into_storage(outside, CRS84))


def test_what_is_no_shape_is_refused() -> None:
    bow = shapely.Polygon([(116, 39), (117, 40), (117, 39), (116, 40)])
    with pytest.raises(InputError, match=r"^A geometry is not valid: Self-intersection"):
        into_storage(bow, CRS84)
