"""Features of a collection, a page at a time, in the order of their keys or in one that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import shapely
import sqlalchemy as sa

from gis.errors import NotFoundError
from gis.store.collections import Collection, Values
from gis.store.connection import BINARY, clear_errors
from gis.store.filter_values import shape
from gis.store.sorting import Sort, following, token

MAX_PAGE_BYTES = 64_000_000
"""A page ends before more outlines than this are held in memory: the next begins where it ended."""

_ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class Page:
    """Some features of a collection: keys, outlines in the storage CRS (None where missing), values.

    `after` is the place after which the next page begins, None on the last page.
    """

    ids: Sequence[str]
    geometries: Sequence[shapely.Geometry | None]
    values: Values
    after: str | None


def _select(collection: Collection) -> sa.Select[Any]:
    values = (column.label(f"p_{i}") for i, column in enumerate(collection.selected))
    # Named by the storage of the column itself: the driver would have it as text.
    outline = sa.type_coerce(sa.func.ST_AsBinary(collection.geometry), sa.LargeBinary)
    return sa.select(collection.key.label("id"), outline.label("wkb"), *values).select_from(collection.source)


def select_page(
    collection: Collection,
    limit: int,
    *,
    after: str | None = None,
    skip: int = 0,
    box: shapely.Geometry | None = None,
    condition: sa.ColumnElement[bool] | None = None,
    sorts: Sequence[Sort] = (),
) -> sa.Select[Any]:
    """Return the query of a page, as `page` has it, and of one feature more."""
    query = _select(collection).add_columns(*(s.by.column.label(f"s_{i}") for i, s in enumerate(sorts)))
    query = query.order_by(*(s.clause() for s in sorts), collection.key).limit(limit + 1)
    if after is not None:
        query = query.where(following(collection, sorts, after))
    return _where(query.offset(skip) if skip else query, collection, box, condition)


def _where(
    query: sa.Select[Any],
    collection: Collection,
    box: shapely.Geometry | None,
    condition: sa.ColumnElement[bool] | None,
) -> sa.Select[Any]:
    if box is not None:
        query = query.where(sa.func.ST_Intersects(collection.geometry, shape(box)))
        if collection.near is not None:
            query = query.where(collection.near(shape(box)))
    return query if condition is None else query.where(condition)


def page(connection: sa.Connection, collection: Collection, limit: int, **asked: Any) -> Page:
    """Return up to `limit` features that come after a place, meet a box and fulfil a condition.

    What is `asked` is as in `select_page`. They come in the order of `sorts` and then of
    their keys, but the first `skip`. A page of large outlines may have fewer although others follow.
    """
    query = select_page(collection, limit, **asked)
    sorts = len(asked.get("sorts", ()))
    rows: list[sa.Row[Any]] = []
    size, after = 0, None
    with clear_errors(f"Reading collection {collection.id} failed"):
        options = {"yield_per": _ROWS_AT_ONCE, BINARY: True}
        with connection.execute(query, execution_options=options) as result:
            for row in chain.from_iterable(result.partitions()):
                size += len(row.wkb or b"")
                if len(rows) == limit or (rows and size > MAX_PAGE_BYTES):
                    last = rows[-1]
                    after = token(last[len(last) - sorts :], last.id) if sorts else last.id
                    break
                rows.append(row)
        return _page(connection, collection, rows, after)


def count(
    connection: sa.Connection,
    collection: Collection,
    *,
    box: shapely.Geometry | None = None,
    condition: sa.ColumnElement[bool] | None = None,
) -> int:
    """Return how many features meet a box and fulfil a condition."""
    query = sa.select(sa.func.count()).select_from(collection.source)
    with clear_errors(f"Reading collection {collection.id} failed"):
        return int(connection.execute(_where(query, collection, box, condition)).scalar_one())


def _page(
    connection: sa.Connection, collection: Collection, rows: Sequence[sa.Row[Any]], after: str | None
) -> Page:
    outlines = shapely.from_wkb(np.array([row.wkb for row in rows], dtype=object))
    values: Values = [tuple(row)[2 : 2 + len(collection.selected)] for row in rows]
    if collection.decoded is not None:
        values = collection.decoded(connection, values)
    return Page([row.id for row in rows], outlines, values, after)


def one(connection: sa.Connection, collection: Collection, feature_id: str) -> Page:
    """Return one feature as a page of its own; NotFoundError where there is none."""
    query = _select(collection).where(collection.key == feature_id)
    with clear_errors(f"Reading collection {collection.id} failed"):
        rows = connection.execute(query).all()
        if not rows:
            raise NotFoundError(f"The collection {collection.id} has no feature {feature_id!r}.")
        return _page(connection, collection, rows, None)
