"""Filters in the XML of OGC (FES 2.0, Filter 1.1), of the simple kinds that clients make by themselves.

They become the trees that CQL2 filters are, and are checked as those. XML is read by the parser of the
standard library, with every document type and so every entity refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from gis.errors import InputError
from gis.store import filters
from gis.store.collections import Collection

_MAX_IDS = filters.MAX_NODES
_COMPARISONS = {
    "PropertyIsEqualTo": "=",
    "PropertyIsNotEqualTo": "<>",
    "PropertyIsLessThan": "<",
    "PropertyIsGreaterThan": ">",
    "PropertyIsLessThanOrEqualTo": "<=",
    "PropertyIsGreaterThanOrEqualTo": ">=",
}
_JOINED = {"And": "and", "Or": "or", "Not": "not"}
_CORNERS = {"Envelope": ("lowerCorner", "upperCorner"), "Box": ("coordinates",)}
"""Boxes of GML 3, and of GML 2, which GDAL writes into filters of WFS 1.1.0."""
_IDS = ("ResourceId", "GmlObjectId", "FeatureId")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", re.ASCII)
_NO_NAME = re.compile(r"_(?=x)|[^0-9A-Za-z._\u4e00-\u9fa5-]")
_ESCAPED = re.compile(r"_x([0-9a-f]{1,6})_")


class OptionError(InputError):
    """A filter that is right but of a kind that is not served."""


@dataclass(frozen=True)
class Parsed:
    """A filter as the tree of a CQL2 filter, None where it names `ids` only.

    `srs_name` is the coordinate system of its boxes, None where none is told.
    """

    tree: Any
    ids: tuple[str, ...]
    srs_name: str | None


def escaped(feature_id: str) -> str:
    """Return the id of a feature with all escaped that an id in XML must not have."""
    return _NO_NAME.sub(lambda found: f"_x{ord(found[0]):x}_", feature_id)


def feature_ids(ids: Sequence[str], collection: Collection) -> list[str]:
    """Return the ids of features by those in GML; InputError where one is of another collection."""
    if len(ids) > _MAX_IDS:
        raise InputError(f"There are {len(ids)} ids; at most {_MAX_IDS} are taken.")
    found = []
    for id_ in ids:
        prefix, _, rest = id_.partition(".")
        if prefix != collection.id or not rest:
            raise InputError(f"The id {id_[:60]!r} is none of {collection.id}: {collection.id}.… is.")
        found.append(_ESCAPED.sub(_character, rest))
    return found


def _character(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    if code == 0 or code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise InputError(f"The id holds {found[0]}, which is no character.")
    return chr(code)


def parse(text: str, collection: Collection) -> Parsed:
    """Return what a filter in XML demands.

    Raises InputError where it is no such filter, and OptionError for a kind that is not served.
    """
    if len(text) > filters.MAX_CHARS:
        raise InputError(f"The filter has {len(text)} characters; at most {filters.MAX_CHARS} are taken.")
    text = text.strip()
    root = _read(text[1:-1] if text.startswith("(") and text.endswith(")") else text)
    inner = list(root)
    if _name(root) != "Filter" or not inner:
        raise InputError("The filter is no element Filter with a condition in it.")
    if all(_name(one) in _IDS for one in inner):
        # In whichever namespace, one attribute has the id.
        return Parsed(None, tuple(value for one in inner for value in list(one.attrib.values())[:1]), None)
    if len(inner) > 1:
        raise InputError("The filter has more than one condition: join them by And or Or.")
    walk = _Walk(collection)
    return Parsed(walk.condition(inner[0]), (), walk.srs_name)


def _read(text: str) -> Element:
    """Return the root of an XML document without a document type."""
    builder, depth = TreeBuilder(), 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        # A comparison has its names and values below it.
        if depth > filters.MAX_DEPTH + 5:
            raise InputError(f"The filter is nested too deep: at most {filters.MAX_DEPTH} levels are taken.")
        builder.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name)

    def refuse(*_: object) -> NoReturn:
        raise InputError("The filter has a document type, which is not taken.")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = parser.ExternalEntityRefHandler = refuse
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        raise InputError(f"The filter is no XML: {error}.") from error
    return builder.close()


def _name(element: Element) -> str:
    return element.tag.rpartition(" ")[2]


@dataclass
class _Walk:
    collection: Collection
    srs_name: str | None = None

    def condition(self, element: Element) -> Any:
        name, inner = _name(element), list(element)
        if name in _JOINED:
            return {"op": _JOINED[name], "args": [self.condition(one) for one in inner]}
        if element.get("matchCase", "true") in ("false", "0"):
            raise _not_served("matchCase=false")
        if name in _COMPARISONS:
            left, right = _expect(inner, 2, name)
            return self.comparison(_COMPARISONS[name], left, right)
        if name == "PropertyIsBetween":
            value, low, high = _expect(inner, 3, name)
            (least,), (most,) = (_expect(end, 1, _name(end)) for end in (low, high))
            ends = [self.comparison(">=", value, least), self.comparison("<=", value, most)]
            return {"op": "and", "args": ends}
        if name == "PropertyIsLike":
            value, pattern = _expect(inner, 2, name)
            return {"op": "like", "args": [_property(value), _pattern(element, pattern.text or "")]}
        if name in ("PropertyIsNull", "PropertyIsNil"):
            (value,) = _expect(inner, 1, name)
            return {"op": "isNull", "args": [_property(value)]}
        if name == "BBOX":
            return self.box(inner)
        raise _not_served(name)

    def comparison(self, op: str, left: Element, right: Element) -> Any:
        known = [_property(one)["property"] for one in (left, right) if _name(one) != "Literal"]
        return {"op": op, "args": [self.operand(one, known) for one in (left, right)]}

    def operand(self, element: Element, known: list[str]) -> Any:
        """Return a property, or a literal as a value of the property that it is compared with."""
        if _name(element) != "Literal":
            return _property(element)
        if len(element):
            raise _not_served("a literal with elements")
        text = element.text or ""
        found = self.collection.by_name.get(known[0]) if known else None
        kind = found.type if found else "text"
        if kind in ("integer", "float") and _NUMBER.fullmatch(text.strip()):
            return float(text)
        if kind == "boolean":
            return {"true": True, "1": True, "false": False, "0": False}.get(text.strip(), text)
        return text

    def box(self, inner: list[Element]) -> Any:
        if not 1 <= len(inner) <= 2 or _name(inner[-1]) not in _CORNERS:
            raise _not_served("a BBOX with other than an Envelope or a Box")
        box = inner[-1]
        srs_name = box.get("srsName")
        if self.srs_name not in (None, srs_name):
            raise InputError("The boxes of a filter are in more than one coordinate system.")
        self.srs_name = srs_name
        # Between the numbers of a Box there are commas, between those of an Envelope spaces.
        sides = [side for part in box for side in (part.text or "").replace(",", " ").split()]
        if tuple(map(_name, box)) != _CORNERS[_name(box)] or not (
            len(sides) == 4 and all(map(_NUMBER.fullmatch, sides))
        ):
            raise InputError("The box of a BBOX has a lower and an upper corner of two numbers each.")
        place = {"bbox": [float(side) for side in sides]}
        return {"op": "s_intersects", "args": [{"property": filters.GEOMETRY}, place]}


def _expect(inner: Sequence[Element] | Element, count: int, name: str) -> list[Element]:
    if len(inner) != count:
        raise InputError(f"The element {name[:60]} has {count} elements in it, not {len(inner)}.")
    return list(inner)


def _property(element: Element) -> dict[str, str]:
    if _name(element) not in ("ValueReference", "PropertyName"):
        raise _not_served(_name(element))
    return {"property": (element.text or "").strip().rpartition("/")[2].rpartition(":")[2]}


def _pattern(element: Element, text: str) -> str:
    """Return the pattern of PropertyIsLike as that of `like`."""
    signs = {element.get("wildCard", "*"): "%", element.get("singleChar", "?"): "_"}
    escape = element.get("escapeChar") or element.get("escape") or "\\"
    out, rest = "", iter(text)
    for sign in rest:
        if sign == escape:
            sign = next(rest, escape)
        elif sign in signs:
            out += signs[sign]
            continue
        out += f"\\{sign}" if sign in "%_\\" else sign
    return out


def _not_served(name: str) -> OptionError:
    return OptionError(f"The filter has {name[:60]}, which is not served: write the condition as cql_filter.")
