"""Geometries of one layer as arrays of coordinates, for kernels that know no geometry objects.

Coordinates are metres of the storage CRS less a whole-numbered origin near the data, so
that the products of differences which areas are made of keep all their digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import shapely

from gis.compiled import compiled, lean

Kind = Literal["point", "line", "polygon"]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Geometries = npt.NDArray[np.object_]

ORIGIN = (400_000.0, 4_400_000.0)
"""Middle of Beijing in EPSG:4548 (easting, northing in m), to 100 km."""

TYPES: dict[Kind, tuple[int, int]] = {"point": (0, 4), "line": (1, 5), "polygon": (3, 6)}
"""Type numbers of the simple features standard (OGC 06-103r4, 6.1), as shapely counts them: single, multi."""


@dataclass(frozen=True, eq=False)
class Shapes:
    """Geometries of one layer, one ring of vertices after the other.

    A ring is a closed ring of a polygon, one line string of a line, or one point of a
    point. Shells run counter-clockwise and holes clockwise, so that the signed sum over
    all rings of a shape is its area, and a place is inside where an odd number of edges
    lies to one side. Parts of one shape may touch; they may not overlap.

    xy      vertices (n_vertices, 2), metres less `origin`, C-contiguous
    rings   offsets into `xy` (n_rings + 1); not counted from nil in a slice
    shapes  offsets into `rings` (n + 1); not counted from nil in a slice
    bounds  xmin, ymin, xmax, ymax (n, 4), less `origin`; NaN for an empty shape
    """

    kind: Kind
    xy: Floats
    rings: Ints
    shapes: Ints
    bounds: Floats
    origin: tuple[float, float]

    @classmethod
    def of(cls, geometries: Geometries, kind: Kind, origin: tuple[float, float] = ORIGIN) -> Shapes:
        """Return shapely geometries of one kind, single or multi, as arrays; a third dimension is dropped.

        Missing and empty geometries become shapes without rings. Raises ValueError
        where a geometry is of another kind.
        """
        filled = ~(shapely.is_missing(geometries) | shapely.is_empty(geometries))
        given = np.asarray(geometries[filled], dtype=object)
        if not np.isin(shapely.get_type_id(given), TYPES[kind]).all():
            raise ValueError(f"a geometry is no {kind}")
        xy, rings, parts, held = _polygons(given) if kind == "polygon" else _strings(given)
        counts = np.zeros(len(geometries), dtype=np.int64)
        counts[filled] = np.diff(parts[held])
        shells = np.zeros(len(rings) - 1, dtype=np.bool_)
        shells[parts[:-1][np.diff(parts) > 0]] = True
        return cls.from_arrays(kind, xy - np.asarray(origin), rings, _offsets(counts), shells, origin)

    @classmethod
    def from_arrays(
        cls,
        kind: Kind,
        xy: Floats,
        rings: Ints,
        shapes: Ints,
        shells: Bools | None = None,
        origin: tuple[float, float] = ORIGIN,
    ) -> Shapes:
        """Return shapes of arrays as the class describes them; `xy` is already less `origin`.

        `shells` (n_rings) tells which rings of polygons are outer boundaries; rings that run
        the wrong way are turned round in `xy` itself. Without it they run the right way already.
        Raises ValueError where a coordinate is not finite.
        """
        xy = np.ascontiguousarray(xy, dtype=np.float64)
        rings = np.ascontiguousarray(rings, dtype=np.int64)
        shapes = np.ascontiguousarray(shapes, dtype=np.int64)
        if not np.isfinite(xy).all():
            raise ValueError("a coordinate is not a finite number")
        if shells is not None and kind == "polygon":
            _orient(xy, rings, np.ascontiguousarray(shells, dtype=np.bool_))
        return cls(kind, xy, rings, shapes, _bounds(xy, rings, shapes), origin)

    def __len__(self) -> int:
        return len(self.shapes) - 1

    def __getitem__(self, rows: slice) -> Shapes:
        """Return consecutive shapes; all arrays are views."""
        start, stop, step = rows.indices(len(self))
        if step != 1:
            raise ValueError("shapes are sliced in steps of one")
        stop = max(start, stop)
        return Shapes(
            self.kind,
            self.xy,
            self.rings,
            self.shapes[start : stop + 1],
            self.bounds[start:stop],
            self.origin,
        )

    def take(self, indices: npt.ArrayLike) -> Shapes:
        """Return the shapes at some positions, in that order, copied."""
        # Looked up, so that a position there is none of is an IndexError, and not left to the kernel.
        chosen = np.arange(len(self), dtype=np.int64)[np.asarray(indices, dtype=np.int64)]
        xy, rings, shapes = _taken(self.xy, self.rings, self.shapes, chosen)
        bounds = np.ascontiguousarray(self.bounds[chosen])
        return Shapes(self.kind, xy, rings, shapes, bounds, self.origin)

    @cached_property
    def area_m2(self) -> Floats:
        """Area of every shape in m2; nil for lines, points and empty shapes. Not to be written to."""
        if self.kind != "polygon":
            return np.zeros(len(self))
        return _areas(self.xy, self.rings, self.shapes)


def _polygons(given: Geometries) -> tuple[Floats, Ints, Ints, Ints]:
    """Return vertices, and offsets of rings into them, of parts into rings and of shapes into parts."""
    if len(given) == 0:
        return _strings(given)
    _, xy, offsets = shapely.to_ragged_array(given, include_z=False)
    rings, parts, *held = (np.asarray(o, dtype=np.int64) for o in offsets)
    return xy, rings, parts, held[0] if held else np.arange(len(given) + 1)


def _strings(given: Geometries) -> tuple[Floats, Ints, Ints, Ints]:
    """Return the same of lines or points: a part is one ring."""
    parts, shape = shapely.get_parts(given, return_index=True)
    # An empty part of a full geometry has no vertices to stand for it.
    full = ~shapely.is_empty(parts)
    parts, shape = parts[full], shape[full]
    rings = _offsets(shapely.get_num_coordinates(parts))
    held = _offsets(np.bincount(shape, minlength=len(given)))
    return shapely.get_coordinates(parts), rings, np.arange(len(parts) + 1), held


def _offsets(counts: npt.NDArray[np.integer]) -> Ints:
    out = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=out[1:])
    return out


@lean
def ring_area(xy: Floats, start: int, stop: int) -> float:
    """Return the signed area of a closed ring, positive if counter-clockwise (the shoelace formula)."""
    total = 0.0
    for v in range(start + 1, stop - 1):
        # Taken from the ring's first vertex: nothing large is subtracted from anything large.
        ax, ay = xy[v, 0] - xy[start, 0], xy[v, 1] - xy[start, 1]
        bx, by = xy[v + 1, 0] - xy[start, 0], xy[v + 1, 1] - xy[start, 1]
        total += ax * by - ay * bx
    return 0.5 * total


@lean
def shape_area(xy: Floats, rings: Ints, first: int, last: int) -> float:
    """Return the area of the shape of rings `first` up to, not with, `last`."""
    total = 0.0
    for r in range(first, last):
        total += ring_area(xy, rings[r], rings[r + 1])
    return total


@compiled
def _areas(xy: Floats, rings: Ints, shapes: Ints) -> Floats:
    out = np.empty(len(shapes) - 1)
    for i in range(len(out)):
        out[i] = shape_area(xy, rings, shapes[i], shapes[i + 1])
    return out


@lean
def _orient(xy: Floats, rings: Ints, shells: Bools) -> None:
    """Turn shells counter-clockwise and holes clockwise, in place."""
    for r in range(len(rings) - 1):
        area = ring_area(xy, rings[r], rings[r + 1])
        if (area < 0.0) if shells[r] else (area > 0.0):
            low, high = rings[r], rings[r + 1] - 1
            while low < high:
                for axis in range(2):
                    kept = xy[low, axis]
                    xy[low, axis] = xy[high, axis]
                    xy[high, axis] = kept
                low += 1
                high -= 1


@compiled
def _bounds(xy: Floats, rings: Ints, shapes: Ints) -> Floats:
    out = np.full((len(shapes) - 1, 4), np.nan)
    for i in range(len(out)):
        start, stop = rings[shapes[i]], rings[shapes[i + 1]]
        if stop > start:
            west, south, east, north = xy[start, 0], xy[start, 1], xy[start, 0], xy[start, 1]
            for v in range(start + 1, stop):
                west, east = min(west, xy[v, 0]), max(east, xy[v, 0])
                south, north = min(south, xy[v, 1]), max(north, xy[v, 1])
            out[i, 0], out[i, 1], out[i, 2], out[i, 3] = west, south, east, north
    return out


@compiled
def _taken(xy: Floats, rings: Ints, shapes: Ints, chosen: Ints) -> tuple[Floats, Ints, Ints]:
    shapes_out = np.zeros(len(chosen) + 1, dtype=np.int64)
    vertices = 0
    for i in range(len(chosen)):
        first, last = shapes[chosen[i]], shapes[chosen[i] + 1]
        shapes_out[i + 1] = shapes_out[i] + last - first
        vertices += rings[last] - rings[first]
    rings_out = np.zeros(shapes_out[-1] + 1, dtype=np.int64)
    xy_out = np.empty((vertices, 2))
    ring = 0
    for i in range(len(chosen)):
        for r in range(shapes[chosen[i]], shapes[chosen[i] + 1]):
            at = rings_out[ring]
            for v in range(rings[r], rings[r + 1]):
                xy_out[at, 0], xy_out[at, 1] = xy[v, 0], xy[v, 1]
                at += 1
            ring += 1
            rings_out[ring] = at
    return xy_out, rings_out, shapes_out
