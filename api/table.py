"""One row a parcel into a file: GeoParquet, GeoPackage or GeoJSON, by the ending of its name."""

from __future__ import annotations

from pathlib import Path

from gis.crs import API_CRS, API_DECIMALS, stack, to_api
from gis.errors import InputError, UsageError
from gis.scoring import Result
from gis.vocabulary import VERDICTS

ENDINGS = (".parquet", ".gpkg", ".geojson")


def check_ending(path: Path) -> None:
    """Raise UsageError unless the ending of `path` is one of `ENDINGS`."""
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"{path}: the name must end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}.")


def write_table(result: Result, path: Path) -> None:
    """Write the verdicts with geometry; EPSG:4548, in GeoJSON longitude and latitude.

    GeoPackage and GeoJSON hold no lists: they are joined by commas there.
    Raises InputError when the file cannot be written.
    """
    frame = result.to_geodataframe().reset_index()
    try:
        if path.suffix.lower() == ".parquet":
            frame.to_parquet(path)
            return
        for name in (c.name for c in VERDICTS if c.type == "text_list"):
            frame[name] = frame[name].map(",".join)
        if path.suffix.lower() == ".geojson":
            frame = frame.set_geometry(to_api(stack(frame.geometry)), crs=API_CRS)
            frame.to_file(
                path, driver="GeoJSON", engine="pyogrio", RFC7946="YES", COORDINATE_PRECISION=API_DECIMALS
            )
        else:
            frame.to_file(path, driver="GPKG", engine="pyogrio", layer="parcel_suitability")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}.") from error
