"""Shapely used as well as it can be: single segments and cut polygons in STRtrees, all cores."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import shapely

from gis.compiled import in_blocks
from tests.benchmarks.city import City
from tests.benchmarks.peers.questions import (
    MOST_VERTICES,
    Fact,
    Floats,
    Geometries,
    Ints,
    Rows,
    best,
    line_pieces,
    polygon_pieces,
    sums,
)

BLOCK = 4_096
FIRST_REACH_M = 500.0


def joined(blocks: list[tuple[Ints, ...]]) -> list[Ints]:
    """Return the columns of consecutive blocks."""
    return [np.concatenate(column) for column in zip(*blocks, strict=True)]


class Layer:
    """The features of a layer, cut into pieces, in a tree."""

    def __init__(self, pieces: Geometries, owner: Ints) -> None:
        self.pieces, self.owner = pieces, owner
        self.tree = shapely.STRtree(self.pieces)
        self.tree.query(shapely.Point(0, 0))  # the tree is built on first use


class Library:
    """Peer: shapely; STRtree.query releases Python's lock, so blocks of parcels run on all cores."""

    title = "shapely"

    def __init__(self, city: City) -> None:
        self.parcels = city.parcel
        start = time.perf_counter()
        whole = {name: getattr(city, name) for name in ("plant", "data_centre", "field", "green")}
        self.layers = {name: Layer(shapes, np.arange(len(shapes))) for name, shapes in whole.items()}
        self.segments = Layer(*line_pieces(city.main, 1))
        self.layers["main"] = Layer(*line_pieces(city.main, 20))
        self.layers["zone"] = Layer(*polygon_pieces(city.zone, 2 * MOST_VERTICES))
        self.build_s = time.perf_counter() - start

    def close(self) -> None:
        """Nothing to give back."""

    def run(self, fact: Fact, step: int) -> Callable[[], Rows] | None:
        """Answer now; see `Peer`."""
        if fact.ask == "halo":
            return None
        rows = getattr(self, fact.ask)(fact, self.parcels[::step], step)
        return lambda: rows

    def nearest(self, fact: Fact, parcels: Geometries, step: int) -> Rows:
        """Return the nearest feature, by its nearest segment."""
        layer = self.segments if fact.layer == "main" else self.layers[fact.layer]

        def run(start: int, stop: int) -> tuple[Ints, Ints, Floats]:
            (parcel, piece), distance = layer.tree.query_nearest(parcels[start:stop], return_distance=True)
            return best(parcel + start, layer.owner[piece], distance, 1)

        parcel, feature, distance = joined(in_blocks(run, len(parcels), BLOCK))
        return Rows(parcel * step, feature, distance)

    def nearest_k(self, fact: Fact, parcels: Geometries, step: int) -> Rows:
        """Return the nearest features within reach; most parcels find enough in a part of the reach."""
        layer = self.layers[fact.layer]

        def run(start: int, stop: int) -> tuple[Ints, Ints, Floats]:
            rows: list[tuple[Ints, Ints, Floats]] = []
            left, reach = np.arange(start, stop), FIRST_REACH_M
            while len(left):
                reach = min(reach, fact.reach_m)
                near, piece = layer.tree.query(parcels[left], predicate="dwithin", distance=reach)
                distance = shapely.distance(parcels[left[near]], layer.pieces[piece])
                near, feature, distance = best(near, layer.owner[piece], distance, fact.k)
                full = np.bincount(near, minlength=len(left)) >= fact.k
                full |= reach >= fact.reach_m
                rows.append((left[near[full[near]]], feature[full[near]], distance[full[near]]))
                left, reach = left[~full], reach * 2
            parcel, feature, distance = joined(rows)
            return parcel, feature, distance

        parcel, feature, distance = joined(in_blocks(run, len(parcels), BLOCK))
        return Rows(parcel * step, feature, distance)

    def overlap(self, fact: Fact, parcels: Geometries, step: int) -> Rows:
        """Return shared areas: prepared features over a tree of the parcels, cut only what crosses."""
        pieces = self.layers[fact.layer].pieces
        tree = shapely.STRtree(parcels)
        tree.query(shapely.Point(0, 0))

        def run(start: int, stop: int) -> tuple[Ints, Floats]:
            piece, parcel = tree.query(pieces[start:stop], predicate="intersects")
            inside = tree.query(pieces[start:stop], predicate="covers")
            key, covered = piece * len(parcels) + parcel, inside[0] * len(parcels) + inside[1]
            crossing = ~np.isin(key, covered)
            area = shapely.area(parcels[parcel])
            area[crossing] = shapely.area(
                shapely.intersection(parcels[parcel[crossing]], pieces[start + piece[crossing]])
            )
            return parcel, area

        parcel, area = joined(in_blocks(run, len(pieces), max(1, len(pieces) // 32)))
        return sums(parcel, area, len(parcels), step)

    def whole_area(self, fact: Fact, parcels: Geometries, step: int) -> Rows:
        """Return the area of all features within reach."""
        layer = self.layers[fact.layer]

        def run(start: int, stop: int) -> tuple[Ints, Floats]:
            near, piece = layer.tree.query(parcels[start:stop], predicate="dwithin", distance=fact.reach_m)
            return near + start, shapely.area(layer.pieces[piece])

        parcel, area = joined(in_blocks(run, len(parcels), BLOCK))
        return sums(parcel, area, len(parcels), step)
