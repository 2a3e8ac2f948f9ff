"""Which parcels are asked for by what was worked out of them: what a filter says, and the same as CQL2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

FACETS = ("district", "technology", "status", "land_use_class")
"""What parcels are told apart by, each one word a parcel."""

NONE = "none"
"""Stands in a filter for what is missing: no recommendation, no district."""

PROPERTY: Mapping[str, str] = MappingProxyType(
    {
        "district": "district",
        "technology": "recommended",
        "status": "recommended_status",
        "land_use_class": "land_use_class",
    }
)
"""Facets by the names they have among facts and verdicts."""


@dataclass(frozen=True)
class ParcelFilter:
    """Words wanted of each facet, `NONE` for missing, all where there are none; and a range of the score.

    The score is that of the recommended technology, 0 to 100, both ends within; with an end given,
    parcels without a score do not pass. Parcels that were not scored yet never pass.
    """

    district: tuple[str, ...] = ()
    technology: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    land_use_class: tuple[str, ...] = ()
    score_min: float | None = None
    score_max: float | None = None

    def wanted(self, facet: str) -> tuple[str, ...]:
        """Return the words wanted of a facet, none where all pass."""
        words: tuple[str, ...] = getattr(self, facet)
        return words

    @property
    def by_score(self) -> bool:
        """Whether the score has a bound."""
        return self.score_min is not None or self.score_max is not None

    @property
    def passes_all(self) -> bool:
        """Whether nothing is asked for."""
        return not self.by_score and not any(map(self.wanted, FACETS))

    def cql2(self) -> str | None:
        """Return the same as CQL2 text over the collection of suitabilities, None where nothing is asked."""
        if self.passes_all:
            return None
        # Of a parcel that was not scored yet everything is missing; of every other the area is known.
        parts = ["area_m2 >= 0"]
        parts += [_cql2_of(PROPERTY[facet], self.wanted(facet)) for facet in FACETS if self.wanted(facet)]
        if self.score_min is not None:
            parts.append(f"recommended_score >= {self.score_min!r}")
        if self.score_max is not None:
            parts.append(f"recommended_score <= {self.score_max!r}")
        return " AND ".join(parts)


def _cql2_of(name: str, wanted: tuple[str, ...]) -> str:
    words = ", ".join("'" + word.replace("'", "''") + "'" for word in wanted if word != NONE)
    parts = [f"{name} IN ({words})"] if words else []
    if NONE in wanted:
        parts.append(f"{name} IS NULL")
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"
