"""Which sources may serve a parcel: all in reach, and the nearest of each layer for the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gis.facts.columns import Floats, Ints, Words, named
from gis.facts.index import Pairs
from gis.facts.ragged import Shapes
from gis.facts.surroundings import Surroundings
from gis.facts.table import Facts
from gis.scoring.kernels import count_rows, enter_rows, numbered

NOWHERE = -1
NO_NAMES = np.empty(0, dtype=object)


@dataclass(frozen=True, eq=False)
class Sources:
    """The sources that some parcels share: features of `layers[layer]`, or NOWHERE."""

    layers: tuple[str, ...]
    layer: Ints
    feature: Ints
    reach_m: Floats

    def __len__(self) -> int:
        return len(self.layer)

    def of_layer(self, layer_id: str) -> tuple[Ints, Ints]:
        """Return the places of the features of a layer, and those features."""
        places = np.flatnonzero((self.layer == self.layers.index(layer_id)) & (self.feature >= 0))
        return places, self.feature[places]

    def numbers(self, around: Surroundings, name: str, *layers: str) -> Floats:
        """Return a numeric column of each source, NaN where it is of none of `layers`."""
        values = np.full(len(self), np.nan)
        for layer_id in layers:
            places, feature = self.of_layer(layer_id)
            if len(places):
                values[places] = around.column(layer_id, name)[feature]
        return values

    def words(self, around: Surroundings, name: str, fixed: Mapping[str, str] | None = None) -> Words:
        """Return a text column of each source by codes; `id` is the key of its layer.

        Of the layers in `fixed` it is the text given there.
        """
        codes, names, count = np.full(len(self), -1), [], 0
        for layer_id in self.layers:
            places, feature = self.of_layer(layer_id)
            if fixed and layer_id in fixed:
                codes[places] = count
                names.append(np.array([fixed[layer_id]], dtype=object))
            elif len(places):
                own = around.words(layer_id, f"{layer_id}_id" if name == "id" else name)
                found = own.codes[feature]
                codes[places] = np.where(found < 0, -1, found + count)
                names.append(own.names[:-1])
            else:
                continue
            count += len(names[-1])
        used = numbered(codes, count)
        # Of all names of the layers those that occur: there may be many.
        return Words(codes, named(np.concatenate([*names, NO_NAMES])[used]))

    def facts(self, around: Surroundings, prefix: str) -> Facts:
        """Return layer, id, name and reach of each source as facts."""
        return {
            f"{prefix}_source_layer": self.words(around, "layer", {layer: layer for layer in self.layers}),
            f"{prefix}_source_id": self.words(around, "id"),
            f"{prefix}_source_name": self.words(around, "name"),
            f"{prefix}_reach_m": self.reach_m,
        }


@dataclass(frozen=True, eq=False)
class Candidates:
    """(parcel, source) pairs sorted by parcel; `source` is a place in `sources`.

    `distance_m` is NaN where the layer was never loaded, and infinite where all
    layers are loaded and hold nothing. `influence_m` tells, by layer, how near to each
    parcel a feature has to be that comes, goes or changes, to change the parcel's rows.
    """

    sources: Sources
    parcel: Ints
    source: Ints
    distance_m: Floats
    influence_m: Mapping[str, Floats]


def find_candidates(
    shapes: Shapes,
    around: Surroundings,
    reach_m: dict[str, float],
    kinds: dict[str, tuple[str, ...]] | None = None,
) -> Candidates:
    """Return the sources of the layers in `reach_m` (layer -> reach in m) that may serve each parcel.

    `kinds` limits a layer to features of some kinds, or of no stated kind. Every
    parcel gets at least one row, and one with an unknown source for every layer
    that was never loaded: something in reach may stand there.
    """
    n, layers = len(shapes), tuple(reach_m)
    found: list[Pairs] = []
    features: list[Ints] = []  # of each layer in the order of its index, and NOWHERE
    influence_m = {layer_id: np.full(n, np.inf) for layer_id in layers}
    for layer_id in layers:
        position = np.empty(0, dtype=np.int64)
        if around.loaded(layer_id):
            index, position = around.of_kinds(layer_id, (kinds or {}).get(layer_id))
            # The nearest one out of reach is for the reason.
            pairs = index.within_or_nearest(shapes, reach_m[layer_id])
            # Nothing matters beyond what was looked at: beyond reach, or beyond the nearest one.
            influence_m[layer_id][pairs.parcel] = np.maximum(pairs.measure, reach_m[layer_id])
            found.append(pairs)
        else:
            found.append(Pairs(np.arange(n), np.zeros(n, dtype=np.int64), np.full(n, np.nan)))
        features.append(np.append(position, NOWHERE))
    widest = max(range(len(layers)), key=lambda i: reach_m[layers[i]])
    parcel, source, distance_m = _joined(found, [len(f) for f in features], widest, n)
    used = numbered(source, sum(map(len, features)))
    layer = np.repeat(np.arange(len(layers)), [len(f) for f in features])[used]
    reach = np.array(list(reach_m.values()), dtype=np.float64)[layer]
    sources = Sources(layers, layer, np.concatenate(features)[used], reach)
    return Candidates(sources, parcel, source, distance_m, influence_m)


def _joined(found: list[Pairs], sizes: list[int], widest: int, n: int) -> tuple[Ints, Ints, Floats]:
    """Return parcel, source and distance of every row, by parcel and then as in `found`.

    Sources are counted on from layer to layer. A parcel in no pair gets the last one of the layer `widest`.
    """
    starts = np.zeros(n + 1, dtype=np.int64)
    for pairs in found:
        count_rows(pairs.parcel, starts)
    alone = np.flatnonzero(starts[1:] == 0)
    starts[alone + 1] = 1
    np.cumsum(starts, out=starts)
    rows = np.empty(starts[-1], dtype=np.int64), np.empty(starts[-1], dtype=np.int64), np.empty(starts[-1])
    first = np.cumsum([0, *sizes])
    for pairs, start in zip(found, first, strict=False):
        enter_rows(pairs.parcel, pairs.feature, pairs.measure, int(start), starts, *rows)
    nothing, away_m = np.full(len(alone), sizes[widest] - 1), np.full(len(alone), np.inf)
    enter_rows(alone, nothing, away_m, int(first[widest]), starts, *rows)
    return rows
