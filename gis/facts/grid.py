"""A grid over the single edges of a layer: which edges, and which polygons, are at a place.

Every edge is entered into the cells it runs through, and for polygons every cell knows
which of them cover its centre. Whether a polygon covers a place then takes only the edges
of that one cell: the way from the centre to the place crosses them an odd or even number
of times. Places exactly on an edge are taken as a hair further east, and a hair of that
further north (simulation of simplicity, Edelsbrunner & Muecke 1990, doi:10.1145/77635.77639),
so that each lies on one side of every edge, and on the same whoever asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from gis.compiled import compiled, inlined, lean
from gis.facts.ragged import Floats, Ints, Shapes

T = TypeVar("T", np.float64, np.int64)
Bytes = npt.NDArray[np.uint8]

MOST_CELLS = 1 << 22
CROWD = 8.0
"""Edges that the cell of an average edge may hold before cells are made smaller."""

SLACK = 1e-7
"""Share of a cell by which an edge is taken to be thicker than it is, so that rounding misses no cell."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Edges of a layer (points are edges of no length), by cell.

    edges         ax, ay, bx, by of every edge (n, 4), its lesser end (by x, then y) first
    turned        1 where that is not the direction it has in its ring, else 0
    owner         shape of every edge, ascending
    frame         west, south, 1 / cell size, and the cell size of each level, in m
    levels        columns, rows and place in `filled` of the grid and of ever coarser ones, each
                  cell of which is four of the one before; the last is a single cell
    filled        1 for each cell of each level through which an edge runs
    cells         offsets into `entries` of each cell (row * columns + column) of the grid
    entries       edges by cell, ascending in each
    cover_cells   offsets into `covers` of each cell
    covers        polygons that cover the centre of each cell, ascending in each
    """

    edges: Floats
    turned: Ints
    owner: Ints
    frame: Floats
    levels: Ints
    filled: Bytes
    cells: Ints
    entries: Ints
    cover_cells: Ints
    covers: Ints

    @classmethod
    def of(cls, shapes: Shapes) -> Grid:
        """Return the grid over the edges of some shapes, at least one of which is not empty."""
        edges, turned, owner = _edges(shapes.xy, shapes.rings, shapes.shapes)
        frame, columns, rows = _framed(edges, float(np.abs(shapes.area_m2).sum()))
        cells, entries = _entered(edges, frame, columns, rows)
        levels, filled = _pyramid(cells, columns, rows)
        runs = np.empty(0, dtype=np.int64)
        if shapes.kind == "polygon":
            # Along a row of centres a polygon begins and ends, begins and ends.
            runs = np.sort(_ends(edges, owner, frame, columns, rows))
        cover_cells, covers = _covers(runs, columns, rows)
        return cls(edges, turned, owner, frame, levels, filled, cells, entries, cover_cells, covers)


def _framed(edges: Floats, area_m2: float) -> tuple[Floats, int, int]:
    """Return west, south and size of cells, columns and rows: about one cell an edge, more if crowded."""
    west, south = edges[:, 0].min(), edges[:, [1, 3]].min()
    east, north = edges[:, 2].max(), edges[:, [1, 3]].max()
    middle_x, middle_y = (edges[:, 0] + edges[:, 2]) / 2 - west, (edges[:, 1] + edges[:, 3]) / 2 - south
    length_m = float(np.hypot(edges[:, 2] - edges[:, 0], edges[:, 3] - edges[:, 1]).mean())
    wide, high = max(east - west, 1e-3), max(north - south, 1e-3)
    most = min(MOST_CELLS, 1024 + 64 * len(edges))
    least_m = max(np.sqrt(wide * high / most), max(wide, high) / most, length_m / 4, np.sqrt(area_m2 / most))
    cell_m = max(np.sqrt(wide * high / len(edges)), least_m)
    while cell_m / 2 > least_m:
        columns = int(wide / cell_m) + 1
        cell = (middle_y / cell_m).astype(np.int64) * columns + (middle_x / cell_m).astype(np.int64)
        held = np.bincount(cell)
        if (held.astype(np.float64) ** 2).sum() / len(edges) <= CROWD:
            break
        cell_m /= 2
    # Half a cell of margin: no edge lies on the border of the grid.
    columns, rows = int(wide / cell_m) + 2, int(high / cell_m) + 2
    sizes = cell_m * 2.0 ** np.arange(64)
    return np.r_[west - cell_m / 2, south - cell_m / 2, 1 / cell_m, sizes], columns, rows


@compiled
def _edges(xy: Floats, rings: Ints, shapes: Ints) -> tuple[Floats, Ints, Ints]:
    count = 0
    for r in range(shapes[0], shapes[-1]):
        vertices = rings[r + 1] - rings[r]
        count += vertices - 1 if vertices > 1 else vertices
    edges = np.empty((count, 4))
    turned = np.empty(count, dtype=np.int64)
    owner = np.empty(count, dtype=np.int64)
    n = 0
    for i in range(len(shapes) - 1):
        for r in range(shapes[i], shapes[i + 1]):
            vertices = rings[r + 1] - rings[r]
            for k in range(vertices - 1 if vertices > 1 else vertices):
                a = rings[r] + k
                b = a + 1 if vertices > 1 else a
                turn = xy[b, 0] < xy[a, 0] or (xy[b, 0] == xy[a, 0] and xy[b, 1] < xy[a, 1])
                if turn:
                    a, b = b, a
                edges[n, 0], edges[n, 1], edges[n, 2], edges[n, 3] = xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1]
                turned[n], owner[n] = 1 if turn else 0, i
                n += 1
    return edges, turned, owner


@lean
def rows_in_column(edges: Floats, e: int, frame: Floats, column: int, rows: int) -> tuple[int, int]:
    """Return the first and last row of a column that edge `e` runs through."""
    ax, ay = (edges[e, 0] - frame[0]) / frame[3], (edges[e, 1] - frame[1]) / frame[3]
    bx, by = (edges[e, 2] - frame[0]) / frame[3], (edges[e, 3] - frame[1]) / frame[3]
    low, high = min(ay, by), max(ay, by)
    if bx > ax:
        slope = (by - ay) / (bx - ax)
        enter = ay + slope * (max(ax, column - SLACK) - ax)
        leave = ay + slope * (min(bx, column + 1 + SLACK) - ax)
        low, high = max(low, min(enter, leave)), min(high, max(enter, leave))
    return max(0, int(np.floor(low - SLACK))), min(rows - 1, int(np.floor(high + SLACK)))


@lean
def accumulate(counts: Ints) -> None:
    """Turn counts that begin at place 1 into offsets, in place."""
    for n in range(1, len(counts)):
        counts[n] += counts[n - 1]


@lean
def moved_back(offsets: Ints) -> None:
    """Undo that each offset has moved on to the next one's place, in place."""
    for n in range(len(offsets) - 1, 0, -1):
        offsets[n] = offsets[n - 1]
    offsets[0] = 0


@compiled
def _entered(edges: Floats, frame: Floats, columns: int, rows: int) -> tuple[Ints, Ints]:
    """Return the edges by cell: counted first, then entered."""
    cells = np.zeros(columns * rows + 1, dtype=np.int64)
    entries = np.empty(0, dtype=np.int64)
    for entering in range(2):
        for e in range(len(edges)):
            first = max(0, int(np.floor((edges[e, 0] - frame[0]) / frame[3] - SLACK)))
            last = min(columns - 1, int(np.floor((edges[e, 2] - frame[0]) / frame[3] + SLACK)))
            for column in range(first, last + 1):
                low, high = rows_in_column(edges, e, frame, column, rows)
                for row in range(low, high + 1):
                    cell = row * columns + column
                    if entering:
                        entries[cells[cell]] = e
                        cells[cell] += 1
                    else:
                        cells[cell + 1] += 1
        if entering:
            moved_back(cells)
        else:
            accumulate(cells)
            entries = np.empty(cells[-1], dtype=np.int64)
    return cells, entries


@compiled
def _pyramid(cells: Ints, columns: int, rows: int) -> tuple[Ints, Bytes]:
    levels = np.zeros((64, 3), dtype=np.int64)
    levels[0, 0], levels[0, 1] = columns, rows
    count, size = 1, columns * rows
    while levels[count - 1, 0] > 1 or levels[count - 1, 1] > 1:
        levels[count, 0], levels[count, 1] = (levels[count - 1, 0] + 1) // 2, (levels[count - 1, 1] + 1) // 2
        levels[count, 2] = size
        size += levels[count, 0] * levels[count, 1]
        count += 1
    filled = np.zeros(size, dtype=np.uint8)
    for cell in range(columns * rows):
        filled[cell] = 1 if cells[cell + 1] > cells[cell] else 0
    for level in range(count - 1):
        wide, above, start = levels[level, 0], levels[level + 1, 0], levels[level + 1, 2]
        for row in range(levels[level, 1]):
            for column in range(wide):
                if filled[levels[level, 2] + row * wide + column]:
                    filled[start + (row // 2) * above + column // 2] = 1
    return levels[:count].copy(), filled


@inlined
def left_of(ax: float, ay: float, bx: float, by: float, x: float, y: float) -> bool:
    """Return whether a place is to the left of an edge (its lesser end first); never on it."""
    turn = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
    return turn > 0.0 or (turn == 0.0 and by <= ay)


@inlined
def crossed(ax: float, ay: float, bx: float, by: float, cx: float, cy: float, x: float, y: float) -> bool:
    """Return whether the way from (cx, cy), first along x and then along y, to (x, y) crosses an edge.

    Exactly: whether it does so an odd number of times.
    """
    odd = False
    if (ay <= cy) != (by <= cy):
        odd = left_of(ax, ay, bx, by, cx, cy) != left_of(ax, ay, bx, by, x, cy)
    if (ax <= x) != (bx <= x):
        odd = odd != (left_of(ax, ay, bx, by, x, cy) != left_of(ax, ay, bx, by, x, y))
    return odd


@inlined
def column_of(frame: Floats, columns: int, x: float) -> int:
    """Return the column of a place, the outermost one if it is outside the grid."""
    return int(min(columns - 1.0, max(0.0, np.floor((x - frame[0]) * frame[2]))))


@inlined
def row_of(frame: Floats, rows: int, y: float) -> int:
    """Return the row of a place, the outermost one if it is outside the grid."""
    return int(min(rows - 1.0, max(0.0, np.floor((y - frame[1]) * frame[2]))))


@inlined
def within_grid(frame: Floats, columns: int, rows: int, x: float, y: float) -> bool:
    """Return whether a place is in the grid; nothing of the layer is outside it."""
    east, north = frame[0] + columns * frame[3], frame[1] + rows * frame[3]
    return bool(frame[0] <= x <= east and frame[1] <= y <= north)


@inlined
def covering(
    x: float,
    y: float,
    edges: Floats,
    owner: Ints,
    frame: Floats,
    levels: Ints,
    cells: Ints,
    entries: Ints,
    cover_cells: Ints,
    covers: Ints,
    into: Ints,
) -> int:
    """Write the polygons that cover a place into `into`, ascending, and return how many they are."""
    columns, rows = levels[0, 0], levels[0, 1]
    if not within_grid(frame, columns, rows, x, y):
        return 0
    column, row = column_of(frame, columns, x), row_of(frame, rows, y)
    cell, count = row * columns + column, 0
    cx, cy = frame[0] + (column + 0.5) * frame[3], frame[1] + (row + 0.5) * frame[3]
    c, last_cover = cover_cells[cell], cover_cells[cell + 1]
    n, last_entry = cells[cell], cells[cell + 1]
    while c < last_cover or n < last_entry:
        if n == last_entry or (c < last_cover and covers[c] < owner[entries[n]]):
            into[count] = covers[c]
            count, c = count + 1, c + 1
            continue
        shape = owner[entries[n]]
        odd = c < last_cover and covers[c] == shape
        c += 1 if odd else 0
        while n < last_entry and owner[entries[n]] == shape:
            e = entries[n]
            odd = odd != crossed(edges[e, 0], edges[e, 1], edges[e, 2], edges[e, 3], cx, cy, x, y)
            n += 1
        if odd:
            into[count] = shape
            count += 1
    return count


@compiled
def _ends(edges: Floats, owner: Ints, frame: Floats, columns: int, rows: int) -> Ints:
    """Return, for each edge and each row of centres it crosses, (owner, row, first column to the right).

    The three are one number, to be sorted.
    """
    out = np.empty(0, dtype=np.int64)
    for filling in range(2):
        n = 0
        for e in range(len(edges)):
            ax, ay, bx, by = edges[e, 0], edges[e, 1], edges[e, 2], edges[e, 3]
            first = max(0, int(np.floor((min(ay, by) - frame[1]) / frame[3])) - 1)
            last = min(rows - 1, int(np.floor((max(ay, by) - frame[1]) / frame[3])) + 1)
            for row in range(first, last + 1):
                cy = frame[1] + (row + 0.5) * frame[3]
                if (ay <= cy) != (by <= cy):
                    if filling:
                        column = _first_right(ax, ay, bx, by, cy, frame, columns)
                        out[n] = (owner[e] * rows + row) * columns + column
                    n += 1
        if not filling:
            out = np.empty(n, dtype=np.int64)
    return out


@lean
def _first_right(ax: float, ay: float, bx: float, by: float, cy: float, frame: Floats, columns: int) -> int:
    """Return the first column whose centre lies east of an edge that crosses the row of centres `cy`."""
    rising = by > ay
    x = ax + (bx - ax) * ((cy - ay) / (by - ay))
    column = min(columns - 1, max(0, int(np.ceil((x - frame[0]) / frame[3] - 0.5))))
    while column > 0 and left_of(ax, ay, bx, by, frame[0] + (column - 0.5) * frame[3], cy) != rising:
        column -= 1
    while (
        column < columns - 1 and left_of(ax, ay, bx, by, frame[0] + (column + 0.5) * frame[3], cy) == rising
    ):
        column += 1
    return column


@compiled
def grown(array: npt.NDArray[T]) -> npt.NDArray[T]:
    """Return a copy of an array with room for twice as much."""
    out = np.empty(2 * len(array) + 1, dtype=array.dtype)
    for n in range(len(array)):
        out[n] = array[n]
    return out


@lean
def sort(array: Ints, count: int) -> None:
    """Sort the first `count` numbers of an array, in place (Shell 1959, doi:10.1145/368370.368387)."""
    stride = count // 2
    while stride > 0:
        for n in range(stride, count):
            value, at = array[n], n
            while at >= stride and array[at - stride] > value:
                array[at] = array[at - stride]
                at -= stride
            array[at] = value
        stride = 0 if stride == 1 else max(1, stride * 4 // 9)


@compiled
def _covers(runs: Ints, columns: int, rows: int) -> tuple[Ints, Ints]:
    """Return the polygons by cell from sorted pairs of ends."""
    cells = np.zeros(columns * rows + 1, dtype=np.int64)
    covers = np.empty(0, dtype=np.int64)
    for filling in range(2):
        for pair in range(0, len(runs) - 1, 2):
            shape = runs[pair] // (columns * rows)
            for cell in range(runs[pair] - shape * columns * rows, runs[pair + 1] - shape * columns * rows):
                if filling:
                    covers[cells[cell]] = shape
                    cells[cell] += 1
                else:
                    cells[cell + 1] += 1
        if filling:
            moved_back(cells)
        else:
            accumulate(cells)
            covers = np.empty(cells[-1], dtype=np.int64)
    return cells, covers
