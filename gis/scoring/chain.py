"""The models of one option run on demand: only what an answer asks for, and what that asks for in turn."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np

from gis.facts.table import Facts
from gis.scoring.engine import FactOf
from gis.scoring.row import Row
from gis.scoring.technologies import Model, Models, Parameters, models_of
from gis.vocabulary import FACTS


@dataclass(frozen=True)
class Part:
    """A model with the facts that it asks for and those that it gives."""

    model: Model
    asks: frozenset[str]
    gives: frozenset[str]


@lru_cache(maxsize=64)
def parts_of(option: str, models: Models) -> tuple[Part, ...]:
    """Return the models of an option with what they ask for and give, found out by running them."""
    row: Facts = Row(dict.fromkeys(c.name for c in FACTS))
    rules = models.ruleset.options[option]
    found: list[Part] = []
    for model in models_of(option):
        asked: set[str] = set()
        with np.errstate(all="ignore"):
            given = model(partial(_noted, row, asked), rules, models)
        row |= given
        found.append(Part(model, frozenset(asked), frozenset(given)))
    return tuple(found)


def _noted(row: Facts, asked: set[str], name: str) -> Any:
    asked.add(name)
    return row[name]


def moved(parts: Iterable[Part], facts: Iterable[str]) -> frozenset[str]:
    """Return facts with all that follows from them by the models."""
    found = set(facts)
    for part in parts:
        if not part.asks.isdisjoint(found):
            found |= part.gives
    return frozenset(found)


class Chain:
    """What the models of an option make of facts, each run when something of it is asked for.

    What is `still` is taken from the facts instead, though a model gives it.
    """

    def __init__(
        self,
        parts: tuple[Part, ...],
        fact: Callable[[str], Any],
        p: Parameters,
        models: Models,
        still: Container[str] = (),
    ) -> None:
        self.parts, self._fact, self._p, self._models, self._still = parts, fact, p, models, still
        self.given: dict[int, Facts] = {}
        """By the place of a model what it gave."""

    def __call__(self, name: str) -> Any:
        """Return a fact after all models."""
        return self._before(len(self.parts), name)

    def _before(self, end: int, name: str) -> Any:
        if name not in self._still:
            for place in range(end - 1, -1, -1):
                if name in self.parts[place].gives:
                    return self._run(place)[name]
        return self._fact(name)

    def _run(self, place: int) -> Facts:
        if place not in self.given:
            fact: FactOf = partial(self._before, place)
            self.given[place] = self.parts[place].model(fact, self._p, self._models)
        return self.given[place]
