"""The note that lies beside the data of a package, as Markdown: Chinese first, English after."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from gis.export.model import MANIFEST, DataFormat, Manifest
from gis.export.telling import (
    KIND_TITLES,
    SYNTHETIC,
    UNKNOWN,
    facts,
    feature_count,
    format_of,
    has_synthetic,
    unchecked,
    writable,
)
from gis.wording import Language
from gis.writing import write_text
from layers import Text

_OPEN: Mapping[DataFormat, Text] = {
    "gdb": Text(
        zh="用 ArcGIS 或 QGIS（添加矢量图层，源类型选“目录”，格式选 OpenFileGDB）打开 `.gdb` 目录，"
        "不要改动其中的文件。",
        en="Open the folder `.gdb` with ArcGIS or QGIS (Add Vector Layer, Directory, OpenFileGDB); leave the "
        "files in it as they are.",
    ),
    "gpkg": Text(
        zh="用 QGIS 或 ArcGIS 打开 `.gpkg` 文件，每个图层是其中一张表。",
        en="Open the file `.gpkg` with QGIS or ArcGIS; every layer is a table in it.",
    ),
    "shp": Text(
        zh="用 ArcGIS 或 QGIS 打开 `.shp` 文件；同名的 `.shx`、`.dbf`、`.prj`、`.cpg` 须放在一起，"
        "`.cpg` 注明字符编码。",
        en="Open the files `.shp` with ArcGIS or QGIS; keep `.shx`, `.dbf`, `.prj` and `.cpg` beside them: "
        "`.cpg` tells the encoding.",
    ),
    "vct": Text(
        zh="用接收平台的入库软件读取 `.vct` 文件；文本编辑器也可查看。",
        en="Read the file `.vct` with the software of the receiving platform; any text editor shows it too.",
    ),
    "geojson": Text(
        zh="用 QGIS 打开 `.geojson` 文件；坐标系以本说明为准。",
        en="Open the files `.geojson` with QGIS; their coordinate system is the one told here.",
    ),
    "geoparquet": Text(
        zh="用 QGIS（GDAL 含 Parquet 驱动）、GeoPandas、DuckDB 打开 `.parquet` 文件。",
        en="Open the files `.parquet` with QGIS (GDAL with its Parquet driver), GeoPandas or DuckDB.",
    ),
}  # fmt: skip
_BESIDE: Mapping[str, Text] = {
    ".xlsx": Text(
        zh="数据字典：图层清单、字段、值域、来源", en="data dictionary: tables, fields, domains, sources"
    ),
    ".jpg": Text(zh="总览图（A3，300 dpi）", en="overview map (A3, 300 dpi)"),
    ".md": Text(zh="本说明", en="this note"),
}
_OVERLONG = Text(zh="超出字段宽度而截断的文本的全文", en="in full, the texts that a column is too narrow for")
_OTHER = Text(zh="其他文件", en="another file")


def write_readme(path: Path, manifest: Manifest) -> None:
    """Write what a package is, for whom, what is in it, and what has to be done with it, as Markdown."""
    blocks = [*_told(manifest, "zh"), "---", *_told(manifest, "en")]
    write_text(path, "\n\n".join(blocks) + "\n")


def _told(manifest: Manifest, language: Language) -> Iterator[str]:
    """Yield the blocks of the note in one language."""

    def say(zh: str, en: str) -> str:
        return zh if language == "zh" else en

    def points(texts: Iterator[Text]) -> str:
        return "\n".join(f"- {say(text.zh, text.en)}" for text in texts)

    def steps(texts: Iterator[Text]) -> str:
        return "\n".join(f"{at}. {say(text.zh, text.en)}" for at, text in enumerate(texts, start=1))

    area = _plain(manifest.area.name)
    yield say(f"# {area}新能源供热资源汇交包", f"# Renewable heat resources of {area}: a delivery")
    yield say(
        "本包是从“新能源供热资源一张图”（OneMap）导出的图层，供国土空间基础信息平台的数据管理人员检查、入库，"
        "供规划和供热主管部门查阅。每张表、每个字段和每个值的含义见数据字典，来源和处理过程见元数据。",
        "This package holds layers exported from OneMap, the map of renewable heat resources: for those who "
        "check data and load them into the territorial spatial information platform, and for planners and "
        "heat authorities. The data dictionary tells what every table, field and value means, the metadata "
        "where it comes from.",
    )
    if has_synthetic(manifest):
        yield f"> **{say(SYNTHETIC.zh, SYNTHETIC.en)}**"
    yield say("## 文件", "## Files")
    yield points(_files(manifest))
    yield say("## 图层", "## Tables")
    yield "\n".join(_tables(manifest, language))
    yield say("## 坐标系、编码和版本", "## Coordinate system, encoding and versions")
    yield points(_facts(manifest))
    yield say("## 汇交前须办理", "## To be done before delivery")
    yield steps(_to_do(manifest))
    yield say("## 打开和检查", "## How to open and check it")
    yield say(_OPEN[manifest.format].zh, _OPEN[manifest.format].en)
    yield say(
        "检查整包的命令如下，`DIR` 换成本包所在的目录：",
        "This checks the whole package; put its folder in place of `DIR`:",
    )
    yield "```\nonemap validate DIR\n```"


def _plain(text: str) -> str:
    """Return a text from the manifest as Markdown shows it, in one line."""
    return re.sub(r"([\\`*\[\]<>|])", r"\\\1", " ".join(writable(text).split()))


def _code(text: str) -> str:
    """Return the name of a file as it is."""
    return f"`{' '.join(writable(text).split()).replace('`', chr(39))}`"


def _files(manifest: Manifest) -> Iterator[Text]:
    data = dict.fromkeys(part.file for table in manifest.tables for part in table.parts)
    title = format_of(manifest)
    for file in data:
        names = [t.name for t in manifest.tables if any(part.file == file for part in t.parts)]
        yield Text(
            zh=f"{_code(file)}：{title.zh}，{'、'.join(names)}",
            en=f"{_code(file)}: {title.en}, {', '.join(names)}",
        )
    described = [table for table in manifest.tables if table.metadata]
    if described:
        yield Text(
            zh=f"`metadata/`：元数据（ISO 19115/19139），{len(described)} 份，每张表一份",
            en=f"`metadata/`: metadata (ISO 19115/19139), {len(described)} files, one a table",
        )
    for file in _beside(manifest, data):
        about = _BESIDE.get(PurePosixPath(file).suffix, _OTHER)
        if file == manifest.overlong:
            about = _OVERLONG
        yield Text(zh=f"{_code(file)}：{about.zh}", en=f"{_code(file)}: {about.en}")
    yield Text(
        zh=f"`{MANIFEST}`：清单，供程序读取；其中有每个文件的 SHA-256",
        en=f"`{MANIFEST}`: the manifest for programs, with the SHA-256 of every file",
    )


def _beside(manifest: Manifest, data: Iterable[str]) -> Iterator[str]:
    """Yield the files of a package that are neither data nor metadata."""
    metadata = {table.metadata for table in manifest.tables}
    for path in (file.path for file in manifest.files):
        if path not in metadata and not any(_belongs(path, file, manifest.format) for file in data):
            yield path


def _belongs(path: str, file: str, form: DataFormat) -> bool:
    """Return whether a path is a data file, lies in a geodatabase, or beside a Shapefile as a part of it."""
    if form == "shp":
        return PurePosixPath(path).with_suffix("") == PurePosixPath(file).with_suffix("")
    return path == file or path.startswith(f"{file}/")


def _tables(manifest: Manifest, language: Language) -> Iterator[str]:
    if language == "zh":
        yield "| 图层名 | 名称 | 要素代码 | 几何类型 | 记录数 | 合成数据 | 截断文本 |"
    else:
        yield "| Table | Title | Feature code | Shapes | Rows | Synthetic | Texts cut |"
    yield "|---|---|---|---|--:|---|--:|"
    for table in manifest.tables:
        title, kind = table.title, KIND_TITLES[table.kind]
        zh = language == "zh"
        cells = (
            table.name,
            _plain(title.zh if zh else title.en),
            _plain(table.ysdm),
            kind.zh if zh else kind.en,
            f"{feature_count(table):,}",
            ("是" if zh else "yes") if table.synthetic else ("否" if zh else "no"),
            f"{table.cut_count:,}",
        )
        yield f"| {' | '.join(cells)} |"


def _facts(manifest: Manifest) -> Iterator[Text]:
    for name, told in facts(manifest):
        yield Text(zh=f"{name.zh}：{_plain(told.zh)}", en=f"{name.en}: {_plain(told.en)}")


def _to_do(manifest: Manifest) -> Iterator[Text]:
    profile, run = manifest.profile, manifest.run
    if profile.local:
        yield Text(
            zh=f"替换本地编码：{_plain(profile.notice.zh)}",
            en=f"Replace what is local: {_plain(profile.notice.en)}",
        )
    if has_synthetic(manifest):
        yield Text(
            zh="以实际数据替换合成数据；上表“合成数据”为“是”的图层不得作为正式成果汇交。",
            en="Replace synthetic by real data; tables with it, as told above, are not to be delivered.",
        )
    if run is not None and not run.current:
        yield Text(
            zh="重新评价后再导出：评价完成后图层有变动，评价结果与本包图层不一致。",
            en="Score again and export again: layers have changed since the run whose results are here.",
        )
    cut = [table for table in manifest.tables if table.cut_count]
    if cut:
        count, where = sum(table.cut_count for table in cut), _code(manifest.overlong or UNKNOWN.zh)
        names = [table.name for table in cut]
        yield Text(
            zh=f"核对截断的文本：{'、'.join(names)} 中共 {count:,} 个文本超出字段宽度，全文见 {where}。",
            en=f"See to texts that were cut: {count:,} in {', '.join(names)} did not fit and stand in full "
            f"in {where}.",
        )
    yield from unchecked(manifest)
    yield Text(
        zh="在元数据中填写汇交单位、联系方式、密级和使用限制：导出软件不掌握这些信息，未作填写。",
        en="Fill in who delivers, contacts, classification and limits of use in the metadata: the software "
        "that made it does not know them.",
    )
