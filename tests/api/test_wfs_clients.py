"""Real clients of WFS on a served city: GDAL, QGIS and OWSLib, held against SQL."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from lxml import etree
from owslib.util import Authentication
from owslib.wfs import WebFeatureService

from api.main import create_app
from gis.settings import Settings
from gis.store import Store
from layers import LAYERS
from tests.api.test_ogc_clients import BOX, IN_BOX, expected, ogr, qgis
from tests.serving import serve

VERSIONS = ["1.1.0", "2.0.0"]
WHERE = "recommended = 'waste_heat' AND recommended_score > 60"


@pytest.fixture(scope="module")
def address(city: Store, settings: Settings) -> Iterator[str]:
    """The address of /wfs on a real server."""
    with serve(create_app(city, settings)) as base:
        yield f"{base}/wfs"


def downloaded(source: str, into: Path, *options: str) -> gpd.GeoDataFrame:
    """Return what GDAL downloads to the last digit: what it writes as text is rounded."""
    out = into / "out.gpkg"
    environment = os.environ | {"no_proxy": "127.0.0.1", "GDAL_HTTP_TIMEOUT": "60"}
    command = ["ogr2ogr", "-f", "GPKG", "-nlt", "CONVERT_TO_LINEAR", str(out), source, *options]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (ran.returncode, "ERROR" in ran.stderr) == (0, False), ran.stderr
    return gpd.read_file(out)


@pytest.mark.parametrize("version", VERSIONS)
def test_gdal_downloads_a_layer_as_it_is_stored(
    address: str, city: Store, tmp_path: Path, version: str
) -> None:
    layer = "reclaimed_water_pipeline"
    found = downloaded(f"WFS:{address}?VERSION={version}", tmp_path, f"onemap:{layer}")
    stored = city.read(layer).to_crs("OGC:CRS84").set_index(f"{layer}_id", drop=False)
    assert len(found) == len(stored) > 10
    assert found.crs == "EPSG:4326"
    for told in found.to_dict("records"):
        row = stored.loc[told[f"{layer}_id"]]
        for name in LAYERS[layer].field_names:
            assert told[name] == row[name] or (pd.isna(told[name]) and pd.isna(row[name])), name
        # Longitude comes first, whatever the axes of the answer were; 1e-11 degrees are 1e-6 m.
        assert told["geometry"].hausdorff_distance(row.geometry) < 1e-11


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("code", [4490, 4548])
def test_gdal_downloads_a_box_in_other_systems(
    address: str, city: Store, tmp_path: Path, version: str, code: int
) -> None:
    frame = city.read("parcel").set_index("parcel_id").to_crs(f"EPSG:{code}").geometry
    west, south, *_ = frame.iloc[0].bounds
    side = 1500.0 if code == 4548 else 0.01
    box = (west, south, west + side, south + side)
    source = f"WFS:{address}?VERSION={version}&SRSNAME=urn:ogc:def:crs:EPSG::{code}"
    found = downloaded(source, tmp_path, "onemap:parcel", "-spat", *map(str, box)).set_index("parcel_id")
    assert found.crs == f"EPSG:{code}"
    in_box = f"ST_MakeEnvelope({', '.join(map(str, box))}, {code})"
    assert set(found.index) == expected(city, f"ST_Intersects(ST_Transform(geom, {code}), {in_box})")
    apart = shapely.hausdorff_distance(found.geometry.array, frame.loc[found.index].array)
    assert apart.max() < (1e-6 if code == 4548 else 1e-11)


@pytest.mark.parametrize("version", VERSIONS)
def test_gdal_filters_on_the_server(address: str, city: Store, tmp_path: Path, version: str) -> None:
    source = f"WFS:{address}?VERSION={version}"
    found = ogr(source, tmp_path, "onemap:parcel_suitability", "-where", WHERE)
    ids = expected(city, WHERE, "result.parcel_suitability")
    assert {f["properties"]["parcel_id"] for f in found} == ids
    (tmp_path / "box").mkdir()
    found = ogr(
        source,
        tmp_path / "box",
        "onemap:parcel_suitability",
        "-where",
        "heat_load_kw > 900",
        "-spat",
        *map(str, BOX),
    )
    both = "result.parcel_fact JOIN layer.parcel USING (parcel_id)"
    ids = expected(city, f"heat_load_kw > 900 AND {IN_BOX}", both)
    assert {f["properties"]["parcel_id"] for f in found} == ids


def test_gdal_pages(address: str, city: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OGR_WFS_PAGE_SIZE", "70")
    found = ogr(f"WFS:{address}?VERSION=2.0.0", tmp_path, "onemap:parcel", "-spat", *map(str, BOX))
    ids = [f["properties"]["parcel_id"] for f in found]
    assert len(ids) == len(set(ids)) > 140
    assert set(ids) == expected(city, IN_BOX)


@pytest.mark.parametrize("version", VERSIONS)
def test_qgis_reads_layers_boxes_and_filters(address: str, city: Store, tmp_path: Path, version: str) -> None:
    found = qgis(
        f"{address}?version={version}",
        tmp_path,
        "WFS",
        whole=("onemap:green_space", None, None),
        box=("onemap:parcel", BOX, None),
        filtered=("onemap:parcel_suitability", None, WHERE),
    )
    assert found["whole"]["ids"] == sorted(city.read("green_space")["green_space_id"])
    assert set(found["filtered"]["ids"]) == expected(city, WHERE, "result.parcel_suitability")
    ids = set(found["box"]["ids"])
    assert expected(city, IN_BOX) == ids
    assert found["box"]["crs"] == "EPSG:4326"
    stored = city.read("parcel", ids=sorted(ids)).set_index("parcel_id").to_crs("OGC:CRS84").geometry
    for id_, box in found["box"]["boxes"].items():
        assert box == pytest.approx(stored[id_].bounds, abs=1e-9)


@pytest.mark.parametrize("version", VERSIONS)
def test_owslib_reads_capabilities_schema_and_boxes(address: str, city: Store, version: str) -> None:
    client = WebFeatureService(address, version=version, auth=Authentication())
    assert {"onemap:parcel", "onemap:parcel_suitability", "onemap:district"} <= set(client.contents)
    told = client.contents["onemap:parcel"]
    assert [crs.getcode() for crs in told.crsOptions][:3] == ["EPSG:4326", "OGC:CRS84", "EPSG:4490"]
    around, bounds = shapely.box(*told.boundingBoxWGS84), city.read("parcel").to_crs("OGC:CRS84").total_bounds
    assert around.contains(shapely.box(*bounds))
    assert np.allclose(told.boundingBoxWGS84, bounds, atol=0.03)  # its sides are straight in metres
    schema = client.get_schema("onemap:parcel")
    assert schema["properties"]["floor_area_ratio"] == "double"
    assert schema["geometry_column"] == "geometry"
    answer = client.getfeature(typename=["onemap:parcel"], bbox=BOX, propertyname=["parcel_id"])
    root = etree.fromstring(answer.read())
    assert {e.text for e in root.iter("{urn:onemap:features}parcel_id")} == expected(city, IN_BOX)
