"""Filters of parcels: counts against SQL over the views, filtered tiles against drawing what passes alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api.main import create_app
from api.parcel_filters import ParcelTables
from gis.served_crs import CRS84
from gis.settings import Settings
from gis.store import Store, filters, items, open_store
from gis.store.collections import COLLECTIONS, SUITABILITY
from gis.store.parcel_filter import FACETS, NONE, PROPERTY, ParcelFilter
from gis.store.parcel_table import read_table
from gis.webmap.tiles import RESULT_LAYER, render_tile
from tests.browser.tile_reading import features, tile_of
from tests.conftest import at

SHOWN = "result.parcel_suitability LEFT JOIN result.parcel_fact USING (parcel_id)"
PATH = "/api/parcels/summary"

FILTERS: list[dict[str, Any]] = [
    {},
    {"technology": ["geothermal", "waste_heat"]},
    {"technology": ["none", "air_source"], "land_use_class": ["residential", "none"]},
    {"status": ["conditional"], "score_min": 40.0},
    {"status": ["none"], "score_min": 1.0},
    {"land_use_class": ["office", "commerce"], "score_min": 30.0, "score_max": 75.5},
    {"district": ["通州区", "none"], "technology": ["reclaimed_water"], "score_max": 90.0},
    {"district": ["no such place'; DROP TABLE layer.parcel; --"]},
]


def where(asked: dict[str, Any], but: str = "") -> str:
    """Return the SQL of a filter over the views, without one part."""
    parts = ["true"]
    for facet in (f for f in FACETS if f in asked and f != but):
        words = ", ".join("'" + w.replace("'", "''") + "'" for w in asked[facet])
        parts.append(f"coalesce({PROPERTY[facet]}, '{NONE}') IN ({words})")
    if but != "score":
        parts += [f"recommended_score >= {asked['score_min']}"] if "score_min" in asked else []
        parts += [f"recommended_score <= {asked['score_max']}"] if "score_max" in asked else []
    return " AND ".join(parts)


def url(asked: dict[str, Any], path: str = PATH) -> str:
    return f"{path}?{urlencode(asked, doseq=True)}"


@pytest.mark.parametrize("asked", FILTERS, ids=lambda a: ",".join(a) or "all")
def test_counts_are_those_of_sql(client: TestClient, city: Store, asked: dict[str, Any]) -> None:
    found = client.get(url(asked)).json()
    with city.engine.connect() as connection:

        def ask(columns: str, but: str = "", rest: str = "") -> Any:
            query = f"SELECT {columns} FROM {SHOWN} WHERE {where(asked, but)} {rest}"
            return connection.exec_driver_sql(query).all()

        (count, area, load, no_area, no_load), *_ = ask(
            "count(*), sum(heated_area_m2), sum(heat_load_kw),"
            " count(*) - count(heated_area_m2), count(*) - count(heat_load_kw)"
        )
        assert found["parcel_count"] == count
        assert found["heated_area_m2"] == (None if area is None else pytest.approx(area))
        assert found["heat_load_kw"] == (None if load is None else pytest.approx(load))
        assert (found["unknown_heated_area_count"], found["unknown_heat_load_count"]) == (no_area, no_load)
        recommended = ask(
            "recommended, recommended_status, count(*), sum(heat_load_kw)", rest="GROUP BY 1, 2"
        )
        told = {(r["technology"], r["status"]): r for r in found["recommended"]}
        assert {(t, s): r["parcel_count"] for (t, s), r in told.items()} == {
            (t, s): n for t, s, n, _ in recommended
        }
        for technology, status, _, kw in recommended:
            assert told[technology, status]["heat_load_kw"] == (None if kw is None else pytest.approx(kw))
        for facet in FACETS:
            own = {r["value"]: r["parcel_count"] for r in found["facets"][facet] if r["parcel_count"]}
            assert own == dict(ask(f"coalesce({PROPERTY[facet]}, 'none'), count(*)", facet, "GROUP BY 1"))
        bins = dict(
            ask(
                # The last bin has its upper end.
                "floor(CASE recommended_score WHEN 100 THEN 99 ELSE recommended_score END / 5)::int,"
                " count(*)",
                "score",
                "GROUP BY 1",
            )
        )
        assert found["scores"]["unscored_count"] == bins.pop(None, 0)
        assert found["scores"]["parcel_counts"] == [bins.get(i, 0) for i in range(20)]
        assert found["scores"]["bin_width"] == 5
    if "district" not in asked and "none" not in asked.get("status", ()):
        assert found["parcel_count"] > 3


@pytest.mark.parametrize("asked", FILTERS[1:], ids=lambda a: ",".join(a))
def test_the_filter_told_for_exports_finds_the_same_parcels(
    client: TestClient, city: Store, asked: dict[str, Any]
) -> None:
    told = client.get(url(asked)).json()["filter"]
    collection = COLLECTIONS[SUITABILITY]
    with city.engine.connect() as connection, connection.begin() as transaction:
        connection.exec_driver_sql("DELETE FROM result.parcel_row WHERE right(parcel_id, 1) = '7'")
        condition = filters.condition(filters.parse_text(told), collection, CRS84)
        found = items.page(connection, collection, 20_000, condition=condition).ids
        query = f'SELECT parcel_id FROM {SHOWN} WHERE {where(asked)} ORDER BY parcel_id COLLATE "C"'
        assert found == list(connection.exec_driver_sql(query).scalars())
        transaction.rollback()


@pytest.mark.parametrize("asked", FILTERS, ids=lambda a: ",".join(a) or "all")
def test_a_click_finds_what_the_filter_leaves(client: TestClient, city: Store, asked: dict[str, Any]) -> None:
    query = f"""
        SELECT p.parcel_id, passes, ST_X(middle) AS lon, ST_Y(middle) AS lat
        FROM (SELECT DISTINCT ON (passes) parcel_id, passes
              FROM (SELECT parcel_id, coalesce({where(asked)}, false) AS passes FROM {SHOWN}) AS every
              ORDER BY passes, parcel_id) AS one
        JOIN layer.parcel AS p USING (parcel_id),
        LATERAL ST_Transform((ST_MaximumInscribedCircle(p.geom)).center, 4326) AS middle"""
    with city.engine.connect() as connection:
        clicks = connection.exec_driver_sql(query).all()
    every, passing = (client.get(url(a)).json()["parcel_count"] for a in ({}, asked))
    assert sorted(c.passes for c in clicks) == [False] * (passing < every) + [True] * (passing > 0)
    for parcel_id, passes, lon, lat in clicks:
        found = client.get(url({**asked, "lon": lon, "lat": lat}, "/api/identify")).json()
        assert [p["parcel_id"] for p in found["parcels"]] == [parcel_id] * passes
        assert found["hidden_parcel_count"] == (not passes)


def test_no_filter_is_told_as_none(client: TestClient) -> None:
    assert client.get(PATH).json()["filter"] is None
    assert ParcelFilter().cql2() is None


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("technology=gas", 422),
        ("status=best", 422),
        ("score_min=101", 422),
        ("score_max=nan", 422),
        ("score_min=60&score_max=40", 400),
        ("district=" + "x" * 61, 422),
        ("district=%00", 422),
        ("&".join(f"district={i}" for i in range(61)), 422),
    ],
)
def test_what_is_no_filter_is_told_to_be_none(client: TestClient, query: str, status: int) -> None:
    for path in (f"{PATH}?", "/tiles/parcel_suitability/9/421/193.mvt?", "/api/identify?lon=0&lat=0&"):
        answer = client.get(f"{path}{query}")
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"


def test_only_tiles_of_results_take_a_filter(client: TestClient) -> None:
    answer = client.get("/tiles/parcel/13/6740/3103.mvt?technology=geothermal")
    assert answer.status_code == 400
    assert "parcel_suitability" in answer.json()["detail"]


@pytest.mark.parametrize("asked", [FILTERS[1], FILTERS[2], FILTERS[3], FILTERS[5]], ids=lambda a: ",".join(a))
@pytest.mark.parametrize("z", [9, 11, 12, 14])
def test_a_filtered_tile_is_the_tile_of_what_passes(
    client: TestClient, city: Store, asked: dict[str, Any], z: int, tmp_path: Path
) -> None:
    """Against the usual tile of a city where what does not pass is not there."""
    seen = 0
    with city.engine.connect() as connection:
        (lon, lat), *_ = connection.exec_driver_sql(
            "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_Transform(ST_Centroid(geom), 4326) AS p"
            f" FROM result.parcel_tile WHERE parcel_id IN (SELECT parcel_id FROM {SHOWN}"
            f" WHERE {where(asked)}) ORDER BY parcel_id LIMIT 1) AS t"
        ).all()
        x, y = tile_of(lon, lat, z)
        with connection.begin_nested() if connection.in_transaction() else connection.begin() as part:
            connection.exec_driver_sql(
                f"DELETE FROM result.parcel_tile WHERE parcel_id NOT IN (SELECT parcel_id FROM {SHOWN}"
                f" WHERE {where(asked)})"
            )
            for i, j in itertools.product((x, x + 1), (y - 1, y)):
                expected = render_tile(connection, "parcel_suitability", z, i, j, "")
                body = client.get(url(asked, f"/tiles/parcel_suitability/{z}/{i}/{j}.mvt"))
                assert (body.status_code == 204) == (not expected)
                if not expected:
                    continue
                one, other = (
                    features(b, tmp_path).set_index("id").sort_index() for b in (expected, body.content)
                )
                assert list(one.index) == list(other.index)
                for name in ("recommended", "recommended_status", "parcel_count"):
                    if name in one:
                        assert one[name].fillna("").tolist() == other[name].fillna("").tolist()
                # A mean that is half way between two is rounded either way.
                both = (
                    np.array([f["score"].astype(float).fillna(-1) for f in (one, other)])
                    if "score" in one
                    else np.zeros((2, 1))
                )
                assert np.abs(both[0] - both[1]).max() <= 1
                assert (both[0] != both[1]).mean() < 0.05
                assert one.geometry.geom_equals(other.geometry).all()
                seen += len(one)
            part.rollback()
    assert seen


def test_a_filtered_tile_is_cached_by_its_filter_and_not_kept(client: TestClient, city: Store) -> None:
    path = "/tiles/parcel_suitability/8/210/96.mvt"
    every, some, other = (client.get(path + q) for q in ("", "?status=suitable", "?status=conditional"))
    tags = {answer.headers["etag"] for answer in (every, some, other)}
    assert len(tags) == 3
    again = client.get(f"{path}?status=suitable", headers={"If-None-Match": some.headers["etag"]})
    assert again.status_code == 304
    # Words in another order, or twice, are the same filter.
    one, same = (
        client.get(f"{path}?{q}").headers["etag"]
        for q in ("status=suitable&status=conditional", "status=conditional&status=suitable&status=suitable")
    )
    assert one == same
    with city.engine.connect() as connection:
        kept = connection.execute(sa.text("SELECT DISTINCT scenario FROM meta.tile")).scalars().all()
    assert set(kept) <= {"", "base"}


def test_without_results_there_is_nothing_to_count(new_database: Callable[..., sa.URL], sample: str) -> None:
    with (
        open_store(at(new_database("filtered", sample))) as store,
        TestClient(create_app(store, Settings(anonymous="viewer"))) as client,
    ):
        missing = client.get(PATH)
        assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")
        assert client.get("/tiles/parcel_suitability/8/210/96.mvt?status=suitable").status_code == 204
        empty = read_table(store.engine).counts(ParcelFilter(status=("suitable",)))
        assert (empty["parcel_count"], empty["heat_load_kw"]) == (0, None)
        assert empty["scores"]["parcel_counts"] == [0] * 20


def test_results_are_read_once_a_version(city: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    tables, wanted = ParcelTables(), ParcelFilter(technology=("geothermal",))
    first = tables.present(city)
    assert first is not None
    assert tables.present(city) is first
    assert np.all(np.diff(first.x_m[~np.isnan(first.x_m)]) >= 0)
    passing = tables.passing(first, wanted)
    assert tables.passing(first, wanted) is passing
    monkeypatch.setattr("api.parcel_filters.tile_versions", lambda *_: {RESULT_LAYER: "another run"})
    second = tables.present(city)
    assert second is not None
    assert second is not first
    assert tables.passing(second, wanted) is not passing
    # A request that began before is still answered, and is not taken for the present one.
    assert np.array_equal(tables.passing(first, wanted), passing)
    for score in range(20):
        tables.passing(second, ParcelFilter(score_min=score))
    assert len(tables._passing) == 8
