"""Matching and siting as collections, held against their tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import shapely
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api.main import create_app
from gis.settings import Settings
from gis.store import items
from gis.store.result_collections import offered
from layers import LAYERS
from tests.conftest import MatchedCity

IN_STORAGE = "http://www.opengis.net/def/crs/EPSG/0/4548"
BOX = (470_000, 4_414_000, 477_000, 4_422_000)
LINE = "(SELECT ST_ShortestLine(p.geom, s.geom) FROM layer.parcel AS p, layer.{0} AS s WHERE " \
    "p.parcel_id = c.parcel_id AND s.{1} = c.source_id)"  # fmt: skip


@pytest.fixture(scope="module")
def matched(matched_city: MatchedCity, settings: Settings) -> Iterator[TestClient]:
    """A client on the matched sample, with three sites of their own scenario."""
    engine = matched_city.store.engine
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO result.site (scenario, site_id, rank, x_m, y_m) "
            "VALUES ('placed', 'a', 1, 471000, 4416000), ('placed', 'b', NULL, 472000.5, 4417000), "
            "('placed', 'c', 2, 490000, 4420000)"
        )
        connection.exec_driver_sql(
            "INSERT INTO meta.siting (scenario, settings, plan, summary, ruleset_id, ruleset_hash, as_of, "
            "layer_versions, software) VALUES ('placed', '{}', '{}', '{}', '', '', now(), '{}', '')"
        )
    with TestClient(create_app(matched_city.store, settings)) as client:
        yield client
    with engine.begin() as connection:
        for table in ("result.site", "meta.siting"):
            connection.exec_driver_sql(f"DELETE FROM {table} WHERE scenario = 'placed'")


def walked(client: TestClient, collection: str, **params: Any) -> dict[str, dict[str, Any]]:
    """Return all features by id, page by page, in the storage CRS with x first."""
    answer = client.get(f"/ogc/collections/{collection}/items", params={"crs": IN_STORAGE} | params)
    found: list[dict[str, Any]] = []
    while True:
        assert answer.status_code == 200, answer.text
        found += answer.json()["features"]
        following = [link["href"] for link in answer.json()["links"] if link["rel"] == "next"]
        if not following:
            assert len({f["id"] for f in found}) == len(found)
            return {f["id"]: f for f in found}
        answer = client.get(following[0])


def rows(city: MatchedCity, query: str) -> list[Any]:
    """Return the rows of a query."""
    with city.store.engine.connect() as connection:
        return list(connection.execute(sa.text(query)))


def outline(feature: dict[str, Any]) -> shapely.Geometry:
    """Return a feature's outline with x first."""
    return shapely.transform(shapely.geometry.shape(feature["geometry"]), lambda yx: yx[:, ::-1])


def test_they_are_collections_with_a_box_around_them(matched: TestClient) -> None:
    found = {c["id"]: c for c in matched.get("/ogc/collections").json()["collections"]}
    assert {"match_parcel", "match_connection", "match_source", "site"} <= found.keys()
    for id_ in ("match_parcel", "match_connection", "match_source"):
        west, south, east, north = found[id_]["extent"]["spatial"]["bbox"][0]
        assert 115 < west < east < 118
        assert 39 < south < north < 42
    formats = {
        id_: matched.get(f"/ogc/collections/{id_}/queryables").json()["properties"]["geometry"]["format"]
        for id_ in ("match_parcel", "match_connection", "match_source", "site")
    }
    assert [f.removeprefix("geometry-") for f in formats.values()] == [
        "multipolygon", "multilinestring", "any", "point",
    ]  # fmt: skip


def test_parcels_are_those_of_the_run_with_their_outlines(
    matched: TestClient, matched_city: MatchedCity
) -> None:
    where = "scenario = 'base' AND matched = 'reclaimed_water' AND reclaimed_water_kw > 300"
    found = walked(matched, "match_parcel", filter=where, limit=40)
    told = rows(
        matched_city,
        f"SELECT m.*, ST_AsBinary(p.geom) FROM result.match_parcel AS m JOIN layer.parcel AS p "
        f"USING (parcel_id) WHERE {where} ORDER BY m.parcel_id COLLATE \"C\"",
    )  # fmt: skip
    assert len(told) > 50
    assert list(found) == [f"base {row.parcel_id}" for row in told]
    names = rows(matched_city, "SELECT * FROM result.match_parcel LIMIT 1")[0]._fields
    for row, feature in zip(told, found.values(), strict=True):
        assert feature["properties"] == {name: getattr(row, name) for name in names}
        assert outline(feature).equals_exact(shapely.from_wkb(row[-1]), 2e-4, normalize=True)
    one = f"/ogc/collections/match_parcel/items/base {told[0].parcel_id}"
    assert matched.get(one).json()["properties"] == found[f"base {told[0].parcel_id}"]["properties"]


def test_connections_are_the_lines_of_the_map(matched: TestClient, matched_city: MatchedCity) -> None:
    lines = " ".join(
        f"WHEN '{spec.id}' THEN {LINE.format(spec.id, spec.key)}"
        for spec in LAYERS.values() if spec.group == "resource"
    )  # fmt: skip
    told = rows(
        matched_city,
        f"SELECT id, length_m, ST_AsBinary(line) AS wkb FROM (SELECT concat_ws(' ', scenario, parcel_id, "
        f"technology, source_layer, source_id) AS id, length_m, CASE source_layer {lines} END AS line "
        f"FROM result.match_connection AS c WHERE scenario = 'base') AS t "
        f"WHERE ST_Intersects(line, ST_MakeEnvelope({', '.join(map(str, BOX))}, 4548))",
    )
    bbox = f"{BOX[1]},{BOX[0]},{BOX[3]},{BOX[2]}"
    params = {"bbox": bbox, "bbox-crs": IN_STORAGE, "scenario": "base", "limit": 100}
    found = walked(matched, "match_connection", **params)
    assert len(told) > 50
    assert found.keys() == {row.id for row in told}
    for row in told:
        assert outline(found[row.id]).hausdorff_distance(shapely.from_wkb(row.wkb)) < 2e-4


def test_sources_have_the_outlines_of_their_layers(matched: TestClient, matched_city: MatchedCity) -> None:
    found = walked(matched, "match_source", scenario="base", limit=50)
    assert len(found) == len(rows(matched_city, "SELECT 1 FROM result.match_source WHERE scenario = 'base'"))
    layers = {f["properties"]["source_layer"] for f in found.values()}
    assert len(layers) > 3
    for layer in layers:
        stored = matched_city.store.read(layer).set_index(LAYERS[layer].key).geometry
        for feature in found.values():
            if feature["properties"]["source_layer"] == layer:
                assert outline(feature).hausdorff_distance(stored[feature["properties"]["source_id"]]) < 2e-4


def test_sites_are_points(matched: TestClient) -> None:
    params = {"scenario": "placed", "sortby": "rank"}
    found = walked(matched, "site", **params)
    assert list(found) == ["placed a", "placed c", "placed b"]
    assert outline(found["placed b"]).equals(shapely.Point(472000.5, 4417000))
    bbox = f"{BOX[1]},{BOX[0]},{BOX[3]},{BOX[2]}"
    near = walked(matched, "site", **params, bbox=bbox, **{"bbox-crs": IN_STORAGE})
    assert list(near) == ["placed a", "placed b"]


def test_deep_pages_are_read_from_their_indexes(matched_city: MatchedCity) -> None:
    with matched_city.store.engine.connect() as connection:
        for id_ in ("match_parcel", "match_connection"):
            query = items.select_page(offered(frozenset(LAYERS))[id_], 100, after="base P-0099")
            text = query.compile(connection, compile_kwargs={"literal_binds": True}).string
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            plan = "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {text}"))
            assert f"Index Scan using {id_}_order_idx" in plan, plan
            assert "Sort" not in plan, plan


def test_where_a_connection_leads_is_not_told_of_a_layer_that_may_not_be_read(
    matched_city: MatchedCity,
) -> None:
    readable = frozenset(LAYERS) - {"reclaimed_water_pipeline"}
    with matched_city.store.engine.connect() as connection:
        for id_ in ("match_connection", "match_source"):
            collection = offered(readable)[id_]
            page = items.page(connection, collection, 10_000)
            at = [p.name for p in collection.properties].index("source_layer")
            hidden = [v[at] == "reclaimed_water_pipeline" for v in page.values]
            assert any(hidden)
            assert [shape is None for shape in page.geometries] == hidden
            statement = str(items.select_page(collection, 1).compile(connection))
            assert "layer.reclaimed_water_pipeline" not in statement
        none = items.page(connection, offered(frozenset({"parcel"}))["match_source"], 10)
        assert all(shape is None for shape in none.geometries)
