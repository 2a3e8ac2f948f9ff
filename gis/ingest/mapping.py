"""From a source to rows of a layer: fields, shapes, checks and their account. No store."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gis.crs import STORAGE_CRS, Geometries
from gis.errors import InputError, UsageError
from gis.export.model import MANIFEST
from gis.ingest import checks
from gis.ingest.columns import ColumnMap, map_columns
from gis.ingest.datum import SourceCrs, built_in_outlines, resolve, suspect_shift
from gis.ingest.frames import frame_source
from gis.ingest.package import is_package, read_package
from gis.ingest.readers import read_source
from gis.ingest.rejects import rejects_table
from gis.ingest.report import ImportReport, Reject
from gis.ingest.shapes import as_layer_kind, close_rings, to_layer
from gis.ingest.source import Source, sha256
from gis.ingest.tabular import locate
from gis.ingest.values import Problems, convert, empty
from gis.units import attributes, units_of
from layers import LAYERS, TOWNSHIP_SEPARATOR, LayerSpec

Progress = Callable[[int, int, str], None]
RowCheck = Callable[[pd.DataFrame, np.ndarray[Any, np.dtype[np.bool_]]], Problems]
"""Typed fields of all rows, and which rows no other check refuses -> what is wrong with those."""
References = Iterable[tuple[str, Geometries]]

STEPS = 5
_TOWNSHIP_SEPARATORS = re.compile(r"[、，,;；\s]+")


@dataclass(frozen=True)
class Request:
    """What to read, and how; see `read_mapped`. `first_number` is that of the first generated key.

    `check` refuses rows for what no other check of their layer sees.
    """

    source: Path | pd.DataFrame
    source_layer: str | None = None
    source_crs: str | None = None
    columns: Mapping[str, str] | None = None
    references: References = ()
    first_number: int = 1
    needs_key: bool = False
    progress: Progress | None = None
    crs: str = STORAGE_CRS
    check: RowCheck | None = None

    def step(self, done: int, label: str) -> None:
        """Tell the caller how far the import is."""
        if self.progress is not None:
            self.progress(done, STEPS, label)


@dataclass(frozen=True)
class Mapped:
    """A file as rows of a layer.

    `frame` has the fields of the layer and `geometry` (EPSG:4548 or the metric CRS that was asked for,
    canonical), a RangeIndex, and is sorted by key; its `attrs["units"]` maps columns to units. `rejects`
    has row, reason, attributes (dict of source values), wkt (as read, in source coordinates); `crs` is
    None for a source without shapes.
    """

    frame: gpd.GeoDataFrame
    rejects: pd.DataFrame
    report: ImportReport
    crs: SourceCrs | None


class Findings:
    """Reasons by position of row, in the order in which the checks ran."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.reasons: dict[int, list[str]] = {}

    def add(self, problems: Mapping[int, str]) -> None:
        """Enter what a check found."""
        for i, reason in problems.items():
            self.reasons.setdefault(i, []).append(reason)

    def good(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return which rows nothing was found on."""
        out = np.ones(self.count, dtype=bool)
        out[list(self.reasons)] = False
        return out


def map_file(request: Request, spec: LayerSpec, report: ImportReport) -> Mapped:
    """Return the file or table as rows of a layer, and account for it in `report`.

    Raises InputError for one that is not usable as a whole; rows that fail a check
    are in `rejects`, however many they are.
    """
    request.step(0, "reading")
    source = _source(request, spec, report)
    report.source_layer = source.layer
    report.rows_read = len(source.table)
    report.warnings += source.notes
    request.step(1, "columns")
    mapping = _columns(source, spec, request, report)
    source = locate(source, mapping.coordinates)
    findings = Findings(len(source.table))
    fields = _fields(source, spec, mapping, request, findings, report)
    request.step(2, "geometry")
    crs, stored = _shapes(source, spec, fields, request, findings, report)
    request.step(3, "checks")
    keys = fields[spec.key].where(findings.good(), None)
    findings.add(checks.duplicate_keys(keys, spec.field(spec.key)))
    if request.check is not None:
        findings.add(request.check(fields, findings.good()))
    good = findings.good()
    frame = gpd.GeoDataFrame(fields, geometry=stored, crs=request.crs)[good]
    frame = frame.sort_values(spec.key, kind="stable").reset_index(drop=True)
    frame.attrs = attributes(units_of(spec.fields))
    if crs is not None and request.crs == STORAGE_CRS:
        _check_datum(stored[good], spec, crs, request.references, report)
    _totals(report, spec, frame, findings)
    return Mapped(frame, rejects_table(source, findings.reasons), report, crs)


def _source(request: Request, spec: LayerSpec, report: ImportReport) -> Source:
    """Return what is to be mapped as it was given."""
    given = request.source
    if isinstance(given, pd.DataFrame):
        return frame_source(given, request.source_crs, report.source)
    packed = is_package(given)
    # The manifest has the sums of all other files of a package.
    source = read_package(given, spec, read_source) if packed else read_source(given, request.source_layer)
    report.source_sha256 = sha256(given / MANIFEST if packed else given)
    return source


def layer_spec(layer_id: str) -> LayerSpec:
    """Return the declaration of a layer; UsageError if there is none of this id."""
    if layer_id not in LAYERS:
        raise UsageError(f"there is no layer {layer_id!r}; the layers are {', '.join(LAYERS)}.")
    return LAYERS[layer_id]


def _columns(source: Source, spec: LayerSpec, request: Request, report: ImportReport) -> ColumnMap:
    names = [str(c) for c in source.table.columns]
    has_geometry = source.geometry is not None
    mapping = map_columns(spec, names, request.columns, has_geometry=has_geometry, cut_names=source.cut_names)
    report.columns = {**mapping.fields, **mapping.coordinates}
    report.unused_columns = list(mapping.unused)
    report.warnings += mapping.warnings
    if not mapping.fields and not mapping.coordinates and not has_geometry:
        raise InputError(
            f"{report.source}: layer {spec.id} knows none of the columns {', '.join(names)}; "
            "name them with --column field=source."
        )
    return mapping


def _fields(
    source: Source,
    spec: LayerSpec,
    mapping: ColumnMap,
    request: Request,
    findings: Findings,
    report: ImportReport,
) -> pd.DataFrame:
    """Return all declared fields as typed columns; values that are unreadable or not allowed are findings."""
    out: dict[str, pd.Series[Any]] = {}
    count = len(source.table)
    for f in spec.fields:
        unread: Problems = {}
        if f.name in mapping.fields:
            out[f.name], unread = convert(source.table[mapping.fields[f.name]], f)
        elif f.name == spec.key:
            out[f.name] = _generated(spec, count, request, report)
        else:
            out[f.name] = empty(f, count)
        for problems in (
            unread,
            checks.missing_required(out[f.name], f, is_key=f.name == spec.key, unread=unread),
            checks.bad_text(out[f.name], f),
            checks.out_of_range(out[f.name], f),
        ):
            findings.add(problems)
    if spec.by_township:
        out["townships"] = out["townships"].map(_township_list).astype(object)
    return pd.DataFrame(out)


def _generated(spec: LayerSpec, count: int, request: Request, report: ImportReport) -> pd.Series[Any]:
    if request.needs_key:
        raise InputError(
            f"{report.source}: updating by key needs a column for {spec.key}; name it with --column."
        )
    report.generated_keys = True
    numbers = range(request.first_number, request.first_number + count)
    return pd.Series([f"{spec.id}-{n:06d}" for n in numbers], dtype=object)


def _township_list(text: str | None) -> str | None:
    names = [n for n in _TOWNSHIP_SEPARATORS.split(text or "") if n]
    return TOWNSHIP_SEPARATOR.join(names) or None


def _shapes(
    source: Source,
    spec: LayerSpec,
    fields: pd.DataFrame,
    request: Request,
    findings: Findings,
    report: ImportReport,
) -> tuple[SourceCrs | None, Geometries]:
    """Return the coordinate system (None without any shape) and storage shapes, None where refused."""
    count = len(source.table)
    by_list = fields["townships"].notna().to_numpy() if spec.by_township else np.zeros(count, dtype=bool)
    if source.geometry is None and not by_list.any():
        raise InputError(
            f"{report.source}: no shapes, and no columns for longitude and latitude or WKT; "
            "name them with --column lon=... --column lat=... or --column wkt=..."
        )
    shapes = np.full(count, None, dtype=object) if source.geometry is None else source.geometry.copy()
    shapes[shapely.is_empty(shapes)] = None
    findings.add(source.problems)
    unread = np.isin(np.arange(count), list(source.problems))
    findings.add(checks.no_geometry(shapes, by_list | unread))
    if shapely.is_missing(shapes).all():
        if by_list.any():
            return None, shapes
        raise InputError(f"{report.source}: no row has a usable shape; row 1: {findings.reasons[0][-1]}.")
    crs = resolve(source.crs, request.source_crs, shapes, report.source, request.crs)
    report.source_crs, report.datum = crs.name, crs.datum
    report.warnings += [crs.warning] if crs.warning else []
    flat = _flat(shapes, spec, report, is_cad=Path(report.source).suffix.lower() == ".dxf")
    wrong = checks.wrong_type(flat, spec)
    if wrong and len(wrong) == int((~shapely.is_missing(flat)).sum()):
        raise InputError(f"{report.source}: wrong kind of shapes; row {min(wrong) + 1}: {wrong[min(wrong)]}.")
    for problems in (wrong, checks.not_finite(flat)):
        findings.add(problems)
        flat[list(problems)] = None
    stored, problems = to_layer(flat, spec, crs, report, request.crs)
    findings.add(problems)
    return crs, stored


def _flat(shapes: Geometries, spec: LayerSpec, report: ImportReport, *, is_cad: bool) -> Geometries:
    """Return source shapes without heights, in the parts that the layer stores."""
    heights = int(shapely.has_z(shapes).sum())
    flat = np.asarray(shapely.force_2d(shapes), dtype=object)
    if is_cad and spec.geometry == "polygon":
        flat = close_rings(flat)
    out = as_layer_kind(flat, spec)
    wrapped = int((shapely.get_type_id(out) != shapely.get_type_id(flat)).sum())
    for name, number in (("heights_dropped", heights), ("single_parts_wrapped", wrapped)):
        if number:
            report.cleaned[name] = number
    return out


def _check_datum(
    stored: Geometries, spec: LayerSpec, crs: SourceCrs, references: References, report: ImportReport
) -> None:
    there = stored[~shapely.is_missing(stored)]
    if crs.datum is not None:
        report.datum_check = "datum as declared"
    elif spec.geometry != "polygon" or len(there) == 0:
        report.datum_check = "datum not checked, there are no outlines to compare"
    else:
        report.datum_check, warning = suspect_shift(there, chain([built_in_outlines()], references))
        report.warnings += [warning] if warning else []


def _totals(report: ImportReport, spec: LayerSpec, frame: gpd.GeoDataFrame, findings: Findings) -> None:
    report.rows_accepted = len(frame)
    report.rows_rejected = len(findings.reasons)
    report.rejects = [Reject(i + 1, "; ".join(findings.reasons[i])) for i in sorted(findings.reasons)]
    report.repairs = [r for r in report.repairs if r.row - 1 not in findings.reasons]
    report.rows_repaired = len(report.repairs)
    shapes = frame.geometry.to_numpy()
    if spec.geometry == "polygon":
        report.total_area_m2 = float(np.nansum(shapely.area(shapes)))
    elif spec.geometry == "line":
        report.total_length_m = float(np.nansum(shapely.length(shapes)))
