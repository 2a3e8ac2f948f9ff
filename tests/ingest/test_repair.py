"""Repairs move nothing."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.crs import canonical
from gis.ingest import read_mapped
from gis.ingest.repair import repair, without_repeats
from gis.ingest.report import Repair

BOWTIE = "POLYGON ((0 0, 10 10, 10 0, 0 10, 0 0))"
SPIKE = "POLYGON ((0 0, 10 0, 10 10, 5 10, 5 30, 5 10, 0 10, 0 0))"
KEYHOLE = "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0, 3 3, 3 6, 6 6, 6 3, 3 3, 0 0))"
PART_MARKED_AS_HOLE = "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (20 20, 21 20, 21 21, 20 20))"
TWINS = "MULTIPOLYGON (((0 0, 9 0, 9 9, 0 9, 0 0)), ((0 0, 9 0, 9 9, 0 9, 0 0)))"


def repaired(wkt: str) -> tuple[shapely.Geometry, dict[int, Repair], dict[int, str]]:
    shape = shapely.from_wkt(wkt)
    multi = shape if shape.geom_type == "MultiPolygon" else shapely.MultiPolygon([shape])
    known: dict[int, Repair] = {}
    out, failed = repair(np.array([multi], dtype=object), known)
    return out[0], known, failed


@pytest.mark.parametrize(
    ("wkt", "area", "what"),
    [
        (BOWTIE, 50.0, "same vertices"),
        (SPIKE, 100.0, "taken out (20.0 m)"),
        (KEYHOLE, 72.0, "same vertices"),
        (TWINS, 81.0, "same vertices"),
        (PART_MARKED_AS_HOLE, 81.5, "same vertices"),
    ],
)
def test_repairs(wkt: str, area: float, what: str) -> None:
    out, known, failed = repaired(wkt)
    assert not failed
    assert out.is_valid
    assert out.geom_type == "MultiPolygon"
    assert out.area == pytest.approx(area)
    assert what in known[0].action
    assert known[0].area_after_m2 == pytest.approx(area)
    assert known[0].row == 1


@pytest.mark.parametrize(
    "wkt",
    [
        "MULTIPOLYGON (((0 0, 9 0, 9 9, 0 9, 0 0)), ((5 5, 15 5, 15 15, 5 15, 5 5)))",  # overlapping parts
        "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0, 3 3, 6 3, 6 6, 3 6, 3 3, 0 0))",  # inside twice: hole or not
        "POLYGON ((0 0, 5 0, 9 0, 0 0))",  # no area
    ],
)
def test_what_would_move_is_refused(wkt: str) -> None:
    out, known, failed = repaired(wkt)
    assert "cannot be repaired without moving it" in failed[0]
    assert not known
    assert not out.is_valid


def test_valid_shapes_stay_as_they_are() -> None:
    shape = shapely.from_wkt("MULTIPOLYGON (((0 0, 9 0, 9 9, 0 9, 0 0)))")
    out, failed = repair(np.array([shape, None], dtype=object), {})
    assert out[0] is shape
    assert out[1] is None
    assert not failed


points = st.tuples(st.integers(0, 40), st.integers(0, 40))


@settings(max_examples=150, deadline=None)
@given(st.lists(points, min_size=3, max_size=9))
def test_no_vertex_moves(corners: list[tuple[int, int]]) -> None:
    shape = shapely.MultiPolygon([shapely.Polygon(corners)])
    known: dict[int, Repair] = {}
    out, failed = repair(np.array([shape], dtype=object), known)
    assert bool(shape.is_valid) != bool(known or failed)
    if known:
        assert out[0].is_valid
        linework = shapely.make_valid(shape)
        loose = [g for g in shapely.get_parts(shapely.get_parts(linework)) if g.geom_type == "LineString"]
        kept = shapely.union_all([out[0].boundary, *loose])
        given = shapely.points(shapely.get_coordinates(shape))
        assert (shapely.distance(given, kept) < 1e-3).all()
        corners_out = shapely.points(shapely.get_coordinates(out[0]))
        assert (shapely.distance(corners_out, shapely.union(shape.boundary, linework)) < 1e-9).all()
        assert known[0].area_after_m2 == out[0].area


def test_repeated_points() -> None:
    shapes = shapely.from_wkt(
        [
            "POLYGON ((0 0, 9 0, 9 0, 9 9, 0 0))",
            "POLYGON ((0 0, 9 0, 9 9, 0 0))",
            "LINESTRING (0 0, 0 0)",
            None,
        ]
    )
    out, count = without_repeats(shapes)
    assert count == 1
    assert [shapely.get_num_coordinates(g) for g in out] == [4, 4, 2, 0]


def test_repairs_are_reported(tmp_path: Path) -> None:
    a, b, c, d = [116.4, 39.9], [116.41, 39.9], [116.41, 39.91], [116.4, 39.91]
    features = [
        {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
        for ring in ([a, b, c, d], [a, c, b, d, a])  # not closed; a bow tie
    ]
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    mapped = read_mapped("parcel", tmp_path / "a.geojson")
    assert len(mapped.frame) == 2
    assert mapped.frame.geometry.is_valid.all()
    assert [(r.row, r.reason.split("[")[0]) for r in mapped.report.repairs] == [(2, "Self-intersection")]
    assert mapped.report.rows_repaired == 1
    assert "1 invalid shapes repaired" in "\n".join(mapped.report.sentences())


def test_result_is_canonical(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    centres = shapely.points(rng.uniform([116.2, 39.8], [116.6, 40.1], size=(50, 2)))
    source = gpd.GeoDataFrame(geometry=shapely.buffer(centres, 0.001, quad_segs=3), crs="EPSG:4326")
    source.to_parquet(tmp_path / "a.parquet")
    shapes = read_mapped("parcel", tmp_path / "a.parquet").frame.geometry.to_numpy()
    assert shapely.equals_exact(shapes, canonical(shapes), tolerance=0.0).all()
