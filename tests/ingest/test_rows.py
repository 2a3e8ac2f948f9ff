"""Checks of single rows: each wrong row is left out with its place, value and reason."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gis.errors import InputError
from gis.ingest import read_mapped
from gis.ingest.values import convert, empty, parse_number
from layers import LAYERS

from .conftest import Frame

GOOD = "116.4,39.9"


def table(tmp_path: Path, header: str, *rows: str) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def reasons(tmp_path: Path, layer: str, header: str, bad: str) -> str:
    """The reason for the only bad row, the third of five."""
    good = "甲,116.4,39.9" + "," * (header.count(",") - 2)
    rows = [good, good, bad, good, good]
    mapped = read_mapped(layer, table(tmp_path, header, *rows), source_crs="EPSG:4326")
    assert [r.row for r in mapped.report.rejects] == [3]
    assert mapped.report.rows_accepted == 4
    assert mapped.rejects["row"].tolist() == [3]
    assert mapped.rejects["reason"][0] == mapped.report.rejects[0].reason
    return mapped.report.rejects[0].reason


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("电能利用效率", "约1.3", "pue: '约1.3' is not a number"),
        ("电能利用效率", "0.9", "pue: 0.9 is outside 1 to 4"),
        ("IT 设计负荷", "-1", "it_load_kw: -1 is outside 0 to 2e+06 kW"),
        ("上架率", "120%", "utilisation_frac: 1.2 is outside 0 to 1"),
        ("冷却方式", "水冷", "cooling: '水冷' is not one of air (风冷), liquid (液冷)"),
        ("监测时间", "昨天", "monitored_at: '昨天' is not a time"),
        ("是否合成", "也许", "synthetic: '也许' is not yes or no"),
        ("备注", "x" * 1001, "remark: 1001 characters, but 1000 are allowed"),
        ("备注", "a\x07b", "remark: the text holds control characters"),
    ],
)
def test_values(tmp_path: Path, column: str, value: str, reason: str) -> None:
    header = f"名称,经度,纬度,{column}"
    assert reasons(tmp_path, "data_centre", header, f"乙,{GOOD},{value}") == reason


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("乙,,", "geometry: missing or empty"),
        ("乙,116.4,", "only one of 经度 and 纬度 is given"),
        ("乙,116.4,东", "纬度: '东' is not a number"),
        ("乙,39.9,116.4", "geometry: (39.9, 116.4) lies outside the area of EPSG:4548; "
                          "they would fit with the axes swapped"),
        ("乙,448481,4419565", "geometry: (448481, 4419565) lies outside the area of EPSG:4548; "
                              "they look like metres, not degrees: give the projected system with "
                              "--source-crs"),
        ("乙,0,0", "geometry: (0, 0) lies outside the area of EPSG:4548"),
        ("乙,104.06,30.67", "geometry: (104.06, 30.67) lies outside the area of EPSG:4548"),
    ],
)  # fmt: skip
def test_positions(tmp_path: Path, bad: str, reason: str) -> None:
    assert reasons(tmp_path, "data_centre", "名称,经度,纬度", bad) == reason


def test_projected_hints(tmp_path: Path) -> None:
    good = ["448481,4419565"] * 3
    path = table(tmp_path, "x,y", *good, "116.4,39.9", "39448481,4419565")
    found = [r.reason for r in read_mapped("data_centre", path, source_crs="EPSG:4548").report.rejects]
    assert "they look like degrees: the data is probably EPSG:4326" in found[0]
    assert "they carry the zone prefix 39: the data is probably EPSG:4527" in found[1]


def test_required_key_and_duplicates(tmp_path: Path) -> None:
    header = "zone_id,类别,乡镇"
    rows = [
        "a,禁采区,甲镇 乙镇",
        "b,,甲镇",
        ",限采区,甲镇",
        "a,储备,丙镇",
        "c,别的,甲镇",
        "c,储备区,甲镇；乙镇,",
        "d,储备区,",
    ]
    rows += [f"e{i},禁止,丁乡" for i in range(10)]
    path = table(tmp_path, header, *(r.rstrip(",") if r.count(",") > 2 else r for r in rows))
    mapped = read_mapped("water_intake_zone", path)
    assert {r.row: r.reason for r in mapped.report.rejects} == {
        2: "zone_class: the value is missing",
        3: "water_intake_zone_id: the value is missing",
        4: "water_intake_zone_id: 'a' is already the key of row 1",
        5: "zone_class: '别的' is not one of "
        "prohibited (禁止开采区), restricted (限制开采区), reserve (储备区)",
        7: "geometry: missing or empty",
    }
    kept = mapped.frame.set_index("water_intake_zone_id")
    assert kept.loc["a", "townships"] == "甲镇、乙镇"
    assert kept.loc["c", "townships"] == "甲镇、乙镇"
    assert kept.loc["a", "zone_class"] == "prohibited"
    assert mapped.frame.geometry.isna().all()
    assert mapped.crs is None


def test_shapes_of_several_kinds(tmp_path: Path, parcels: Frame) -> None:
    source = parcels(9)
    shapes = source.geometry.to_numpy().copy()
    shapes[1] = shapely.Point(116.4, 39.9)
    shapes[2] = None
    shapes[3] = shapely.Polygon()
    shapes[4] = shapely.GeometryCollection([shapes[4]])
    shapes[5] = shapely.force_3d(shapes[5], 40.0)
    shapes[6] = shapely.Polygon([(116.4, 39.9), (116.41, 39.9), (116.41, 39.9), (116.4, 39.9)])
    gpd.GeoDataFrame(source.drop(columns="geometry"), geometry=shapes, crs="EPSG:4326").to_parquet(
        tmp_path / "a.parquet"
    )
    mapped = read_mapped("parcel", tmp_path / "a.parquet")
    assert list(mapped.frame["parcel_id"]) == ["P1", "P5", "P6", "P8", "P9"]
    assert {r.row: r.reason.split(" (")[0] for r in mapped.report.rejects} == {
        2: "geometry: Point, but layer parcel holds polygons",
        3: "geometry: missing or empty",
        4: "geometry: missing or empty",
        7: "geometry: invalid polygon",
    }
    assert not mapped.frame.geometry.has_z.any()
    assert mapped.report.cleaned["heights_dropped"] == 1


def test_not_finite(tmp_path: Path, parcels: Frame) -> None:
    source = parcels(5)
    ring = np.array([[116.4, 39.9], [116.5, np.nan], [116.5, 39.8], [116.4, 39.9]])
    source.loc[2, "geometry"] = shapely.Polygon(ring)
    source.loc[3, "geometry"] = shapely.Polygon(np.where(np.isnan(ring), np.inf, ring))
    source.to_parquet(tmp_path / "a.parquet")
    report = read_mapped("parcel", tmp_path / "a.parquet").report
    assert [(r.row, r.reason) for r in report.rejects] == [
        (3, "geometry: a coordinate is not a finite number"),
        (4, "geometry: a coordinate is not a finite number"),
    ]


def test_one_broken_row_in_100000(tmp_path: Path) -> None:
    rows = [f"d{i},116.{i % 1000:03},39.9,1{i % 10}00" for i in range(100_000)]
    rows[77_776] = "d77776,116.4,39.9,一千"
    path = table(tmp_path, "名称,经度,纬度,IT负荷", *rows)
    with pytest.raises(
        InputError, match="row 77777: it_load_kw: '一千' is not a number; nothing was imported"
    ):
        read_mapped("data_centre", path, source_crs="EPSG:4326", on_error="abort")
    mapped = read_mapped("data_centre", path, source_crs="EPSG:4326")
    assert mapped.report.rows_accepted == 99_999
    assert mapped.rejects.iloc[0]["attributes"]["名称"] == "d77776"
    assert mapped.rejects.iloc[0]["wkt"] == "POINT (116.4 39.9)"


def test_names_in_any_spelling(tmp_path: Path) -> None:
    header = "Data-Centre ID,名　称,LONGITUDE,Latitude,Ｉｔ_Load,监测平均电功率（万千瓦）,IT 设计负荷(kW)"
    path = table(tmp_path, header, "a,甲,116.4,39.9,5,1,7")
    mapped = read_mapped("data_centre", path, source_crs="EPSG:4326")
    assert mapped.report.columns == {
        "data_centre_id": "Data-Centre ID",
        "name": "名　称",
        "it_load_kw": "IT 设计负荷(kW)",
        "lon": "LONGITUDE",
        "lat": "Latitude",
    }
    assert mapped.report.unused_columns == ["Ｉｔ_Load", "监测平均电功率（万千瓦）"]
    assert any("its unit is not kW" in w for w in mapped.report.warnings)
    chosen = read_mapped("data_centre", path, source_crs="EPSG:4326", columns={"it_load_kw": "it load"})
    assert chosen.frame["it_load_kw"].tolist() == [5.0]


def test_brackets_that_belong_to_a_title(tmp_path: Path) -> None:
    path = table(tmp_path, "lon,lat,上架率（负荷率）,备注(中文)", "116.4,39.9,60%,a")
    mapped = read_mapped("data_centre", path, source_crs="EPSG:4326")
    assert mapped.frame["utilisation_frac"].tolist() == [0.6]
    assert mapped.report.unused_columns == ["备注(中文)"]
    assert not mapped.report.warnings


def test_position_columns_by_option(tmp_path: Path) -> None:
    path = table(tmp_path, "name,E,N", "a,448481,4419565")
    mapped = read_mapped("data_centre", path, source_crs="EPSG:4548", columns={"lon": "E", "lat": "N"})
    assert mapped.frame.geometry[0].equals(shapely.Point(448481, 4419565))


@pytest.mark.parametrize(
    ("text", "fraction", "number"),
    [
        ("1,200", False, 1200), ("３５", False, 35), ("－3.5", False, -3.5), ("12.5%", True, 0.125),
        (" 1e3 ", False, 1000), ("1,234,567.5", False, 1234567.5), (".5", False, 0.5),
        ("12.5%", False, None), ("约", False, None), ("1,20", False, None), ("inf", False, None),
        ("0x10", False, None), ("1_000", False, None), ("1 000", False, None), ("无", False, None),
    ],
)  # fmt: skip
def test_numbers(text: str, fraction: bool, number: float | None) -> None:
    assert parse_number(text, fraction=fraction) == number


@pytest.mark.parametrize("text", ["", "-", "NULL", "n/a", "—", "nan"])
def test_missing_numbers_are_not_zero(text: str) -> None:
    assert np.isnan(parse_number(text) or 0.0)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_survives(number: float) -> None:
    assert parse_number(repr(number)) == number


@pytest.mark.parametrize(
    "text", ["2025-03-01", "2025/3/1", "2025.3.1", "20250301", "2025年3月1日", "2025-03-01 08:00"]
)
def test_dates(text: str) -> None:
    field = LAYERS["water_intake_zone"].field("effective_from")
    values, problems = convert(pd.Series([text, None], dtype=object), field)
    assert not problems
    assert values.tolist() == [dt.date(2025, 3, 1), None]
    assert convert(pd.Series(["2025-13-01"], dtype=object), field)[1] == {
        0: "effective_from: '2025-13-01' is not a date"
    }


def test_times_are_beijing_time() -> None:
    field = LAYERS["data_centre"].field("monitored_at")
    texts = ["2025-03-01 08:30", "2025-03-01T00:30:00Z", "2025-03-01T08:30:00+08:00"]
    values, problems = convert(pd.Series(texts, dtype=object), field)
    assert not problems
    assert set(values) == {pd.Timestamp("2025-03-01 08:30")}
    assert values.dtype == empty(field, 1).dtype


def test_codes_that_became_floats() -> None:
    field = LAYERS["district"].field("district_id")
    assert convert(pd.Series([110101.0, np.nan]), field)[0].tolist() == ["110101", None]


def test_yes_and_no() -> None:
    field = LAYERS["parcel"].field("synthetic")
    values, problems = convert(pd.Series(["是", "否", "true", "0", "", None], dtype=object), field)
    assert not problems
    assert values.tolist() == [True, False, True, False, pd.NA, pd.NA]
