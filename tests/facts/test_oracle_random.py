"""Distance and overlap against PostGIS on random shapes: holes, slivers, touching borders, multiparts."""

from __future__ import annotations

import numpy as np
import shapely
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gis.facts.index import FeatureIndex, dominant
from gis.facts.ragged import Shapes

# Small whole numbers make shared corners, shared edges and coincident shapes likely; the offset
# is that of real eastings and northings.
ORIGIN = np.array([448_000.0, 4_419_000.0])
steps = st.integers(0, 12)


@st.composite
def boxes(draw) -> shapely.Geometry:
    """A box, sometimes with a hole, sometimes a sliver."""
    x, y, w, h = draw(steps), draw(steps), draw(st.integers(1, 8)), draw(st.sampled_from([1e-3, 1, 2, 5]))
    box = shapely.box(x, y, x + w, y + h)
    if draw(st.booleans()) and w > 2 and h > 2:
        box = box.difference(shapely.box(x + 0.5, y + 0.5, x + 1.5, y + 1.5))
    return box


@st.composite
def polygons(draw) -> shapely.Geometry:
    """One to three boxes, turned and united: polygon or multipolygon."""
    shape = shapely.union_all([draw(boxes()) for _ in range(draw(st.integers(1, 3)))])
    turned = shapely.affinity.rotate(shape, draw(st.sampled_from([0, 0, 17, 90])), origin=(0, 0))
    return shapely.transform(turned, lambda xy: np.round(xy * 100, 4) + ORIGIN)


@st.composite
def lines(draw) -> shapely.Geometry:
    """A line of two to five vertices."""
    points = draw(st.lists(st.tuples(steps, steps), min_size=2, max_size=5, unique=True))
    return shapely.transform(shapely.LineString(points), lambda xy: xy * 100 + ORIGIN)


points = st.tuples(steps, steps).map(lambda p: shapely.Point(np.asarray(p) * 100.0 + ORIGIN))


def in_sql(store, expression: str, parcels, features) -> np.ndarray:
    """Return `expression` over p.geom and f.geom for every pair, as a matrix."""
    query = f"""
        SELECT {expression} FROM unnest(CAST(:p AS bytea[])) WITH ORDINALITY AS pw(wkb, i)
        CROSS JOIN unnest(CAST(:f AS bytea[])) WITH ORDINALITY AS fw(wkb, j)
        CROSS JOIN LATERAL (SELECT ST_GeomFromWKB(pw.wkb) AS geom) p
        CROSS JOIN LATERAL (SELECT ST_GeomFromWKB(fw.wkb) AS geom) f ORDER BY i, j"""
    binds = {"p": list(shapely.to_wkb(parcels)), "f": list(shapely.to_wkb(features))}
    with store.engine.connect() as connection:
        values = connection.execute(sa.text(query), binds).scalars().all()
    return np.asarray(values, dtype=float).reshape(len(parcels), len(features))


once = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@once
@given(
    st.lists(polygons(), min_size=1, max_size=6),
    st.one_of(
        *(
            st.tuples(st.just(kind), st.lists(shapes, min_size=1, max_size=8))
            for kind, shapes in (("line", lines()), ("point", points), ("polygon", polygons()))
        )
    ),
)
def test_nearest_and_within(store, parcels, layer):
    kind, features = layer[0], np.array(layer[1], dtype=object)
    parcels = np.array(parcels, dtype=object)
    distance_m = in_sql(store, "ST_Distance(p.geom, f.geom)", parcels, features)
    index, ours = FeatureIndex(features, kind), Shapes.of(parcels, "polygon")
    nearest = index.nearest(ours)
    assert list(nearest.parcel) == list(range(len(parcels)))
    np.testing.assert_allclose(nearest.measure, distance_m.min(axis=1), rtol=1e-6, atol=1e-6)
    chosen = distance_m[nearest.parcel, nearest.feature]
    np.testing.assert_allclose(chosen, distance_m.min(axis=1), rtol=1e-6, atol=1e-6)
    near = index.within(ours, 150.0)
    found = np.full(distance_m.shape, np.nan)
    found[near.parcel, near.feature] = near.measure
    clear = np.abs(distance_m - 150.0) > 1e-6
    assert (np.isnan(found) == (distance_m > 150.0))[clear].all()
    np.testing.assert_allclose(found[~np.isnan(found)], distance_m[~np.isnan(found)], rtol=1e-6, atol=1e-6)


@once
@given(st.lists(polygons(), min_size=1, max_size=5), st.lists(polygons(), min_size=1, max_size=6))
def test_overlap_and_cover(store, parcels, zones):
    parcels, zones = np.array(parcels, dtype=object), np.array(zones, dtype=object)
    area_m2 = in_sql(store, "ST_Area(ST_Intersection(p.geom, f.geom))", parcels, zones)
    index, ours = FeatureIndex(zones, "polygon"), Shapes.of(parcels, "polygon")
    pairs = index.overlap(ours)
    found = np.zeros(area_m2.shape)
    found[pairs.parcel, pairs.feature] = pairs.measure
    np.testing.assert_allclose(found, area_m2, rtol=1e-6, atol=1e-4)
    union = np.array([shapely.union_all(zones)], dtype=object)
    covered = in_sql(store, "ST_Area(ST_Intersection(p.geom, f.geom))", parcels, union)[:, 0]
    np.testing.assert_allclose(index.covered_m2(ours), covered, rtol=1e-6, atol=1e-4)
    best, _ = dominant(pairs, len(parcels))
    for i, feature in enumerate(best):
        if feature >= 0:
            assert area_m2[i, feature] >= area_m2[i].max() * (1 - 1e-6) - 1e-4


def test_ties_go_to_the_lowest():
    square = Shapes.of(np.array([shapely.box(0, 0, 10, 10)], dtype=object), "polygon")
    twins = np.array([shapely.Point(20, 5), shapely.Point(-10, 5), shapely.Point(20, 5)], dtype=object)
    assert list(FeatureIndex(twins, "point").nearest(square).feature) == [0]
    halves = np.array([shapely.box(5, 0, 10, 10), shapely.box(0, 0, 5, 10)], dtype=object)
    assert list(dominant(FeatureIndex(halves, "polygon").overlap(square), 1)[0]) == [0]


def test_empty_layers_give_no_pairs():
    square = Shapes.of(np.array([shapely.box(0, 0, 10, 10)], dtype=object), "polygon")
    nothing = FeatureIndex(np.empty(0, dtype=object), "polygon")
    assert (
        len(nothing.nearest(square)) == len(nothing.within(square, 10.0)) == len(nothing.overlap(square)) == 0
    )
    assert list(nothing.covered_m2(square)) == [0.0]
