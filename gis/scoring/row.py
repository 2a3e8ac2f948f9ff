"""One parcel's facts as arrays of one value, so that models and rules can run on them again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gis.facts.columns import Words, named
from gis.facts.table import Facts
from gis.vocabulary import FACTS

NO_WORD, ONE_WORD = np.array([-1]), np.array([0])


def arrays(facts: Mapping[str, Any]) -> Facts:
    """Return one row of facts as arrays of one value: NaN or no word where missing."""
    row: Facts = {}
    for column in FACTS:
        value = facts[column.name]
        if column.type == "float":
            row[column.name] = np.array([np.nan if value is None else value], dtype=np.float64)
        else:
            row[column.name] = Words(NO_WORD if value is None else ONE_WORD, named((value,)))
    return row
