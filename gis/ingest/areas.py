"""Areas that somebody asks about: polygons of a file with what was done to read them, nothing stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyogrio
import pyproj
import shapely

from gis.crs import STORAGE_EPSG, Datum, Geometries, reproject, to_api, to_wgs84
from gis.errors import InputError, UsageError
from gis.ingest import checks
from gis.ingest.archive import ArchiveTooLargeError, unpacked
from gis.ingest.columns import map_columns
from gis.ingest.datum import SourceCrs, built_in_outlines, resolve, suspect_shift
from gis.ingest.readers import read_source
from gis.ingest.report import ImportReport
from gis.ingest.shapes import as_layer_kind, close_rings, to_layer
from gis.ingest.source import Source
from gis.ingest.values import Fault, Reason, ShapeProblems
from layers import LAYERS

Code = Literal[
    "too_large", "unpacks_too_large", "too_many_features", "too_many_vertices", "no_polygons",
    "unknown_format", "shapefile_alone", "broken_file", "no_crs", "wrong_crs", "outside_city",
]  # fmt: skip
MAX_UNPACKED_BYTES = 100_000_000
SUFFIXES = (".geojson", ".json", ".zip", ".kml", ".kmz")
_INNER = (".shp", ".geojson", ".json", ".kml")
_SPEC = LAYERS["parcel"]
_STORAGE = f"EPSG:{STORAGE_EPSG}"
_GUESSES = ("EPSG:4490", _STORAGE, "EPSG:4527")
"""What coordinates without a system may be in, of which the first is taken that puts them into the city."""
_ELSEWHERE = ("outside_area", "outside_city")
_BROKEN = "cannot be read; save it again and check that it is whole."


class AreaError(InputError):
    """A file of areas is refused; `code` says why, for programs."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code: Code = code


@dataclass(frozen=True)
class Limits:
    """The most features and vertices that are taken."""

    features: int
    vertices: int


@dataclass(frozen=True)
class City:
    """Where areas may lie, and what an undeclared shift shows on; both in EPSG:4548.

    `districts` is None when they were never loaded: then any place will do. `outlines` are
    (name, polygons).
    """

    districts: Geometries | None
    outlines: Sequence[tuple[str, Geometries]] = ()

    def holds(self, shapes: Geometries) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return which shapes (None allowed) meet a district."""
        there = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
        if self.districts is not None:
            hit = shapely.STRtree(self.districts).query(shapes[there], predicate="intersects")[0]
            there[np.flatnonzero(there)] = np.isin(np.arange(int(there.sum())), hit)
        return np.asarray(there)


@dataclass(frozen=True)
class Areas:
    """What was read. `shapes` are in CRS84; `properties` are named as the fields of a parcel where known.

    `rows` are the numbers of the features in the file, from 1; `dropped` maps others to why;
    `columns` maps field to column of the file; `suspected_crs` is what coordinates look like that were not
    declared to be so. Reasons and `warnings` have the keys `code`, `zh`, `en`.
    """

    crs: str
    crs_assumed: bool
    read_count: int
    rows: list[int]
    shapes: Geometries
    properties: list[dict[str, Any]]
    columns: dict[str, str]
    repaired: list[int]
    dropped: dict[int, dict[str, str]]
    suspected_crs: Datum | None
    warnings: list[dict[str, str]]


def read_areas(path: Path, name: str, declared_crs: str | None, limits: Limits, city: City) -> Areas:
    """Return the polygons of a GeoJSON, KML or KMZ file, or of a zip with one of them or a shapefile.

    `name` is what the file was called, `declared_crs` is `EPSG:n`, `gcj02`, `bd09` or None.
    Raises AreaError.
    """
    source = _source(path, name)
    shapes = np.full(0, None, dtype=object) if source.geometry is None else source.geometry
    _check_counts(shapes, limits)
    warnings: list[dict[str, str]] = []
    flat, problems = _polygons(shapes, warnings)
    crs, flat, assumed = _crs(source, declared_crs, flat, city, warnings)
    report = ImportReport(layer=_SPEC.id, source=name)
    stored, unfit = to_layer(flat, _SPEC, crs, report)
    problems = unfit | problems
    stored = _in_city(stored, city, crs, problems, warnings)
    good = np.flatnonzero(~shapely.is_missing(stored))
    repaired = [r.row for r in report.repairs if r.row - 1 in good]
    suspected = _suspect(stored, crs, city, warnings)
    unusable = sum(why.code not in _ELSEWHERE for why in problems.values())
    for code, count in (("not_areas", unusable), ("repaired", len(repaired))):
        warnings += [_told(code, count=str(count))] if count else []
    warnings += [_told("other_datum", name=crs.name)] if crs.warning else []
    properties, columns = _properties(source, good)
    dropped = {i + 1: _reason(why.code) for i, why in sorted(problems.items())}
    rows = [int(i) + 1 for i in good]
    return Areas(
        crs.name, assumed, len(shapes), rows, to_api(stored[good]), properties, columns, repaired, dropped,
        suspected, warnings,
    )  # fmt: skip


def _polygons(shapes: Geometries, warnings: list[dict[str, str]]) -> tuple[Geometries, ShapeProblems]:
    """Return flat polygons, None for whatever is none, with the reasons; closed lines are areas too."""
    plane = np.asarray(shapely.force_2d(shapes), dtype=object)
    closed = close_rings(plane)
    if count := int((shapely.get_type_id(closed) != shapely.get_type_id(plane)).sum()):
        warnings.append(_told("lines_closed", count=str(count)))
    flat = as_layer_kind(closed, _SPEC)
    problems = checks.no_geometry(flat, np.zeros(len(flat), dtype=bool))
    problems = checks.not_finite(flat) | checks.wrong_type(flat, _SPEC) | problems
    flat[list(problems)] = None
    if shapely.is_missing(flat).all():
        raise AreaError("no_polygons", "The file holds no polygons: draw areas as polygons and send them.")
    return flat, problems


def _source(path: Path, name: str) -> Source:
    suffix = Path(name).suffix.lower()
    if suffix in (".shp", ".shx", ".dbf", ".prj"):
        raise AreaError(
            "shapefile_alone", "A shapefile is several files: send .shp, .shx, .dbf and .prj in one zip."
        )
    if suffix not in SUFFIXES:
        raise AreaError(
            "unknown_format",
            f"The ending {suffix[:12]!r} is not known here; send one of {' '.join(SUFFIXES)}.",
        )
    try:
        if suffix in (".zip", ".kmz"):
            with unpacked(path, _INNER, MAX_UNPACKED_BYTES) as inner:
                return _read(inner)
        return _read(path)
    except ArchiveTooLargeError as error:
        raise AreaError(
            "unpacks_too_large",
            f"The archive unpacks to more than {MAX_UNPACKED_BYTES // 1_000_000} MB; send less at a time.",
        ) from error
    except InputError as error:
        # The path in the text is that of a temporary file.
        why = str(error).partition(": ")[2] or str(error)
        raise AreaError("broken_file", f"The file {_BROKEN} ({why[:300]})") from error


def _read(path: Path) -> Source:
    """Return the rows of a file; those of all folders of a KML."""
    if path.suffix.lower() != ".kml":
        return read_source(path)
    try:
        names = [str(n) for n, _ in pyogrio.list_layers(path)]
        filled = [n for n in names if pyogrio.read_info(path, layer=n, force_feature_count=True)["features"]]
    except pyogrio.errors.DataSourceError as error:
        raise InputError(f"{path.name}: this is not a KML file.") from error
    if len(filled) < 2:
        return read_source(path)
    parts = [read_source(path, n) for n in filled]
    shapes = [p.geometry for p in parts if p.geometry is not None]
    table = pd.concat([p.table for p in parts if p.geometry is not None], ignore_index=True)
    return Source(table=table, geometry=np.concatenate(shapes), crs=parts[0].crs)


def _check_counts(shapes: Geometries, limits: Limits) -> None:
    if len(shapes) > limits.features:
        raise AreaError(
            "too_many_features",
            f"The file has {len(shapes):,} features; at most {limits.features:,} are taken at a time.",
        )
    vertices = int(shapely.get_num_coordinates(shapes).sum())
    if vertices > limits.vertices:
        raise AreaError(
            "too_many_vertices",
            f"The file has {vertices:,} vertices; at most {limits.vertices:,} are taken: simplify them.",
        )


def _crs(
    source: Source, declared: str | None, shapes: Geometries, city: City, warnings: list[dict[str, str]]
) -> tuple[SourceCrs, Geometries, bool]:
    """Return the system of coordinates, the shapes with x first, and whether the system was assumed."""
    assumed = declared is None and (source.crs is None or _metres_as_degrees(source.crs, shapes))
    try:
        found = (
            [resolve(pyproj.CRS(s), None, shapes, "The file") for s in _GUESSES]
            if assumed
            else [resolve(source.crs, declared, shapes[~shapely.is_missing(shapes)], "The file")]
        )
    except (InputError, UsageError) as error:
        raise AreaError(
            "wrong_crs", str(error).removeprefix("The file: ").replace("--source-crs", "source_crs")
        ) from error
    swapped = np.asarray(shapely.transform(shapes, lambda xy: xy[:, ::-1]), dtype=object)
    for tried in (shapes, swapped):
        for crs in found:
            if _share_in_city(tried, crs, city) > 0.5:
                if tried is swapped:
                    warnings.append(_told("axes_swapped"))
                if assumed:
                    warnings.append(_told("crs_assumed", name=crs.name))
                return crs, tried, assumed
    if assumed:
        raise AreaError(
            "no_crs",
            "The file does not say its coordinate system (a shapefile does in its .prj), and none of those "
            "usual here puts it into the city: add the .prj or give source_crs.",
        )
    return found[0], shapes, False


def _metres_as_degrees(crs: pyproj.CRS, shapes: Geometries) -> bool:
    """Return whether coordinates labelled degrees cannot be: GeoJSON without a system has that label."""
    return bool(crs.is_geographic and np.abs(shapely.get_coordinates(shapes)).max(initial=0) > 360)


def _share_in_city(shapes: Geometries, crs: SourceCrs, city: City) -> float:
    moved = reproject(shapes if crs.datum is None else to_wgs84(shapes, crs.datum), crs.text, _STORAGE)
    there = ~shapely.is_missing(moved)
    moved[checks.outside(moved)] = None
    return float(city.holds(moved).sum() / there.sum())


def _in_city(
    stored: Geometries, city: City, crs: SourceCrs, problems: ShapeProblems, warnings: list[dict[str, str]]
) -> Geometries:
    """Return the shapes without those outside the city, which are entered in `problems`."""
    usable = ~shapely.is_missing(stored)
    outside = np.flatnonzero(usable & ~city.holds(stored))
    for i in outside:
        problems[int(i)] = Reason("outside_city", "geometry: outside the districts of the city")
    far = [i for i, why in problems.items() if why.code in _ELSEWHERE]
    if len(outside) == usable.sum():
        if far:
            raise AreaError(
                "outside_city",
                f"None of the areas lies in the city, with coordinates read as {crs.name}: check the "
                "coordinate system of the file.",
            )
        raise AreaError("no_polygons", f"No area can be used; the first: {problems[min(problems)]}.")
    if far:
        warnings.append(_told("outside_city", count=str(len(far))))
    out = stored.copy()
    out[outside] = None
    return out


def _suspect(stored: Geometries, crs: SourceCrs, city: City, warnings: list[dict[str, str]]) -> Datum | None:
    """Return the shifted datum that undeclared coordinates look like, which is entered in `warnings`."""
    there = stored[~shapely.is_missing(stored)]
    if crs.datum is not None or not crs.geographic:
        return None
    shifts: tuple[tuple[Datum, str], ...] = (("gcj02", "GCJ-02"), ("bd09", "BD-09"))
    for datum, label in shifts:
        if suspect_shift(there, [built_in_outlines(), *city.outlines], datum)[1] is not None:
            warnings.append(_told("shift_suspected", name=label))
            return datum
    return None


def _properties(source: Source, rows: Any) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return the attributes of rows, by the fields of a parcel where they are known, and field -> column."""
    table = source.table.iloc[rows]
    names = [str(c) for c in table.columns]
    mapped = map_columns(_SPEC, names, None, has_geometry=True, cut_names=source.cut_names).fields
    fields = {column: name for name, column in mapped.items()}
    records = table.astype(object).where(table.notna(), None).to_dict("records")
    known = [{fields.get(str(k), str(k)): _plain(v) for k, v in record.items()} for record in records]
    return known, dict(mapped)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; dates and what is nested as text."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    return value.item() if isinstance(value, np.generic) else str(value)


_WORDS: dict[str, tuple[str, str]] = {
    "axes_swapped": (
        "文件中的坐标先纬度（北）后经度（东），已互换后读取，请在图上核对位置。",
        "The coordinates came with latitude (north) first and were turned round: check the place.",
    ),
    "crs_assumed": (
        "文件没有说明坐标系（如缺少 .prj），按 {name} 读取，请在图上核对位置。",
        "The file does not say its coordinate system (as where .prj is missing); it was read as {name}: "
        "check the place.",
    ),
    "outside_city": (
        "有 {count} 个图形在本市范围之外，未予评价。",
        "Areas outside the city, which were left out: {count}.",
    ),
    "shift_suspected": (
        "坐标疑似 {name}（互联网地图偏移坐标），整体偏移约数百米；"
        "请按 {name} 重新读取，或换用 CGCS2000 坐标。",
        "The coordinates look like {name} (those of web maps), some hundred metres off: have the file read "
        "again as {name}, or use CGCS2000.",
    ),
    "other_datum": (
        "坐标系 {name} 的基准不是 CGCS2000 或 WGS84，位置可能偏差数十米以上。",
        "The datum of {name} is neither CGCS2000 nor WGS84: positions can be off by tens of metres and more.",
    ),
    "lines_closed": (
        "有 {count} 条闭合线按面读取。",
        "Closed lines that were read as areas: {count}.",
    ),
    "not_areas": (
        "有 {count} 个要素不是可用的面（点、线、空图形或无法修复的图形），未予评价。",
        "Features that are no usable areas (points, lines, empty or beyond repair), left out: {count}.",
    ),
    "repaired": (
        "有 {count} 个图形自相交等错误已修复，顶点未移动。",
        "Shapes with faults such as self-intersections, repaired without moving a vertex: {count}.",
    ),
}


def _told(code: str, **values: str) -> dict[str, str]:
    zh, en = _WORDS[code]
    return {"code": code, "zh": zh.format(**values), "en": en.format(**values)}


_FAULTS: dict[Fault, tuple[str, str]] = {
    "empty": ("没有图形", "it has no shape"),
    "not_finite": ("坐标中有无效数值", "one of its coordinates is no number"),
    "wrong_type": ("不是面，而是点、线或混合图形", "it is no area but a point, a line or a mixture"),
    "outside_area": (
        "坐标远在本市范围之外，请检查坐标系",
        "its coordinates lie far outside the city: check the coordinate system",
    ),
    "outside_city": ("在本市范围之外", "it lies outside the city"),
    "no_extent": ("图形没有面积", "it covers no ground"),
    "invalid": (
        "边界自相交等错误，不移动顶点无法修复",
        "its outline is faulty (as where it crosses itself) and cannot be repaired without moving it",
    ),
}


def _reason(code: Fault) -> dict[str, str]:
    zh, en = _FAULTS[code]
    return {"code": code, "zh": zh, "en": en}
