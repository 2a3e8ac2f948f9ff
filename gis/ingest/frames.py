"""Tables that are in memory already, as the sources that files are read into."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj

from gis.errors import InputError
from gis.ingest.source import Source
from gis.ingest.values import objects

TABLE = "the table"
"""What a source without a file is called in reports."""


def frame_source(frame: pd.DataFrame, source_crs: str | None, name: str = TABLE) -> Source:
    """Return a GeoDataFrame or DataFrame as it stands, its named index as columns.

    Raises InputError for a table without rows, with a column name that stands twice, or with shapes
    whose coordinate system nobody names.
    """
    if len(frame) == 0:
        raise InputError(f"{name}: there are no rows.")
    shapes, crs, notes = None, None, []
    if isinstance(frame, gpd.GeoDataFrame):
        active = frame.active_geometry_name
        if active is None:
            raise InputError(f"{name}: no column holds its shapes; name it with set_geometry.")
        crs = None if frame.crs is None else pyproj.CRS(frame.crs)
        if crs is None and source_crs is None:
            raise InputError(f"{name}: {undeclared(frame)}")
        shapes = objects(pd.Series(frame.geometry.to_numpy(), dtype=object))
        spare = [
            c for c in frame.columns if c != active and isinstance(frame[c].dtype, gpd.array.GeometryDtype)
        ]
        notes = [f"the shapes of column {c!r} are not used, those of {active!r} are" for c in spare]
        frame = pd.DataFrame(frame.drop(columns=[active, *spare]))
    named = [n for n in frame.index.names if n is not None and n not in frame.columns]
    table = frame.reset_index(named).reset_index(drop=True)
    table.columns = pd.Index([str(c) for c in table.columns])
    if twice := [str(c) for c in table.columns[table.columns.duplicated()]]:
        raise InputError(f"{name}: the column {twice[0]!r} stands twice; drop or rename one.")
    coded = table.columns[[isinstance(d, pd.CategoricalDtype) for d in table.dtypes]]
    plain = table.astype(dict.fromkeys(coded, object))
    return Source(table=plain, geometry=shapes, crs=crs, notes=tuple(notes))


def undeclared(frame: gpd.GeoDataFrame) -> str:
    """Return what to do about shapes that have no coordinate system, by what their numbers look like."""
    west, south, east, north = frame.total_bounds
    if np.isfinite(west) and west >= -180 and east <= 180 and south >= -90 and north <= 90:
        return (
            "the shapes have no coordinate system; they look like longitude and latitude: if they are, "
            'declare it with frame.set_crs("EPSG:4326").'
        )
    return 'the shapes have no coordinate system; declare the one they are in with frame.set_crs("EPSG:n").'
