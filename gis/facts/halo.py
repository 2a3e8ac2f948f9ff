"""Exact area of a polygon within reach of a parcel and outside it: no arc is drawn as a polygon.

The parcel P dilated by the reach r is the union of P, of a strip along the outer side of every
edge, and of a disc at every vertex that is not re-entrant. Its outline is what remains of the
strips' outer sides and of the arcs after all that lies inside another strip, disc or P is cut
away. With that outline less P's own as pieces f, and the edges e of the green space G,
    area = sum over e and f of s_e s_f * integral of min(0, y_f - y_e) dx,
s being +1 for a piece that runs to the right and -1 for one to the left (Green's theorem, for both).
The sum is continuous, also where the two outlines touch or coincide: that costs rounding only.

Whether a piece lies inside another strip or disc does have to be decided, and parallel edges 2r
apart, or two discs about one point, would leave that to rounding. The radius is therefore a hair
larger than r, and varies by a hair along every ring, without a jump: coincident pieces come to lie
apart by much more than rounding, as the outline of one well-defined union.
"""

from __future__ import annotations

import math

import numpy as np

from gis.compiled import compiled, in_blocks, lean
from gis.facts.arcs import FROM, HEIGHT, SENSE, SLOPE, TO, TOP, Piece, place, under_line, under_piece
from gis.facts.ragged import Floats, Ints, Shapes

Polygons = tuple[Floats, Ints, Ints, Floats]  # xy, rings, shapes, bounds of `Shapes`
Four = tuple[float, float, float, float]

HAIR = 1e-10  # of the reach
SHORT = 1e-8  # of the reach: shorter edges of the parcel are left out, as rounding may have knotted them
STRAIGHT = 1e-7  # sine of the turn to the right up to which a vertex keeps its disc
GOLDEN = 0.6180339887498949
BLOCK = 4096
# Columns of an edge of the parcel: start, end, direction, length, direction of the edge before, radius at the
# start, the same or 0 at a re-entrant vertex, normal of the strip's outer side (it leans by a hair), and the
# positions of the edges before and after.
X, Y, EX, EY, UX, UY, LENGTH, PX, PY, RADIUS, DISC, WX, WY, BEFORE, AFTER = range(15)


def halo_areas(parcels: Shapes, features: Shapes, parcel: Ints, feature: Ints, reach_m: float) -> Floats:
    """Return the area in m2 of `features[feature]` within `reach_m` of `parcels[parcel]` and outside it.

    Polygons are valid and of one origin, reach is in m; `parcel`, `feature` and the answer have
    shape (pairs,). It is 0 where the two are farther apart than the reach, NaN where one of them
    is empty, and good to about 1e-9 of the halo's area. A parcel's holes are outside it.
    Raises ValueError where the reach is negative or not finite.
    """
    if not 0 <= reach_m < math.inf:
        raise ValueError(f"reach must be finite and at least 0 m, not {reach_m}")
    p = parcels.xy, parcels.rings, parcels.shapes, parcels.bounds
    g = features.xy, features.rings, features.shapes, features.bounds
    parcel, feature = np.ascontiguousarray(parcel, np.int64), np.ascontiguousarray(feature, np.int64)
    area_m2 = np.empty(len(parcel))

    def run(start: int, stop: int) -> None:
        _write_areas(p, g, parcel[start:stop], feature[start:stop], float(reach_m), area_m2[start:stop])

    in_blocks(run, len(parcel), BLOCK)
    return area_m2


@compiled
def _write_areas(ps: Polygons, gs: Polygons, parcel: Ints, feature: Ints, reach: float, area: Floats) -> None:
    """Write the area of every pair."""
    _, p_rings, p_shapes, p_bounds = ps
    _, g_rings, g_shapes, g_bounds = gs
    most_edges, most_lines = 1, 1
    for k in range(len(parcel)):
        p, g = parcel[k], feature[k]
        most_edges = max(most_edges, p_rings[p_shapes[p + 1]] - p_rings[p_shapes[p]])
        most_lines = max(most_lines, g_rings[g_shapes[g + 1]] - g_rings[g_shapes[g]])
    edges, lines = np.empty((most_edges, 15)), np.empty((most_lines, 6))
    near, cuts = np.empty(2 * most_edges, np.int64), np.empty(4 * most_edges + 2)
    for k in range(len(parcel)):
        p, g = parcel[k], feature[k]
        a, b = p_bounds[p], g_bounds[g]
        area[k] = 0.0
        if p_shapes[p] == p_shapes[p + 1] or g_shapes[g] == g_shapes[g + 1]:
            area[k] = np.nan
        elif reach > 0.0 and max(b[0] - a[2], a[0] - b[2], b[1] - a[3], a[1] - b[3]) < reach:
            # Only pieces below an edge count in the sum: the green space comes to lie below the middle.
            sign = 1.0 if b[1] + b[3] < a[1] + a[3] else -1.0
            frame = 0.5 * (a[0] + a[2]), 0.5 * (a[1] + a[3]), sign, reach
            n, convex = _load_parcel(ps, p, frame, edges)
            m, view = _load_lines(gs, g, frame, a, lines)
            area[k] = max(_under_outline(edges[:n], convex, lines[:m], view, near, cuts), 0.0)


@lean
def _load_parcel(polygons: Polygons, p: int, frame: Four, edges: Floats) -> tuple[int, bool]:
    """Write the edges of a parcel; return their count, and whether it is convex."""
    xy, rings, shapes, _ = polygons
    x0, y0, sign, reach = frame
    start, corner = shapes[p], rings[shapes[p]]
    hair = HAIR * (reach + 1e-3 * (abs(xy[corner, 0] - x0) + abs(xy[corner, 1] - y0)))
    n, convex = 0, shapes[p + 1] == start + 1
    for r in range(start, shapes[p + 1]):
        first, ax, ay = n, math.inf, math.inf
        for v in range(rings[r], rings[r + 1] - 1):
            x, y = sign * (xy[v, 0] - x0), sign * (xy[v, 1] - y0)
            if abs(ax - x) + abs(ay - y) > SHORT * reach:
                edges[n, X], edges[n, Y] = ax, ay = x, y
                n += 1
        while n > first and abs(edges[first, X] - ax) + abs(edges[first, Y] - ay) <= SHORT * reach:
            n -= 1
            ax, ay = edges[n - 1, X], edges[n - 1, Y]
        # The golden ratio keeps the radii of any two rings apart.
        least = reach + hair * (1.0 + GOLDEN * (r - start) % 1.0)
        convex = _measure_ring(edges[first:n], first, least, hair) and convex
    return n, convex


@lean
def _measure_ring(ring: Floats, first: int, least: float, hair: float) -> bool:
    """Fill in the other columns of a ring's edges, from position `first` on; return whether it is convex."""
    n, around, along = len(ring), 0.0, 0.0
    for k in range(n):
        after = k + 1 if k + 1 < n else 0
        ring[k, AFTER], ring[after, BEFORE] = first + after, first + k
        ring[k, EX], ring[k, EY] = ring[after, X], ring[after, Y]
        dx, dy = ring[k, EX] - ring[k, X], ring[k, EY] - ring[k, Y]
        length = math.sqrt(dx * dx + dy * dy)
        ring[k, UX], ring[k, UY], ring[k, LENGTH] = dx / length, dy / length, length
        ring[after, PX], ring[after, PY] = ring[k, UX], ring[k, UY]
        around += length
    convex, flips, radius = True, 0, least
    for k in range(n):
        px, py, ux, uy = ring[k, PX], ring[k, PY], ring[k, UX], ring[k, UY]
        bulges = px * uy - py * ux >= -STRAIGHT
        ring[k, RADIUS], ring[k, DISC] = radius, radius if bulges else 0.0
        along += ring[k, LENGTH]
        # Up and down again, at uneven slopes, so that no two places of a symmetrical ring share a radius.
        share = along / around
        radius = least + hair * max(min(share / GOLDEN, (1.0 - share) / (1.0 - GOLDEN)), 0.0)
        lean = (radius - ring[k, RADIUS]) / ring[k, LENGTH]
        ring[k, WX], ring[k, WY] = uy - lean * ux, -ux - lean * uy
        convex, flips = convex and bulges, flips + ((px < 0.0) != (ux < 0.0))
    # A convex ring turns about once: its edges change from rightward to leftward and back one time.
    return convex and flips <= 2


@lean
def _load_lines(polygons: Polygons, g: int, frame: Four, p: Floats, lines: Floats) -> tuple[int, Four]:
    """Write the edges of a green space that the halo can lie below; return count, and their bounds."""
    xy, rings, shapes, _ = polygons
    x0, y0, sign, reach = frame
    # The bounds of the halo, and more.
    east, south = 0.5 * (p[2] - p[0]) + 1.001 * reach, -0.5 * (p[3] - p[1]) - 1.001 * reach
    m, left, right, top = 0, math.inf, -math.inf, -math.inf
    for r in range(shapes[g], shapes[g + 1]):
        bx = by = 0.0
        for v in range(rings[r], rings[r + 1]):
            ax, ay, bx, by = bx, by, sign * (xy[v, 0] - x0), sign * (xy[v, 1] - y0)
            low, high, slope = max(min(ax, bx), -east), min(max(ax, bx), east), (by - ay) / (bx - ax)
            if v == rings[r] or low >= high or max(ay, by) <= south or not abs(slope) < 1e150:
                continue
            at_low, at_high = ay + slope * (low - ax), ay + slope * (high - ax)
            lines[m, FROM], lines[m, TO], lines[m, HEIGHT], lines[m, SLOPE] = low, high, at_low, slope
            lines[m, SENSE], lines[m, TOP] = 1.0 if ax < bx else -1.0, max(at_low, at_high)
            left, right, top = min(left, low), max(right, high), max(top, lines[m, TOP])
            m += 1
    return m, (left, south, right, top)


@lean
def _under_outline(edges: Floats, convex: bool, lines: Floats, view: Four, near: Ints, cuts: Floats) -> float:
    """Sum over the halo's outline: outer sides and arcs where not covered, less the parcel's own edges."""
    left, _, right, top = view
    total = 0.0
    for k in range(len(edges)):
        x, y, ex, ey, radius = edges[k, X], edges[k, Y], edges[k, EX], edges[k, EY], edges[k, RADIUS]
        if min(x, ex) >= right + radius or max(x, ex) <= left - radius or min(y, ey) >= top + radius:
            continue
        total -= under_line(lines, x, y, ex, ey)
        for arc in (False, True):
            if arc and edges[k, DISC] == 0.0:
                continue
            piece, start, stop, box = _piece(edges, k, arc)
            if box[0] >= right or box[2] <= left or box[1] >= top:
                continue
            # A hair's turn to the right is an arc run backwards: the outline stays closed.
            low, high, sense = min(start, stop), max(start, stop), 1.0 if start < stop else -1.0
            count = 0
            if not convex:
                low, high = _trim(edges, k, arc, piece, low, high)
                if low == high:
                    continue
                count = _find_near(edges, k, arc, _box(piece, low, high), near)
            stretches = _cut(edges, near, count, piece, low, high, cuts)
            since = low
            for i in range(stretches + 1):
                middle = 0.5 * (cuts[i] + cuts[i + 1])
                if i == stretches or (not convex and _covered(edges, near, count, piece, middle)):
                    if since < cuts[i]:
                        total += sense * under_piece(lines, piece, since, cuts[i])
                    since = cuts[i + 1]
    return total


@lean
def _piece(edges: Floats, k: int, arc: bool) -> tuple[Piece, float, float, Four]:
    """Return the arc about the start of edge `k`, or its strip's outer side; from and to; a box about it."""
    x, y, radius = edges[k, X], edges[k, Y], edges[k, RADIUS]
    if not arc:
        dx, dy, length = -edges[k, WY], edges[k, WX], edges[k, LENGTH]
        x, y = x + radius * dy, y - radius * dx
        ex, ey = x + dx * length, y + dy * length
        return (x, y, dx, dy, 0.0), 0.0, length, (min(x, ex), min(y, ey), max(x, ex), max(y, ey))
    px, py, qx, qy = edges[k, PX], edges[k, PY], edges[k, UX], edges[k, UY]
    # Half way between the normals (py, -px) and (qy, -qx): along their sum, or across their difference.
    mx, my = (py + qy, -px - qx) if px * qx + py * qy > 0.0 else (px - qx, py - qy)
    size = math.sqrt(mx * mx + my * my)
    mx, my = mx / size, my / size
    cosine, sine = mx * qy - my * qx, -mx * qx - my * qy
    half, rise = sine / (1.0 + cosine), radius * (1.0 - cosine)
    west, south = x + radius * min(py, qy) - rise, y - radius * max(px, qx) - rise
    east, north = x + radius * max(py, qy) + rise, y - radius * min(px, qx) + rise
    return (x, y, mx, my, radius), -half, half, (west, south, east, north)


@lean
def _trim(edges: Floats, k: int, arc: bool, piece: Piece, low: float, high: float) -> tuple[float, float]:
    """Return from and to of a piece of edge `k` without the ends that lie in discs; the same if all does.

    Where edges are much shorter than the reach, most pieces lie in a disc close by, and the
    rest has little near: each of the others would be cut by most of them.
    """
    before, after, n = int(edges[k, BEFORE]), int(edges[k, AFTER]), len(edges)
    ax, ay = place(piece, low)
    bx, by = place(piece, high)
    for step in range(2, n + 1):
        j = k + step // 2 if step % 2 == 0 else k - step // 2  # on both sides, outwards
        j = j + n if j < 0 else (j - n if j >= n else j)
        x, y, disc2 = edges[j, X], edges[j, Y], edges[j, DISC] ** 2
        starts = (ax - x) * (ax - x) + (ay - y) * (ay - y) < disc2
        ends = (bx - x) * (bx - x) + (by - y) * (by - y) < disc2
        # As below, not those that the piece continues.
        if not (starts or ends) or j == after or (arc and j == before):
            continue
        first, second = _cross(edges, j, True, piece)
        t = first if low < first < high else second
        if starts and ends and not low < t < high:
            return high, high
        if starts != ends and low < t < high:
            if starts:
                low = t
                ax, ay = place(piece, low)
            else:
                high = t
                bx, by = place(piece, high)
    return low, high


@lean
def _box(piece: Piece, low: float, high: float) -> Four:
    """Return a box about a stretch of a piece."""
    ax, ay = place(piece, low)
    bx, by = place(piece, high)
    # An arc, of half a turn at most, rises above its chord.
    half2, radius = 0.25 * ((bx - ax) * (bx - ax) + (by - ay) * (by - ay)), piece[4]
    rise = radius - math.sqrt(max(radius * radius - half2, 0.0))
    return min(ax, bx) - rise, min(ay, by) - rise, max(ax, bx) + rise, max(ay, by) + rise


@lean
def _find_near(edges: Floats, k: int, arc: bool, box: Four, near: Ints) -> int:
    """Write what may cover a piece of edge `k` in `box`: 2j for the strip of edge j, 2j + 1 for its disc."""
    # Strips and discs that the piece continues are left out: it cannot enter those.
    before, after = int(edges[k, BEFORE]), int(edges[k, AFTER])
    at_start, at_end = arc or edges[k, DISC] > 0.0, not arc and edges[after, DISC] > 0.0
    west, south, east, north = box
    count = 0
    for j in range(len(edges)):
        x, y, ex, ey, radius = edges[j, X], edges[j, Y], edges[j, EX], edges[j, EY], edges[j, RADIUS]
        ox, oy = radius * edges[j, WX], radius * edges[j, WY]
        meets = min(x, ex) + min(ox, 0.0) <= east and max(x, ex) + max(ox, 0.0) >= west and j != k
        meets = meets and min(y, ey) + min(oy, 0.0) <= north and max(y, ey) + max(oy, 0.0) >= south
        if meets and not (at_start and j == before) and not (at_end and j == after):
            near[count] = 2 * j
            count += 1
        dx, dy = max(west - x, x - east, 0.0), max(south - y, y - north, 0.0)
        if dx * dx + dy * dy < edges[j, DISC] ** 2 and j not in (k, after) and not (arc and j == before):
            near[count] = 2 * j + 1
            count += 1
    return count


@lean
def _covered(edges: Floats, near: Ints, count: int, piece: Piece, t: float) -> bool:
    """Whether the place `t` of a piece lies in one of the strips and discs named, or in the parcel."""
    x, y = place(piece, t)
    for k in range(count):
        j = near[k] // 2
        dx, dy, radius = x - edges[j, X], y - edges[j, Y], edges[j, RADIUS]
        along, out = dx * edges[j, UX] + dy * edges[j, UY], dx * edges[j, WX] + dy * edges[j, WY]
        # A hair to the inner side belongs to the strip: a piece may lie on the edge itself.
        in_strip = 0.0 <= along <= edges[j, LENGTH] and -HAIR * radius < out < radius
        if dx * dx + dy * dy < radius * radius if near[k] % 2 else in_strip:
            return True
    inside = False
    for j in range(len(edges)):
        if (edges[j, Y] <= y) != (edges[j, EY] <= y):
            right = (x - edges[j, X]) * edges[j, UY] - (y - edges[j, Y]) * edges[j, UX]
            inside ^= (right < 0.0) == (edges[j, EY] > edges[j, Y])
    return inside


@lean
def _cut(edges: Floats, near: Ints, count: int, piece: Piece, start: float, stop: float, cuts: Floats) -> int:
    """Write, in order, start, stop and where a piece crosses what is near; return the count of stretches."""
    # What covers it ends nowhere else: other sides of strips lie in the parcel, a disc or another strip.
    cuts[0], found = start, 1
    for i in range(count):
        for t in _cross(edges, near[i] // 2, near[i] % 2 == 1, piece):
            if start < t < stop:
                at = found
                while cuts[at - 1] > t:
                    cuts[at] = cuts[at - 1]
                    at -= 1
                cuts[at] = t
                found += 1
    cuts[found] = stop
    return found


@lean
def _cross(edges: Floats, j: int, disc: bool, piece: Piece) -> tuple[float, float]:
    """Return where a piece, continued, crosses the disc or the strip's outer side of edge `j`, or NaN."""
    x, y, dx, dy, radius = piece
    fx, fy, reach = edges[j, X] - x, edges[j, Y] - y, edges[j, RADIUS]
    if disc and radius == 0.0:
        middle, out = fx * dx + fy * dy, fx * dy - fy * dx
        half = math.sqrt(reach * reach - out * out) if abs(out) < reach else np.nan
        return middle - half, middle + half
    # A line, by its unit normal and its distance: the outer side, or the common chord of two circles.
    if disc:
        apart = math.sqrt(fx * fx + fy * fy)
        nx, ny, far = fx / apart, fy / apart, 0.5 * (apart + (radius - reach) * (radius + reach) / apart)
        low, high = -math.inf, math.inf
    else:
        nx, ny = edges[j, WX], edges[j, WY]
        far, low, slack = reach + fx * nx + fy * ny, fy * nx - fx * ny, 1e-6 * reach
        low, high = low - slack, low + edges[j, LENGTH] + slack
    if radius == 0.0:
        t = far / (dx * nx + dy * ny)
        return t if low <= t * (dy * nx - dx * ny) <= high else np.nan, np.nan
    half = math.sqrt((radius - far) * (radius + far)) if abs(far) < radius else np.nan
    # The places are far * n and half * t on, where n and t are the line's unit normal and direction.
    across, on = far * (nx * dx + ny * dy), half * (nx * dy - ny * dx)
    over, up = far * (ny * dx - nx * dy), half * (nx * dx + ny * dy)
    first = (over + up) / (radius + across + on) if low <= half <= high else np.nan
    second = (over - up) / (radius + across - on) if low <= -half <= high else np.nan
    return first, second
