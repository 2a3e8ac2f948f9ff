"""Tables with outlines as one file: GeoParquet, GeoPackage or GeoJSON, by the ending of its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd

from gis.crs import API_CRS, API_DECIMALS, stack, to_api
from gis.errors import InputError
from gis.writing import replacing

ENDINGS = (".parquet", ".gpkg", ".geojson")


def write_frame(frame: gpd.GeoDataFrame, path: Path, layer: str) -> None:
    """Write a table, whole or not at all; its CRS stays, but GeoJSON has longitude and latitude.

    `layer` is the name of the table in a GeoPackage. Raises InputError when the file cannot be written.
    """
    if not path.parent.is_dir():
        raise InputError(f"{path} cannot be written: there is no folder {path.parent}.")
    try:
        with replacing(path) as whole:
            if path.suffix.lower() == ".parquet":
                frame.to_parquet(whole)
                return
            whole.unlink()  # GDAL makes files of its own
            if path.suffix.lower() == ".geojson":
                frame = frame.set_geometry(to_api(stack(frame.geometry)), crs=API_CRS)
                options: dict[str, Any] = {"RFC7946": "YES", "COORDINATE_PRECISION": API_DECIMALS}
                frame.to_file(whole, driver="GeoJSON", engine="pyogrio", **options)
            else:
                frame.to_file(whole, driver="GPKG", engine="pyogrio", layer=layer)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}.") from error
