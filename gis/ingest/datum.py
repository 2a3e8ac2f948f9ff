"""The coordinate system and datum of a source, and the search for an undeclared GCJ-02 shift."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal, cast

import numpy as np
import pyproj
import shapely

from gis.crs import API_CRS, STORAGE_CRS, Datum, Floats, Geometries, parse_source_crs, reproject, to_wgs84
from gis.errors import InputError, UsageError

SAMPLE_VERTICES = 2_000
NEAR_M = 30.0
"""A vertex this close to a reference outline counts as lying on it; the shift is some 500 m."""
SHARE_FOLLOWING = 0.15
"""Share of vertices on the reference from which a file follows it; townships on districts reach 0.28."""
TIMES_BETTER = 4.0
REACH_M = 5_000.0
SHIFTS: dict[Datum, str] = {"gcj02": "GCJ-02", "bd09": "BD-09"}

_ONE_DATUM = ("wgs 84", "wgs 1984", "world geodetic system 1984", "china geodetic coordinate system 2000",
              "china 2000", "cgcs2000", "cgcs 2000")  # fmt: skip


@dataclass(frozen=True)
class SourceCrs:
    """What coordinates are read in: CRS text for PROJ, its name for people, the shift to undo."""

    text: str
    name: str
    datum: Datum | None
    geographic: bool
    warning: str | None = None


def resolve(
    own: pyproj.CRS | None,
    declared: str | None,
    shapes: Geometries,
    source_name: str,
    target: str = STORAGE_CRS,
) -> SourceCrs:
    """Return the coordinate system of a source from what the file says and what the user says.

    Parameters
    ----------
    own : the CRS in the file, or None.
    declared : the `--source-crs` value: `EPSG:n`, `gcj02`, `bd09`, or None.
    shapes : source geometries, on which two differing definitions are compared.
    target : the metric CRS that they are to be brought into.

    Raises
    ------
    InputError
        Neither says anything, the two contradict, or the CRS cannot be used.
    UsageError
        `declared` is not understood.
    """
    if own is None and declared is None:
        raise InputError(
            f"{source_name}: the file names no coordinate system; say which one with --source-crs EPSG:4326 "
            "for WGS84 longitude/latitude, EPSG:4548 and the like, gcj02 or bd09."
        )
    own = None if own is None else _horizontal(own)
    described = None if own is None else _described(own, source_name, target)
    if declared is None:
        return cast(SourceCrs, described)
    try:
        text, datum = parse_source_crs(declared)
    except ValueError as error:
        raise UsageError(f"--source-crs {declared}: {error}; use EPSG:n, gcj02 or bd09.") from error
    if datum is not None:
        if own is not None and not (own.is_geographic and _one_datum(own)):
            raise InputError(
                f"{source_name}: --source-crs {datum} needs longitude and latitude labelled WGS84 or "
                f"CGCS2000, but the file is in {own.name}."
            )
        return SourceCrs(text, f"longitude/latitude in {SHIFTS[datum]}", datum, geographic=True)
    chosen = _horizontal(pyproj.CRS(text))
    used = _described(chosen, source_name, target)
    if own is not None and not _same_place(own, chosen, shapes, target):
        raise InputError(
            f"{source_name}: the file says {_label(own)} and --source-crs says {_label(chosen)}; "
            "leave the option out, or correct the coordinate system in the file."
        )
    return used


def _horizontal(crs: pyproj.CRS) -> pyproj.CRS:
    flat = crs.to_2d()
    return flat.sub_crs_list[0] if flat.is_compound else flat


def _label(crs: pyproj.CRS) -> str:
    code = crs.to_epsg()
    return f"EPSG:{code}" if code is not None else crs.name


def _one_datum(crs: pyproj.CRS) -> bool:
    name = "" if crs.datum is None else crs.datum.name.lower().replace("_", " ")
    return any(n in name for n in _ONE_DATUM)


def _described(crs: pyproj.CRS, source_name: str, target: str) -> SourceCrs:
    if not (crs.is_geographic or crs.is_projected):
        raise InputError(f"{source_name}: its coordinate system {crs.name!r} is not tied to the Earth.")
    try:
        pyproj.Transformer.from_crs(crs, target, always_xy=True)
    except pyproj.exceptions.ProjError as error:
        raise InputError(
            f"{source_name}: positions in {_label(crs)} cannot be converted to {target}."
        ) from error
    warning = None
    if not (_one_datum(crs) or crs.datum == pyproj.CRS(target).datum):
        warning = (
            f"{_label(crs)} ({crs.name}) is not on WGS84 or CGCS2000; without local parameters "
            "positions can be off by many metres"
        )
    return SourceCrs(crs.to_wkt(), f"{_label(crs)} ({crs.name})", None, crs.is_geographic, warning)


def _same_place(one: pyproj.CRS, other: pyproj.CRS, shapes: Geometries, target: str) -> bool:
    """Say whether both definitions put the data at the same place, whatever they are called."""
    if _one_datum(one) != _one_datum(other):
        return False
    xy = shapely.get_coordinates(shapes)
    xy = xy[np.isfinite(xy).all(axis=1)][:100]
    points = shapely.points(xy)
    a, b = (shapely.get_coordinates(reproject(points, c.to_wkt(), target)) for c in (one, other))
    finite = np.isfinite(a) & np.isfinite(b)
    return bool((np.isfinite(a) == np.isfinite(b)).all() and (np.abs(a - b)[finite] < 0.01).all())


@dataclass(frozen=True)
class Shift:
    """What came of the search for a shift.

    found      `suspected`; `follows`: the outlines follow the reference as they are; `unconfirmed`: they
               follow none; `unreached`: none is near
    reference  the name of the outlines that they follow, with or without the shift
    before_m   median distance of vertices to them as they are, `after_m` with the shift undone
    """

    found: Literal["suspected", "follows", "unconfirmed", "unreached"]
    reference: str = ""
    before_m: float = np.nan
    after_m: float = np.nan


def find_shift(
    stored: Geometries, references: Iterable[tuple[str, Geometries]], datum: Datum = "gcj02"
) -> Shift:
    """Look for an undeclared shift, that of GCJ-02 or of BD-09.

    Up to 2,000 vertices of the polygons `stored` (EPSG:4548) are laid on the reference outlines
    (name, polygons or lines in EPSG:4548), one after the other until they follow one, as they are
    and with the shift undone. Shifted data follows an outline only once the shift is undone.
    """
    xy = shapely.get_coordinates(stored)
    if len(xy) > SAMPLE_VERTICES:
        xy = xy[np.linspace(0, len(xy) - 1, SAMPLE_VERTICES).astype(int)]
    points = np.asarray(shapely.points(xy), dtype=object)
    undone = _undone(points, datum)
    seen = False
    for name, outlines in references:
        tree = _segments(outlines)
        before, after = _distances(tree, points), _distances(tree, undone)
        reached = before < REACH_M
        if reached.mean() < 0.5:
            continue
        seen = True
        share_before, share_after = float((before < NEAR_M).mean()), float((after < NEAR_M).mean())
        medians = (float(np.median(before)), float(np.median(after)))
        if share_after >= SHARE_FOLLOWING and share_after >= TIMES_BETTER * share_before:
            return Shift("suspected", name, *medians)
        if share_before >= SHARE_FOLLOWING:
            return Shift("follows", name, *medians)
    return Shift("unconfirmed" if seen else "unreached")


def suspect_shift(
    stored: Geometries, references: Iterable[tuple[str, Geometries]], datum: Datum = "gcj02"
) -> tuple[str, str | None]:
    """Return (what was found, warning or None) about an undeclared shift, in words; see `find_shift`."""
    shift, label = find_shift(stored, references, datum), SHIFTS[datum]
    if shift.found == "suspected":
        return f"{label} shift suspected against {shift.reference}", (
            f"the outlines look shifted by {label} although that was not declared: the median distance "
            f"to {shift.reference} is {shift.before_m:,.0f} m, and {shift.after_m:,.0f} m with the shift "
            f"undone; if so, import again with --source-crs {datum}"
        )
    if shift.found == "follows":
        return f"datum checked, the outlines follow {shift.reference}", None
    if shift.found == "unconfirmed":
        return "datum not confirmed, the outlines follow no reference outline", None
    return "datum not checked, no reference outlines near the data", None


def _undone(points: Geometries, datum: Datum) -> Geometries:
    return reproject(to_wgs84(reproject(points, STORAGE_CRS, API_CRS), datum), API_CRS, STORAGE_CRS)


def _segments(outlines: Geometries) -> shapely.STRtree:
    flat = shapely.get_parts(outlines)
    rings = np.where(np.isin(shapely.get_type_id(flat), (3, 6)), shapely.boundary(flat), flat)
    lines = shapely.get_parts(rings)
    xy, line = shapely.get_coordinates(lines, return_index=True)
    inside = line[1:] == line[:-1]
    return shapely.STRtree(shapely.linestrings(np.stack([xy[:-1][inside], xy[1:][inside]], axis=1)))


def _distances(tree: shapely.STRtree, points: Geometries) -> Floats:
    found, distance = tree.query_nearest(points, return_distance=True, all_matches=False)
    out = np.full(len(points), np.inf)
    out[found[0]] = distance
    return out


@lru_cache(maxsize=1)
def built_in_outlines() -> tuple[str, Any]:
    """Return (name, lines in EPSG:4548) of the district outlines that come with the program."""
    text = files("gis.ingest").joinpath("outlines_beijing.geojson").read_text(encoding="utf-8")
    lines = shapely.get_parts(shapely.from_geojson(text))
    return "the built-in district outlines of Beijing", reproject(
        shapely.get_parts(lines), API_CRS, STORAGE_CRS
    )
