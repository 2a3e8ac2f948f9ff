"""Parts of the validator beside oracles: areas, coverages, garbled texts, lengths in bytes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import shapely

from gis.export.checks.areas import ellipsoidal_areas, rings_of
from gis.export.checks.coverage import Coverage
from gis.export.checks.findings import Rows, Tally
from gis.export.checks.texts import garbled, is_garbled, too_long
from gis.export.model import Crs
from tests.export.packages import geodesic_area, projected


def polygons(count: int, size_m: float, seed: int = 7) -> np.ndarray:
    """Return random polygons with a hole, some of two parts, in EPSG:4548."""
    rng = np.random.default_rng(seed)
    found = []
    for x, y in rng.uniform([430_000, 4_370_000], [530_000, 4_530_000], (count, 2)):
        corners = rng.integers(5, 12)
        angles = (np.arange(corners) + rng.uniform(0, 0.8, corners)) * 2 * np.pi / corners
        reach = rng.uniform(0.6, 1.0, len(angles)) * size_m
        outer = shapely.Polygon(np.column_stack([x + reach * np.cos(angles), y + reach * np.sin(angles)]))
        shape = outer - shapely.Point(outer.centroid).buffer(size_m / 10, quad_segs=2)
        if rng.random() < 0.3:
            shape = shapely.union(shape, shapely.box(x + 3 * size_m, y, x + 4 * size_m, y + size_m))
        found.append(shape)
    return np.array([s for s in found if s.is_valid], dtype=object)


@pytest.mark.parametrize("crs", ["EPSG:4490", "EPSG:4548", "EPSG:4527"])
def test_areas_are_those_of_geodesics(crs: Crs):
    # What is larger is worked out by geodesics in the checks themselves.
    shapes = projected(polygons(300, 120.0), crs)
    found = ellipsoidal_areas(rings_of(shapes), len(shapes), crs)
    wanted = np.array([geodesic_area(shape, crs) for shape in shapes])
    assert wanted.max() > 40_000
    assert (np.abs(found - wanted) < 0.2 * (0.01 + 1e-6 * wanted)).all()


def faults(shapes: list[shapely.Polygon], width_m: float = 0.05) -> dict[str, list[tuple[str, float]]]:
    """Return codes with the places of features and the areas that are told."""
    tally = Tally(("T",))
    rows = Rows("T", "f", 0, len(shapes), pa.array([str(i) for i in range(len(shapes))]))
    coverage = Coverage("T", 1e-4, width_m)
    given = np.array(shapes, dtype=object)
    coverage.add(given, shapely.is_valid(given), "EPSG:4548", rows)
    coverage.finish(tally)
    return {
        f.code: [(str(e.feature), float(e.message.en.split(" m2")[0].split()[-1])) for e in f.examples]
        for f in tally.findings()
    }


def grid(side: int = 6, step: float = 50.0) -> list[shapely.Polygon]:
    """Return a grid of squares."""
    x, y = 450_000.0, 4_420_000.0
    cells = [(i, j) for i in range(side) for j in range(side)]
    return [shapely.box(x + i * step, y + j * step, x + (i + 1) * step, y + (j + 1) * step) for i, j in cells]


def test_a_coverage_without_fault_and_one_that_lacks_vertices():
    cells = grid()
    assert faults(cells) == {}
    # Two neighbours made one: a vertex on the border of a third is not repeated by it.
    joined = [shapely.simplify(cells[7] | cells[8], 0.0), *cells[:7], *cells[9:]]
    assert len(shapely.get_coordinates(joined[0])) == 5
    assert faults(joined) == {}


def test_what_is_below_the_tolerance_is_no_fault():
    cells = grid()
    ring = shapely.get_coordinates(cells[7])
    cells[7] = shapely.Polygon(ring + [5e-5, 0])
    assert faults(cells) == {}
    cells[7] = shapely.Polygon(ring + [2e-3, 0])
    found = faults(cells)
    assert set(found) == {"V-COV-1", "V-COV-2"}


def test_random_faults_are_found_with_their_areas():
    rng = np.random.default_rng(3)
    for _ in range(25):
        cells = grid()
        inner = [i for i in range(36) if 0 < i // 6 < 5 and 0 < i % 6 < 5]
        chosen = int(rng.choice(inner))
        by = float(rng.uniform(0.01, 0.04)) * rng.choice([-1, 1])
        # The whole eastern border, straight: an overlap with the neighbour, or a gap of the same area.
        ring = shapely.get_coordinates(cells[chosen])
        ring[ring[:, 0] == ring[:, 0].max(), 0] += by
        cells[chosen] = shapely.Polygon(ring)
        found = faults(cells)
        code = "V-COV-1" if by > 0 else "V-COV-2"
        assert list(found) == [code]
        ((_, area),) = found[code]
        assert area == pytest.approx(abs(by) * 50.0, abs=2e-4)


def test_a_feature_inside_another_and_one_there_twice_overlap():
    cells = grid()
    inside = shapely.buffer(shapely.centroid(cells[10]), 5.0)
    assert list(faults([*cells, inside])) == ["V-COV-1"]
    assert faults([*cells, cells[10]]) == {"V-COV-1": [("10", 2500.0)]}


def test_a_feature_that_is_missing_leaves_a_hole_and_two_gaps_are_two():
    cells = grid()
    assert faults([c for i, c in enumerate(cells) if i != 14]) == {"V-COV-3": [("7", 2500.0)]}
    apart = [shapely.transform(c, lambda p, i=i: p + [0.02 * (i // 6), 0]) for i, c in enumerate(cells)]
    # Slits between columns of cells are open at both ends: one finding for each.
    found = faults(apart)
    assert list(found) == ["V-COV-2"]
    assert [area for _, area in found["V-COV-2"]] == pytest.approx([0.02 * 300] * 5, abs=2e-3)


def test_texts_read_in_another_encoding_are_told_from_chinese():
    good = ["北京市", "联通", "隆垄", "䶮𠮷", "ÄÖ", "", "Ø 200 mm", "12.5 ℃", "热源厂（一期）", "a—b"]
    assert not any(is_garbled(text) for text in good)
    bad = ["北京市热力".encode().decode(e, "replace") for e in ("latin-1", "gb18030", "cp1252")]
    assert all(is_garbled(text) for text in bad)
    assert garbled(pa.array([*good, None, *bad])).tolist() == [False] * 11 + [True] * 3


def test_lengths_are_those_of_the_encoding():
    texts = ["供热", "䶮" * 3, "abcdef", None]
    given = pa.array(texts)
    for encoding in (None, "utf-8", "gb18030"):
        for width in (2, 4, 5, 6, 8, 9, 11):
            wanted = [
                t is not None and (len(t) if encoding is None else len(t.encode(encoding))) > width
                for t in texts
            ]
            assert too_long(given, width, encoding).tolist() == wanted
