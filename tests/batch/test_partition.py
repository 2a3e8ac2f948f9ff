"""Parcels of any file come into parts along a curve, as an import would have them."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

import gis
from gis.batch import partition, partition_parcels, score_files
from gis.crs import metric_area
from gis.errors import InputError
from tests.batch.test_score_files import read, same


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch):
    """Pieces and parts of a few dozen parcels."""
    monkeypatch.setattr(partition, "PIECE_ROWS", 70)
    monkeypatch.setattr(partition, "PARCELS_A_PART", 90)


def foreign(parcels: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the parcels as another office would hand them over, in no order."""
    names = {"parcel_id": "地块编号", "floor_area_ratio": "容积率", "land_use_code": "用地用海分类代码"}
    shuffled = parcels.sample(frac=1.0, random_state=5).rename(columns=names)
    return shuffled[[*names.values(), "building_status", "geometry"]].to_crs(4490)


def along(frame: gpd.GeoDataFrame) -> np.ndarray:
    """Return where parcels lie on the curve."""
    return frame.geometry.hilbert_distance(total_bounds=metric_area()).to_numpy()


@pytest.mark.parametrize("ending", [".parquet", ".gpkg", ".geojson"])
def test_parts_hold_what_an_import_would_along_a_curve(ending, parcels, small, tmp_path):
    source = tmp_path / f"in{ending}"
    frame = foreign(parcels)
    frame.to_parquet(source) if ending == ".parquet" else frame.to_file(source)
    done = partition_parcels(source, tmp_path / "parts")
    assert [len(gpd.read_parquet(path)) for path in done.files] == [90, 90, 90, 90, 40]
    found = pd.concat([gpd.read_parquet(path) for path in done.files], ignore_index=True)
    assert (np.diff(along(found).astype(np.int64)) >= 0).all()
    wanted = gis.read_mapped("parcel", source).frame
    found = found.sort_values("parcel_id").reset_index(drop=True)
    for name in wanted.columns.drop("geometry"):
        one, other = found[name], wanted[name]
        assert one.isna().equals(other.isna()), name
        assert (one[one.notna()].astype(str) == other[other.notna()].astype(str)).all(), name
    assert (found.geometry.to_wkb() == wanted.geometry.to_wkb()).all()
    assert found.crs == wanted.crs
    assert done.report.rows_accepted == len(parcels)
    assert done.report.columns["floor_area_ratio"] == "容积率"


def test_scored_parts_are_what_the_engine_says_of_the_file(parcels, resources, small, tmp_path):
    foreign(parcels).to_parquet(tmp_path / "in.parquet")
    partition_parcels(tmp_path / "in.parquet", tmp_path / "parts")
    score_files(tmp_path / "parts", resources, gis.load_ruleset(), tmp_path / "out.parquet")
    found = read(tmp_path / "out.parquet").sort_values("parcel_id").reset_index(drop=True)
    same(found, gis.score(foreign(parcels), resources).to_geodataframe().reset_index())


def test_rows_without_ids_are_numbered_through_all_pieces(parcels, small, tmp_path):
    foreign(parcels).drop(columns="地块编号").to_parquet(tmp_path / "in.parquet")
    done = partition_parcels(tmp_path / "in.parquet", tmp_path / "parts")
    found = pd.concat([gpd.read_parquet(path) for path in done.files])
    assert sorted(found["parcel_id"]) == [f"parcel-{n:06d}" for n in range(1, len(parcels) + 1)]


def test_bad_rows_are_told_by_their_row_in_the_file(parcels, small, tmp_path):
    frame = foreign(parcels).reset_index(drop=True)
    frame.loc[[3, 222], "容积率"] = -1.0
    frame.to_parquet(tmp_path / "in.parquet")
    done = partition_parcels(tmp_path / "in.parquet", tmp_path / "parts")
    assert [reject.row for reject in done.report.rejects] == [4, 223]
    assert done.report.rows_accepted == len(parcels) - 2


def test_mostly_bad_rows_leave_nothing(parcels, small, tmp_path):
    foreign(parcels).assign(容积率=-1.0).to_parquet(tmp_path / "in.parquet")
    with pytest.raises(InputError, match=r"in\.parquet: 400 of 400 rows fail"):
        partition_parcels(tmp_path / "in.parquet", tmp_path / "parts")
    assert [p.name for p in tmp_path.iterdir()] == ["in.parquet"]


def test_an_id_in_two_pieces_is_refused(parcels, small, tmp_path):
    frame = foreign(parcels).reset_index(drop=True)
    frame.loc[399, "地块编号"] = frame.loc[0, "地块编号"]
    frame.to_parquet(tmp_path / "in.parquet")
    with pytest.raises(InputError, match="is there already"):
        partition_parcels(tmp_path / "in.parquet", tmp_path / "parts")
    assert [p.name for p in tmp_path.iterdir()] == ["in.parquet"]


def test_a_filled_folder_and_a_missing_file(tmp_path: Path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("kept")
    with pytest.raises(InputError, match="not an empty folder"):
        partition_parcels(tmp_path / "in.parquet", tmp_path / "full")
    with pytest.raises(InputError, match=r"missing\.gpkg"):
        partition_parcels(tmp_path / "missing.gpkg", tmp_path / "parts")
    assert [p.name for p in tmp_path.iterdir()] == ["full"]
