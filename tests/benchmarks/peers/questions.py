"""What every peer is asked, and the form of an answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
import shapely

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Geometries = npt.NDArray[np.object_]
Ask = Literal["nearest", "nearest_k", "overlap", "whole_area", "halo"]

MOST_VERTICES = 256
"""Large polygons are cut into pieces of at most so many vertices where a peer gains by it."""


@dataclass(frozen=True)
class Fact:
    """One question: how parcels lie to the features of `layer`."""

    title: str
    ask: Ask
    layer: str
    k: int = 1
    reach_m: float = np.inf


FACTS = {
    "main": Fact("nearest main", "nearest", "main"),
    "mains": Fact("5 nearest mains within 2 km", "nearest_k", "main", 5, 2_000.0),
    "plant": Fact("nearest plant", "nearest", "plant"),
    "data_centre": Fact("nearest data centre", "nearest", "data_centre"),
    "field": Fact("field overlap area", "overlap", "field"),
    "zone": Fact("zone overlap area", "overlap", "zone"),
    "green": Fact("green space within 100 m", "whole_area", "green", reach_m=100.0),
    "halo": Fact("green area in the 100 m halo", "halo", "green", reach_m=100.0),
}
LAYERS = tuple(dict.fromkeys(fact.layer for fact in FACTS.values()))


@dataclass(frozen=True, eq=False)
class Rows:
    """An answer: parcels and features by position, with metres, or a parcel's square metres (feature 0)."""

    parcel: Ints
    feature: Ints
    value: Floats


class Peer(Protocol):
    """One way to answer; indexes are built when it is made, which takes `build_s` seconds."""

    title: str
    build_s: float

    def run(self, fact: Fact, step: int) -> Callable[[], Rows] | None:
        """Answer for every `step`-th parcel and return what fetches the answer; None: it cannot be asked."""

    def close(self) -> None:
        """Give everything back."""


def sums(parcel: Ints, value: Floats, count: int, step: int) -> Rows:
    """Return the sums a parcel; `parcel` counts every `step`-th of `count` parcels."""
    total = np.bincount(parcel, weights=value, minlength=count)
    own = np.flatnonzero(total)
    return Rows(own * step, np.zeros(len(own), np.int64), total[own])


def best(parcel: Ints, feature: Ints, value: Floats, k: int) -> tuple[Ints, Ints, Floats]:
    """Return the `k` nearest features of every parcel out of pairs that may name one more than once."""
    order = np.lexsort((value, feature, parcel))
    parcel, feature, value = parcel[order], feature[order], value[order]
    once = np.r_[True, (parcel[1:] != parcel[:-1]) | (feature[1:] != feature[:-1])][: len(parcel)]
    parcel, feature, value = parcel[once], feature[once], value[once]
    order = np.lexsort((feature, value, parcel))
    parcel, feature, value = parcel[order], feature[order], value[order]
    rank = np.arange(len(parcel)) - np.searchsorted(parcel, parcel)
    return parcel[rank < k], feature[rank < k], value[rank < k]


def line_pieces(lines: Geometries, segments: int) -> tuple[Geometries, Ints]:
    """Return lines cut into pieces of at most `segments` segments, and the line of each piece."""
    xy, line = shapely.get_coordinates(lines, return_index=True)
    start = np.flatnonzero(line[1:] == line[:-1])
    first = (start - np.searchsorted(line, line[start])) % segments == 0
    piece = np.cumsum(first) - 1
    vertex, owner = np.r_[start[first], start + 1], np.r_[piece[first], piece]
    order = np.lexsort((vertex, owner))
    made = shapely.linestrings(xy[vertex[order]], indices=owner[order])
    return np.asarray(made, dtype=object), line[start[first]]


def polygon_pieces(polygons: Geometries, most: int) -> tuple[Geometries, Ints]:
    """Return polygons cut in halves until no piece has more than `most` vertices, and whose each is."""
    done: list[Geometries] = []
    owners: list[Ints] = []
    pieces, owner = polygons, np.arange(len(polygons))
    while len(pieces):
        small = shapely.get_num_coordinates(pieces) <= most
        done.append(pieces[small])
        owners.append(owner[small])
        pieces, owner = pieces[~small], owner[~small]
        x0, y0, x1, y1 = shapely.bounds(pieces).T
        wide = x1 - x0 > y1 - y0
        xm, ym = np.where(wide, (x0 + x1) / 2, x1), np.where(wide, y1, (y0 + y1) / 2)
        first = shapely.intersection(pieces, shapely.box(x0, y0, xm, ym))
        xm, ym = np.where(wide, xm, x0), np.where(wide, y0, ym)
        second = shapely.intersection(pieces, shapely.box(xm, ym, x1, y1))
        pieces, owner = np.r_[first, second], np.r_[owner, owner]
    return np.concatenate(done), np.concatenate(owners)
