"""Which areas that the policy names a parcel lies in."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import shapely

from gis.facts.columns import Texts, Words, absent, named
from gis.facts.surroundings import Surroundings
from gis.facts.table import Facts
from gis.rules.model import PolicyArea

KINDS = get_args(PolicyArea.model_fields["kind"].annotation)


def area_facts(
    shapes: Texts, facts: Facts, around: Surroundings, areas: tuple[PolicyArea, ...]
) -> dict[str, Words]:
    """Return the id of the pilot or focus area of each kind that a parcel lies in; None where in none.

    A part of a district is its side of the centre of the district's outline, seen
    from the parcel's own centre.
    """
    codes = {kind: np.full(len(shapes), -1) for kind in KINDS}
    district, township = facts["district"], facts["township"]
    for code, area in enumerate(areas):
        inside = np.isin(np.where(absent(district), "", district).astype(str), area.districts)
        if area.townships and inside.any():
            inside[inside] = [any(str(t).startswith(a) for a in area.townships) for t in township[inside]]
        if area.part and inside.any():
            inside[inside] = _on_side(shapes[inside], district[inside], area.part, around)
        values = codes[area.kind]
        values[inside & (values < 0)] = code
    names = named(area.id for area in areas)
    return {kind: Words(values, names) for kind, values in codes.items()}


def _on_side(
    shapes: Texts, district: npt.NDArray[Any], part: str, around: Surroundings
) -> npt.NDArray[np.bool_]:
    if not around.loaded("district"):
        return np.zeros(len(shapes), dtype=bool)
    names = around.texts("district", "name")
    centres = shapely.centroid(around.index("district").geometries)
    position = {name: i for i, name in enumerate(names)}
    centre = centres[[position.get(name, 0) for name in district]]
    own = shapely.centroid(shapes)
    east, north = shapely.get_x(own) - shapely.get_x(centre), shapely.get_y(own) - shapely.get_y(centre)
    sides = {"east": east > 0, "west": east < 0, "north": north > 0, "south": north < 0}
    on = np.array([name in position for name in district], dtype=bool)
    for side in part.split("_"):
        on &= sides[side]
    return on
