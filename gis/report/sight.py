"""What lies around a parcel, for the map of its report: only of layers that the reader may read."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

import numpy as np
import shapely

from gis.crs import Geometries
from gis.errors import NotFoundError
from gis.store import Store, items
from gis.store.collections import COLLECTIONS
from layers import LAYERS

DRAWN = (
    "shallow_geothermal_zone",
    "geothermal_field",
    "water_intake_zone",
    "drilling_exclusion",
    "parcel",
    "heat_network",
    "reclaimed_water_pipeline",
    "wastewater_plant",
    "waste_heat_source",
    "data_centre",
)
"""Layers of the map around the parcel, the lowest first."""
LEAST_MARGIN_M = 800.0
MOST_DRAWN = 2000


@dataclass(frozen=True)
class Sight:
    """A parcel and what lies around it, in the storage CRS (EPSG:4548, metres, x east before y north).

    `box` is what the map shows; `layers` has the outlines by layer, `districts` those of the city;
    `left_out` names layers with too many features to draw, none of which is drawn.
    """

    parcel: shapely.Geometry
    synthetic: bool
    box: tuple[float, float, float, float]
    layers: Mapping[str, Geometries]
    districts: Geometries
    left_out: tuple[str, ...]


def sight_of(store: Store, may_read: Container[str], parcel_id: str) -> Sight:
    """Return a parcel with its surroundings; NotFoundError where there is no such parcel."""
    loaded = [name for name in store.layer_versions() if name in may_read]
    with store.engine.connect() as connection:
        found = items.one(connection, COLLECTIONS["parcel"], parcel_id)
        parcel = found.geometries[0]
        if parcel is None:
            raise NotFoundError(f"The parcel {parcel_id!r} has no outline.")
        west, south, east, north = parcel.bounds
        x, y = (west + east) / 2.0, (south + north) / 2.0
        margin_m = max(LEAST_MARGIN_M, 1.5 * max(east - west, north - south))
        box = x - margin_m, y - 0.75 * margin_m, x + margin_m, y + 0.75 * margin_m

        def outlines(layer: str, within: shapely.Geometry | None) -> Geometries | None:
            page = items.page(connection, COLLECTIONS[layer], MOST_DRAWN, box=within)
            # A part of them would pass for all.
            if page.after is not None:
                return None
            return np.array([g for g in page.geometries if g is not None], dtype=object)

        seen = {name: outlines(name, shapely.box(*box)) for name in DRAWN if name in loaded}
        districts = outlines("district", None) if "district" in loaded else None
    names = [p.name for p in COLLECTIONS["parcel"].properties]
    synthetic = bool(dict(zip(names, found.values[0], strict=True)).get("synthetic"))
    return Sight(
        parcel,
        synthetic,
        box,
        {name: shapes for name, shapes in seen.items() if shapes is not None and len(shapes)},
        np.array([], dtype=object) if districts is None else districts,
        tuple(name for name, shapes in seen.items() if shapes is None),
    )


def title_of(layer: str) -> dict[str, str]:
    """Return the title of a drawn layer (zh, en)."""
    return LAYERS[layer].title.model_dump()
