"""Distance and overlap between parcels and the features of one layer.

What counts as what:
- Distances are those of the shapes themselves, in the plane: 0 where two touch, cross or lie one in the
  other. Ground in a hole of a polygon is outside it.
- Equal distances are told apart by position: the first feature is the nearest.
- Shapes that only touch, at a corner or along a border, share no area. Nor do those whose shared area is
  below a thousand-millionth of the parcel's: that is rounding along a border.
- A shape of several parts is one feature: the least distance, the sum of areas.
- Shapes without area (collapsed polygons, lines of no length) have distances like others and share no area;
  repeated vertices make no difference. Missing and empty shapes, on either side, are in no pair.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from gis.compiled import in_blocks
from gis.facts.grid import Grid
from gis.facts.nearest import search_block
from gis.facts.overlap import most_of_each, overlap_block
from gis.facts.ragged import ORIGIN, Floats, Geometries, Ints, Kind, Shapes
from gis.facts.wkb import shapes_of

BLOCK = 8192
"""Parcels worked on at once by one core."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """(parcel, feature) pairs by position, with a measure each: metres or square metres."""

    parcel: Ints
    feature: Ints
    measure: Floats

    def __len__(self) -> int:
        return len(self.parcel)

    @classmethod
    def together(cls, blocks: list[tuple[Ints, Ints, Floats]]) -> Pairs:
        """Return the pairs of blocks one after the other; without a block, none."""
        if not blocks:
            return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
        parcel, feature, measure = zip(*blocks, strict=True)
        return cls(np.concatenate(parcel), np.concatenate(feature), np.concatenate(measure))


@dataclass(frozen=True, eq=False)
class FeatureIndex:
    """Index over the geometries of one layer, in the order of its keys; any threads may use it at once.

    `origin` is taken from the coordinates, and has to be that of the parcels asked about.
    Raises InputError for geometries that are not of `kind`, and ValueError for parcels that are no polygons.
    """

    geometries: Geometries
    kind: Kind
    origin: tuple[float, float] = ORIGIN
    shapes: Shapes = field(init=False, repr=False)
    _grid: Grid | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # By way of bytes: an object for every ring would take twice as long.
        column = pa.array(shapely.to_wkb(self.geometries, output_dimension=2), pa.large_binary())
        shapes = shapes_of(column, self.kind, self.origin)
        object.__setattr__(self, "shapes", shapes)
        object.__setattr__(self, "_grid", Grid.of(shapes) if len(shapes.xy) else None)

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs to search: `geometries` stay here, its arrays hold them all."""
        return {name: value for name, value in self.__dict__.items() if name != "geometries"}

    def nearest(self, parcels: Shapes) -> Pairs:
        """Return the nearest feature of every parcel with its distance in m; no pairs from an empty layer."""
        return self._search(parcels, 1, np.inf)

    def nearest_k(self, parcels: Shapes, k: int, reach_m: float) -> Pairs:
        """Return at most `k` features no farther than `reach_m` from each parcel, with their distance in m.

        Sorted by parcel, then distance, then feature.
        """
        if k < 1:
            raise ValueError("k is at least one")
        return self._search(parcels, min(k, len(self.shapes)), reach_m)

    def within(self, parcels: Shapes, reach_m: float) -> Pairs:
        """Return all pairs no farther apart than `reach_m`, with their distance in m.

        Sorted by parcel, then feature.
        """
        return self._search(parcels, 0, reach_m)

    def within_or_nearest(self, parcels: Shapes, reach_m: float) -> Pairs:
        """Return the pairs of `within`, and for a parcel that is in none the pair of `nearest`."""
        return self._search(parcels, 0, reach_m, lone=True)

    def _search(self, parcels: Shapes, k: int, reach_m: float, lone: bool = False) -> Pairs:
        self._check(parcels)
        grid, count = self._grid, len(self.shapes)
        if grid is None or not reach_m >= 0.0:
            return Pairs.together([])

        layer = (grid.edges, grid.owner, grid.frame, grid.levels, grid.filled, grid.cells, grid.entries)
        covers = (grid.cover_cells, grid.covers, self.kind == "polygon")
        arrays = (parcels.xy, parcels.rings, parcels.shapes, parcels.bounds, *layer, *covers)

        def run(start: int, stop: int) -> tuple[Ints, Ints, Floats]:
            marks, edge_marks = np.zeros(count, dtype=np.int64), np.zeros(len(grid.edges), dtype=np.int64)
            scratch = np.empty(count), marks, edge_marks
            return search_block(start, stop, k, float(reach_m), lone, *arrays, *scratch)

        return Pairs.together(in_blocks(run, len(parcels), BLOCK))

    def overlap(self, parcels: Shapes) -> Pairs:
        """Return pairs of parcels and polygons that share area, with that area in m2.

        Sorted by parcel, then feature. An area below 1e-9 of the parcel's counts as none.
        """
        self._check(parcels)
        grid = self._grid
        if grid is None or self.kind != "polygon":
            return Pairs.together([])

        layer = (grid.edges, grid.turned, grid.owner, grid.frame, grid.levels, grid.cells, grid.entries)
        covers = (grid.cover_cells, grid.covers)
        arrays = (parcels.xy, parcels.rings, parcels.shapes, parcels.bounds, *layer, *covers)

        def run(start: int, stop: int) -> tuple[Ints, Ints, Floats]:
            return overlap_block(start, stop, *arrays)

        return Pairs.together(in_blocks(run, len(parcels), BLOCK))

    @cached_property
    def union(self) -> FeatureIndex:
        """The features dissolved, so that no ground is counted twice."""
        parts = shapely.get_parts(shapely.union_all(self.geometries))
        return FeatureIndex(np.asarray(parts, dtype=object), self.kind, self.origin)

    def covered_m2(self, parcels: Shapes) -> Floats:
        """Return the area in m2 of every parcel that lies under any feature; nil for an empty parcel."""
        pairs = self.union.overlap(parcels)
        return np.bincount(pairs.parcel, weights=pairs.measure, minlength=len(parcels)).astype(np.float64)

    def _check(self, parcels: Shapes) -> None:
        if parcels.kind != "polygon":
            raise ValueError("parcels are polygons")
        if parcels.origin != self.shapes.origin:
            raise ValueError(f"parcels have origin {parcels.origin}, features {self.shapes.origin}")


def dominant(pairs: Pairs, parcel_count: int) -> tuple[Ints, Floats]:
    """Return each parcel's feature with the largest measure (-1 where none) and that measure (NaN).

    Among equals it is the feature that stands first.
    """
    feature = np.full(parcel_count, -1, dtype=np.int64)
    measure = np.full(parcel_count, np.nan)
    most_of_each(pairs.parcel, pairs.feature, pairs.measure, feature, measure)
    return feature, measure
