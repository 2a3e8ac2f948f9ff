"""A wrong file ends in one clear sentence."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from gis.errors import InputError, UsageError
from gis.ingest import archive, read_mapped

from .conftest import Frame

CSV = "名称,经度,纬度\n甲,116.4,39.9\n"


def fails(path: Path, match: str, layer: str = "parcel", **options: object) -> None:
    with pytest.raises(InputError, match=match) as caught:
        read_mapped(layer, path, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_missing_and_unknown(tmp_path: Path) -> None:
    fails(tmp_path / "none.shp", "there is no such file")
    fails(Path("/vsicurl/http://example.org/a.geojson"), "there is no such file")
    (tmp_path / "a.pdf").write_text("x")
    fails(tmp_path / "a.pdf", "the ending '.pdf' is not one of")
    (tmp_path / "a.xls").write_text("x")
    fails(tmp_path / "a.xls", r"Save it as \.xlsx")
    (tmp_path / "a.gdb").write_text("x")
    fails(tmp_path / "a.gdb", "a .gdb is a folder")
    with pytest.raises(UsageError, match="there is no layer 'house'; the layers are parcel"):
        read_mapped("house", tmp_path / "a.shp")


@pytest.mark.parametrize(
    "name", ["a.shp", "a.geojson", "a.csv", "a.gpkg", "a.zip", "a.xlsx", "a.parquet", "a.kml", "a.vct"]
)
def test_empty_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    fails(tmp_path / name, f"{name}: the file is empty")


@pytest.mark.parametrize(
    "name", ["a.gpkg", "a.geojson", "a.xlsx", "a.parquet", "a.zip", "a.kml", "a.fgb", "a.dxf", "a.vct"]
)
def test_garbage(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"this is no data at all\x00\xff" * 50)
    fails(tmp_path / name, name)


def test_no_rows(tmp_path: Path, parcels: Frame) -> None:
    (tmp_path / "a.geojson").write_text('{"type":"FeatureCollection","features":[]}')
    fails(tmp_path / "a.geojson", "holds no features")
    (tmp_path / "a.csv").write_text("名称,经度,纬度\n")
    fails(tmp_path / "a.csv", "no rows below a header")
    parcels().iloc[:0].to_file(tmp_path / "a.gpkg")
    fails(tmp_path / "a.gpkg", "holds no rows")


@pytest.mark.parametrize("keep", [0.2, 0.6, 0.95])
@pytest.mark.parametrize("name", ["a.geojson", "a.gpkg", "a.parquet", "a.xlsx", "a.zip"])
def test_truncated(tmp_path: Path, parcels: Frame, name: str, keep: float) -> None:
    source, path = parcels(40), tmp_path / name
    if name == "a.parquet":
        source.to_parquet(path)
    elif name == "a.xlsx":
        source.drop(columns="geometry").to_excel(path)
    elif name == "a.zip":
        source.to_file(tmp_path / "b.gpkg")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
            zipped.write(tmp_path / "b.gpkg", "b.gpkg")
    else:
        source.to_file(path)
    os.truncate(path, int(path.stat().st_size * keep))
    fails(path, "truncated|damaged|broken JSON")


@pytest.mark.parametrize("part", ["a.shp", "a.shx", "a.dbf"])
def test_damaged_shapefile(tmp_path: Path, parcels: Frame, part: str) -> None:
    parcels(20).to_file(tmp_path / "a.shp", encoding="UTF-8")
    whole = (tmp_path / part).read_bytes()
    (tmp_path / part).write_bytes(whole[: len(whole) * 2 // 3])
    fails(tmp_path / "a.shp", rf"{part}: truncated")
    (tmp_path / part).write_bytes(whole[:10])
    fails(tmp_path / "a.shp", rf"{part}: the file is truncated")
    (tmp_path / part).unlink()
    fails(tmp_path / "a.shp", "no such file" if part == "a.shp" else f"its {part[1:]} file is missing")


def test_wrong_encoding(tmp_path: Path, parcels: Frame) -> None:
    parcels(2, 区=["朝阳区", "海淀区"]).to_file(tmp_path / "a.shp", encoding="GB18030")
    (tmp_path / "a.cpg").write_text("UTF-8")
    fails(tmp_path / "a.shp", r"neither UTF-8 nor GB18030 nor what its \.cpg file says")
    (tmp_path / "a.cpg").write_text("KLINGON")
    fails(tmp_path / "a.shp", "unknown encoding 'klingon'")
    (tmp_path / "a.csv").write_bytes("名称,lon,lat\n\xe9\xff\xff,1,2\n".encode("latin-1", "replace"))
    fails(tmp_path / "a.csv", "neither UTF-8 nor GB18030", "data_centre")
    text = json.dumps(json.loads(parcels(1, 区=["朝阳区"]).to_json()), ensure_ascii=False)
    (tmp_path / "a.geojson").write_bytes(text.encode("gb18030"))
    fails(tmp_path / "a.geojson", "GeoJSON must be complete and UTF-8")


def test_broken_json_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "a.geojson").write_text('{"type":"FeatureCollection",\n"features":[\n{"type":"Feature",,}]}')
    fails(tmp_path / "a.geojson", "broken JSON in line 3, column")
    (tmp_path / "b.json").write_text('{"type":"catalogue"}')
    fails(tmp_path / "b.json", "JSON but not GeoJSON")


def test_csv_line_with_other_columns(tmp_path: Path) -> None:
    lines = ["名称,经度,纬度", *(f"d{i},116.4,39.9" for i in range(100_000))]
    lines[50_000] = "d,116.4"
    (tmp_path / "a.csv").write_text("\n".join(lines))
    fails(tmp_path / "a.csv", "line 50001 has 2 columns, but the header has 3", "data_centre")
    (tmp_path / "b.csv").write_text(CSV + '"乙,116.4,39.9\n')
    fails(tmp_path / "b.csv", "line 3 cannot be read", "data_centre")
    (tmp_path / "c.csv").write_bytes(CSV.encode() + b"\0")
    fails(tmp_path / "c.csv", "binary data", "data_centre")


def test_no_crs(tmp_path: Path, parcels: Frame) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    fails(
        tmp_path / "a.csv",
        "names no coordinate system; say which one with --source-crs EPSG:4326",
        "data_centre",
    )
    parcels().set_crs(None, allow_override=True).to_file(tmp_path / "a.shp", encoding="UTF-8")
    fails(tmp_path / "a.shp", "names no coordinate system")
    assert len(read_mapped("parcel", tmp_path / "a.shp", source_crs="EPSG:4326").frame) == 3


def test_contradicting_crs(geojson: Path, tmp_path: Path, parcels: Frame) -> None:
    fails(geojson, "the file says EPSG:4326 and --source-crs says EPSG:4548", source_crs="EPSG:4548")
    for same in ("EPSG:4490", "EPSG:4326"):
        assert len(read_mapped("parcel", geojson, source_crs=same).frame) == 3
    parcels().to_crs("EPSG:4548").to_file(tmp_path / "a.shp", encoding="UTF-8")  # the .prj has ESRI's names
    assert len(read_mapped("parcel", tmp_path / "a.shp", source_crs="EPSG:4548").frame) == 3
    fails(tmp_path / "a.shp", "the file says .* and --source-crs says EPSG:4527", source_crs="EPSG:4527")
    fails(tmp_path / "a.shp", "needs longitude and latitude", source_crs="gcj02")
    fails(geojson, "is not tied to the Earth", source_crs="EPSG:5773")  # heights only
    with pytest.raises(UsageError, match="use EPSG:n, gcj02 or bd09"):
        read_mapped("parcel", geojson, source_crs="EPSG:999999")


def test_wrong_kind_of_shapes(tmp_path: Path, parcels: Frame) -> None:
    source = parcels()
    source.geometry = source.boundary
    source.to_file(tmp_path / "a.geojson")
    fails(
        tmp_path / "a.geojson", "wrong kind of shapes; row 1: .*LineString, but layer parcel holds polygons"
    )
    parcels().to_file(tmp_path / "b.geojson")
    fails(tmp_path / "b.geojson", "layer data_centre holds points", "data_centre")
    (tmp_path / "c.csv").write_text("名称,容积率\n甲,1\n")
    fails(tmp_path / "c.csv", "no columns for longitude and latitude or WKT")


def test_unknown_columns(tmp_path: Path, geojson: Path) -> None:
    (tmp_path / "a.csv").write_text("foo,bar\n1,2\n")
    fails(tmp_path / "a.csv", "knows none of the columns foo, bar")
    fails(geojson, "layer parcel has no field 'height'", columns={"height": "容积率"})
    fails(geojson, "the file has no column 'x'; it has 地块编号, 容积率", columns={"name": "x"})


@pytest.mark.parametrize(
    "text",
    [
        "<OGRVRTDataSource><OGRVRTLayer name='a'><SrcDataSource>/vsicurl/http://example.org/a.shp</SrcDataSource>"
        "</OGRVRTLayer></OGRVRTDataSource>",
        '{"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline ! read http://example.org/a.gpkg"}',
        "<OGRWFSDataSource><URL>http://example.org/wfs</URL></OGRWFSDataSource>",
    ],
)
@pytest.mark.parametrize("name", ["a.kml", "a.geojson", "a.dxf", "a.geojsonl"])
def test_pointers_elsewhere_are_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    fails(tmp_path / name, "only points to other data")


def test_archives(tmp_path: Path, geojson: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("readme.md", "x")
    fails(path, "must hold one data file; it holds none")
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.write(geojson, "a.geojson")
        zipped.write(geojson, "sub/b.geojson")
    fails(path, "it holds a.geojson, sub/b.geojson")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("a.csv", b"0" * 1_000_000)
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 500_000)
    fails(path, "the limit is")


def test_most_rows_bad(tmp_path: Path, parcels: Frame) -> None:
    parcels(3, 建筑密度=[2, 3, 0.5]).to_file(tmp_path / "a.geojson")
    fails(
        tmp_path / "a.geojson",
        "2 of 3 rows fail, so nothing was imported; row 1: building_density_frac: 2 is outside",
    )


def test_single_geometry_is_not_enough_to_guess(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(0, 0)], crs="EPSG:4326")
    frame.to_file(tmp_path / "a.geojson")
    fails(tmp_path / "a.geojson", "lies outside the area", "data_centre")
