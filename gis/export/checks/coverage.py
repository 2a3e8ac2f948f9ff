"""Coverages: tables whose polygons leave no gap and do not overlap.

GEOS finds the edges at which neighbours do not fit; what it finds there is measured, so that a vertex which
one neighbour lacks is no finding while an overlap or a gap wider than the tolerance is. A gap that is
enclosed is a hole of all polygons together. One that is open to the outside is what closing them (growing by
half a width and shrinking again) fills.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from gis.crs import Geometries
from gis.export.checks.areas import degree_m
from gis.export.checks.findings import Rows, Tally
from gis.export.checks.places import GEOGRAPHIC, place
from gis.export.model import Crs
from layers import Text

_NAMED = 3


@dataclass
class Coverage:
    """The polygons of a coverage over all its parts; `width_m` is that of the widest narrow gap."""

    table: str
    tolerance_m: float
    width_m: float
    shapes: list[Geometries] = field(default_factory=list)
    rows: list[Rows] = field(default_factory=list)
    crs: Crs | None = None

    def add(self, shapes: Geometries, valid: npt.NDArray[np.bool_], crs: Crs, rows: Rows) -> None:
        """Take polygons in the system of the first; invalid ones repaired, as they are told of already."""
        if self.crs not in (None, crs):
            return
        made = shapes.copy()
        broken = ~valid & ~shapely.is_missing(shapes)
        made[broken] = shapely.make_valid(shapes[broken])
        self.shapes.append(made)
        self.rows.append(rows)
        self.crs = crs

    def finish(self, tally: Tally) -> None:
        """Tell of overlaps and gaps between all polygons."""
        if self.crs is None:
            return
        shapes = np.concatenate(self.shapes)
        there = np.flatnonzero(shapely.get_dimensions(shapes) == 2)
        for code in ("V-COV-1", "V-COV-2", "V-COV-3"):
            tally.checked(code, self.table, len(there))
        bounds = shapely.total_bounds(shapes[there])
        if not np.isfinite(bounds).all():
            return
        scale = np.ones(2)
        if self.crs == GEOGRAPHIC:
            scale = degree_m(float(bounds[1] + bounds[3]) / 2)
        # Edges that are straight stay so.
        metric = np.asarray(shapely.transform(shapes[there], lambda xy: xy * scale), dtype=object)
        found = _Faults(metric, self.tolerance_m, self.width_m)
        for code, features, shape in (*found.overlaps(), *found.gaps()):
            self._tell(code, there[features], shape, scale, tally)

    def _tell(
        self, code: str, features: npt.NDArray[np.intp], shape: Any, scale: npt.NDArray[np.float64],
        tally: Tally,
    ) -> None:  # fmt: skip
        named = [self._row(int(i)) for i in features]
        rows, index = named[0]
        told = [r.named(i) for r, i in (named if code == "V-COV-3" else named[1:])]
        inside = shapely.get_coordinates(shapely.point_on_surface(shape))[0] / scale
        values = {
            "other": _listed(told),
            "area": f"{shapely.area(shape):.4f}",
            "place": place(inside, self.crs or GEOGRAPHIC),
        }
        tally.found(
            code, self.table, values, file=rows.file, feature=rows.feature(index), row=rows.first + index
        )

    def _row(self, index: int) -> tuple[Rows, int]:
        for rows in self.rows:
            if index < rows.count:
                return rows, index
            index -= rows.count
        raise IndexError(index)


def _listed(names: list[Text]) -> Text:
    """Return some features as one text, the first of them where they are many."""
    shown, more = names[:_NAMED], len(names) > _NAMED
    zh, en = "、".join(n.zh for n in shown), ", ".join(n.en for n in shown)
    return Text(zh=f"{zh} 等 {len(names)} 个要素" if more else zh, en=f"{en} and others" if more else en)


class _Faults:
    """Overlaps and gaps of polygons in metres, by the places of the polygons."""

    def __init__(self, shapes: Geometries, tolerance_m: float, width_m: float) -> None:
        self._shapes, self._tolerance, self._width = shapes, tolerance_m, width_m
        self._tree = shapely.STRtree(shapes)
        edges = shapely.coverage_invalid_edges(shapes, gap_width=width_m)
        # One inside of another has no edge that GEOS tells of.
        around, inside = self._tree.query(shapes, predicate="contains")
        nested = np.concatenate([part[around != inside] for part in (around, inside)])
        self._suspect = np.union1d(np.flatnonzero(~shapely.is_empty(edges)), nested)
        whole = shapely.union_all(shapes) if len(self._suspect) else shapely.coverage_union_all(shapes)
        self._parts = shapely.get_parts(whole)

    def overlaps(self) -> Iterator[tuple[str, npt.NDArray[np.intp], Any]]:
        """Yield pairs that overlap with what they share, in the order of the polygons."""
        first, second = self._suspect[
            shapely.STRtree(self._shapes[self._suspect]).query(
                self._shapes[self._suspect], predicate="intersects"
            )
        ]
        ahead = first < second
        first, second = first[ahead], second[ahead]
        shared = shapely.intersection(self._shapes[first], self._shapes[second])
        for place_ in np.lexsort((second, first)):
            for part in self._thick(shared[place_]):
                yield "V-COV-1", np.array([first[place_], second[place_]]), part

    def gaps(self) -> Iterator[tuple[str, npt.NDArray[np.intp], Any]]:
        """Yield gaps and holes with the polygons around them."""
        holes = [shapely.Polygon(ring) for part in self._parts for ring in part.interiors]
        narrow: list[Any] = []
        wide: list[Any] = []
        for hole in holes:
            if _width(hole) > self._tolerance:
                (narrow if _width(hole) <= self._width else wide).append(hole)
        narrow += self._slits()
        for code, found in (("V-COV-2", narrow), ("V-COV-3", wide)):
            for shape in found:
                around = np.sort(self._tree.query(shape, predicate="dwithin", distance=self._tolerance))
                if len(around):
                    yield code, around, shape

    def _slits(self) -> list[Any]:
        """Return narrow gaps that are open to the outside, each between two polygons at least."""
        if not len(self._suspect):
            return []
        near = shapely.union_all(self._shapes[self._suspect])
        closed = shapely.buffer(shapely.buffer(near, self._width / 2), -self._width / 2)
        filled = shapely.get_parts(
            shapely.difference(
                closed, shapely.union_all(shapely.polygons(shapely.get_exterior_ring(self._parts)))
            )
        )
        slits = [part for shape in filled for part in self._thick(shape)]
        # Closing rounds corners too: what is no longer than wide is no gap.
        long = [s for s in slits if shapely.length(s) / 2 > 2 * self._width]
        tree = self._tree
        return [s for s in long if len(tree.query(s, predicate="dwithin", distance=self._tolerance)) > 1]

    def _thick(self, shape: Any) -> list[Any]:
        parts = shapely.get_parts(shape)
        return [p for p in parts if shapely.get_dimensions(p) == 2 and _width(p) > self._tolerance]


def _width(shape: Any) -> float:
    """Return the mean width of a long polygon."""
    around = float(shapely.length(shape))
    return 2 * float(shapely.area(shape)) / around if around else 0.0
