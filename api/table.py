"""One row a parcel into a file: GeoParquet, GeoPackage or GeoJSON, by the ending of its name."""

from __future__ import annotations

from pathlib import Path

from gis.errors import UsageError
from gis.frame_files import ENDINGS, write_frame
from gis.scoring import Result
from gis.vocabulary import VERDICTS


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
    if path.suffix.lower() != ".parquet":
        for name in (c.name for c in VERDICTS if c.type == "text_list"):
            frame[name] = frame[name].map(",".join)
    write_frame(frame, path, "parcel_suitability")
