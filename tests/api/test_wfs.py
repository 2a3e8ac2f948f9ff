"""WFS by key-value pairs: documents, parameters and refusals, held against /ogc and SQL."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely
import sqlalchemy as sa
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from api.wfs_filter import escaped, feature_ids
from api.wfs_query import NAMED, V1, V2
from api.wfs_xml import attribute, text
from gis.store import Store, items
from gis.store.collections import COLLECTIONS
from layers import LAYERS

NS = {
    V1: {"wfs": "http://www.opengis.net/wfs", "gml": "http://www.opengis.net/gml"},
    V2: {"wfs": "http://www.opengis.net/wfs/2.0", "gml": "http://www.opengis.net/gml/3.2"},
}
OWN = "{urn:onemap:features}"
XS = "{http://www.w3.org/2001/XMLSchema}"
ID = {V1: "{http://www.opengis.net/gml}id", V2: "{http://www.opengis.net/gml/3.2}id"}
READ: dict[str, Any] = {
    "xs:string": str, "xs:long": int, "xs:double": float, "xs:boolean": {"true": True, "false": False}.get,
}  # fmt: skip


def features(client: TestClient, version: str = V2, **asked: Any) -> Any:
    """Return the root of a GetFeature's answer; names of parameters are those of 2.0.0."""
    if version == V1:
        asked = {{"typeNames": "typeName", "count": "maxFeatures"}.get(n, n): v for n, v in asked.items()}
    answer = client.get("/wfs", params={"request": "GetFeature", "version": version} | asked)
    assert answer.status_code == 200, answer.text
    return etree.fromstring(answer.content)


def ids(root: Any, kind: str = "parcel") -> list[str]:
    """Return the keys of the features in an answer, in its order."""
    return [one.text for one in root.iter(f"{OWN}{LAYERS[kind].key}")]


def refused(client: TestClient, status: int = 400, **asked: Any) -> tuple[str, str, str]:
    """Return code, locator and text of the exception that a GetFeature gets."""
    asked = {"request": "GetFeature", "typeNames": "parcel", "count": 1} | asked
    answer = client.get("/wfs", params={name: value for name, value in asked.items() if value is not None})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/xml; charset=utf-8")
    (told,) = etree.fromstring(answer.content)
    return told.get("exceptionCode"), told.get("locator"), told[0].text


def in_sql(store: Store, condition: str, table: str = "layer.parcel") -> set[str]:
    with store.engine.connect() as connection:
        found = set(connection.scalars(sa.text(f"SELECT parcel_id FROM {table} WHERE {condition}")))
    assert found
    return found


def outline(feature: Any, version: str) -> Any:
    """Return the rings of a feature's areas as one polygon each, as written."""
    rings = []
    for ring in feature.iter(f"{{{NS[version]['gml']}}}Polygon"):
        parts = [
            np.array(p.text.split(), float).reshape(-1, 2)
            for p in ring.iter(f"{{{NS[version]['gml']}}}posList")
        ]
        rings.append(shapely.Polygon(parts[0], parts[1:]))
    return shapely.MultiPolygon(rings)


@pytest.mark.parametrize("version", [V1, V2])
@pytest.mark.parametrize("kind", ["parcel_suitability", "reclaimed_water_pipeline", "data_centre"])
def test_features_are_as_the_schema_and_ogc_have_them(client: TestClient, version: str, kind: str) -> None:
    schema = etree.fromstring(
        client.get(
            "/wfs", params={"request": "DescribeFeatureType", "version": version, "typeName": kind}
        ).content
    )
    declared = {e.get("name"): e.get("type") for e in schema.iter(f"{XS}element") if e.get("name") != kind}
    told = client.get(f"/ogc/collections/{kind}/items?limit=40").json()["features"]
    root = features(client, version, typeNames=kind, count=40)
    found = list(root.iter(f"{OWN}{kind}"))
    assert len(found) == len(told) > 0
    names = list(declared)
    for one, expected in zip(found, told, strict=True):
        assert feature_ids([one.get(ID[version])], COLLECTIONS[kind]) == [expected["id"]]
        present = [e.tag.removeprefix(OWN) for e in one]
        assert present == [n for n in names if n in present]  # in the order of the schema
        wanted = {n: v for n, v in expected["properties"].items() if v is not None}
        assert set(present) - {"geometry"} == set(wanted)
        for element in one:
            name = element.tag.removeprefix(OWN)
            if name == "geometry":
                assert f"gml:{etree.QName(element[0]).localname}PropertyType" == declared[name]
            elif isinstance(wanted[name], list):
                assert (element.text or "").split(",") == (wanted[name] or [""])
            else:
                assert READ.get(declared[name], str)(element.text) == wanted[name]
    identified = [e.get(ID[version]) for e in root.iter() if e.get(ID[version])]
    assert len(set(identified)) == len(identified)


@pytest.mark.parametrize("name", NAMED)
def test_coordinates_are_right_to_a_micrometre(client: TestClient, city: Store, name: str) -> None:
    version = V2 if name.startswith("urn:") else V1
    root = features(client, version, typeNames="parcel", count=30, srsName=name)
    crs = NAMED[name]
    # Names of the registry have its axes, the short ones x before y.
    assert crs.y_first == ("EPSG" in name and name.startswith(("urn:", "http://www.opengis.net/def")))
    back = pyproj.Transformer.from_crs(crs.code, "EPSG:4548", always_xy=True)
    stored = city.read("parcel", ids=ids(root)).set_index("parcel_id").geometry
    for one in root.iter(f"{OWN}parcel"):
        assert one.find(f"{OWN}geometry")[0].get("srsName") == name
        shape = shapely.transform(
            outline(one, version),
            lambda xy: np.column_stack(back.transform(*(xy.T[::-1] if crs.y_first else xy.T))),
        )
        assert shape.hausdorff_distance(stored[one.find(f"{OWN}parcel_id").text]) < 1e-6


def test_boxes_are_in_the_system_they_name(client: TestClient, city: Store) -> None:
    box = (116.68, 39.89, 116.70, 39.91)
    expected = in_sql(
        city, f"ST_Intersects(ST_Transform(geom, 4326), ST_MakeEnvelope({str(box)[1:-1]}, 4326))"
    )
    west, south, east, north = box
    for told in (
        f"{south},{west},{north},{east}",
        f"{south},{west},{north},{east},urn:ogc:def:crs:EPSG::4490",
        f"{west},{south},{east},{north},EPSG:4326",
        f"{west},{south},{east},{north},urn:ogc:def:crs:OGC:1.3:CRS84",
    ):
        assert set(ids(features(client, typeNames="parcel", bbox=told))) == expected
    with city.engine.connect() as connection:
        e0, n0 = connection.execute(
            sa.text("SELECT ST_XMin(geom), ST_YMin(geom) FROM layer.parcel LIMIT 1")
        ).one()
    metres = in_sql(city, f"ST_Intersects(geom, ST_MakeEnvelope({e0}, {n0}, {e0 + 900}, {n0 + 700}, 4548))")
    for told in (
        f"{n0},{e0},{n0 + 700},{e0 + 900},urn:ogc:def:crs:EPSG::4548",
        f"{e0},{n0},{e0 + 900},{n0 + 700},EPSG:4548",
    ):
        assert set(ids(features(client, V1, typeNames="parcel", bbox=told))) == metres


def test_pages_join_to_the_whole(client: TestClient, city: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    # Pages of large outlines come in parts: an answer has all that it tells of nevertheless.
    monkeypatch.setattr(items, "MAX_PAGE_BYTES", 4_000)
    stored = city.read("township").set_index("township_id")["name"]
    step, found, every = 150, [], len(stored)
    answer = client.get(
        f"/wfs?REQUEST=GetFeature&VERSION=2.0.0&TYPENAMES=onemap:township&COUNT={step}&SORTBY=name DESC"
    )
    while True:
        root = etree.fromstring(answer.content)
        page = ids(root, "township")
        assert (root.get("numberMatched"), root.get("numberReturned")) == (str(every), str(len(page)))
        found += page
        address = root.get("next")
        if address is None:
            break
        assert len(page) == step
        answer = client.get(address)
    assert len(found) == len(set(found)) == every
    told = stored[found].tolist()
    assert told == sorted(told, reverse=True)


@pytest.mark.parametrize("version", [V1, V2])
def test_hits_are_counted(client: TestClient, city: Store, version: str) -> None:
    name = "numberMatched" if version == V2 else "numberOfFeatures"
    for asked, condition in (({}, "true"), ({"cql_filter": "floor_area_ratio > 2"}, "floor_area_ratio > 2")):
        root = features(client, version, typeNames="parcel", resultType="hits", **asked)
        assert (int(root.get(name)), len(root)) == (len(in_sql(city, condition)), 0)


def test_version_1_1_0_never_tells_a_part_for_the_whole(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.wfs_features.MAX_COUNT", 20)
    code, locator, told = refused(client, version=V1, count=None)
    assert (code, locator) == ("InvalidParameterValue", "maxFeatures")
    assert "ask for a bbox" in told
    assert len(ids(features(client, V1, typeNames="parcel", count=20))) == 20


FILTERS = {
    "<And><PropertyIsEqualTo><N>district</N><Literal>通州区</Literal></PropertyIsEqualTo><PropertyIsLessThan>"
    "<Literal>15000</Literal><N>heat_load_kw</N></PropertyIsLessThan></And>":
    "f.district = '通州区' AND heat_load_kw > 15000",
    "<And><PropertyIsGreaterThanOrEqualTo><N>onemap:recommended_score</N><Literal>60</Literal>"
    "</PropertyIsGreaterThanOrEqualTo><Not><PropertyIsEqualTo><N>recommended</N><Literal>reclaimed_water"
    "</Literal></PropertyIsEqualTo></Not></And>":
    "recommended_score >= 60 AND NOT recommended = 'reclaimed_water'",
    "<PropertyIsBetween><N>area_m2</N><LowerBoundary><Literal>1e4</Literal></LowerBoundary><UpperBoundary>"
    "<Literal>1.3e4</Literal></UpperBoundary></PropertyIsBetween>": "area_m2 BETWEEN 1e4 AND 1.3e4",
    "<PropertyIsLike wildCard='*' singleChar='?' escapeChar='!'><N>parcel_id</N><Literal>P-0?0??1*</Literal>"
    "</PropertyIsLike>": "parcel_id LIKE 'P-0_0__1%'",
    "<Or><PropertyIsNull><N>floor_area_ratio</N></PropertyIsNull><PropertyIsEqualTo><N>synthetic</N>"
    "<Literal>false</Literal></PropertyIsEqualTo><PropertyIsGreaterThan><N>floor_area_ratio</N>"
    "<Literal>4</Literal></PropertyIsGreaterThan></Or>":
    "floor_area_ratio IS NULL OR synthetic = false OR floor_area_ratio > 4",
}  # fmt: skip
WITH_RESULTS = (
    "layer.parcel p JOIN result.parcel_suitability s USING (parcel_id) "
    "JOIN result.parcel_fact f USING (parcel_id)"
)


@pytest.mark.parametrize("version", [V1, V2])
@pytest.mark.parametrize("written", FILTERS, ids=lambda w: re.search(r"Is(\w+)", w)[1])
def test_filters_in_xml_are_those_of_sql(client: TestClient, city: Store, version: str, written: str) -> None:
    space, name = {
        V1: ("http://www.opengis.net/ogc", "PropertyName"),
        V2: ("http://www.opengis.net/fes/2.0", "ValueReference"),
    }[version]
    filter_ = f"<Filter xmlns='{space}'>{written}</Filter>".replace("N>", f"{name}>")
    root = features(client, version, typeNames="parcel_suitability", filter=filter_, propertyName="parcel_id")
    assert set(ids(root)) == in_sql(city, FILTERS[written], WITH_RESULTS)
    assert {len(one) for one in root.iter(f"{OWN}parcel_suitability")} == {1}


def test_features_are_found_by_their_ids(client: TestClient) -> None:
    some = ids(features(client, typeNames="parcel", count=3))
    told = [f"parcel.{escaped(id_)}" for id_ in some]
    assert ids(features(client, resourceID=",".join(told))) == some
    assert ids(features(client, V1, typeNames="parcel", featureID=told[1])) == some[1:2]
    named = "".join(f"<fes:ResourceId rid='{one}'/>" for one in told)
    filter_ = f"<fes:Filter xmlns:fes='http://www.opengis.net/fes/2.0'>{named}</fes:Filter>"
    assert ids(features(client, typeNames="parcel", filter=filter_)) == some
    filter_ = (
        "<Filter xmlns='http://www.opengis.net/ogc' xmlns:g='http://www.opengis.net/gml'>"
        f"<GmlObjectId g:id='{told[2]}'/></Filter>"
    )
    assert ids(features(client, V1, typeNames="parcel", filter=filter_)) == some[2:]


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_any_key_makes_an_id_and_comes_back(key: str) -> None:
    id_ = f"parcel.{escaped(key)}"
    root = etree.fromstring(f'<a xmlns:gml="{NS[V2]["gml"]}" gml:id="{id_}"/>')
    assert re.fullmatch(r"[\w.-]+", root.get(ID[V2]))
    assert feature_ids([id_], COLLECTIONS["parcel"]) == [key]


@given(st.text(st.characters(exclude_categories=[])))
def test_any_text_leaves_the_document_whole(value: str) -> None:
    root = etree.fromstring(f"<a b={attribute(value)}>{text(value)}</a>".encode())
    kept = "".join(c if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff") else "\ufffd" for c in value)
    kept = re.sub("[\ud800-\udfff]", "\ufffd", kept)
    assert ((root.text or ""), root.get("b")) == (kept, kept)


def test_geojson_has_x_before_y(client: TestClient) -> None:
    asked = {"request": "GetFeature", "typeNames": "parcel", "count": 3, "outputFormat": "application/json"}
    plain = client.get("/wfs", params=asked).json()
    assert plain["features"] == client.get("/ogc/collections/parcel/items?limit=3").json()["features"]
    moved = client.get("/wfs", params=asked | {"srsName": "urn:ogc:def:crs:EPSG::4548"}).json()
    assert moved["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::4548"
    easting, northing = moved["features"][0]["geometry"]["coordinates"][0][0][0]
    assert easting < 1e6 < northing


BOMB = (
    "<!DOCTYPE f [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><Filter><PropertyIsEqualTo>"
    "<PropertyName>name</PropertyName><Literal>&b;</Literal></PropertyIsEqualTo></Filter>"
)
OUTSIDE = "<!DOCTYPE f SYSTEM 'file:///etc/hostname'><Filter><And/></Filter>"
DEEP = "<Filter>" + "<Not>" * 60 + "</Not>" * 60 + "</Filter>"
EQUAL = "<PropertyIsEqualTo{}><PropertyName>{}</PropertyName><Literal>{}</Literal></PropertyIsEqualTo>"


@pytest.mark.parametrize(
    ("asked", "code", "locator"),
    [
        ({"filter": BOMB}, "InvalidParameterValue", "filter"),
        ({"filter": OUTSIDE}, "InvalidParameterValue", "filter"),
        ({"filter": DEEP}, "InvalidParameterValue", "filter"),
        ({"filter": "<Filter>"}, "InvalidParameterValue", "filter"),
        ({"filter": "<Filter/>"}, "InvalidParameterValue", "filter"),
        ({"filter": "x" * 9000}, "InvalidParameterValue", "filter"),
        ({"filter": "<f:Filter><And/></f:Filter>"}, "InvalidParameterValue", "filter"),
        ({"filter": "<Filter><And/></Filter>"}, "InvalidParameterValue", "filter"),
        ({"filter": "<Filter><Intersects/></Filter>"}, "OptionNotSupported", "filter"),
        ({"filter": f"<Filter>{EQUAL.format('', 'nope', 1)}</Filter>"}, "InvalidParameterValue", "filter"),
        (
            {"filter": f"<Filter>{EQUAL.format('', 'population', 'x')}</Filter>"},
            "InvalidParameterValue", "filter",
        ),
        (
            {"filter": "<Filter>" + EQUAL.format(" matchCase='false'", "name", "x") + "</Filter>"},
            "OptionNotSupported", "filter",
        ),
        (
            {"filter": "<Filter><BBOX><Envelope srsName='EPSG:4326'><lowerCorner>1 2</lowerCorner>"
             "<upperCorner>3</upperCorner></Envelope></BBOX></Filter>"},
            "InvalidParameterValue", "filter",
        ),
        ({"cql_filter": "nope = 1"}, "InvalidParameterValue", "cql_filter"),
        ({"count": 0}, "InvalidParameterValue", "count"),
        ({"count": 10_001}, "InvalidParameterValue", "count"),
        ({"startIndex": 100_001}, "InvalidParameterValue", "startIndex"),
        ({"startIndex": "-1"}, "InvalidParameterValue", "startIndex"),
        ({"startIndex": 1, "version": V1}, "OptionNotSupported", "startIndex"),
        ({"bbox": "1,2,3"}, "InvalidParameterValue", "bbox"),
        ({"bbox": "1,2,3,4,EPSG:1"}, "InvalidParameterValue", "bbox"),
        ({"srsName": "EPSG:3857"}, "InvalidParameterValue", "srsName"),
        ({"sortBy": "name UPWARDS"}, "InvalidParameterValue", "sortBy"),
        ({"sortBy": "nope"}, "InvalidParameterValue", "sortBy"),
        ({"propertyName": "nope"}, "InvalidParameterValue", "propertyName"),
        ({"outputFormat": "csv"}, "InvalidParameterValue", "outputFormat"),
        ({"resultType": "some"}, "InvalidParameterValue", "resultType"),
        ({"resourceID": "district.1"}, "InvalidParameterValue", "resourceID"),
        ({"resourceID": "parcel._xd800_"}, "InvalidParameterValue", "resourceID"),
        ({"storedQuery_id": "x"}, "OptionNotSupported", "storedQuery_id"),
        ({"typeNames": "parcel,district"}, "OptionNotSupported", "typeNames"),
        ({"typeNames": None}, "MissingParameterValue", "typeNames"),
        ({"version": "1.0.0"}, "InvalidParameterValue", "version"),
        ({"acceptVersions": "3.0.0"}, "VersionNegotiationFailed", "acceptVersions"),
        ({"service": "WMS"}, "InvalidParameterValue", "service"),
        ({"request": "Transaction"}, "OperationNotSupported", "request"),
        ({"request": "GetPropertyValue"}, "OperationNotSupported", "request"),
        ({"request": None}, "MissingParameterValue", "request"),
        ({"cql_filter": "name = '\0'"}, "InvalidParameterValue", "cql_filter"),
        ({"bbox": ["1,2,3,4", "1,2,3,4"]}, "InvalidParameterValue", "bbox"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else value,
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_parameter(
    client: TestClient, asked: dict[str, Any], code: str, locator: str
) -> None:
    assert refused(client, **asked)[:2] == (code, locator)


def test_what_is_not_there_is_told(client: TestClient) -> None:
    code, locator, told = refused(client, status=404, typeNames="<\x01nope>")
    assert (code, locator) == ("InvalidParameterValue", "typeNames")
    assert "<" in told
    answer = client.post("/wfs", content="<GetFeature/>", headers={"Content-Type": "text/xml"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert "OperationNotSupported" in answer.text
