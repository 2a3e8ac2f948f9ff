"""Source shapes to storage shapes: kind, datum, projection, repair, canonical form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely

from gis.crs import STORAGE_CRS, Geometries, canonical, reproject, to_wgs84
from gis.ingest import checks
from gis.ingest.datum import SourceCrs
from gis.ingest.repair import repair, without_repeats
from gis.ingest.report import ImportReport, Repair
from gis.ingest.values import ShapeProblems
from layers import LayerSpec

_MULTI: dict[str, tuple[int, int, Callable[..., Any]]] = {
    "polygon": (3, 6, shapely.multipolygons),
    "line": (1, 5, shapely.multilinestrings),
}
_COLLECT = {0: shapely.MultiPoint, 1: shapely.MultiLineString, 3: shapely.MultiPolygon}


def close_rings(shapes: Geometries) -> Geometries:
    """Return `shapes` with every closed line of four or more points as the polygon it outlines."""
    is_line, enough = shapely.get_type_id(shapes) == 1, shapely.get_num_points(shapes) >= 4
    closed = is_line & enough & shapely.is_closed(shapes)
    out = shapes.copy()
    if closed.any():
        rings = [shapely.linearrings(shapely.get_coordinates(g)) for g in shapes[closed]]
        out[closed] = shapely.polygons(rings)
    return out


def as_layer_kind(shapes: Geometries, spec: LayerSpec) -> Geometries:
    """Return shapes as the layer stores them: multi-part lines and polygons, single points.

    A collection is opened when all its parts are of one kind; other kinds stay as they are.
    """
    out = shapes.copy()
    for i in np.flatnonzero(shapely.get_type_id(shapes) == 7):
        parts = shapely.get_parts(shapely.get_parts(shapes[i]))
        kinds = set(shapely.get_type_id(parts))
        if len(kinds) == 1 and kinds <= {0, 1, 3}:
            out[i] = _COLLECT[kinds.pop()](parts)
    ids = shapely.get_type_id(out)
    if spec.geometry == "point":
        single = np.flatnonzero((ids == 4) & (shapely.get_num_geometries(out) == 1))
        out[single] = shapely.get_geometry(out[single], 0)
        return out
    one, _, multi = _MULTI[spec.geometry]
    rows = np.flatnonzero(np.isin(ids, (one, 2) if one == 1 else (one,)))
    if len(rows):
        out[rows] = multi(out[rows], indices=np.arange(len(rows)))
    return out


def to_layer(
    shapes: Geometries, spec: LayerSpec, crs: SourceCrs, report: ImportReport, target: str = STORAGE_CRS
) -> tuple[Geometries, ShapeProblems]:
    """Return canonical shapes in `target` (None where refused or absent) and the problems found.

    `shapes` are flat source shapes of the layer's kind with finite coordinates. Repairs and
    clean-ups are entered in `report`.
    """
    lonlat_or_plane = shapes if crs.datum is None else to_wgs84(shapes, crs.datum)
    stored = reproject(lonlat_or_plane, crs.text, target)
    problems = checks.outside_area(stored, shapes, crs, target)
    stored[list(problems)] = None
    stored, repeated = without_repeats(stored)
    if repeated:
        report.cleaned["repeated_points_removed"] = repeated
    repairs: dict[int, Repair] = {}
    failed: ShapeProblems = {}
    if spec.geometry == "polygon":
        stored = as_layer_kind(stored, spec)
        stored, failed = _mended(stored, repairs)
    stored = canonical(stored)
    if spec.geometry == "polygon":  # two vertices can meet on the grid
        stored, again = _mended(stored, repairs)
        stored = canonical(stored)
        failed |= again | checks.invalid(stored)
    for found in (failed, checks.no_extent(stored, spec)):
        for i, reason in found.items():
            problems.setdefault(i, reason)
    stored[list(problems)] = None
    report.repairs = [repairs[i] for i in sorted(repairs) if i not in problems]
    return stored, problems


def _mended(stored: Geometries, repairs: dict[int, Repair]) -> tuple[Geometries, ShapeProblems]:
    """Repair what is invalid and drop what cannot be repaired."""
    mended, failed = repair(stored, repairs)
    mended[list(failed)] = None
    return mended, failed
