"""The compiled loops behind the judgement: one pass over the rows each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gis.compiled import compiled, lean
from gis.facts.columns import Floats

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.int8]

UNSUITABLE, UNKNOWN, CONDITIONAL, SUITABLE = range(4)
"""Statuses from worst to best."""
MET, FAILED, MISSING, NOT_APPLICABLE = range(4)
"""Outcomes of a check or a note."""
BLOCK = 1024
OPERATORS = {"ge": 0, "gt": 1, "le": 2, "lt": 3}


@lean
def compare(values: Floats, limits: Floats, operator: int, result: Bytes) -> None:
    """Write MET, FAILED or, where a number is NaN, MISSING; `limits` is one for all or one a row."""
    each = 1 if len(limits) > 1 else 0
    for i in range(len(values)):
        value, limit = values[i], limits[i * each]
        if operator == 0:
            holds = value >= limit
        elif operator == 1:
            holds = value > limit
        elif operator == 2:
            holds = value <= limit
        else:
            holds = value < limit
        unknown = np.isnan(value) or np.isnan(limit)
        result[i] = MISSING if unknown else (MET if holds else FAILED)


@lean
def count_rows(parcel: Ints, counts: Ints) -> None:
    """Add to `counts`, at the place after a parcel's own, how many of `parcel` it is."""
    for i in range(len(parcel)):
        counts[parcel[i] + 1] += 1


@lean
def enter_rows(
    parcel: Ints, feature: Ints, measure: Floats, first_source: int,
    starts: Ints, parcels: Ints, sources: Ints, distances_m: Floats,
) -> None:  # fmt: skip
    """Write pairs to the rows of their parcels, which begin at `starts`, and move these on."""
    for i in range(len(parcel)):
        at = starts[parcel[i]]
        parcels[at], sources[at], distances_m[at] = parcel[i], first_source + feature[i], measure[i]
        starts[parcel[i]] = at + 1


@compiled
def numbered(codes: Ints, count: int) -> Ints:
    """Number the codes (below `count`) that occur anew, in place; return what they were. -1 stays."""
    place, used = np.full(count, -1, dtype=np.int64), np.empty(count, dtype=np.int64)
    found = 0
    for i in range(len(codes)):
        code = codes[i]
        if code >= 0:
            if place[code] < 0:
                place[code], used[found] = found, code
                found += 1
            codes[i] = place[code]
    return used[:found].copy()


@compiled
def carried(capacity_kw: Floats, load_kw: Floats) -> Floats:
    """Return the share of a load that a capacity can carry, 1 at most; NaN where there is no load."""
    result = np.empty(len(capacity_kw))
    for i in range(len(result)):
        part = capacity_kw[i] / load_kw[i] if load_kw[i] > 0.0 else np.nan
        result[i] = 1.0 if part > 1.0 else part
    return result


@compiled
def combine(outcomes: Bytes, check_count: int) -> tuple[npt.NDArray[np.int32], Ints]:
    """Return, for every column of `outcomes`, the number of its combination, and the combinations as keys.

    The first `check_count` rows take two bits of a key each, the others, notes, one: whether they are MET.
    """
    n = outcomes.shape[1]
    kinds = np.empty(n, dtype=np.int32)
    slots = np.full(1024, -1, dtype=np.int32)
    keys = np.empty(512, dtype=np.int64)
    found = 0
    block = np.empty(BLOCK, dtype=np.int64)
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        # Condition after condition, as they lie in memory, and a block of rows at a time.
        block[:] = 0
        for k in range(outcomes.shape[0]):
            for i in range(start, stop):
                if k < check_count:
                    block[i - start] = block[i - start] << 2 | outcomes[k, i]
                else:
                    block[i - start] = block[i - start] << 1 | (outcomes[k, i] == MET)
        for i in range(start, stop):
            key = block[i - start]
            slot = _slot(slots, keys, key)
            if slots[slot] < 0:
                if found == len(keys):
                    keys = np.concatenate((keys, np.empty(found, dtype=np.int64)))
                    slots = np.full(2 * len(slots), -1, dtype=np.int32)
                    for kind in range(found):
                        slots[_slot(slots, keys, keys[kind])] = kind
                    slot = _slot(slots, keys, key)
                keys[found] = key
                slots[slot] = found
                found += 1
            kinds[i] = slots[slot]
    return kinds, keys[:found].copy()


@lean
def _slot(slots: npt.NDArray[np.int32], keys: Ints, key: np.int64) -> int:
    """Return the place of a key in a table of a power of two: where it is, or where it would be put."""
    mask = len(slots) - 1
    slot = (key * -7046029254386353131 >> 32) & mask
    while slots[slot] >= 0 and keys[slots[slot]] != key:
        slot = (slot + 1) & mask
    return int(slot)


@compiled
def score(
    status: Bytes, terms: Floats, curves: Floats, bonus: Floats, bonus_holds: Bytes, conditional_frac: float
) -> Floats:
    """Return 0 to 100 a row: 0 where excluded, NaN where unknown, scaled down where conditional.

    `terms` is (term, row), `curves` start, end, weight and 1 for rising or 0 for falling of each;
    `bonus` points count where `bonus_holds` (bonus, row) is MET.
    """
    result = np.empty(len(status))
    total = curves[:, 2].sum()
    for i in range(len(status)):
        if status[i] == UNSUITABLE:
            result[i] = 0.0
            continue
        if status[i] == UNKNOWN:
            result[i] = np.nan
            continue
        points = 0.0
        for k in range(len(terms)):
            start, end, weight = curves[k, 0], curves[k, 1], curves[k, 2]
            part = (terms[k, i] - start) / (end - start)
            if part < 0.0:
                part = 0.0
            elif part > 1.0:
                part = 1.0
            points += weight * (part if curves[k, 3] > 0.0 else 1.0 - part)
        points = 100.0 * points / total
        for k in range(len(bonus)):
            if bonus_holds[k, i] == MET:
                points = min(points + bonus[k], 100.0)
        result[i] = points * conditional_frac if status[i] == CONDITIONAL else points
    return result


@compiled
def best_rows(parcel: Ints, status: Bytes, score: Floats, distance_m: Floats, capacity_kw: Floats) -> Ints:
    """Return the row of every parcel with the best status, then score, then the nearest, then the largest.

    Rows are in ascending order of parcel; of equals the first one wins, and what is not known is the least.
    """
    rows = np.empty(len(parcel), dtype=np.int64)
    count, best = 0, 0
    for i in range(len(parcel)):
        if i == 0 or parcel[i] != parcel[i - 1]:
            rows[count] = i
            count += 1
            best = i
            continue
        order = status[i] - status[best]
        if order == 0:
            order = _order(score[i], score[best])
        if order == 0:
            order = _order(-distance_m[i], -distance_m[best])
        if order == 0:
            order = _order(capacity_kw[i], capacity_kw[best])
        if order > 0:
            rows[count - 1] = i
            best = i
    return rows[:count].copy()


@lean
def _order(a: float, b: float) -> int:
    """Return 1, 0 or -1 for greater, equal or less; NaN is less than any number."""
    if np.isnan(a) or np.isnan(b):
        return int(np.isnan(b)) - int(np.isnan(a))
    return int(a > b) - int(a < b)


@compiled
def choose(
    rank: Bytes, share_frac: Floats, score: Floats, least_frac: float
) -> tuple[Bytes, Bytes, Floats, npt.NDArray[np.int16]]:
    """Return, of technologies in their order (technology, parcel), the first that may be recommended.

    That is its place (-1 for none), status and score, and the bits of the technologies before it that
    are unknown. It is conditional or suitable and reaches the least share.
    """
    n = rank.shape[1]
    chosen, status, points = np.full(n, -1, dtype=np.int8), np.zeros(n, dtype=np.int8), np.full(n, np.nan)
    unknown = np.zeros(n, dtype=np.int16)
    for i in range(n):
        for k in range(len(rank)):
            if rank[k, i] >= CONDITIONAL and share_frac[k, i] >= least_frac:
                chosen[i], status[i], points[i] = k, rank[k, i], score[k, i]
                break
            if rank[k, i] == UNKNOWN:
                unknown[i] |= 1 << k
    return chosen, status, points, unknown
