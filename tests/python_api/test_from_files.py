"""Tables and files become a bundle without a database, the same as through the store."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from rasterio.transform import from_origin

import gis
from gis.errors import InputError, UsageError
from gis.runs import SAMPLE_DIR
from gis.store import Store
from tests.python_api.conftest import sample_sources

KEYED = gpd.GeoDataFrame({"data_centre_id": ["a"]}, geometry=[shapely.Point(116, 40)], crs=4326)


def test_the_sample_is_the_same_through_files_and_through_the_store(scored: Store, bundle: gis.Resources):
    stored = scored.resources()
    assert set(bundle.frames) == set(stored.frames)
    for layer_id, frame in stored.frames.items():
        assert_geodataframe_equal(bundle.frames[layer_id], frame, check_dtype=False)
    parcels = scored.read("parcel").iloc[::40]
    one, other = gis.score(parcels, stored), gis.score(parcels, bundle)
    pd.testing.assert_frame_equal(one.facts, other.facts)
    pd.testing.assert_frame_equal(one.verdicts, other.verdicts)


def test_every_source_is_accounted_for(bundle: gis.Resources):
    manifest = json.loads((SAMPLE_DIR / "manifest.json").read_text(encoding="utf-8"))["files"]
    for layer_id, reports in bundle.reports.items():
        named = [entry["file"] for entry in manifest if entry["layer"] == layer_id]
        assert [r.source for r in reports] == named
        assert sum(r.rows_accepted for r in reports) == len(bundle.frames[layer_id])


@pytest.mark.parametrize("ending", ["gpkg", "parquet", "shp", "geojson"])
def test_formats_and_tables_say_the_same(tmp_path: Path, ending: str):
    zones = gpd.read_file(SAMPLE_DIR / "drilling_exclusion.geojson").to_crs(4548).iloc[:20]
    path = tmp_path / f"zones.{ending}"
    zones.to_parquet(path) if ending == "parquet" else zones.to_file(path, encoding="utf-8")
    as_file = gis.Resources.from_files({"drilling_exclusion": path}).frames["drilling_exclusion"]
    as_table = gis.Resources.from_files({"drilling_exclusion": zones}).frames["drilling_exclusion"]
    spread = shapely.hausdorff_distance(as_file.geometry.to_numpy(), as_table.geometry.to_numpy())
    assert spread.max() < 2e-4
    pd.testing.assert_frame_equal(
        pd.DataFrame(as_file.drop(columns="geometry")), pd.DataFrame(as_table.drop(columns="geometry"))
    )


def test_a_table_of_any_make_is_recognised():
    plants = pd.DataFrame(
        {"名称": pd.Categorical(["甲", "乙"]), "经度": [116.3, 116.4], "纬度": [39.9, 40.0]}
    )
    given = plants.copy()
    mapped = gis.read_mapped("wastewater_plant", plants, source_crs="EPSG:4326")
    pd.testing.assert_frame_equal(plants, given)
    assert mapped.frame["name"].tolist() == ["甲", "乙"]
    assert mapped.frame.attrs["units"]["design_capacity_m3_per_d"] == "m3/d"
    assert mapped.report.source == "the table"
    assert mapped.report.columns["name"] == "名称"


def test_a_named_index_and_another_shape_column_are_read():
    shapes = gpd.GeoSeries.from_xy([116.3], [39.9], crs=4326)
    table = gpd.GeoDataFrame({"name": ["甲"], "seen": shapes}, geometry=shapes).rename_geometry("place")
    table.index = pd.Index(["W-7"], name="wastewater_plant_id")
    mapped = gis.read_mapped("wastewater_plant", table)
    assert mapped.frame["wastewater_plant_id"].tolist() == ["W-7"]
    assert any("'seen'" in w for w in mapped.report.warnings)


def test_what_was_left_out_reaches_the_analyst():
    table = gpd.GeoDataFrame(
        {"name": ["甲", "乙", "丙"]},
        geometry=[*gpd.points_from_xy([116.3, 116.4], [39.9, 39.8]), None],
        crs=4326,
    )
    read = gis.Resources.from_files({"data_centre": table})
    (report,) = read.reports["data_centre"]
    assert (report.rows_read, report.rows_accepted, [r.row for r in report.rejects]) == (3, 2, [3])
    with pytest.raises(InputError, match="row 3: geometry: missing"):
        gis.Resources.from_files({"data_centre": table}, on_error="abort")


def test_a_raster_is_read_without_a_store(tmp_path: Path, write_raster):
    path = write_raster(tmp_path / "t.tif", np.full((3, 3), 14.5), from_origin(116.0, 40.2, 0.1, 0.1), 4326)
    read = gis.Resources.from_files({"ground_temperature": path})
    parcel = gpd.GeoDataFrame(
        {"parcel_id": ["1"]}, geometry=[shapely.box(116.1, 40.0, 116.101, 40.001)], crs=4326
    )
    assert gis.score(parcel, read).facts["ground_temperature_degc"].tolist() == [14.5]
    (report,) = read.reports["ground_temperature"]
    assert report.grid is not None
    assert report.grid.cells_with_value == 9


@pytest.mark.parametrize(
    ("sources", "error", "words"),
    [
        ({"parcel": "p.gpkg"}, UsageError, "parcels are not resources"),
        ({"volcano": "v.gpkg"}, UsageError, "neither a layer nor a raster"),
        ({"district": {"path": "d.gpkg", "crs": "x"}}, UsageError, "'crs' is not understood"),
        ({"district": 7}, UsageError, "a path or a table"),
        ({"ground_temperature": {"path": "t.tif", "columns": {}}}, UsageError, "is a raster"),
        ({"district": "nowhere.gpkg"}, InputError, "no such file"),
        ({"district": gpd.GeoDataFrame(geometry=[], crs=4326)}, InputError, "there are no rows"),
        (
            {"data_centre": gpd.GeoDataFrame({"name": ["a"]}, geometry=[shapely.Point(116, 40)])},
            InputError,
            "look like longitude and latitude",
        ),
        (
            {"data_centre": gpd.GeoDataFrame({"name": ["a"]}, geometry=[shapely.Point(5e5, 4e6)])},
            InputError,
            "have no coordinate system; declare",
        ),
        (
            {"data_centre": [KEYED, KEYED]},
            InputError,
            "the key 'a' stands in two",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told(sources, error, words):
    with pytest.raises(error, match=words):
        gis.Resources.from_files(sources)


@pytest.mark.parametrize(
    ("crs", "words"),
    [
        ("EPSG:4326", "projected coordinate system in metres"),
        ("EPSG:3857", "lengths are wrong by"),
        ("EPSG:2225", "projected coordinate system in metres"),
        ("EPSG:99", "unknown coordinate system"),
    ],
)
def test_a_system_that_nothing_is_measured_in_is_refused(crs: str, words: str):
    with pytest.raises(InputError, match=words):
        gis.Resources.from_files({}, crs=crs)


def test_the_sample_sources_name_every_file_but_the_parcels():
    listed = [s["path"] for parts in sample_sources().values() for s in parts]
    assert {p.name for p in listed} == {
        p.name for p in SAMPLE_DIR.iterdir() if p.suffix in (".geojson", ".csv")
    }
