"""Which areas that the policy names a parcel lies in."""

from __future__ import annotations

from typing import get_args

import numpy as np
import numpy.typing as npt

from gis.facts.columns import Words, named
from gis.facts.ragged import Shapes
from gis.facts.surroundings import Surroundings
from gis.facts.table import Facts
from gis.rules.model import PolicyArea

KINDS = get_args(PolicyArea.model_fields["kind"].annotation)


def area_facts(
    shapes: Shapes, facts: Facts, around: Surroundings, areas: tuple[PolicyArea, ...]
) -> dict[str, Words]:
    """Return the id of the pilot or focus area of each kind that a parcel lies in; None where in none.

    A part of a district is its side of the centre of the district's outline, seen
    from the middle of the parcel's extent.
    """
    codes = {kind: np.full(len(shapes), -1) for kind in KINDS}
    district, township = facts["district"], facts["township"]
    for code, area in enumerate(areas):
        inside = _where(district, [name in area.districts for name in district.names[:-1]])
        if area.townships:
            starts = tuple(area.townships)
            inside &= _where(township, [name.startswith(starts) for name in township.names[:-1]])
        if area.part and inside.any():
            inside &= _on_side(shapes, district, area.part, around)
        values = codes[area.kind]
        values[inside & (values < 0)] = code
    names = named(area.id for area in areas)
    return {kind: Words(values, names) for kind, values in codes.items()}


def _where(column: Words, wanted: list[bool]) -> npt.NDArray[np.bool_]:
    """Return the rows whose text is wanted, `wanted` being one flag a text; not where it is missing."""
    flags: npt.NDArray[np.bool_] = np.array([*wanted, False], dtype=bool)[column.codes]
    return flags


def _on_side(shapes: Shapes, district: Words, part: str, around: Surroundings) -> npt.NDArray[np.bool_]:
    if not around.loaded("district"):
        return np.zeros(len(shapes), dtype=bool)
    outlines = around.words("district", "name")
    centres = around.centres("district")
    place = {outlines.names[code]: (c.x, c.y) for code, c in zip(outlines.codes, centres, strict=True)}
    nowhere = (np.nan, np.nan)
    centre = np.array([*(place.get(name, nowhere) for name in district.names[:-1]), nowhere])[district.codes]
    west, south, east, north = shapes.bounds.T
    offset_east = (west + east) / 2 + shapes.origin[0] - centre[:, 0]
    offset_north = (south + north) / 2 + shapes.origin[1] - centre[:, 1]
    sides = {
        "east": offset_east > 0,
        "west": offset_east < 0,
        "north": offset_north > 0,
        "south": offset_north < 0,
    }
    on: npt.NDArray[np.bool_] = np.logical_and.reduce([sides[side] for side in part.split("_")])
    return on
