"""Parcels of any make are judged as those of the layer are, or refused in one sentence."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import gis
from gis.errors import InputError
from layers import LAYERS

SYSTEMS = ("EPSG:4326", "EPSG:4490", "EPSG:4527", "EPSG:32650", "EPSG:3857")


def same(one: gis.Result, other: gis.Result) -> None:
    """Hold that two results are the same to the bit."""
    pd.testing.assert_frame_equal(one.facts, other.facts, check_exact=True)
    pd.testing.assert_frame_equal(one.verdicts, other.verdicts, check_exact=True)


def test_what_is_right_goes_through_as_it_is(parcels, result):
    assert result.parcels is parcels
    assert result.report is None


@settings(max_examples=8)
@given(
    crs=st.sampled_from(SYSTEMS),
    names=st.sampled_from(["zh", "en", "name"]),
    start=st.integers(0, 200),
    count=st.integers(1, 30),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_parcels_from_elsewhere_get_the_same_verdicts(
    parcels, bundle, result, crs, names, start, count, flags
):
    heights, single, by_index = flags
    some = parcels.iloc[start : start + count]
    frame = some.to_crs(crs)
    if heights:
        frame["geometry"] = shapely.force_3d(frame.geometry.to_numpy(), 12.5)
    if single:
        whole = shapely.get_num_geometries(frame.geometry.to_numpy()) == 1
        shapes = frame.geometry.to_numpy().copy()
        shapes[whole] = shapely.get_geometry(shapes[whole], 0)
        frame["geometry"] = shapes
    titles = {f.name: getattr(f.title, names, f.name) for f in LAYERS["parcel"].fields}
    frame = frame.rename(columns=titles).rename_geometry("outline")
    frame = (
        frame.set_index(titles["parcel_id"]) if by_index else frame.set_index(np.arange(len(frame)) * 7 + 3)
    )
    before = frame.copy()
    found = gis.score(frame, bundle)
    pd.testing.assert_frame_equal(frame, before)
    keys = found.facts.index
    assert sorted(keys) == sorted(some["parcel_id"])
    pd.testing.assert_frame_equal(found.facts, result.facts.loc[keys], check_exact=True)
    pd.testing.assert_frame_equal(found.verdicts, result.verdicts.loc[keys], check_exact=True)
    assert found.report is not None
    assert found.report.rows_accepted == len(some)


def test_a_column_of_another_name_is_read_where_the_layer_s_own_is_lacking(parcels, bundle, result):
    named = parcels.rename(columns={"floor_area_ratio": "容积率"}).assign(note="x")
    found = gis.score(named, bundle)
    same(found, result)
    assert found.report is not None
    assert found.report.columns["floor_area_ratio"] == "容积率"


def test_parcels_without_ids_are_numbered(parcels, bundle, result):
    found = gis.score(parcels.drop(columns="parcel_id"), bundle)
    assert found.facts.index[0] == "parcel-000001"
    pd.testing.assert_frame_equal(
        found.verdicts.reset_index(drop=True), result.verdicts.reset_index(drop=True), check_exact=True
    )


def test_the_order_of_rows_does_not_matter(parcels, bundle, result):
    turned = gis.score(parcels.iloc[::-1], bundle)
    pd.testing.assert_frame_equal(turned.verdicts.loc[result.verdicts.index], result.verdicts)


def broken(parcels: gpd.GeoDataFrame, fault: str) -> gpd.GeoDataFrame:
    """Return parcels with one fault."""
    few = parcels.iloc[:4].copy()
    if fault == "none":
        return few.iloc[:0]
    if fault == "undeclared degrees":
        return few.to_crs(4326).set_crs(None, allow_override=True)
    if fault == "undeclared":
        return few.set_crs(None, allow_override=True)
    if fault == "points":
        return few.set_geometry(few.geometry.centroid)
    if fault == "lines":
        return few.set_geometry(few.geometry.boundary)
    if fault == "lacking":
        few.loc[2, "geometry"] = None
        return few
    if fault == "twice":
        return few.assign(parcel_id=["A", "B", "B", "C"])
    if fault == "twice elsewhere":
        return few.assign(parcel_id=["A", "B", "B", "C"]).to_crs(4326)
    if fault == "nameless":
        return few.assign(parcel_id=["A", None, "B", "C"])
    if fault == "far":
        return few.set_geometry(few.geometry.translate(9e6, 0))
    if fault == "far elsewhere":
        return few.to_crs(4326).set_geometry(few.to_crs(4326).geometry.translate(-100, 0))
    return few.assign(floor_area_ratio=-1.0).to_crs(4326)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("none", "no parcels to score"),
        ("undeclared degrees", "look like longitude and latitude"),
        ("undeclared", "have no coordinate system; declare"),
        ("points", "is a Point; parcels are polygons"),
        ("lines", "LineString; parcels are polygons"),
        ("lacking", "has no geometry"),
        ("twice", "'B' stands on 2 rows"),
        ("twice elsewhere", "row 3: parcel_id: 'B' is already the key of row 2"),
        ("nameless", "row 2 has no parcel_id"),
        ("far", "all lie outside the area of EPSG:4548"),
        ("far elsewhere", "outside the area of EPSG:4548"),
        ("out of range", "row 1: floor_area_ratio: -1 is outside"),
    ],
)
def test_what_cannot_be_judged_is_told_in_one_sentence(parcels, bundle, fault, words):
    with pytest.raises(InputError, match=words) as told:
        gis.score(broken(parcels, fault), bundle)
    assert "\n" not in str(told.value)


def test_a_table_without_shapes_is_refused(bundle):
    with pytest.raises(InputError, match="have no shapes"):
        gis.score(pd.DataFrame({"parcel_id": ["1"]}), bundle)


GERMANY = "EPSG:25832"


def town(crs: str, x: float, y: float) -> tuple[gpd.GeoDataFrame, dict[str, gpd.GeoDataFrame]]:
    """Return parcels and what is around them, by metres from a place in a CRS."""

    def at(shapes: list[shapely.Geometry]) -> gpd.GeoSeries:
        return gpd.GeoSeries(shapes, crs=crs).translate(x, y)

    squares = [
        shapely.box(i * 300.0, j * 250.0, i * 300.0 + 180.0, j * 250.0 + 140.0)
        for i in range(5)
        for j in range(4)
    ]
    ids = [f"P{i:02d}" for i in range(len(squares))]
    parcels = gpd.GeoDataFrame(
        {"parcel_id": ids, "land_use_code": "0701", "floor_area_ratio": 1.8, "building_density_frac": 0.3},
        geometry=at(squares),
    )
    main = shapely.LineString([(-400.0, -700.0), (900.0, -300.0), (2400.0, 300.0)])
    layers = {
        "reclaimed_water_pipeline": gpd.GeoDataFrame(
            {"pipeline_id": ["M"], "winter_flow_m3_per_d": [40_000.0], "medium": ["reclaimed_water"]},
            geometry=at([main]),
        ),
        "wastewater_plant": gpd.GeoDataFrame(
            {"wastewater_plant_id": ["W"], "winter_flow_m3_per_d": [60_000.0]},
            geometry=at([shapely.Point(2500.0, 800.0)]),
        ),
        "drilling_exclusion": gpd.GeoDataFrame(
            {"exclusion_id": ["X"]}, geometry=at([shapely.box(-50.0, -50.0, 350.0, 300.0)])
        ),
        "green_space": gpd.GeoDataFrame(
            {"green_space_id": ["G"]}, geometry=at([shapely.box(600.0, -200.0, 900.0, -20.0)])
        ),
    }
    return parcels, layers


def test_another_country_is_measured_in_its_own_metres():
    """The same plan laid into western Germany and Beijing has the same facts, whatever system it comes in."""
    here, around = town("EPSG:4548", 450_000.0, 4_420_000.0)
    beijing = gis.score(here, gis.Resources.from_files(around))
    there, layers = town(GERMANY, 560_000.0, 5_930_000.0)
    bundle = gis.Resources.from_files({n: f.to_crs(4326) for n, f in layers.items()}, crs=GERMANY)
    assert bundle.crs == GERMANY
    assert not [w for reports in bundle.reports.values() for r in reports for w in r.warnings]
    for parcels in (there, there.to_crs(4258), there.to_crs(3857)):
        found = gis.score(parcels, bundle)
        assert found.to_geodataframe().crs == GERMANY
        numbers = found.facts.select_dtypes("number")
        np.testing.assert_allclose(numbers, beijing.facts[numbers.columns], rtol=1e-5, atol=1e-3)
        pd.testing.assert_series_equal(found.verdicts["recommended"], beijing.verdicts["recommended"])
    distance = shapely.distance(
        there.geometry.to_numpy(), layers["reclaimed_water_pipeline"].geometry.iloc[0]
    )
    plant = shapely.distance(there.geometry.to_numpy(), layers["wastewater_plant"].geometry.iloc[0])
    found = gis.score(there, bundle).facts["reclaimed_distance_m"]
    np.testing.assert_allclose(
        np.minimum(distance, plant)[found <= distance], found[found <= distance], atol=1e-3
    )


def test_rasters_are_asked_in_the_system_of_the_bundle(tmp_path, write_raster):
    from rasterio.transform import from_origin

    values = np.arange(1.0, 17.0).reshape(4, 4)
    path = write_raster(tmp_path / "t.tif", values, from_origin(560_000, 5_931_000, 250, 250), 25832)
    bundle = gis.Resources.from_files({"ground_temperature": path}, crs=GERMANY)
    cell = shapely.box(560_260, 5_930_510, 560_490, 5_930_740)
    parcel = gpd.GeoDataFrame({"parcel_id": ["1"]}, geometry=[cell], crs=GERMANY)
    assert gis.score(parcel, bundle).facts["ground_temperature_degc"].tolist() == [values[1, 1]]


def test_a_city_of_another_system_is_not_matched():
    parcels, layers = town(GERMANY, 560_000.0, 5_930_000.0)
    bundle = gis.Resources.from_files(layers, crs=GERMANY)
    with pytest.raises(InputError, match=r"EPSG:25832.*matched in EPSG:4548"):
        gis.match(parcels, bundle, gis.load_ruleset())


def test_frames_tell_their_units(result, tmp_path):
    frame = result.to_geodataframe()
    assert frame.attrs["units"]["air_source_capacity_kw"] == "kW"
    assert result.facts.attrs["units"]["reclaimed_distance_m"] == "m"
    assert frame.attrs["ruleset"]["hash"] == result.ruleset.hash
    assert frame.attrs["data_versions"] == dict(result.data_versions)
    frame.to_parquet(tmp_path / "r.parquet")
    assert gpd.read_parquet(tmp_path / "r.parquet").attrs == frame.attrs
    halves = pd.concat([frame.iloc[:9], frame.iloc[9:]])
    assert halves.attrs["units"] is frame.attrs["units"]
