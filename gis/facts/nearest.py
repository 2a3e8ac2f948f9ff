"""Distance between parcels and the features of one layer: the nearest, the k nearest, all within reach.

What was near the parcel before is tried first, as neighbours tend to follow each other: it
tells at once how near is near enough. The cells that this leaves are gone through, from
coarse ones down to fine ones; cells, and edges in them, that cannot be near enough are
passed by. Distances are exact: those of all pairs of edges that are not passed by, whatever
was tried first.
"""

from __future__ import annotations

import numpy as np

from gis.compiled import compiled, inlined
from gis.facts.grid import Bytes, column_of, covering, grown, row_of, sort
from gis.facts.ragged import Floats, Ints

AT_FIRST = 64
"""Cells that the search begins with at most."""

LANES = 4
"""Sides of a parcel that are measured at once."""

SLACK = 1.0 + 1e-12
"""What is passed by is farther by more than rounding, so that answers do not hang on the way taken."""

ROUNDING = 1e-15
"""Share of two products that their difference may be wrong by, and more."""

STACK = AT_FIRST + 3 * 64
"""Cells that may wait: for one taken away come the four below it, and there are 64 levels."""


@inlined
def load_sides(xy: Floats, rings: Ints, first: int, last: int, sides: Floats) -> int:
    """Write start and end of a polygon's sides to the rows of `sides`; return their number.

    It is made a multiple of LANES by sides of no length at the last end.
    """
    count = 0
    for r in range(first, last):
        for v in range(rings[r], rings[r + 1] - 1):
            sides[0, count], sides[1, count] = xy[v, 0], xy[v, 1]
            sides[2, count], sides[3, count] = xy[v + 1, 0], xy[v + 1, 1]
            count += 1
    while count % LANES != 0:
        sides[0, count], sides[1, count] = sides[2, count - 1], sides[3, count - 1]
        sides[2, count], sides[3, count] = sides[2, count - 1], sides[3, count - 1]
        count += 1
    return count


@inlined
def meets(sides: Floats, count: int, ax: float, ay: float, bx: float, by: float) -> bool:
    """Return whether a side crosses an edge, or the edge begins inside the polygon."""
    dx, dy, inside, across = bx - ax, by - ay, False, False
    for s in range(count):
        px, py, qx, qy = sides[0, s], sides[1, s], sides[2, s], sides[3, s]
        ex, ey = qx - px, qy - py
        left_a, left_b = ey * (px - ax) - ex * (py - ay), ey * (px - bx) - ex * (py - by)
        left_p, left_q = dx * (py - ay) - dy * (px - ax), dx * (qy - ay) - dy * (qx - ax)
        inside ^= ((py <= ay) != (qy <= ay)) & ((left_a > 0.0) == (ey > 0.0))
        across |= (left_p * left_q < 0.0) & (left_a * left_b < 0.0)
    return inside or across


@inlined
def clear2(sides: Floats, count: int, ax: float, ay: float, bx: float, by: float) -> float:
    """Return the square of the distance of a polygon's sides to an edge that crosses none, in m2.

    An end of one is nearest to the other: to an end of it, or to the place between where it
    stands at a right angle. Side by side, without a choice: so it is done to several at once.
    """
    dx, dy = bx - ax, by - ay
    length2 = dx * dx + dy * dy
    inverse = 1.0 / length2 if length2 > 0.0 else 0.0
    for s in range(count):
        pax, pay, pbx, pby = sides[0, s] - ax, sides[1, s] - ay, sides[0, s] - bx, sides[1, s] - by
        ex, ey = sides[2, s] - sides[0, s], sides[3, s] - sides[1, s]
        side2, a2, b2 = ex * ex + ey * ey, pax * pax + pay * pay, pbx * pbx + pby * pby
        least = a2 if a2 < b2 else b2
        along, left = dx * pax + dy * pay, dx * pay - dy * pax
        across2 = left * left * inverse
        least = across2 if (along > 0.0) & (along < length2) & (across2 < least) else least
        along_a, left_a = -(pax * ex + pay * ey), ey * pax - ex * pay
        along_b, left_b = -(pbx * ex + pby * ey), ey * pbx - ex * pby
        a2 = left_a * left_a if (along_a > 0.0) & (along_a < side2) else np.inf
        b2 = left_b * left_b if (along_b > 0.0) & (along_b < side2) else np.inf
        across2 = (a2 if a2 < b2 else b2) / side2
        sides[4, s] = across2 if across2 < least else least
    first, second, third, fourth = np.inf, np.inf, np.inf, np.inf
    for s in range(0, count, LANES):
        first, second = min(first, sides[4, s]), min(second, sides[4, s + 1])
        third, fourth = min(third, sides[4, s + 2]), min(fourth, sides[4, s + 3])
    return min(min(first, second), min(third, fourth))


@inlined
def boxes_apart2(
    west: float, south: float, east: float, north: float, ax: float, ay: float, bx: float, by: float
) -> float:
    """Return the square of the distance between two boxes."""
    gx, gy = max(west - bx, ax - east), max(south - by, ay - north)
    gx, gy = max(gx, 0.0), max(gy, 0.0)
    return gx * gx + gy * gy


@inlined
def offered(
    feature: int, d2: float, mark: int, k: int, reach_m: float,
    best: Floats, marks: Ints, found: Ints, top: Ints, counts: Ints,
) -> float:  # fmt: skip
    """Note a feature's distance, and return the square above which no other matters.

    `counts` holds how many are found, and how many of them are in `top` (the k nearest,
    in order); with k = 0 all within reach are wanted, and there is no top.
    """
    distance = np.sqrt(d2)
    if distance <= reach_m and (marks[feature] != mark or d2 < best[feature]):
        at = counts[1]
        if marks[feature] != mark:
            marks[feature] = mark
            found[counts[0]] = feature
            counts[0] += 1
        else:
            for n in range(counts[1]):
                if top[n] == feature:
                    at = n
        best[feature] = d2
        if k > 0:
            if at == k:
                at = k - 1
                last = np.sqrt(best[top[at]])
                if last < distance or (last == distance and top[at] < feature):
                    return float(best[top[at]] * SLACK)
            elif at == counts[1]:
                counts[1] += 1
            while at > 0:
                last = np.sqrt(best[top[at - 1]])
                if last < distance or (last == distance and top[at - 1] < feature):
                    break
                top[at] = top[at - 1]
                at -= 1
            top[at] = feature
    return float(best[top[k - 1]] * SLACK if 0 < k == counts[1] else np.inf)


@inlined
def line_apart2(
    west: float, south: float, east: float, north: float, ax: float, ay: float, bx: float, by: float
) -> float:
    """Return a square no greater than that of the distance of a box to the line through an edge.

    Where the edge runs aslant, its own box lies nearer than the edge does.
    """
    dx, dy = bx - ax, by - ay
    # How far left of the line the box's rightmost corner is, and how far right the leftmost.
    up, on = dx * (south - ay), dy * ((east if dy > 0.0 else west) - ax)
    down, off = dx * (north - ay), dy * ((west if dy > 0.0 else east) - ax)
    left, right = up - on - ROUNDING * (abs(up) + abs(on)), off - down - ROUNDING * (abs(off) + abs(down))
    clear, length2 = max(left, right, 0.0), dx * dx + dy * dy
    return clear * clear / length2 if clear > 0.0 else 0.0


@inlined
def tried(
    e: int, p: int, mark: int, k: int, reach_m: float, bound2: float,
    west: float, south: float, east: float, north: float, xy: Floats, rings: Ints, shapes: Ints,
    edges: Floats, owner: Ints, best: Floats, nearest: Ints, marks: Ints, edge_marks: Ints,
    found: Ints, top: Ints, counts: Ints, sides: Floats,
) -> float:  # fmt: skip
    """Note the distance of an edge's feature, if the edge may matter; return the bound after."""
    ax, ay, bx, by = edges[e, 0], edges[e, 1], edges[e, 2], edges[e, 3]
    gap2 = boxes_apart2(west, south, east, north, ax, min(ay, by), bx, max(ay, by))
    if gap2 <= bound2:
        feature = owner[e]
        least2 = min(bound2, best[feature] * SLACK) if marks[feature] == mark else bound2
        if (
            gap2 <= least2
            and edge_marks[e] != mark
            and line_apart2(west, south, east, north, ax, ay, bx, by) <= least2
        ):
            edge_marks[e] = mark
            if counts[3] == 0:
                counts[3] = load_sides(xy, rings, shapes[p], shapes[p + 1], sides)
            d2 = 0.0
            if gap2 > 0.0 or not meets(sides, counts[3], ax, ay, bx, by):
                d2 = clear2(sides, counts[3], ax, ay, bx, by)
            if d2 <= bound2 and (marks[feature] != mark or d2 < best[feature]):
                nearest[feature] = e
                worst2 = offered(feature, d2, mark, k, reach_m, best, marks, found, top, counts)
                bound2 = min(bound2, worst2)
    return bound2


@inlined
def first_cells(
    west: float, south: float, east: float, north: float, bound2: float,
    frame: Floats, levels: Ints, filled: Bytes, stack: Ints,
) -> int:  # fmt: skip
    """Put filled cells to the empty stack, in which is all that is near enough; return its height.

    They are of the finest level of which few are near enough.
    """
    reach_m = np.sqrt(bound2)
    columns, rows = levels[0, 0], levels[0, 1]
    left, right = column_of(frame, columns, west - reach_m), column_of(frame, columns, east + reach_m)
    low, high = row_of(frame, rows, south - reach_m), row_of(frame, rows, north + reach_m)
    level, waiting = 0, 0
    while (right - left + 1) * (high - low + 1) > AT_FIRST:
        level, left, right, low, high = level + 1, left // 2, right // 2, low // 2, high // 2
    size = frame[3 + level]
    for row in range(low, high + 1):
        y = frame[1] + row * size
        for column in range(left, right + 1):
            x = frame[0] + column * size
            here = filled[levels[level, 2] + row * levels[level, 0] + column]
            if here and boxes_apart2(west, south, east, north, x, y, x + size, y + size) <= bound2:
                stack[waiting, 0], stack[waiting, 1], stack[waiting, 2] = level, column, row
                waiting += 1
    return waiting


@inlined
def finer_cells(
    level: int, column: int, row: int, west: float, south: float, east: float, north: float, bound2: float,
    frame: Floats, levels: Ints, filled: Bytes, stack: Ints, waiting: int,
) -> int:  # fmt: skip
    """Put the four cells of a coarse cell to the stack, the nearest last; return its new height."""
    size = frame[2 + level]
    near_x = 1 if west + east > 2.0 * (frame[0] + (2 * column + 1) * size) else 0
    near_y = 1 if south + north > 2.0 * (frame[1] + (2 * row + 1) * size) else 0
    for n in range(4):
        c = 2 * column + (near_x if n // 2 else 1 - near_x)
        r = 2 * row + (near_y if n % 2 else 1 - near_y)
        if c < levels[level - 1, 0] and r < levels[level - 1, 1]:
            x, y = frame[0] + c * size, frame[1] + r * size
            here = filled[levels[level - 1, 2] + r * levels[level - 1, 0] + c]
            if here and boxes_apart2(west, south, east, north, x, y, x + size, y + size) <= bound2:
                stack[waiting, 0], stack[waiting, 1], stack[waiting, 2] = level - 1, c, r
                waiting += 1
    return waiting


@inlined
def searched(
    p: int, mark: int, k: int, reach_m: float, bound2: float,
    xy: Floats, rings: Ints, shapes: Ints, bounds: Floats,
    edges: Floats, owner: Ints, frame: Floats, levels: Ints, filled: Bytes, cells: Ints, entries: Ints,
    best: Floats, nearest: Ints, marks: Ints, edge_marks: Ints, seeds: Ints, found: Ints, top: Ints,
    counts: Ints, stack: Ints, sides: Floats,
) -> None:  # fmt: skip
    """Find the features around one parcel: into `found` and `top`, their squared distances into `best`.

    `nearest` gets the edge that is, and `mark` is what marks those that were looked at.
    The first `counts[2]` of `seeds` are edges to try first.
    """
    west, south, east, north = bounds[p, 0], bounds[p, 1], bounds[p, 2], bounds[p, 3]
    for n in range(counts[2]):
        bound2 = tried(
            seeds[n], p, mark, k, reach_m, bound2, west, south, east, north, xy, rings, shapes,
            edges, owner, best, nearest, marks, edge_marks, found, top, counts, sides,
        )  # fmt: skip
    waiting = first_cells(west, south, east, north, bound2, frame, levels, filled, stack)
    while waiting > 0:
        waiting -= 1
        level, column, row = stack[waiting, 0], stack[waiting, 1], stack[waiting, 2]
        x, y, size = frame[0] + column * frame[3 + level], frame[1] + row * frame[3 + level], frame[3 + level]
        if boxes_apart2(west, south, east, north, x, y, x + size, y + size) > bound2:
            continue
        if level > 0:
            waiting = finer_cells(
                level, column, row, west, south, east, north, bound2, frame, levels, filled, stack, waiting
            )
            continue
        cell = row * levels[0, 0] + column
        for n in range(cells[cell], cells[cell + 1]):
            bound2 = tried(
                entries[n], p, mark, k, reach_m, bound2, west, south, east, north, xy, rings, shapes,
                edges, owner, best, nearest, marks, edge_marks, found, top, counts, sides,
            )  # fmt: skip


@compiled
def search_block(
    start: int, stop: int, k: int, reach_m: float, lone: bool,
    xy: Floats, rings: Ints, shapes: Ints, bounds: Floats,
    edges: Floats, owner: Ints, frame: Floats, levels: Ints, filled: Bytes, cells: Ints, entries: Ints,
    cover_cells: Ints, covers: Ints, areal: bool, best: Floats, marks: Ints, edge_marks: Ints,
) -> tuple[Ints, Ints, Floats]:  # fmt: skip
    """Return parcels, features and distances in m of a range of parcels.

    `k` nearest of each, in order, or with k = 0 all within reach, by feature, and with `lone`
    the nearest one where none is. `areal`: the features are polygons, in which a parcel may
    lie. `best` (of features), `marks` (of features) and `edge_marks` (of edges) are scratch;
    marks are nil at first.
    """
    found, over = np.empty(len(best), dtype=np.int64), np.empty(len(best), dtype=np.int64)
    top, counts = np.empty(max(1, k), dtype=np.int64), np.zeros(4, dtype=np.int64)
    nearest, seeds = np.empty(len(best), dtype=np.int64), np.empty(len(best), dtype=np.int64)
    stack, size = np.empty((STACK, 3), dtype=np.int64), 0
    parcel, feature = np.empty(stop - start, dtype=np.int64), np.empty(stop - start, dtype=np.int64)
    measure, vertices = np.empty(stop - start), 0
    for p in range(start, stop):
        vertices = max(vertices, rings[shapes[p + 1]] - rings[shapes[p]])
    sides = np.empty((5, vertices + LANES))
    for p in range(start, stop):
        counts[0], counts[1], counts[3], bound2, mark = 0, 0, 0, reach_m * reach_m * SLACK, 2 * p + 1
        for r in range(shapes[p], shapes[p + 1] if areal else shapes[p]):
            x, y = xy[rings[r], 0], xy[rings[r], 1]
            covered = covering(x, y, edges, owner, frame, levels, cells, entries, cover_cells, covers, over)
            for n in range(covered):
                nearest[over[n]] = -1
                worst2 = offered(over[n], 0.0, mark, k, reach_m, best, marks, found, top, counts)
                bound2 = min(bound2, worst2)
        most, far_m = k, reach_m
        while rings[shapes[p + 1]] > rings[shapes[p]]:
            searched(
                p, mark, most, far_m, bound2, xy, rings, shapes, bounds,
                edges, owner, frame, levels, filled, cells, entries,
                best, nearest, marks, edge_marks, seeds, found, top, counts, stack, sides,
            )  # fmt: skip
            if counts[0] > 0 or not lone or most > 0:
                break
            mark, most, far_m, bound2 = mark + 1, 1, np.inf, np.inf
        count = counts[1] if most > 0 else counts[0]
        if most == 0:
            sort(found, count)
        while size + count > len(parcel):
            parcel, feature, measure = grown(parcel), grown(feature), grown(measure)
        tries = 0
        for n in range(count):
            chosen = top[n] if most > 0 else found[n]
            if nearest[chosen] >= 0:
                seeds[tries], tries = nearest[chosen], tries + 1
            parcel[size], feature[size], measure[size] = p, chosen, np.sqrt(best[chosen])
            size += 1
        if tries > 0:
            counts[2] = tries
    return parcel[:size], feature[:size], measure[:size]
