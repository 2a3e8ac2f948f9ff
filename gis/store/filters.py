"""Filters in CQL2 onto the columns of a collection.

A filter in text is parsed by the library cql2 into the tree that a filter in JSON is. That
tree is walked here: names are those of declared properties, operators those listed below, and every
value is bound. Nothing of a filter becomes SQL by itself.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cql2
import orjson
import sqlalchemy as sa

from gis.errors import InputError
from gis.served_crs import ServedCrs
from gis.store.collections import Collection, Property
from gis.store.filter_values import BOUND, as_shape, bound, interval, ordered, shape, shown

MAX_CHARS = 8_000
MAX_DEPTH = 20
MAX_NODES = 500
_MAX_OPERATORS = 200
"""As many levels of the parser fit into a stack of 1 MB with room to spare."""
_MAX_READING = 200_000
"""Characters that the parser may read over and over, some tenths of a second."""
GEOMETRY = "geometry"
"""The name of the outline among the properties of a filter."""

Node = Any
Condition = sa.ColumnElement[bool]

_COMPARISONS: Mapping[str, Callable[[Any, Any], Condition]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TURNED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_SPATIAL = {
    f"s_{name.lower()}": f"ST_{name}"
    for name in ("Intersects", "Disjoint", "Within", "Contains", "Equals", "Touches", "Overlaps", "Crosses")
}
_TEMPORAL: Mapping[str, Callable[[Any, Any, Any], Condition]] = {
    "t_before": lambda c, start, _: c < start,
    "t_after": lambda c, _, end: c > end,
    "t_equals": lambda c, start, end: sa.and_(c == start, c == end),
    "t_intersects": lambda c, start, end: sa.and_(c >= start, c <= end),
    "t_disjoint": lambda c, start, end: sa.or_(c < start, c > end),
    "t_during": lambda c, start, end: sa.and_(c > start, c < end),
}
OPERATORS = (
    "and", "or", "not", *_COMPARISONS, "between", "in", "like", "isNull", *_SPATIAL, *_TEMPORAL,
)  # fmt: skip
"""All that a filter may do."""

_STRING = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"")
# Each of these can be repeated so that the next is one level deeper.
_NESTING = re.compile(r"[-+*/%^=<>(]|\b(?:not|is|in|like|between|div)\b", re.IGNORECASE)


def parse_text(text: str) -> Node:
    """Return the tree of a filter in CQL2 text; InputError where it is none, or too long or deep."""
    _check_length(text)
    # The parser calls itself for every level, without a limit, and where it fails it has read what is within
    # brackets twice at every level: how much that may be has to be known before.
    depth = deepest = 0
    for sign in _STRING.sub("''", text):
        depth += (sign == "(") - (sign == ")")
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH or len(text) << deepest > _MAX_READING:
        raise InputError("The filter is nested too deep for its length: use fewer brackets, or CQL2 JSON.")
    # Counted within texts too: this bound must not hang on where the parser sees a text begin and end.
    if len(_NESTING.findall(text)) > _MAX_OPERATORS:
        raise InputError(f"The filter has too many operators: at most {_MAX_OPERATORS} are taken in text.")
    try:
        return cql2.parse_text(text).to_json()
    except (cql2.ParseError, ValueError) as error:
        place = re.search(r"--> (\d+:\d+)", str(error))
        told = f" at {place[1]} (line:column)" if place else ""
        raise InputError(f"The filter is no CQL2 text: it cannot be read{told}.") from error
    except Exception as error:  # the library raises the bare class where it cannot read a shape
        raise InputError(
            f"The filter has a shape that cannot be read: {' '.join(str(error).split())}."
        ) from error


def parse_json(text: str) -> Node:
    """Return the tree of a filter in CQL2 JSON; InputError where it is none, or too long."""
    _check_length(text)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InputError(f"The filter is no CQL2 JSON: {error}.") from error


def _check_length(text: str) -> None:
    if len(text) > MAX_CHARS:
        raise InputError(f"The filter has {len(text)} characters; at most {MAX_CHARS} are taken.")
    if "\0" in text:
        raise InputError("The filter holds a zero byte.")


def condition(tree: Node, collection: Collection, crs: ServedCrs) -> Condition:
    """Return the condition of a parsed filter; geometries in it are in `crs`.

    Raises InputError, in one sentence, for any property, operator or value that is not
    allowed, and for a tree of more than `MAX_NODES` nodes or `MAX_DEPTH` levels.
    """
    _check_size(tree)
    found = _Walk(collection, crs).condition(tree)
    if collection.judged is None or not _needs_judged(tree, collection):
        return found
    # The same, and the planner need not go through the parcels to find those without results.
    return sa.and_(found, collection.judged.is_not(None))


def _needs_judged(node: Node, collection: Collection) -> bool:
    """Return whether a condition, which has been walked, holds of no feature that was not judged."""
    if not isinstance(node, dict) or node.get("op") in ("not", "isNull"):
        return False
    if node.get("op") in ("and", "or"):
        joined = any if node["op"] == "and" else all
        return joined(_needs_judged(arg, collection) for arg in node["args"])
    names = {arg["property"] for arg in node.get("args", [node]) if _names_property(arg)}
    return not names <= {GEOMETRY, *collection.own}


def _check_size(tree: Node) -> None:
    """Raise InputError where a tree, or what is no tree, is nested too deep."""
    level, depth = [tree], 0
    while level := [m for n in level if isinstance(n, dict | list) for m in _members(n)]:
        depth += 1
        # An operator is a level, and the list of its arguments another.
        if depth > 2 * MAX_DEPTH:
            raise InputError(f"The filter is nested too deep: at most {MAX_DEPTH} levels are taken.")


def _members(node: Node) -> Sequence[Node]:
    return list(node.values()) if isinstance(node, dict) else node


@dataclass
class _Walk:
    collection: Collection
    crs: ServedCrs
    nodes: int = 0

    def condition(self, node: Node) -> Condition:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise InputError(f"The filter has more than {MAX_NODES} conditions.")
        if isinstance(node, bool):
            return sa.true() if node else sa.false()
        if not isinstance(node, dict):
            raise InputError(f"The filter has {shown(node)} where it needs a condition.")
        if node.keys() == {"property"}:
            found = self.property(node)
            if found.type != "boolean":
                raise InputError(f"The property {found.name} is no condition: compare it with a value.")
            return found.column.is_(True)
        name, args = node.get("op"), node.get("args")
        if node.keys() != {"op", "args"} or not isinstance(name, str) or not isinstance(args, list):
            raise InputError(f"The filter has {shown(node)} where it needs a condition.")
        return self.operation(name, args)

    def operation(self, name: str, args: Sequence[Node]) -> Condition:
        if name in ("and", "or"):
            if not args:
                raise InputError(f"The operator {name} needs conditions.")
            joined = sa.and_ if name == "and" else sa.or_
            return joined(*(self.condition(arg) for arg in args))
        rules: dict[str, tuple[int, Callable[..., Condition]]] = {
            "not": (1, lambda arg: sa.not_(self.condition(arg))),
            "isNull": (1, self.is_null),
            "like": (2, self.like),
            "in": (2, self.is_in),
            "between": (3, self.between),
        }
        rules |= {op: (2, lambda a, b: self.comparison(name, a, b)) for op in _COMPARISONS}
        rules |= {op: (2, lambda a, b: self.spatial(name, a, b)) for op in _SPATIAL}
        rules |= {op: (2, lambda a, b: self.temporal(name, a, b)) for op in _TEMPORAL}
        if name not in rules:
            raise InputError(
                f"The filter uses {name[:60]!r}; only these may be used: {', '.join(OPERATORS)}."
            )
        count, apply = rules[name]
        if len(args) != count:
            raise InputError(f"The operator {name} takes {count} arguments, not {len(args)}.")
        return apply(*args)

    def property(self, node: Node) -> Property:
        name = node.get("property") if isinstance(node, dict) and len(node) == 1 else None
        if isinstance(node, dict) and isinstance(node.get("op"), str):
            raise _not_allowed(node["op"])
        if not isinstance(name, str):
            raise InputError(f"The filter has {shown(node)} where it needs a property.")
        if name not in self.collection.by_name:
            raise InputError(f"The collection {self.collection.id} has no property {name[:60]!r}.")
        return self.collection.by_name[name]

    def comparison(self, name: str, left: Node, right: Node) -> Condition:
        if not _names_property(left) and _names_property(right):
            return self.comparison(_TURNED[name], right, left)
        one = self.property(left)
        if not _names_property(right):
            return _COMPARISONS[name](ordered(one), bound(one, right))
        other = self.property(right)
        if one.type != other.type or one.type == "text_list":
            raise InputError(f"The properties {one.name} and {other.name} cannot be compared.")
        return _COMPARISONS[name](ordered(one), ordered(other))

    def between(self, left: Node, low: Node, high: Node) -> Condition:
        found = self.property(left)
        if found.type not in ("integer", "float"):
            raise InputError(f"The operator between takes a number; {found.name} is of type {found.type}.")
        return found.column.between(bound(found, low), bound(found, high))

    def is_in(self, left: Node, values: Node) -> Condition:
        found = self.property(left)
        if not isinstance(values, list) or not 0 < len(values) <= MAX_NODES:
            raise InputError(f"The operator in takes a list of 1 to {MAX_NODES} values.")
        return found.column.in_([bound(found, value) for value in values])

    def like(self, left: Node, pattern: Node) -> Condition:
        found = self.property(left)
        if found.type != "text" or not isinstance(pattern, str):
            raise InputError(f"The operator like takes a text and a pattern, not {found.name} and others.")
        if re.fullmatch(r"(?:[^\\]|\\.)*", pattern, re.DOTALL) is None:
            raise InputError("The pattern of like ends with a backslash, which escapes nothing.")
        return found.column.like(sa.literal(pattern, sa.Text()), escape="\\")

    def is_null(self, node: Node) -> Condition:
        if node == {"property": GEOMETRY}:
            return self.collection.geometry.is_(None)
        return self.property(node).column.is_(None)

    def spatial(self, name: str, left: Node, right: Node) -> Condition:
        if left != {"property": GEOMETRY}:
            raise InputError(f"The operator {name} takes the property {GEOMETRY} and then a geometry.")
        test = getattr(sa.func, _SPATIAL[name])
        found: Condition = test(
            self.collection.geometry, shape(as_shape(right, self.crs)), type_=sa.Boolean()
        )
        return found

    def temporal(self, name: str, left: Node, right: Node) -> Condition:
        found = self.property(left)
        if found.type not in ("date", "timestamp"):
            raise InputError(f"The operator {name} takes a time; {found.name} is of type {found.type}.")
        ends = (sa.literal(t, BOUND[found.type]) for t in interval(right, found.type))
        return _TEMPORAL[name](found.column, *ends)


def _not_allowed(name: str) -> InputError:
    return InputError(f"The filter may not use {name[:60]!r} here; its operators are {', '.join(OPERATORS)}.")


def _names_property(node: Node) -> bool:
    return isinstance(node, dict) and "property" in node
