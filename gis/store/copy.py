"""Binary COPY between frames and tables.

COPY hands each binary field to the receive function of the column's own type;
geometries travel as EWKB bytes, which is what PostGIS receives.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import psycopg
import shapely
import sqlalchemy as sa
from psycopg import sql
from psycopg.types.json import Json
from sqlalchemy.dialects import postgresql

from gis.crs import stack

_BEIJING = ZoneInfo("Asia/Shanghai")

_DIALECT = postgresql.dialect()

Values = list[Any]


def _floats(series: pd.Series[Any]) -> Values:
    values = series.to_numpy(dtype="float64", na_value=np.nan)
    out = values.astype(object)
    out[np.isnan(values)] = None
    return cast(Values, out.tolist())


def _each(convert: Callable[[Any], Any]) -> Callable[[pd.Series[Any]], Values]:
    def values(series: pd.Series[Any]) -> Values:
        missing = series.isna().to_numpy()
        return [None if gone else convert(v) for v, gone in zip(series.tolist(), missing, strict=True)]

    return values


def _date(value: Any) -> dt.date:
    return cast(dt.date, pd.Timestamp(value).date())


def _beijing_time(value: Any) -> dt.datetime:
    stamp = pd.Timestamp(value)
    if stamp.tzinfo is not None:
        stamp = stamp.tz_convert(_BEIJING).tz_localize(None)
    return cast(dt.datetime, stamp.floor("us").to_pydatetime())


def _strings(value: Any) -> list[str]:
    return [str(v) for v in value]


def _geometries(series: pd.Series[Any]) -> Values:
    return [None if g is None else bytes(g) for g in series]


# SQL type -> (name psycopg knows it by, how a column becomes Python values, dtype of a column read back).
_FORMS: dict[str, tuple[str, Callable[[pd.Series[Any]], Values], str]] = {
    "TEXT": ("text", _each(str), "object"),
    "BIGINT": ("int8", _each(int), "Int64"),
    "DOUBLE PRECISION": ("float8", _floats, "float64"),
    "BOOLEAN": ("bool", _each(bool), "boolean"),
    "DATE": ("date", _each(_date), "object"),
    "TIMESTAMP WITHOUT TIME ZONE": ("timestamp", _each(_beijing_time), "datetime64[us]"),
    "TEXT[]": ("text[]", _each(_strings), "object"),
    "JSON": ("json", _each(Json), "object"),
    "GEOMETRY": ("bytea", _geometries, "object"),
}


def _form(column: sa.Column[Any]) -> tuple[str, Callable[[pd.Series[Any]], Values], str]:
    return _FORMS[column.type.compile(_DIALECT).partition("(")[0].upper()]


def raw(connection: sa.Connection) -> psycopg.Connection[Any]:
    """Return the psycopg connection under a SQLAlchemy one, in the same transaction."""
    return cast("psycopg.Connection[Any]", connection.connection.driver_connection)


def qualified(table: sa.Table) -> sql.Identifier:
    """Return the quoted name of a declared table."""
    return sql.Identifier(table.schema, table.name) if table.schema else sql.Identifier(table.name)


def to_ewkb(geometries: Any, srid: int) -> np.ndarray[Any, Any]:
    """Return EWKB bytes (None for a missing geometry) of shapely geometries in CRS `srid`."""
    return cast("np.ndarray[Any, Any]", shapely.to_wkb(shapely.set_srid(stack(geometries), srid), include_srid=True))


def copy_in(
    connection: sa.Connection,
    columns: Sequence[sa.Column[Any]],
    frame: pd.DataFrame,
    into: sql.Identifier,
) -> None:
    """Append the rows of `frame` (columns named as `columns`; geometries as EWKB) to the table `into`.

    NaN, NaT, NA and None become NULL.
    """
    forms = [_form(c) for c in columns]
    values = [convert(frame[c.name]) for c, (_, convert, _) in zip(columns, forms, strict=True)]
    names = sql.SQL(", ").join(sql.Identifier(c.name) for c in columns)
    command = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(into, names)
    with raw(connection).cursor() as cursor, cursor.copy(command) as copy:
        copy.set_types([form[0] for form in forms])
        for row in zip(*values, strict=True):
            copy.write_row(row)


def copy_out(
    connection: sa.Connection,
    table: sa.Table,
    condition: sql.Composable,
    parameters: Mapping[str, object],
    order_by: str,
) -> pd.DataFrame:
    """Return the rows of `table` that meet `condition`, geometries as shapely objects.

    Missing values are NaN in float columns, NaT in times, NA in integers and
    booleans, and None in everything else. Rows are in code-point order of `order_by`.
    """
    forms = [_form(c) for c in table.columns]
    selected = [
        sql.SQL("ST_AsBinary({})").format(sql.Identifier(c.name)) if form[0] == "bytea" else sql.Identifier(c.name)
        for c, form in zip(table.columns, forms, strict=True)
    ]
    command = sql.SQL('COPY (SELECT {} FROM {} WHERE {} ORDER BY {} COLLATE "C") TO STDOUT (FORMAT BINARY)').format(
        sql.SQL(", ").join(selected), qualified(table), condition, sql.Identifier(order_by)
    )
    with raw(connection).cursor() as cursor, cursor.copy(command, parameters) as copy:
        copy.set_types([form[0] for form in forms])
        rows = list(copy.rows())
    series = zip(*rows, strict=True) if rows else ((),) * len(forms)
    return pd.DataFrame(
        {
            c.name: _geometry_series(values) if form[0] == "bytea" else _series(values, form[2])
            for c, form, values in zip(table.columns, forms, series, strict=True)
        }
    )


def _series(values: Sequence[Any], dtype: str) -> pd.Series[Any]:
    return pd.Series(list(values), dtype=cast(Any, dtype))


def _geometry_series(values: Sequence[Any]) -> pd.Series[Any]:
    binary = np.empty(len(values), dtype=object)
    binary[:] = values
    return pd.Series(shapely.from_wkb(binary), dtype=object)
