"""How one parcel's facts and verdicts lie in a row of `result.parcel_result`.

What maps and sums ask of every parcel at once has a column of its own, the rest is packed
into one field, `record`: a field costs the server as much time as a hundred packed numbers,
and every byte costs it as well. What belongs to the source that serves a parcel, or to the
place it is in, is the same for many parcels and stands once in `result.shared`.

The record is little-endian. Its head has a fixed length: three maps of a bit a number, then ids
of shared rows, of words and of lists as 4-byte integers, then codes of closed vocabularies as
bytes (0: missing). Behind it stand, as double precision numbers in their order, those that the
first map tells of. The others are 0 or 1 where the second or third map says so, else missing.

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


SHARED: dict[str, tuple[str, ...]] = {
    "place": (
        "planning_area", "geothermal_pilot_area", "geothermal_focus_area", "data_centre_area", "season_d",
        "air_source_seasonal_cop", "air_source_cop_design", "air_source_cop_rating",
        "air_source_supply_limit_degc",
    ),
    "land_use": (
        "land_use_code", "land_use_class", "building_status", "heated_area_basis", "heat_index_w_per_m2",
    ),
    "shallow_zone": (
        "shallow_geothermal_zone_id", "shallow_suitability", "ground_heat_capacity_mj_per_m3_k",
    ),
    "reclaimed_source": (
        "reclaimed_source_layer", "reclaimed_source_id", "reclaimed_source_name", "reclaimed_medium",
        "reclaimed_reach_m", "reclaimed_flow_m3_per_d", "reclaimed_temperature_degc",
        "reclaimed_committed_kw", "reclaimed_remaining_kw", "reclaimed_water_capacity_kw",
    ),
    "geothermal_field": (
        "geothermal_field_id", "geothermal_field_name", "geothermal_temperature_degc",
        "geothermal_yield_m3_per_d", "geothermal_thickness_m", "geothermal_field_area_m2",
        "geothermal_committed_kw", "geothermal_field_remaining_kw", "doublet_life_a",
        "geothermal_gradient_k_per_km", "rock_conductivity_w_per_m_k", "closed_loop_kw_per_well",
    ),
    "waste_heat_source": (
        "waste_heat_source_layer", "waste_heat_source_id", "waste_heat_source_name", "waste_heat_kind",
        "waste_heat_reach_m", "waste_heat_it_power_kw", "waste_heat_recoverable_kw",
        "waste_heat_committed_kw", "waste_heat_remaining_kw", "waste_heat_capacity_kw",
    ),
    "biomass_source": (
        "biomass_source_layer", "biomass_source_id", "biomass_source_name", "biomass_kind",
        "biomass_reach_m", "biomass_recoverable_kw", "biomass_committed_kw", "biomass_remaining_kw",
        "biomass_capacity_kw",
    ),
}  # fmt: skip
"""Groups of numbers and words with few combinations in a city, kept as ids in `result.shared`.

Any values may stand in them: where every parcel has its own, there are as many rows as parcels.
"""

GROUP: dict[str, str] = {name: group for group, names in SHARED.items() for name in names}
"""The group of every column that is in one."""

SHARED_NUMBERS: dict[str, tuple[str, ...]] = {
    group: tuple(n for n in names if n in NUMBERS) for group, names in SHARED.items()
}
"""The numbers of every group, in their order in `result.shared`."""

SHARED_WORDS: dict[str, tuple[str, ...]] = {
    group: tuple(n for n in names if n in WORDS) for group, names in SHARED.items()
}
"""The words of every group, in their order in `result.shared`."""

PACKED: tuple[str, ...] = tuple(n for n in NUMBERS if n not in PLAIN and n not in GROUP)
"""The numbers in the record, in their order."""

MAPS = ("stored", "zero", "one")
"""The maps at the head of the record; bit i of a map is that of `PACKED[i]`, the lowest of a byte first."""

MAP_BYTES = -(-len(PACKED) // 8)


def _own(names: tuple[str, ...], kind: str) -> list[tuple[str, str]]:
    return [(name, kind) for name in names if name not in PLAIN and name not in GROUP]


HEAD = np.dtype(
    [(name, f"V{MAP_BYTES}") for name in MAPS]
    + [(group, "<i4") for group in SHARED]
    + (_own(WORDS, "<i4") + _own(LISTS, "<i4") + _own(tuple(CHOICES), "u1"))
)
"""The head of the record as numpy sees it."""


def place(name: str) -> int:
    """Return where a value of the head begins in the record, in bytes."""
    return int(HEAD.fields[name][1])  # type: ignore[index]


def plain_kind(name: str) -> str:
    """Return the type of a value with a column of its own, as COPY BINARY has it (big-endian)."""
    if name in CHOICES:
        return ">i2"
    return ">f8" if name in NUMBERS else ">i4"


def variant_of(name: str) -> str:
    """Return the column that tells which variant a column of `PICKED` is of."""
    return next(n for n in CHOICES if n.endswith("_variant") and name.startswith(n.removesuffix("variant")))


def word_of(name: str, code: int) -> str | None:
    """Return the word of a closed vocabulary that a code stands for, None for 0."""
    return CHOICES[name][code - 1] if code else None
