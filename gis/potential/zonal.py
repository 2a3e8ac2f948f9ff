"""A potential by zones: districts, townships, plans, or any polygons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from gis.crs import STORAGE_EPSG, stack
from gis.errors import InputError
from gis.facts.raster import statistics
from gis.scoring.ground import HECTARE_M2
from layers import POTENTIAL

if TYPE_CHECKING:
    from gis.potential.potential import GroundPotential

UNITS = {
    "known_area_m2": "m2",
    "known_area_frac": "1",
    "open_area_m2": "m2",
    **{f"{s.column}_{what}": s.unit for s in POTENTIAL.values() for what in ("mean", "min", "max")},
    "theoretical_ground_heat_mwh_per_a": "MWh/a",
    "theoretical_capacity_kw": "kW",
}
"""Columns that `zonal` adds, with their units."""


def zonal(potential: GroundPotential, zones: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return `zones` with what the ground in each gives, cells by the share that a zone covers.

    known_area_m2, known_area_frac  ground of which the potential is known, 0 where excluded among it
    open_area_m2                    ground of cells where boreholes may be
    *_mean, *_min, *_max            of `layers.POTENTIAL`, over the cells with a value; NaN without any
    theoretical_ground_heat_mwh_per_a, theoretical_capacity_kw
                                    all known ground as if it were open: also what lies under buildings and
                                    roads. An upper bound, no plan; NaN where nothing is known.

    `attrs` has `units` by column and `notes`, what the figures leave out. Raises InputError for zones without
    a CRS, that are not polygons, or that have a column of these names already.
    """
    if zones.crs is None:
        raise InputError("the zones name no coordinate system; set it with set_crs first")
    if taken := sorted(UNITS.keys() & set(zones.columns)):
        raise InputError(f"the zones have columns {', '.join(taken)} already; drop or rename them first")
    placed = stack(zones.to_crs(STORAGE_EPSG).geometry).copy()
    placed[shapely.is_missing(placed)] = shapely.MultiPolygon()
    if not np.isin(shapely.get_type_id(placed), (3, 6)).all():
        raise InputError("a zone is no polygon; potentials are told by polygons")
    bands = {id_: potential.band(id_) for id_ in POTENTIAL}
    found = statistics(bands, placed, ("count", "sum", "mean", "min", "max"))
    cell_m2 = potential.grid.cell_m**2
    known, area = found["ground_heat", "count"] * cell_m2, shapely.area(placed)
    out = zones.copy()
    out["known_area_m2"] = known
    # A zone may have no area; coverage is kept in single precision.
    out["known_area_frac"] = np.minimum(
        np.divide(known, area, out=np.full_like(area, np.nan), where=area > 0), 1
    )
    out["open_area_m2"] = found["borehole_heat", "count"] * cell_m2
    for id_, spec in POTENTIAL.items():
        for what in ("mean", "min", "max"):
            out[f"{spec.column}_{what}"] = found[id_, what]
    for id_, column in (
        ("ground_heat", "theoretical_ground_heat_mwh_per_a"),
        ("ground_capacity", "theoretical_capacity_kw"),
    ):
        out[column] = np.where(known > 0, found[id_, "sum"] * cell_m2 / HECTARE_M2, np.nan)
    out.attrs |= {"units": dict(UNITS), "notes": potential.tags["NOT_INCLUDED"]}
    return out
