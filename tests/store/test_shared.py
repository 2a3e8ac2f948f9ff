"""Which parcels have the same combination of values, against a dictionary that knows it by the bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.facts.columns import Words, named
from gis.store.layout import SHARED, SHARED_NUMBERS, SHARED_WORDS
from gis.store.shared import combination, combined, row

OTHER_NAN = np.array([0xFFF8000000000123], dtype=np.uint64).view(np.float64)[0]
NUMBERS = [0.0, -0.0, 1.0, 5e-324, -1 / 3, np.nan, OTHER_NAN, np.inf, -np.inf, 1e300]
NAMES = ["甲", "", "O'Brien", "甲"]


def columns_of(group: str, rng: np.random.Generator, count: int, kinds: int) -> dict[str, Any]:
    """Return random columns of a group with about so many combinations, a name by two codes among them."""
    chosen = rng.integers(0, kinds, count)
    columns: dict[str, Any] = {}
    for name in SHARED_NUMBERS[group]:
        drawn = np.array(NUMBERS)[rng.integers(0, len(NUMBERS), kinds)]
        columns[name] = np.where(rng.random(kinds) < 0.5, rng.normal(size=kinds), drawn)[chosen]
    for name in SHARED_WORDS[group]:
        columns[name] = Words(rng.integers(-1, len(NAMES), kinds)[chosen].astype(np.int16), named(NAMES))
    return columns


def expected(columns: dict[str, Any], group: str, i: int) -> tuple[list[str], list[str | None]]:
    """Return the values of a parcel, numbers spelled out by their bits."""
    numbers = [columns[n][i] for n in SHARED_NUMBERS[group]]
    return (
        [float(v).hex() if np.isfinite(v) else "missing" for v in numbers],
        [columns[n].texts()[i] for n in SHARED_WORDS[group]],
    )


@pytest.mark.parametrize("group", SHARED)
@pytest.mark.parametrize(("count", "kinds"), [(0, 1), (1, 1), (700, 5), (3_000, 40), (5_000, 20_000)])
def test_the_same_values_have_the_same_id(group: str, count: int, kinds: int) -> None:
    columns = columns_of(group, np.random.default_rng([count, kinds]), count, kinds)
    ids: dict[Any, int] = {}
    codes, by_code = combined(
        group, columns, lambda *values: ids.setdefault(combination(*values), len(ids) + 1)
    )
    stored = [row(key) for key in ids]
    wanted: dict[Any, int] = {}
    for i in range(count):
        values = expected(columns, group, i)
        number = wanted.setdefault(repr(values), int(by_code[codes[i]]))
        assert number == by_code[codes[i]]
        numbers, words = stored[number - 1]
        assert ["missing" if n is None else n.hex() for n in numbers] == values[0]
        assert words == values[1]
    assert len(set(wanted.values())) == len(wanted) == len(ids)


@given(
    st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False)), st.lists(st.none() | st.text())
)
def test_a_row_comes_back_as_the_combination_it_was(
    numbers: list[float | None], words: list[str | None]
) -> None:
    found, told = row(combination(numbers, words))
    assert repr(found) == repr(numbers)
    assert told == words
    assert combination(found, told) == combination(numbers, words)
