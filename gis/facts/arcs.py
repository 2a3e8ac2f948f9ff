"""Pieces of a halo's outline, straight or arcs, and the area between them and the edges above.

Of the sum in `gis.facts.halo` these are the integrals for one piece f and all edges e.
"""

from __future__ import annotations

import math

from gis.compiled import lean
from gis.facts.ragged import Floats

# A straight piece, run through by the distance t: start, direction, 0. Or an arc: centre, direction to its
# middle, radius; run through by t, the tangent of half the angle from there, which needs no arctangent.
Piece = tuple[float, float, float, float, float]
# Columns of an edge of the green space, cut to the columns the halo covers: from, to, height at its
# left end, slope, +1 to the right and -1 to the left, greatest height.
FROM, TO, HEIGHT, SLOPE, SENSE, TOP = range(6)


@lean
def place(piece: Piece, t: float) -> tuple[float, float]:
    """Return the place `t` of a piece."""
    x, y, dx, dy, radius = piece
    if radius == 0.0:
        return x + t * dx, y + t * dy
    size = radius / (1.0 + t * t)
    cosine, sine = size * (1.0 - t * t), size * 2.0 * t
    return x + cosine * dx - sine * dy, y + cosine * dy + sine * dx


@lean
def under_piece(lines: Floats, piece: Piece, start: float, stop: float) -> float:
    """Sum over a stretch of a piece; an arc is taken in halves, above and below its centre."""
    x, y, dx, dy, radius = piece
    if radius == 0.0:
        return under_line(lines, x + start * dx, y + start * dy, x + stop * dx, y + stop * dy)
    # East and west of the centre, where the halves meet.
    east = -dy / (1.0 + dx) if dx > -1.0 else math.inf
    west = dy / (1.0 - dx) if dx < 1.0 else math.inf
    total = 0.0
    for end in (min(east, west), max(east, west), stop):
        if start < end <= stop:
            a, b = place(piece, start)[0] - x, place(piece, end)[0] - x
            up = 1.0 if place(piece, 0.5 * (start + end))[1] > y else -1.0
            total -= up * under_arc(lines, x, y, min(a, b), max(a, b), radius, up)
            start = end
    return total


@lean
def under_line(lines: Floats, x0: float, y0: float, x1: float, y1: float) -> float:
    """Sum of s_e s_f * integral of min(0, y_f - y_e) dx over all e, for a straight f."""
    sense, slope, low, total = 1.0, (y1 - y0) / (x1 - x0), min(y0, y1), 0.0
    if not abs(slope) < 1e300:
        return 0.0
    if x1 < x0:
        x0, y0, x1, sense = x1, y1, x0, -1.0
    for k in range(len(lines)):
        a, b = max(x0, lines[k, FROM]), min(x1, lines[k, TO])
        if a >= b or lines[k, TOP] <= low:
            continue
        at_a = y0 + slope * (a - x0) - lines[k, HEIGHT] - lines[k, SLOPE] * (a - lines[k, FROM])
        at_b = at_a + (slope - lines[k, SLOPE]) * (b - a)
        least, greatest = min(at_a, at_b), max(at_a, at_b)
        if greatest <= 0.0:
            total += lines[k, SENSE] * 0.5 * (at_a + at_b) * (b - a)
        elif least < 0.0:
            total -= lines[k, SENSE] * 0.5 * least * least / (greatest - least) * (b - a)
    return sense * total


@lean
def under_arc(lines: Floats, cx: float, cy: float, x0: float, x1: float, radius: float, up: float) -> float:
    """Sum of s_e * integral of min(0, y_f - y_e) dx for f the upper (up = 1) or lower half circle."""
    total = 0.0
    low = min(_rise(radius, x0), _rise(radius, x1)) if up > 0.0 else -radius
    for k in range(len(lines)):
        a, b = max(x0, lines[k, FROM] - cx), min(x1, lines[k, TO] - cx)
        if a >= b or lines[k, TOP] - cy <= low:
            continue
        slope, width = lines[k, SLOPE], b - a
        y = lines[k, HEIGHT] - cy + slope * (a + cx - lines[k, FROM])
        # Where the edge crosses the circle: between these places one of the two is the lower throughout.
        square, mixed = 1.0 + slope * slope, a + slope * y
        root = math.sqrt(max(mixed * mixed - square * (a * a + y * y - radius * radius), 0.0))
        first = min(max((-mixed - root) / square, 0.0), width)
        second = min(max((-mixed + root) / square, 0.0), width)
        here = 0.0
        for there in (first, second, width):
            middle = 0.5 * (here + there)
            if here < there and up * _rise(radius, a + middle) < y + slope * middle:
                line = (y + slope * middle) * (there - here)
                total += lines[k, SENSE] * (up * _area_to_arc(radius, a + here, a + there) - line)
            here = there
    return total


@lean
def _rise(radius: float, x: float) -> float:
    return math.sqrt(max((radius - x) * (radius + x), 0.0))


@lean
def _area_to_arc(radius: float, a: float, b: float) -> float:
    """Integral over x from a to b of the height of the upper half circle: two triangles and a sector."""
    at_a, at_b = _rise(radius, a), _rise(radius, b)
    angle = math.atan2(b * at_a - a * at_b, a * b + at_a * at_b)
    return 0.5 * (b * at_b - a * at_a + radius * radius * angle)
