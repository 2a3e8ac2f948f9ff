"""The documents of WFS but for features: capabilities, schema, exceptions.

They are written here: no library in use writes WFS. GDAL's GML driver, which writes features, puts them
into an envelope of its own that WFS clients do not take.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from api.ogc_documents import TITLE
from api.wfs_query import DEFAULT_CRS, FORMATS, MAX_COUNT, NAMED, V1, V2
from gis.store.collections import Collection, Shape, ValueType
from gis.store.filters import GEOMETRY

PREFIX = "onemap"
NAMESPACE = "urn:onemap:features"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
_WHOLE = [-180.0, -90.0, 180.0, 90.0]

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Dialect:
    """Namespaces and words in which versions of WFS differ."""

    version: str
    wfs: str
    ows: str
    filter: str
    gml: str
    gml_schema: str
    wfs_schema: str
    crs: str
    type_names: str


DIALECTS: Mapping[str, Dialect] = {
    V1: Dialect(
        V1, "http://www.opengis.net/wfs", "http://www.opengis.net/ows", "http://www.opengis.net/ogc",
        "http://www.opengis.net/gml", "http://schemas.opengis.net/gml/3.1.1/base/gml.xsd",
        "http://schemas.opengis.net/wfs/1.1.0/wfs.xsd", "SRS", "typeName",
    ),
    V2: Dialect(
        V2, "http://www.opengis.net/wfs/2.0", "http://www.opengis.net/ows/1.1",
        "http://www.opengis.net/fes/2.0", "http://www.opengis.net/gml/3.2",
        "http://schemas.opengis.net/gml/3.2.1/gml.xsd", "http://schemas.opengis.net/wfs/2.0/wfs.xsd",
        "CRS", "typeNames",
    ),
}  # fmt: skip

_TYPES: Mapping[ValueType, str] = {
    "text": "xs:string", "text_list": "xs:string", "integer": "xs:long", "float": "xs:double",
    "boolean": "xs:boolean", "date": "xs:date", "timestamp": "xs:dateTime",
}  # fmt: skip
_SHAPES: Mapping[Shape, str] = {
    "polygon": "MultiSurface", "line": "MultiCurve", "point": "Point", "any": "Geometry",
}  # fmt: skip


def text(value: str) -> str:
    """Return a text for XML; characters that it cannot hold become the replacement character."""
    return escape(_ILLEGAL.sub("\ufffd", value), {"\r": "&#13;"})


def attribute(value: str) -> str:
    """Return a text as the quoted value of an attribute."""
    quoted = text(value).replace('"', "&quot;").replace("\t", "&#9;").replace("\n", "&#10;")
    return f'"{quoted}"'


def exception(version: str, message: str, code: str, locator: str) -> str:
    """Return an exception report."""
    known = DIALECTS[version]
    return (
        f'{HEAD}<ows:ExceptionReport xmlns:ows="{known.ows}" version="{version}" xml:lang="en">'
        f"<ows:Exception exceptionCode={attribute(code)} locator={attribute(locator)}>"
        f"<ows:ExceptionText>{text(message)}</ows:ExceptionText></ows:Exception></ows:ExceptionReport>"
    )


def schema(version: str, found: Iterable[Collection]) -> str:
    """Return the schema of feature types: every property may be missing, as values may be."""
    known = DIALECTS[version]
    types = "".join(_schema_of(version, one) for one in found)
    return (
        f'{HEAD}<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:gml="{known.gml}"'
        f' xmlns:{PREFIX}="{NAMESPACE}" targetNamespace="{NAMESPACE}" elementFormDefault="qualified">'
        f'<xs:import namespace="{known.gml}" schemaLocation="{known.gml_schema}"/>{types}</xs:schema>'
    )


def _schema_of(version: str, one: Collection) -> str:
    abstract = "gml:_Feature" if version == V1 else "gml:AbstractFeature"
    told = [
        _element(p.name, _TYPES[p.type], f"{p.title.zh} {p.title.en}" + (f" ({p.unit})" if p.unit else ""))
        for p in one.properties
    ]
    outline = _element(GEOMETRY, f"gml:{_SHAPES[one.shape]}PropertyType", "图形 geometry")
    return (
        f'<xs:complexType name="{one.id}Type"><xs:complexContent>'
        f'<xs:extension base="gml:AbstractFeatureType"><xs:sequence>{"".join(told)}{outline}</xs:sequence>'
        "</xs:extension></xs:complexContent></xs:complexType>"
        f'<xs:element name="{one.id}" type="{PREFIX}:{one.id}Type" substitutionGroup="{abstract}"/>'
    )


def _element(name: str, type_: str, title: str) -> str:
    return (
        f'<xs:element name="{name}" type="{type_}" minOccurs="0" nillable="true"><xs:annotation>'
        f"<xs:documentation>{text(title)}</xs:documentation></xs:annotation></xs:element>"
    )


def capabilities(
    version: str, address: str, found: Sequence[tuple[Collection, Sequence[float] | None]]
) -> str:
    """Return the capabilities; `found` are the feature types with their boxes in degrees."""
    known = DIALECTS[version]
    types = "".join(_feature_type(known, *one) for one in found)
    return (
        f'{HEAD}<wfs:WFS_Capabilities version="{version}" xmlns:wfs="{known.wfs}" xmlns:ows="{known.ows}"'
        f' xmlns:{"ogc" if version == V1 else "fes"}="{known.filter}" xmlns:gml="{known.gml}"'
        f' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:{PREFIX}="{NAMESPACE}">'
        f"<ows:ServiceIdentification><ows:Title>{TITLE}</ows:Title><ows:ServiceType>WFS</ows:ServiceType>"
        f"<ows:ServiceTypeVersion>{V2}</ows:ServiceTypeVersion>"
        f"<ows:ServiceTypeVersion>{V1}</ows:ServiceTypeVersion></ows:ServiceIdentification>"
        f"<ows:ServiceProvider><ows:ProviderName>OneMap</ows:ProviderName><ows:ServiceContact/>"
        f"</ows:ServiceProvider>{_operations(known, address)}"
        f"<wfs:FeatureTypeList>{types}</wfs:FeatureTypeList>"
        f"{_FILTERS[version]}</wfs:WFS_Capabilities>"
    )


def _feature_type(known: Dialect, one: Collection, box: Sequence[float] | None) -> str:
    sides = box or _WHOLE
    others = "".join(
        f"<wfs:Other{known.crs}>{name}</wfs:Other{known.crs}>"
        for name in NAMED
        if name.startswith("urn:") and name != DEFAULT_CRS
    )
    return (
        f"<wfs:FeatureType><wfs:Name>{PREFIX}:{one.id}</wfs:Name>"
        f"<wfs:Title>{text(f'{one.title.zh} {one.title.en}')}</wfs:Title>"
        f"<wfs:Abstract>{text(f'{one.description.zh} {one.description.en}')}</wfs:Abstract>"
        f"<wfs:Default{known.crs}>{DEFAULT_CRS}</wfs:Default{known.crs}>{others}"
        f"<ows:WGS84BoundingBox><ows:LowerCorner>{sides[0]} {sides[1]}</ows:LowerCorner>"
        f"<ows:UpperCorner>{sides[2]} {sides[3]}</ows:UpperCorner></ows:WGS84BoundingBox></wfs:FeatureType>"
    )


def _operations(known: Dialect, address: str) -> str:
    """Return what can be asked for. In 2.0 clients read from it how to page."""
    forms = list(dict.fromkeys(FORMATS[known.version].values()))
    asked = {
        "GetCapabilities": _choice(known, "Parameter", "AcceptVersions", [V2, V1]),
        "DescribeFeatureType": _choice(known, "Parameter", "outputFormat", forms[:1]),
        "GetFeature": _choice(known, "Parameter", "resultType", ["results", "hits"])
        + _choice(known, "Parameter", "outputFormat", forms),
    }
    if known.version == V2:
        asked["GetFeature"] += _constraint("CountDefault", str(MAX_COUNT))
    verbs = "".join(
        f'<ows:Operation name="{verb}"><ows:DCP><ows:HTTP><ows:Get xlink:href={attribute(f"{address}?")}/>'
        f"</ows:HTTP></ows:DCP>{told}</ows:Operation>"
        for verb, told in asked.items()
    )
    if known.version == V1:
        limits = _choice(known, "Constraint", "DefaultMaxFeatures", [str(MAX_COUNT)])
    else:
        limits = "".join(_constraint(name, str(name in _HELD).upper()) for name in (*_HELD, *_NOT_HELD))
    return f"<ows:OperationsMetadata>{verbs}{limits}</ows:OperationsMetadata>"


_HELD = ("KVPEncoding", "ImplementsResultPaging")
_NOT_HELD = (
    "ImplementsBasicWFS", "ImplementsTransactionalWFS", "ImplementsLockingWFS", "XMLEncoding",
    "SOAPEncoding", "ImplementsInheritance", "ImplementsRemoteResolve", "ImplementsStandardJoins",
    "ImplementsSpatialJoins", "ImplementsTemporalJoins", "ImplementsFeatureVersioning", "ManageStoredQueries",
)  # fmt: skip


def _constraint(name: str, value: str, prefix: str = "ows") -> str:
    return (
        f'<{prefix}:Constraint name="{name}"><ows:NoValues/><ows:DefaultValue>{value}</ows:DefaultValue>'
        f"</{prefix}:Constraint>"
    )


def _choice(known: Dialect, kind: str, name: str, values: Iterable[str]) -> str:
    listed = "".join(f"<ows:Value>{value}</ows:Value>" for value in values)
    inner = listed if known.version == V1 else f"<ows:AllowedValues>{listed}</ows:AllowedValues>"
    return f'<ows:{kind} name="{name}">{inner}</ows:{kind}>'


def _filters_1() -> str:
    names = ("EqualTo", "NotEqualTo", "LessThan", "GreaterThan", "LessThanEqualTo", "GreaterThanEqualTo",
             "Like", "Between", "NullCheck")  # fmt: skip
    comparisons = "".join(f"<ogc:ComparisonOperator>{name}</ogc:ComparisonOperator>" for name in names)
    return (
        "<ogc:Filter_Capabilities><ogc:Spatial_Capabilities><ogc:GeometryOperands>"
        "<ogc:GeometryOperand>gml:Envelope</ogc:GeometryOperand></ogc:GeometryOperands><ogc:SpatialOperators>"
        '<ogc:SpatialOperator name="BBOX"/></ogc:SpatialOperators></ogc:Spatial_Capabilities>'
        "<ogc:Scalar_Capabilities><ogc:LogicalOperators/>"
        f"<ogc:ComparisonOperators>{comparisons}</ogc:ComparisonOperators></ogc:Scalar_Capabilities>"
        "<ogc:Id_Capabilities><ogc:EID/><ogc:FID/></ogc:Id_Capabilities></ogc:Filter_Capabilities>"
    )


def _filters_2() -> str:
    names = ("EqualTo", "NotEqualTo", "LessThan", "GreaterThan", "LessThanOrEqualTo", "GreaterThanOrEqualTo",
             "Like", "Null", "Between")  # fmt: skip
    comparisons = "".join(f'<fes:ComparisonOperator name="PropertyIs{name}"/>' for name in names)
    held = {
        "ImplementsQuery": False, "ImplementsAdHocQuery": True, "ImplementsFunctions": False,
        "ImplementsResourceId": True, "ImplementsMinStandardFilter": True, "ImplementsStandardFilter": False,
        "ImplementsMinSpatialFilter": True, "ImplementsSpatialFilter": False,
        "ImplementsMinTemporalFilter": False, "ImplementsTemporalFilter": False,
        "ImplementsVersionNav": False, "ImplementsSorting": True, "ImplementsExtendedOperators": False,
        "ImplementsMinimumXPath": True, "ImplementsSchemaElementFunc": False,
    }  # fmt: skip
    conformance = "".join(_constraint(name, str(holds).upper(), "fes") for name, holds in held.items())
    return (
        f"<fes:Filter_Capabilities><fes:Conformance>{conformance}"
        '</fes:Conformance><fes:Id_Capabilities><fes:ResourceIdentifier name="fes:ResourceId"/>'
        "</fes:Id_Capabilities><fes:Scalar_Capabilities><fes:LogicalOperators/>"
        f"<fes:ComparisonOperators>{comparisons}</fes:ComparisonOperators></fes:Scalar_Capabilities>"
        '<fes:Spatial_Capabilities><fes:GeometryOperands><fes:GeometryOperand name="gml:Envelope"/>'
        '</fes:GeometryOperands><fes:SpatialOperators><fes:SpatialOperator name="BBOX"/>'
        "</fes:SpatialOperators></fes:Spatial_Capabilities></fes:Filter_Capabilities>"
    )


_FILTERS = {V1: _filters_1(), V2: _filters_2()}
