"""What can be read feature by feature: layers as declared, and results of parcels with their outlines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

import sqlalchemy as sa

from gis.store.layout import CHOICES, PICKED
from gis.store.tables import LAYER_TABLES
from gis.vocabulary import FACT, TECHNOLOGIES, VERDICTS, Column
from layers import LAYERS, FieldSpec, LayerSpec, Text

ValueType = Literal["text", "text_list", "integer", "float", "boolean", "date", "timestamp"]

RESULTS = "parcel_suitability"


@dataclass(frozen=True)
class Property:
    """One property of the features of a collection, and the column that has it."""

    name: str
    type: ValueType
    title: Text
    unit: str | None
    choices: tuple[str, ...]
    minimum: float | None
    maximum: float | None
    column: sa.ColumnElement[Any]


@dataclass(frozen=True)
class Collection:
    """Features of one kind; `layer` holds their keys and outlines, `source` their properties too."""

    id: str
    title: Text
    description: Text
    layer: LayerSpec
    properties: tuple[Property, ...]
    source: sa.FromClause

    @property
    def key(self) -> sa.ColumnElement[Any]:
        """The column of feature ids, compared by code points, whatever the database's collation."""
        return LAYER_TABLES[self.layer.id].c[self.layer.key].collate("C")

    @property
    def geometry(self) -> sa.ColumnElement[Any]:
        """The column of outlines in the storage CRS."""
        return LAYER_TABLES[self.layer.id].c.geom

    @cached_property
    def by_name(self) -> Mapping[str, Property]:
        """The properties by name."""
        return {p.name: p for p in self.properties}


def _declared(spec: LayerSpec, field: FieldSpec) -> Property:
    choices = tuple(c.value for c in field.choices)
    column = LAYER_TABLES[spec.id].c[field.name]
    return Property(
        field.name, field.type, field.title, field.unit, choices, field.minimum, field.maximum, column
    )


def _layer(spec: LayerSpec) -> Collection:
    properties = tuple(_declared(spec, field) for field in spec.fields)
    return Collection(spec.id, spec.title, spec.description, spec, properties, LAYER_TABLES[spec.id])


_SHOWN_FIELDS = (
    "parcel_id", "name", "land_use_code", "building_status", "floor_area_ratio", "population",
    "source", "synthetic",
)  # fmt: skip
_SHOWN_FACTS = (
    "district", "township", "area_m2", "heated_area_m2", "heat_load_kw", "heat_demand_mwh_per_a",
)  # fmt: skip


def _choices(name: str) -> tuple[str, ...]:
    """Return the closed vocabulary of a verdict; that of a better variant is its own variants'."""
    sources = PICKED.get(name, {})
    return CHOICES.get(next(iter(sources.values()), name), ())


def _results() -> Collection:
    """Return the parcels with what was judged of them; parcels not scored yet lack it."""
    spec, parcel = LAYERS["parcel"], LAYER_TABLES["parcel"]
    views = {
        view: sa.table(view, sa.column("parcel_id"), *(sa.column(c.name) for c in columns), schema="result")
        for view, columns in (("parcel_fact", tuple(FACT.values())), ("parcel_suitability", VERDICTS))
    }
    source: sa.FromClause = parcel
    for view in views.values():
        source = source.outerjoin(view, view.c.parcel_id == parcel.c.parcel_id)

    def judged(view: str, column: Column) -> Property:
        title = Text(zh=column.zh, en=column.en)
        return Property(
            column.name, column.type, title, column.unit, _choices(column.name), None, None,
            views[view].c[column.name],
        )  # fmt: skip

    properties = (
        *(_declared(spec, spec.field(name)) for name in _SHOWN_FIELDS),
        *(judged("parcel_fact", FACT[name]) for name in _SHOWN_FACTS),
        *(judged("parcel_suitability", column) for column in VERDICTS),
    )
    return Collection(
        RESULTS,
        Text(zh="地块适宜性", en="Suitability of parcels"),
        Text(
            zh="每个地块的推荐技术，各项技术的结论、得分、供热能力和理由代码，以及组合方案。",
            en="The technology recommended for every parcel, status, score, capacity and reason codes "
            f"of {len(TECHNOLOGIES)} technologies, and the portfolio; null where a parcel is not scored yet.",
        ),
        spec,
        properties,
        source,
    )


COLLECTIONS: Mapping[str, Collection] = MappingProxyType(
    {spec.id: _layer(spec) for spec in LAYERS.values()} | {RESULTS: _results()}
)
"""All collections by id; one whose layer was never loaded has nothing to serve."""
