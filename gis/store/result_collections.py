"""Matching and siting as features: rows of all scenarios, each with the outline of what it tells of."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from gis.access import RESULTS
from gis.crs import STORAGE_EPSG
from gis.matching.columns import CONNECTION_COLUMNS, PARCEL_COLUMNS, SITE_COLUMNS, SOURCE_COLUMNS
from gis.store.collections import COLLECTIONS, Collection, Property, Shape, by_code_points
from gis.store.tables import (
    LAYER_TABLES,
    MATCH,
    MATCH_CONNECTION,
    MATCH_PARCEL,
    MATCH_SOURCE,
    SITE,
    SITING,
    joined_key,
)
from gis.vocabulary import Column, word
from layers import LAYERS, Text

SOURCES = tuple(spec for spec in LAYERS.values() if spec.group == "resource")
"""Layers that connections may lead to."""

_SCENARIO = word("scenario", "方案", "scenario")
_RUNS: Mapping[str, sa.Table] = {
    "match_parcel": MATCH, "match_connection": MATCH, "match_source": MATCH, "site": SITING,
}  # fmt: skip
"""By collection the table that has a row for every scenario with features."""


def offered(readable: frozenset[str]) -> Mapping[str, Collection]:
    """Return all collections by id, as a caller may read them who may read some layers and `RESULTS`.

    Of what lies in layers that may not be read nothing is told: not even where a connection leads.
    """
    return _offered(frozenset(spec.id for spec in SOURCES) & readable)


@lru_cache(maxsize=8)
def _offered(sources: frozenset[str]) -> Mapping[str, Collection]:
    found = (_parcels(), _connections(sources), _sources(sources), _sites())
    return {**COLLECTIONS, **{one.id: one for one in found}}


def filled(connection: sa.Connection) -> frozenset[str]:
    """Return the collections of this module that have any scenario."""
    runs = {table: sa.select(sa.literal(1)).select_from(table).exists() for table in set(_RUNS.values())}
    known = list(runs)
    row = connection.execute(sa.select(*runs.values())).one()
    present = {table for table, there in zip(known, row, strict=True) if there}
    return frozenset(id_ for id_, table in _RUNS.items() if table in present)


def _made(
    table: sa.Table,
    columns: tuple[Column, ...],
    title: Text,
    description: Text,
    *,
    around: tuple[str, ...],
    shape: Shape,
    geometry: sa.ColumnElement[Any],
    source: sa.FromClause,
    **more: Any,
) -> Collection:
    properties = tuple(
        Property(c.name, c.type, Text(zh=c.zh, en=c.en), c.unit, (), None, None, table.c[c.name])
        for c in (_SCENARIO, *columns)
    )
    return Collection(
        id=table.name,
        title=title,
        description=description,
        around=around,
        shape=shape,
        key_name="id",
        key=by_code_points(sa.literal_column(joined_key([str(c) for c in table.primary_key]), sa.Text)),
        geometry=geometry,
        properties=properties,
        source=source,
        selected=tuple(p.column for p in properties),
        **more,
    )


_PARCEL = LAYER_TABLES["parcel"]


def _parcels() -> Collection:
    return _made(
        MATCH_PARCEL,
        PARCEL_COLUMNS,
        Text(zh="全市匹配：地块", en="Matching: parcels"),
        Text(
            zh="各方案中每个地块由哪些技术供多少热。",
            en="What every technology gives every parcel, scenario by scenario.",
        ),
        reads=("parcel", RESULTS),
        around=("parcel",),
        shape="polygon",
        geometry=_PARCEL.c.geom,
        source=MATCH_PARCEL.outerjoin(_PARCEL, _PARCEL.c.parcel_id == MATCH_PARCEL.c.parcel_id),
    )


def _source_shape(table: sa.Table, layers: frozenset[str]) -> tuple[sa.ColumnElement[Any], Any]:
    """Return the outline of a row's source and what is joined for it; nothing where none may be read."""
    known = [spec for spec in SOURCES if spec.id in layers]
    if not known:
        return sa.cast(sa.null(), _PARCEL.c.geom.type), None
    found = sa.union_all(
        *(
            sa.select(sa.literal_column(f"{spec.id}.geom", _PARCEL.c.geom.type).label("geom"))
            .select_from(LAYER_TABLES[spec.id])
            .where(
                table.c.source_layer == sa.literal_column(f"'{spec.id}'"),
                LAYER_TABLES[spec.id].c[spec.key] == table.c.source_id,
            )
            for spec in known
        )
    ).lateral("source")
    return found.c.geom, found


def _joined(left: sa.FromClause, right: Any) -> sa.FromClause:
    return left if right is None else left.outerjoin(right, sa.true())


def _connections(layers: frozenset[str]) -> Collection:
    outline, found = _source_shape(MATCH_CONNECTION, layers)
    source = MATCH_CONNECTION.outerjoin(_PARCEL, _PARCEL.c.parcel_id == MATCH_CONNECTION.c.parcel_id)
    longest = sa.select(sa.func.max(MATCH_CONNECTION.c.length_m) + 1).correlate(None).scalar_subquery()

    def near(box: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        # No line reaches further from its parcel than the longest connection.
        return _PARCEL.c.geom.op("&&")(sa.func.ST_Expand(box, longest))

    return _made(
        MATCH_CONNECTION,
        CONNECTION_COLUMNS,
        Text(zh="全市匹配：接入线", en="Matching: connections"),
        Text(
            zh="各方案中地块到热源最近点的直线，及匹配的供热能力。",
            en="The straight line from a parcel to the nearest point of its source, with what is allocated.",
        ),
        reads=("parcel", RESULTS),
        around=("parcel", *sorted(layers)),
        shape="line",
        geometry=sa.func.ST_ShortestLine(_PARCEL.c.geom, outline),
        source=_joined(source, found),
        near=near,
    )


def _sources(layers: frozenset[str]) -> Collection:
    outline, found = _source_shape(MATCH_SOURCE, layers)
    return _made(
        MATCH_SOURCE,
        SOURCE_COLUMNS,
        Text(zh="全市匹配：热源能力台账", en="Matching: capacity ledger of the sources"),
        Text(
            zh="各方案中每个热源的可利用、已占用、匹配和剩余能力。",
            en="What every source has, what is committed, allocated and left, scenario by scenario.",
        ),
        reads=(RESULTS,),
        around=tuple(sorted(layers)),
        shape="any",
        geometry=outline,
        source=_joined(MATCH_SOURCE, found),
    )


def _sites() -> Collection:
    point = sa.func.ST_SetSRID(sa.func.ST_MakePoint(SITE.c.x_m, SITE.c.y_m), STORAGE_EPSG)
    return _made(
        SITE,
        SITE_COLUMNS,
        Text(zh="新建热源选址", en="Sites of new sources"),
        Text(
            zh="各方案中新建热源的备选点：选中的有次序，不可用的有原因。",
            en="Candidates of every scenario: chosen (with a rank), not chosen, or excluded.",
        ),
        reads=(RESULTS,),
        around=("parcel",),
        shape="point",
        geometry=point,
        source=SITE,
    )
