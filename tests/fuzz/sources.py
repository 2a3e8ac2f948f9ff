"""One small right file of every format that is imported, and the parts of it that are altered."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import rasterio
import shapely
from rasterio.transform import from_bounds

from tests.fuzz.targets import CORPUS

Parts = dict[str, bytes]
"""The files of a source by their names; the first is what is imported."""

RASTER = "ground_temperature"


def squares(count: int = 3) -> gpd.GeoDataFrame:
    """Return squares in the middle of the city with columns of text and number."""
    shapes = [shapely.box(116.40 + 0.002 * i, 39.90, 116.401 + 0.002 * i, 39.901) for i in range(count)]
    values = {"parcel_id": [f"P{i}" for i in range(count)], "name": ["甲", None, "丙"][:count],
              "far": [1.5, None, 2.5][:count], "population": [10, 20, 30][:count]}  # fmt: skip
    return gpd.GeoDataFrame(values, geometry=shapes, crs="EPSG:4326")


def made(folder: Path, name: str) -> Parts:
    """Return the files of a source as its own writer makes them, in `folder`."""
    path = folder / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _WRITERS[path.suffix](path)
    found = sorted(p for p in folder.rglob("*") if p.is_file())
    first = [p for p in found if p.name == name]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in [*first, *found] if p.is_file()}


def zipped(parts: Parts) -> bytes:
    """Return files as an archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in parts.items():
            archive.writestr(name, body)
    return out.getvalue()


def unzipped(data: bytes) -> Parts:
    """Return the files of an archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _gdal(path: Path) -> None:
    pyogrio.write_dataframe(squares(), path, driver=_DRIVERS.get(path.suffix))


def _shapefile(path: Path) -> None:
    pyogrio.write_dataframe(squares(), path, encoding="UTF-8")


def _parquet(path: Path) -> None:
    squares().to_parquet(path)


def _workbook(path: Path) -> None:
    table = squares().drop(columns="geometry").assign(wkt=squares().geometry.to_wkt())
    with pd.ExcelWriter(path) as book:
        table.to_excel(book, index=False)


def _grid(path: Path) -> None:
    values = np.linspace(10, 15, 12, dtype=np.float32).reshape(3, 4)
    driver = {".tif": "GTiff", ".asc": "AAIGrid", ".img": "HFA"}[path.suffix]
    shape = {"count": 1, "height": 3, "width": 4, "dtype": "float32", "crs": "EPSG:4490"}
    transform = from_bounds(116.30, 39.80, 116.70, 40.10, 4, 3)
    with rasterio.open(path, "w", driver=driver, transform=transform, **shape) as out:
        out.write(values, 1)


def _dxf(path: Path) -> None:
    gpd.GeoDataFrame(geometry=squares().boundary).to_file(path, driver="DXF", engine="pyogrio")


def _vct(path: Path) -> None:
    path.write_bytes((CORPUS / "vct" / "dialect_3.vct").read_bytes())


_DRIVERS = {".gdb": "OpenFileGDB", ".kml": "LIBKML"}
_WRITERS: Mapping[str, Callable[[Path], None]] = {
    ".geojson": _gdal, ".geojsonl": _gdal, ".gpkg": _gdal, ".gdb": _gdal, ".kml": _gdal, ".fgb": _gdal,
    ".tab": _gdal, ".mif": _gdal, ".sqlite": _gdal, ".shp": _shapefile, ".dxf": _dxf,
    ".parquet": _parquet, ".xlsx": _workbook, ".vct": _vct, ".tif": _grid, ".asc": _grid, ".img": _grid,
}  # fmt: skip
FORMATS = tuple(_WRITERS)
