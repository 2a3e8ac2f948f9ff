"""The nearest, the k nearest and all within reach: what touches, holes, parts, ties, and hard layouts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import shapely

from gis.facts import index as index_module
from gis.facts.index import FeatureIndex, Pairs
from gis.facts.ragged import Shapes

ZERO = (0.0, 0.0)
BOX = shapely.box(0, 0, 10, 10)
RING = shapely.difference(shapely.box(-50, -50, 60, 60), shapely.box(-20, -20, 30, 30))


def layer(*geometries) -> np.ndarray:
    return np.array(geometries, dtype=object)


def index(kind, *geometries) -> FeatureIndex:
    return FeatureIndex(layer(*geometries), kind, ZERO)


def parcels(*geometries) -> Shapes:
    return Shapes.of(layer(*geometries), "polygon", ZERO)


def rows(pairs: Pairs) -> list[tuple[int, int, float]]:
    columns = (pairs.parcel.tolist(), pairs.feature.tolist(), pairs.measure.tolist())
    return list(zip(*columns, strict=True))


@pytest.mark.parametrize(
    ("kind", "feature", "distance_m"),
    [
        ("point", shapely.Point(13, 14), 5.0),
        ("point", shapely.Point(5, 5), 0.0),
        ("point", shapely.Point(10, 3), 0.0),
        ("point", shapely.MultiPoint([(40, 5), (5, -2)]), 2.0),
        ("line", shapely.LineString([(12, -5), (12, 30)]), 2.0),
        ("line", shapely.LineString([(-5, 5), (15, 5)]), 0.0),
        ("line", shapely.LineString([(4, 4), (5, 5)]), 0.0),
        ("line", shapely.LineString([(10, 10), (20, 20)]), 0.0),
        ("line", shapely.LineString([(10, 3), (10, 6)]), 0.0),
        ("line", shapely.LineString([(13, 14), (13, 14)]), 5.0),
        ("line", shapely.LineString([(11, -1), (11, -1), (11, 20), (11, 20)]), 1.0),
        ("line", shapely.MultiLineString([[(0, 30), (9, 30)], [(0, 13), (9, 14)]]), 3.0),
        ("polygon", shapely.box(-5, -5, 20, 20), 0.0),
        ("polygon", shapely.box(3, 3, 4, 4), 0.0),
        ("polygon", BOX, 0.0),
        ("polygon", shapely.box(10, 10, 12, 12), 0.0),
        ("polygon", RING, 20.0),
        ("polygon", shapely.MultiPolygon([shapely.box(-9, 0, -7, 9), shapely.box(11, 0, 12, 2)]), 1.0),
        ("polygon", shapely.Polygon([(12, 0), (12, 9), (12, 0)]), 2.0),
    ],
)
def test_distance_of_a_box(kind, feature, distance_m):
    assert rows(index(kind, feature).nearest(parcels(BOX))) == [(0, 0, distance_m)]
    assert rows(index(kind, feature).within(parcels(BOX), distance_m)) == [(0, 0, distance_m)]
    nearer = np.nextafter(distance_m, -1)
    assert len(index(kind, feature).within(parcels(BOX), nearer)) == 0


def test_ground_in_a_hole_is_outside():
    found = index("point", shapely.Point(5, 5)).nearest(parcels(RING, shapely.MultiPolygon([RING, BOX])))
    assert rows(found) == [(0, 0, 25.0), (1, 0, 0.0)]


def test_a_part_within_a_feature_is_at_no_distance():
    two = shapely.MultiPolygon([shapely.box(500, 0, 501, 1), shapely.box(2, 2, 3, 3)])
    assert rows(index("polygon", shapely.box(90, 0, 91, 1), BOX).nearest(parcels(two))) == [(0, 1, 0.0)]


def test_the_first_of_equals_is_the_nearest():
    twins = (shapely.Point(20, 5), shapely.Point(-10, 5), shapely.Point(20, 5), shapely.Point(12, 5))
    found = index("point", *twins)
    assert rows(found.nearest_k(parcels(BOX), 3, 50.0)) == [(0, 3, 2.0), (0, 0, 10.0), (0, 1, 10.0)]
    assert rows(index("point", *twins[:3]).nearest(parcels(BOX))) == [(0, 0, 10.0)]
    assert rows(index("polygon", *[shapely.box(-5, 5, 15, 6)] * 3).nearest(parcels(BOX))) == [(0, 0, 0.0)]
    # The same line the other way round, and cut in two, is as far.
    line, back = shapely.LineString([(11, 17.3), (17.1, 3)]), shapely.LineString([(17.1, 3), (11, 17.3)])
    assert index("line", line, back).nearest(parcels(BOX)).feature[0] == 0
    assert index("line", back, line).nearest(parcels(BOX)).feature[0] == 0


def test_no_layer_no_parcel_no_shape():
    nothing, some = FeatureIndex(np.empty(0, dtype=object), "line", ZERO), index("point", shapely.Point(0, 0))
    blank = index("polygon", None, shapely.Polygon())
    for found in (nothing, blank):
        assert len(found.nearest(parcels(BOX))) == len(found.within(parcels(BOX), 9.0)) == 0
        assert len(found.nearest_k(parcels(BOX), 2, 9.0)) == len(found.overlap(parcels(BOX))) == 0
    assert len(some.nearest(parcels())) == 0
    gaps = parcels(shapely.Polygon(), BOX, None)
    assert rows(some.nearest(gaps)) == [(1, 0, 0.0)]
    assert rows(index("line", None, shapely.LineString([(11, 0), (12, 0)])).within(gaps, 5.0)) == [
        (1, 1, 1.0)
    ]


def test_wrong_use_is_refused():
    found = index("point", shapely.Point(0, 0))
    with pytest.raises(ValueError, match="origin"):
        found.nearest(Shapes.of(layer(BOX), "polygon"))
    with pytest.raises(ValueError, match="polygons"):
        found.nearest(Shapes.of(layer(shapely.Point(0, 0)), "point", ZERO))
    with pytest.raises(ValueError, match="at least one"):
        found.nearest_k(parcels(BOX), 0, 5.0)
    assert len(found.within(parcels(BOX), np.nan)) == 0


def city(seed: int, count: int, spread_m: float) -> np.ndarray:
    """Return pointed polygons strewn about, half of them crowded in the middle."""
    rng = np.random.default_rng(seed)
    middle = rng.normal(0, spread_m, (count, 1, 2)) * np.where(np.arange(count) % 2, 1.0, 0.03)[:, None, None]
    angle = np.sort(rng.uniform(0, 2 * np.pi, (count, 7)), axis=1)[..., None]
    xy = middle + rng.uniform(5, 60, (count, 7, 1)) * np.concatenate([np.cos(angle), np.sin(angle)], axis=2)
    shapes = shapely.make_valid(shapely.polygons(xy))
    return shapes[shapely.get_type_id(shapes) == 3]


def walks(seed: int, count: int, vertices: int, step_m: float, spread_m: float) -> np.ndarray:
    """Return crooked lines, crowded in the middle."""
    rng = np.random.default_rng(seed)
    start = rng.normal(0, spread_m, (count, 1, 2)) * rng.choice([1.0, 0.02], (count, 1, 1))
    return shapely.linestrings(start + np.cumsum(rng.normal(0, step_m, (count, vertices, 2)), axis=1))


LAYOUTS = {
    "crowded middle": ("line", walks(1, 60, 40, 30.0, 4_000.0)),
    "long mains": ("line", walks(2, 4, 2_000, 100.0, 1_000.0)),
    "one far away": (
        "point",
        shapely.points(np.r_[np.random.default_rng(3).normal(0, 50, (300, 2)), [[9e5, 9e5]]]),
    ),
    "on one line": ("point", shapely.points(np.linspace(-9e3, 9e3, 400), np.zeros(400))),
    "one point": ("point", shapely.points([[250.0, -300.0]])),
    "all in one place": ("point", shapely.points(np.zeros((500, 2)))),
    "long edges": ("line", walks(4, 30, 3, 9_000.0, 5_000.0)),
    "polygons": ("polygon", city(5, 150, 3_000.0)),
    "large polygons": (
        "polygon",
        shapely.buffer(shapely.points([[0, 0], [900, 0]]), [2_000, 700], quad_segs=200),
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_hard_layouts_agree_with_geos(name):
    kind, features = LAYOUTS[name]
    # Parcels of all sizes: over many cells, in one, and far outside all of them.
    around = np.r_[
        city(6, 60, 3_000.0),
        shapely.box([-5e3, 4e4, -9e5], [-5e3, 5e4, 0], [5e3, 41e3, -8.9e5], [5e3, 51e3, 9]),
    ]
    ours, found = Shapes.of(around, "polygon", ZERO), FeatureIndex(features, kind, ZERO)
    distance_m = shapely.distance(around[:, None], features[None, :])
    nearest = found.nearest(ours)
    assert list(nearest.parcel) == list(range(len(around)))
    np.testing.assert_allclose(nearest.measure, distance_m.min(axis=1), rtol=1e-9, atol=1e-7)
    reach_m = float(np.quantile(distance_m, 0.2)) + 1e-3
    within = found.within(ours, reach_m)
    assert list(zip(within.parcel, within.feature, strict=True)) == list(
        map(tuple, np.argwhere(distance_m <= reach_m))
    )
    np.testing.assert_allclose(within.measure, distance_m[distance_m <= reach_m], rtol=1e-9, atol=1e-7)
    five = found.nearest_k(ours, 5, reach_m)
    expected = [np.sort(d[d <= reach_m])[:5] for d in distance_m]
    assert list(five.parcel) == [i for i, d in enumerate(expected) for _ in d]
    np.testing.assert_allclose(five.measure, np.concatenate(expected), rtol=1e-9, atol=1e-7)
    np.testing.assert_allclose(distance_m[five.parcel, five.feature], five.measure, rtol=1e-9, atol=1e-7)
    every = found.nearest_k(ours, 10_000, np.inf)
    assert len(every) == distance_m.size
    first = np.r_[True, every.parcel[1:] != every.parcel[:-1]]
    assert every.feature[first].tolist() == nearest.feature.tolist()
    assert every.measure[first].tolist() == nearest.measure.tolist()


def test_neither_blocks_nor_threads_nor_slices_change_an_answer(monkeypatch):
    around, features = city(7, 200, 1_000.0), city(8, 150, 1_000.0)
    ours, found = Shapes.of(around, "polygon", ZERO), FeatureIndex(features, "polygon", ZERO)

    def answers(shapes: Shapes) -> list[list[tuple[int, int, float]]]:
        pairs = (
            found.nearest(shapes),
            found.nearest_k(shapes, 4, 800.0),
            found.within(shapes, 300.0),
            found.overlap(shapes),
        )
        return [rows(p) for p in pairs]

    whole = answers(ours)
    assert all(whole)
    monkeypatch.setattr(index_module, "BLOCK", 7)
    assert answers(ours) == whole
    with ThreadPoolExecutor(4) as pool:
        assert all(one == whole for one in pool.map(answers, [ours] * 12))
    half = len(ours) // 2
    for n, (left, right) in enumerate(zip(answers(ours[:half]), answers(ours[half:]), strict=True)):
        assert left + [(p + half, f, m) for p, f, m in right] == whole[n]
    taken = answers(ours.take(np.arange(len(ours))[::-1]))
    for n, back in enumerate(taken):
        assert sorted((len(ours) - 1 - p, m, f) for p, f, m in back) == sorted(
            (p, m, f) for p, f, m in whole[n]
        )
