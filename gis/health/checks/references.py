"""What names features of other layers: ids, and names of districts and townships."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from psycopg import sql

from gis.health.findings import Fault, Outcome
from gis.health.loaded import Loaded
from gis.store.copy import qualified
from gis.store.tables import LAYER_TABLES
from layers import LAYERS, TOWNSHIP_SEPARATOR, Text

_SOURCES = ("source_layer", "source_id")
"""Fields that name a feature of any layer together."""


def orphans(at: Loaded) -> Outcome | None:
    """Ids that no feature of the layer has which they name."""
    asked = list(_named(at))
    if not asked:
        return None
    checked, faults, absent = 0, list[Fault](), list[str]()
    for field, target, among in asked:
        if target not in at.versions:
            absent.append(target)
            continue
        name = {"field": sql.Identifier(field), "target": qualified(LAYER_TABLES[target])}
        name["id"] = sql.Identifier(LAYERS[target].key)
        [(count,)] = at.rows("SELECT count({field}) FROM {table} l WHERE " + among, name)
        checked += count
        condition = (
            f"{among} AND {{field}} <> ''"
            " AND NOT EXISTS (SELECT FROM {target} o WHERE o.{id} = l.{field})"
        )
        count, ids, values = at.failing(condition, name, "{field}")
        if count:
            faults.append(_fault(at, field, count, ids, values))
    if "source_layer" in at.spec.field_names:
        named = "source_layer <> '' AND source_layer <> ALL(%(layers)s)"
        count, ids, values = at.failing(named, {}, "source_layer", layers=list(LAYERS))
        faults += [_fault(at, "source_layer", count, ids, values)] if count else []
    return Outcome(checked, faults, _not_loaded(absent))


def _not_loaded(layers: Sequence[str]) -> Text | None:
    """Return what says that layers are not there to look names up in; None where none is missed."""
    if not layers:
        return None
    titles = [LAYERS[layer].title for layer in layers]
    zh, en = "、".join(t.zh for t in titles), ", ".join(t.en for t in titles)
    return Text(zh=f"没有导入{zh}", en=f"not loaded: {en}")


def _named(at: Loaded) -> Iterator[tuple[str, str, str]]:
    """Yield fields that hold ids, the layer they are of, and the condition on the rows whose are."""
    for field in at.spec.field_names[1:]:
        for target in LAYERS.values():
            if field == target.key:
                yield field, target.id, "true"
    if set(_SOURCES) <= set(at.spec.field_names):
        rows = at.rows("SELECT DISTINCT source_layer FROM {table} WHERE source_id <> ''", {})
        for (layer,) in sorted(rows, key=str):
            if layer in LAYERS:
                yield "source_id", layer, f"source_layer = '{LAYERS[layer].id}'"


def _fault(at: Loaded, field: str, count: int, ids: list[str], values: list[str]) -> Fault:
    said = Text(zh=f"{ids[0]} 的“{values[0]}”", en=f'"{values[0]}" of {ids[0]}')
    return Fault(count, ids, {"field": at.spec.field(field).title, "example": said}, field)


def strange_names(at: Loaded) -> Outcome | None:
    """Names of districts and townships that none of those loaded has."""
    asked = [(f, layer) for f, layer in _NAMES.items() if f in at.spec.field_names]
    if not asked:
        return None
    checked, faults, absent = 0, list[Fault](), list[str]()
    for field, layer in asked:
        if not at.city.names.get(layer):
            absent.append(layer)
            continue
        checked += at.filled[field]
        # A list of names is strange where one of them is.
        condition = (
            "EXISTS (SELECT FROM unnest(string_to_array({field}, %(separator)s)) AS n "
            "WHERE trim(n) <> '' AND trim(n) <> ALL(%(names)s))"
        )
        count, ids, values = at.failing(
            condition,
            {"field": sql.Identifier(field)},
            "{field}",
            separator=TOWNSHIP_SEPARATOR,
            names=sorted(at.city.names[layer]),
        )
        if count:
            strange = [
                n for n in values[0].split(TOWNSHIP_SEPARATOR) if n.strip() not in at.city.names[layer]
            ]
            faults.append(_fault(at, field, count, ids, strange))
    return Outcome(checked, faults, _not_loaded(absent))


_NAMES = {"district": "district", "township": "township", "townships": "township"}
"""Fields that hold names, and the layer whose they are."""
