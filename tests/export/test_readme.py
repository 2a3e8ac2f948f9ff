"""The note beside a package: what is in it, what is local, synthetic or cut, and what is left to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from gis.export.model import File, Manifest, Part
from gis.export.readme import write_readme
from tests.export.manifests import DATUM, PROFILE, manifest, packed

DATA = "110000北京市国土空间规划矢量数据.gdb"
BESIDE = ("110000北京市数据字典.xlsx", "110000北京市总览图.jpg", "overlong.csv", "strange.bin")


def file(path: str) -> File:
    return File(path=path, sha256="0" * 64, size_bytes=1)


def read(tmp_path: Path, one: Manifest) -> tuple[str, str]:
    """Write a note and return its Chinese and its English half."""
    write_readme(tmp_path / "README.md", one)
    zh, en = (tmp_path / "README.md").read_text(encoding="utf-8").split("\n---\n")
    return zh, en


def steps(half: str) -> list[str]:
    """Return what is to be done before delivery."""
    return [line.split(". ", 1)[1] for line in half.splitlines() if line[:1].isdigit()]


def table(half: str) -> list[list[str]]:
    """Return the cells of the table of tables as a renderer of Markdown sees them."""
    rows: list[list[str]] = []
    for token in MarkdownIt().enable("table").parse(half):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and token.level == 4 and rows:
            rows[-1].append("".join(child.content for child in token.children or ()))
    return rows[1:]


def test_it_names_tables_files_versions_and_the_check(tmp_path: Path) -> None:
    inside = [file(f"{DATA}/a0000000{i}.gdbtable") for i in range(3)]
    tables = packed("parcel", metadata="metadata/DK.xml"), packed("match_source", synthetic=True, cut_count=4)
    files = (*inside, *map(file, BESIDE), file("metadata/DK.xml"))
    one = manifest(*tables, overlong="overlong.csv", files=files)
    halves = read(tmp_path, one)
    for half in halves:
        assert [row[0] for row in table(half)] == ["DK", "RYTZ"]
        assert [row[4] for row in table(half)] == ["7", "7"]
        assert [row[6] for row in table(half)] == ["0", "4"]
        listed = [line.split("`")[1] for line in half.splitlines() if line.startswith("- `")]
        assert listed == [DATA, "metadata/", *BESIDE, "manifest.json"]
        assert all(t in half for t in (PROFILE.sha256, "b" * 64, "2026-06-01", "OneMap 0.1.0", "0.0001 m"))
        assert "onemap validate DIR" in half
        assert "EPSG:4548" in half
        assert "UTF-8" in half
    zh, en = halves
    assert DATUM.zh in zh
    assert DATUM.en in en
    assert [row[5] for row in table(zh)] == ["否", "是"]


@pytest.mark.parametrize(
    ("changes", "zh", "en"),
    [
        ({"profile": PROFILE.described()}, "替换本地编码", "Replace what is local"),
        ({"tables": (packed("parcel", synthetic=True),)}, "替换合成数据", "Replace synthetic"),
        (
            {"tables": (packed("parcel", cut_count=1234),), "overlong": "long.csv"},
            "1,234 个文本超出字段宽度，全文见 `long.csv`", "1,234 in DK did not fit",
        ),
        (
            {"format": "vct", "vct_dialect": "3.0"},
            "VCT 3.0 文件未经官方检查软件检查", "not checked with an official checker",
        ),
        ({"format": "vct", "vct_dialect": "2007"}, "VCT 2007 文件未经官方检查软件检查", "VCT 2007 output"),
        ({"run": "old"}, "重新评价后再导出", "Score again"),
    ],
)  # fmt: skip
def test_what_is_left_to_do_is_told_where_it_is_so_and_only_there(
    tmp_path: Path, changes: dict[str, Any], zh: str, en: str
) -> None:
    clean = manifest(packed("parcel"), profile=PROFILE.described().model_copy(update={"local": False}))
    assert clean.run is not None
    if changes.get("run") == "old":
        changes = {"run": clean.run.model_copy(update={"current": False})}
    before = read(tmp_path, clean)
    after = read(tmp_path, clean.model_copy(update=changes))
    for half, words, was in zip(after, (zh, en), before, strict=True):
        assert len(steps(was)) == 1, "contacts and classification are never known"
        assert len(steps(half)) == 2
        assert words in "".join(steps(half))
        assert words not in was


def test_nothing_synthetic_is_not_said_to_be_and_something_is_said_first(tmp_path: Path) -> None:
    zh, en = read(tmp_path, manifest(packed("parcel")))
    assert ">" not in zh + en
    zh, en = read(tmp_path, manifest(packed("parcel"), packed("district", synthetic=True)))
    assert zh.index("> **含合成数据") < zh.index("## 文件")
    assert en.index("> **Contains synthetic data") < en.index("## Files")


def test_texts_of_the_manifest_are_no_markup_and_shapefiles_are_listed_once(tmp_path: Path) -> None:
    part = Part(file="DK.shp", layer="DK", feature_count=1)
    area = PROFILE.area.model_copy(update={"name": "<b>甲|乙*\n# 丙"})
    files = [file(f"DK.{end}") for end in ("shp", "shx", "dbf", "prj", "cpg")] + [file("DK2.cpg")]
    one = manifest(packed("parcel", parts=(part,)), area=area, format="shp", files=tuple(files))
    zh, _ = read(tmp_path, one)
    heads = [t.content for t in MarkdownIt().parse(zh) if t.type == "inline" and t.level == 1][:1]
    assert heads == [r"\<b\>甲\|乙\*" + " # 丙新能源供热资源汇交包"]
    listed = [line.split("`")[1] for line in zh.splitlines() if line.startswith("- `")]
    assert listed == ["DK.shp", "DK2.cpg", "manifest.json"]
    write_readme(tmp_path / "again.md", one)
    assert (tmp_path / "again.md").read_bytes() == (tmp_path / "README.md").read_bytes()
