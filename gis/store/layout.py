"""How one parcel's facts and verdicts lie in a row of `result.parcel_result`.

What maps and sums ask of every parcel at once has a column of its own, the rest is packed
into one field, `record`: a field costs the server as much time as a hundred packed numbers.
The record is little-endian: double precision numbers (NaN: missing), then ids of words and of
lists as 4-byte integers, then codes of closed vocabularies as bytes (0: missing).

Everything follows from `gis.vocabulary`. The variants of a technology are stored, the
better one is not: its columns are those of the variant that `<technology>_variant` names.
"""

from __future__ import annotations

import numpy as np

from gis.vocabulary import FACTS, OPTIONS, STATUSES, TECHNOLOGIES, VERDICTS

VARIANTS: tuple[str, ...] = tuple(o.variant for o in OPTIONS if o.variant is not None)

PLAIN: tuple[str, ...] = (
    "recommended", "recommended_status", "district", "township", "recommended_score",
    "area_m2", "heated_area_m2", "heat_load_kw", "heat_demand_mwh_per_a",
    "portfolio_installed_share_frac", "portfolio_share_without_air_frac", "portfolio_co2_saved_t_per_a",
)  # fmt: skip
"""Facts and verdicts with a column of their own, in the order of the table."""


def _picked() -> dict[str, dict[int, str]]:
    names = [c.name for c in VERDICTS]
    found: dict[str, dict[int, str]] = {}
    for name in names:
        for option in (o for o in OPTIONS if o.variant is not None):
            source = f"{option.id}{name.removeprefix(option.technology)}"
            if name.startswith(f"{option.technology}_") and source in names:
                found.setdefault(name, {})[VARIANTS.index(str(option.variant)) + 1] = source
    return found


def _choices(name: str) -> tuple[str, ...]:
    if name.endswith("_status"):
        return STATUSES
    return VARIANTS if name.endswith("_variant") else TECHNOLOGIES


PICKED: dict[str, dict[int, str]] = _picked()
"""Columns of the better variant: for the code of every variant the column that is its own."""

_STORED = tuple(c for c in VERDICTS if c.name not in PICKED)
CHOICES: dict[str, tuple[str, ...]] = {c.name: _choices(c.name) for c in _STORED if c.type == "text"}
"""Verdicts with a closed vocabulary: the code of its first word is 1."""

LISTS: tuple[str, ...] = tuple(c.name for c in _STORED if c.type == "text_list")
"""Verdicts that are lists, kept as ids in `result.code_list`."""

NUMBERS: tuple[str, ...] = tuple(c.name for c in (*FACTS, *_STORED) if c.type == "float")
"""Facts and verdicts that are numbers."""

WORDS: tuple[str, ...] = tuple(c.name for c in FACTS if c.type == "text")
"""Facts that are texts, kept as ids in `result.word`."""


def _packed(names: tuple[str, ...], kind: str) -> list[tuple[str, str]]:
    return [(name, kind) for name in names if name not in PLAIN]


RECORD = np.dtype(
    _packed(NUMBERS, "<f8") + _packed(WORDS, "<i4") + _packed(LISTS, "<i4") + _packed(tuple(CHOICES), "u1")
)
"""The packed field as numpy sees it."""


def place(name: str) -> int:
    """Return where a value begins in the record, in bytes."""
    return int(RECORD.fields[name][1])  # type: ignore[index]


def plain_kind(name: str) -> str:
    """Return the type of a value with a column of its own, as COPY BINARY has it (big-endian)."""
    if name in CHOICES:
        return ">i2"
    return ">i4" if name in WORDS or name in LISTS else ">f8"


def variant_of(name: str) -> str:
    """Return the column that tells which variant a column of `PICKED` is of."""
    return next(n for n in CHOICES if n.endswith("_variant") and name.startswith(n.removesuffix("variant")))


def word_of(name: str, code: int) -> str | None:
    """Return the word of a closed vocabulary that a code stands for, None for 0."""
    return CHOICES[name][code - 1] if code else None
