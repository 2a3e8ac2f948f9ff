"""Polygons of a request as parcels: the same columns, types and geometry as an import makes."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd

from api.geojson import BodyFeature
from gis.crs import API_CRS, Geometries, stack
from gis.errors import BodyError
from gis.ingest.checks import bad_text, out_of_range
from gis.ingest.columns import map_columns
from gis.ingest.datum import SourceCrs
from gis.ingest.report import ImportReport
from gis.ingest.shapes import as_layer_kind, to_layer
from gis.ingest.values import convert, empty
from layers import LAYERS

_SPEC = LAYERS["parcel"]
_CRS84 = SourceCrs(API_CRS, API_CRS, None, geographic=True)


def to_parcels(
    features: Sequence[BodyFeature], area: gpd.GeoDataFrame | None
) -> tuple[pd.DataFrame, Geometries]:
    """Return one parcel per feature, in the order of the body: the fields that were given, and polygons.

    The polygons are in EPSG:4548.

    Properties are recognised by the declared Chinese and English names, unknown
    ones are left aside. `area` holds the districts of the city; None when they were
    never loaded. Raises BodyError with the place of the first bad value.
    """
    geometries = _geometries(features)
    if area is not None and len(area):
        _check_inside(features, geometries, area)
    columns = _columns(features)
    given = columns.get(_SPEC.key, empty(_SPEC.field(_SPEC.key), len(features)))
    return pd.DataFrame(columns | {_SPEC.key: _ids(features, given)}), geometries


def _geometries(features: Sequence[BodyFeature]) -> Geometries:
    """Return the polygons exactly as an import stores them."""
    shapes = as_layer_kind(stack([f.geometry for f in features]), _SPEC)
    stored, problems = to_layer(shapes, _SPEC, _CRS84, ImportReport(layer=_SPEC.id, source="request"))
    for row in sorted(problems):
        at = f"{features[row].place}/coordinates"
        raise BodyError(
            f"{at}: {problems[row]}, seen on the grid of 0.1 mm; send a larger polygon.", at, "too_small"
        )
    return stored


def _check_inside(features: Sequence[BodyFeature], geometries: Geometries, area: gpd.GeoDataFrame) -> None:
    hit, _ = area.sindex.query(geometries, predicate="intersects")
    outside = np.setdiff1d(np.arange(len(features)), hit)
    if outside.size:
        at = f"{features[outside[0]].place}/coordinates"
        raise BodyError(f"{at} lies outside the districts of this city; draw it inside.", at, "outside_city")


def _columns(features: Sequence[BodyFeature]) -> dict[str, pd.Series]:
    names = list(dict.fromkeys(name for f in features for name in f.properties))
    mapped = map_columns(_SPEC, names, None, has_geometry=True, cut_names=False).fields
    columns: dict[str, pd.Series] = {}
    for name, source in mapped.items():
        field = _SPEC.field(name)
        for feature in features:
            _check_plain(feature, source)
        values = pd.Series([f.properties.get(source) for f in features], dtype=object).infer_objects()
        columns[name], problems = convert(values, field)
        problems = problems | out_of_range(columns[name], field) | bad_text(columns[name], field)
        for row in sorted(problems):
            pointer = f"{features[row].pointer}/properties/{_token(source)}"
            raise BodyError(f"{pointer}: {problems[row]}.", pointer, "bad_value")
    return columns


def _check_plain(feature: BodyFeature, source: str) -> None:
    if isinstance(feature.properties.get(source), (dict, list)):
        pointer = f"{feature.pointer}/properties/{_token(source)}"
        raise BodyError(f"{pointer} must be a text, a number, true, false or null.", pointer, "bad_value")


def _token(name: str) -> str:
    """Return a property name as a JSON pointer writes it."""
    return name.replace("~", "~0").replace("/", "~1")


def _ids(features: Sequence[BodyFeature], given: pd.Series) -> list[str]:
    ids = [
        stated or f.id or f"drawn-{i + 1}" for i, (f, stated) in enumerate(zip(features, given, strict=True))
    ]
    for row, reason in bad_text(pd.Series(ids, dtype=object), _SPEC.field(_SPEC.key)).items():
        pointer = f"{features[row].pointer}/id"
        raise BodyError(f"{pointer}: {reason}.", pointer, "bad_value")
    seen: set[str] = set()
    for feature, parcel_id in zip(features, ids, strict=True):
        if parcel_id in seen:
            raise BodyError(
                f"{feature.pointer} has the parcel id {parcel_id!r} of an earlier feature; ids must differ.",
                feature.pointer,
                "duplicate_id",
            )
        seen.add(parcel_id)
    return ids
