"""One parcel's facts as arrays of one value, so that models and rules can run on them again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gis.facts.columns import Words, named
from gis.vocabulary import FACTS

NO_WORD, ONE_WORD = np.array([-1]), np.array([0])


TEXTS = frozenset(c.name for c in FACTS if c.type != "float")


class Row(dict[str, Any]):
    """One row of facts as arrays of one value, made when asked for: NaN or no word where missing."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        super().__init__()
        self._facts = facts

    def __missing__(self, name: str) -> Any:
        value = self._facts[name]
        if name in TEXTS:
            self[name] = Words(NO_WORD if value is None else ONE_WORD, named((value,)))
        else:
            self[name] = np.array([np.nan if value is None else value], dtype=np.float64)
        return self[name]
