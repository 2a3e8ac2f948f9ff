"""The order of features: by properties that a caller names, then by their keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from gis.errors import InputError
from gis.store.collections import Collection, Property
from gis.store.filter_values import bound, ordered

MAX_SORTS = 5
TOKEN_CHARS = 4_000
"""The longest place in an order that is taken."""


@dataclass(frozen=True)
class Sort:
    """One property to sort by; features that lack it come last either way."""

    by: Property
    descending: bool

    def clause(self) -> sa.ColumnElement[Any]:
        """Return the part of ORDER BY."""
        column = ordered(self.by)
        return (column.desc() if self.descending else column.asc()).nulls_last()

    def beyond(self, value: Any) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
        """Return what holds of features that come after a value, and of those that have it."""
        column = ordered(self.by)
        if value is None:
            return sa.false(), column.is_(None)
        place = bound(self.by, value)
        after = column < place if self.descending else column > place
        return sa.or_(after, column.is_(None)), column == place


def sortables(collection: Collection) -> tuple[Property, ...]:
    """Return the properties that features can be sorted by: all but lists."""
    return tuple(p for p in collection.properties if p.type != "text_list")


def parse(text: str, collection: Collection) -> tuple[Sort, ...]:
    """Return the order that `sortby` asks for, as `+name,-name,name`.

    Raises InputError for a property that there is not, or that is named twice, and for more than `MAX_SORTS`.
    """
    known = {p.name: p for p in sortables(collection)}
    found: list[Sort] = []
    for part in text.split(","):
        # A plus in a query that was not escaped has become a space.
        name = part[1:] if part[:1] in ("+", "-", " ") else part
        if name not in known:
            raise InputError(
                f"Features of {collection.id} cannot be sorted by {name[:60]!r}; see `sortables`."
            )
        if any(sort.by.name == name for sort in found):
            raise InputError(f"The property {name} stands in sortby more than once.")
        found.append(Sort(known[name], part.startswith("-")))
    if len(found) > MAX_SORTS:
        raise InputError(f"sortby names {len(found)} properties; at most {MAX_SORTS} are taken.")
    return tuple(found)


def token(values: Sequence[Any], feature_id: str) -> str:
    """Return the place of a feature in an order, by the values it is sorted by, as a text."""
    return orjson.dumps([*values, feature_id]).decode()


def following(collection: Collection, sorts: Sequence[Sort], after: str) -> sa.ColumnElement[bool]:
    """Return what holds of features that come after a place: a `token`, or a key where nothing is sorted by.

    Raises InputError where the place is none of this order.
    """
    if not sorts:
        return collection.key > after
    try:
        *values, feature_id = orjson.loads(after)
    except (orjson.JSONDecodeError, TypeError, ValueError):
        values, feature_id = [], None
    if len(values) != len(sorts) or not isinstance(feature_id, str) or "\0" in after:
        raise InputError("The place in after is none of this order: follow the links to next pages.")
    found: sa.ColumnElement[bool] = collection.key > feature_id
    for sort, value in reversed(list(zip(sorts, values, strict=True))):
        beyond, same = sort.beyond(value)
        found = sa.or_(beyond, sa.and_(same, found))
    return found
