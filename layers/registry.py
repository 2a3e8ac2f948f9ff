"""The catalogue of layers: the only place that turns a name into a declaration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from layers.core import CORE
from layers.spec import LayerSpec
from layers.supporting import SUPPORTING


class Registry(Mapping[str, LayerSpec]):
    """An ordered, read-only catalogue of layers by id."""

    def __init__(self, specs: tuple[LayerSpec, ...]) -> None:
        ids = [s.id for s in specs]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise ValueError(f"layer {', '.join(twice)} is declared twice")
        self._specs: Mapping[str, LayerSpec] = MappingProxyType({s.id: s for s in specs})

    def __getitem__(self, layer_id: str) -> LayerSpec:
        return self._specs[layer_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)


LAYERS = Registry(CORE + SUPPORTING)
