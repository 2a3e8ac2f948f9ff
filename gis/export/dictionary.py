"""The data dictionary of a package as a workbook: tables, fields, domains, sources, and more."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC
from io import BytesIO
from pathlib import Path

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.packaging.core import DocumentProperties
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.xml.functions import tostring

from gis.export.model import BETWEEN, Column, ColumnType, Manifest, Packed
from gis.export.telling import (
    KIND_TITLES,
    SYNTHETIC,
    UNKNOWN,
    facts,
    feature_count,
    has_synthetic,
    moment,
    unchecked,
    writable,
)
from gis.wording import Wording
from gis.writing import write_file
from layers import LAYERS

Row = Sequence[str | int | None]
Heads = Sequence[tuple[str, float]]
"""Heads of a sheet's columns, with their widths in characters."""

_TYPES: dict[ColumnType, str] = {"text": "字符型", "integer": "整型", "float": "浮点型", "date": "日期型"}
_MADE_HERE = "导出时生成"
_WORDS = Wording("zh")
_CORE = "docProps/core.xml"
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip archive can hold: that of every file in it."""

_TABLES: Heads = (
    ("序号", 6), ("图层名", 12), ("中文名称", 26), ("英文名称", 30), ("要素代码", 14), ("几何类型", 12),
    ("记录数", 11), ("全覆盖（无缝隙、无重叠）", 14), ("含合成数据", 12), ("截断文本数", 12),
    ("内容来源", 26), ("数据文件", 44), ("元数据文件", 24), ("说明", 60),
)  # fmt: skip
_FIELDS: Heads = (
    ("图层名", 12), ("序号", 6), ("字段名", 12), ("中文名称", 28), ("英文名称", 34), ("类型", 9),
    ("长度", 8), ("小数位", 8), ("单位", 12), ("必填", 7), ("取值范围", 18), ("有无值域", 10),
    ("可多值", 14), ("内容来源", 36),
)  # fmt: skip
_DOMAINS: Heads = (
    ("图层名", 12), ("字段名", 12), ("字段中文名称", 24), ("填写值", 28), ("系统内值", 28),
    ("中文含义", 28), ("英文含义", 36),
)  # fmt: skip
_SOURCES: Heads = (
    ("图层名", 12), ("来源图层", 26), ("来源图层名称", 24), ("版本", 8), ("导入时间（北京时间）", 20),
    ("要素数", 11), ("来源文件", 40), ("SHA-256", 68),
)  # fmt: skip
_ABOUT: Heads = (("项目", 24), ("内容", 110))


def write_dictionary(path: Path, manifest: Manifest) -> None:
    """Write the data dictionary of a package as XLSX, in Chinese with English titles.

    The same manifest gives the same bytes. Texts stay texts, whatever they begin with.
    """
    book = Workbook(write_only=True)
    _sheet(book, "图层清单", _TABLES, _tables(manifest))
    _sheet(book, "字段", _FIELDS, _fields(manifest))
    _sheet(book, "值域", _DOMAINS, _domains(manifest))
    _sheet(book, "来源", _SOURCES, _sources(manifest))
    _sheet(book, "说明", _ABOUT, _about(manifest))
    out = BytesIO()
    book.save(out)
    write_file(path, _timeless(out.getvalue(), manifest))


def _sheet(book: Workbook, title: str, heads: Heads, rows: Iterator[Row]) -> None:
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    for at, (_, width) in enumerate(heads, start=1):
        sheet.column_dimensions[get_column_letter(at)].width = width
    edge = Side(style="thin", color="C4CAD0")
    styles = {
        "border": Border(left=edge, right=edge, top=edge, bottom=edge),
        "alignment": Alignment(wrap_text=True, vertical="top"),
    }
    head_styles = {
        **styles,
        "font": Font(bold=True),
        "fill": PatternFill("solid", start_color="E6ECF0"),
    }
    sheet.append([_cell(sheet, head, head_styles) for head, _ in heads])
    count = 1
    for row in rows:
        sheet.append([_cell(sheet, value, styles) for value in row])
        count += 1
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(heads))}{count}"


def _cell(sheet: object, value: str | int | None, styles: dict[str, object]) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet, writable(value) if isinstance(value, str) else value)
    for name, style in styles.items():
        setattr(cell, name, style)
    if isinstance(value, str):
        # A text that begins with = is no formula, and is none either when somebody edits it.
        cell.data_type = "s"
        cell.quotePrefix = value[:1] in {"=", "+", "-", "@"}
    return cell


def _tables(manifest: Manifest) -> Iterator[Row]:
    for at, table in enumerate(manifest.tables, start=1):
        files = dict.fromkeys(part.file for part in table.parts)
        yield (
            at, table.name, table.title.zh, table.title.en, table.ysdm, KIND_TITLES[table.kind].zh,
            feature_count(table), _yes_no(table.coverage), _yes_no(table.synthetic), table.cut_count,
            table.source, "\n".join(files), table.metadata, table.description.zh,
        )  # fmt: skip


def _fields(manifest: Manifest) -> Iterator[Row]:
    for table in manifest.tables:
        for at, column in enumerate(table.columns, start=1):
            yield (
                table.name, at, column.name, column.title.zh, column.title.en, _TYPES[column.type],
                column.width, column.decimals, _unit(column), _yes_no(column.required), _range(column),
                "有" if column.domain else "无", f"是，以“{BETWEEN}”分隔" if column.several else "否",
                column.source or _MADE_HERE,
            )  # fmt: skip


def _unit(column: Column) -> str | None:
    return None if column.unit is None else _WORDS.unit(column.unit) or column.unit


def _range(column: Column) -> str | None:
    low, high = column.minimum, column.maximum
    if low is not None and high is not None:
        return f"{low:g} ～ {high:g}"
    if low is not None:
        return f"≥ {low:g}"
    return None if high is None else f"≤ {high:g}"


def _domains(manifest: Manifest) -> Iterator[Row]:
    for table in manifest.tables:
        for column in table.columns:
            for one in column.domain:
                yield (
                    table.name, column.name, column.title.zh, one.written, one.stored,
                    one.title.zh, one.title.en,
                )  # fmt: skip


def _sources(manifest: Manifest) -> Iterator[Row]:
    for table in manifest.tables:
        yield from _origins(table)


def _origins(table: Packed) -> Iterator[Row]:
    if not table.origins:
        yield table.name, UNKNOWN.zh, *[None] * 6
    for one in table.origins:
        title = LAYERS[one.layer].title.zh if one.layer in LAYERS else None
        yield (
            table.name, one.layer, title, one.version, moment(one.loaded_at), one.feature_count,
            one.source_name or UNKNOWN.zh, one.source_sha256 or UNKNOWN.zh,
        )  # fmt: skip


def _about(manifest: Manifest) -> Iterator[Row]:
    sliver = manifest.sliver
    yield "行政区", f"{manifest.area.name}（{manifest.area.code}）"
    if manifest.profile.local:
        yield "本地编码", manifest.profile.notice.zh
    if has_synthetic(manifest):
        yield "合成数据", SYNTHETIC.zh
    for name, told in facts(manifest):
        yield name.zh, told.zh
    for text in unchecked(manifest):
        yield "VCT 检查", text.zh
    yield "碎面", f"面积小于 {sliver.area_m2:g} m²，或宽度（面积的两倍除以周长）小于 {sliver.width_m:g} m"
    yield "超长文本", manifest.overlong or "无"
    yield "空值", "空值表示未知或不适用，不表示零。"


def _yes_no(value: bool) -> str:
    return "是" if value else "否"


def _timeless(body: bytes, manifest: Manifest) -> bytes:
    """Return a workbook whose times are that of the manifest, not of its writing."""
    # The library writes times without a zone as those of UTC.
    made = manifest.created_at.astimezone(UTC).replace(tzinfo=None)
    about = DocumentProperties(creator=writable(manifest.software), created=made, modified=made)
    about.title = writable(f"{manifest.area.name}新能源供热资源数据字典")
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(body)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = tostring(about.to_tree()) if name == _CORE else old.read(name)
            entry = zipfile.ZipInfo(name, _FIRST_DAY)
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, content)
    return out.getvalue()
