"""What is made of several layers at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import geopandas as gpd
import numpy as np
import pytest
import shapely

from gis.crs import STORAGE_EPSG
from gis.errors import InputError
from gis.facts.index import FeatureIndex
from gis.facts.ragged import ORIGIN, Shapes
from gis.facts.surroundings import Surroundings
from gis.resources import Resources

X, Y = ORIGIN


def layer(layer_id: str, shapes: list[shapely.Geometry | None]) -> gpd.GeoDataFrame:
    key = [f"{i}" for i in range(len(shapes))]
    placed = [shapely.affinity.translate(shape, X, Y) if shape else None for shape in shapes]
    return gpd.GeoDataFrame({f"{layer_id}_id": key}, geometry=placed, crs=STORAGE_EPSG)


def drillable(spaces: list[shapely.Geometry | None], barred: list[shapely.Geometry | None]) -> FeatureIndex:
    frames = {
        "green_space": layer("green_space", spaces),
        "drilling_exclusion": layer("drilling_exclusion", barred),
    }
    return Surroundings(Resources(frames, dict.fromkeys(frames, 1))).drillable_green


def test_what_is_barred_is_cut_out_of_each_green_space():
    spaces = [shapely.box(left, 0, left + 100, 100) for left in (0, 200, 400, 600)]
    barred = [
        shapely.box(0, 0, 50, 100),  # half of the first
        shapely.box(40, 0, 60, 100),  # a little more of it
        shapely.box(150, -50, 350, 150),  # all of the second
        shapely.box(500, 0, 550, 100),  # touches the third
    ]
    index = drillable(spaces, barred)
    assert shapely.area(index.geometries).tolist() == [4000.0, 0.0, 10_000.0, 10_000.0]
    assert index.shapes.area_m2.tolist() == [4000.0, 0.0, 10_000.0, 10_000.0]
    assert shapely.is_empty(index.geometries).tolist() == [False, True, False, False]


def test_green_space_that_is_nowhere_or_cut_in_two_keeps_its_place():
    index = drillable([None, shapely.box(0, 0, 90, 30)], [shapely.box(30, -5, 60, 35), None])
    assert index.shapes.area_m2.tolist() == [0.0, 1800.0]
    assert shapely.get_num_geometries(index.geometries[1]) == 2


@pytest.mark.parametrize(
    ("spaces", "barred"), [([], []), ([shapely.box(0, 0, 9, 9)], []), ([], [shapely.box(0, 0, 9, 9)])]
)
def test_layers_may_be_empty(spaces: list[shapely.Geometry | None], barred: list[shapely.Geometry | None]):
    assert len(drillable(spaces, barred).shapes) == len(spaces)


@pytest.mark.parametrize("kind", ["point", "line", "polygon"])
def test_an_index_has_the_arrays_of_its_shapes(kind: str):
    given = {
        "point": [shapely.Point(1, 2, 3), shapely.MultiPoint([(0, 0), (4, 5)]), None, shapely.Point()],
        "line": [shapely.LineString([(0, 0, 1), (1, 1, 1), (1, 1, 1)]), None, shapely.MultiLineString()],
        "polygon": [
            shapely.box(0, 0, 5, 5, ccw=False).difference(shapely.box(1, 1, 2, 2)),
            shapely.Polygon(),
            None,
        ],
    }[kind]
    geometries = np.array(given, dtype=object)
    made, wanted = FeatureIndex(geometries, kind).shapes, Shapes.of(geometries, kind)
    for name in ("xy", "rings", "shapes", "bounds"):
        np.testing.assert_array_equal(getattr(made, name), getattr(wanted, name))


def test_an_index_refuses_another_kind():
    with pytest.raises(InputError, match=r"row 2 .* another type"):
        FeatureIndex(np.array([shapely.Point(0, 0), shapely.box(0, 0, 1, 1)]), "point")


def test_each_index_is_made_once_and_different_ones_at_the_same_time(monkeypatch: pytest.MonkeyPatch):
    frames = {name: layer(name, [shapely.box(0, 0, 9, 9)]) for name in ("district", "township")}
    around = Surroundings(Resources(frames, dict.fromkeys(frames, 1)))
    both, made = threading.Barrier(2, timeout=30), []

    def slow(self: FeatureIndex) -> None:
        made.append(self)
        both.wait()  # passed only if the other one is being made too

    monkeypatch.setattr(FeatureIndex, "__post_init__", slow)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(around.index, ("district", "township") * 3))
    assert len(made) == 2
    assert found[::2] == [found[0]] * 3
    assert found[1::2] == [found[1]] * 3


def test_what_could_not_be_made_is_tried_again():
    frames = {"district": layer("district", [shapely.Point(0, 0)])}
    around = Surroundings(Resources(frames, {"district": 1}))
    for _ in range(2):
        with pytest.raises(InputError, match="type"):
            around.index("district")
