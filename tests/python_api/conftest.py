"""The sample as files, and what a store makes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio

import gis
from gis.runs import SAMPLE_DIR

WriteRaster = Callable[..., Path]


def sample_sources() -> dict[str, list[dict[str, Any]]]:
    """Return the files of the sample but the parcels, as `Resources.from_files` takes them."""
    sources: dict[str, list[dict[str, Any]]] = {}
    for entry in json.loads((SAMPLE_DIR / "manifest.json").read_text(encoding="utf-8"))["files"]:
        if entry["layer"] != "parcel":
            how = {k: entry[k] for k in ("source_crs", "columns") if k in entry}
            sources.setdefault(entry["layer"], []).append({"path": SAMPLE_DIR / entry["file"], **how})
    return sources


@pytest.fixture(scope="session")
def bundle() -> gis.Resources:
    """Every layer of the sample, read of its files."""
    return gis.Resources.from_files(sample_sources())


@pytest.fixture(scope="session")
def parcels() -> gpd.GeoDataFrame:
    """Every fortieth parcel of the sample as the file has it, in the form of the layer."""
    return gis.read_mapped("parcel", SAMPLE_DIR / "parcel.parquet").frame.iloc[::40].reset_index(drop=True)


@pytest.fixture(scope="session")
def result(parcels: gpd.GeoDataFrame, bundle: gis.Resources) -> gis.Result:
    """Those parcels scored."""
    return gis.score(parcels, bundle, gis.load_ruleset())


@pytest.fixture
def write_raster() -> WriteRaster:
    """Write numbers as a GeoTIFF."""

    def write(path: Path, values: np.ndarray[Any, Any], transform: Any, crs: Any) -> Path:
        rows, columns = values.shape
        form = {"width": columns, "height": rows, "count": 1, "dtype": values.dtype}
        with rasterio.open(path, "w", driver="GTiff", transform=transform, crs=f"EPSG:{crs}", **form) as out:
            out.write(values, 1)
        return path

    return write
