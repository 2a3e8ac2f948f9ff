"""Outlines that are valid beyond doubt, told without making an object of any.

GEOS needs three seconds for a million parcels, most of it to make and to drop its objects. What is not
clear here is for GEOS to say.
"""

from __future__ import annotations

import numpy as np

from gis.compiled import compiled, lean
from gis.facts.ragged import Bools, Floats, Ints, Shapes

CLEAR_M = 1e-6
"""Distance at which two edges are apart beyond any rounding of coordinates."""


def clearly_valid(shapes: Shapes) -> Bools:
    """Return which polygons are one ring whose edges are apart from each other, but for common ends.

    Such a polygon is valid (OGC 06-103r4, 6.1.11.1). False says nothing: there is a hole, a second part, a
    repeated vertex, an edge that comes near another one, or no ring.
    """
    out = np.zeros(len(shapes), dtype=np.bool_)
    _clearly_valid(shapes.xy, shapes.rings, shapes.shapes, out)
    return out


@compiled
def _clearly_valid(xy: Floats, rings: Ints, shapes: Ints, out: Bools) -> None:
    for i in range(len(out)):
        if shapes[i + 1] - shapes[i] == 1:
            start, stop = rings[shapes[i]], rings[shapes[i] + 1]
            out[i] = _simple(xy, start, stop - 1)


@lean
def _simple(xy: Floats, start: int, stop: int) -> bool:
    """Return whether the edges from each of the vertices [start, stop) to the next are clearly apart."""
    if stop - start < 3:
        return False
    for a in range(start, stop):
        # The next edge goes on from this one: it may turn anywhere but back.
        b = a + 1
        c = b + 1 if b < stop else start + 1
        if _side(xy, a, b, c) <= CLEAR_M and _onward(xy, a, b, c) <= 0.0:
            return False
        last = stop if a > start else stop - 1  # the last edge ends where the first begins
        for c in range(b + 1, last):
            if not _apart(xy, a, b, c, c + 1):
                return False
    return True


@lean
def _apart(xy: Floats, a: int, b: int, c: int, d: int) -> bool:
    """Return whether edges a-b and c-d are clearly apart: by their boxes, or by the line of one of them."""
    for axis in range(2):
        if max(xy[a, axis], xy[b, axis]) + CLEAR_M < min(xy[c, axis], xy[d, axis]):
            return True
        if max(xy[c, axis], xy[d, axis]) + CLEAR_M < min(xy[a, axis], xy[b, axis]):
            return True
    return _beside(xy, a, b, c, d) or _beside(xy, c, d, a, b)


@lean
def _beside(xy: Floats, a: int, b: int, c: int, d: int) -> bool:
    """Return whether c and d are clearly on one side of the line through a and b."""
    x, y = xy[b, 0] - xy[a, 0], xy[b, 1] - xy[a, 1]
    clear = CLEAR_M * np.sqrt(x * x + y * y)
    first = x * (xy[c, 1] - xy[a, 1]) - y * (xy[c, 0] - xy[a, 0])
    second = x * (xy[d, 1] - xy[a, 1]) - y * (xy[d, 0] - xy[a, 0])
    return bool((first > clear and second > clear) or (first < -clear and second < -clear))


@lean
def _side(xy: Floats, a: int, b: int, c: int) -> float:
    """Return how far c is from the line through a and b; nil where these are one place."""
    x, y = xy[b, 0] - xy[a, 0], xy[b, 1] - xy[a, 1]
    length = np.sqrt(x * x + y * y)
    if length == 0.0:
        return 0.0
    return float(abs(x * (xy[c, 1] - xy[a, 1]) - y * (xy[c, 0] - xy[a, 0])) / length)


@lean
def _onward(xy: Floats, a: int, b: int, c: int) -> float:
    """Return a positive number where b to c leads on from a to b, nil for repeated places."""
    x, y = xy[b, 0] - xy[a, 0], xy[b, 1] - xy[a, 1]
    return float(x * (xy[c, 0] - xy[b, 0]) + y * (xy[c, 1] - xy[b, 1]))
