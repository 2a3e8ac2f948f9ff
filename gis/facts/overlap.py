"""Area that parcels share with the polygons of one layer.

The ground beneath the edges of an outline, taken as positive under edges that run west and
as negative under those that run east, is its area: shells run counter-clockwise, holes
clockwise, and what is not inside cancels. The ground that two outlines share is then the
sum, over all pairs of their edges, of the signed integral of the lower of both over the x
that they have in common. No crossing is looked for, and shared borders need no care. Edges
of a polygon beneath the parcel's box add nothing, and those above add the parcel's whole
breadth or nothing, as its upper left corner lies in the polygon or not: what is left to be
summed is the edges in the box.
"""

from __future__ import annotations

import numpy as np

from gis.compiled import compiled, lean
from gis.facts.grid import column_of, covering, grown, left_of, row_of, sort
from gis.facts.ragged import Floats, Ints, shape_area

ROUNDING = 1e-14
"""Share of the parcel's box that sums may be wrong by: half a dozen roundings an edge."""


@lean
def under_line(
    xy: Floats, rings: Ints, first: int, last: int, floor: float,
    ax: float, ay: float, slope: float, start: float, stop: float,
) -> float:  # fmt: skip
    """Return the area in m2 of a polygon's part beneath a line, for x from `start` to `stop`.

    The line goes through (ax, ay), above y = `floor`; so does the polygon.
    """
    total = 0.0
    for r in range(first, last):
        for v in range(rings[r], rings[r + 1] - 1):
            px, py, qx, qy, sign = xy[v, 0], xy[v, 1], xy[v + 1, 0], xy[v + 1, 1], -0.5
            if qx < px:
                px, py, qx, qy, sign = qx, qy, px, py, 0.5
            west, east = max(start, px), min(stop, qx)
            if west >= east:
                continue
            rise = (qy - py) / (qx - px)
            # Heights of the polygon's edge at both ends, and how much higher the line is there.
            height_w, height_e = py + rise * (west - px), py + rise * (east - px)
            more_w, more_e = ay + slope * (west - ax) - height_w, ay + slope * (east - ax) - height_e
            double = (height_w - floor) + (height_e - floor)
            if more_w < 0.0 and more_e < 0.0:
                double += more_w + more_e
            elif more_w < 0.0:
                double += more_w * (more_w / (more_w - more_e))
            elif more_e < 0.0:
                double += more_e * (more_e / (more_e - more_w))
            total += sign * double * (east - west)
    return total


@lean
def under_edge(
    xy: Floats, rings: Ints, first: int, last: int, west: float, south: float, east: float, north: float,
    ax: float, ay: float, bx: float, by: float, turned: int,
) -> float:  # fmt: skip
    """Return what an edge of a polygon adds to the area it shares with a parcel, of that box.

    Where the edge leaves through the top of the box, what it bounds goes on along the top
    to the east: there begins, or ends, what lies under the polygon's edges above.
    """
    start, stop, total = max(ax, west), min(bx, east), 0.0
    if (ay <= north) != (by <= north):
        x = min(bx, max(ax, ax + (bx - ax) * ((north - ay) / (by - ay))))
        if left_of(ax, ay, bx, by, west, north) == (by > ay) and x < east:
            # Who goes east over an edge that rises leaves the polygon.
            sign = -1.0 if (by > ay) != (turned == 1) else 1.0
            total += sign * under_line(xy, rings, first, last, south, west, north, 0.0, max(x, west), east)
        if by > ay:
            stop = min(stop, x)
        else:
            start = max(start, x)
    if (ay < south) != (by < south):
        x = ax + (bx - ax) * ((south - ay) / (by - ay))
        if by > ay:
            start = max(start, x)
        else:
            stop = min(stop, x)
    if start < stop and min(ay, by) <= north and max(ay, by) >= south:
        slope = (by - ay) / (bx - ax)
        below = under_line(xy, rings, first, last, south, ax, ay, slope, start, stop)
        total += below if turned == 1 else -below
    return total


@compiled
def edges_in_box(
    west: float, south: float, east: float, north: float,
    edges: Floats, frame: Floats, levels: Ints, cells: Ints, entries: Ints, near: Ints,
) -> tuple[Ints, int]:  # fmt: skip
    """Return `near`, or a longer copy, with the edges that may meet a box, ascending, and their count."""
    columns, rows, count = levels[0, 0], levels[0, 1], 0
    left, right = column_of(frame, columns, west), column_of(frame, columns, east)
    low, high = row_of(frame, rows, south), row_of(frame, rows, north)
    for row in range(low, high + 1):
        for column in range(left, right + 1):
            cell = row * columns + column
            while count + cells[cell + 1] - cells[cell] > len(near):
                near = grown(near)
            for n in range(cells[cell], cells[cell + 1]):
                e = entries[n]
                ay, by = edges[e, 1], edges[e, 3]
                if (
                    edges[e, 0] <= east
                    and edges[e, 2] >= west
                    and min(ay, by) <= north
                    and max(ay, by) >= south
                ):
                    near[count] = e
                    count += 1
    if count == 0 or (left == right and low == high):
        return near, count
    sort(near, count)
    kept = 1
    for n in range(1, count):
        if near[n] != near[n - 1]:
            near[kept] = near[n]
            kept += 1
    return near, kept


@compiled
def overlap_block(
    start: int, stop: int, xy: Floats, rings: Ints, shapes: Ints, bounds: Floats,
    edges: Floats, turned: Ints, owner: Ints, frame: Floats, levels: Ints, cells: Ints, entries: Ints,
    cover_cells: Ints, covers: Ints,
) -> tuple[Ints, Ints, Floats]:  # fmt: skip
    """Return parcels, polygons and shared areas in m2 of a range of parcels, by parcel, then polygon."""
    over, near = np.empty(owner[-1] + 1, dtype=np.int64), np.empty(64, dtype=np.int64)
    parcel, feature = np.empty(stop - start, dtype=np.int64), np.empty(stop - start, dtype=np.int64)
    measure, size = np.empty(stop - start), 0
    for p in range(start, stop):
        first, last = shapes[p], shapes[p + 1]
        if rings[last] == rings[first]:
            continue
        west, south, east, north = bounds[p, 0], bounds[p, 1], bounds[p, 2], bounds[p, 3]
        near, count = edges_in_box(west, south, east, north, edges, frame, levels, cells, entries, near)
        covered = covering(
            west, north, edges, owner, frame, levels, cells, entries, cover_cells, covers, over
        )
        if count == 0 and covered == 0:
            continue
        whole = shape_area(xy, rings, first, last)
        least = max(1e-9 * whole, ROUNDING * (east - west) * (north - south))
        c, n = 0, 0
        while c < covered or n < count:
            here = owner[near[n]] if n < count else over[c]
            here = min(here, over[c]) if c < covered else here
            area = 0.0
            if c < covered and over[c] == here:
                area, c = whole, c + 1
            while n < count and owner[near[n]] == here:
                e = near[n]
                ax, ay, bx, by = edges[e, 0], edges[e, 1], edges[e, 2], edges[e, 3]
                area += under_edge(
                    xy, rings, first, last, west, south, east, north, ax, ay, bx, by, turned[e]
                )
                n += 1
            if area > least:
                if size == len(parcel):
                    parcel, feature, measure = grown(parcel), grown(feature), grown(measure)
                parcel[size], feature[size], measure[size] = p, here, min(area, whole)
                size += 1
    return parcel[:size], feature[:size], measure[:size]


@lean
def most_of_each(parcel: Ints, feature: Ints, measure: Floats, best: Ints, most: Floats) -> None:
    """Write the feature of the largest measure of every parcel that is in a pair, and that measure.

    `best` is -1 where none was found yet. Among equals it is the feature that stands first.
    """
    for n in range(len(parcel)):
        p, f = parcel[n], feature[n]
        if best[p] < 0 or measure[n] > most[p] or (measure[n] == most[p] and f < best[p]):
            best[p], most[p] = f, measure[n]
