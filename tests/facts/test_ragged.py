"""Geometries as arrays against shapely: areas, bounds, turning, parts, slices."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.facts.ragged import ORIGIN, Shapes

EAST, NORTH = ORIGIN
SHELL = [(0, 0), (10, 0), (10, 10), (0, 10)]
HOLE = [(2, 2), (2, 4), (4, 4), (4, 2)]


def at_origin(*geometries) -> np.ndarray:
    """Return geometries moved to the middle of Beijing."""
    return shapely.transform(np.array(geometries, dtype=object), lambda xy: xy + np.asarray(ORIGIN))


def signed_areas(shapes: Shapes) -> list[float]:
    """Return the area of every ring, positive if counter-clockwise."""
    rings = [shapes.xy[a:b] for a, b in zip(shapes.rings[:-1], shapes.rings[1:], strict=True)]
    return [float(np.sum(r[:-1, 0] * r[1:, 1] - r[1:, 0] * r[:-1, 1]) / 2) for r in rings]


@pytest.mark.parametrize("turn_shell", [False, True])
@pytest.mark.parametrize("turn_hole", [False, True])
def test_shells_run_counter_clockwise_and_holes_clockwise(turn_shell, turn_hole):
    polygon = shapely.Polygon(SHELL[:: -1 if turn_shell else 1], [HOLE[:: -1 if turn_hole else 1]])
    shapes = Shapes.of(at_origin(polygon), "polygon")
    assert signed_areas(shapes) == [100.0, -4.0]
    assert list(shapes.area_m2) == [96.0]
    assert (shapes.xy[shapes.rings[:-1]] == shapes.xy[shapes.rings[1:] - 1]).all()


def test_parts_empty_and_missing_shapes_and_heights():
    multi = shapely.MultiPolygon([shapely.Polygon(SHELL, [HOLE]), shapely.box(10, 0, 12, 1)])
    solid = shapely.force_3d(shapely.box(0, 0, 1, 1), 7.0)
    layer = at_origin(shapely.Polygon(), multi, None, solid, shapely.MultiPolygon())
    layer[2] = None
    shapes = Shapes.of(layer, "polygon")
    assert len(shapes) == 5
    assert list(np.diff(shapes.shapes)) == [0, 3, 0, 1, 0]
    assert list(shapes.area_m2) == [0, 98, 0, 1, 0]
    assert np.isnan(shapes.bounds[[0, 2, 4]]).all()
    assert shapes.bounds[1].tolist() == [0, 0, 12, 10]
    assert shapes.xy.flags.c_contiguous
    assert shapes.xy.dtype == np.float64


def test_lines_and_points_by_part():
    lines = at_origin(
        shapely.LineString([(0, 0), (1, 1), (1, 1)]), shapely.MultiLineString([[(0, 5), (3, 5)]] * 2)
    )
    shapes = Shapes.of(lines, "line")
    assert list(np.diff(shapes.rings)) == [3, 2, 2]
    assert list(np.diff(shapes.shapes)) == [1, 2]
    assert list(shapes.area_m2) == [0, 0]
    points = at_origin(shapely.Point(1, 2), shapely.Point(), shapely.MultiPoint([(3, 4), (5, 6)]))
    shapes = Shapes.of(points, "point")
    assert list(np.diff(shapes.shapes)) == [1, 0, 2]
    assert shapes.xy.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert shapes.bounds[2].tolist() == [3, 4, 5, 6]


def test_an_empty_layer():
    shapes = Shapes.of(np.empty(0, dtype=object), "polygon")
    assert len(shapes) == len(shapes.area_m2) == len(shapes.take([])) == len(shapes[0:0]) == 0


def test_a_position_there_is_none_of_is_refused():
    shapes = Shapes.of(at_origin(shapely.box(0, 0, 1, 1), shapely.box(0, 0, 2, 2)), "polygon")
    assert list(shapes.take([-1, 0]).area_m2) == [4, 1]
    with pytest.raises(IndexError):
        shapes.take([2])


def test_other_kinds_and_endless_coordinates_are_refused():
    with pytest.raises(ValueError, match="no polygon"):
        Shapes.of(at_origin(shapely.Point(0, 0)), "polygon")
    with pytest.raises(ValueError, match="finite"):
        Shapes.of(np.array([shapely.Point(np.inf, 0)], dtype=object), "point")
    with pytest.raises(ValueError, match="steps"):
        Shapes.of(at_origin(shapely.box(0, 0, 1, 1)), "polygon")[::2]


def test_arrays_may_come_from_elsewhere():
    xy = np.array([*HOLE, HOLE[0], *HOLE, HOLE[0]], dtype=np.float64)
    offsets = np.array([0, 5, 10])
    turned = Shapes.from_arrays("polygon", xy.copy(), offsets, np.array([0, 2]), np.array([True, False]))
    assert signed_areas(turned) == [4.0, -4.0]
    kept = Shapes.from_arrays("polygon", xy.copy(), offsets, np.array([0, 1, 2]))
    assert signed_areas(kept) == [-4.0, -4.0]


def test_the_origin_takes_no_digit_from_stored_coordinates():
    rng = np.random.default_rng(5)
    xy = np.round(rng.uniform((300_000, 4_330_000), (560_000, 4_560_000), (10_000, 2)), 4)
    shapes = Shapes.of(shapely.points(xy), "point")
    assert (shapes.xy + np.asarray(ORIGIN) == xy).all()


squares = st.builds(
    lambda x, y, w, h, hole: shapely.difference(
        shapely.box(x, y, x + w, y + h), shapely.box(x + 1, y + 1, x + 1 + hole, y + 2)
    ),
    *[st.integers(-50, 50)] * 2,
    *[st.integers(3, 30)] * 2,
    st.integers(0, 1),
)
layers = st.lists(
    st.one_of(squares, st.lists(squares, max_size=3).map(shapely.union_all)), min_size=1, max_size=8
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(layers, st.data())
def test_areas_bounds_slices_and_choices(geometries, data):
    geometries = [g for g in geometries if g.geom_type in ("Polygon", "MultiPolygon") or g.is_empty]
    layer = at_origin(*[shapely.MultiPolygon() if g.is_empty else g for g in geometries])
    shapes = Shapes.of(layer, "polygon")
    np.testing.assert_allclose(shapes.area_m2, shapely.area(layer), rtol=1e-9)
    np.testing.assert_array_equal(shapes.bounds, shapely.bounds(layer) - [EAST, NORTH, EAST, NORTH])
    start, stop = data.draw(st.integers(0, len(layer))), data.draw(st.integers(0, len(layer)))
    part = shapes[start:stop]
    assert part.xy is shapes.xy
    assert part.rings is shapes.rings
    assert list(part.area_m2) == list(shapes.area_m2[start:stop])
    assert len(part) == max(0, stop - start) == len(part.bounds)
    chosen = data.draw(st.lists(st.integers(0, len(layer) - 1)))
    taken = shapes.take(chosen)
    assert list(taken.area_m2) == list(shapes.area_m2[chosen])
    np.testing.assert_array_equal(taken.bounds, shapes.bounds[chosen])
    assert len(taken.xy) == int(shapely.get_num_coordinates(layer)[chosen].sum())
    np.testing.assert_array_equal(part.take(np.arange(len(part))).area_m2, part.area_m2)
