"""One function a check. Each returns the positions of the rows it refuses, with the reason."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np
import pandas as pd
import shapely

from gis.crs import STORAGE_CRS, Floats, Geometries, metric_area, reproject
from gis.ingest.datum import SourceCrs
from gis.ingest.values import Problems, Reason, ShapeProblems
from layers import FieldSpec, LayerSpec

_TYPE_IDS = {"point": (0, 4), "line": (1, 2, 5), "polygon": (3, 6)}
_PLURALS = {"point": "points", "line": "lines", "polygon": "polygons"}


def no_geometry(shapes: Geometries, exempt: np.ndarray[Any, np.dtype[np.bool_]]) -> ShapeProblems:
    """Rows without a shape, unless `exempt` (a township list stands for it)."""
    lacking = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    return {int(i): Reason("empty", "geometry: missing or empty") for i in np.flatnonzero(lacking & ~exempt)}


def wrong_type(shapes: Geometries, spec: LayerSpec) -> ShapeProblems:
    """Shapes of another kind than the layer holds; a point layer takes one point a row."""
    ids = shapely.get_type_id(shapes)
    wrong = ~np.isin(ids, (-1, *_TYPE_IDS[spec.geometry]))
    if spec.geometry == "point":
        wrong |= (ids == 4) & (shapely.get_num_geometries(shapes) > 1)
    return {
        int(i): Reason(
            "wrong_type",
            f"geometry: {shapes[i].geom_type}, but layer {spec.id} holds {_PLURALS[spec.geometry]}",
        )
        for i in np.flatnonzero(wrong)
    }


def not_finite(shapes: Geometries) -> ShapeProblems:
    """Shapes with a coordinate that is no number or infinite."""
    xy, index = shapely.get_coordinates(shapes, return_index=True)
    bad = ~np.isfinite(xy).all(axis=1)
    why = Reason("not_finite", "geometry: a coordinate is not a finite number")
    return dict.fromkeys(np.unique(index[bad]).tolist(), why)


def outside_area(stored: Geometries, source: Geometries, crs: SourceCrs, target: str) -> ShapeProblems:
    """Shapes outside the area that the metric CRS `target` is good for (`metric_area`)."""
    bad = outside(stored, target)
    if len(bad) == 0:
        return {}
    corners = np.array([shapely.get_coordinates(g)[0] for g in source[bad]])
    hints = _hints(corners, crs, target)
    return {
        int(i): Reason(
            "outside_area",
            f"geometry: ({x:.10g}, {y:.10g}) lies outside the area of {target}{hint}",
        )
        for i, (x, y), hint in zip(bad, corners, hints, strict=True)
    }


def outside(stored: Geometries, target: str = STORAGE_CRS) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Return the positions of shapes (in `target`, None allowed) that lie outside that area."""
    return np.flatnonzero(~shapely.is_missing(stored) & ~within_area(shapely.bounds(stored), target))


def within_area(boxes: Floats, target: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return which boxes (west, south, east, north of each, in `target`) lie inside that area whole."""
    xmin, ymin, xmax, ymax = boxes.T
    west, south, east, north = metric_area(target)
    with np.errstate(invalid="ignore"):
        return np.asarray((xmin >= west) & (xmax <= east) & (ymin >= south) & (ymax <= north))


def _hints(xy: Floats, crs: SourceCrs, target: str) -> list[str]:
    """Say for each coordinate pair what would make it fit: swapped axes, a zone prefix, degrees."""
    turned = reproject(shapely.points(xy[:, ::-1]), crs.text, target)
    swapped = within_area(shapely.bounds(turned), target)
    out = []
    for (x, y), fits in zip(xy, swapped, strict=True):
        if fits:
            out.append("; they would fit with the axes swapped")
        elif crs.geographic and max(abs(x), abs(y)) > 360:
            out.append("; they look like metres, not degrees: give the projected system with --source-crs")
        elif not crs.geographic and abs(x) <= 180 and abs(y) <= 90:
            out.append("; they look like degrees: the data is probably EPSG:4326 or EPSG:4490")
        elif target == STORAGE_CRS and 39.2e6 < max(x, y) < 39.8e6:
            out.append("; they carry the zone prefix 39: the data is probably EPSG:4527")
        else:
            out.append("")
    return out


def no_extent(stored: Geometries, spec: LayerSpec) -> ShapeProblems:
    """Polygons without area and lines without length."""
    if spec.geometry == "point":
        return {}
    size, word = (
        (shapely.area(stored), "area") if spec.geometry == "polygon" else (shapely.length(stored), "length")
    )
    why = Reason("no_extent", f"geometry: the shape has no {word}")
    return dict.fromkeys(np.flatnonzero(size <= 0).tolist(), why)


def invalid(stored: Geometries) -> ShapeProblems:
    """Polygons that are not valid in storage."""
    bad = ~(shapely.is_valid(stored) | shapely.is_missing(stored))
    return {
        int(i): Reason("invalid", f"geometry: invalid ({shapely.is_valid_reason(stored[i])})")
        for i in np.flatnonzero(bad)
    }


def out_of_range(values: pd.Series[Any], field: FieldSpec) -> Problems:
    """Numbers outside the declared range; limits are inclusive."""
    if field.minimum is None and field.maximum is None:
        return {}
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    low = -np.inf if field.minimum is None else field.minimum
    high = np.inf if field.maximum is None else field.maximum
    bad = np.flatnonzero((numbers < low) | (numbers > high))
    unit = "" if field.unit in (None, "1") else f" {field.unit}"
    return {int(i): f"{field.name}: {numbers[i]:g} is outside {low:g} to {high:g}{unit}" for i in bad}


def missing_required(values: pd.Series[Any], field: FieldSpec, *, is_key: bool, unread: Problems) -> Problems:
    """Missing values of the key and of required fields; `unread` rows have a reason already."""
    if not (field.required or is_key):
        return {}
    gone = np.flatnonzero(values.isna())
    return {int(i): f"{field.name}: the value is missing" for i in gone if i not in unread}


def bad_text(values: pd.Series[Any], field: FieldSpec) -> Problems:
    """Texts that are too long or hold control characters."""
    if field.type != "text":
        return {}
    problems: Problems = {}
    for i, text in enumerate(values):
        if text is None:
            continue
        if len(text) > field.max_length:
            problems[i] = f"{field.name}: {len(text)} characters, but {field.max_length} are allowed"
        elif not text.isprintable() and _has_controls(text):
            problems[i] = f"{field.name}: the text holds control characters"
    return problems


def _has_controls(text: str) -> bool:
    return any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\r\t" for c in text)


def duplicate_keys(keys: pd.Series[Any], field: FieldSpec) -> Problems:
    """Rows whose key an earlier row has."""
    problems: Problems = {}
    first: dict[str, int] = {}
    for i, value in enumerate(keys):
        if value is None:
            continue
        if value in first:
            problems[i] = f"{field.name}: {value!r} is already the key of row {first[value] + 1}"
        else:
            first[value] = i
    return problems
