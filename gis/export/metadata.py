"""One ISO 19115 record in the XML of ISO 19139 (GB/T 19710) for every table of a package.

pygeometa writes the record; what it writes against the schema, or cannot know, is mended: formats without
their character string, a fixed name of the second language, the registry of 2008 for coordinate systems,
and addresses of contacts that nobody has told.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyproj
from lxml import etree
from pygeometa.schemas.iso19139 import ISO19139OutputSchema

from gis.export.model import Kind, Manifest, Packed
from gis.export.telling import (
    KIND_TITLES,
    SYNTHETIC,
    extent_deg,
    feature_count,
    format_of,
    lineage,
    writable,
)
from gis.periods import BEIJING_TIME
from gis.served_crs import SERVED
from gis.writing import write_file
from layers import Text

METADATA_DIR = "metadata"

_ZH, _EN = "zho", "eng"
_NS = {
    "gmd": "http://www.isotc211.org/2005/gmd",
    "gco": "http://www.isotc211.org/2005/gco",
    "gmx": "http://www.isotc211.org/2005/gmx",
    "xlink": "http://www.w3.org/1999/xlink",
}
_GEOMETRY: Mapping[Kind, str] = {"polygon": "surface", "line": "curve", "point": "point"}
_CHARSETS = {"UTF-8": "utf8", "GB18030": "GB18030"}
"""ISO 19115 has GB2312 alone, which holds a part of GB18030."""

_UTILITIES = "utilitiesCommunication"
_TOPICS: Mapping[str, tuple[str, ...]] = {
    "district": ("boundaries",),
    "township": ("boundaries",),
    "parcel": ("planningCadastre",),
    "parcel_suitability": ("planningCadastre", _UTILITIES),
    "match_parcel": ("planningCadastre", _UTILITIES),
    "geothermal_field": ("geoscientificInformation", _UTILITIES),
    "shallow_geothermal_zone": ("geoscientificInformation", _UTILITIES),
    "water_intake_zone": ("inlandWaters", "environment"),
    "drilling_exclusion": ("planningCadastre", "geoscientificInformation"),
    "green_space": ("planningCadastre", "environment"),
}
"""Topic categories by source; energy, water and waste are utilities there, and so is what is not named."""

_NOBODY = Text(
    zh="未提供，由汇交单位填写", en="Not given; to be filled in by the body that delivers the package"
)
_LIMITS = Text(
    zh="密级、使用权限和版权未作说明，由汇交单位确定。",
    en="Classification, rights of use and copyright are not stated; the body that delivers decides on them.",
)


def write_metadata(folder: Path, manifest: Manifest) -> dict[str, str]:
    """Write one record for every table into `folder`, and return their paths in it by the table's name."""
    written = {}
    for table in manifest.tables:
        place = f"{METADATA_DIR}/{table.name}.xml"
        write_file(folder / place, _record(manifest, table))
        written[table.name] = place
    return written


def _record(manifest: Manifest, table: Packed) -> bytes:
    xml = ISO19139OutputSchema().write(_control(manifest, table))
    root = etree.fromstring(xml.encode(), etree.XMLParser(remove_blank_text=True))
    _mend_language(root)
    _mend_contacts(root)
    _mend_formats(root)
    _mend_reference_system(root, manifest, table)
    _mend_extent(root, manifest, table)
    etree.cleanup_namespaces(root)
    body: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return body


def _both(text: Text) -> dict[str, str]:
    return {_ZH: writable(text.zh), _EN: writable(text.en)}


def _control(manifest: Manifest, table: Packed) -> dict[str, Any]:
    """Return what pygeometa takes: a metadata control file."""
    made = manifest.created_at.astimezone(BEIJING_TIME)
    level = "nonGeographicDataset" if table.kind == "table" else "dataset"
    unknown = {"organization": _both(_NOBODY)}
    return {
        "mcf": {"version": "1.0"},
        "metadata": {
            "identifier": f"onemap-{manifest.area.code}-{table.name}-{made:%Y%m%dT%H%M%S}",
            "language": _ZH,
            "language_alternate": _EN,
            "charset": "utf8",
            "hierarchylevel": level,
            "datestamp": made.isoformat(timespec="seconds"),
        },
        "spatial": {
            "datatype": "textTable" if table.kind == "table" else "vector",
            "geomtype": _GEOMETRY.get(table.kind),
        },
        "identification": _identification(manifest, table, made.isoformat(timespec="seconds")),
        "contact": {"resourceProvider": unknown, "pointOfContact": unknown},
        "distribution": _distribution(manifest, table),
        "dataquality": {
            "scope": {"level": level},
            "lineage": {"statement": _both(_joined(tuple(lineage(manifest, table))))},
        },
    }


def _joined(texts: tuple[Text, ...]) -> Text:
    return Text(zh="\n".join(t.zh for t in texts), en="\n".join(t.en for t in texts))


def _identification(manifest: Manifest, table: Packed, made: str) -> dict[str, Any]:
    area, count, kind = manifest.area, feature_count(table), KIND_TITLES[table.kind]
    about = [
        Text(
            zh=f"{table.description.zh}图层名 {table.name}，要素代码 {table.ysdm}，"
            f"{kind.zh}，共 {count:,} 条。",
            en=f"{table.description.en} Table {table.name}, feature code {table.ysdm}, {kind.en}, "
            f"{count:,} rows.",
        )
    ]
    about += [SYNTHETIC] if table.synthetic else []
    return {
        "title": _both(Text(zh=f"{area.name}{table.title.zh}", en=f"{table.title.en} ({area.name})")),
        "abstract": _both(_joined(tuple(about))),
        "dates": {"creation": made},
        "status": "completed",
        "maintenancefrequency": "unknown",
        "language": _ZH,
        "charset": _CHARSETS[manifest.encoding],
        "topiccategory": _TOPICS.get(table.source, (_UTILITIES,)),
        "keywords": {
            "theme": {
                "keywords_type": "theme",
                "keywords": {
                    _ZH: ["新能源供热", table.title.zh, "国土空间基础信息平台"],
                    _EN: ["renewable heat", table.title.en, "territorial spatial information platform"],
                },
            },
            "place": {"keywords_type": "place", "keywords": [writable(area.name), area.code]},
        },
        # pygeometa takes the first box whatever it holds; that of a table without shapes is taken out again.
        "extents": {"spatial": [{"bbox": extent_deg(table, manifest.crs) or (), "crs": 4326}]},
        **({"rights": _both(SYNTHETIC)} if table.synthetic else {}),
        "accessconstraints": "otherRestrictions",
        "license": {"name": _both(_LIMITS)},
    }


def _distribution(manifest: Manifest, table: Packed) -> dict[str, dict[str, Any]]:
    """Return where the parts of a table are; the format is told once."""
    found = {}
    for at, part in enumerate(table.parts):
        whose = (
            Text(zh="全部", en="all rows")
            if part.district is None
            else Text(zh=f"行政区 {part.district}", en=f"district {part.district}")
        )
        found[f"part_{at}"] = {
            "url": quote(part.file),
            "type": "WWW:LINK",
            "function": "download",
            "name": writable(part.layer),
            "description": _both(
                Text(
                    zh=f"包内文件 {part.file}，图层 {part.layer}，{whose.zh}，{part.feature_count:,} 条",
                    en=f"file {part.file} of the package, layer {part.layer}, {whose.en}, "
                    f"{part.feature_count:,} rows",
                )
            ),
            "format": format_of(manifest).en if at == 0 else None,
            "format_version": manifest.vct_dialect,
        }  # fmt: skip
    return found


def _all(root: Any, path: str) -> list[Any]:
    found: list[Any] = root.xpath(path, namespaces=_NS)
    return found


def _tag(name: str) -> str:
    prefix, local = name.split(":")
    return f"{{{_NS[prefix]}}}{local}"


def _add(parent: Any, *names: str, text: str | None = None) -> Any:
    """Append elements, each within the one before, and return the innermost with its text."""
    for name in names:
        parent = etree.SubElement(parent, _tag(name))
    parent.text = text
    return parent


def _remove(root: Any, path: str) -> None:
    for one in _all(root, path):
        one.getparent().remove(one)


def _mend_language(root: Any) -> None:
    """Name the second language as the texts in it refer to it."""
    for one in _all(root, "//gmd:PT_Locale"):
        one.set("id", _EN)
    _remove(root, "gmd:dataSetURI[not(normalize-space())]")


def _mend_contacts(root: Any) -> None:
    _remove(root, "//gmd:CI_ResponsibleParty/gmd:contactInfo[not(.//gmd:URL[normalize-space()])]")


def _mend_formats(root: Any) -> None:
    for one in _all(root, "//gmd:MD_Format/gmd:name[not(*)]"):
        name, one.text = one.text, None
        _add(one, "gco:CharacterString", text=name)


def _mend_reference_system(root: Any, manifest: Manifest, table: Packed) -> None:
    """Name the system of the package as OGC and EPSG do; a table without shapes has none."""
    if table.kind == "table":
        _remove(root, "gmd:referenceSystemInfo | gmd:spatialRepresentationInfo")
        return
    (identifier,) = _all(root, "gmd:referenceSystemInfo//gmd:RS_Identifier")
    for child in list(identifier):
        identifier.remove(child)
    (uri,) = (one.uri for one in SERVED.values() if one.code == manifest.crs)
    code = _add(
        identifier, "gmd:code", "gmx:Anchor", text=f"{pyproj.CRS(manifest.crs).name} ({manifest.crs})"
    )
    code.set(_tag("xlink:href"), uri)
    _add(identifier, "gmd:codeSpace", "gco:CharacterString", text="EPSG")


def _mend_extent(root: Any, manifest: Manifest, table: Packed) -> None:
    """Take out a box that is not known, and name the administrative area."""
    (extent,) = _all(root, "gmd:identificationInfo/*/gmd:extent/gmd:EX_Extent")
    if extent_deg(table, manifest.crs) is None:
        _remove(extent, "gmd:geographicElement")
    _add(
        extent, "gmd:geographicElement", "gmd:EX_GeographicDescription", "gmd:geographicIdentifier",
        "gmd:MD_Identifier", "gmd:code", "gco:CharacterString",
        text=writable(f"{manifest.area.code} {manifest.area.name}"),
    )  # fmt: skip
