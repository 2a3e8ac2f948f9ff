"""Small sources to import, written where a test wants them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

Frame = Callable[..., gpd.GeoDataFrame]


def squares(count: int = 3, **columns: list[object]) -> gpd.GeoDataFrame:
    """`count` squares of 0.001 degrees in the middle of Beijing, with Chinese columns."""
    shapes = [shapely.box(116.40 + 0.002 * i, 39.90, 116.401 + 0.002 * i, 39.901) for i in range(count)]
    table = {
        "地块编号": [f"P{i + 1}" for i in range(count)],
        "容积率": [1.5 + i for i in range(count)],
        **columns,
    }
    return gpd.GeoDataFrame(table, geometry=shapes, crs="EPSG:4326")


@pytest.fixture
def parcels() -> Frame:
    """The maker of small parcel frames."""
    return squares


@pytest.fixture
def geojson(tmp_path: Path) -> Path:
    """Three good parcels as GeoJSON."""
    path = tmp_path / "parcels.geojson"
    squares().to_file(path)
    return path
