"""The data dictionary: all of the manifest is in it, texts stay texts, and the same gives the same bytes."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from gis.export import dictionary
from gis.export.dictionary import write_dictionary
from gis.export.model import Manifest, Part
from gis.export.sources import SOURCES
from tests.export.manifests import PROFILE, manifest, origin, packed

Sheets = dict[str, list[tuple[Any, ...]]]


def sheets(path: Path, one: Manifest) -> Sheets:
    """Write a dictionary and return the rows of its sheets below their heads."""
    write_dictionary(path / "d.xlsx", one)
    book = openpyxl.load_workbook(path / "d.xlsx")
    assert [s.freeze_panes for s in book] == ["A2"] * len(book.sheetnames)
    return {s.title: list(s.iter_rows(min_row=2, values_only=True)) for s in book}


def test_every_table_field_value_and_source_has_its_row(tmp_path: Path) -> None:
    tables = [packed(s, origins=(origin("parcel"), origin("heat_network"))) for s in SOURCES]
    one = manifest(*tables)
    found = sheets(tmp_path, one)
    assert list(found) == ["图层清单", "字段", "值域", "来源", "说明"]
    assert [(r[1], r[2], r[3], r[4], r[6]) for r in found["图层清单"]] == [
        (t.name, t.title.zh, t.title.en, t.ysdm, 7) for t in tables
    ]
    assert [(r[0], r[2], r[3], r[4], r[6], r[7], r[13]) for r in found["字段"]] == [
        (t.name, c.name, c.title.zh, c.title.en, c.width, c.decimals, c.source or "导出时生成")
        for t in tables
        for c in t.columns
    ]
    assert [r[:2] + r[3:] for r in found["值域"]] == [
        (t.name, c.name, d.written, d.stored, d.title.zh, d.title.en)
        for t in tables
        for c in t.columns
        for d in c.domain
    ]
    assert len(found["来源"]) == 2 * len(tables)
    assert {r[7] for r in found["来源"]} == {o.source_sha256 for o in tables[0].origins}
    assert {r[4] for r in found["来源"]} == {"2026-11-20 09:05"}


def test_fields_tell_type_unit_range_domain_and_whether_they_are_required(tmp_path: Path) -> None:
    rows = {r[2]: r[5:13] for r in sheets(tmp_path, manifest(packed("parcel")))["字段"]}
    assert rows["BSM"] == ("字符型", 18, None, None, "是", None, "无", "否")
    assert rows["RJL"] == ("浮点型", 18, 6, "1", "否", "0 ～ 30", "无", "否")
    assert rows["JZMJ"] == ("浮点型", 18, 6, "m²", "否", "≥ 0", "无", "否")
    assert rows["JSZT"] == ("字符型", 255, None, None, "否", None, "有", "否")
    several = {r[2]: r[12] for r in sheets(tmp_path, manifest(packed("parcel_suitability")))["字段"]}
    assert several["ZHJS"] == "是，以“;”分隔"


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("x")', "a\x07b"])
def test_no_text_is_a_formula_now_or_when_it_is_edited(tmp_path: Path, evil: str) -> None:
    one = manifest(packed("parcel", origins=(origin("parcel", source_name=evil),)), software=evil)
    write_dictionary(tmp_path / "d.xlsx", one)
    book = openpyxl.load_workbook(tmp_path / "d.xlsx")
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s", "n"}
    (told,) = [cell for cell in cells if cell.value == evil.replace("\x07", "\ufffd")]
    assert told.quotePrefix is (evil[0] in "=+-@")


def test_what_holds_for_all_is_told_and_what_is_not_known_is_said_so(tmp_path: Path) -> None:
    part = Part(file="a.vct", layer="DK", feature_count=3)
    tables = (packed("parcel_suitability", parts=(part, part), synthetic=True, origins=(), cut_count=2),)
    one = manifest(*tables, rules=None, run=None, format="vct", vct_dialect="3.0", encoding="GB18030")
    found = sheets(tmp_path, one)
    about = dict(found["说明"])
    assert about["规则集"] == about["评价"] == "未知"
    assert about["本地编码"] == PROFILE.notice.zh
    assert "未经官方检查软件检查" in about["VCT 检查"]
    assert "合成数据" in about["合成数据"]
    assert about["字符编码"] == "GB18030"
    assert about["超长文本"] == "无"
    assert found["来源"] == [("DKSYX", "未知", *[None] * 6)]
    (row,) = found["图层清单"]
    assert row[6:10] == (6, "否", "是", 2)
    assert row[11] == "a.vct"
    plain = dict(sheets(tmp_path, manifest(packed("parcel")))["说明"])
    assert not plain.keys() & {"规则集", "评价", "匹配方案", "合成数据", "VCT 检查"}


def test_the_same_manifest_gives_the_same_bytes_whenever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = manifest(packed("parcel"), packed("match_source"))
    write_dictionary(tmp_path / "a.xlsx", one)
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    monkeypatch.setattr(zipfile.time, "localtime", lambda *_: (2033, 5, 18, 3, 33, 20, 2, 138, 0))
    write_dictionary(tmp_path / "b.xlsx", one)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert book.properties.created == book.properties.modified
    assert book.properties.created.isoformat() == "2026-11-22T02:30:00"
    with zipfile.ZipFile(tmp_path / "a.xlsx") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {dictionary._FIRST_DAY}
