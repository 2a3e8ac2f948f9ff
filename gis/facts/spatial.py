"""Distance and overlap between parcels and the features of one layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import shapely

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Geometries = npt.NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Pairs:
    """(parcel, feature) pairs by position, with a measure each: metres or square metres.

    Sorted by parcel, then feature.
    """

    parcel: Ints
    feature: Ints
    measure: Floats

    def __len__(self) -> int:
        return len(self.parcel)


def _sorted(parcel: Ints, feature: Ints, measure: Floats) -> Pairs:
    order = np.lexsort((feature, parcel))
    return Pairs(parcel[order], feature[order], measure[order])


@dataclass(frozen=True, eq=False)
class FeatureIndex:
    """Spatial index over the geometries of one layer, in the order of its keys.

    Not safe for use by two threads at once: GEOS caches inside prepared geometries.
    """

    geometries: Geometries
    _tree: shapely.STRtree = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_tree", shapely.STRtree(self.geometries))

    def nearest(self, parcels: Geometries) -> Pairs:
        """Return the nearest feature of every parcel with its distance in m; no pairs from an empty layer."""
        if len(self.geometries) == 0 or len(parcels) == 0:
            return Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
        (parcel, feature), distance_m = self._tree.query_nearest(parcels, return_distance=True)
        found = _sorted(parcel.astype(np.int64), feature.astype(np.int64), distance_m)
        first = np.r_[True, found.parcel[1:] != found.parcel[:-1]]
        return Pairs(found.parcel[first], found.feature[first], found.measure[first])

    def within(self, parcels: Geometries, reach_m: float) -> Pairs:
        """Return all pairs no farther apart than `reach_m`, with their distance in m."""
        parcel, feature = self._tree.query(parcels, predicate="dwithin", distance=reach_m)
        return _sorted(
            parcel.astype(np.int64),
            feature.astype(np.int64),
            shapely.distance(parcels[parcel], self.geometries[feature]),
        )

    def overlap(self, parcels: Geometries) -> Pairs:
        """Return pairs of parcels and polygon features that share area, with that area in m2."""
        parcel, feature = self._tree.query(parcels, predicate="intersects")
        parcel, feature = parcel.astype(np.int64), feature.astype(np.int64)
        area_m2 = shapely.area(parcels[parcel])
        zones = self.geometries[feature]
        shapely.prepare(self.geometries)
        crossing = ~shapely.covers(zones, parcels[parcel])
        area_m2[crossing] = shapely.area(shapely.intersection(parcels[parcel[crossing]], zones[crossing]))
        keep = area_m2 > 0
        return _sorted(parcel[keep], feature[keep], area_m2[keep])

    @cached_property
    def union(self) -> FeatureIndex:
        """The features dissolved, so that no ground is counted twice."""
        if len(self.geometries) == 0:
            return self
        parts = shapely.get_parts(shapely.union_all(self.geometries))
        return FeatureIndex(np.asarray(parts, dtype=object))

    def covered_m2(self, parcels: Geometries) -> Floats:
        """Return the area in m2 of every parcel that lies under any feature."""
        pairs = self.union.overlap(parcels)
        return np.bincount(pairs.parcel, weights=pairs.measure, minlength=len(parcels)).astype(np.float64)


def dominant(pairs: Pairs, parcel_count: int) -> tuple[Ints, Floats]:
    """Return each parcel's feature with the largest measure (-1 where none) and that measure (NaN)."""
    feature = np.full(parcel_count, -1, dtype=np.int64)
    measure = np.full(parcel_count, np.nan)
    # Ascending measure, and descending feature among equals: the last write is the wanted one.
    order = np.lexsort((-pairs.feature, pairs.measure))
    feature[pairs.parcel[order]] = pairs.feature[order]
    measure[pairs.parcel[order]] = pairs.measure[order]
    return feature, measure
