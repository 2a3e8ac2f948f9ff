"""Tiles as the tests ask for them and read them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pyogrio
from fastapi.testclient import TestClient


def tile_of(lon: float, lat: float, z: int) -> tuple[int, int]:
    """Return x and y of the tile that holds a point."""
    side = 2**z
    x = int((lon + 180) / 360 * side)
    y = int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * side)
    return x, y


def features(body: bytes, folder: Path) -> Any:
    """Return the features of a tile as GDAL reads them, in tile units."""
    path = folder / "tile.mvt"
    path.write_bytes(body)
    return pyogrio.read_dataframe(path, fid_as_index=False)


def ask(client: TestClient, layer: str, z: int, x: int, y: int, **kwargs: Any) -> Any:
    """GET a tile."""
    return client.get(f"/tiles/{layer}/{z}/{x}/{y}.mvt", **kwargs)
