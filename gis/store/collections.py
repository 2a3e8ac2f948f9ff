"""What can be read feature by feature: layers as declared, and what was worked out, with its outlines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

import sqlalchemy as sa

from gis.access import RESULTS
from gis.store import results
from gis.store.encode import COLUMNS
from gis.store.layout import CHOICES, PICKED, PLAIN, SHARED, WORDS
from gis.store.tables import LAYER_TABLES, SHARED_ROW, WORD
from gis.store.views import id_sql, value_sql
from gis.vocabulary import FACT, TECHNOLOGIES, VERDICTS, Column
from layers import LAYERS, FieldSpec, LayerSpec, Text

ValueType = Literal["text", "text_list", "integer", "float", "boolean", "date", "timestamp"]
Shape = Literal["polygon", "line", "point", "any"]

SUITABILITY = "parcel_suitability"

Values = Sequence[tuple[Any, ...]]


@dataclass(frozen=True)
class Property:
    """One property of the features of a collection, and the SQL of its value."""

    name: str
    type: ValueType
    title: Text
    unit: str | None
    choices: tuple[str, ...]
    minimum: float | None
    maximum: float | None
    column: sa.ColumnElement[Any]


@dataclass(frozen=True, eq=False)
class Collection:
    """Features of one kind.

    `reads` names the layers, and `gis.access.RESULTS`, that a caller must be allowed to read, and `around`
    the layers whose boxes hold all features. `source` has key, outline (storage CRS) and properties.
    What is `selected` of it gives the values of the properties, as they are or as `decoded` makes them.
    Where there is a column `judged`, properties beyond `own` are missing wherever that is. What `near` says
    of a box holds of all features in it, and an index tells.
    """

    id: str
    title: Text
    description: Text
    reads: tuple[str, ...]
    around: tuple[str, ...]
    shape: Shape
    key_name: str
    key: sa.ColumnElement[Any]
    geometry: sa.ColumnElement[Any]
    properties: tuple[Property, ...]
    source: sa.FromClause
    selected: tuple[sa.ColumnElement[Any], ...]
    decoded: Callable[[sa.Connection, Values], Values] | None = None
    judged: sa.ColumnElement[Any] | None = None
    own: tuple[str, ...] = ()
    near: Callable[[sa.ColumnElement[Any]], sa.ColumnElement[bool]] | None = None

    @cached_property
    def by_name(self) -> Mapping[str, Property]:
        """The properties by name."""
        return {p.name: p for p in self.properties}


def declared(field: FieldSpec, column: sa.ColumnElement[Any]) -> Property:
    """Return a declared field of a layer as a property."""
    choices = tuple(c.value for c in field.choices)
    return Property(
        field.name, field.type, field.title, field.unit, choices, field.minimum, field.maximum, column
    )


def by_code_points(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return a column of texts compared by code points, whatever the database's collation."""
    return column.collate("C")


def _layer(spec: LayerSpec) -> Collection:
    table = LAYER_TABLES[spec.id]
    properties = tuple(declared(field, table.c[field.name]) for field in spec.fields)
    return Collection(
        id=spec.id,
        title=spec.title,
        description=spec.description,
        reads=(spec.id,),
        around=(spec.id,),
        shape=spec.geometry,
        key_name=spec.key,
        key=by_code_points(table.c[spec.key]),
        geometry=table.c.geom,
        properties=properties,
        source=table,
        selected=tuple(p.column for p in properties),
    )


_SHOWN_FIELDS = (
    "parcel_id", "name", "land_use_code", "building_status", "floor_area_ratio", "population",
    "source", "synthetic",
)  # fmt: skip
_SHOWN_FACTS = (
    "district", "township", "land_use_class", "area_m2", "heated_area_m2", "heat_load_kw",
    "heat_demand_mwh_per_a",
)  # fmt: skip
_JUDGED = (*(FACT[name] for name in _SHOWN_FACTS), *VERDICTS)
_TYPES: Mapping[str, sa.types.TypeEngine[Any]] = {
    "float": sa.Double(), "integer": sa.BigInteger(), "text": sa.Text(), "text_list": sa.ARRAY(sa.Text),
}  # fmt: skip


def _choices(name: str) -> tuple[str, ...]:
    """Return the closed vocabulary of a verdict; that of a better variant is its own variants'."""
    sources = PICKED.get(name, {})
    return CHOICES.get(next(iter(sources.values()), name), ())


def _suitability() -> Collection:
    """Return the parcels with what was judged of them; parcels not scored yet lack it.

    Packed rows are read as they are and decoded page by page: in SQL that takes four times as long, and
    where a filter lets few through, all that is shown would be decoded of every row that it looks at.
    """
    table, spec = LAYER_TABLES["parcel"], LAYERS["parcel"]
    # Under names that the SQL of results does not use.
    fields = (table.c[name].label(f"own_{name}") for name in _SHOWN_FIELDS)
    parcel = sa.select(*fields, table.c.geom).subquery("parcel")
    packed = sa.table("parcel_result", *(sa.column(name) for name in COLUMNS), schema="result")
    source: sa.FromClause = parcel.outerjoin(packed, packed.c.parcel_id == parcel.c.own_parcel_id)
    # As the views join them; a join that a query has no use for is left out by the planner.
    for name in (n for n in PLAIN if n in WORDS):
        word = WORD.alias(f"{name}_word")
        source = source.outerjoin(word, word.c.word_id == packed.c[name])
    for group in SHARED:
        shared = SHARED_ROW.alias(group)
        source = source.outerjoin(shared, shared.c.shared_id == sa.literal_column(id_sql(group)))

    def judged(column: Column) -> Property:
        title = Text(zh=column.zh, en=column.en)
        value = sa.literal_column(f"({value_sql(column.name)})", _TYPES[column.type])
        return Property(
            column.name, column.type, title, column.unit, _choices(column.name), None, None, value
        )

    own = tuple(declared(spec.field(name), parcel.c[f"own_{name}"]) for name in _SHOWN_FIELDS)
    return Collection(
        id=SUITABILITY,
        title=Text(zh="地块适宜性", en="Suitability of parcels"),
        description=Text(
            zh="每个地块的推荐技术，各项技术的结论、得分、供热能力和理由代码，以及组合方案。",
            en="The technology recommended for every parcel, status, score, capacity and reason codes "
            f"of {len(TECHNOLOGIES)} technologies, and the portfolio; null where a parcel is not scored yet.",
        ),
        reads=("parcel", RESULTS),
        around=("parcel",),
        shape="polygon",
        key_name="parcel_id",
        key=by_code_points(parcel.c.own_parcel_id),
        geometry=parcel.c.geom,
        properties=(*own, *map(judged, _JUDGED)),
        source=source,
        selected=(*(p.column for p in own), *packed.c),
        decoded=_unpacked,
        judged=packed.c.parcel_id,
        own=_SHOWN_FIELDS,
    )


def _unpacked(connection: sa.Connection, rows: Values) -> Values:
    own = len(_SHOWN_FIELDS)
    columns = results.columns_of(connection, [row[own:] for row in rows], [c.name for c in _JUDGED])
    return [(*row[:own], *judged) for row, *judged in zip(rows, *columns, strict=True)]


COLLECTIONS: Mapping[str, Collection] = MappingProxyType(
    {spec.id: _layer(spec) for spec in LAYERS.values()} | {SUITABILITY: _suitability()}
)
"""Layers and the suitability of parcels by id; one whose layer was never loaded has nothing to serve."""
