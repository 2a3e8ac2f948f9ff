"""The benchmark of facts on a small city: peers agree, a wrong answer stops it, the city fits a store."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import shapely
import sqlalchemy as sa

from gis.store import Store
from tests.benchmarks.bench_facts import DifferenceError, check, compare, table
from tests.benchmarks.city import City, Kind, Writer, make_city, put
from tests.benchmarks.peers.library import Library
from tests.benchmarks.peers.questions import FACTS, Rows, line_pieces, polygon_pieces


@pytest.fixture(scope="module", params=["even", "skewed"])
def city(request: pytest.FixtureRequest) -> City:
    """A small city of each kind."""
    kind: Kind = request.param
    return make_city(600, kind)


def test_parcels_do_not_overlap_and_the_seed_decides(city: City):
    left, right = shapely.STRtree(city.parcel).query(city.parcel, predicate="intersects")
    assert (left == right).all()
    assert shapely.is_valid(np.concatenate([city.parcel, city.field, city.zone, city.green])).all()
    kinds = shapely.get_type_id(city.parcel)
    assert {3, 6} == set(kinds.tolist())
    assert shapely.get_num_interior_rings(city.parcel).sum() > 0
    again = make_city(600, "even"), make_city(600, "even", seed=1)
    assert shapely.equals_exact(again[0].parcel, make_city(600, "even").parcel).all()
    assert not shapely.equals_exact(again[0].parcel, again[1].parcel).any()


def test_zones_share_the_city_out():
    zone = make_city(20_000).zone
    assert len(zone) > 9
    assert shapely.area(zone).sum() == pytest.approx(shapely.area(shapely.union_all(zone)), rel=1e-12)


def test_pieces_are_the_whole(city: City):
    pieces, owner = line_pieces(city.main, 7)
    assert shapely.get_num_coordinates(pieces).max() == 8
    length = np.bincount(owner, weights=shapely.length(pieces))
    np.testing.assert_allclose(length, shapely.length(city.main), rtol=1e-12)
    pieces, owner = polygon_pieces(city.zone, 100)
    assert shapely.get_num_coordinates(pieces).max() <= 100
    area = np.bincount(owner, weights=shapely.area(pieces))
    np.testing.assert_allclose(area, shapely.area(city.zone), rtol=1e-9)


def test_ours_and_postgis_agree_on_every_fact(
    city: City, store: Store, new_database: Callable[[str], sa.URL], request: pytest.FixtureRequest
):
    name = f"bench_facts_{request.node.callspec.params['city']}"
    url = new_database(name)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE EXTENSION postgis"))
    engine.dispose()
    text = url.set(drivername="postgresql").render_as_string(hide_password=False)
    columns = compare(city, ["ours", "postgis", "shapely"], list(FACTS), 600, text)
    assert all(set(column.seconds) >= set(FACTS) - {"halo"} for column in columns)
    told = table(columns, list(FACTS))
    assert "PostGIS" in told
    assert all(fact.title in told for fact in FACTS.values())


@pytest.mark.parametrize("name", sorted(FACTS.keys() - {"halo"}))
def test_a_wrong_answer_stops_the_benchmark(name: str):
    city, fact = make_city(300), FACTS[name]
    fetch = Library(city).run(fact, 1)
    assert fetch is not None
    right = fetch()
    check(city, fact, 1, {"a": right, "b": right})
    at = int(np.argmax(right.value))
    value = right.value.copy()
    value[at] *= 1 + 1e-5
    with pytest.raises(DifferenceError, match=rf"{fact.title}: 1 answers differ, .*a: .*b: "):
        check(city, fact, 1, {"a": right, "b": Rows(right.parcel, right.feature, value)})
    value[at] = np.nan
    with pytest.raises(DifferenceError):
        check(city, fact, 1, {"a": right, "b": Rows(right.parcel, right.feature, value)})
    with pytest.raises(DifferenceError):
        check(city, fact, 1, {"a": right, "b": Rows(right.parcel[1:], right.feature[1:], right.value[1:])})


def test_a_wrong_feature_stops_the_benchmark_but_a_tie_does_not():
    city, fact = make_city(300), FACTS["data_centre"]
    city.data_centre.resize(3, refcheck=False)
    city.data_centre[:] = shapely.points([[450e3, 4420e3], [450e3, 4420e3], [451e3, 4420e3]])
    fetch = Library(city).run(fact, 1)
    assert fetch is not None
    right = fetch()
    assert set(right.feature.tolist()) == {0, 2}
    tie = Rows(right.parcel, np.where(right.feature == 0, 1, 2), right.value)
    check(city, fact, 1, {"a": right, "b": tie})
    wrong = Rows(right.parcel, np.where(right.feature == 0, 2, 0), right.value)
    with pytest.raises(DifferenceError, match="feature 2"):
        check(city, fact, 1, {"a": right, "b": wrong})


def test_the_city_goes_into_a_store(empty_store: Store):
    city = make_city(300)
    for layer_id, frame in Writer(city).frames():
        put(empty_store, layer_id, frame)
    assert {k: v.feature_count for k, v in empty_store.layer_versions().items()}["parcel"] == 300
    parcels = empty_store.read("parcel")
    assert shapely.equals(parcels.geometry.to_numpy(), city.parcel).all()
    assert parcels["building_status"].isin(["new", "existing", "renovation", None]).all()
