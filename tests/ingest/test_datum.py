"""Shifted data is converted when declared and noticed when not."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import prcoords
import pytest
import shapely

from gis.crs import reproject, to_storage
from gis.ingest import read_mapped
from gis.ingest.datum import built_in_outlines


def shifted(shapes: np.ndarray, datum: str) -> np.ndarray:
    forward = {"gcj02": prcoords.wgs_gcj, "bd09": prcoords.wgs_bd}[datum]

    def apply(xy: np.ndarray) -> np.ndarray:
        return np.array([forward((lat, lon)) for lon, lat in xy]).reshape(-1, 2)[:, ::-1]

    return np.asarray(shapely.transform(shapes, apply), dtype=object)


@pytest.fixture(scope="module")
def outlines() -> np.ndarray:
    """Polygons along the borders of Beijing's districts, in WGS84."""
    _, lines = built_in_outlines()
    polygons = shapely.get_parts(shapely.polygonize(lines))
    large = polygons[shapely.area(polygons) > 1e7]
    return reproject(large, "EPSG:4548", "OGC:CRS84")


def write(tmp_path: Path, shapes: np.ndarray) -> Path:
    path = tmp_path / "a.geojson"
    gpd.GeoDataFrame(
        {"name": [f"d{i}" for i in range(len(shapes))]}, geometry=shapes, crs="EPSG:4326"
    ).to_file(path)
    return path


@pytest.mark.parametrize("datum", ["gcj02", "bd09"])
def test_declared_shift_is_undone(tmp_path: Path, outlines: np.ndarray, datum: str) -> None:
    path = write(tmp_path, shifted(outlines, datum))
    mapped = read_mapped("district", path, source_crs=datum)
    wanted = to_storage(outlines)
    apart = [
        shapely.hausdorff_distance(mapped.frame.set_index("name").geometry[f"d{i}"], g)
        for i, g in enumerate(wanted)
    ]
    assert max(apart) < 0.02
    assert mapped.report.datum == datum
    assert not mapped.report.warnings


def test_undeclared_shift_is_suspected(tmp_path: Path, outlines: np.ndarray) -> None:
    report = read_mapped("district", write(tmp_path, shifted(outlines, "gcj02"))).report
    assert len(report.warnings) == 1
    assert "look shifted by GCJ-02" in report.warnings[0]
    assert "--source-crs gcj02" in report.warnings[0]
    assert "suspected" in (report.datum_check or "")


def test_true_outlines_raise_no_suspicion(tmp_path: Path, outlines: np.ndarray) -> None:
    report = read_mapped("district", write(tmp_path, outlines)).report
    assert not report.warnings
    assert (
        report.datum_check == "datum checked, the outlines follow the built-in district outlines of Beijing"
    )


def test_random_parcels_raise_no_suspicion(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    centres = shapely.points(rng.uniform([116.1, 39.7], [116.7, 40.2], size=(300, 2)))
    report = read_mapped("parcel", write(tmp_path, shapely.buffer(centres, 0.003))).report
    assert not report.warnings
    assert "not confirmed" in (report.datum_check or "")


def test_other_cities_need_references(tmp_path: Path) -> None:
    rng = np.random.default_rng(12)
    tianjin = shapely.box(117.2, 39.1, 117.3, 39.2)
    ring = shapely.segmentize(tianjin.boundary, 0.003).coords
    wavy = shapely.Polygon(np.array(ring) + rng.uniform(-4e-4, 4e-4, size=(len(ring), 2)))
    shapes = np.array([wavy], dtype=object)
    path = write(tmp_path, shifted(shapes, "gcj02"))
    report = read_mapped("district", path).report
    assert report.datum_check == "datum not checked, no reference outlines near the data"
    reference = [("the loaded layer district", to_storage(shapes))]
    again = read_mapped("district", path, references=reference).report
    assert "the loaded layer district" in again.warnings[0]


def test_old_datums_are_flagged(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,x,y\na,116.4,39.9\n")
    report = read_mapped("data_centre", tmp_path / "a.csv", source_crs="EPSG:4610").report  # Xian 1980
    assert "not on WGS84 or CGCS2000" in report.warnings[0]
