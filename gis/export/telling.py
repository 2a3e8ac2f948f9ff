"""What all documents of a package say alike: formats, systems, sources, rules, and what is not known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType

import numpy as np
import shapely

from gis.crs import API_CRS, reproject
from gis.errors import InputError
from gis.export.model import Crs, DataFormat, Kind, Manifest, Origin, Packed
from gis.periods import BEIJING_TIME
from layers import LAYERS, Text

UNKNOWN = Text(zh="未知", en="unknown")
FORMATS: Mapping[DataFormat, Text] = MappingProxyType(
    {
        "gdb": Text(zh="文件地理数据库（FileGDB）", en="Esri file geodatabase (FileGDB)"),
        "gpkg": Text(zh="GeoPackage 数据库", en="GeoPackage"),
        "shp": Text(zh="Shapefile", en="Esri Shapefile"),
        "vct": Text(zh="VCT 空间数据交换格式", en="VCT spatial data exchange format"),
        "geojson": Text(zh="GeoJSON", en="GeoJSON"),
        "geoparquet": Text(zh="GeoParquet", en="GeoParquet"),
    }
)
SYSTEMS: Mapping[Crs, Text] = MappingProxyType(
    {
        "EPSG:4490": Text(
            zh="2000 国家大地坐标系（CGCS2000）经纬度，单位为度（EPSG:4490）",
            en="CGCS2000 longitude and latitude, degrees (EPSG:4490)",
        ),
        "EPSG:4548": Text(
            zh="2000 国家大地坐标系（CGCS2000）高斯—克吕格投影 3 度带，中央经线 117°E，"
            "横坐标不加带号，单位为米（EPSG:4548）",
            en="CGCS2000 / 3-degree Gauss-Kruger CM 117E, no zone prefix, metres (EPSG:4548)",
        ),
        "EPSG:4527": Text(
            zh="2000 国家大地坐标系（CGCS2000）高斯—克吕格投影 3 度带第 39 带，"
            "横坐标加带号，单位为米（EPSG:4527）",
            en="CGCS2000 / 3-degree Gauss-Kruger zone 39, with the zone prefix, metres (EPSG:4527)",
        ),
    }
)
KIND_TITLES: Mapping[Kind, Text] = MappingProxyType(
    {
        "polygon": Text(zh="面", en="polygons"),
        "line": Text(zh="线", en="lines"),
        "point": Text(zh="点", en="points"),
        "table": Text(zh="表（无图形）", en="table without shapes"),
    }
)
SYNTHETIC = Text(
    zh="含合成数据：由程序生成，不代表任何实际地块、设施或管线，不得作为规划、审批和建设的依据。",
    en="Contains synthetic data: made by a program, it tells nothing of any real place and is no basis for "
    "planning, approval or construction.",
)

_EDGE_PARTS = 64
"""A straight edge of a box is a curve in another system: it is cut into so many parts."""
_OUTWARD_DEG = 1e-6
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def writable(text: str) -> str:
    """Return a text with U+FFFD for characters that neither XML nor XLSX can hold."""
    return _UNWRITABLE.sub("\ufffd", text)


def moment(value: datetime) -> str:
    """Return a time as people write it in Beijing; every document names the zone beside it."""
    return value.astimezone(BEIJING_TIME).strftime("%Y-%m-%d %H:%M")


def feature_count(table: Packed) -> int:
    """Return the number of rows of a table over all its parts."""
    return sum(part.feature_count for part in table.parts)


def is_worked_out(table: Packed) -> bool:
    """Return whether a table holds results rather than a layer as it was loaded."""
    return table.source not in LAYERS


def is_matched(table: Packed) -> bool:
    """Return whether a table holds what matching or siting of a scenario gave."""
    return table.source == "site" or table.source.startswith("match_")


def has_synthetic(manifest: Manifest) -> bool:
    """Return whether any table of a package has synthetic data."""
    return any(table.synthetic for table in manifest.tables)


def format_of(manifest: Manifest) -> Text:
    """Return the title of a package's format, with the dialect of VCT."""
    title, dialect = FORMATS[manifest.format], manifest.vct_dialect
    if dialect is None:
        return title
    return Text(zh=f"{title.zh}（{dialect} 版）", en=f"{title.en}, dialect {dialect}")


def unchecked(manifest: Manifest) -> Iterator[Text]:
    """Yield that a VCT file was not checked with an official checker, nothing for other formats."""
    if manifest.format == "vct":
        name = f"VCT {manifest.vct_dialect}" if manifest.vct_dialect else "VCT"
        yield Text(
            zh=f"{name} 文件未经官方检查软件检查，汇交前请用接收平台的质检软件检查。",
            en=f"The {name} output was not checked with an official checker; check it with the receiving "
            "platform's before delivery.",
        )


def extent_deg(table: Packed, crs: Crs) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north of a table in degrees (CGCS2000), None where no part tells its extent.

    Rounded outward to a millionth of a degree. `crs` is that of the package; InputError where a part's extent
    cannot be in it.
    """
    boxes = [part.extent for part in table.parts if part.extent is not None]
    if not boxes:
        return None
    # An outline without width cannot be cut up; its ends do.
    shapes = np.array(
        [
            shapely.box(*b) if b[0] < b[2] and b[1] < b[3] else shapely.MultiPoint([b[:2], b[2:]])
            for b in boxes
        ]
    )
    west, south, east, north = shapely.total_bounds(shapes)
    side = max(east - west, north - south)
    fine = shapely.segmentize(shapes, side / _EDGE_PARTS) if side > 0 else shapes
    bounds = shapely.total_bounds(reproject(fine, crs, API_CRS)) / _OUTWARD_DEG
    if not np.isfinite(bounds).all():
        raise InputError(f"The extent of table {table.name} cannot be in {crs}; export the package again.")
    low, high = np.floor(bounds[:2] + 1e-4), np.ceil(bounds[2:] - 1e-4)
    west, south, east, north = (round(float(v) * _OUTWARD_DEG, 6) for v in (*low, *high))
    return west, south, east, north


def origin_of(origin: Origin) -> Text:
    """Return in one sentence where a layer comes from."""
    title = LAYERS[origin.layer].title if origin.layer in LAYERS else Text(zh=origin.layer, en=origin.layer)
    name = writable(origin.source_name) or UNKNOWN.zh
    return Text(
        zh=f"{title.zh}（{origin.layer}，第 {origin.version} 版）：来源文件 {name}，"
        f"SHA-256 {origin.source_sha256 or UNKNOWN.zh}，{moment(origin.loaded_at)}（北京时间）导入，"
        f"{origin.feature_count:,} 个要素。",
        en=f"{title.en} ({origin.layer}, version {origin.version}): source file "
        f"{writable(origin.source_name) or UNKNOWN.en}, SHA-256 {origin.source_sha256 or UNKNOWN.en}, loaded "
        f"{moment(origin.loaded_at)} (UTC+8), {origin.feature_count:,} features.",
    )


def profile_of(manifest: Manifest) -> Text:
    """Return the profile of a package with its version and hash."""
    one = manifest.profile
    return Text(
        zh=f"{one.title.zh}，编号 {one.id}，版本 {one.version}，SHA-256 {one.sha256}",
        en=f"{one.title.en}, id {one.id}, version {one.version}, SHA-256 {one.sha256}",
    )


def rules_of(manifest: Manifest) -> Text:
    """Return the rule set of the results in a package, or that it is not known."""
    rules = manifest.rules
    if rules is None:
        return UNKNOWN
    return Text(
        zh=f"{rules.id}，校验值 {rules.hash}，基准日 {rules.as_of}",
        en=f"{rules.id}, hash {rules.hash}, as of {rules.as_of}",
    )


def run_of(manifest: Manifest) -> Text:
    """Return the run of scoring and whether it is of the layers in the package, or that it is not known."""
    run = manifest.run
    if run is None:
        return UNKNOWN
    zh = "所用图层与本包一致" if run.current else "评价完成后图层有变动，评价结果与本包图层不一致"
    en = "of the layers in this package" if run.current else "layers have changed since: not of those here"
    return Text(
        zh=f"第 {run.run_id} 次评价，{moment(run.finished_at)}（北京时间）完成，{zh}",
        en=f"run {run.run_id}, finished {moment(run.finished_at)} (UTC+8), {en}",
    )


def facts(manifest: Manifest) -> Iterator[tuple[Text, Text]]:
    """Yield names and texts of what holds for all tables; what no table rests on is left out."""
    yield Text(zh="数据格式", en="Format"), format_of(manifest)
    yield Text(zh="坐标系", en="Coordinate system"), SYSTEMS[manifest.crs]
    yield Text(zh="坐标基准", en="Datum"), manifest.datum_note
    yield Text(zh="容差", en="Tolerance"), _same(f"{manifest.tolerance_m:g} m")
    yield Text(zh="字符编码", en="Encoding"), _same(manifest.encoding)
    yield Text(zh="汇交方案", en="Profile"), profile_of(manifest)
    if any(map(is_worked_out, manifest.tables)):
        yield Text(zh="规则集", en="Rule set"), rules_of(manifest)
        yield Text(zh="评价", en="Scoring"), run_of(manifest)
    if any(map(is_matched, manifest.tables)):
        yield Text(zh="匹配方案", en="Scenario"), scenario_of(manifest)
    made, software = moment(manifest.created_at), manifest.software
    told = Text(zh=f"{made}（北京时间），{software}", en=f"{made} (UTC+8), {software}")
    yield Text(zh="导出", en="Exported"), told


def scenario_of(manifest: Manifest) -> Text:
    """Return the scenario of matching and siting, or that it is not known."""
    return _same(manifest.scenario) if manifest.scenario else UNKNOWN


def _same(text: str) -> Text:
    return Text(zh=text, en=text)


def lineage(manifest: Manifest, table: Packed) -> Iterator[Text]:
    """Yield sentence by sentence how a table came to be, and what of that is not known."""
    yield Text(
        zh="数据来源：" if table.origins else "数据来源：未知。",
        en="Sources:" if table.origins else "Sources: unknown.",
    )
    yield from map(origin_of, table.origins)
    if table.synthetic:
        yield SYNTHETIC
    yield Text(zh=f"坐标基准：{manifest.datum_note.zh}", en=f"Datum: {manifest.datum_note.en}")
    if table.kind != "table":
        yield Text(zh="位置精度：未知，未作评定。", en="Positional accuracy: unknown, it was not assessed.")
    yield Text(
        zh=f"处理：由 {manifest.software} 按汇交方案导出（{profile_of(manifest).zh}），"
        f"容差 {manifest.tolerance_m:g} m。",
        en=f"Processing: exported by {manifest.software} with a profile ({profile_of(manifest).en}), "
        f"tolerance {manifest.tolerance_m:g} m.",
    )
    if is_worked_out(table):
        yield Text(zh=f"规则集：{rules_of(manifest).zh}。", en=f"Rule set: {rules_of(manifest).en}.")
        yield Text(zh=f"评价：{run_of(manifest).zh}。", en=f"Scoring: {run_of(manifest).en}.")
    if is_matched(table):
        yield Text(zh=f"匹配方案：{scenario_of(manifest).zh}。", en=f"Scenario: {scenario_of(manifest).en}.")
    if manifest.profile.local:
        yield manifest.profile.notice
    if table.cut_count:
        yield Text(
            zh=f"截断：{table.cut_count:,} 个文本超出字段宽度，全文见 {manifest.overlong or UNKNOWN.zh}。",
            en=f"Cut: {table.cut_count:,} texts did not fit; "
            f"they stand in full in {manifest.overlong or UNKNOWN.en}.",
        )
