"""Rasters in: one band of numbers on a grid that is not turned, whole or not at all."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
import shapely

from gis.crs import STORAGE_CRS, metric_area, parse_source_crs
from gis.errors import InputError, UsageError
from gis.ingest.datum import resolve
from gis.ingest.mapping import Progress
from gis.ingest.report import Grid, ImportReport
from gis.ingest.source import sha256
from gis.resources import Raster
from gis.store import Store
from gis.store.records import Box
from layers import RASTERS, RasterSpec

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

Values = np.ndarray[Any, np.dtype[np.floating[Any]]]

MAX_CELLS = 100_000_000
DRIVERS: Mapping[str, str] = {".tif": "GTiff", ".tiff": "GTiff", ".asc": "AAIGrid", ".img": "HFA"}
"""GDAL's readers by ending of the name: none of them follows a file to another place."""

_STEPS = 3


def import_raster(
    store: Store,
    path: Path,
    source_crs: str | None,
    report: ImportReport,
    progress: Progress | None = None,
) -> None:
    """Put a file in the place of raster `report.layer`, and account for it in `report`.

    Raises InputError for a file that is not usable, of which nothing is stored.
    """

    def step(done: int, label: str) -> None:
        if progress is not None:
            progress(done, _STEPS, label)

    start, spec = time.perf_counter(), RASTERS[report.layer]
    step(0, "reading")
    raster = map_raster(path, source_crs, report)
    step(1, "checks")
    _warn_beside(raster, store, report)
    if not report.dry_run:
        step(2, "writing")
        report.duration_s = time.perf_counter() - start
        report.version = store.write_raster(
            spec.id,
            raster,
            source_name=report.source,
            source_sha256=report.source_sha256 or "",
            report=report.to_dict(),
        ).version
    step(_STEPS, "done")


def map_raster(path: Path, source_crs: str | None, report: ImportReport, target: str = STORAGE_CRS) -> Raster:
    """Return the raster `report.layer` in a file, checked, and account for it in `report`.

    Raises InputError for a file that is not usable or lies outside the area of the metric CRS `target`.
    """
    raster = read_raster(path, source_crs, report)
    report.source_sha256 = sha256(path)
    report.grid = _checked(raster, RASTERS[report.layer], report.source)
    if not _meets(raster, metric_area(target), target):
        raise InputError(f"{report.source}: its grid lies outside the area of {target}.")
    return raster


def read_raster(path: Path, source_crs: str | None, report: ImportReport) -> Raster:
    """Return the raster in a file, north up, its cells without a value as NaN.

    Raises
    ------
    InputError
        The file is missing, damaged, not a raster of one band of numbers, turned, too large, or
        without a usable coordinate system.
    UsageError
        `source_crs` is not understood, or asks for a shift that is not undone for rasters.
    """
    _refuse_shift(source_crs)
    if not path.exists():
        raise InputError(f"{path}: there is no such file.")
    if path.suffix.lower() not in DRIVERS:
        raise InputError(
            f"{path.name}: the ending {path.suffix!r} is not one of {' '.join(DRIVERS)}; "
            f"{report.layer} is a raster, best given as a GeoTIFF."
        )
    with _opened(path) as source:
        _check_form(source, path.name)
        values = _values(source)
        a, _, west, _, e, north, *_ = source.transform
        own = None if source.crs is None else pyproj.CRS.from_wkt(source.crs.to_wkt())
    rows, columns = values.shape
    if e > 0:  # the first row is the southernmost
        values, north, e = values[::-1], north + rows * e, -e
    bounds = (west, north + rows * e, west + columns * a, north)
    if own is None and source_crs is None:
        raise InputError(
            f"{path.name}: the file names no coordinate system; say which one with --source-crs EPSG:n."
        )
    crs = resolve(own, source_crs, np.array([shapely.box(*bounds)], dtype=object), path.name)
    report.source_crs, report.datum_check = crs.name, "datum not checked, a raster has no outlines to compare"
    report.warnings += [crs.warning] if crs.warning else []
    return Raster(np.ascontiguousarray(values), bounds, crs.text)


def _refuse_shift(source_crs: str | None) -> None:
    try:
        datum = None if source_crs is None else parse_source_crs(source_crs)[1]
    except ValueError as error:
        raise UsageError(f"--source-crs {source_crs}: {error}; use EPSG:n.") from error
    if datum is not None:
        raise UsageError(
            f"--source-crs {datum}: a raster cannot be freed of this shift cell by cell; "
            "give it in the coordinate system that it was made in."
        )


@contextmanager
def _opened(path: Path) -> Iterator[DatasetReader]:
    """Give the raster in a file; whatever GDAL raises on it inside is an InputError."""
    # Not at the top: rasterio brings GDAL, a third of a second that other imports do without.
    import rasterio
    from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # refused in our own words
            with rasterio.open(path, driver=DRIVERS[path.suffix.lower()]) as source:
                yield source
    except (CRSError, pyproj.exceptions.CRSError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name}: its coordinate system cannot be read.") from error
    except RasterioError as error:
        raise InputError(
            f"{path.name}: this is not a raster that can be read, or it is truncated or damaged."
        ) from error


def _check_form(source: DatasetReader, name: str) -> None:
    """Raise InputError for what is not one band of numbers, north or south up, of a size to keep."""
    if source.count != 1 or source.dtypes[0].startswith("complex"):
        raise InputError(
            f"{name}: a raster layer is one band of plain numbers, and this has {source.count} of "
            f"{source.dtypes[0]}; write the band to a file of its own."
        )
    if source.transform.is_identity:
        raise InputError(f"{name}: nothing says where on Earth its cells lie; georeference it first.")
    a, b, _, d, *_ = source.transform
    if b != 0 or d != 0 or a < 0:
        raise InputError(f"{name}: its grid is rotated or mirrored; resample it to one that is north up.")
    if source.width * source.height > MAX_CELLS:
        raise InputError(
            f"{name}: it has {source.width * source.height:,} cells, and the limit is {MAX_CELLS:,}; "
            "cut it to the city, or make the cells larger."
        )


def _values(source: DatasetReader) -> Values:
    """Return the numbers that the cells stand for, NaN where there is none."""
    read = source.read(1, masked=True)
    scale, offset = source.scales[0], source.offsets[0]
    exact = (scale, offset) == (1.0, 0.0) and np.can_cast(read.dtype, np.float32)
    values: Values = read.astype(np.float32 if exact else np.float64).filled(np.nan)
    return values if exact else values * scale + offset


def _checked(raster: Raster, spec: RasterSpec, name: str) -> Grid:
    """Return what the cells hold; InputError where that is nothing, or nothing that can be."""
    values = raster.values
    wrong = (values < spec.minimum) | (values > spec.maximum)
    if wrong.any():
        row, column = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        raise InputError(
            f"{name}: {np.count_nonzero(wrong):,} of {wrong.size:,} cells lie outside "
            f"{spec.minimum:g} to {spec.maximum:g} {spec.unit}, the first ({values[row, column]:g}) in "
            f"row {row + 1}, column {column + 1} from north-west; "
            "correct them, or declare the number that stands for no value as nodata."
        )
    there = int(np.count_nonzero(~np.isnan(values)))
    if there == 0:
        raise InputError(f"{name}: no cell has a value; check what the file declares as nodata.")
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return Grid(values.shape[1], values.shape[0], there, low, high, spec.unit)


def _warn_beside(raster: Raster, store: Store, report: ImportReport) -> None:
    parcels = store.extent("parcel")
    if parcels is not None and not _meets(raster, parcels, STORAGE_CRS):
        report.warnings.append("the grid lies beside all loaded parcels, so that none gets a value")


def _meets(raster: Raster, box: Box, crs: str) -> bool:
    """Return whether the grid and a box of a metric CRS have ground in common."""
    place = pyproj.Transformer.from_crs(crs, raster.crs, always_xy=True)
    west, south, east, north = place.transform_bounds(*box)
    left, bottom, right, top = raster.bounds
    return west < right and left < east and south < top and bottom < north
