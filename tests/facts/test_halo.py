"""Green space within reach of a parcel: analytic cases, GEOS as oracle, coincident borders, invariance.

The oracle unites the parcel with a rectangle on every edge and a disc on every vertex. A disc is drawn
with 4 * 128 corners and the disc's own area: the error is nil over a whole side and below r^2 d^3 / 24
= 8e-8 r^2 where a side is cut, d = 2 pi / 512 being its angle. Arcs have two ends, and a halo is pi r^2
large at the least: 1e-6 of it leaves room for twenty arcs whose errors all have the same sign.
`python -m tests.facts.test_halo 20000` takes that many random pairs.
"""

from __future__ import annotations

import math
import sys
from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.facts import halo
from gis.facts.halo import halo_areas
from gis.facts.ragged import Shapes

FAR = shapely.box(-1000, -1000, 1000, 1000)
QUADRANT_SIDES = 128


def shapes(*geometries: shapely.Geometry) -> Shapes:
    return Shapes.of(np.array(geometries, dtype=object), "polygon", origin=(0.0, 0.0))


def area(parcel: shapely.Geometry, green: shapely.Geometry, reach_m: float) -> float:
    pair = np.zeros(1, dtype=np.int64)
    return float(halo_areas(shapes(parcel), shapes(green), pair, pair, reach_m)[0])


def drawn_halo(parcel: shapely.Geometry, reach_m: float) -> shapely.Geometry:
    sides = 4 * QUADRANT_SIDES
    angle = 2 * np.pi / sides
    corners = np.exp(1j * angle * np.arange(sides)) * np.sqrt(angle / np.sin(angle)) * reach_m
    disc = np.c_[corners.real, corners.imag]
    pieces = [parcel.buffer(0)]
    for part in shapely.get_parts(parcel):
        for ring in shapely.get_rings(part):
            xy = shapely.get_coordinates(ring)
            pieces += [shapely.Polygon(vertex + disc) for vertex in xy[:-1]]
            for a, b in pairwise(xy):
                if (a != b).any():
                    out = np.array([b[1] - a[1], a[0] - b[0]]) / np.hypot(*(b - a)) * reach_m
                    pieces.append(shapely.Polygon([a - out, b - out, b + out, a + out]))
    return shapely.difference(shapely.union_all(pieces), parcel.buffer(0))


def disagreement(parcel: shapely.Geometry, green: shapely.Geometry, reach_m: float) -> float:
    """Return how far the kernel is from the oracle, as a part of the whole halo's area."""
    drawn = drawn_halo(parcel, reach_m)
    expected = shapely.area(shapely.intersection(drawn, green.buffer(0)))
    return abs(area(parcel, green, reach_m) - expected) / shapely.area(drawn)


def star(rng: np.random.Generator, vertices: int, size: float, least: float) -> shapely.Polygon:
    """Return a star-shaped polygon about the origin; at least = 1, a convex one on a circle."""
    turn = np.sort(rng.random(vertices)) * 2 * np.pi
    out = size * rng.uniform(least, 1, vertices)
    return shapely.Polygon(np.c_[out * np.cos(turn), out * np.sin(turn)])


def tiles(rng: np.random.Generator, size: int, share: float) -> shapely.Geometry:
    """Return unit squares united: L, U and E shapes, courtyards, parts that touch at corners."""
    x, y = np.nonzero(rng.random((size, size)) < share)
    return shapely.union_all(shapely.box(x, y, x + 1, y + 1)) if len(x) else shapely.box(0, 0, 1, 2)


def moved(shape: shapely.Geometry, x: float, y: float) -> shapely.Geometry:
    return shapely.transform(shape, lambda xy: xy + [x, y])


def random_pair(rng: np.random.Generator) -> tuple[shapely.Geometry, shapely.Geometry, float]:
    """Return a parcel, a green space and a reach: anything, or all on a grid so that much coincides."""
    if rng.random() < 0.4:
        parcel, green = tiles(rng, rng.integers(1, 6), 0.6), tiles(rng, rng.integers(1, 7), 0.7)
        reach = float(rng.choice([0.25, 0.5, 1, 1.5, 2, 2.5]))
        return parcel, moved(green, *rng.integers(-4, 5, 2) * 0.5), reach
    reach = float(rng.choice([5, 15, 40, 100]))
    parcel = star(rng, rng.integers(3, 20), 50, rng.choice([1, 0.5, 0.1])).buffer(0)
    green = star(rng, rng.integers(3, 30), rng.choice([20, 60, 200]), rng.choice([1, 0.2])).buffer(0)
    green = moved(green, *rng.normal(size=2) * 80)
    if rng.random() < 0.3:
        green = green.difference(moved(shapely.affinity.scale(parcel, 0.5, 0.5), *rng.normal(size=2) * 30))
    if rng.random() < 0.4:
        parcel = parcel.difference(moved(star(rng, 7, 30, 0.3).buffer(0), *rng.normal(size=2) * 15))
    if rng.random() < 0.2:
        parcel = parcel.union(moved(star(rng, 5, 30, 0.3).buffer(0), *rng.normal(size=2) * 60))
    if parcel.area and green.area:
        return parcel, green, reach
    return random_pair(rng)


def square(reach: float) -> float:
    """Halo of the square of 100 m."""
    return 400 * reach + math.pi * reach**2


def test_square_in_wide_green():
    assert area(shapely.box(0, 0, 100, 100), FAR, 15) == pytest.approx(square(15), rel=1e-9)


@pytest.mark.parametrize("turn_deg", [0, 90, 180, 270, 33])
@pytest.mark.parametrize("away_m", [0, 4, 11, 15, 16])
def test_half_plane(turn_deg, away_m):
    green = shapely.affinity.rotate(shapely.box(-1000, -1000, -away_m, 1000), turn_deg, origin=(50, 50))
    parcel = shapely.affinity.rotate(shapely.box(0, 0, 100, 100), turn_deg, origin=(50, 50))
    d = min(away_m, 15)
    expected = 100 * (15 - d) + 15**2 * math.acos(d / 15) - d * math.sqrt(15**2 - d**2)
    assert area(parcel, green, 15) == pytest.approx(expected, rel=1e-9, abs=1e-5)


def test_u_shape():
    u = shapely.box(0, 0, 30, 30).difference(shapely.box(10, 10, 20, 30))
    over_the_notch = 5 * math.sqrt(75) + 100 * math.asin(0.5)
    expected = 110 * 10 + over_the_notch + math.pi * 100 + 10 * 20
    assert area(u, FAR, 10) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("reach_m", [3, 9.999999, 10, 10.000001, 50])
def test_courtyard_as_wide_as_twice_the_reach(reach_m):
    yard = shapely.box(30, 40, 70, 60)
    parcel = shapely.box(0, 0, 100, 100).difference(yard)
    left = max(20 - 2 * reach_m, 0) * max(40 - 2 * reach_m, 0)
    assert area(parcel, yard, reach_m) == pytest.approx(800 - left, rel=1e-8)
    assert area(parcel, FAR, reach_m) == pytest.approx(square(reach_m) + 800 - left, rel=1e-8)


@pytest.mark.parametrize("gap_m", [1, 20, 20.000001, 19.999999, 25])
def test_parts_as_far_apart_as_twice_the_reach(gap_m):
    parcel = shapely.union(shapely.box(0, 0, 50, 50), shapely.box(50 + gap_m, 0, 100 + gap_m, 50))
    assert disagreement(parcel, FAR, 10.0) < 1e-6
    between = shapely.box(50, 0, 50 + gap_m, 50)
    assert area(parcel, between, 10) == pytest.approx(50 * min(gap_m, 20), rel=1e-7)


def test_parts_that_share_an_edge_or_a_corner():
    edge = shapely.MultiPolygon([shapely.box(0, 0, 50, 100), shapely.box(50, 0, 100, 100)])
    assert area(edge, FAR, 7) == pytest.approx(square(7), rel=1e-9)
    corner = shapely.MultiPolygon([shapely.box(0, 0, 50, 50), shapely.box(50, 50, 100, 100)])
    assert disagreement(corner, FAR, 7) < 1e-6
    wedges = shapely.MultiPolygon(
        [shapely.Polygon([(0, 0), (20, 0), (20, 5)]), shapely.Polygon([(0, 0), (20, 15), (5, 20)])]
    )
    assert disagreement(wedges, FAR, 4) < 1e-6


def test_inside_same_and_touching():
    parcel = shapely.box(0, 0, 100, 100)
    assert area(parcel, shapely.box(20, 20, 60, 60), 15) == pytest.approx(0, abs=1e-9)
    assert area(parcel, parcel, 15) == pytest.approx(0, abs=1e-9)
    assert area(parcel, shapely.box(100, 20, 110, 60), 15) == pytest.approx(400, rel=1e-9)
    assert area(parcel, shapely.box(100, 100, 200, 200), 15) == pytest.approx(math.pi * 15**2 / 4, rel=1e-9)
    assert area(parcel, shapely.box(116, 0, 200, 100), 15) == 0
    assert area(parcel, shapely.box(-500, 200, 500, 300), 15) == 0


def test_slit_spike_and_sliver():
    slit = [(0, 0), (100, 0), (100, 50), (30, 50), (100, 50), (100, 100), (0, 100)]
    assert area(shapely.Polygon(slit), FAR, 15) == pytest.approx(square(15), rel=1e-9)
    spike = [(0, 0), (100, 0), (100, 50), (200, 50), (100, 50), (100, 100), (0, 100)]
    with_spike = square(15) + 2 * 15 * 85 + math.pi * 15**2 / 2
    assert area(shapely.Polygon(spike), FAR, 15) == pytest.approx(with_spike, rel=1e-9)
    on_edge = [(0, 0), (100, 0), (20, 0), (100, 0), (100, 100), (0, 100)]
    assert area(shapely.Polygon(on_edge), FAR, 15) == pytest.approx(square(15), rel=1e-9)
    sliver = shapely.Polygon([(0, 0), (10, 0), (0, 0)])
    assert area(sliver, FAR, 3) == pytest.approx(60 + 9 * math.pi, rel=1e-9)
    hair = shapely.Polygon([(0, 0), (10, 0), (10, 1e-9), (0, 1e-9)])
    assert area(hair, FAR, 3) == pytest.approx(60 + 9 * math.pi, rel=1e-8)
    assert area(shapely.box(0, 0, 100, 100), shapely.Polygon([(-5, -5), (120, -5), (-5, -5)]), 15) == 0


@pytest.mark.parametrize("apart_m", [0, 1e-13, 1e-9, 1e-6, 1e-3])
def test_repeated_vertices(apart_m):
    corners = np.array(
        [(0, 0), (100, 0), (100, 100), (60, 100), (60, 40), (40, 40), (40, 100), (0, 100)], float
    )
    out = np.roll(corners, -1, axis=0) - corners
    out /= np.hypot(*out.T)[:, None]
    jitter = np.random.default_rng(3).uniform(-0.3, 0.3, (8, 3, 1)) * [[0], [1], [1]]
    steps = [[0], [1], [2]] * out[:, None] + jitter * np.stack([-out[:, 1], out[:, 0]], axis=1)[:, None]
    doubled = shapely.Polygon((corners[:, None] + steps * apart_m).reshape(-1, 2))
    assert doubled.is_valid or apart_m < 1e-12
    for reach in (5.0, 10.0, 60.0):
        clean = area(shapely.Polygon(corners), FAR, reach)
        assert area(doubled, FAR, reach) == pytest.approx(clean, rel=1e-7, abs=2 * 600 * apart_m)


def test_degenerate_input():
    square_, empty, pair = shapely.box(0, 0, 1, 1), shapely.Polygon(), np.zeros(1, dtype=np.int64)
    assert np.isnan(area(square_, empty, 1))
    assert np.isnan(area(empty, square_, 1))
    assert area(square_, FAR, 0) == 0
    for reach in (-1, math.nan, math.inf):
        with pytest.raises(ValueError, match="reach"):
            halo_areas(shapes(square_), shapes(square_), pair, pair, reach)
    assert len(halo_areas(shapes(square_), shapes(square_), pair[:0], pair[:0], 1)) == 0


@pytest.mark.parametrize("seed", range(20))
def test_against_geos(seed):
    rng = np.random.default_rng(seed)
    for _ in range(12):
        parcel, green, reach = random_pair(rng)
        assert disagreement(parcel, green, reach) < 1e-6, (parcel.wkt, green.wkt, reach)


def test_against_geos_buffer():
    rng = np.random.default_rng(99)
    for _ in range(12):
        parcel, green, reach = random_pair(rng)
        # Chords of a quarter turn in 2048: short of the arcs by (pi / 4096)^2 / 6 of their area, 1e-7.
        buffered = shapely.difference(shapely.buffer(parcel, reach, quad_segs=2048), parcel)
        expected = shapely.area(shapely.intersection(buffered, green))
        assert area(parcel, green, reach) == pytest.approx(expected, abs=1e-6 * buffered.area)


@pytest.mark.parametrize(("vertices", "least"), [(300, 0.5), (800, 0.9), (2000, 0.6)])
def test_edges_much_shorter_than_the_reach(vertices, least):
    parcel = star(np.random.default_rng(vertices), vertices, 150, least)
    green = moved(shapely.box(-200, -200, 200, 200), 60, 0)
    # Chords of a quarter turn in 1024: short of the arcs by 4e-7 of their area.
    buffered = shapely.difference(shapely.buffer(parcel, 100, quad_segs=1024), parcel)
    expected = shapely.area(shapely.intersection(buffered, green))
    assert area(parcel, green, 100) == pytest.approx(expected, abs=1e-6 * buffered.area)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.integers(0, 2**20 - 1),
    st.integers(0, 2**16 - 1),
    st.integers(-6, 6),
    st.sampled_from([0.5, 1, 1.5, 2]),
)
def test_grids_against_geos(parcel_bits, green_bits, shift, reach):
    def cells(bits: int) -> shapely.Geometry:
        on = np.flatnonzero([bits >> i & 1 for i in range(20)] or [1])
        on = on if len(on) else np.array([0])
        return shapely.union_all(shapely.box(on % 4, on // 4, on % 4 + 1, on // 4 + 1))

    assert disagreement(cells(parcel_bits), moved(cells(green_bits), shift / 2, -shift / 2), reach) < 1e-6


@pytest.mark.parametrize("seed", range(10))
def test_invariance(seed):
    rng = np.random.default_rng(1000 + seed)
    parcel, green, reach = random_pair(rng)
    whole = area(parcel, FAR, reach)
    close = {"rel": 0, "abs": 1e-9 * whole}
    plain = area(parcel, green, reach)
    assert area(parcel, green, reach * 0.9) <= plain + 1e-9 * whole
    assert plain <= min(green.area, whole) + 1e-9 * whole
    x, y = 123_457.0, -98_765.0
    assert area(moved(parcel, x, y), moved(green, x, y), reach) == pytest.approx(
        plain, rel=0, abs=1e-7 * whole
    )
    turned = [shapely.affinity.rotate(shape, 90, origin=(0, 0)) for shape in (parcel, green)]
    assert area(*turned, reach) == pytest.approx(plain, **close)
    assert area(shapely.reverse(parcel), shapely.reverse(green), reach) == pytest.approx(plain, **close)

    def started_elsewhere(shape: shapely.Geometry) -> shapely.Geometry:
        parts = []
        for part in shapely.get_parts(shape):
            rings = [
                np.roll(shapely.get_coordinates(ring)[:-1], 1, axis=0) for ring in shapely.get_rings(part)
            ]
            parts.append(shapely.Polygon(rings[0], rings[1:]))
        return shapely.MultiPolygon(parts)

    assert area(started_elsewhere(parcel), started_elsewhere(green), reach) == pytest.approx(plain, **close)
    sides = [shapely.box(-1000, -1000, 3, 1000), shapely.box(3, -1000, 1000, 1000)]
    pieces = shapely.get_parts(shapely.intersection(green, sides)).tolist()
    halves = [area(parcel, piece, reach) for piece in pieces if piece.area > 0]
    assert sum(halves) == pytest.approx(plain, **close)


def test_pairs_do_not_depend_on_blocks(monkeypatch):
    rng = np.random.default_rng(5)
    pairs = [random_pair(rng) for _ in range(40)]
    parcels, greens = shapes(*(p for p, _, _ in pairs)), shapes(*(g for _, g, _ in pairs))
    parcel, feature = rng.integers(0, 40, 300), rng.integers(0, 40, 300)
    whole = halo_areas(parcels, greens, parcel, feature, 12.0)
    assert np.count_nonzero(whole) > 100
    monkeypatch.setattr(halo, "BLOCK", 7)
    np.testing.assert_array_equal(halo_areas(parcels, greens, parcel, feature, 12.0), whole)
    part = halo_areas(parcels[10:30], greens, np.arange(20), np.arange(10, 30), 12.0)
    np.testing.assert_array_equal(
        part, halo_areas(parcels, greens, np.arange(10, 30), np.arange(10, 30), 12.0)
    )


if __name__ == "__main__":
    generator, worst = np.random.default_rng(2026), 0.0
    for number in range(int(sys.argv[1])):
        p, g, r = random_pair(generator)
        error = disagreement(p, g, r)
        worst = max(worst, error)
        if error > 1e-6:
            print(number, error, r, p.wkt, g.wkt, sep="\n")
    print(f"greatest disagreement: {worst:.2e} of the halo")
