"""Shared areas: what touches, covers, has holes or parts; borders, slivers and zones of many vertices."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.facts.index import FeatureIndex, dominant
from gis.facts.ragged import ORIGIN, Shapes

ZERO = (0.0, 0.0)
BOX = shapely.box(0, 0, 10, 10)


def layer(*geometries) -> np.ndarray:
    return np.array(geometries, dtype=object)


def shared(parcel, *features) -> dict[int, float]:
    """Return the area a parcel shares with each of some polygons, where it does."""
    pairs = FeatureIndex(layer(*features), "polygon", ZERO).overlap(Shapes.of(layer(parcel), "polygon", ZERO))
    assert (pairs.parcel == 0).all()
    return dict(zip(pairs.feature.tolist(), pairs.measure.tolist(), strict=True))


@pytest.mark.parametrize(
    ("feature", "area_m2"),
    [
        (BOX, 100.0),
        (shapely.box(-5, -5, 30, 30), 100.0),
        (shapely.box(2, 3, 4, 7), 8.0),
        (shapely.box(-5, 4, 30, 6), 20.0),
        (shapely.box(4, -5, 6, 30), 20.0),
        (shapely.box(5, 5, 20, 20), 25.0),
        (shapely.box(-5, -5, 5, 5), 25.0),
        (shapely.box(0, 0, 5, 10), 50.0),
        (shapely.box(0, 5, 10, 10), 50.0),
        (shapely.box(0, 10, 10, 20), 0.0),
        (shapely.box(10, 0, 20, 10), 0.0),
        (shapely.box(-9, -9, 0, 0), 0.0),
        (shapely.box(30, 30, 40, 40), 0.0),
        (shapely.Polygon([(0, 0), (10, 10), (0, 10)]), 50.0),
        (shapely.Polygon([(5, -5), (15, 5), (5, 15), (-5, 5)]), 100.0),
        (shapely.Polygon([(5, -1), (11, 5), (5, 11), (-1, 5)]), 68.0),
        (shapely.difference(shapely.box(-9, -9, 20, 20), BOX), 0.0),
        (shapely.difference(shapely.box(-9, -9, 20, 20), shapely.box(2, 2, 8, 8)), 64.0),
        (shapely.difference(shapely.box(1, 1, 9, 9), shapely.box(4, 4, 6, 6)), 60.0),
        (shapely.MultiPolygon([shapely.box(1, 1, 2, 2), shapely.box(8, 8, 20, 20)]), 5.0),
        (shapely.MultiPolygon([shapely.box(-2, 0, 5, 10), shapely.box(5, 0, 9, 10)]), 90.0),
        (shapely.Polygon([(1, 1), (9, 9), (1, 1)]), 0.0),
        (shapely.Polygon([(0, 0), (0, 0), (10, 0), (10, 0), (10, 4), (0, 4), (0, 4)]), 40.0),
        (shapely.Polygon(), 0.0),
    ],
)
def test_area_shared_with_a_box(feature, area_m2):
    expected = pytest.approx({0: area_m2} if area_m2 else {}, rel=1e-12)
    assert shared(BOX, feature) == expected
    if not feature.is_empty and feature.area > 0:
        assert shared(feature, BOX) == expected
    upside_down = shapely.affinity.scale(feature, -1, -1, origin=(5, 5))
    turned = shapely.affinity.rotate(feature, 90, origin=(5, 5))
    for moved in (upside_down, turned):
        assert sum(shared(BOX, moved).values()) == pytest.approx(area_m2, rel=1e-12, abs=1e-12)


def test_pairs_are_in_order_and_the_first_of_equals_dominates():
    features = layer(shapely.box(5, 0, 10, 10), shapely.box(0, 0, 5, 10), shapely.box(0, 0, 10, 4), None)
    around = Shapes.of(layer(shapely.box(80, 0, 90, 1), BOX, None, shapely.box(0, 0, 5, 5)), "polygon", ZERO)
    pairs = FeatureIndex(features, "polygon", ZERO).overlap(around)
    assert list(zip(pairs.parcel, pairs.feature, pairs.measure, strict=True)) == [
        (1, 0, 50.0),
        (1, 1, 50.0),
        (1, 2, 40.0),
        (3, 1, 25.0),
        (3, 2, 20.0),
    ]
    best, most_m2 = dominant(pairs, 4)
    assert list(best) == [-1, 0, -1, 1]
    np.testing.assert_array_equal(most_m2, [np.nan, 50.0, np.nan, 25.0])


def test_no_ground_is_counted_twice():
    features = layer(shapely.box(0, 0, 6, 10), shapely.box(4, 0, 8, 10), shapely.box(4, 0, 8, 10), None)
    around = Shapes.of(layer(BOX, shapely.box(20, 0, 30, 1), shapely.box(5, 1, 7, 2), None), "polygon", ZERO)
    assert list(FeatureIndex(features, "polygon", ZERO).covered_m2(around)) == [80.0, 0.0, 2.0, 0.0]
    assert list(FeatureIndex(features[3:], "polygon", ZERO).covered_m2(around)) == [0.0] * 4
    assert list(FeatureIndex(features[:0], "polygon", ZERO).covered_m2(around)) == [0.0] * 4


def test_rounding_along_a_border_is_no_overlap():
    rng = np.random.default_rng(11)
    for _ in range(200):
        xy = np.round(rng.uniform(0, 300, (2, 2)), 4)
        along = np.round(xy[0] + rng.uniform(0, 1) * (xy[1] - xy[0]), 4)
        side = xy[1] - xy[0]
        off = 200 * np.array([-side[1], side[0]]) / np.hypot(*side)
        left = shapely.Polygon([xy[0], xy[1], np.round(xy[1] + off, 4), np.round(xy[0] + off, 4)])
        right = shapely.Polygon([xy[0], np.round(xy[0] - off, 4), np.round(xy[1] - off, 4), xy[1]])
        assert shared(left, right) == {}
        # A vertex on the border, put on the stored grid of 0.1 mm, is at most that far over it.
        bent = shapely.Polygon([xy[0], np.round(xy[0] - off, 4), np.round(xy[1] - off, 4), xy[1], along])
        assert sum(shared(left, bent).values()) <= 1e-4 * np.hypot(*side)


def test_a_sliver_of_a_parcel_has_its_share():
    sliver = shapely.Polygon([(0, 0), (2_000, 2_000), (2_000, 2_000.001)])
    zones = shapely.box(0, 0, 1_000, 3_000), shapely.box(1_000, 0, 2_000, 3_000)
    assert shared(sliver, *zones) == pytest.approx({0: 0.25, 1: 0.75}, rel=1e-6)


def wavy(count: int, radius_m: float, x: float = 0.0, y: float = 0.0) -> shapely.Geometry:
    """Return a wavy round polygon."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    r = radius_m * (1 + 0.2 * np.sin(5 * angle) + 0.01 * np.sin(0.1 * count * angle))
    return shapely.Polygon(np.column_stack([x + r * np.cos(angle), y + r * np.sin(angle)]))


def parcels(seed: int, count: int, spread_m: float) -> np.ndarray:
    """Return star-shaped polygons strewn over a square, some with a hole."""
    rng = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, 11, endpoint=False)[None, :, None] + rng.uniform(0, 0.4, (count, 11, 1))
    xy = rng.uniform(20, 60, (count, 11, 1)) * np.concatenate([np.cos(angle), np.sin(angle)], axis=2)
    middle = rng.uniform(-spread_m, spread_m, (count, 1, 2))
    shapes = shapely.polygons(xy + middle)
    shapes[::3] = shapely.difference(shapes[::3], shapely.buffer(shapely.points(middle[::3, 0]), 9))
    return shapes


def test_zones_of_many_vertices_at_real_coordinates():
    zones = layer(wavy(20_000, 2_000), wavy(500, 900, 2_500), wavy(3_000, 700, 100, 100), wavy(6, 5_000))
    around = parcels(12, 600, 3_500)
    expected = shapely.area(shapely.intersection(around[:, None], zones[None, :]))
    moved, stored = (shapely.transform(g, lambda xy: xy + np.asarray(ORIGIN)) for g in (around, zones))
    index, ours = FeatureIndex(stored, "polygon"), Shapes.of(moved, "polygon")
    pairs = index.overlap(ours)
    found = np.zeros(expected.shape)
    found[pairs.parcel, pairs.feature] = pairs.measure
    # Half the last digit of a northing (5e-10 m) along a border of 400 m.
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-7)
    assert ((found > 0) == (expected > 1e-5)).all()
    whole = shapely.area(shapely.intersection(around, shapely.union_all(zones)))
    np.testing.assert_allclose(index.covered_m2(ours), whole, rtol=0, atol=2e-7)


def test_a_tiling_shares_out_all_of_a_parcel():
    rng = np.random.default_rng(13)
    tiles = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(rng.uniform(-900, 900, (80, 2)))))
    around = parcels(14, 300, 800)
    ours = Shapes.of(around, "polygon", ZERO)
    pairs = FeatureIndex(tiles, "polygon", ZERO).overlap(ours)
    total = np.bincount(pairs.parcel, weights=pairs.measure, minlength=len(around))
    np.testing.assert_allclose(total, shapely.area(around), rtol=1e-8)
    # What is inside and what is outside of a tile make up the parcel.
    frame = shapely.box(-2_000, -2_000, 2_000, 2_000)
    both = FeatureIndex(layer(tiles[7], shapely.difference(frame, tiles[7])), "polygon", ZERO).overlap(ours)
    total = np.bincount(both.parcel, weights=both.measure, minlength=len(around))
    np.testing.assert_allclose(total, shapely.area(around), rtol=1e-8)


cells = st.lists(st.booleans(), min_size=25, max_size=25).map(lambda c: np.array(c).reshape(5, 5))


def squares(chosen: np.ndarray) -> shapely.Geometry:
    """Return the polygon made of some squares of a chess board."""
    x, y = np.nonzero(chosen)
    return shapely.union_all(shapely.box(x, y, x + 1, y + 1)) if len(x) else shapely.Polygon()


@settings(max_examples=150, deadline=None, derandomize=True)
@given(cells, cells, st.sampled_from([0, 1, 90, 45]))
def test_boards_share_the_squares_they_have_in_common(one, other, turn):
    first, second = (shapely.affinity.rotate(squares(c), turn, origin=(0, 0)) for c in (one, other))
    both = int((one & other).sum())
    assert shared(first, second) == pytest.approx({0: both} if both else {}, rel=1e-9)
