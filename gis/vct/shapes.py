"""The shapes of a VCT file: points, lines, and polygons of rings or of lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from gis.vct.lines import Lines, shown
from gis.vct.model import DIRECT, INDIRECT, POLYLINE, Head

Vertices = npt.NDArray[np.float64]
"""Coordinates in the order of the file, (points, dimensions)."""

_RINGS_OF_LINES = "21"
_POINT_CLUSTER = "4"
_FAR = 1e10
"""No coordinate on earth is as large."""
_NEAR_M, _NEAR_DEG = 1e-4, 1e-9
"""How far the end of a line may lie from the start of the next; tools round them apart."""


@dataclass
class Feature:
    """A feature as it stands in the file; `line` is where it begins.

    `parts` are the parts of a point or line, or the rings of a polygon, `ring_lines` where rings begin.
    """

    number: int
    code: str
    line: int
    parts: list[Vertices]
    ring_lines: list[int] = field(default_factory=list)


def read_section(lines: Lines, kind: str, one: Callable[[int], Feature]) -> list[Feature]:
    """Read features to the end of their section; `one` reads that of a number."""
    end = f"{kind}end"
    found: list[Feature] = []
    while (line := lines.take()).lower() != end:
        try:
            number = int(line)
        except ValueError:
            number = 0
        if not 0 < number < 2**63:
            lines.fail(f"the number of a feature or {kind.title()}End should stand here, not {shown(line)}")
        found.append(one(number))
    return found


def _begin(lines: Lines) -> tuple[int, str, str]:
    """Read code, style and kind of a feature; return its line, code and kind."""
    line, code = lines.number, lines.take()
    lines.take()  # the style, by which nothing is told apart
    return line, code, lines.take()


def _end(lines: Lines, what: str) -> None:
    line = lines.take()
    if line != "0":
        lines.fail(f"{what} should end here with 0, not {shown(line)}: a number of parts or points is wrong")


def vertices(lines: Lines, count: int, head: Head) -> Vertices:
    """Read some points, one a line."""
    rows = lines.some(count)
    try:
        flat = [float(part) for _, row in rows for part in row.split(head.separator)]
    except ValueError:
        flat = []
    found = np.array(flat)
    if len(flat) != count * head.dimensions or not (np.abs(found) < _FAR).all():
        number, row = next((number, row) for number, row in rows if not _is_point(row, head))
        lines.fail(f"a point of {head.dimensions} numbers should stand here, not {shown(row)}", number)
    return found.reshape(count, head.dimensions)


def _is_point(row: str, head: Head) -> bool:
    try:
        found = [float(part) for part in row.split(head.separator)]
    except ValueError:
        return False
    return len(found) == head.dimensions and all(abs(number) < _FAR for number in found)


def read_point(lines: Lines, head: Head, number: int) -> Feature:
    """Read a point: dialect 3.0 tells how many coordinates follow, that of 2007 need not."""
    line, code, kind = _begin(lines)
    following = lines.peek()
    if following is not None and head.separator not in following:
        found = vertices(lines, lines.count("the number of points", least=1), head)
    else:
        found = vertices(lines, 1, head)
        while (more := lines.peek()) is not None and head.separator in more:
            found = np.vstack([found, vertices(lines, 1, head)])
    _end(lines, "the point")
    # The second place of a point with a direction is where it points to.
    return Feature(number, code, line, [found if kind == _POINT_CLUSTER else found[:1]])


def read_line(lines: Lines, head: Head, number: int) -> Feature:
    """Read a line of one or more pieces."""
    line, code, kind = _begin(lines)
    if kind != DIRECT:
        lines.fail(f"a line of type {shown(kind)} cannot be read; type {DIRECT} can")
    pieces: list[Vertices] = []
    for _ in range(lines.count("the number of pieces of the line", least=1)):
        piece = _piece(lines, head, 2)
        if pieces and np.array_equal(pieces[-1][-1], piece[0]):
            pieces[-1] = np.vstack([pieces[-1], piece[1:]])
        else:
            pieces.append(piece)
    _end(lines, "the line")
    return Feature(number, code, line, pieces)


def _piece(lines: Lines, head: Head, least: int) -> Vertices:
    kind = lines.take()
    if kind != POLYLINE:
        lines.fail(f"a piece of type {shown(kind)} cannot be read; {POLYLINE}, straight pieces, can")
    return vertices(lines, lines.count("the number of points", least=least), head)


def read_polygon(lines: Lines, head: Head, number: int, line_of: Callable[[int], Vertices | None]) -> Feature:
    """Read a polygon of rings, or of lines that were read before; `line_of` gives the points of one."""
    line, code, kind = _begin(lines)
    if kind not in (DIRECT, INDIRECT):
        lines.fail(f"a polygon of type {shown(kind)} cannot be read; {DIRECT} and {INDIRECT} can")
    vertices(lines, 1, head)  # where its label stands
    polygon = Feature(number, code, line, [])
    if kind == DIRECT:
        for _ in range(lines.count("the number of rings", least=1)):
            polygon.ring_lines.append(lines.number + 1)
            polygon.parts.append(_piece(lines, head, 4))
    else:
        _rings_of_lines(lines, head, polygon, line_of)
    for ring, start in zip(polygon.parts, polygon.ring_lines, strict=True):
        if len(ring) < 4 or not np.array_equal(ring[0], ring[-1]):
            lines.fail(f"the ring that begins here in polygon {number} does not end where it began", start)
    _end(lines, "the polygon")
    return polygon


def _rings_of_lines(
    lines: Lines, head: Head, polygon: Feature, line_of: Callable[[int], Vertices | None]
) -> None:
    kind = lines.take()
    if kind != _RINGS_OF_LINES:
        lines.fail(f"polygons of lines have the type {_RINGS_OF_LINES}, not {shown(kind)}")
    count = lines.count("the number of line numbers", least=1)
    near = _NEAR_DEG if head.values.get("xyunit", "M").upper() == "D" else _NEAR_M
    chain: list[Vertices] = []
    given = 0
    while given < count:
        for part in lines.take().split(head.separator):
            given += 1
            number = _line_number(lines, part)
            if number == 0:
                _close(lines, polygon, chain)
                continue
            found = line_of(abs(number))
            if found is None:
                lines.fail(f"there is no line {abs(number)} for polygon {polygon.number}")
            found = found[::-1] if number < 0 else found
            if not chain:
                polygon.ring_lines.append(lines.number)
            elif np.abs(chain[-1][-1] - found[0]).max() > near:
                lines.fail(f"line {number} does not begin where the one before it ends")
            chain.append(found)
    if given != count:
        lines.fail(f"{count} line numbers are announced for polygon {polygon.number}, {given} are there")
    _close(lines, polygon, chain)


def _line_number(lines: Lines, part: str) -> int:
    try:
        return int(part)
    except ValueError:
        lines.fail(f"the number of a line should stand here, not {shown(part)}")


def _close(lines: Lines, polygon: Feature, chain: list[Vertices]) -> None:
    """Make a ring of the lines so far, closed where tools rounded its ends apart."""
    if not chain:
        lines.fail(f"polygon {polygon.number} has a ring without lines")
    ring = np.concatenate([chain[0], *(piece[1:] for piece in chain[1:])])
    if np.abs(ring[0] - ring[-1]).max() <= _NEAR_M:
        ring[-1] = ring[0]
    polygon.parts.append(ring)
    chain.clear()


def built(kind: str, features: Sequence[Feature], head: Head) -> npt.NDArray[Any]:
    """Return shapes of features of one kind, of which there is one at least, x before y."""
    parts = [part for feature in features for part in feature.parts]
    points = np.concatenate(parts)
    if head.north_first:
        points[:, :2] = points[:, 1::-1]
    owner = np.repeat(np.arange(len(features)), [len(feature.parts) for feature in features])
    piece = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    count = len(features)
    if kind == "Point":
        return _joined(shapely.points(points), owner[piece], count, shapely.multipoints)
    if kind == "Line":
        return _joined(shapely.linestrings(points, indices=piece), owner, count, shapely.multilinestrings)
    rings = shapely.linearrings(points, indices=piece)
    single = np.bincount(owner)[owner] == 1
    # Rings of one alone are made into polygons together.
    made = np.array(rings, dtype=object)
    made[single] = shapely.polygons(rings[single])
    return _joined(made, owner, count, nested)


def _joined(
    parts: npt.NDArray[Any], owner: npt.NDArray[np.int64], count: int, many: Callable[..., Any]
) -> npt.NDArray[Any]:
    """Return one shape a feature: its one part, or what `many` makes of all of them; owners ascend."""
    each, start = np.bincount(owner, minlength=count), np.searchsorted(owner, np.arange(count))
    found = np.empty(count, dtype=object)
    one = each == 1
    found[one] = parts[start[one]]
    for feature in np.flatnonzero(~one):
        found[feature] = many(parts[start[feature] : start[feature] + each[feature]])
    return found


def nested(rings: npt.NDArray[Any]) -> shapely.Geometry:
    """Return the polygon of rings: one within another is its hole, one within a hole an island."""
    filled = shapely.polygons(rings)
    largest_first = np.argsort(-shapely.area(filled), kind="stable")
    inner = shapely.point_on_surface(filled)
    holes: dict[int, list[Any]] = {}
    is_hole: set[int] = set()
    for place, ring in enumerate(largest_first):
        x, y = inner[ring].x, inner[ring].y
        around = [other for other in largest_first[:place] if shapely.contains_xy(filled[other], x, y)]
        # The smallest comes last.
        if around and around[-1] not in is_hole:
            holes[around[-1]].append(rings[ring])
            is_hole.add(ring)
        else:
            holes[ring] = []
    made = [shapely.polygons(rings[outer], holes=within or None) for outer, within in holes.items()]
    return made[0] if len(made) == 1 else shapely.multipolygons(made)
