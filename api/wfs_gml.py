"""Features as GML: 3.2 for WFS 2.0.0, 3.1.1 for WFS 1.1.0.

What a feature lacks is left out. Lists are texts with commas between, as in exported files.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import orjson

from api.ogc_features import geojson, zoned
from api.wfs_query import V2, Asked, gml_id
from api.wfs_xml import DIALECTS, HEAD, NAMESPACE, PREFIX, XSI, attribute, text
from gis.store.collections import Collection, ValueType
from gis.store.filters import GEOMETRY
from gis.store.items import Page

_AT_ONCE = 500
"""Features that are written together: a large page is never held as text."""

_WRITTEN: Mapping[ValueType, Callable[[Any], str]] = {
    "text": text,
    "text_list": lambda values: text(",".join(values)),
    "integer": lambda value: str(int(value)),
    "float": lambda value: repr(float(value)),
    "boolean": lambda value: "true" if value else "false",
    "date": lambda value: str(value.isoformat()),
    "timestamp": lambda value: str(zoned(value).isoformat()),
}
_MEMBERS = {
    "MultiPoint": ("MultiPoint", "pointMember", "Point"),
    "MultiLineString": ("MultiCurve", "curveMember", "LineString"),
    "MultiPolygon": ("MultiSurface", "surfaceMember", "Polygon"),
}


class Writer:
    """Writes features of one collection as one version of WFS has them."""

    def __init__(self, version: str, collection: Collection, asked: Asked) -> None:
        self._version = version
        self._collection = collection
        self._asked = asked
        self._member = "wfs:member" if version == V2 else "gml:featureMember"
        wanted = set(asked.names)
        self._written = [
            (i, f"<{PREFIX}:{p.name}>", f"</{PREFIX}:{p.name}>", _WRITTEN[p.type])
            for i, p in enumerate(collection.properties)
            if p.name in wanted
        ]

    def document(self, address: str, told: Mapping[str, str], pages: Iterable[Page]) -> Iterator[bytes]:
        """Yield a collection piece by piece; `told` are attributes of its root beyond those that all have."""
        yield self._head(address, told).encode()
        for page in pages:
            yield from (part.encode() for part in self._members(page))
        yield b"</wfs:FeatureCollection>"

    def _head(self, address: str, told: Mapping[str, str]) -> str:
        known = DIALECTS[self._version]
        described = (
            f"{address}?service=WFS&version={self._version}&request=DescribeFeatureType"
            f"&{known.type_names}={PREFIX}:{self._collection.id}"
        )
        places = f"{NAMESPACE} {described} {known.wfs} {known.wfs_schema} {known.gml} {known.gml_schema}"
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        attributes = {"timeStamp": now} | dict(told)
        return (
            f'{HEAD}<wfs:FeatureCollection xmlns:wfs="{known.wfs}" xmlns:gml="{known.gml}"'
            f' xmlns:{PREFIX}="{NAMESPACE}" xmlns:xsi="{XSI}" xsi:schemaLocation={attribute(places)}'
            f"{''.join(f' {name}={attribute(value)}' for name, value in attributes.items())}>"
        )

    def _members(self, page: Page) -> Iterator[str]:
        for begin in range(0, len(page.ids), _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            shapes = self._shapes(page, part)
            rows = zip(page.ids[part], shapes, page.values[part], strict=True)
            yield "".join(self._feature(*row) for row in rows)

    def _shapes(self, page: Page, part: slice) -> Any:
        if not self._asked.with_outline:
            return [None] * len(page.ids[part])
        return geojson(page.geometries[part], self._asked.crs)

    def _feature(self, feature_id: str, shape: Any, values: tuple[Any, ...]) -> str:
        id_, name = gml_id(self._collection, feature_id), f"{PREFIX}:{self._collection.id}"
        told = [
            f"{before}{write(values[i])}{after}"
            for i, before, after, write in self._written
            if values[i] is not None
        ]
        outline = (
            "" if shape is None else f"<{PREFIX}:{GEOMETRY}>{self._outline(shape, id_)}</{PREFIX}:{GEOMETRY}>"
        )
        return f'<{self._member}><{name} gml:id="{id_}">{"".join(told)}{outline}</{name}></{self._member}>'

    def _outline(self, shape: dict[str, Any], id_: str) -> str:
        kind, coordinates = shape["type"], shape["coordinates"]
        # As the schema says: one line or area is one of several.
        if self._collection.shape in ("line", "polygon") and f"Multi{kind}" in _MEMBERS:
            kind, coordinates = f"Multi{kind}", [coordinates]
        system = f' srsName={attribute(self._asked.srs_name)} srsDimension="2"'
        if kind not in _MEMBERS:
            return self._simple(kind, coordinates, f"geom.{id_}", system)
        name, member, inner = _MEMBERS[kind]
        parts = "".join(
            f"<gml:{member}>{self._simple(inner, one, f'part{i}.{id_}', '')}</gml:{member}>"
            for i, one in enumerate(coordinates)
        )
        return f"<gml:{name}{self._named(f'geom.{id_}')}{system}>{parts}</gml:{name}>"

    def _named(self, id_: str) -> str:
        """Return the id of a geometry, which GML 3.2 demands; no feature's id begins like these."""
        return f' gml:id="{id_}"' if self._version == V2 else ""

    def _simple(self, kind: str, coordinates: Any, id_: str, system: str) -> str:
        if kind == "Point":
            inner = f"<gml:pos>{_numbers(coordinates)}</gml:pos>"
        elif kind == "LineString":
            inner = f"<gml:posList>{_numbers(coordinates)}</gml:posList>"
        else:
            inner = "".join(
                f"<gml:{side}><gml:LinearRing><gml:posList>{_numbers(ring)}</gml:posList></gml:LinearRing>"
                f"</gml:{side}>"
                for side, ring in zip(_sides(len(coordinates)), coordinates, strict=True)
            )
        return f"<gml:{kind}{self._named(id_)}{system}>{inner}</gml:{kind}>"


def _sides(count: int) -> list[str]:
    return ["exterior"] * min(count, 1) + ["interior"] * (count - 1)


def _numbers(coordinates: Any) -> str:
    flat = np.ascontiguousarray(coordinates, dtype=np.float64).ravel()
    return orjson.dumps(flat, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].decode().replace(",", " ")
