"""Which sources may serve a parcel: all in reach, and the nearest of each layer for the reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gis.facts.columns import Floats, Ints, Words, named
from gis.facts.ragged import Shapes
from gis.facts.surroundings import Surroundings
from gis.facts.table import Facts

NOWHERE = -1


@dataclass(frozen=True, eq=False)
class Later:
    """A column that nothing is decided by: worked out for the rows that are taken, mostly the best ones."""

    of: Callable[[Any], Words]

    def __getitem__(self, rows: Any) -> Words:
        return self.of(rows)


@dataclass(frozen=True, eq=False)
class Candidates:
    """(parcel, source) pairs sorted by parcel; the source is a feature of `layers[layer]`, or NOWHERE.

    `distance_m` is NaN where the layer was never loaded, and infinite where all
    layers are loaded and hold nothing. `influence_m` tells, by layer, how near to each
    parcel a feature has to be that comes, goes or changes, to change the parcel's rows.
    """

    layers: tuple[str, ...]
    parcel: Ints
    layer: Ints
    feature: Ints
    distance_m: Floats
    reach_m: Floats
    influence_m: Mapping[str, Floats]

    def __getitem__(self, rows: Any) -> Candidates:
        """Return some of the rows."""
        return Candidates(
            self.layers,
            self.parcel[rows],
            self.layer[rows],
            self.feature[rows],
            self.distance_m[rows],
            self.reach_m[rows],
            self.influence_m,
        )

    def layer_names(self) -> Words:
        """Return the layer of each row's source by codes."""
        return Words(np.where(self.feature < 0, -1, self.layer), named(self.layers))

    def of_layer(self, layer_id: str) -> tuple[Ints, Ints]:
        """Return the rows that name a feature of a layer, and those features."""
        rows = np.flatnonzero((self.layer == self.layers.index(layer_id)) & (self.feature >= 0))
        return rows, self.feature[rows]

    def words(self, around: Surroundings, name: str, fixed: Mapping[str, str] | None = None) -> Words:
        """Return a text column of each row's source by codes; `id` is the key of its layer.

        Of the layers in `fixed` it is the text given there.
        """
        codes = np.full(len(self.parcel), -1)
        names: list[Any] = []
        for layer_id in self.layers:
            rows, feature = self.of_layer(layer_id)
            if fixed and layer_id in fixed:
                codes[rows] = len(names)
                names.append(fixed[layer_id])
            elif len(rows):
                own = around.words(layer_id, f"{layer_id}_id" if name == "id" else name)
                found = own.codes[feature]
                codes[rows] = np.where(found < 0, -1, found + len(names))
                names.extend(own.names[:-1])
        return Words(codes, named(names))

    def facts(self, around: Surroundings, prefix: str) -> Facts:
        """Return layer, id, name, distance and reach of each row's source as facts."""
        return {
            f"{prefix}_source_layer": Later(lambda rows: self[rows].layer_names()),
            f"{prefix}_source_id": Later(lambda rows: self[rows].words(around, "id")),
            f"{prefix}_source_name": Later(lambda rows: self[rows].words(around, "name")),
            f"{prefix}_distance_m": self.distance_m,
            f"{prefix}_reach_m": self.reach_m,
        }


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
    parts: list[tuple[Ints, int, Ints, Floats]] = []
    influence_m = {layer_id: np.full(n, np.inf) for layer_id in layers}
    for code, layer_id in enumerate(layers):
        if around.loaded(layer_id):
            index, position = around.of_kinds(layer_id, (kinds or {}).get(layer_id))
            # The nearest one out of reach is for the reason.
            pairs = index.within_or_nearest(shapes, reach_m[layer_id])
            # Nothing matters beyond what was looked at: beyond reach, or beyond the nearest one.
            influence_m[layer_id][pairs.parcel] = np.maximum(pairs.measure, reach_m[layer_id])
            parts.append((pairs.parcel, code, position[pairs.feature], pairs.measure))
        else:
            parts.append((np.arange(n), code, np.full(n, NOWHERE), np.full(n, np.nan)))
    alone = np.flatnonzero(np.bincount(np.concatenate([p[0] for p in parts]), minlength=n) == 0)
    widest = max(range(len(layers)), key=lambda i: reach_m[layers[i]])
    parts.append((alone, widest, np.full(len(alone), NOWHERE), np.full(len(alone), np.inf)))
    parcel = np.concatenate([p[0] for p in parts])
    order = np.argsort(parcel, kind="stable")
    layer = np.concatenate([np.full(len(p[0]), p[1]) for p in parts])[order]
    return Candidates(
        layers,
        parcel[order],
        layer,
        np.concatenate([p[2] for p in parts])[order],
        np.concatenate([p[3] for p in parts])[order],
        np.asarray(list(reach_m.values()), dtype=np.float64)[layer],
        influence_m,
    )
