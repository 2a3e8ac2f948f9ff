"""VCT files that the program writes, read by another reader and by its own."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely
from hypothesis import HealthCheck, given, settings

from gis.errors import InputError
from gis.vct import read_vct
from gis.vct.arcs import shared_arcs
from gis.vct.model import Dialect, Field, Reference
from gis.vct.texts import fixed
from gis.vct.writing import vct_writer
from tests.vct.examples import BORDER, FIELDS, PARCEL, form, mosaic, write
from tests.vct.plain_reader import Plain

ORIGIN = {4548: (450000.0, 4420000.0), 4527: (39450000.0, 4420000.0), 4490: (116.3975, 39.9087)}
SIDE = {4548: 33.3333, 4527: 33.3333, 4490: 0.00031}
NEAR = {4548: 1e-4, 4527: 1e-4, 4490: 1e-9}

GRIDS = st.integers(1, 5).flatmap(
    lambda n: st.lists(st.lists(st.integers(0, 5), min_size=n, max_size=n), min_size=n, max_size=n)
)


def told(values: list[Any], declared: Field) -> list[str]:
    """Return values as a file should tell them."""
    if declared.type == "Float":
        return ["" if v is None else f"{v:.{declared.decimals}f}" for v in values]
    if declared.type == "Date":
        return ["" if v is None else f"{v:%Y%m%d}" for v in values]
    return ["" if v is None else str(v) for v in values]


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("epsg", [4548, 4527, 4490])
@pytest.mark.parametrize("dialect", ["2007", "3.0"])
@given(grid=GRIDS)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_another_reader_finds_the_same(
    tmp_path: Path, dialect: Dialect, epsg: int, shared: bool, grid: list[list[int]]
) -> None:
    shapes, path = mosaic(grid, ORIGIN[epsg], SIDE[epsg]), tmp_path / "a.vct"
    values = write(path, form(dialect, epsg, shared=shared), shapes, batch=2)
    plain = Plain(path)
    found = plain.shapes["1001"]
    assert len(found) == len(shapes)
    for shape, wanted in zip(found.values(), shapes, strict=True):
        assert shape.symmetric_difference(wanted).area <= NEAR[epsg] * wanted.length
        assert shapely.hausdorff_distance(shape, wanted) <= NEAR[epsg]
    rows = list(plain.values["DK"].values())
    assert list(plain.values["DK"]) == list(found)
    for place, declared in enumerate(FIELDS):
        assert [row[place] for row in rows] == told(values[declared.name], declared)
    if shared:
        # Every line is told once, and is a border of one area or of two.
        assert set(plain.uses) == set(plain.borders)
        assert all(plain.uses.count(number) <= 2 for number in plain.borders)
        edges = [frozenset(e) for line in plain.borders.values() for e in pairwise(line)]
        assert len(set(edges)) == len(edges)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("epsg", [4548, 4527, 4490])
@pytest.mark.parametrize("dialect", ["2007", "3.0"])
def test_what_is_written_is_read_back(tmp_path: Path, dialect: Dialect, epsg: int, shared: bool) -> None:
    labels = np.random.default_rng(7).integers(0, 40, (12, 12))
    shapes = mosaic(labels, ORIGIN[epsg], SIDE[epsg])
    values = write(tmp_path / "a.vct", form(dialect, epsg, shared=shared), shapes)
    vct = read_vct(tmp_path / "a.vct")
    assert vct.head.dialect == dialect
    assert vct.head.crs is not None
    assert vct.head.crs.to_epsg() == epsg
    assert vct.notes == ()
    (layer, *rest) = vct.layers
    assert [other.reference for other in rest] == ([BORDER] if shared else [])
    assert layer.reference == PARCEL
    assert layer.fields == FIELDS
    same = shapely.equals_exact(shapely.normalize(layer.shapes), shapely.normalize(shapes), NEAR[epsg])
    assert same.all()
    for name, wanted in values.items():
        assert [None if pd.isna(v) else v for v in layer.rows[name]] == wanted


@pytest.mark.parametrize("dialect", ["2007", "3.0"])
def test_a_table_without_shapes_keeps_its_rows(tmp_path: Path, dialect: Dialect) -> None:
    rows = pa.record_batch({"MC": ["热源，甲", None, "𠮷"], "N": pa.array([1, None, 3], pa.int64())})
    with vct_writer(tmp_path / "a.vct", form(dialect)) as writer:
        writer.add(PARCEL, (), [(shapely.from_wkt(["POLYGON ((0 0, 1 0, 1 1, 0 0))"]), pa.record_batch({}))])
        assert writer.add_table("TZ", (Field("MC", "Char", 100), Field("N", "Int")), [rows[:0], rows]) == 3
    plain, own = Plain(tmp_path / "a.vct"), read_vct(tmp_path / "a.vct")
    assert list(plain.values["TZ"].values()) == [["热源，甲", "1"], ["", ""], ["𠮷", "3"]]
    # No number is used twice, whatever has it.
    assert not plain.values["TZ"].keys() & plain.shapes["1001"].keys()
    (table,) = own.plain
    assert table.name == "TZ"
    assert table.rows["MC"].tolist() == ["热源，甲", None, "𠮷"]
    assert table.rows["N"].tolist() == [1, pd.NA, 3]
    assert [layer.reference.table for layer in own.layers] == ["DK"]


@pytest.mark.parametrize("dialect", ["2007", "3.0"])
def test_points_and_lines_of_one_part_and_of_many(tmp_path: Path, dialect: Dialect) -> None:
    points = shapely.from_wkt(["POINT (1.5 2)", "MULTIPOINT (3 4, 5 6.0001)", "POINT (7 8)"])
    lines = shapely.from_wkt(["LINESTRING (0 0, 1 1)", "MULTILINESTRING ((0 0, 1 0, 1 2), (5 5, 6 7))"])
    table = Reference("1", "点", "Point", "D"), Reference("2", "线", "Line", "X")
    with vct_writer(tmp_path / "a.vct", form(dialect)) as writer:
        for reference, shapes in zip(table, (points, lines), strict=True):
            rows = pa.record_batch({"N": list(range(len(shapes)))})
            writer.add(reference, (Field("N", "Int"),), [(shapes[:0], rows[:0]), (shapes, rows)])
    plain, own = Plain(tmp_path / "a.vct"), read_vct(tmp_path / "a.vct")
    for reference, shapes, layer in zip(table, (points, lines), own.layers, strict=True):
        assert list(plain.shapes[reference.code].values()) == list(shapes)
        assert list(layer.shapes) == list(shapes)
    assert plain.head["ExtentMin"] == "0.0000,0.0000"
    assert plain.head["ExtentMax"] == "7.0000,8.0000"


def test_text_cannot_end_a_value_or_a_line(tmp_path: Path) -> None:
    texts = ["a,b", "a\r\nb", "a\n\nb", "", None, "TableEnd", "，"]
    shapes = shapely.points([(i, i) for i in range(len(texts))])
    with vct_writer(tmp_path / "a.vct", form()) as writer:
        rows = pa.record_batch({"T": pa.array(texts, pa.string())})
        writer.add(Reference("1", "点", "Point", "D"), (Field("T", "Char", 20),), [(shapes, rows)])
    found = [row[0] for row in Plain(tmp_path / "a.vct").values["D"].values()]
    assert found == ["a，b", "a b", "a b", "", "", "TableEnd", "，"]


def test_a_file_that_fails_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.vct").write_text("what was there before")

    def batches() -> Any:
        yield np.array([shapely.Point(1, 2)], dtype=object), pa.record_batch({"N": [1]})
        raise InputError("no more")

    with pytest.raises(InputError, match="no more"), vct_writer(tmp_path / "a.vct", form()) as writer:
        writer.add(Reference("1", "点", "Point", "D"), (Field("N", "Int"),), batches())
    assert [p.name for p in tmp_path.iterdir()] == ["a.vct"]
    assert (tmp_path / "a.vct").read_text() == "what was there before"


def test_a_ring_below_the_grid_cannot_share_lines(tmp_path: Path) -> None:
    tiny = [shapely.box(0, 0, 1, 1), shapely.box(2, 2, 2.00003, 2.00003)]
    with pytest.raises(InputError, match=r"number 2 has a ring smaller than the grid"):
        write(tmp_path / "a.vct", form(shared=True), tiny)
    write(tmp_path / "b.vct", form(), tiny)


@given(st.lists(st.integers(-(10**17), 10**17), min_size=1, max_size=30), st.integers(0, 10))
@settings(max_examples=60)
def test_numbers_are_told_without_loss(scaled: list[int], decimals: int) -> None:
    texts = fixed(np.array(scaled, dtype=np.int64), decimals).to_pylist()
    for number, text in zip(scaled, texts, strict=True):
        whole, _, part = text.partition(".")
        assert len(part) == decimals
        assert int(whole + part) == number
        assert text.startswith("-") == (number < 0)


def test_shared_lines_of_a_hundred_thousand_cells_are_their_sides() -> None:
    side = 320
    column, row = (a.ravel() for a in np.meshgrid(np.arange(side), np.arange(side)))
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
    x = (column[:, None] + corners[:, 0]).ravel()
    y = (row[:, None] + corners[:, 1]).ravel()
    arcs = shared_arcs(x, y, np.repeat(np.arange(side**2), 4))
    # The four corners of the grid are no nodes: two sides in one line there.
    assert len(arcs.offsets) - 1 == 2 * side * (side + 1) - 4
    used = np.bincount(np.abs(arcs.line))[1:]
    assert used.sum() == 4 * side**2 - 4
    assert used.max() == 2
