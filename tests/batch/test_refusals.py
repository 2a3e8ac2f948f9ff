"""What an import would refuse, a run over files refuses in one sentence that names file and row."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

import gis
from gis.batch import FormError, repeated, score_files
from gis.errors import InputError


@pytest.fixture
def refused(resources, written, tmp_path):
    """Score parcels of files and return the refusal; nothing is written."""

    def refused(frame, files=1, kind=InputError) -> str:
        source = written(frame, files)
        with pytest.raises(kind) as told:
            score_files(source, resources, gis.load_ruleset(), tmp_path / "out.parquet")
        assert sorted(p.name for p in tmp_path.iterdir()) == [source.name]
        return str(told.value)

    return refused


def changed(parcels: gpd.GeoDataFrame, name: str, row: int, value: object) -> gpd.GeoDataFrame:
    """Return the parcels with one value changed."""
    frame = parcels.copy()
    frame[name] = frame[name].astype(object).where(np.arange(len(frame)) != row, value)
    return frame if name == "geometry" else frame.infer_objects()


BOW_TIE = shapely.Polygon([(0, 0), (9, 9), (9, 0), (0, 9), (0, 0)])


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("floor_area_ratio", 9e9, "floor_area_ratio: 9e+09 is outside 0 to"),
        ("floor_area_ratio", np.inf, "floor_area_ratio: inf is outside"),
        ("building_status", "ruin", "building_status: 'ruin' is not one of existing, new, renovation"),
        ("township", "x" * 5000, "township: 5000 characters"),
        ("parcel_id", None, "parcel_id: the value is missing"),
    ],
)
def test_bad_values_name_their_row(name, value, reason, parcels, refused):
    told = refused(changed(parcels, name, 317, value), files=2)
    assert told.startswith("001.parquet, row 118 (parcel ")
    assert reason in told
    assert told.endswith("mend the row or leave it out.")


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (BOW_TIE, "geometry: invalid (Self-intersection"),
        (None, "geometry: missing or empty"),
        (shapely.Polygon(), "geometry: missing or empty"),
        (shapely.box(-9e5, 4e6, -9e5 + 9, 4e6 + 9), "geometry: it lies outside the area of EPSG:4548"),
    ],
)
def test_bad_outlines_name_their_row(shape, reason, parcels, refused):
    shapes = parcels.geometry.to_numpy().copy()
    shapes[7] = shape
    told = refused(parcels.set_geometry(shapes, crs=parcels.crs))
    assert told.startswith(f"000.parquet, row 8 (parcel {parcels['parcel_id'][7]}): {reason}")


def test_other_shapes_than_polygons_are_refused(parcels, refused):
    shapes = parcels.geometry.to_numpy().copy()
    shapes[7] = shapely.Point(5e5, 4.4e6)
    told = refused(parcels.set_geometry(shapes, crs=parcels.crs))
    assert told == "000.parquet: The geometry in row 8 cannot be read as a polygon: it is of another type."


def test_an_id_of_two_parcels_is_named_with_both_places(parcels, refused):
    told = refused(changed(parcels, "parcel_id", 350, parcels["parcel_id"][20]), files=4)
    assert told == (
        f"003.parquet, row 51: parcel {parcels['parcel_id'][20]} is there already, in 000.parquet, row 21; "
        "every parcel needs an id of its own."
    )


def test_equal_hashes_of_other_ids_are_no_repetition(parcels, resources, written, tmp_path, monkeypatch):
    monkeypatch.setattr(repeated, "_hashed", lambda keys: np.zeros(len(keys), dtype=np.uint64))
    run = score_files(written(parcels, 2), resources, gis.load_ruleset(), tmp_path / "out.parquet")
    assert run.parcel_count == len(parcels)


def test_another_system_is_another_form(parcels, refused):
    assert "its coordinates are not in EPSG:4548" in refused(parcels.to_crs(4490), kind=FormError)


def test_no_system_is_another_form(parcels, refused):
    frame = parcels.set_crs(None, allow_override=True)
    assert "its coordinates are not in EPSG:4548" in refused(frame, kind=FormError)


def test_other_names_are_another_form(parcels, refused):
    told = refused(parcels.rename(columns={"floor_area_ratio": "容积率"}), kind=FormError)
    assert told == "000.parquet: its column 容积率 stands for floor_area_ratio."


def test_numbers_as_texts_are_another_form(parcels, refused):
    told = refused(parcels.assign(floor_area_ratio="2.0"), kind=FormError)
    assert "its column floor_area_ratio is of type" in told


def test_parcels_without_ids_are_another_form(parcels, refused):
    assert "it has no column parcel_id" in refused(parcels.drop(columns="parcel_id"), kind=FormError)


def test_native_coordinates_are_another_form(parcels, resources, tmp_path):
    parcels.to_parquet(tmp_path / "in.parquet", geometry_encoding="geoarrow")
    with pytest.raises(FormError, match="not as WKB"):
        score_files(tmp_path / "in.parquet", resources, gis.load_ruleset(), tmp_path / "out.parquet")


@pytest.mark.parametrize("left", [0, 40, 30_000])
def test_truncated_files_are_refused(left, parcels, resources, tmp_path):
    path = tmp_path / "in.parquet"
    parcels.to_parquet(path)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(InputError, match=r"in\.parquet: this is no Parquet file that can be read"):
        score_files(path, resources, gis.load_ruleset(), tmp_path / "out.parquet")


def test_damage_inside_is_refused(parcels, resources, tmp_path):
    path = tmp_path / "in.parquet"
    parcels.to_parquet(path, compression="zstd")
    content = bytearray(path.read_bytes())
    chunk = pq.ParquetFile(path).metadata.row_group(0).column(0)
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    content[start : start + chunk.total_compressed_size] = bytes(chunk.total_compressed_size)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"in\.parquet: this is no Parquet file that can be read"):
        score_files(path, resources, gis.load_ruleset(), tmp_path / "out.parquet")


def test_a_table_without_shapes_is_refused(resources, tmp_path):
    pq.write_table(pa.table({"parcel_id": ["1"]}), tmp_path / "in.parquet")
    with pytest.raises(FormError, match="it has no geometry"):
        score_files(tmp_path / "in.parquet", resources, gis.load_ruleset(), tmp_path / "out.parquet")


def test_nothing_to_read(resources, tmp_path):
    with pytest.raises(InputError, match="there is no GeoParquet file"):
        score_files(tmp_path, resources, gis.load_ruleset(), tmp_path / "out.parquet")


def test_nowhere_to_write(parcels, resources, written, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        score_files(written(parcels, 1), resources, gis.load_ruleset(), tmp_path / "file" / "out.parquet")


def test_no_parcels_give_no_rows(parcels, resources, written, tmp_path):
    run = score_files(written(parcels.iloc[:0], 1), resources, gis.load_ruleset(), tmp_path / "out.parquet")
    assert run.parcel_count == 0
    assert len(gpd.read_parquet(tmp_path / "out.parquet")) == 0
