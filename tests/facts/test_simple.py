"""What is called valid beyond doubt is valid for GEOS, and that is what most parcels are called."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.facts.ragged import Shapes
from gis.facts.simple import clearly_valid

ZERO = (0.0, 0.0)
PLACES = st.tuples(st.integers(0, 6), st.integers(0, 6))


def told(*shapes: shapely.Geometry | None) -> list[bool]:
    """Return what is said of shapes."""
    return clearly_valid(Shapes.of(np.array(shapes, dtype=object), "polygon", ZERO)).tolist()


@settings(max_examples=1000)
@given(places=st.lists(PLACES, min_size=3, max_size=8), turn=st.floats(0, 6.28), scale=st.floats(1e-3, 1e5))
def test_what_is_clear_is_valid(places, turn, scale):
    """On a coarse grid nearly every fault occurs: crossings, touches, spikes, repeated places."""
    xy = np.array(places, dtype=float) * scale
    xy = xy @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shape = shapely.Polygon(xy)
    assert told(shape) == [True] or not told(shape)[0]
    if told(shape)[0]:
        assert shape.is_valid
        assert shape.area > 0


@settings(max_examples=300)
@given(seed=st.integers(0, 10**6), corners=st.integers(3, 30))
def test_stars_are_clear(seed, corners):
    random = np.random.default_rng(seed)
    angles = (np.arange(corners) + random.uniform(0.1, 0.9, corners)) * 2 * np.pi / corners
    radius = random.uniform(20, 100, corners)
    shape = shapely.Polygon(np.c_[np.cos(angles), np.sin(angles)] * radius[:, None] + 5e5)
    # Of three corners the centre may lie outside, which makes no difference.
    assert told(shape) == [True]
    assert told(shape.reverse()) == [True]


@pytest.mark.parametrize(
    "wkt",
    [
        "POLYGON ((0 0, 9 9, 9 0, 0 9, 0 0))",
        "POLYGON ((0 0, 9 0, 9 9, 9 0, 0 0))",
        "POLYGON ((0 0, 9 0, 5 0, 5 5, 0 0))",
        "POLYGON ((0 0, 9 0, 9 9, 5 0, 0 9, 0 0))",
        "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (0 0, 5 5, 4 5, 0 0))",
        "MULTIPOLYGON (((0 0, 9 0, 9 9, 0 0)), ((0 0, 9 0, 9 9, 0 0)))",
        "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 -1, 0 0))",
        "POLYGON EMPTY",
    ],
)
def test_what_is_not_valid_is_not_clear(wkt):
    assert told(shapely.from_wkt(wkt), None) == [False, False]


def test_near_misses_are_left_to_geos():
    near = shapely.Polygon([(0, 0), (9, 0), (9, 9), (5, 1e-7), (0, 9)])
    assert near.is_valid
    assert told(near, shapely.box(0, 0, 1, 1)) == [False, True]
