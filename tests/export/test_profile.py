"""Profiles: what an operator may change, and what is told of one that cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyproj
import pytest
import shapely
import yaml

from gis.crs import reproject
from gis.errors import InputError
from gis.export.columns import Room, fitted, room_of, written
from gis.export.ellipsoid import ellipsoidal_area_m2
from gis.export.model import Column
from gis.export.profile import DEFAULT, read_profile, resolved
from layers import LAYERS, Text

Changed = Callable[..., Path]


@pytest.fixture
def changed(tmp_path: Path) -> Changed:
    """Write the built-in profile with one value replaced, named by its path."""

    def made(*place: str, to: Any) -> Path:
        content = yaml.safe_load(DEFAULT.read_text(encoding="utf-8"))
        inner = content
        for name in place[:-1]:
            inner = inner.setdefault(name, {})
        inner[place[-1]] = to
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        return path

    return made


def test_the_built_in_profile_says_that_its_codes_are_local() -> None:
    profile = read_profile("territorial")
    assert profile.local
    assert all(rule.ysdm.startswith("BD") for rule in profile.tables.values())
    assert "不是国家代码" in profile.notice.zh


def test_every_table_begins_with_the_common_columns_and_has_all_fields_of_its_layer() -> None:
    for table in resolved(read_profile("territorial")):
        names = [column.name for column in table.columns]
        common = ["BSM", "YSDM", "XZQDM", "XZQMC", *(["MJ"] if table.kind == "polygon" else [])]
        assert names[: len(common)] == common
        assert names.count("BZ") == 1
        if table.source in LAYERS:
            assert [c.source for c in table.columns if c.source] == list(LAYERS[table.source].field_names)
        widths = {column.name: column.width for column in table.columns}
        assert (widths["BSM"], widths["YSDM"], widths["XZQDM"], widths["XZQMC"], widths["BZ"]) == (
            18, 10, 12, 100, 255,
        )  # fmt: skip


def test_an_operator_changes_names_codes_and_words(changed: Changed) -> None:
    rule = {"name": "DKBM", "ysdm": "2001010100", "columns": {
        "building_status": {"name": "JZZT", "codes": {"new": "01", "existing": "02"}}, "name": {"width": 40},
    }}  # fmt: skip
    profile = read_profile(changed("tables", "parcel", to=rule))
    (table,) = (t for t in resolved(profile) if t.source == "parcel")
    assert (table.name, table.ysdm) == ("DKBM", "2001010100")
    column = table.column("JZZT")
    assert {one.stored: one.written for one in column.domain} == {
        "new": "01", "existing": "02", "renovation": "改扩建",
    }  # fmt: skip
    assert table.column("MC").width == 40
    assert profile.sha256 != read_profile("territorial").sha256


WRONG = [
    (("tables", "parcels"), {"ysdm": "1"}, "there is nothing called 'parcels'"),
    (("tables", "parcel"), {"ysdm": "12345678901"}, "tables.parcel.ysdm"),
    (("tables", "parcel"), {"ysdm": "1", "columns": {"nme": {}}}, "parcel has no nme"),
    (("tables", "parcel"), {"ysdm": "1", "name": "地块"}, "tables.parcel.name"),
    (("tables", "parcel"), {"ysdm": "1", "name": "XZQ"}, "two tables are called XZQ"),
    (("tables", "parcel"), {"ysdm": "1", "columns": {"name": {"name": "BSM"}}}, "two columns are called BSM"),
    (
        ("tables", "parcel"),
        {"ysdm": "1", "columns": {"building_status": {"codes": {"old": "1"}}}},
        "building_status is never 'old'",
    ),
    (
        ("tables", "parcel"),
        {"ysdm": "1", "columns": {"building_status": {"codes": {"new": "既有"}}}},
        "two values are written the same",
    ),
    (("tables", "match_parcel"), {"ysdm": "1"}, "tables.match_parcel: a name is needed"),
    (
        ("tables", "match_parcel"),
        {"ysdm": "1", "name": "PP", "columns": {"unmet_kw": {}}},
        "match_parcel.columns.unmet_kw: a name is needed",
    ),
    (("crs",), "EPSG:3857", "crs"),
    (("tolerance_m",), 0, "tolerance_m"),
    (("area",), {"code": "11", "name": "北京市"}, "area.code"),
    (("colour",), "red", "colour"),
]


@pytest.mark.parametrize(("place", "value", "words"), WRONG, ids=[words for *_, words in WRONG])
def test_what_is_wrong_in_a_profile_is_told_with_its_place(
    changed: Changed, place: tuple[str, ...], value: Any, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        read_profile(changed(*place, to=value))
    assert words in str(caught.value)
    assert "mine.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("body", [b"a: [", b"- a\n- b\n", b"\xff\xfe", b"just text", b""])
def test_a_file_that_is_no_profile(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(body)
    with pytest.raises(InputError, match=r"mine\.yaml"):
        read_profile(path)
    with pytest.raises(InputError, match="There is no profile"):
        read_profile(tmp_path / "none.yaml")


def column(**options: Any) -> Column:
    return Column(**({"name": "A", "type": "text", "title": Text(zh="甲", en="a")} | options))


@pytest.mark.parametrize(
    ("form", "encoding", "width", "text", "kept"),
    [
        ("gdb", "UTF-8", 3, "地热田地", "地热田"),
        ("vct", "UTF-8", 5, "地热田", "地热"),
        ("vct", "UTF-8", 6, "𠮷𠮷", "𠮷"),
        ("shp", "UTF-8", 2, "地热田", "地热"),
        ("shp", "UTF-8", 200, "热" * 100, "热" * 84),
        ("shp", "GB18030", 200, "热" * 100, "热" * 84),
        # Four bytes in GB 18030, two in UTF-8.
        ("shp", "GB18030", 2, "ñññ", "ñ"),
    ],
)
def test_texts_are_cut_between_characters(form: Any, encoding: Any, width: int, text: str, kept: str) -> None:
    found, cuts = fitted(pa.array(["a", None, text]), column(width=width), room_of(form, encoding))
    assert found.to_pylist() == ["a", None, kept]
    assert cuts == [(2, "A", text)]
    assert fitted(pa.array([kept]), column(width=width), room_of(form, encoding))[1] == []


def test_numbers_are_rounded_and_missing_stays_missing() -> None:
    numbers = written(pa.array([1.23456, None, -0.5]), column(type="float", width=18, decimals=2))
    assert numbers.to_pylist() == [1.23, None, -0.5]
    assert fitted(pa.array(["x" * 500]), column(), Room())[1] == []


def test_areas_are_those_of_geodesics() -> None:
    random = np.random.default_rng(20261122)
    sides = np.exp(random.uniform(np.log(10.0), np.log(40_000.0), 90))
    corners = random.uniform([400_000, 4_380_000], [540_000, 4_500_000], (90, 2))
    # Triangles too: in a rectangle what one edge adds the opposite one takes away.
    unit = [
        [(0, 0), (1, 0), (1, 0.7), (0, 0.7)],
        [(0, 0), (1, 0.1), (0.4, 0.8)],
        [(0, 0), (1, 0), (0.1, 0.9)],
    ]
    shapes = np.array(
        [
            shapely.affinity.rotate(shapely.Polygon([(x + a * u, y + a * v) for u, v in unit[i % 3]]), angle)
            for i, ((x, y), a, angle) in enumerate(
                zip(corners, sides, random.uniform(0, 90, 90), strict=True)
            )
        ],
        dtype=object,
    )
    holed = shapely.difference(shapes[:9], shapely.buffer(shapely.centroid(shapes[:9]), sides[:9] / 9))
    several = [shapely.MultiPolygon([shapes[3], holed[1]]), shapely.MultiPolygon([shapes[7]])]
    shapes = np.append(shapes, [*holed, *several])
    found = ellipsoidal_area_m2(shapes)
    degrees = reproject(shapes, "EPSG:4548", "EPSG:4490")
    geod = pyproj.CRS.from_epsg(4490).get_geod()
    wanted = [geod.geometry_area_perimeter(shapely.orient_polygons(one))[0] for one in degrees]
    assert np.allclose(found, np.abs(wanted), rtol=1e-7, atol=1e-4)
    # The plane's is another one, by a part in some thousands at most.
    assert not np.allclose(found, shapely.area(shapes), rtol=1e-6)
    others = np.array([shapely.Point(5e5, 4.4e6), shapely.LineString([(5e5, 4.4e6), (5.1e5, 4.4e6)])])
    assert np.isnan(ellipsoidal_area_m2(others)).all()
