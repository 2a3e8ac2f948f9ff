"""Ours: the compiled kernels of `gis.facts` over arrays of coordinates."""

from __future__ import annotations

import time
from collections.abc import Callable

from gis.facts.halo import halo_areas
from gis.facts.index import FeatureIndex
from gis.facts.ragged import Shapes
from tests.benchmarks.city import City
from tests.benchmarks.peers.questions import LAYERS, Fact, Rows, sums

KINDS = {"main": "line", "plant": "point", "data_centre": "point"}


class Ours:
    """The kernels alone: parcels are arrays already, indexes of the layers are built."""

    title = "ours"

    def __init__(self, city: City) -> None:
        self.parcels = Shapes.of(city.parcel, "polygon")
        start = time.perf_counter()
        self.indexes = {n: FeatureIndex(getattr(city, n), KINDS.get(n, "polygon")) for n in LAYERS}
        self.build_s = time.perf_counter() - start

    def close(self) -> None:
        """Nothing to give back."""

    def run(self, fact: Fact, step: int) -> Callable[[], Rows]:
        """Answer for all parcels (`step` is 1); see `Peer`."""
        assert step == 1, "our own time is never scaled"
        index, parcels, n = self.indexes[fact.layer], self.parcels, len(self.parcels)
        if fact.ask == "nearest":
            pairs = index.nearest(parcels)
        elif fact.ask == "nearest_k":
            pairs = index.nearest_k(parcels, fact.k, fact.reach_m)
        elif fact.ask == "overlap":
            pairs = index.overlap(parcels)
            rows = sums(pairs.parcel, pairs.measure, n, 1)
            return lambda: rows
        else:
            pairs = index.within(parcels, fact.reach_m)
            if fact.ask == "halo":
                area = halo_areas(parcels, index.shapes, pairs.parcel, pairs.feature, fact.reach_m)
            else:
                area = index.shapes.area_m2[pairs.feature]
            rows = sums(pairs.parcel, area, n, 1)
            return lambda: rows
        return lambda: Rows(pairs.parcel, pairs.feature, pairs.measure)
