"""Every format gives the same rows."""

from __future__ import annotations

import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyogrio
import pytest
import shapely

from gis.crs import reproject, to_storage
from gis.errors import InputError
from gis.ingest import read_mapped
from gis.vct import Field
from gis.vct.writing import vct_writer
from layers import LAYERS
from tests.vct.examples import BODY, HEAD, PARCEL, form

from .conftest import Frame


def same_squares(frame: gpd.GeoDataFrame, source: gpd.GeoDataFrame, tolerance_m: float = 1e-3) -> None:
    wanted = to_storage(source.to_crs("OGC:CRS84").geometry.to_numpy())
    assert list(frame["parcel_id"]) == list(source["地块编号"])
    assert list(frame["floor_area_ratio"]) == list(source["容积率"])
    apart = shapely.hausdorff_distance(frame.geometry.to_numpy(), wanted)
    assert (apart <= tolerance_m).all()
    assert set(frame.geom_type) == {"MultiPolygon"}


@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.fgb", "a.gdb", "a.tab", "a.geojsonl"])
def test_gdal_formats(tmp_path: Path, parcels: Frame, name: str) -> None:
    source = parcels()
    # MapInfo takes no Chinese column names from GDAL.
    source_names = {"地块编号": "dkbh", "容积率": "rjl"} if name == "a.tab" else {}
    driver = {"a.gdb": "OpenFileGDB", "a.tab": "MapInfo File", "a.geojsonl": "GeoJSONSeq"}.get(name)
    source.rename(columns=source_names).to_file(tmp_path / name, driver=driver)
    mapped = read_mapped("parcel", tmp_path / name)
    same_squares(mapped.frame, source, tolerance_m=0.02 if name == "a.tab" else 1e-3)
    assert mapped.report.rows_accepted == 3
    assert mapped.report.rows_rejected == 0
    assert len(mapped.report.source_sha256 or "") == 64


def test_kml(tmp_path: Path, parcels: Frame) -> None:
    source = parcels()
    source.to_file(tmp_path / "a.kml", driver="LIBKML")
    same_squares(read_mapped("parcel", tmp_path / "a.kml").frame, source)
    with zipfile.ZipFile(tmp_path / "a.kmz", "w") as archive:
        archive.write(tmp_path / "a.kml", "doc.kml")
    same_squares(read_mapped("parcel", tmp_path / "a.kmz").frame, source)


def test_geoparquet(tmp_path: Path, parcels: Frame) -> None:
    source = parcels()
    source.to_crs("EPSG:4548").to_parquet(tmp_path / "a.parquet")
    mapped = read_mapped("parcel", tmp_path / "a.parquet")
    same_squares(mapped.frame, source)
    assert (mapped.report.source_crs or "").startswith("EPSG:4548")


def test_plain_parquet_needs_positions(tmp_path: Path) -> None:
    pd.DataFrame({"名称": ["a"], "lon": [116.4], "lat": [39.9]}).to_parquet(tmp_path / "a.parquet")
    mapped = read_mapped("data_centre", tmp_path / "a.parquet", source_crs="EPSG:4326")
    assert mapped.frame.geometry[0].geom_type == "Point"


@pytest.mark.parametrize("cpg", ["UTF-8", "GB18030", "GBK", "936", None])
def test_shapefile_encodings(tmp_path: Path, parcels: Frame, cpg: str | None) -> None:
    source = parcels(2, 区=["朝阳区", "海淀区"]).rename(columns={"地块编号": "dkbh"})
    encoding = "UTF-8" if cpg == "UTF-8" else "GB18030"
    source.to_file(tmp_path / "a.shp", encoding=encoding)
    (tmp_path / "a.cpg").unlink()
    if cpg is not None:
        (tmp_path / "a.cpg").write_text(cpg)
    frame = read_mapped("parcel", tmp_path / "a.shp").frame
    assert list(frame["district"]) == ["朝阳区", "海淀区"]
    assert list(frame["floor_area_ratio"]) == [1.5, 2.5]


@pytest.mark.parametrize("encoding", ["UTF-8", "GB18030"])
def test_shapefile_names_cut_in_mid_character(tmp_path: Path, parcels: Frame, encoding: str) -> None:
    source = parcels(
        2, 用地用海分类代码=["0701", "0702"], floor_area_ratio=[1.0, 2.0], floor_area_m2=[5.0, 6.0]
    )
    source = source.drop(columns="容积率")
    with pytest.warns(RuntimeWarning):
        source.to_file(tmp_path / "a.shp", encoding=encoding)
    mapped = read_mapped("parcel", tmp_path / "a.shp")
    assert list(mapped.frame["parcel_id"]) == ["P1", "P2"]
    assert list(mapped.frame["land_use_code"]) == ["0701", "0702"]
    assert mapped.frame["floor_area_m2"].isna().all()
    assert any("'floor_area' is not used" in w and "floor_area_ratio or floor_area_m2" in w
               for w in mapped.report.warnings)  # fmt: skip
    chosen = read_mapped("parcel", tmp_path / "a.shp", columns={"floor_area_ratio": "floor_area"})
    assert list(chosen.frame["floor_area_ratio"]) == [1.0, 2.0]


def test_zipped_shapefile_with_chinese_names(tmp_path: Path, parcels: Frame) -> None:
    folder = tmp_path / "地块"
    folder.mkdir()
    parcels(2).rename(columns={"地块编号": "dkbh"}).to_file(folder / "现状.shp", encoding="UTF-8")
    (folder / "说明.txt").write_text("说明")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for part in folder.iterdir():
            archive.write(part, f"数据/{part.name}")
    mapped = read_mapped("parcel", tmp_path / "a.zip")
    assert list(mapped.frame["parcel_id"]) == ["P1", "P2"]
    assert mapped.report.source == "a.zip"


def test_zipped_file_geodatabase(tmp_path: Path, parcels: Frame) -> None:
    parcels().to_file(tmp_path / "a.gdb", driver="OpenFileGDB")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for part in (tmp_path / "a.gdb").iterdir():
            archive.write(part, f"a.gdb/{part.name}")
    assert len(read_mapped("parcel", tmp_path / "a.zip").frame) == 3


def test_dxf_closed_polylines(tmp_path: Path, parcels: Frame) -> None:
    plane = parcels().to_crs("EPSG:4548")
    lines = gpd.GeoDataFrame(
        {"Layer": ["地块", "地块", "road"]}, geometry=plane.boundary.to_numpy(), crs=None
    )
    pyogrio.write_dataframe(lines, tmp_path / "a.dxf", driver="DXF")
    mapped = read_mapped("parcel", tmp_path / "a.dxf", source_crs="EPSG:4548", source_layer="地块")
    assert len(mapped.frame) == 2
    assert mapped.report.generated_keys
    areas = mapped.frame.geometry.area.to_numpy()
    np.testing.assert_allclose(areas, plane.area.to_numpy()[:2], rtol=1e-6)
    assert len(read_mapped("parcel", tmp_path / "a.dxf", source_crs="EPSG:4548").frame) == 3
    with pytest.raises(InputError, match="no CAD layer 'x'; it has road, 地块"):
        read_mapped("parcel", tmp_path / "a.dxf", source_crs="EPSG:4548", source_layer="x")


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("epsg", [4548, 4527, 4490])
def test_vct(tmp_path: Path, parcels: Frame, epsg: int, shared: bool) -> None:
    source = parcels()
    shapes = source.to_crs(f"EPSG:{epsg}").geometry.to_numpy()
    fields = Field("地块编号", "Char", 18), Field("容积率", "Float", 5, 2)
    values = pa.RecordBatch.from_pandas(source[[f.name for f in fields]], preserve_index=False)
    with vct_writer(tmp_path / "a.vct", form("3.0", epsg, shared=shared)) as writer:
        writer.add(PARCEL, fields, [(shapes, values)])
    for layer in (None, "1001", "宗地", "DK"):
        mapped = read_mapped("parcel", tmp_path / "a.vct", source_layer=layer)
        same_squares(mapped.frame, source)
        assert mapped.report.rows_accepted == 3
    with pytest.raises(InputError, match="no layer 'x'; it has 1001"):
        read_mapped("parcel", tmp_path / "a.vct", source_layer="x")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "a.vct", "资料/a.vct")
    same_squares(read_mapped("parcel", tmp_path / "a.zip").frame, source)


def test_a_vct_of_an_unknown_system_is_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "a.vct").write_text(HEAD.replace("CGCS2000", "西安80") + BODY, encoding="gb18030")
    with pytest.raises(InputError, match="coordinate system"):
        read_mapped("parcel", tmp_path / "a.vct", source_layer="DK")
    mapped = read_mapped("parcel", tmp_path / "a.vct", source_layer="DK", source_crs="EPSG:4548")
    assert mapped.report.rows_accepted == 2
    with pytest.raises(InputError, match="3 layers can be meant; name one with --source-layer: 1001"):
        read_mapped("parcel", tmp_path / "a.vct", source_crs="EPSG:4548")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_csv_encodings_and_separators(tmp_path: Path, encoding: str, separator: str) -> None:
    rows = [["厂名", "经度", "纬度", "设计处理能力"], ["高碑店", "116.52", "39.90", '"1,000,000"'],
            ["清河", "116.35", "40.03", "５５００００"]]  # fmt: skip
    text = "\r\n".join(separator.join(r) for r in rows) + "\r\n\r\n"
    (tmp_path / "a.csv").write_bytes(text.encode(encoding))
    frame = read_mapped("wastewater_plant", tmp_path / "a.csv", source_crs="EPSG:4490").frame
    assert list(frame["name"]) == ["高碑店", "清河"]
    assert list(frame["design_capacity_m3_per_d"]) == [1e6, 5.5e5]
    wanted = to_storage(shapely.points([[116.52, 39.90], [116.35, 40.03]]))
    assert shapely.equals(frame.geometry.to_numpy(), wanted).all()


def test_csv_wkt_ewkt_and_hex(tmp_path: Path) -> None:
    plane = reproject(shapely.box([116.4], [39.9], [116.41], [39.91]), "OGC:CRS84", "EPSG:4548")[0]
    cells = [
        f"SRID=4548;{plane.wkt}",
        shapely.to_wkb(shapely.set_srid(plane, 4548), hex=True, include_srid=True),
    ]
    text = "parcel_id,the_geom\n" + "".join(f'p{i},"{c}"\n' for i, c in enumerate(cells))
    (tmp_path / "a.csv").write_text(text)
    mapped = read_mapped("parcel", tmp_path / "a.csv")
    assert mapped.report.columns == {"parcel_id": "parcel_id", "wkt": "the_geom"}
    assert mapped.frame.geometry[0].equals(mapped.frame.geometry[1])
    (tmp_path / "b.csv").write_text(text.replace("SRID=4548", "SRID=4527"))
    with pytest.raises(InputError, match=r"different SRIDs: 4527 \(row 1\), 4548 \(row 2\)"):
        read_mapped("parcel", tmp_path / "b.csv")


def test_xlsx_sheets(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [["项目编号", "名称", "x", "y", "供热面积"], ["H1", "甲", 116.4, 39.9, "1,200"], [None] * 5,
                ["H2", "乙", 116.5, 39.8, None]]:  # fmt: skip
        sheet.append(row)
    book.create_sheet("empty")
    book.save(tmp_path / "a.xlsx")
    mapped = read_mapped("heat_project", tmp_path / "a.xlsx", source_crs="EPSG:4326")
    assert list(mapped.frame["heat_project_id"]) == ["H1", "H2"]
    assert mapped.frame["heated_area_m2"][0] == 1200
    assert np.isnan(mapped.frame["heated_area_m2"][1])
    second = book.create_sheet("more")
    for row in sheet.iter_rows(values_only=True):
        second.append(row)
    book.save(tmp_path / "b.xlsx")
    with pytest.raises(InputError, match="2 sheets hold rows; name one with --source-layer: Sheet, more"):
        read_mapped("heat_project", tmp_path / "b.xlsx", source_crs="EPSG:4326")
    named = read_mapped("heat_project", tmp_path / "b.xlsx", source_crs="EPSG:4326", source_layer="more")
    assert len(named.frame) == 2


def test_several_layers_need_a_name(tmp_path: Path, parcels: Frame) -> None:
    path = tmp_path / "a.gpkg"
    parcels().to_file(path, layer="现状")
    assert read_mapped("parcel", path).report.source_layer == "现状"
    parcels(2).to_file(path, layer="规划")
    with pytest.raises(InputError, match="2 layers; name one with --source-layer: 现状, 规划"):
        read_mapped("parcel", path)
    assert len(read_mapped("parcel", path, source_layer="规划").frame) == 2
    with pytest.raises(InputError, match="no layer 'x'; it has 现状, 规划"):
        read_mapped("parcel", path, source_layer="x")


def test_frame_has_the_form_of_the_store(geojson: Path) -> None:
    frame = read_mapped("parcel", geojson).frame
    assert list(frame.columns) == [*LAYERS["parcel"].field_names, "geometry"]
    assert frame.crs.to_epsg() == 4548
    assert list(frame.index) == [0, 1, 2]
    assert str(frame["synthetic"].dtype) == "boolean"
    assert frame["name"].tolist() == [None] * 3
