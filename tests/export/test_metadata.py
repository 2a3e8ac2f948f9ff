"""The ISO records of a package: all that ISO 19115 asks for, read by other readers, and nothing made up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
from lxml import etree
from owslib.iso import MD_Metadata
from pygeometa.core import import_metadata

from gis.errors import InputError
from gis.export.metadata import write_metadata
from gis.export.model import Manifest, Part
from gis.export.sources import SOURCES
from gis.export.telling import extent_deg
from tests.export.manifests import BOX, DATUM, PROFILE, manifest, origin, packed

NS = {
    "gmd": "http://www.isotc211.org/2005/gmd",
    "gco": "http://www.isotc211.org/2005/gco",
    "gmx": "http://www.isotc211.org/2005/gmx",
    "xlink": "http://www.w3.org/1999/xlink",
}
DATA = "gmd:identificationInfo/gmd:MD_DataIdentification"
REQUIRED = (
    "gmd:fileIdentifier/gco:CharacterString",
    "gmd:language/gmd:LanguageCode/@codeListValue",
    "gmd:characterSet/gmd:MD_CharacterSetCode/@codeListValue",
    "gmd:hierarchyLevel/gmd:MD_ScopeCode/@codeListValue",
    "gmd:contact/gmd:CI_ResponsibleParty/gmd:organisationName/gco:CharacterString",
    "gmd:contact/gmd:CI_ResponsibleParty/gmd:role/gmd:CI_RoleCode/@codeListValue",
    "gmd:dateStamp/gco:DateTime",
    f"{DATA}/gmd:citation/gmd:CI_Citation/gmd:title/gco:CharacterString",
    f"{DATA}/gmd:citation/gmd:CI_Citation/gmd:date/gmd:CI_Date/gmd:date/gco:DateTime",
    f"{DATA}/gmd:citation/gmd:CI_Citation/gmd:date/gmd:CI_Date/gmd:dateType/*/@codeListValue",
    f"{DATA}/gmd:abstract/gco:CharacterString",
    f"{DATA}/gmd:spatialRepresentationType/*/@codeListValue",
    f"{DATA}/gmd:language/gmd:LanguageCode/@codeListValue",
    f"{DATA}/gmd:characterSet/gmd:MD_CharacterSetCode/@codeListValue",
    f"{DATA}/gmd:topicCategory/gmd:MD_TopicCategoryCode",
    f"{DATA}/gmd:extent//gmd:geographicElement",
    f"{DATA}/gmd:resourceConstraints//gmd:otherConstraints",
    "gmd:distributionInfo//gmd:distributionFormat/gmd:MD_Format/gmd:name/gco:CharacterString",
    "gmd:dataQualityInfo//gmd:scope//gmd:MD_ScopeCode/@codeListValue",
    "gmd:dataQualityInfo//gmd:LI_Lineage/gmd:statement/gco:CharacterString",
)


def record(folder: Path, one: Manifest, at: int = 0) -> Any:
    """Write the records of a package and return that of one table as a tree."""
    place = write_metadata(folder, one)[one.tables[at].name]
    return etree.parse(folder / place).getroot()


def found(root: Any, path: str) -> list[str]:
    return [
        one if isinstance(one, str) else "".join(one.itertext()) for one in root.xpath(path, namespaces=NS)
    ]


def statement(root: Any) -> tuple[str, str]:
    """Return the lineage in Chinese and in English."""
    path = "gmd:dataQualityInfo//gmd:statement"
    (zh,) = found(root, f"{path}/gco:CharacterString")
    (en,) = found(root, f"{path}//gmd:LocalisedCharacterString")
    return zh, en


def test_every_source_has_a_record_with_all_that_iso_asks_for(tmp_path: Path) -> None:
    one = manifest(*(packed(source) for source in SOURCES))
    places = write_metadata(tmp_path, one)
    assert places == {table.name: f"metadata/{table.name}.xml" for table in one.tables}
    assert {p.name for p in (tmp_path / "metadata").iterdir()} == {f"{name}.xml" for name in places}
    for name, place in places.items():
        root = etree.parse(tmp_path / place).getroot()
        missing = [path for path in REQUIRED if not any(text.strip() for text in found(root, path))]
        assert missing == [], name
        # Nothing is empty without a reason, and every reference to a language has one to refer to.
        leaves = [e for e in root.iter("{*}*") if len(e) == 0 and not (e.text or "").strip()]
        assert [e.tag for e in leaves if f"{{{NS['gco']}}}nilReason" not in e.attrib] == []
        assert set(found(root, "//@locale")) == {f"#{id_}" for id_ in found(root, "//gmd:PT_Locale/@id")}


def test_the_readers_of_owslib_and_pygeometa_find_what_was_written(tmp_path: Path) -> None:
    one = manifest(packed("parcel"))
    root = record(tmp_path, one)
    read = MD_Metadata(root)
    about = read.identification[0]
    assert (read.languagecode, read.charset, read.hierarchy) == ("zho", "utf8", "dataset")
    assert read.datestamp == "2026-11-22T10:30:00+08:00"
    assert about.title == "北京市地块"
    assert [(d.date, d.type) for d in about.date] == [("2026-11-22T10:30:00+08:00", "creation")]
    assert about.topiccategory == ["planningCadastre"]
    assert read.referencesystem.code_url == "http://www.opengis.net/def/crs/EPSG/0/4548"
    assert read.referencesystem.code == f"{pyproj.CRS('EPSG:4548').name} (EPSG:4548)"
    assert read.distribution.format == "Esri file geodatabase (FileGDB)"
    assert {c.organization for c in read.get_all_contacts()} == {"未提供，由汇交单位填写"}
    mcf = import_metadata("iso19139", etree.tostring(root, encoding="unicode"))
    assert mcf["identification"]["title"] == about.title
    assert mcf["identification"]["extents"]["spatial"][0]["bbox"] == list(
        extent_deg(one.tables[0], "EPSG:4548") or ()
    )


@pytest.mark.parametrize("crs", ["EPSG:4490", "EPSG:4548", "EPSG:4527"])
def test_the_extent_in_degrees_holds_every_point_of_the_box_and_hardly_more(crs: Any) -> None:
    there = pyproj.Transformer.from_crs("EPSG:4548", crs, always_xy=True)
    back = pyproj.Transformer.from_crs(crs, "EPSG:4490", always_xy=True)
    west, south, east, north = there.transform_bounds(*BOX)
    halves = [(west, south, (west + east) / 2, north), ((west + east) / 2, south, east, north)]
    parts = tuple(Part(file="a", layer="DK", feature_count=1, extent=half) for half in halves)
    told = extent_deg(packed("parcel", parts=parts), crs)
    assert told is not None
    xs, ys = np.meshgrid(np.linspace(west, east, 801), np.linspace(south, north, 801))
    lon, lat = back.transform(xs, ys)
    dense = (lon.min(), lat.min(), lon.max(), lat.max())
    assert np.all(np.array(told[:2]) <= np.array(dense[:2]) + 1e-9)
    assert np.all(np.array(told[2:]) >= np.array(dense[2:]) - 1e-9)
    assert np.abs(np.array(told) - np.array(dense)).max() < 2.1e-6


def test_an_extent_of_another_system_is_refused_not_written() -> None:
    with pytest.raises(InputError, match="table DK cannot be in EPSG:4527"):
        extent_deg(packed("parcel"), "EPSG:4527")


def test_a_table_without_shapes_has_no_box_and_no_system(tmp_path: Path) -> None:
    empty = packed("parcel", parts=(Part(file="a.gdb", layer="DK", feature_count=0),))
    for at, level in ((0, "nonGeographicDataset"), (1, "dataset")):
        root = record(tmp_path, manifest(packed("match_source"), empty), at)
        assert found(root, "//gmd:EX_GeographicBoundingBox") == []
        assert found(root, "//gmd:EX_GeographicDescription//gmd:code/gco:CharacterString") == [
            "110000 北京市"
        ]
        assert found(root, "gmd:hierarchyLevel/*/@codeListValue") == [level]
        assert bool(found(root, "gmd:referenceSystemInfo")) is (level == "dataset")


def test_the_lineage_tells_sources_datum_processing_and_what_is_local_or_synthetic(tmp_path: Path) -> None:
    sources = (origin("parcel"), origin("heat_network", source_name='a<b>&"c\x00.shp'))
    table = packed("parcel_suitability", origins=sources, synthetic=True, cut_count=3)
    zh, en = statement(record(tmp_path, manifest(table, overlong="overlong.csv")))
    for text in (zh, en):
        for one in sources:
            assert one.source_sha256 in text
        assert "2026-11-20 09:05" in text
        assert 'a<b>&"c\ufffd.shp' in text
        assert all(t in text for t in ("beijing", "b" * 64, "2026-06-01", PROFILE.sha256, "OneMap 0.1.0"))
        assert "overlong.csv" in text
    assert DATUM.zh in zh
    assert DATUM.en in en
    assert PROFILE.notice.zh in zh
    assert PROFILE.notice.en in en
    assert "合成数据" in zh
    assert "第 4 次评价" in zh
    assert "所用图层与本包一致" in zh


def test_what_is_not_known_is_said_so_and_what_does_not_apply_is_not_said(tmp_path: Path) -> None:
    bare = {"origins": (), "synthetic": False}
    tables = packed("match_parcel", **bare), packed("parcel", **bare)
    local = PROFILE.described().model_copy(update={"local": False})
    one = manifest(*tables, rules=None, run=None, scenario=None, profile=local)
    zh, en = statement(record(tmp_path, one))
    for line in ("数据来源：未知。", "规则集：未知。", "评价：未知。", "匹配方案：未知。", "位置精度：未知"):
        assert line in zh
    assert en.count("unknown") == 5
    assert "合成" not in zh
    assert PROFILE.notice.zh not in zh
    layer, _ = statement(record(tmp_path, one, 1))
    assert "规则集" not in layer
    assert "匹配方案" not in layer


def test_the_same_package_has_the_same_records_and_every_file_of_a_table_is_named(tmp_path: Path) -> None:
    parts = tuple(
        Part(file=f"通州 {code}.gdb", layer="DK", district=code, feature_count=5, extent=BOX)
        for code in ("110112", "110105")
    )
    one = manifest(packed("parcel", parts=parts), encoding="GB18030", format="vct", vct_dialect="3.0")
    write_metadata(tmp_path / "a", one)
    write_metadata(tmp_path / "b", one)
    bodies = [(tmp_path / side / "metadata" / "DK.xml").read_bytes() for side in "ab"]
    assert bodies[0] == bodies[1]
    root = etree.fromstring(bodies[0])
    assert found(root, "//gmd:CI_OnlineResource//gmd:URL") == [
        f"%E9%80%9A%E5%B7%9E%20{code}.gdb" for code in ("110112", "110105")
    ]
    assert found(root, "//gmd:MD_Format/gmd:version/gco:CharacterString") == ["3.0"]
    assert found(root, f"{DATA}/gmd:characterSet/*/@codeListValue") == ["GB18030"]
    assert "共 10 条" in found(root, f"{DATA}/gmd:abstract/gco:CharacterString")[0]
