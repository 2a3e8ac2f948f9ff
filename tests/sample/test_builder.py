"""The builder: same size and seed, same bytes; any size keeps its promises."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

SMALL = 400
Build = Callable[[Path, int, int], None]


def digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def small(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    build(folder, SMALL, 5)
    return folder


def test_same_seed_gives_the_same_bytes(build_by_command: Build, small: Path, tmp_path: Path) -> None:
    build_by_command(tmp_path, SMALL, 5)
    assert digests(tmp_path) == digests(small)


def test_another_seed_gives_another_city_in_the_same_districts(
    build: Build, small: Path, tmp_path: Path
) -> None:
    build(tmp_path, SMALL, 6)
    first, second = digests(small), digests(tmp_path)
    same = {name for name in first if first[name] == second[name]}
    # Districts and plants are real, and the illustrative boxes are fixed.
    assert same == {"district.geojson", "wastewater_plant.csv", "water_intake_zone.geojson"}


def test_size_is_the_number_of_parcels(small: Path, sample_dir: Path) -> None:
    parcels = gpd.read_parquet(small / "parcel.parquet").to_crs(4548)
    assert len(parcels) == SMALL
    shapes = parcels.geometry.to_numpy()
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    assert (left == right).all()


def test_townships_cover_the_ground_in_degrees_and_in_metres(sample_dir: Path, small: Path) -> None:
    for folder in (sample_dir, small):
        towns = gpd.read_file(folder / "township.geojson")
        for frame in (towns, towns.to_crs(4490), towns.to_crs(4548)):
            assert shapely.coverage_is_valid(frame.geometry.to_numpy(), gap_width=0.05)
        districts = gpd.read_file(folder / "district.geojson").to_crs(4548)
        assert abs(towns.to_crs(4548).area.sum() / districts.area.sum() - 1) < 1e-7


def test_a_city_has_every_file_of_the_manifest(small: Path, sample_dir: Path) -> None:
    data = {
        p.name for p in sample_dir.iterdir() if p.suffix in (".geojson", ".csv", ".parquet", ".json", ".tif")
    }
    assert {p.name for p in small.iterdir()} == data
