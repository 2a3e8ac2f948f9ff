"""Columns of geometries read without GEOS, against what GEOS reads."""

from __future__ import annotations

import re
import struct
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pytest
import shapely

from gis.errors import InputError
from gis.facts.ragged import ORIGIN, Kind, Shapes
from gis.facts.wkb import shapes_of

KINDS: tuple[Kind, ...] = ("point", "line", "polygon")


def _geometries(kind: Kind, multi: bool, count: int = 60, seed: int = 3) -> np.ndarray[Any, Any]:
    """Random geometries near the origin; polygons have holes and either direction, lines various lengths."""
    rng = np.random.default_rng(seed)
    out = []
    for i in range(count):
        parts: list[Any] = []
        for k in range(int(rng.integers(1, 4)) if multi else 1):
            middle = np.asarray(ORIGIN) + rng.uniform(-1e4, 1e4, 2) + 1000 * k
            if kind == "point":
                parts.append(shapely.Point(middle))
            elif kind == "line":
                parts.append(shapely.LineString(middle + rng.normal(0, 50, (int(rng.integers(2, 30)), 2))))
            else:
                shell = shapely.Point(middle).buffer(80, quad_segs=int(rng.integers(1, 6)))
                holes = [shapely.Point(middle + d).buffer(8, quad_segs=2) for d in (-20, 20)[: i % 3]]
                polygon = shapely.Polygon(shell.exterior, [h.exterior for h in holes])
                parts.append(shapely.orient_polygons(polygon) if i % 2 else polygon)
        made = {"point": shapely.MultiPoint, "line": shapely.MultiLineString, "polygon": shapely.MultiPolygon}
        out.append(made[kind](parts) if multi else parts[0])
    return np.array(out, dtype=object)


def _assert_same(got: Shapes, wanted: Shapes) -> None:
    assert got.kind == wanted.kind
    assert got.origin == wanted.origin
    for name in ("xy", "rings", "shapes", "bounds"):
        np.testing.assert_array_equal(getattr(got, name), getattr(wanted, name), err_msg=name)
        assert getattr(got, name).dtype == getattr(wanted, name).dtype


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("multi", [False, True])
@pytest.mark.parametrize("byte_order", [0, 1])
def test_wkb_gives_the_shapes_that_geos_gives(kind: Kind, multi: bool, byte_order: int) -> None:
    given = _geometries(kind, multi)
    wanted = Shapes.of(given, kind)
    _assert_same(shapes_of(pa.array(shapely.to_wkb(given, byte_order=byte_order)), kind), wanted)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("multi", [False, True])
@pytest.mark.parametrize("flavor", ["iso", "extended"])
@pytest.mark.parametrize(("z", "m"), [(True, False), (False, True), (True, True)])
def test_height_measure_and_crs_are_dropped(kind: Kind, multi: bool, flavor: Any, z: bool, m: bool) -> None:
    extra = " 7" * (z + m)
    name = f"{'Z' if z else ''}{'M' if m else ''}"
    deep = []
    for text in shapely.to_wkt(_geometries(kind, multi, 12), rounding_precision=17):
        longer = re.sub(r"[-\d.]+ [-\d.]+", lambda vertex: vertex[0] + extra, text)
        deep.append(shapely.from_wkt(longer.replace(" ", f" {name} ", 1)))
    deep_array = shapely.set_srid(np.array(deep, dtype=object), 4548)
    assert shapely.has_z(deep_array).all() == z
    assert shapely.has_m(deep_array).all() == m
    wkb = shapely.to_wkb(deep_array, output_dimension=4, flavor=flavor, include_srid=flavor == "extended")
    _assert_same(shapes_of(pa.array(wkb), kind), Shapes.of(shapely.force_2d(deep_array), kind))


@pytest.mark.parametrize("kind", KINDS)
def test_missing_and_empty_geometries_have_no_rings(kind: Kind) -> None:
    full = _geometries(kind, True, 4)
    name = {"point": "POINT", "line": "LINESTRING", "polygon": "POLYGON"}[kind]
    empty = [shapely.from_wkt(f"{name} EMPTY"), shapely.from_wkt(f"MULTI{name} EMPTY")]
    given = np.array([None, full[0], *empty, full[1], None, full[2], full[3], empty[0]], dtype=object)
    got = shapes_of(pa.array(shapely.to_wkb(given), pa.binary()), kind)
    _assert_same(got, Shapes.of(given, kind))
    assert np.diff(got.shapes)[[0, 2, 3, 5, 8]].tolist() == [0] * 5
    for nothing in (pa.array([], pa.binary()), pa.array([None, None], pa.binary())):
        assert np.diff(shapes_of(nothing, kind).shapes).tolist() == [0] * len(nothing)


def test_slices_chunks_and_wide_types_read_alike() -> None:
    given = _geometries("polygon", True)
    given[7] = None
    array = pa.array(shapely.to_wkb(given))
    _assert_same(shapes_of(array.slice(5, 20), "polygon"), Shapes.of(given[5:25], "polygon"))
    chunked = pa.chunked_array([array.slice(0, 9), array.slice(9, 0), array.slice(9)])
    for column in (chunked, array.cast(pa.large_binary()), array.cast(pa.binary_view())):
        _assert_same(shapes_of(column, "polygon"), Shapes.of(given, "polygon"))


def test_many_rows_are_shared_among_cores() -> None:
    given = shapely.buffer(
        shapely.points(np.random.default_rng(1).uniform(0, 1e5, (45_000, 2)) + ORIGIN), 40, quad_segs=3
    )
    _assert_same(shapes_of(pa.array(shapely.to_wkb(given)), "polygon"), Shapes.of(given, "polygon"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("multi", [False, True])
@pytest.mark.parametrize("interleaved", [False, True])
def test_geoarrow_gives_the_same_shapes(kind: Kind, multi: bool, interleaved: bool) -> None:
    given = _geometries(kind, multi)
    given[3] = None
    if kind != "point" or multi:
        given[4] = type(given[5])()
    frame = gpd.GeoDataFrame(geometry=given, crs=4548)
    table = pa.table(frame.to_arrow(geometry_encoding="geoarrow", interleaved=interleaved, index=False))
    column = table["geometry"]
    _assert_same(shapes_of(column, kind), Shapes.of(given, kind))
    _assert_same(shapes_of(column.slice(2, 9), kind), Shapes.of(given[2:11], kind))


def _broken(wkb: bytes, row: int = 2) -> pa.Array:
    fine = shapely.to_wkb(_geometries("polygon", True, 4))
    return pa.array([*fine[:row], wkb, *fine[row:]])


NOT_FINITE = "a coordinate is not a finite number"
RING = [(0.0, 0.0), (5.0, 0.0), (5.0, 5.0), (0.0, 0.0)]


def _polygon(ring: list[tuple[float, float]], code: int = 3, order: bytes = b"\1") -> bytes:
    body = b"".join(struct.pack("<dd", *p) for p in ring)
    return order + struct.pack("<III", code, 1, len(ring)) + body


@pytest.mark.parametrize(
    ("wkb", "why"),
    [
        (b"", "its bytes end too early"),
        (_polygon(RING)[:-1], "its bytes end too early"),
        (_polygon(RING) + b"\0", "it is no well-known binary"),
        (_polygon(RING, order=b"\2"), "it is no well-known binary"),
        (_polygon(RING, code=4003), "it is no well-known binary"),
        (_polygon(RING, code=17), "it is of another type"),
        (shapely.Point(1, 2).wkb, "it is of another type"),
        (shapely.LineString(RING).wkb, "it is of another type"),
        (shapely.GeometryCollection([shapely.Polygon(RING)]).wkb, "it is of another type"),
        (struct.pack("<BII", 1, 6, 1) + shapely.Point(1, 2).wkb, "it is no well-known binary"),
        (struct.pack("<BII", 1, 3, 2**32 - 1), "its bytes end too early"),
        (struct.pack("<BIII", 1, 3, 1, 2**32 - 1) + bytes(64), "its bytes end too early"),
        (struct.pack("<BII", 1, 6, 2**32 - 1), "its bytes end too early"),
        (_polygon([*RING[:-1], (1.0, 1.0)]), "a ring does not end where it begins"),
        (_polygon(RING[:2]), "a ring or line has too few vertices"),
        (
            _polygon([(0.0, 0.0), (np.nan, 0.0), (5.0, 5.0), (0.0, 0.0)]),
            "a coordinate is not a finite number",
        ),
        (
            _polygon([(0.0, 0.0), (np.inf, 0.0), (5.0, 5.0), (0.0, 0.0)]),
            "a coordinate is not a finite number",
        ),
    ],
)
def test_what_cannot_be_read_names_the_row(wkb: bytes, why: str) -> None:
    for array in (_broken(wkb), _broken(wkb).cast(pa.large_binary())):
        with pytest.raises(InputError) as caught:
            shapes_of(array, "polygon")
        assert str(caught.value) == f"The geometry in row 3 cannot be read as a polygon: {why}."
    with pytest.raises(InputError, match="in row 1003 "):
        shapes_of(_broken(wkb), "polygon", first_row=1001)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("multi", [False, True])
def test_a_cut_geometry_is_not_completed_from_the_next_row(kind: Kind, multi: bool) -> None:
    whole = shapely.to_wkb(_geometries(kind, multi, 1)[0])
    for cut in range(len(whole)):
        # The next row begins with just the bytes that are missing.
        with pytest.raises(InputError, match=r"in row 1 .*: its bytes end too early"):
            shapes_of(pa.array([whole[:cut], whole[cut:]]), kind)


def test_random_damage_is_refused_or_read_as_geos_reads_it() -> None:
    rng = np.random.default_rng(11)
    wkb = shapely.to_wkb(_geometries("polygon", True, 8))
    refused = 0
    for _ in range(1500):
        damaged = bytearray(wkb[rng.integers(len(wkb))])
        for _ in range(rng.integers(1, 3)):
            # Mostly where types and counts are.
            damaged[rng.integers(30 if rng.random() < 0.8 else len(damaged))] = rng.integers(256)
        try:
            got = shapes_of(pa.array([bytes(damaged)]), "polygon")
        except InputError:
            refused += 1
            continue
        _assert_same(got, Shapes.of(shapely.from_wkb(np.array([bytes(damaged)], dtype=object)), "polygon"))
    assert 500 < refused < 1450


def test_columns_of_something_else_are_refused() -> None:
    for column in (pa.array([1.0]), pa.array(["POINT (1 2)"]), pa.array([[1.0, 2.0]])):
        with pytest.raises(InputError, match="which is no polygons"):
            shapes_of(column, "polygon")
    lines = gpd.GeoDataFrame(geometry=_geometries("line", False), crs=4548)
    column = pa.table(lines.to_arrow(geometry_encoding="geoarrow", index=False))["geometry"]
    with pytest.raises(InputError, match="which is no polygons"):
        shapes_of(column, "polygon")
