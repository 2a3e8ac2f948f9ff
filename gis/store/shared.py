"""Finding which parcels have the same combination of values: what stands once in `result.shared`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gis.compiled import compiled, lean
from gis.facts.columns import Words
from gis.store.encode import finite
from gis.store.layout import SHARED_NUMBERS, SHARED_WORDS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Shorts = npt.NDArray[np.int32]
Combination = tuple[bytes, tuple[str | None, ...]]
"""Numbers, as the bytes of doubles, and words of a row of `result.shared`."""

BLOCK = 1024


@compiled
def _alike(bits: Ints, codes: Shorts) -> tuple[Shorts, Ints]:
    """Return the number of the combination in every column of `bits` and `codes`, and where each is first."""
    n = bits.shape[1]
    kinds = np.empty(n, dtype=np.int32)
    firsts = np.empty(512, dtype=np.int64)
    sums = np.empty(512, dtype=np.int64)
    slots = np.full(1024, -1, dtype=np.int32)
    found = 0
    block = np.empty(BLOCK, dtype=np.int64)
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        _sum(bits, codes, start, stop, block)
        for i in range(start, stop):
            key = block[i - start]
            slot = _slot(slots, sums, key, bits, codes, firsts, i)
            if slots[slot] < 0:
                if found == len(firsts):
                    firsts = np.concatenate((firsts, np.empty(found, dtype=np.int64)))
                    sums = np.concatenate((sums, np.empty(found, dtype=np.int64)))
                    slots = np.full(2 * len(slots), -1, dtype=np.int32)
                    for kind in range(found):
                        slots[_slot(slots, sums, sums[kind], bits, codes, firsts, firsts[kind])] = kind
                    slot = _slot(slots, sums, key, bits, codes, firsts, i)
                firsts[found], sums[found] = i, key
                slots[slot] = found
                found += 1
            kinds[i] = slots[slot]
    return kinds, firsts[:found].copy()


@lean
def _sum(bits: Ints, codes: Shorts, start: int, stop: int, sums: Ints) -> None:
    """Write a check sum of every column from `start` to `stop`."""
    sums[: stop - start] = 0
    # Turned rather than multiplied: that a processor does for four at a time.
    for k in range(len(bits)):
        for i in range(stop - start):
            sums[i] = (sums[i] << 11) ^ (sums[i] >> 53) ^ bits[k, start + i]
    for k in range(len(codes)):
        for i in range(stop - start):
            sums[i] = (sums[i] << 11) ^ (sums[i] >> 53) ^ codes[k, start + i]


@lean
def _slot(slots: Shorts, sums: Ints, key: int, bits: Ints, codes: Shorts, firsts: Ints, column: int) -> int:
    """Return the place of a column in a table of a power of two: where its like is, or would be put."""
    mask = len(slots) - 1
    slot = (key * -7046029254386353131 >> 32) & mask
    while slots[slot] >= 0:
        kind = slots[slot]
        if sums[kind] == key and _same(bits, codes, firsts[kind], column):
            break
        slot = (slot + 1) & mask
    return int(slot)


@lean
def _same(bits: Ints, codes: Shorts, one: int, other: int) -> bool:
    same = True
    for k in range(len(bits)):
        same &= bits[k, one] == bits[k, other]
    for k in range(len(codes)):
        same &= codes[k, one] == codes[k, other]
    return same


def combined(
    group: str, columns: Mapping[str, Any], id_of: Callable[[Floats, Sequence[str | None]], int]
) -> tuple[Shorts, Ints]:
    """Return which combination of the group's values every parcel has, and the ids of the combinations.

    `columns` has the group's numbers as float64, missing where NaN or infinite, and its words as
    `Words`. Numbers are the same where their bits are; missing ones all are.
    """
    words: list[Words] = [columns[n] for n in SHARED_WORDS[group]]
    numbers = np.array([finite(columns[n]) for n in SHARED_NUMBERS[group]])
    numbers[np.isnan(numbers)] = np.nan
    kinds, firsts = _alike(numbers.view(np.int64), np.array([w.codes for w in words], dtype=np.int32))
    texts = zip(*(w.names[w.codes[firsts]] for w in words), strict=True)
    ids = [id_of(*values) for values in zip(numbers[:, firsts].T, texts, strict=True)]
    return kinds, np.array(ids, dtype=np.int64)


def combination(numbers: Floats | Sequence[float | None], words: Sequence[str | None]) -> Combination:
    """Return numbers, NaN or None where missing, and words in a form that is the same for the same bits."""
    return np.array(numbers, dtype=np.float64).tobytes(), tuple(words)


def row(found: Combination) -> tuple[list[float | None], list[str | None]]:
    """Return a combination as the numbers and words of a row, None where missing."""
    numbers, words = found
    return [None if n != n else n for n in np.frombuffer(numbers).tolist()], list(words)
