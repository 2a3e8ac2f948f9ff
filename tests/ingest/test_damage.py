"""Whatever happens to a file on its way, the answer is rows or one sentence."""

from __future__ import annotations

import random
import warnings
from pathlib import Path

import geopandas as gpd
import pytest

from gis.errors import OneMapError
from gis.ingest import read_mapped

from .conftest import Frame

FORMATS = ("geojson", "gpkg", "kml", "parquet", "fgb", "csv", "xlsx", "shp", "gdb")


def write(source: gpd.GeoDataFrame, path: Path) -> list[Path]:
    """Write `source` and return the files that it is made of."""
    kind = path.suffix[1:]
    if kind == "parquet":
        source.to_parquet(path)
    elif kind in ("csv", "xlsx"):
        table = source.assign(wkt=source.geometry.to_wkt()).drop(columns="geometry")
        table.to_csv(path, index=False) if kind == "csv" else table.to_excel(path)
    else:
        source.to_file(path, driver={"kml": "LIBKML", "gdb": "OpenFileGDB"}.get(kind))
    found = path.iterdir() if path.is_dir() else path.parent.glob(f"{path.stem}.*")
    return sorted(p for p in found if p.is_file() and p.stat().st_size)


@pytest.mark.parametrize("kind", FORMATS)
def test_damaged_bytes(tmp_path: Path, parcels: Frame, kind: str) -> None:
    source = parcels(20).rename(columns={"地块编号": "dkbh", "容积率": "rjl"})
    path = tmp_path / f"a.{kind}"
    files = write(source, path)
    crs = "EPSG:4326" if kind in ("csv", "xlsx") else None
    assert len(read_mapped("parcel", path, source_crs=crs).frame) == 20
    rng = random.Random(kind)
    for _ in range(25):
        part = rng.choice(files)
        whole = part.read_bytes()
        damaged = bytearray(whole)
        for _ in range(rng.choice([1, 3, 30])):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        part.write_bytes(damaged[: rng.randrange(1, len(damaged))] if rng.random() < 0.2 else damaged)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                assert len(read_mapped("parcel", path, source_crs=crs).frame) <= 20
            except OneMapError as error:
                assert "\n" not in str(error)  # noqa: PT017 - both outcomes are right
        part.write_bytes(whole)
