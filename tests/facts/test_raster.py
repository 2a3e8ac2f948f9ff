"""Means of rasters over parcels, by hand and against sums over shapely's intersections with every cell."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

import gis
from gis.crs import reproject
from gis.facts.ragged import Shapes
from gis.facts.raster import raster_means
from gis.resources import Raster
from gis.vocabulary import FACTS
from layers import LAYERS, RASTERS

STORAGE = "EPSG:4548"
X, Y = 450_000.0, 4_420_000.0
NAN = np.nan
SAME = 1e-6
"""Part by which a mean may differ: exactextract keeps the covered share of a cell in single precision."""


def shapes(*geometries: shapely.Geometry | None) -> Shapes:
    return Shapes.of(np.array(geometries, dtype=object), "polygon")


def square(west: float, south: float, size: float) -> shapely.Geometry:
    return shapely.box(X + west, Y + south, X + west + size, Y + south + size)


def raster(rows: Any, cell_m: float = 100.0) -> Raster:
    """A raster in the storage CRS with its south-western corner at the origin of these tests."""
    values = np.array(rows, dtype=np.float64)
    height, width = values.shape
    return Raster(values, (X, Y, X + width * cell_m, Y + height * cell_m), STORAGE)


def mean(of: Raster, *geometries: shapely.Geometry | None) -> list[float]:
    return raster_means({"r": of}, shapes(*geometries))["r"].tolist()


FOUR = [[1.0, 2.0], [3.0, NAN]]


@pytest.mark.parametrize(
    ("parcel", "expected"),
    [
        (square(10, 110, 20), 1.0),  # within one cell
        (square(50, 100, 100), 1.5),  # half of two cells
        (square(75, 100, 100), 0.25 * 1 + 0.75 * 2),
        (square(0, 0, 200), 2.0),  # the fourth cell has no value and does not count
        (square(110, 10, 50), NAN),  # in the cell without one
        (square(-50, 150, 100), 1.0),  # a quarter of it on the raster
        (square(300, 0, 50), NAN),  # beside the raster
        (square(200, 0, 50), NAN),  # touches its border
        (shapely.MultiPolygon([square(0, 0, 10), square(100, 100, 30)]), (100 * 3 + 900 * 2) / 1000),
        (square(0, 100, 100).difference(square(0, 100, 50)), 1.0),
        (square(0, 0, 200).difference(square(0, 100, 100)), 2.5),  # a corner cut out: cells 2 and 3
        (shapely.Polygon(), NAN),
        (None, NAN),
    ],
)
def test_by_hand(parcel: shapely.Geometry | None, expected: float) -> None:
    assert mean(raster(FOUR), parcel) == pytest.approx([expected], rel=SAME, nan_ok=True)


def test_a_hole_is_not_covered() -> None:
    ring = square(0, 0, 300).difference(square(100, 100, 100))
    assert mean(raster([[1, 1, 1], [1, 9, 1], [1, 1, 4]]), ring) == pytest.approx([11 / 8], rel=SAME)


def test_no_shapes_and_no_rasters() -> None:
    assert mean(raster(FOUR)) == []
    assert raster_means({}, shapes(square(0, 0, 10))) == {}


def polygon(random: np.random.Generator, size: float) -> shapely.Geometry:
    """A polygon of any kind: convex or not, with holes, of several parts."""
    parts = []
    for _ in range(random.integers(1, 4)):
        angle = np.sort(random.uniform(0, 2 * np.pi, random.integers(3, 12)))
        far = random.uniform(0.2, 1.0, len(angle)) * size
        xy = np.column_stack([np.cos(angle) * far, np.sin(angle) * far])
        parts.append(shapely.make_valid(shapely.Polygon(xy + random.uniform(-1, 1, 2) * size)))
    shape = shapely.union_all(parts)
    if random.random() < 0.5:
        shape = shape.difference(shape.representative_point().buffer(0.1 * size))
    kept = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon"]
    return shapely.MultiPolygon(kept)


def by_brute_force(of: Raster, placed: shapely.Geometry) -> float:
    """Return the mean over a shape in the raster's CRS from its intersection with every cell."""
    (west, south, east, north), (rows, columns) = of.bounds, of.values.shape
    x, y = np.linspace(west, east, columns + 1), np.linspace(north, south, rows + 1)
    cells = shapely.box(x[None, :-1], y[1:, None], x[None, 1:], y[:-1, None])
    covered = shapely.area(shapely.intersection(cells, placed))
    covered[np.isnan(of.values)] = 0.0
    if covered.sum() == 0:
        return NAN
    return float((covered * np.nan_to_num(of.values)).sum() / covered.sum())


@pytest.mark.parametrize("crs", [STORAGE, "EPSG:4326", "EPSG:4490", "EPSG:32650", "EPSG:3857"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size_m", [20.0, 150.0, 700.0])
def test_against_every_cell(crs: str, dtype: str, size_m: float) -> None:
    random = np.random.default_rng([int(size_m), len(crs), len(dtype)])
    corner = reproject(np.array([shapely.box(X, Y, X + 2_000, Y + 1_500)], dtype=object), STORAGE, crs)
    values = random.uniform(5, 20, (15, 21)).astype(dtype)
    values[random.random(values.shape) < 0.2] = NAN
    of = Raster(values, tuple(shapely.bounds(corner[0])), crs)
    # Some lie partly or wholly beside the raster, and they come in no order.
    parcels = np.array(
        [
            shapely.transform(polygon(random, size_m), lambda xy, at=at: xy + at)
            for at in random.uniform((X - 300, Y - 300), (X + 2_300, Y + 1_800), (60, 2))
        ],
        dtype=object,
    )
    found = raster_means({"r": of}, Shapes.of(parcels, "polygon"))["r"]
    expected = [by_brute_force(of, p) for p in reproject(parcels, STORAGE, crs)]
    assert np.isnan(expected).any()
    assert np.isfinite(expected).sum() > 20
    np.testing.assert_allclose(found, expected, rtol=SAME)


def test_ground_that_the_raster_cannot_show_has_no_value() -> None:
    other_side = Raster(np.ones((2, 2)), (-1e6, -1e6, 1e6, 1e6), "+proj=ortho +lat_0=-40 +lon_0=-64")
    placed = reproject(np.array([square(0, 0, 100)], dtype=object), STORAGE, other_side.crs)
    assert np.isinf(shapely.get_coordinates(placed)).any()
    assert np.isnan(mean(other_side, square(0, 0, 100), None, square(500, 0, 100))).all()


def test_a_slice_of_shapes_and_single_ones_give_the_same() -> None:
    random = np.random.default_rng(5)
    of = raster(random.uniform(1, 5, (20, 20)))
    at = random.uniform(0, 2_000, (50, 2)) + (X, Y)
    parcels = shapes(
        *(shapely.transform(polygon(random, 120), lambda xy, at=one: xy + at) for one in at[:25]),
        None,
        *(shapely.transform(polygon(random, 120), lambda xy, at=one: xy + at) for one in at[25:]),
    )
    whole = raster_means({"r": of}, parcels)["r"]
    np.testing.assert_array_equal(raster_means({"r": of}, parcels[20:40])["r"], whole[20:40])
    single = [raster_means({"r": of}, parcels[i : i + 1])["r"][0] for i in range(len(parcels))]
    np.testing.assert_array_equal(single, whole)


def test_rasters_together_and_from_several_threads() -> None:
    random = np.random.default_rng(6)
    one = raster(random.uniform(1, 5, (30, 30)))
    other = Raster((one.values * 2).astype(np.float32), one.bounds, one.crs)  # on the same grid
    third = raster(random.uniform(1, 5, (7, 9)), 300.0)
    parcels = shapes(*(square(*at, 150) for at in random.uniform(0, 2_800, (3_000, 2))))
    rasters = {"one": one, "other": other, "third": third}
    alone = {name: raster_means({name: r}, parcels)[name] for name, r in rasters.items()}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: raster_means(rasters, parcels), range(8)))
    for answer in answers:
        assert answer.keys() == alone.keys()
        for name, values in alone.items():
            np.testing.assert_array_equal(answer[name], values)


# What follows goes through the whole engine.

ZONE = gpd.GeoDataFrame(
    {
        "shallow_geothermal_zone_id": ["Z"],
        "suitability": ["suitable"],
        "conductivity_w_per_m_k": [1.8],
        "heat_capacity_mj_per_m3_k": [2.4],
        "ground_temperature_degc": [15.0],
    },
    geometry=[square(-5_000, -5_000, 10_000)],
    crs=STORAGE,
)


@pytest.fixture(scope="module")
def facts() -> Callable[..., Any]:
    """A function that gives the facts of parcels in some resources."""
    ruleset = gis.load_ruleset("beijing")

    def run(resources: gis.Resources, *parcels: shapely.Geometry) -> Any:
        ids = [f"P{i}" for i in range(len(parcels))]
        columns = {name: [None] * len(ids) for name in LAYERS["parcel"].field_names} | {"parcel_id": ids}
        return gis.score(gpd.GeoDataFrame(columns, geometry=list(parcels), crs=STORAGE), resources, ruleset)

    return run


CONDUCTIVITY, TEMPERATURE = "ground_conductivity_w_per_m_k", "ground_temperature_degc"


def test_a_raster_goes_before_the_zone_where_it_has_a_value(facts: Callable[..., Any]) -> None:
    frames, versions = {"shallow_geothermal_zone": ZONE}, {"shallow_geothermal_zone": 1}
    rasters = {"ground_temperature": raster([[12.0, 14.0], [13.0, NAN]])}
    resources = gis.Resources(frames, versions | {"ground_temperature": 3}, rasters)
    result = facts(resources, square(50, 110, 50), square(50, 110, 100), square(110, 10, 50))
    assert result.facts[TEMPERATURE].tolist() == pytest.approx([12.0, 13.0, 15.0], rel=SAME)
    assert result.facts[CONDUCTIVITY].tolist() == [1.8, 1.8, 1.8]
    assert result.explain("P0")["data_versions"]["ground_temperature"] == 3
    for other in (resources.without("ground_temperature"), gis.Resources(frames, versions)):
        assert facts(other, square(50, 110, 50)).facts[TEMPERATURE].tolist() == [15.0]


def test_a_raster_stands_without_zones_and_missing_stays_missing(facts: Callable[..., Any]) -> None:
    rasters = {"ground_temperature": raster(FOUR), "ground_conductivity": raster([[2.0]], 50.0)}
    only = gis.Resources({}, dict.fromkeys(rasters, 1), rasters)
    found = facts(only, square(10, 10, 20), square(110, 10, 50)).facts
    assert found[TEMPERATURE].tolist() == pytest.approx([3.0, NAN], nan_ok=True)
    assert found[CONDUCTIVITY].tolist() == pytest.approx([2.0, NAN], nan_ok=True)
    # With zones that do not say, what the raster does not know is missing too.
    silent = ZONE.assign(ground_temperature_degc=NAN)
    with_zone = only.replace("shallow_geothermal_zone", silent)
    found = facts(with_zone, square(10, 10, 20), square(110, 10, 50)).facts
    assert found[TEMPERATURE].tolist() == pytest.approx([3.0, NAN], nan_ok=True)
    assert found[CONDUCTIVITY].tolist() == pytest.approx([2.0, 1.8])


def test_an_unknown_raster_is_refused() -> None:
    with pytest.raises(gis.errors.InputError, match="'slope' is not a raster; the rasters are ground_cond"):
        gis.Resources({}, {"slope": 1}, {"slope": raster(FOUR)})


def test_what_rasters_give_is_a_fact_in_its_unit() -> None:
    units = {fact.name: fact.unit for fact in FACTS}
    assert {spec.fact: spec.unit for spec in RASTERS.values()} == {
        name: units[name] for name in (CONDUCTIVITY, TEMPERATURE)
    }
    assert not RASTERS.keys() & LAYERS.keys()


def test_without_rasters_nothing_of_them_is_imported() -> None:
    code = (
        "import sys, api.cli, gis.runs\n"
        "assert not {'rasterio', 'exactextract'} & set(sys.modules), 'imported with the program'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
