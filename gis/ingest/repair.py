"""Repairs that move nothing: invalid polygons made valid with every vertex where it was."""

from __future__ import annotations

import numpy as np
import shapely

from gis.crs import Geometries
from gis.ingest.report import Repair
from gis.ingest.values import Reason, ShapeProblems

TOLERANCE_M = 1e-3


def without_repeats(shapes: Geometries) -> tuple[Geometries, int]:
    """Return lines and polygons without repeated points, and how many shapes had some."""
    out = shapes.copy()
    rows = np.flatnonzero(shapely.get_num_coordinates(shapes) > 2)
    slim = shapely.remove_repeated_points(shapes[rows])
    fewer = shapely.get_num_coordinates(slim) < shapely.get_num_coordinates(shapes[rows])
    fewer &= ~shapely.is_empty(slim)
    out[rows[fewer]] = slim[fewer]
    return out, int(fewer.sum())


def repair(shapes: Geometries, known: dict[int, Repair]) -> tuple[Geometries, ShapeProblems]:
    """Return `shapes` (MultiPolygons in metres, None allowed) with the invalid ones made valid.

    A repair counts only if every vertex stays within 1 mm of the outline, or lay on a line
    without area (a spike, a cut to a hole) that was taken out. Each is entered in `known` by
    position; what could not be repaired comes back as position -> reason.
    """
    out = shapes.copy()
    failed: ShapeProblems = {}
    for i in np.flatnonzero(~(shapely.is_valid(shapes) | shapely.is_missing(shapes))):
        before = shapes[i]
        why = shapely.is_valid_reason(before)
        after, action = _repaired(before)
        if after is None:
            failed[int(i)] = Reason(
                "invalid", f"geometry: invalid polygon ({why}) that cannot be repaired without moving it"
            )
            continue
        first = known.get(int(i))
        known[int(i)] = Repair(
            row=int(i) + 1,
            reason=first.reason if first else why,
            action=first.action if first else action,
            area_before_m2=first.area_before_m2 if first else float(before.area),
            area_after_m2=float(after.area),
        )
        out[i] = after
    return out, failed


def _repaired(shape: shapely.Geometry) -> tuple[shapely.MultiPolygon | None, str]:
    # "structure" keeps overlapping parts whole, where "linework" would cut holes into them.
    fixed = shapely.make_valid(shape, method="structure", keep_collapsed=False)
    polygons = [p for p in shapely.get_parts(shapely.get_parts(fixed)) if p.geom_type == "Polygon"]
    if not polygons:
        return None, ""
    out = shapely.MultiPolygon(polygons)
    outline = out.boundary
    shapely.prepare(outline)
    vertices = shapely.points(shapely.get_coordinates(shape))
    off = vertices[~shapely.dwithin(outline, vertices, TOLERANCE_M)]
    if len(off) == 0:
        return out, "rings rebuilt on the same vertices"
    linework = shapely.make_valid(shape, method="linework")
    spikes = [g for g in shapely.get_parts(shapely.get_parts(linework)) if g.geom_type == "LineString"]
    if spikes and shapely.dwithin(shapely.MultiLineString(spikes), off, TOLERANCE_M).all():
        length = sum(s.length for s in spikes)
        return out, f"lines without area (spikes, cuts to a hole) were taken out ({length:,.1f} m)"
    return None, ""
