"""What a reader hands over, and the identity of the file it came from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyproj

from gis.crs import Geometries

_SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")


@dataclass(frozen=True)
class Source:
    """One layer of a file as it was read: nothing mapped, nothing moved.

    `table` has source columns and a RangeIndex; `geometry` (same length, None where a row has
    none) is None for a plain table; `crs` is the file's own CRS; `problems` are rows whose shape
    could not be read; `notes` are warnings of the reader; `cut_names` says that the format cuts column
    names to 10 bytes.
    """

    table: pd.DataFrame
    geometry: Geometries | None = None
    crs: pyproj.CRS | None = None
    layer: str | None = None
    problems: dict[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    cut_names: bool = False


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file; for a shapefile or a folder that of all its parts in order of name."""
    digest = hashlib.sha256()
    for part in parts(path):
        with part.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def parts(path: Path) -> list[Path]:
    """Return the files that make up the source at `path`."""
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.is_file())
    if path.suffix.lower() == ".shp":
        siblings = [p for p in path.parent.iterdir() if p.stem == path.stem]
        return sorted(p for p in siblings if p.suffix.lower() in _SHAPEFILE_PARTS)
    return [path]
