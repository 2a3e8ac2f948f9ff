"""Lists of names as columns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from gis.facts.columns import Codes, Texts, Words, named


def lists_of(names: Sequence[str], bits: Codes) -> Words:
    """Return, for each of `bits`, the names whose bit is set; equal combinations share one list."""
    return Words(bits, _lists(tuple(names)))


@lru_cache
def _lists(names: tuple[str, ...]) -> Texts:
    kinds = range(1 << len(names))
    return named([name for bit, name in enumerate(names) if kind >> bit & 1] for kind in kinds)
