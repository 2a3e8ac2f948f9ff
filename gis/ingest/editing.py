"""A single feature as it is sent: merged with what is held, and checked as an import is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from gis.crs import STORAGE_CRS, stack, to_storage
from gis.errors import BodyError, InputError
from gis.ingest.frames import TABLE
from gis.ingest.mapping import Request, map_file
from gis.ingest.report import ImportReport
from layers import LayerSpec


def merged(
    spec: LayerSpec, held: gpd.GeoDataFrame | None, feature_id: str, sent: Mapping[str, Any], geometry: Any
) -> gpd.GeoDataFrame:
    """Return a feature in EPSG:4548 with the layer's fields, as the store takes it.

    held      the feature as it is, whose values stay where nothing is sent; None where it has none to keep
    sent      properties of the GeoJSON Feature: null is a missing value
    geometry  outline in CRS84, None for no outline, `...` where the one that is held stays

    Raises BodyError with the place for properties that the layer has not, another key, an invalid outline
    and whatever an import of this row would refuse.
    """
    for name in sent:
        if name not in spec.field_names:
            known = ", ".join(spec.field_names)
            raise BodyError(f"{spec.id} has no field {name!r}; it has {known}.", f"/properties/{name}")
    if str(sent.get(spec.key) or feature_id) != feature_id:
        raise BodyError(
            f"{spec.key} is {feature_id!r} and cannot be changed: delete the feature and make a new one.",
            f"/properties/{spec.key}",
        )
    values: dict[str, Any] = dict.fromkeys(spec.field_names)
    outline = None
    if held is not None:
        values |= {name: held[name].iloc[0] for name in spec.field_names}
        outline = held.geometry.iloc[0]
    values |= {**sent, spec.key: feature_id}
    if geometry is not ...:
        outline = None if geometry is None else to_storage(stack([geometry]))[0]
    if outline is not None and not shapely.is_valid(outline):
        raise BodyError(f"The outline is not valid: {shapely.is_valid_reason(outline)}.", "/geometry")
    row = pd.DataFrame({name: pd.Series([value], dtype=object) for name, value in values.items()})
    frame = gpd.GeoDataFrame(row, geometry=gpd.GeoSeries([outline], crs=STORAGE_CRS))
    return _checked(spec, frame)


def _checked(spec: LayerSpec, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    report = ImportReport(layer=spec.id, source=TABLE)
    try:
        mapped = map_file(Request(frame, columns={n: n for n in spec.field_names}), spec, report)
    except InputError as error:
        raise BodyError(f"The feature cannot be stored: {str(error).removeprefix(f'{TABLE}: ')}") from error
    if report.rejects:
        raise BodyError(f"The feature cannot be stored: {report.rejects[0].reason}.")
    return mapped.frame
