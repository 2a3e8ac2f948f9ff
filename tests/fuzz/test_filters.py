"""Filters: valid ones find what plain Python finds; of all others PostGIS never says that they are wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import shapely
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from gis.served_crs import CRS84, SERVED
from gis.store import Store, filters
from gis.store.collections import COLLECTIONS, Collection
from tests.fuzz.altering import altered_tree, many
from tests.fuzz.grammar import Row, as_text, filters_over, holds
from tests.fuzz.promise import kept
from tests.fuzz.targets import FILTERED, seeds

_PIECES = (
    "(", ")", "'", ",", " AND ", " OR ", " NOT ", " IN ", " LIKE ", " IS NULL", "=", "<>", "-", "*", "^",
    "1e309", "-0", "''", "POINT(1 2)", "POLYGON((0 0))", "DATE('0000-00-00')", "INTERVAL('..','..')",
    "geometry", "synthetic", "population", "CASEI(name)", "\U0010ffff", "名", "A_EQUALS", "TRUE",
)  # fmt: skip


@pytest.fixture(scope="module")
def connection(scored: Store) -> Iterator[sa.Connection]:
    """A connection that may only read, and whose questions end in time."""
    with scored.engine.connect().execution_options(postgresql_readonly=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def features(connection: sa.Connection) -> dict[str, list[Row]]:
    """All features of the collections that are filtered, by collection."""
    return {one.id: _read(connection, one) for one in FILTERED}


def _read(connection: sa.Connection, one: Collection) -> list[Row]:
    columns = [p.column.label(p.name) for p in one.properties]
    shape = sa.func.ST_AsBinary(one.geometry).label("geometry")
    query = sa.select(one.key.label("key of the feature"), shape, *columns)
    rows = [dict(row) for row in connection.execute(query).mappings()]
    connection.rollback()
    for row in rows:
        row["geometry"] = None if row["geometry"] is None else shapely.from_wkb(bytes(row["geometry"]))
    return rows


def found(connection: sa.Connection, tree: Any, one: Collection, crs: Any = CRS84) -> list[str]:
    """Return the keys that PostGIS finds."""
    query = sa.select(one.key).where(filters.condition(tree, one, crs))
    connection.execute(sa.text("SET LOCAL statement_timeout = '10s'"))
    try:
        return sorted(connection.execute(query).scalars())
    finally:
        connection.rollback()


def expected(tree: Any, rows: Sequence[Row]) -> list[str]:
    """Return the keys that plain Python finds."""
    return sorted(row["key of the feature"] for row in rows if holds(tree, row) is True)


@pytest.mark.parametrize("one", FILTERED, ids=lambda one: one.id)
@given(data=st.data())
@many(12)
def test_valid_filters_find_what_python_finds(
    connection: sa.Connection, features: dict[str, list[Row]], one: Collection, data: st.DataObject
) -> None:
    rows = features[one.id]
    assert rows
    tree = data.draw(filters_over(one, rows))
    wanted = expected(tree, rows)
    assert found(connection, filters.parse_json(json.dumps(tree)), one) == wanted
    assert found(connection, filters.parse_text(as_text(tree)), one) == wanted


@pytest.mark.parametrize("one", [*FILTERED, COLLECTIONS["parcel_suitability"]], ids=lambda one: one.id)
@given(data=st.data())
@many(12)
def test_altered_trees_are_refused_or_executed(
    connection: sa.Connection, features: dict[str, list[Row]], one: Collection, data: st.DataObject
) -> None:
    begun = filters_over(one, features.get(one.id, []))
    kinds = st.sampled_from([json.loads(tree) for tree in seeds("cql2_json").values()])
    tree = data.draw(altered_tree(data.draw(begun | kinds)))
    crs = data.draw(st.sampled_from(list(SERVED.values())))
    with kept():
        found(connection, filters.parse_json(json.dumps(tree)), one, crs)


@pytest.mark.parametrize("one", FILTERED, ids=lambda one: one.id)
@given(data=st.data())
@many(12)
def test_altered_texts_are_refused_or_executed(
    connection: sa.Connection, features: dict[str, list[Row]], one: Collection, data: st.DataObject
) -> None:
    text = as_text(data.draw(filters_over(one, features[one.id])))
    for _ in range(data.draw(st.integers(1, 3))):
        at, size = data.draw(st.integers(0, len(text))), data.draw(st.sampled_from((0, 1, 3, 10)))
        text = text[:at] + data.draw(st.sampled_from(("", *_PIECES))) + text[at + size :]
    with kept():
        found(connection, filters.parse_text(text), one)
