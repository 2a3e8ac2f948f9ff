"""The order of features by `sortby`, and properties as parameters, held against SQL."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from gis.store import Store
from gis.store.collections import COLLECTIONS
from layers import LAYERS

RESULTS = "layer.parcel JOIN result.parcel_suitability USING (parcel_id)"


def walked(client: TestClient, collection: str, **params: Any) -> list[str]:
    """Return the ids of all features, page by page by the links."""
    answer = client.get(f"/ogc/collections/{collection}/items", params=params)
    found: list[str] = []
    while True:
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [feature["id"] for feature in page["features"]]
        following = [link["href"] for link in page["links"] if link["rel"] == "next"]
        if not following:
            return found
        answer = client.get(following[0])


def in_sql(city: Store, query: str) -> list[str]:
    """Return a column of ids."""
    with city.engine.connect() as connection:
        return list(connection.scalars(sa.text(query)))


@pytest.mark.parametrize(
    ("layer", "sortby", "order"),
    [
        ("shallow_geothermal_zone", "+conductivity_w_per_m_k", "conductivity_w_per_m_k ASC NULLS LAST"),
        ("data_centre", "-it_load_kw", "it_load_kw DESC NULLS LAST"),
        ("data_centre", " monitored_at", "monitored_at ASC NULLS LAST"),
        ("data_centre", "-monitored_at,name", 'monitored_at DESC NULLS LAST, name COLLATE "C" NULLS LAST'),
        ("water_intake_zone", "-effective_from", "effective_from DESC NULLS LAST"),
        ("green_space", "synthetic,-name", 'synthetic NULLS LAST, name COLLATE "C" DESC NULLS LAST'),
        ("green_space", "-green_space_id", 'green_space_id COLLATE "C" DESC'),
    ],
)
def test_pages_follow_the_order_that_is_asked_for(
    client: TestClient, city: Store, layer: str, sortby: str, order: str
) -> None:
    key = LAYERS[layer].key
    expected = in_sql(city, f'SELECT {key} FROM layer.{layer} ORDER BY {order}, {key} COLLATE "C"')
    assert len(expected) > 5
    assert walked(client, layer, sortby=sortby, limit=max(3, len(expected) // 7)) == expected


def test_results_are_sorted_with_what_is_missing_last(client: TestClient, city: Store) -> None:
    expected = in_sql(
        city,
        f"SELECT parcel_id FROM {RESULTS} WHERE recommended_status = 'conditional' "
        "OR recommended IS NULL ORDER BY recommended_score DESC NULLS LAST, "
        'parcel_suitability.township COLLATE "C" NULLS LAST, parcel_id COLLATE "C"'.replace(
            "parcel_suitability.township", "(SELECT township FROM result.parcel_fact AS f "
            "WHERE f.parcel_id = parcel_suitability.parcel_id)"
        ),
    )  # fmt: skip
    filter_ = "recommended_status = 'conditional' OR recommended IS NULL"
    found = walked(
        client, "parcel_suitability", sortby="-recommended_score,township", filter=filter_, limit=2500
    )
    assert len(expected) > 100
    assert found == expected


def test_a_property_is_a_parameter(client: TestClient, city: Store) -> None:
    expected = in_sql(
        city,
        "SELECT parcel_id FROM layer.parcel WHERE district = '通州区' AND building_status = 'new' "
        'AND floor_area_ratio > 2 ORDER BY parcel_id COLLATE "C"',
    )
    params = {"district": "通州区", "building_status": "new", "filter": "floor_area_ratio > 2"}
    assert len(expected) > 10
    assert walked(client, "parcel", **params, limit=50) == expected
    number = client.get("/ogc/collections/parcel/items", params={"limit": 1, "filter": "population > 0"})
    population = number.json()["features"][0]["properties"]["population"]
    found = walked(client, "parcel", population=population, synthetic="true")
    assert found == in_sql(
        city,
        f"SELECT parcel_id FROM layer.parcel WHERE population = {population} AND synthetic "
        'ORDER BY parcel_id COLLATE "C"',
    )
    assert found


def test_parameters_and_sortables_are_declared(client: TestClient) -> None:
    paths = client.get("/ogc/api").json()["paths"]
    for id_, collection in COLLECTIONS.items():
        declared = {p["name"] for p in paths[f"/ogc/collections/{id_}/items"]["get"]["parameters"]}
        plain = {p.name for p in collection.properties if p.type != "text_list"}
        assert plain | {"limit", "bbox", "sortby"} <= declared
        assert client.get(f"/ogc/collections/{id_}/sortables").json()["properties"].keys() == plain
    described = client.get("/ogc/collections/parcel").json()
    assert any(link["rel"].endswith("/sortables") for link in described["links"])
