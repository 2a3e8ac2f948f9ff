"""The shapes of features as the text of a VCT file, many at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from gis.crs import Geometries
from gis.errors import InputError
from gis.vct.arcs import shared_arcs
from gis.vct.model import DIRECT, INDIRECT, POLYLINE
from gis.vct.texts import below, beside, fixed, stacked, whole

DECIMALS_M, DECIMALS_DEG = 4, 10
_STYLE = "unknown"
_POINT, _CLUSTER = "1", "4"
_RINGS_OF_LINES = "21"
_NUMBERS_A_LINE = 8
_AT_ONCE = 50_000

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Drawn:
    """Features with their numbers and shapes, coordinates as whole numbers of the last decimal told."""

    numbers: Ints
    code: str
    shapes: Geometries
    decimals: int

    @cached_property
    def scaled(self) -> Ints:
        """The vertices, (vertices, 2)."""
        return np.rint(self._ragged[0] * 10.0**self.decimals).astype(np.int64)

    @cached_property
    def _ragged(self) -> tuple[npt.NDArray[np.float64], list[Ints]]:
        _, vertices, offsets = shapely.to_ragged_array(self.shapes, include_z=False)
        return vertices, [np.asarray(o, dtype=np.int64) for o in offsets]

    @property
    def offsets(self) -> tuple[Ints, Ints]:
        """Where parts (points, lines, rings) begin among the vertices, and features among the parts."""
        levels = self._ragged[1]
        if not levels:
            each = np.arange(len(self.numbers) + 1)
            return each, each
        if len(levels) == 1:
            kind = shapely.get_type_id(self.shapes[:1])[0]
            # Of points the parts are the vertices themselves.
            if kind in (shapely.GeometryType.POINT, shapely.GeometryType.MULTIPOINT):
                return np.arange(len(self.scaled) + 1), levels[0]
            return levels[0], np.arange(len(self.numbers) + 1)
        owner = levels[1]
        for level in levels[2:]:
            owner = owner[level]
        return levels[0], owner

    def texts(self) -> pa.Array:
        """Return the vertices as text."""
        return _places(self.scaled, self.decimals)

    def labels(self) -> pa.Array:
        """Return a place inside each feature as text."""
        place = shapely.get_coordinates(shapely.point_on_surface(self.shapes))
        return _places(np.rint(place * 10.0**self.decimals).astype(np.int64), self.decimals)


def _places(scaled: Ints, decimals: int) -> pa.Array:
    return beside(*(fixed(np.ascontiguousarray(scaled[:, axis]), decimals) for axis in (0, 1)))


def point_texts(drawn: Drawn, *, counted: bool) -> pa.Array:
    """Return points as text; `counted` tells how many coordinates follow for single ones too."""
    _, owner = drawn.offsets
    each = np.diff(owner)
    places = stacked(drawn.texts(), owner)
    told = np.where(each > 1, _CLUSTER, _POINT).tolist()
    if counted or (each > 1).all():
        places = below(whole(each), places)
    elif (each > 1).any():
        known = pa.array((each > 1).tolist())
        places = pa.compute.if_else(known, below(whole(each), places), places)
    return below(whole(drawn.numbers), drawn.code, _STYLE, pa.array(told, pa.string()), places, "0")


def line_texts(drawn: Drawn) -> pa.Array:
    """Return lines as text, each part a piece."""
    parts, owner = drawn.offsets
    pieces = stacked(_pieces(drawn.texts(), parts), owner)
    return below(whole(drawn.numbers), drawn.code, _STYLE, DIRECT, whole(np.diff(owner)), pieces, "0")


def polygon_texts(drawn: Drawn) -> pa.Array:
    """Return polygons by the coordinates of their rings as text."""
    parts, owner = drawn.offsets
    rings = stacked(_pieces(drawn.texts(), parts), owner)
    count = whole(np.diff(owner))
    return below(whole(drawn.numbers), drawn.code, _STYLE, DIRECT, drawn.labels(), count, rings, "0")


def _pieces(vertices: pa.Array, offsets: Ints) -> pa.Array:
    return below(POLYLINE, whole(np.diff(offsets)), stacked(vertices, offsets))


@dataclass
class Borders:
    """Polygons of a layer, gathered to be told by the lines that they share."""

    drawn: list[Drawn] = field(default_factory=list)
    line_count: int = 0

    def add(self, more: Drawn) -> None:
        """Take some features."""
        self.drawn.append(more)

    def texts(self, first: int, border: str) -> Iterator[tuple[str, pa.Array]]:
        """Yield `Line` or `Polygon` with texts; lines get numbers from `first` on and the code `border`.

        Raises InputError where a ring is smaller than the grid on which coordinates are told.
        """
        if not self.drawn:
            return
        scaled, ring, owner = self._rings()
        arcs = shared_arcs(scaled[:, 0], scaled[:, 1], ring)
        self.line_count = len(arcs.offsets) - 1
        decimals = self.drawn[0].decimals
        for start in range(0, self.line_count, _AT_ONCE):
            offsets = arcs.offsets[start : start + _AT_ONCE + 1]
            places = scaled[arcs.places[offsets[0] : offsets[-1]]]
            texts = beside(*(fixed(np.ascontiguousarray(places[:, i]), decimals) for i in (0, 1)))
            numbers = whole(first + start + np.arange(len(offsets) - 1))
            yield (
                "Line",
                below(numbers, border, _STYLE, DIRECT, "1", _pieces(texts, offsets - offsets[0]), "0"),
            )
        signed = arcs.line + np.sign(arcs.line) * (first - 1)
        lists = _Lists(arcs.ring, signed, owner)
        begin = 0
        for one in self.drawn:
            end = begin + len(one.numbers)
            yield "Polygon", lists.polygons(one, begin, end)
            begin = end

    def _rings(self) -> tuple[Ints, Ints, Ints]:
        """Return vertices without repetition, the ring of each, and the feature of each ring."""
        scaled = np.concatenate([one.scaled for one in self.drawn])
        rings, owners, before, feature = [], [], 0, 0
        for one in self.drawn:
            parts, owner = one.offsets
            rings.append(before + np.repeat(np.arange(len(parts) - 1), np.diff(parts)))
            owners.append(feature + np.repeat(np.arange(len(one.numbers)), np.diff(owner)))
            before, feature = before + len(parts) - 1, feature + len(one.numbers)
        ring, owner = np.concatenate(rings), np.concatenate(owners)
        # The last vertex of a ring repeats the first; others may fall together on the grid.
        same = np.append((scaled[1:] == scaled[:-1]).all(axis=1) & (ring[1:] == ring[:-1]), False)
        kept = ~same
        kept[np.flatnonzero(np.diff(ring, append=before))] = False
        small = np.flatnonzero(np.bincount(ring[kept], minlength=before) < 3)
        if len(small):
            names = np.concatenate([one.numbers for one in self.drawn])
            raise InputError(
                f"The polygon with the number {names[owner[small[0]]]} has a ring smaller than the grid "
                "of the coordinates; leave it out or write polygons by their coordinates."
            )
        return scaled[kept], ring[kept], owner


class _Lists:
    """The numbers of lines of every polygon, with 0 between its rings."""

    def __init__(self, ring: Ints, signed: Ints, owner: Ints) -> None:
        polygon = owner[ring]
        # A zero stands before the first piece of each ring but the first of a polygon.
        begins = np.diff(ring, prepend=-1) != 0
        zero = begins & (np.diff(polygon, prepend=-1) == 0)
        places = np.arange(len(ring)) + np.cumsum(zero)
        self._numbers = np.zeros(len(ring) + int(zero.sum()), dtype=np.int64)
        self._numbers[places] = signed
        sizes = np.bincount(polygon, minlength=int(owner.max()) + 1)
        sizes += np.bincount(polygon[zero], minlength=len(sizes))
        self._offsets = np.concatenate([[0], np.cumsum(sizes)])

    def polygons(self, drawn: Drawn, begin: int, end: int) -> pa.Array:
        """Return some polygons as text."""
        offsets = self._offsets[begin : end + 1]
        sizes = np.diff(offsets)
        rows = -(-sizes // _NUMBERS_A_LINE)
        row_of = np.concatenate([[0], np.cumsum(rows)])
        inside = np.arange(row_of[-1]) - np.repeat(row_of[:-1], rows)
        starts = np.repeat(offsets[:-1] - offsets[0], rows) + inside * _NUMBERS_A_LINE
        cuts = np.append(starts, offsets[-1] - offsets[0])
        lines = stacked(whole(self._numbers[offsets[0] : offsets[-1]]), cuts, ",")
        told = stacked(lines, row_of)
        return below(
            *(whole(drawn.numbers), drawn.code, _STYLE, INDIRECT, drawn.labels()),
            *(_RINGS_OF_LINES, whole(sizes), told, "0"),
        )
