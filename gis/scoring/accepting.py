"""Parcels from elsewhere in the form that the engine judges; those that have it go through as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gis.crs import is_crs, metric_area
from gis.errors import InputError
from layers import LAYERS

if TYPE_CHECKING:
    from gis.ingest import ImportReport

_SPEC = LAYERS["parcel"]
_POLYGONS = (3, 6)


def accepted(parcels: pd.DataFrame, crs: str) -> tuple[gpd.GeoDataFrame, ImportReport | None]:
    """Return parcels as rows of the layer `parcel` in the metric CRS, and the account of what that took.

    A table with `parcel_id` and polygons in `crs` whose other columns are fields, or nothing that is known,
    is returned itself, without an account. Any other is read as an import reads a file. Raises
    InputError for a table that cannot be judged whole.
    """
    if len(parcels) == 0:
        raise InputError("there are no parcels to score; the table has no rows.")
    if isinstance(parcels, gpd.GeoDataFrame) and _is_right(parcels, crs):
        _check_place(parcels, crs)
        return parcels, None
    from gis.ingest.frames import undeclared  # with the readers of all formats, which scoring does without
    from gis.ingest.mapping import Request, map_file
    from gis.ingest.report import ImportReport

    if not isinstance(parcels, gpd.GeoDataFrame) or parcels.active_geometry_name is None:
        raise InputError(
            "the parcels have no shapes; give a GeoDataFrame, or read them with gis.read_mapped."
        )
    _check_shapes(parcels)
    if parcels.crs is None:
        raise InputError(f"parcels: {undeclared(parcels)}")
    report = ImportReport(layer=_SPEC.id, source="parcels")
    mapped = map_file(Request(parcels, crs=crs), _SPEC, report)
    if report.rejects:
        first = report.rejects[0]
        raise InputError(
            f"parcels: row {first.row}: {first.reason}; correct or drop it ({report.rows_rejected:,} of "
            f"{report.rows_read:,} rows fail)."
        )
    return mapped.frame, report


def _is_right(parcels: gpd.GeoDataFrame, crs: str) -> bool:
    """Return whether a table is in the form of the layer already."""
    if parcels.active_geometry_name is None or parcels.crs is None or not is_crs(parcels.crs, crs):
        return False
    if _SPEC.key not in parcels.columns:
        return False
    shapes = np.asarray(parcels.geometry, dtype=object)
    if not np.isin(shapely.get_type_id(shapes), _POLYGONS).all() or shapely.has_z(shapes).any():
        return False
    lacking = [name for name in _SPEC.field_names if name not in parcels.columns]
    strange = [str(c) for c in parcels.columns if c not in _SPEC.field_names]
    return not lacking or not _names_one_of(lacking, strange)


def _names_one_of(lacking: list[str], strange: list[str]) -> bool:
    """Return whether a column of another name is recognised as a field that the table lacks."""
    from gis.ingest.columns import map_columns

    found = map_columns(_SPEC, strange, None, has_geometry=True, cut_names=False)
    return not set(lacking).isdisjoint(found.fields)


def _check_shapes(parcels: gpd.GeoDataFrame) -> None:
    """Raise InputError where a parcel has no shape, or one that is no polygon."""
    shapes = np.asarray(parcels.geometry, dtype=object)
    names = parcels[_SPEC.key] if _SPEC.key in parcels.columns else pd.Series(range(1, len(parcels) + 1))
    empty = np.flatnonzero(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    if len(empty):
        raise InputError(f"parcel {names.iloc[empty[0]]} has no geometry; drop it or draw it.")
    wrong = np.flatnonzero(~np.isin(shapely.get_type_id(shapes), (*_POLYGONS, 7)))
    if len(wrong):
        raise InputError(
            f"parcel {names.iloc[wrong[0]]} is a {shapes[wrong[0]].geom_type}; parcels are polygons."
        )


def _check_place(parcels: gpd.GeoDataFrame, crs: str) -> None:
    """Raise InputError where no parcel lies in the area that the metric CRS is good for."""
    west, south, east, north = metric_area(crs)
    left, bottom, right, top = parcels.total_bounds
    if not (west < right and left < east and south < top and bottom < north):
        raise InputError(
            f"parcels: all lie outside the area of {crs} ({left:,.0f} to {right:,.0f} m east, "
            f"{bottom:,.0f} to {top:,.0f} m north); check the coordinate system that they are declared in."
        )
