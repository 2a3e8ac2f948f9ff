"""Layers as frames: read by Arrow, a column at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import shapely
import sqlalchemy as sa
from geoalchemy2 import Geometry
from psycopg import sql

from gis.crs import STORAGE_EPSG
from gis.errors import InputError
from gis.store.arrow import Reader
from gis.store.copy import qualified, raw
from gis.store.tables import LAYER_TABLES
from gis.units import attributes, units_of
from layers import LAYERS, LayerSpec

_DTYPES: dict[type[Any], Any] = {
    sa.Text: "object",
    sa.BigInteger: "Int64",
    sa.Double: "float64",
    sa.Boolean: "boolean",
    sa.Date: "object",
    sa.DateTime: "datetime64[us]",
    Geometry: "object",
}
_UNITS = {layer_id: units_of(spec.fields) for layer_id, spec in LAYERS.items()}


def read_frame(
    connection: sa.Connection,
    read: Reader,
    spec: LayerSpec,
    where: Mapping[str, object],
    ids: Sequence[str] | None,
    rows_of: sql.Composable | None = None,
) -> gpd.GeoDataFrame:
    """Return rows of a layer as `Store.read` does, or of what stands in its place and has its columns."""
    table = LAYER_TABLES[spec.id]
    selected = [
        sql.SQL("ST_AsBinary(geom) AS geom") if c.name == "geom" else sql.Identifier(c.name)
        for c in table.columns
    ]
    # Code-point order whatever the database's collation: ties are told apart by position.
    query = sql.SQL('SELECT {} FROM {} WHERE {} ORDER BY {} COLLATE "C"').format(
        sql.SQL(", ").join(selected),
        rows_of or qualified(table),
        _condition(spec, where, ids),
        sql.Identifier(spec.key),
    )
    batches = list(read(query.as_string(raw(connection))))
    rows = pa.Table.from_batches(batches) if batches else None
    # One block a type: one Series a column costs 0.2 ms each.
    kinds = {c.name: _DTYPES[type(c.type)] for c in table.columns if c.name != "geom"}
    blocks = [
        _block(rows, [n for n in kinds if kinds[n] == kind], kind) for kind in dict.fromkeys(kinds.values())
    ]
    frame = pd.concat(blocks, axis=1)[list(kinds)]
    geometry = shapely.from_wkb(_column(rows, "geom", "object"))
    read_rows = gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(geometry, crs=STORAGE_EPSG))
    read_rows.attrs = attributes(_UNITS[spec.id])
    return read_rows


def _condition(spec: LayerSpec, where: Mapping[str, object], ids: Sequence[str] | None) -> sql.Composable:
    conditions: list[sql.Composable] = [sql.SQL("true")]
    for name, value in where.items():
        if name not in spec.field_names:
            raise InputError(f"Layer {spec.id} has no field {name!r}; it has {', '.join(spec.field_names)}.")
        form = sql.SQL("{} IS NULL" if value is None else "{} = {}")
        conditions.append(form.format(sql.Identifier(name), sql.Literal(value)))
    if ids is not None:
        named = sql.Literal([str(i) for i in ids])
        conditions.append(sql.SQL("{} = ANY({}::text[])").format(sql.Identifier(spec.key), named))
    return sql.SQL(" AND ").join(conditions)


def _block(rows: pa.Table | None, names: Sequence[str], kind: Any) -> pd.DataFrame:
    columns = {name: _column(rows, name, kind) for name in names}
    if kind not in ("object", "float64"):
        return pd.DataFrame(columns)
    block = np.empty((0 if rows is None else len(rows), len(names)), dtype=kind)
    for place, column in enumerate(columns.values()):
        block[:, place] = column
    return pd.DataFrame(block, columns=pd.Index(list(names)), dtype=kind)


def _column(rows: pa.Table | None, name: str, kind: Any) -> Any:
    """Return a column: None, NaN, NaT or NA where missing."""
    if rows is None:
        return pd.array([], dtype=kind)
    column = rows.column(name)
    if kind == "object":
        objects: npt.NDArray[np.object_] = np.fromiter(column.to_pylist(), dtype=object, count=len(column))
        return objects
    types = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    return column.to_pandas(types_mapper=types.get).astype(kind, copy=False).array
