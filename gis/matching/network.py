"""What is to be matched: parcels, limited sources, and the pairs of them that may be connected.

Power is whole watts: sums are exact, and a total can be held against another to the watt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from gis.errors import InputError

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Progress = Callable[[int, int, str], None]
"""Told `(done, total, what is done next)` between the steps."""

MOST_PAIRS = 20_000_000
"""Pairs that fit the memory of a usual machine (some 200 bytes each while they are solved)."""

MOST_TIERS = 64
OVERFLOW = 2**62
"""No sum of power, nor of power times length or cost, may reach this: 64 bits would overflow."""

_WORDS = {
    "load_w": ("parcel", "load"),
    "least_w": ("parcel", "least connection"),
    "supply_w": ("source", "capacity"),
    "tier": ("source", "tier"),
    "group": ("source", "group"),
    "group_supply_w": ("group", "capacity"),
    "parcel": ("pair", "parcel"),
    "source": ("pair", "source"),
    "limit_w": ("pair", "limit"),
    "length_m": ("pair", "length"),
    "cost": ("pair", "cost"),
}


def whole(name: str, values: Any, count: int | None = None, floor: int = 0) -> Ints:
    """Return a column as whole numbers, or say which row has none.

    Parameters
    ----------
    name
        Name of the column, as in `Network`.
    values
        The column; floating-point numbers are taken where they are whole.
    count
        Rows it must have; None: any.
    floor
        The least value allowed.
    """
    row = _WORDS[name][0]
    column = np.atleast_1d(np.asarray(values))
    if column.ndim != 1 or (count is not None and len(column) != count):
        raise InputError(f"{name} must have one value for every {row}: {count}, not {column.shape}")
    if column.dtype.kind == "f":
        _refuse(column, np.isnan(column), "{row} {at} has no {what}", name)
        _refuse(column, ~(np.abs(column) < OVERFLOW), "{row} {at} has a {what} beyond all bounds", name)
        _refuse(
            column, column != np.floor(column), "{row} {at} has a {what} that is not whole: {value}", name
        )
    elif column.dtype.kind not in "iu" and len(column):
        raise InputError(f"{name} must be whole numbers, not {column.dtype}")
    _refuse(column, column >= OVERFLOW, "{row} {at} has a {what} beyond all bounds", name)
    _refuse(column, column < floor, "{row} {at} has a negative {what}: {value}", name)
    return np.ascontiguousarray(column, dtype=np.int64)


def _refuse(column: npt.NDArray[Any], wrong: Bools, text: str, name: str) -> None:
    """Raise InputError with the first row that is wrong."""
    if wrong.any():
        at = int(np.argmax(wrong))
        row, what = _WORDS[name]
        raise InputError(text.format(row=row, at=at, what=what, value=column[at]))


def refuse_overflow(load_w: Ints, cost: Ints, what: str) -> None:
    """Raise InputError where the total of power times cost might not fit 64 bits."""
    largest = int(cost.max()) if len(cost) else 0
    if sum(load_w.tolist()) * max(largest, 1) >= OVERFLOW:
        raise InputError(f"the total load times the largest {what} ({largest}) does not fit 64 bits")


@dataclass(frozen=True, eq=False)
class Network:
    """Parcels, sources, and the pairs of them that may be connected.

    Parcels without load and sources without pairs are allowed: they get nothing. All
    sources of a group are of one tier: only then does every tier have a most that it can
    serve beside the tiers before it.

    Raises
    ------
    InputError
        Where a number is missing, negative, not whole, out of range or given twice.
    """

    load_w: Ints
    """(parcel,) What is to be served; >= 0."""
    least_w: Ints
    """(parcel,) A connection carries at least this, or nothing; 0: any."""
    supply_w: Ints
    """(source,) >= 0."""
    tier: Ints
    """(source,) 0 is served first."""
    group: Ints
    """(source,) Position in `group_supply_w`, or -1: mains of one plant, blocks of one field."""
    group_supply_w: Ints
    """(group,) What the sources of a group supply together at most."""
    parcel: Ints
    """(pair,) Position of the parcel; every pair once, sorted by parcel, then source."""
    source: Ints
    """(pair,) Position of the source."""
    limit_w: Ints
    """(pair,) Most that the connection may carry; >= 0."""
    length_m: Ints
    """(pair,) Whole metres; >= 0."""

    def __post_init__(self) -> None:
        counts: dict[str, int] = {}
        for field in fields(self):
            row = _WORDS[field.name][0]
            floor = -1 if field.name == "group" else 0
            column = whole(field.name, getattr(self, field.name), counts.get(row), floor)
            counts.setdefault(row, len(column))
            object.__setattr__(self, field.name, column)
        if counts["pair"] > MOST_PAIRS:
            raise InputError(f"{counts['pair']} pairs are more than can be solved at once ({MOST_PAIRS})")
        for name, end in (("parcel", "parcel"), ("source", "source"), ("group", "group")):
            column = getattr(self, name)
            _refuse(
                column, column >= counts[end], "{row} {at} names a {what} that is not there: {value}", name
            )
        _refuse(
            self.tier, self.tier >= MOST_TIERS, "{row} {at} has a {what} that is too large: {value}", "tier"
        )
        self._refuse_order()
        self._refuse_mixed_groups()
        refuse_overflow(self.load_w, self.length_m, "length")
        for supply in (self.supply_w, self.group_supply_w, self.least_w):
            refuse_overflow(supply, supply[:0], "length")

    def _refuse_order(self) -> None:
        step, turn = np.diff(self.parcel), np.diff(self.source)
        twice = (step == 0) & (turn == 0)
        if twice.any():
            at = int(np.argmax(twice))
            raise InputError(f"parcel {self.parcel[at]} and source {self.source[at]} are paired twice")
        if ((step < 0) | ((step == 0) & (turn < 0))).any():
            raise InputError("pairs must be sorted by parcel, then source")

    def _refuse_mixed_groups(self) -> None:
        highest = np.full(len(self.group_supply_w), -1, dtype=np.int64)
        member = np.flatnonzero(self.group >= 0)
        np.maximum.at(highest, self.group[member], self.tier[member])
        mixed = member[self.tier[member] != highest[self.group[member]]]
        if len(mixed):
            raise InputError(f"group {self.group[mixed[0]]} has sources of different tiers")

    @cached_property
    def most_w(self) -> Ints:
        """(pair,) Most that a connection can carry; 0 where that, or the source, is below the least."""
        supply = self.supply_w.copy()
        member = np.flatnonzero(self.group >= 0)
        supply[member] = np.minimum(supply[member], self.group_supply_w[self.group[member]])
        most = np.minimum(self.limit_w, self.load_w[self.parcel])
        # A source too small for the least is of no use; else it bounds the sum of its pairs, not each.
        most[np.minimum(most, supply[self.source]) < self.least_w[self.parcel]] = 0
        return most

    @cached_property
    def parcel_start(self) -> Ints:
        """(parcel + 1,) Where the pairs of a parcel begin."""
        return np.searchsorted(self.parcel, np.arange(len(self.load_w) + 1)).astype(np.int64)

    @cached_property
    def by_source(self) -> tuple[Ints, Ints]:
        """Where the pairs of a source begin in the second column, which holds them from short to long."""
        # Pairs are in the order of their parcels already.
        order = np.lexsort((self.length_m, self.source))
        start = np.zeros(len(self.supply_w) + 1, dtype=np.int64)
        np.cumsum(np.bincount(self.source, minlength=len(self.supply_w)), out=start[1:])
        return start, order.astype(np.int64)

    def least_pair(self, key: Ints) -> Ints:
        """Return for every parcel the pair of the least key (pair,), the first of equals; -1: it has none."""
        start = self.parcel_start
        some = np.flatnonzero(np.diff(start))
        least = np.zeros_like(self.load_w)
        least[some] = np.minimum.reduceat(key, start[some]) if len(some) else 0
        hits = np.flatnonzero(key == least[self.parcel])[::-1]
        pair = np.full(len(self.load_w), -1, dtype=np.int64)
        pair[self.parcel[hits]] = hits  # the first comes last, and stays
        return pair

    def by_tier(self, of_source: Ints) -> Ints:
        """Return the sum of a column of the sources by tier, up to the last tier there is."""
        total = np.zeros(int(self.tier.max(initial=-1)) + 1, dtype=np.int64)
        np.add.at(total, self.tier, of_source)
        return total

    def sum_by(self, at: Ints, of_pair: Ints, count: int) -> Ints:
        """Return sums of a column of the pairs by position; exact, as floating-point sums are not."""
        total = np.zeros(count, dtype=np.int64)
        np.add.at(total, at, of_pair)
        return total
