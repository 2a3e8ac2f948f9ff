"""A grammar of valid filters: drawn as trees, written as CQL2 text, evaluated row by row in plain Python."""

from __future__ import annotations

import datetime as dt
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import shapely
from hypothesis import strategies as st

from gis.served_crs import CRS84
from gis.store.collections import Collection, Property
from gis.store.filter_values import as_shape

Tree = Any
Row = Mapping[str, Any]
"""The values of a feature by property, and its outline in the storage CRS as `geometry`."""

_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip
_SPATIAL: Mapping[str, Callable[[Any, Any], Any]] = {
    "s_intersects": shapely.intersects, "s_disjoint": shapely.disjoint, "s_within": shapely.within,
    "s_contains": shapely.contains,
}  # fmt: skip
_WORDS = ("甲", "it's", "", "a%b", "x_y", "通州区", 'a"b', "\\", "é", "\U00020bb7")
_PATTERNS = ("%", "_%", "%区", "P-00%", "%\\%%", "P-_1__", "", "it''s", "%\\\\%")
_DAYS = st.dates(dt.date(1990, 1, 1), dt.date(2030, 1, 1))


def filters_over(collection: Collection, rows: Sequence[Row]) -> st.SearchStrategy[Tree]:
    """Return valid filters on a collection; most of their values are those of its features."""
    simple = [_condition(p, rows) for p in collection.properties if p.type != "text_list"]
    leaf = st.one_of(*simple, _around(), st.booleans())
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda args: {"op": "and", "args": args}),
            st.lists(inner, min_size=1, max_size=3).map(lambda args: {"op": "or", "args": args}),
            inner.map(lambda arg: {"op": "not", "args": [arg]}),
        ),
        max_leaves=6,
    )


def _condition(found: Property, rows: Sequence[Row]) -> st.SearchStrategy[Tree]:
    name = {"property": found.name}
    known = [_literal(row[found.name]) for row in rows if row[found.name] is not None]
    noise: dict[str, st.SearchStrategy[Any]] = {
        "text": st.sampled_from(_WORDS),
        "integer": st.integers(-5, 5000),
        "float": st.floats(-10, 5000).map(lambda x: round(x, 3)),
        "boolean": st.booleans(),
        "date": _DAYS.map(lambda day: {"date": day.isoformat()}),
        "timestamp": _DAYS.map(lambda day: {"timestamp": f"{day}T01:02:03Z"}),
    }
    value = st.sampled_from(known) | noise[found.type] if known else noise[found.type]
    choices = [
        st.just({"op": "isNull", "args": [name]}),
        st.tuples(st.sampled_from(tuple(_COMPARED)), value).map(lambda o: {"op": o[0], "args": [name, o[1]]}),
        st.tuples(st.sampled_from(tuple(_COMPARED)), value).map(lambda o: {"op": o[0], "args": [o[1], name]}),
        st.lists(value, min_size=1, max_size=3).map(lambda many: {"op": "in", "args": [name, many]}),
    ]
    if found.type in ("integer", "float"):
        choices.append(st.tuples(value, value).map(lambda ends: {"op": "between", "args": [name, *ends]}))
    if found.type == "text":
        choices.append(st.sampled_from(_PATTERNS).map(lambda p: {"op": "like", "args": [name, p]}))
    if found.type == "boolean":
        choices.append(st.just(name))
    return st.one_of(*choices)


def _literal(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        # Stored times are those of Beijing.
        utc = (value - dt.timedelta(hours=8)).isoformat()
        return {"timestamp": f"{utc}Z"}
    return {"date": value.isoformat()} if isinstance(value, dt.date) else value


def _around() -> st.SearchStrategy[Tree]:
    side = st.floats(0.005, 0.4)
    corner = st.tuples(st.floats(116.0, 117.0), st.floats(39.5, 40.3), side, side)
    box = corner.map(lambda c: {"bbox": [c[0], c[1], c[0] + c[2], c[1] + c[3]]})
    return st.tuples(st.sampled_from(tuple(_SPATIAL)), box).map(
        lambda o: {"op": o[0], "args": [{"property": "geometry"}, o[1]]}
    )


def as_text(tree: Tree) -> str:
    """Return a filter as CQL2 text, with all brackets."""
    if isinstance(tree, bool):
        return str(tree).upper()
    if isinstance(tree, str):
        return "'" + tree.replace("'", "''") + "'"
    if isinstance(tree, int | float):
        return format(tree, "f") if isinstance(tree, int) else repr(tree)
    if isinstance(tree, list):
        return "(" + ", ".join(map(as_text, tree)) + ")"
    if "op" not in tree:
        ((kind, value),) = tree.items()
        if kind == "property":
            return str(value)
        return f"BBOX({', '.join(map(repr, value))})" if kind == "bbox" else f"{kind.upper()}('{value}')"
    op, args = tree["op"], [as_text(arg) for arg in tree["args"]]
    if op in ("and", "or"):
        return "(" + f" {op.upper()} ".join(args) + ")"
    if op in _SPATIAL:
        return f"{op.upper()}({', '.join(args)})"
    forms = {"not": "(NOT {0})", "isNull": "({0} IS NULL)", "between": "({0} BETWEEN {1} AND {2})",
             "in": "({0} IN {1})", "like": "({0} LIKE {1})"}  # fmt: skip
    return forms.get(op, f"({{0}} {op} {{1}})").format(*args)


def holds(tree: Tree, row: Row) -> bool | None:
    """Return whether a filter holds of a feature: None where SQL cannot tell, for what is missing."""
    if isinstance(tree, bool):
        return tree
    if "op" not in tree:
        return row[tree["property"]] is True
    op, args = tree["op"], tree["args"]
    if op in ("and", "or"):
        return _joined([holds(arg, row) for arg in args], ends=op == "or")
    if op == "not":
        found = holds(args[0], row)
        return None if found is None else not found
    left = _value(args[0], row)
    if op == "isNull":
        return left is None
    if op in _SPATIAL:
        return None if left is None else bool(_SPATIAL[op](left, _box(*args[1]["bbox"])))
    others = [_value(arg, row) for arg in (args[1] if op == "in" else args[1:])]
    if left is None or None in others:
        return None
    if op == "between":
        return bool(others[0] <= left <= others[1])
    if op == "in":
        return left in others
    if op == "like":
        return _like(others[0]).fullmatch(left) is not None
    return _COMPARED[op](left, others[0])


@lru_cache(maxsize=64)
def _box(*bounds: float) -> shapely.Geometry:
    return as_shape({"bbox": list(bounds)}, CRS84)


def _joined(found: list[bool | None], *, ends: bool) -> bool | None:
    if ends in found:
        return ends
    return None if None in found else not ends


def _value(node: Any, row: Row) -> Any:
    if not isinstance(node, dict):
        return node
    ((kind, value),) = node.items()
    if kind == "property":
        return row[value]
    if kind == "date":
        return dt.date.fromisoformat(value)
    return dt.datetime.fromisoformat(value).replace(tzinfo=None) + dt.timedelta(hours=8)


def _like(pattern: str) -> re.Pattern[str]:
    signs = {"%": ".*", "_": "."}
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    return re.compile("".join(signs.get(p) or re.escape(p[-1]) for p in parts), re.DOTALL)
