"""Rasters into a real PostGIS: whole or not at all, and one sentence where not."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from rasterio.transform import Affine, from_bounds

from gis.crs import reproject
from gis.errors import BusyError, InputError, NotFoundError, OneMapError, UsageError
from gis.ingest import import_file, raster
from gis.resources import Raster
from gis.store import Store
from gis.store.loading import claim
from gis.store.rasters import decoded, encoded

from .conftest import Frame

BOUNDS = (116.30, 39.80, 116.60, 40.00)
NAN = np.nan
VALUES = np.array([[10.5, 11.0, 12.25], [13.0, 14.0, 15.0]], dtype=np.float32)

Write = Callable[..., Path]


@pytest.fixture
def tif(tmp_path: Path) -> Write:
    """A function that writes cells as a GeoTIFF: tif(name, cells, any of rasterio's options)."""

    def write(name: str, cells: Any = VALUES, **options: Any) -> Path:
        bands = np.asarray(cells)
        bands = bands[None] if bands.ndim == 2 else bands
        count, height, width = bands.shape
        scales, mask = options.pop("scales", None), options.pop("mask", None)
        profile = {"driver": "GTiff", "crs": "EPSG:4490", "transform": from_bounds(*BOUNDS, width, height)}
        shape = {"count": count, "height": height, "width": width, "dtype": bands.dtype}
        with rasterio.open(tmp_path / name, "w", **(profile | shape | options)) as out:
            out.write(bands)
            if scales is not None:
                out.scales, out.offsets = scales
            if mask is not None:
                out.write_mask(mask)
        return tmp_path / name

    return write


def loaded(store: Store, layer: str = "ground_temperature") -> Raster:
    return store.resources().rasters[layer]


def contents(store: Store) -> list[tuple[Any, ...]]:
    """Everything that an import of a raster could have changed."""
    with store.engine.connect() as connection:
        return [
            tuple(row)
            for query in (
                "SELECT layer, md5(content) FROM layer.raster ORDER BY 1",
                "SELECT layer, version, source_name FROM meta.layer_version ORDER BY 1, 2",
                "SELECT count(*) FROM meta.reject",
            )
            for row in connection.exec_driver_sql(query)
        ]


def test_round_trip(empty_store: Store, tif: Write, tmp_path: Path) -> None:
    steps: list[str] = []
    report = import_file(
        empty_store,
        "ground_temperature",
        tif("t.tif"),
        report_file=tmp_path / "report.json",
        progress=lambda done, total, label: steps.append(f"{done}/{total} {label}"),
    )
    assert steps == ["0/3 reading", "1/3 checks", "2/3 writing", "3/3 done"]
    found = loaded(empty_store)
    np.testing.assert_array_equal(found.values, VALUES)
    assert found.values.dtype == np.float32
    np.testing.assert_allclose(found.bounds, BOUNDS, rtol=1e-12)
    assert empty_store.resources().versions == {"ground_temperature": 1}
    version = empty_store.layer_versions()["ground_temperature"]
    assert (version.version, version.feature_count, version.source_name) == (1, 6, "t.tif")
    assert version.source_sha256 == report.source_sha256
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["grid"] == {
        "columns": 3, "rows": 2, "cells_with_value": 6, "minimum": 10.5, "maximum": 15.0, "unit": "degC",
    }  # fmt: skip
    assert written["source_crs"].startswith("EPSG:4490")
    assert report.sentences()[0].startswith(
        "6 cells with a value, of 6, of t.tif imported into ground_temperature (version 1) in "
    )
    assert "Values: 10.5 to 15 degC." in report.sentences()


def test_a_new_one_takes_the_place_and_the_other_stays(empty_store: Store, tif: Write) -> None:
    import_file(empty_store, "ground_temperature", tif("t.tif"))
    import_file(empty_store, "ground_conductivity", tif("c.tif", VALUES / 10))
    before = empty_store.resources()
    import_file(empty_store, "ground_temperature", tif("u.tif", VALUES + 1))
    after = empty_store.resources(before)
    assert after.versions == {"ground_conductivity": 1, "ground_temperature": 2}
    np.testing.assert_array_equal(after.rasters["ground_temperature"].values, VALUES + 1)
    assert after.rasters["ground_conductivity"] is before.rasters["ground_conductivity"]


WITHOUT_FIFTH = np.array([[10.5, 11.0, 12.25], [13.0, NAN, 15.0]])


@pytest.mark.parametrize(
    ("cells", "options"),
    [
        (np.where(np.isnan(WITHOUT_FIFTH), -9999, WITHOUT_FIFTH), {"nodata": -9999}),
        (
            np.where(np.isnan(WITHOUT_FIFTH), -3.4e38, WITHOUT_FIFTH).astype("f4"),
            {"nodata": float("-3.4e38")},
        ),
        (WITHOUT_FIFTH, {}),
        (WITHOUT_FIFTH, {"nodata": NAN}),
        (WITHOUT_FIFTH, {"nodata": -9999}),
        (np.nan_to_num(WITHOUT_FIFTH * 4, nan=255).astype("u1"), {"nodata": 255, "scales": ((0.25,), (0,))}),
        (np.nan_to_num(WITHOUT_FIFTH * 4 - 8, nan=0).astype("i2"), {"nodata": 0, "scales": ((0.25,), (2,))}),
        (np.nan_to_num(WITHOUT_FIFTH, nan=12.0), {"mask": ~np.isnan(WITHOUT_FIFTH)}),
    ],
    ids=["number", "largest", "nan", "nan declared", "nan beside a number", "scaled", "offset", "mask"],
)
def test_cells_without_a_value(empty_store: Store, tif: Write, cells: Any, options: dict[str, Any]) -> None:
    import_file(empty_store, "ground_temperature", tif("t.tif", cells, **options))
    np.testing.assert_array_equal(loaded(empty_store).values, WITHOUT_FIFTH)
    assert empty_store.layer_versions()["ground_temperature"].feature_count == 5


def test_south_up_and_other_formats(empty_store: Store, tif: Write, tmp_path: Path) -> None:
    west, south, east, north = BOUNDS
    south_up = Affine((east - west) / 3, 0, west, 0, (north - south) / 2, south)
    import_file(empty_store, "ground_temperature", tif("up.tif", VALUES[::-1], transform=south_up))
    np.testing.assert_array_equal(loaded(empty_store).values, VALUES)
    np.testing.assert_allclose(loaded(empty_store).bounds, BOUNDS, rtol=1e-12)
    (tmp_path / "t.asc").write_text(
        "ncols 3\nnrows 2\nxllcorner 450000\nyllcorner 4420000\ncellsize 100\nNODATA_value -1\n"
        "10.5 11 12.25\n13 -1 15\n"
    )
    import_file(empty_store, "ground_temperature", tmp_path / "t.asc", source_crs="EPSG:4548")
    np.testing.assert_array_equal(loaded(empty_store).values, WITHOUT_FIFTH)
    assert loaded(empty_store).bounds == (450_000, 4_420_000, 450_300, 4_420_200)


def test_dry_run(empty_store: Store, tif: Write) -> None:
    report = import_file(empty_store, "ground_temperature", tif("t.tif"), dry_run=True)
    assert "6 cells with a value, of 6, of t.tif would be imported" in report.sentences()[0]
    assert contents(empty_store) == [(0,)]


def test_parcels_beside_the_grid_are_told(
    empty_store: Store, tif: Write, geojson: Path, parcels: Frame, tmp_path: Path
) -> None:
    import_file(empty_store, "parcel", geojson)
    assert not import_file(empty_store, "ground_temperature", tif("t.tif")).warnings
    beside = tif("b.tif", transform=from_bounds(118, 45, 119, 46, 3, 2))
    assert import_file(empty_store, "ground_temperature", beside).warnings == [
        "the grid lies beside all loaded parcels, so that none gets a value"
    ]


ROTATED = Affine(0.1, 0.01, 116.3, 0.01, -0.1, 40.0)
BAD: dict[str, tuple[Any, dict[str, Any], str]] = {
    "two bands": (np.stack([VALUES, VALUES]), {}, "one band of plain numbers, and this has 2 of float32"),
    "complex": (VALUES.astype("complex64"), {}, "one band of plain numbers, and this has 1 of complex64"),
    "no CRS": (VALUES, {"crs": None}, "names no coordinate system; say which one with --source-crs EPSG:n"),
    "rotated": (VALUES, {"transform": ROTATED}, "rotated or mirrored; resample it"),
    "mirrored": (VALUES, {"transform": Affine(-0.1, 0, 116.6, 0, -0.1, 40)}, "rotated or mirrored"),
    "nodata": (VALUES * 0 - 1, {"nodata": -1}, "no cell has a value; check what the file declares as nodata"),
    "range": (
        np.where(VALUES > 13.5, -9999, VALUES),
        {},
        r"2 of 6 cells lie outside 0 to 30 degC, the first \(-9999\) in row 2, column 2 from north-west",
    ),
    "infinite": (np.where(VALUES > 14.5, np.inf, VALUES), {}, r"the first \(inf\) in row 2, column 3"),
    "elsewhere": (
        VALUES,
        {"transform": from_bounds(-10, -10, -5, -5, 3, 2)},
        "outside the area of EPSG:4548",
    ),
    "no place": (VALUES, {"crs": None, "transform": Affine.identity()}, "where on Earth its cells lie"),
    "heights": (VALUES, {"crs": "EPSG:5773"}, "not tied to the Earth|cannot be read"),
}


def refused(
    store: Store, path: Path, match: str, kind: type[OneMapError] = InputError, **options: Any
) -> None:
    """Make sure that an import ends in one sentence and changes nothing."""
    before = contents(store)
    with pytest.raises(kind, match=match) as caught:
        import_file(store, options.pop("layer", "ground_temperature"), path, **options)
    assert "\n" not in str(caught.value)
    assert contents(store) == before


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("what", BAD)
def test_bad_rasters(empty_store: Store, tif: Write, what: str) -> None:
    cells, options, match = BAD[what]
    import_file(empty_store, "ground_temperature", tif("good.tif"))
    refused(empty_store, tif("bad.tif", cells, **options), f"bad.tif: .*{match}")


def test_files_that_are_no_rasters(
    empty_store: Store, tif: Write, tmp_path: Path, geojson: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    refused(empty_store, tmp_path / "none.tif", "there is no such file")
    refused(
        empty_store, geojson, "the ending '.geojson' is not one of .tif .* ground_temperature is a raster"
    )
    refused(empty_store, tif("t.tif"), "the ending '.tif' is not one of .shp", layer="township")
    (tmp_path / "empty.tif").touch()
    (tmp_path / "text.tif").write_bytes(b"this is no raster" * 100)
    # What points to another place is not followed, whatever it is called.
    (tmp_path / "pointer.tif").write_text(
        '<VRTDataset rasterXSize="3" rasterYSize="2"><VRTRasterBand dataType="Float32" band="1">'
        f"<SimpleSource><SourceFilename>{tmp_path / 't.tif'}</SourceFilename></SimpleSource>"
        "</VRTRasterBand></VRTDataset>"
    )
    random = np.random.default_rng(1).uniform(5, 20, (300, 300)).astype(np.float32)
    os.truncate(tif("cut.tif", random), 200_000)
    (tmp_path / "folder.tif").mkdir()
    for name in ("empty", "text", "pointer", "cut", "folder"):
        refused(empty_store, tmp_path / f"{name}.tif", f"{name}.tif: this is not a raster that can be read")
    assert capfd.readouterr().err == ""


def test_too_many_cells(empty_store: Store, tif: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    assert raster.MAX_CELLS == 100_000_000
    monkeypatch.setattr(raster, "MAX_CELLS", 5)
    refused(empty_store, tif("t.tif"), "it has 6 cells, and the limit is 5; cut it to the city")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"mode": "append"}, "is a raster and has no rows or columns of a table; leave out --mode append"),
        ({"mode": "upsert"}, "leave out --mode upsert"),
        ({"columns": {"name": "x"}}, "leave out --column"),
        ({"source_layer": "a"}, "leave out --source-layer"),
        ({"rejects_file": "bad.csv"}, "leave out --rejects"),
        ({"source_crs": "gcj02"}, "--source-crs gcj02: a raster cannot be freed of this shift"),
        ({"source_crs": "bd09"}, "--source-crs bd09: a raster cannot be freed of this shift"),
        ({"source_crs": "EPSG:999999"}, "--source-crs EPSG:999999: .*; use EPSG:n"),
    ],
)
def test_options_for_features_are_refused(
    empty_store: Store, tif: Write, options: dict[str, Any], match: str
) -> None:
    refused(empty_store, tif("t.tif"), match, UsageError, **options)


def test_a_declared_crs(empty_store: Store, tif: Write) -> None:
    refused(
        empty_store, tif("t.tif"), "the file says EPSG:4490 and .* says EPSG:4548", source_crs="EPSG:4548"
    )
    import_file(empty_store, "ground_temperature", tif("t.tif"), source_crs="EPSG:4326")  # the same place
    import_file(empty_store, "ground_temperature", tif("u.tif", crs=None), source_crs="EPSG:4490")
    np.testing.assert_array_equal(loaded(empty_store).values, VALUES)


@pytest.mark.parametrize(
    "text",
    [
        "EPSG:4548", "EPSG:4326", "EPSG:4214", "EPSG:4527", "EPSG:32650", "EPSG:3857", "ESRI:102025",
        "+proj=tmerc +lat_0=39.865766 +lon_0=116.350252 +x_0=500000 +y_0=300000 +ellps=krass +units=m",
        "+proj=tmerc +lat_0=39.8 +lon_0=116.35 +x_0=500000 +ellps=krass +towgs84=15.8,-154.4,-82.3",
        "+proj=aea +lat_1=25 +lat_2=47 +lon_0=105 +ellps=GRS80",
    ],
)  # fmt: skip
def test_a_coordinate_system_is_kept_by_its_geotiff(text: str) -> None:
    crs = pyproj.CRS.from_user_input(text).to_wkt()
    places = np.array([shapely.Point(450_000, 4_420_000), shapely.Point(480_000, 4_460_000)], dtype=object)
    placed = reproject(places, "EPSG:4548", crs)
    kept = decoded(encoded(Raster(VALUES, tuple(shapely.total_bounds(placed)), crs)))
    assert kept.bounds == pytest.approx(tuple(shapely.total_bounds(placed)), rel=1e-14)
    assert shapely.equals(reproject(places, "EPSG:4548", kept.crs), placed).all()


def test_one_import_at_a_time(empty_store: Store, tif: Write) -> None:
    with empty_store.engine.begin() as connection:
        claim(connection, "layer ground_temperature", "held")
        refused(
            empty_store, tif("t.tif"), "Another import into layer ground_temperature is running", BusyError
        )


def test_the_store_knows_its_rasters_and_its_extent(empty_store: Store, geojson: Path) -> None:
    source: dict[str, Any] = {"source_name": "a", "source_sha256": "b", "report": {}}
    with pytest.raises(NotFoundError, match="no raster 'slope'; the rasters are ground_conductivity, ground"):
        empty_store.write_raster("slope", Raster(VALUES, BOUNDS, "EPSG:4490"), **source)
    assert empty_store.extent("parcel") is None
    import_file(empty_store, "parcel", geojson)
    whole = shapely.total_bounds(empty_store.read("parcel").geometry.to_numpy())
    assert empty_store.extent("parcel") == pytest.approx(tuple(whole), abs=1e-3)
