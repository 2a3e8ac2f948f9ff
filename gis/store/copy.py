"""Binary COPY from frames into tables.

COPY hands each binary field to the receive function of the column's own type;
geometries travel as EWKB bytes, which is what PostGIS receives.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
import psycopg
import shapely
import sqlalchemy as sa
from geoalchemy2 import Geometry
from psycopg import sql
from psycopg.types.json import Json

from gis.crs import stack
from gis.errors import InputError
from gis.periods import BEIJING_TIME

Values = list[Any]


def _floats(series: pd.Series[Any]) -> Values:
    values = series.to_numpy(dtype="float64", na_value=np.nan)
    out = values.astype(object)
    out[np.isnan(values)] = None
    return out.tolist()


def _each(convert: Callable[[Any], Any]) -> Callable[[pd.Series[Any]], Values]:
    def values(series: pd.Series[Any]) -> Values:
        missing = series.isna().to_numpy()
        return [None if gone else convert(v) for v, gone in zip(series.tolist(), missing, strict=True)]

    return values


def _integer(value: Any) -> int:
    if int(value) != value:
        raise ValueError(f"{value!r} is no integer")
    return int(value)


def _boolean(value: Any) -> bool:
    if value not in (True, False):
        raise ValueError(f"{value!r} is neither true nor false")
    return bool(value)


def _date(value: Any) -> dt.date:
    return pd.Timestamp(value).date()


def _beijing_time(value: Any) -> dt.datetime:
    stamp = pd.Timestamp(value)
    if stamp.tzinfo is not None:
        stamp = stamp.tz_convert(BEIJING_TIME).tz_localize(None)
    return stamp.floor("us").to_pydatetime()


def _strings(value: Any) -> list[str]:
    return [str(v) for v in value]


def _geometries(series: pd.Series[Any]) -> Values:
    return [None if g is None else bytes(g) for g in series]


class Form(NamedTuple):
    """How a SQL type travels to the database: psycopg's name of it, and a column as Python values.

    Of an array the name is that of its items.
    """

    wire: str
    values: Callable[[pd.Series[Any]], Values]


_FORMS: dict[type[Any], Form] = {
    sa.Text: Form("text", _each(str)),
    sa.Integer: Form("int4", _each(_integer)),
    sa.BigInteger: Form("int8", _each(_integer)),
    sa.Double: Form("float8", _floats),
    sa.Boolean: Form("bool", _each(_boolean)),
    sa.Date: Form("date", _each(_date)),
    sa.DateTime: Form("timestamp", _each(_beijing_time)),
    sa.ARRAY: Form("text", _each(_strings)),
    sa.JSON: Form("json", _each(Json)),
    sa.LargeBinary: Form("bytea", _geometries),
    Geometry: Form("bytea", _geometries),
}


def _form(column: sa.Column[Any]) -> Form:
    return _FORMS[type(column.type)]


def _wire(kind: sa.types.TypeEngine[Any]) -> str:
    return f"{_wire(kind.item_type)}[]" if isinstance(kind, sa.ARRAY) else _FORMS[type(kind)].wire


def _values(column: sa.Column[Any], series: pd.Series[Any]) -> Values:
    try:
        return _form(column).values(series)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"The column {column.name} holds a value of another type ({error}).") from error


def raw(connection: sa.Connection) -> psycopg.Connection[Any]:
    """Return the psycopg connection under a SQLAlchemy one, in the same transaction."""
    return cast("psycopg.Connection[Any]", connection.connection.driver_connection)


def qualified(table: sa.Table) -> sql.Identifier:
    """Return the quoted name of a declared table."""
    return sql.Identifier(table.schema, table.name) if table.schema else sql.Identifier(table.name)


def to_ewkb(geometries: Any, srid: int) -> np.ndarray[Any, Any]:
    """Return EWKB bytes (None for a missing geometry) of shapely geometries in CRS `srid`."""
    return cast(
        "np.ndarray[Any, Any]", shapely.to_wkb(shapely.set_srid(stack(geometries), srid), include_srid=True)
    )


def copy_in(
    connection: sa.Connection,
    columns: Sequence[sa.Column[Any]],
    frame: pd.DataFrame,
    into: sql.Identifier,
) -> None:
    """Append the rows of `frame` (columns named as `columns`; geometries as EWKB) to the table `into`.

    NaN, NaT, NA and None become NULL.
    """
    values = [_values(c, frame[c.name]) for c in columns]
    with copying(connection, columns, into) as copy:
        for row in zip(*values, strict=True):
            copy.write_row(row)


@contextmanager
def copying(
    connection: sa.Connection, columns: Sequence[sa.Column[Any]], into: sql.Identifier
) -> Iterator[psycopg.Copy]:
    """Give a COPY into the table `into` that takes rows of Python values of `columns`, None where missing."""
    names = sql.SQL(", ").join(sql.Identifier(c.name) for c in columns)
    command = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(into, names)
    with raw(connection).cursor() as cursor, cursor.copy(command) as copy:
        copy.set_types([_wire(column.type) for column in columns])
        yield copy
