"""POST /api/areas: files as planners send them, read into polygons that can be asked about, or refused."""

from __future__ import annotations

import io
import json
import re
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import prcoords
import pytest
import shapely
from fastapi.testclient import TestClient

from gis.store import Store

BLOCK = shapely.box(116.700, 39.900, 116.704, 39.903)
NEXT = shapely.box(116.706, 39.900, 116.709, 39.902)
COLUMNS: dict[str, list[Any]] = {
    "名称": ["东地块", "西地块"], "容积率": [2.0, 1.5], "用地用海分类代码": ["0701", "0802"],
    "联系人": ["测试", None],
}  # fmt: skip


def frame(shapes: list[Any], crs: str | None = "EPSG:4490") -> gpd.GeoDataFrame:
    """Return the shapes, given in degrees, with attributes in Chinese."""
    columns = {name: values[: len(shapes)] for name, values in COLUMNS.items()}
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4490").to_crs(crs or "EPSG:4490")


def shapefile(
    data: gpd.GeoDataFrame, folder: Path, without: tuple[str, ...] = (), encoding: str = "GBK"
) -> bytes:
    """Return a zipped shapefile as GDAL writes it."""
    data.to_file(folder / "地块.shp", engine="pyogrio", encoding=encoding)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in sorted(folder.glob("地块.*")):
            if part.suffix not in without:
                archive.write(part, part.name)
    return out.getvalue()


def geojson(*shapes: Any, **more: Any) -> bytes:
    """Return a FeatureCollection of shapes without attributes."""
    features = [
        {"type": "Feature", "properties": {}, "geometry": json.loads(shapely.to_geojson(s))} for s in shapes
    ]
    return json.dumps({"type": "FeatureCollection", "features": features} | more).encode()


def send(client: TestClient, content: bytes, name: str, **fields: str) -> Any:
    """Return the answer to a file."""
    return client.post("/api/areas", files={"file": (name, content)}, data=fields)


def areas(client: TestClient, content: bytes, name: str, **fields: str) -> tuple[list[Any], dict[str, Any]]:
    """Return shapes and notes of a file that is taken."""
    answer = send(client, content, name, **fields)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["notes"]["feature_count"] == len(found["features"])
    return [shapely.from_geojson(json.dumps(f["geometry"])) for f in found["features"]], found["notes"]


def codes(notes: dict[str, Any]) -> list[str]:
    """Return the codes of the warnings, each of which is told in both languages."""
    assert all(w["zh"] and w["en"] and "{" not in w["zh"] + w["en"] for w in notes["warnings"])
    return [w["code"] for w in notes["warnings"]]


def reasons(notes: dict[str, Any]) -> dict[int, str]:
    """Return the codes of why features were left out, each told in both languages."""
    assert all(re.search("[\u4e00-\u9fff]", d["zh"]) and d["en"].isascii() for d in notes["dropped"])
    return {d["feature"]: d["code"] for d in notes["dropped"]}


def refusal(answer: Any, status: int) -> str:
    """Return the code of a refusal: one sentence in a problem document, without a path of this machine."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert tempfile.gettempdir() not in problem["detail"]
    return str(problem["code"])


@pytest.mark.parametrize(("encoding", "cpg"), [("GBK", True), ("GBK", False), ("UTF-8", True)])
def test_shapefile_of_a_planner_is_asked_about(
    client: TestClient, tmp_path: Path, encoding: str, cpg: bool
) -> None:
    data = frame([BLOCK, NEXT], "EPSG:4548")
    content = shapefile(data, tmp_path, () if cpg else (".cpg",), encoding)
    answer = send(client, content, "通州地块.zip").json()
    assert answer["notes"]["crs"].startswith("EPSG:4548")
    assert answer["notes"]["columns"]["land_use_code"].startswith("用地")  # .dbf cuts names to 10 bytes
    assert [f["properties"]["name"] for f in answer["features"]] == COLUMNS["名称"]
    assert answer["features"][0]["properties"]["联系人"] == "测试"
    assert answer["features"][1]["properties"]["联系人"] is None
    assert codes(answer["notes"]) == []
    found = client.post("/api/suitability", json={k: answer[k] for k in ("type", "features")})
    assert found.status_code == 200, found.text
    for result, shape, use in zip(
        found.json()["results"], data.geometry, ("residential", "office"), strict=True
    ):
        assert result["location"]["area_m2"] == pytest.approx(shape.area, abs=0.01)
        assert result["location"]["land_use_class"] == use
        assert result["demand"]["heated_area_m2"] > 0


def test_kml_with_folders_and_kmz(client: TestClient) -> None:
    ring = " ".join(f"{x},{y},12" for x, y in BLOCK.exterior.coords)
    mark = (
        "<Placemark><name>{}</name><Polygon><outerBoundaryIs><LinearRing><coordinates>"
        f"{ring}</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
    )
    folders = "".join(f"<Folder><name>{n}</name>{mark.format(n)}</Folder>" for n in ("一期", "二期"))
    kml = f'<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>{folders}</Document></kml>'
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("doc.kml", kml)
        archive.writestr("files/icon.png", b"\x89PNG")
    for content, name in ((kml.encode(), "a.kml"), (packed.getvalue(), "a.KMZ")):
        shapes, notes = areas(client, content, name)
        assert len(shapes) == 2
        assert not any(s.has_z for s in shapes)
        assert shapes[0].symmetric_difference(BLOCK).area < 1e-10
        assert notes["columns"]["name"] == "Name"


def test_what_is_wrong_with_coordinates_is_told(client: TestClient, tmp_path: Path) -> None:
    metres = frame([BLOCK], "EPSG:4548")
    shapes, notes = areas(client, shapefile(metres, tmp_path, (".prj",)), "x.zip")
    assert codes(notes) == ["crs_assumed"]
    assert notes["crs_assumed"]
    assert shapes[0].symmetric_difference(BLOCK).area < 1e-10
    zone = frame([BLOCK], "EPSG:4527").geometry[0]
    shapes, notes = areas(client, geojson(zone), "zone.json")  # GeoJSON says degrees where it says nothing
    assert codes(notes) == ["crs_assumed"]
    assert shapes[0].symmetric_difference(BLOCK).area < 1e-10
    turned = shapely.transform(BLOCK, lambda xy: xy[:, ::-1])
    shapes, notes = areas(client, geojson(turned), "t.geojson")
    assert codes(notes) == ["axes_swapped"]
    assert shapes[0].symmetric_difference(BLOCK).area < 1e-10
    _, notes = areas(client, geojson(BLOCK, shapely.box(121.4, 31.2, 121.41, 31.21)), "far.geojson")
    assert codes(notes) == ["outside_city"]
    assert reasons(notes) == {2: "outside_area"}


@pytest.mark.parametrize(("label", "shift"), [("GCJ-02", prcoords.wgs_gcj), ("BD-09", prcoords.wgs_bd)])
def test_shift_of_web_maps_is_suspected_and_can_be_declared(
    client: TestClient, city: Store, label: str, shift: Any
) -> None:
    district = city.read("district").to_crs(4326)
    true = shapely.simplify(district.geometry[district.name == "通州区"].iloc[0], 0.0002)

    def apply(xy: Any) -> Any:
        return np.array([tuple(shift((lat, lon)))[::-1] for lon, lat in xy])

    content = geojson(shapely.transform(true, apply))
    _, notes = areas(client, content, "web.geojson")
    assert codes(notes) == ["shift_suspected"]
    assert label in notes["warnings"][0]["zh"]
    assert notes["suspected_crs"] == label.replace("-", "").lower()
    shapes, notes = areas(client, content, "web.geojson", source_crs=notes["suspected_crs"])
    assert codes(notes) == []
    assert notes["suspected_crs"] is None
    assert shapely.hausdorff_distance(shapes[0], true) < 1e-5
    assert codes(areas(client, geojson(true), "true.geojson")[1]) == []


def test_faults_are_repaired_or_left_out_and_told(client: TestClient) -> None:
    bow = shapely.Polygon([(116.70, 39.90), (116.71, 39.91), (116.71, 39.90), (116.70, 39.91)])
    spike = shapely.Polygon([*BLOCK.exterior.coords[:2], (116.704, 39.91), *BLOCK.exterior.coords[1:]])
    closed = shapely.LineString(NEXT.exterior.coords)
    shapes, notes = areas(client, geojson(spike, shapely.Point(116.7, 39.9), closed, bow), "mix.geojson")
    assert notes["read_count"] == 4
    assert all(s.is_valid and s.area > 0 for s in shapes)
    assert {"not_areas", "repaired", "lines_closed"} <= set(codes(notes))
    assert 1 in notes["repaired"]
    assert reasons(notes)[2] == "wrong_type"


def test_why_a_feature_is_left_out_has_a_code_and_both_languages(client: TestClient) -> None:
    line = shapely.LineString([(116.7, 39.9), (116.71, 39.9)])
    sliver = shapely.box(116.7, 39.9, 116.7 + 1e-11, 39.9 + 1e-11)
    content = json.loads(
        geojson(BLOCK, line, sliver, shapely.box(0, 0, 1, 1), shapely.box(118, 39, 118.1, 39.1))
    )
    content["features"].append({"type": "Feature", "properties": {}, "geometry": None})
    _, notes = areas(client, json.dumps(content).encode(), "faults.geojson")
    told = reasons(notes)
    assert told.pop(3) in ("no_extent", "invalid", "empty")
    assert told == {2: "wrong_type", 4: "outside_area", 5: "outside_city", 6: "empty"}


def test_what_cannot_be_asked_about_has_a_code_and_a_place(client: TestClient) -> None:
    def ask(*features: tuple[Any, dict[str, Any]]) -> tuple[str, str]:
        members = [
            {"type": "Feature", "properties": p, "geometry": json.loads(shapely.to_geojson(s))}
            for s, p in features
        ]
        answer = client.post("/api/suitability", json={"type": "FeatureCollection", "features": members})
        return refusal(answer, 422), answer.json()["errors"][0]["pointer"]

    fine = (BLOCK, {"floor_area_ratio": 2})
    bad = ("bad_value", "/features/1/properties/floor_area_ratio")
    assert ask(fine, (NEXT, {"floor_area_ratio": 99})) == bad
    assert ask(fine, (NEXT, {"floor_area_ratio": [1]})) == bad
    assert ask((BLOCK, {"parcel_id": "A"}), (NEXT, {"parcel_id": "A"})) == ("duplicate_id", "/features/1")
    tiny = shapely.box(116.7, 39.9, 116.7 + 1e-11, 39.9 + 1e-11)
    assert ask(fine, (tiny, {}))[0] == "too_small"


def test_refusals_have_a_code(client: TestClient, tmp_path: Path) -> None:
    good = shapefile(frame([BLOCK]), tmp_path)
    cases = [
        (b"PK", "a.dwg", {}, 422, "unknown_format"),
        (b"x", "a.shp", {}, 422, "shapefile_alone"),
        (b"{", "a.geojson", {}, 422, "broken_file"),
        (b"", "a.geojson", {}, 422, "broken_file"),
        (b"<kml", "a.kml", {}, 422, "broken_file"),
        (good[: len(good) // 2], "a.zip", {}, 422, "broken_file"),
        (geojson(shapely.Point(116.7, 39.9)), "a.json", {}, 422, "no_polygons"),
        (geojson(shapely.box(121.4, 31.2, 121.41, 31.21)), "a.json", {}, 422, "outside_city"),
        (geojson(shapely.box(3e7, 1e6, 3.1e7, 1.1e6)), "a.json", {}, 422, "no_crs"),
        (good, "a.zip", {"source_crs": "EPSG:1"}, 422, "wrong_crs"),
        (good, "a.zip", {"source_crs": "EPSG:32650"}, 422, "wrong_crs"),
        (geojson(*[BLOCK] * 51), "a.geojson", {}, 413, "too_many_features"),
        (geojson(BLOCK.segmentize(5e-7)), "a.geojson", {}, 413, "too_many_vertices"),
        (b" " * 10_300_000, "a.geojson", {}, 413, "too_large"),
    ]  # fmt: skip
    for content, name, fields, status, code in cases:
        assert refusal(send(client, content, name, **fields), status) == code, name
    assert not list(Path(tempfile.gettempdir()).glob("onemap-*/upload*"))


def test_zip_bomb_is_not_unpacked(client: TestClient) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.geojson", "w") as member:
        for _ in range(101):
            member.write(bytes(1_000_000))
    assert len(out.getvalue()) < 200_000
    assert refusal(send(client, out.getvalue(), "bomb.zip"), 413) == "unpacks_too_large"


def test_entities_of_a_kml_are_not_multiplied(client: TestClient) -> None:
    entities = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 10))
    kml = f'<!DOCTYPE kml [<!ENTITY e0 "ha">{entities}]><kml><Document><name>&e9;</name></Document></kml>'
    assert refusal(send(client, kml.encode(), "laughs.kml"), 422) == "broken_file"


def test_other_fields_and_bodies_are_refused(client: TestClient) -> None:
    assert send(client, geojson(BLOCK), "a.geojson", layer="parcel").status_code == 422
    assert client.post("/api/areas", content=b"{}").status_code == 415
    assert refusal(send(client, geojson(BLOCK), "x" * 300 + ".json"), 422) == "long_name"
