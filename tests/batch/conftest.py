"""The sample as GeoParquet files in the form of the layer: what a run over files is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest

import gis
from gis.runs import SAMPLE_DIR
from tests.python_api.conftest import sample_sources

Written = Callable[[gpd.GeoDataFrame, int], Path]


@pytest.fixture(scope="session")
def resources() -> gis.Resources:
    """Every layer of the sample."""
    return gis.Resources.from_files(sample_sources())


@pytest.fixture(scope="session")
def parcels() -> gpd.GeoDataFrame:
    """Every thirtieth parcel of the sample, 400 of them."""
    return gis.read_mapped("parcel", SAMPLE_DIR / "parcel.parquet").frame.iloc[::30].reset_index(drop=True)


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Write parcels as a folder of some files, in their order."""

    def write(frame: gpd.GeoDataFrame, files: int) -> Path:
        folder = tmp_path / f"parcels-{files}"
        folder.mkdir()
        for number, rows in enumerate(np.array_split(np.arange(len(frame)), files)):
            frame.iloc[rows].to_parquet(folder / f"{number:03d}.parquet")
        return folder

    return write
