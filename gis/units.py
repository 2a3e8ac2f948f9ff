"""What accompanies the frames that leave the engine: units of columns, rules, versions of the data.

It lies in `attrs`, which pandas copies in depth at every operation and writes to Parquet as JSON: plain
values only, and the long tables of units are shared instead of copied.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Protocol, Self, TypeVar

from gis.vocabulary import FACTS, VERDICTS

T = TypeVar("T")


class Shared(dict[str, T]):
    """What frames share instead of copying it; not to be written to."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class Units(Shared[str]):
    """Column -> unit, as declared (`m`, `kW`, `1` for fractions and counts)."""


class Measured(Protocol):
    """A column or field that may have a unit."""

    @property
    def name(self) -> str:
        """Its name in tables."""

    @property
    def unit(self) -> str | None:
        """Its unit, None where it has none."""


def units_of(columns: Iterable[Measured]) -> Units:
    """Return the units of the columns that have one."""
    return Units({c.name: c.unit for c in columns if c.unit is not None})


@lru_cache(maxsize=1)
def fact_units() -> Units:
    """Return the units of all facts."""
    return units_of(FACTS)


@lru_cache(maxsize=1)
def verdict_units() -> Units:
    """Return the units of all verdicts."""
    return units_of(VERDICTS)


def attributes(
    units: Units, ruleset: Mapping[str, str] | None = None, versions: Mapping[str, int] | None = None
) -> dict[Hashable | None, Any]:
    """Return the `attrs` of a frame: `units`, and where they apply `ruleset` and `data_versions`."""
    out: dict[Hashable | None, Any] = {"units": units}
    if ruleset is not None:
        out["ruleset"] = Shared(ruleset)
    if versions is not None:
        out["data_versions"] = Shared(versions)
    return out
