"""A drawn polygon gets, to the byte, the verdicts of the same polygon stored as a parcel."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pandas as pd
import shapely
from fastapi.testclient import TestClient

from gis.crs import stack, to_api
from gis.store import Store
from tests.api.shapes import random_features


def verdicts(document: dict[str, Any]) -> bytes:
    """Return everything of a document but the versions of the data, which name the stored parcels too."""
    return orjson.dumps({k: v for k, v in document.items() if k != "data_versions"})


def stored(client: TestClient, parcel_id: str) -> bytes:
    answer = client.get(f"/api/parcels/{parcel_id}/suitability")
    assert answer.status_code == 200, answer.text
    return verdicts(answer.json())


def posted(client: TestClient, features: list[dict[str, Any]]) -> list[bytes]:
    answer = client.post("/api/suitability", json={"type": "FeatureCollection", "features": features})
    assert answer.status_code == 200, answer.text
    return [verdicts(document) for document in answer.json()["results"]]


def test_source_features(client: TestClient) -> None:
    features = random_features(60, seed=7)
    for start in range(0, 60, 20):
        part = features[start : start + 20]
        for feature, found in zip(part, posted(client, part), strict=True):
            assert found == stored(client, feature["properties"]["地块编号"])


def test_one_feature_alone(client: TestClient) -> None:
    for feature in random_features(60, seed=7)[:12]:
        answer = client.post("/api/suitability", json=feature)
        assert verdicts(answer.json()) == stored(client, feature["properties"]["地块编号"])


def test_geometry_as_the_door_returns_it(client: TestClient, city: Store) -> None:
    parcels = city.read("parcel")
    some = parcels.iloc[np.random.default_rng(11).choice(len(parcels), 300, replace=False)]
    shapes = to_api(stack(some.geometry))
    rows = pd.DataFrame(some.drop(columns="geometry")).astype(object)
    rows = rows.where(rows.notna(), None).to_dict("records")
    features = [
        {"type": "Feature", "geometry": orjson.loads(shapely.to_geojson(shape)), "properties": row}
        for shape, row in zip(shapes, rows, strict=True)
    ]
    for start in range(0, len(features), 50):
        part = features[start : start + 50]
        for feature, found in zip(part, posted(client, part), strict=True):
            assert found == stored(client, feature["properties"]["parcel_id"])
