"""The file against GDAL, and zones against sums over shapely's intersections with every cell."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import typer
from rasterio.io import MemoryFile
from typer.testing import CliRunner

import gis
from api.cli import MODULES
from api.commands_potential import register
from gis.potential import GroundPotential
from gis.potential.zonal import UNITS
from gis.store import Store
from layers import POTENTIAL
from tests.potential.towns import STORAGE, row_of_hectares
from tests.scoring.conftest import X, Y


@pytest.fixture(scope="module")
def potential() -> GroundPotential:
    """The row of hectares in cells of 1 m, so that it has overviews."""
    return gis.ground_potential(row_of_hectares(), gis.load_ruleset("beijing"), cell_m=1.0)


def test_it_is_cloud_optimised(potential: GroundPotential, tmp_path: Path) -> None:
    path = potential.write(tmp_path / "ground.tif")
    assert [p.name for p in tmp_path.iterdir()] == ["ground.tif"]
    with rasterio.open(path) as file:
        # GDAL sets this for what it wrote as such, and takes it back when the order is changed.
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.block_shapes == [(256, 256)] * len(POTENTIAL)
        assert [file.overviews(i) for i in file.indexes] == [[2, 4]] * len(POTENTIAL)
        assert (file.crs.to_epsg(), file.dtypes, file.nodata) == (
            4548,
            ("float32",) * 3,
            pytest.approx(np.nan, nan_ok=True),
        )
        assert tuple(file.bounds) == (X, Y, X + 900, Y + 100)
        assert np.array_equal(file.read(), potential.values, equal_nan=True)
        assert list(file.descriptions) == [s.column for s in POTENTIAL.values()]
        assert list(file.units) == [s.unit for s in POTENTIAL.values()]
        tags = file.tags()
        first = min(int(file.get_tag_item(f"BLOCK_OFFSET_{x}_0", "TIFF", bidx=1)) for x in range(4))
        coarse = rasterio.open(path, overview_level=1).read()
    assert json.loads(tags["REFERENCE"])["balance_frac"] == potential.reference.balance_frac
    assert json.loads(tags["LAYER_VERSIONS"]) == {"shallow_geothermal_zone": 3, "drilling_exclusion": 3}
    assert tags["RULESET_HASH"] == potential.ruleset_hash
    assert "closed loops take no water (P1309-3.1-a)" in tags["EXCLUDED"]
    # Who asks for the overview needs none of what comes behind it: that is what ranges are for.
    with MemoryFile(path.read_bytes()[:first]) as part, part.open(overview_level=1) as file:
        assert np.array_equal(file.read(), coarse, equal_nan=True)


def test_the_same_ground_gives_the_same_bytes(potential: GroundPotential) -> None:
    again = gis.ground_potential(row_of_hectares(), gis.load_ruleset("beijing"), cell_m=1.0)
    assert again.encoded == potential.encoded
    other = gis.ground_potential(row_of_hectares(), gis.load_ruleset("beijing"), cell_m=1.0, balance_frac=0.7)
    assert other.encoded != potential.encoded


def test_a_file_that_cannot_be_written_leaves_the_old_one(
    potential: GroundPotential, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ground.tif"
    path.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="no space left"):
        potential.write(path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"ground.tif": b"old"}


def zones(count: int = 12) -> gpd.GeoDataFrame:
    """Random convex polygons over and beside the row of hectares, one without a value and one missing."""
    random = np.random.default_rng(7)
    shapes = [
        shapely.MultiPoint(random.uniform((-50, -40), (950, 140), (8, 2)) + (X, Y)).convex_hull
        for _ in range(count)
    ]
    shapes += [shapely.box(X - 500, Y, X - 400, Y + 50), None]
    return gpd.GeoDataFrame({"name": range(len(shapes))}, geometry=shapes, crs=STORAGE)


def test_zones_have_the_sums_of_their_cells() -> None:
    potential = gis.ground_potential(row_of_hectares(), gis.load_ruleset("beijing"), cell_m=20.0)
    cells = gpd.GeoSeries(
        [
            shapely.box(X + 20 * c, Y + 80 - 20 * r, X + 20 * c + 20, Y + 100 - 20 * r)
            for r in range(5)
            for c in range(45)
        ]
    )
    told = potential.by(zones().to_crs("EPSG:4490"))
    assert told.crs == "EPSG:4490"
    per_borehole, per_ha, kw = (potential.band(i).values.ravel().astype(float) for i in POTENTIAL)
    for (_, row), shape in zip(told.iterrows(), zones().geometry, strict=True):
        area = np.zeros(len(cells)) if shape is None else cells.intersection(shape).area.to_numpy()
        known, opened = (area > 0) & ~np.isnan(per_ha), (area > 0) & ~np.isnan(per_borehole)
        near = {"rel": 2e-4, "abs": 0.5, "nan_ok": True}
        assert row["known_area_m2"] == pytest.approx(area[known].sum(), **near)
        assert row["open_area_m2"] == pytest.approx(area[opened].sum(), **near)
        if not known.any():
            assert row[["ground_heat_mwh_per_ha_a_mean", "ground_heat_mwh_per_ha_a_min"]].isna().all()
            assert np.isnan(row["theoretical_ground_heat_mwh_per_a"])
            continue
        assert row["theoretical_ground_heat_mwh_per_a"] == pytest.approx(
            (area * per_ha)[known].sum() / 1e4, **near
        )
        assert row["theoretical_capacity_kw"] == pytest.approx((area * kw)[known].sum() / 1e4, **near)
        assert row["borehole_heat_mwh_per_a_mean"] == pytest.approx(
            np.average(per_borehole[opened], weights=area[opened]), rel=1e-4
        )
        assert row["ground_heat_mwh_per_ha_a_max"] == pytest.approx(per_ha[known].max(), rel=1e-6)
    assert told.attrs["units"] == UNITS
    assert told.attrs["notes"].startswith("Theoretical")


def test_zones_that_cannot_be_told() -> None:
    potential = gis.ground_potential(row_of_hectares(), gis.load_ruleset("beijing"), cell_m=50.0)
    with pytest.raises(gis.OneMapError, match="no coordinate system"):
        potential.by(zones().set_crs(None, allow_override=True))
    with pytest.raises(gis.OneMapError, match="known_area_m2 already"):
        potential.by(potential.by(zones())[["geometry", "known_area_m2"]])
    with pytest.raises(gis.OneMapError, match="no polygon"):
        potential.by(gpd.GeoDataFrame(geometry=[shapely.Point(X, Y)], crs=STORAGE))


def test_the_command_writes_what_the_library_gives(
    scored: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = typer.Typer()
    register(app)
    url = scored.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    monkeypatch.setenv("ONEMAP_DATABASE_URL", url)
    path, day = tmp_path / "ground.tif", "2026-06-01"
    done = CliRunner().invoke(app, ["--out", str(path), "--cell-m", "1000", "--as-of", day])
    assert done.exit_code == 0, done.output
    assert "181 x 179 cells of 1000 m" in done.output
    ruleset = gis.load_ruleset("beijing", date.fromisoformat(day))
    assert path.read_bytes() == gis.ground_potential(scored.resources(), ruleset, cell_m=1000.0).encoded
    wrong = CliRunner().invoke(app, ["--out", str(tmp_path / "ground.png")])
    assert "has to end in .tif" in str(wrong.exception)
    assert "potential" in MODULES
