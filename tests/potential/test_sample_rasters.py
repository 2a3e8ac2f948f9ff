"""The rasters beside the sample: usable, told as synthetic, and not loaded with it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import rasterio

import gis
from gis.ingest.raster import read_raster
from gis.ingest.report import ImportReport
from gis.resources import Resources
from gis.store import Store
from layers import RASTERS

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"


def test_rasters_of_the_sample_hold_on_the_plain_and_zones_in_the_mountains(scored: Store) -> None:
    manifest = json.loads((SAMPLE / "manifest.json").read_text(encoding="utf-8"))["files"]
    rasters = {}
    for layer, spec in RASTERS.items():
        path = SAMPLE / f"{layer}.tif"
        assert path.name not in {entry["file"] for entry in manifest}
        assert path.stat().st_size < 40_000
        with rasterio.open(path) as file:
            assert (file.tags()["SYNTHETIC"], file.units) == ("YES", (spec.unit,))
        rasters[layer] = read_raster(path, None, ImportReport(layer=layer, source=path.name))
    resources, ruleset = scored.resources(), gis.load_ruleset("beijing")
    assert not resources.rasters
    both = Resources(resources.frames, resources.versions, rasters)
    by_zones = gis.ground_potential(resources, ruleset, cell_m=1000.0)
    by_rasters = gis.ground_potential(both, ruleset)
    # Cells are those of the rasters, and both grids are the same here: the rasters lie on whole kilometres.
    assert by_rasters.grid == by_zones.grid
    held, grid = rasters["ground_conductivity"], by_rasters.grid
    assert held.values.shape == rasters["ground_temperature"].values.shape
    # Of the middle of every cell whether a raster has a value there.
    x = grid.west + (np.arange(grid.columns) + 0.5) * 1000.0 - held.bounds[0]
    y = held.bounds[3] - grid.north + (np.arange(grid.rows) + 0.5) * 1000.0
    height, width = held.values.shape
    row, column = np.floor(y / 1000.0).astype(int)[:, None], np.floor(x / 1000.0).astype(int)
    on_raster = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    there = on_raster & ~np.isnan(held.values[row.clip(0, height - 1), column.clip(0, width - 1)])
    same = np.isclose(by_rasters.values[0], by_zones.values[0], rtol=1e-6, equal_nan=True)
    open_ground = ~np.isnan(by_zones.values[0])
    assert same[~there].all()
    assert np.mean(same[there & open_ground]) < 0.1
