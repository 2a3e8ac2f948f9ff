"""The two doors of the import: into a store, or into a table without any store."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pandas as pd
import shapely

from gis.crs import STORAGE_CRS, Geometries, metric_crs, stack
from gis.errors import InputError, UsageError
from gis.ingest.frames import TABLE
from gis.ingest.mapping import STEPS, Mapped, Progress, References, Request, layer_spec, map_file
from gis.ingest.projects import RegisterCheck
from gis.ingest.raster import import_raster
from gis.ingest.rejects import write_rejects
from gis.ingest.report import ImportReport, write_report
from gis.register.record import PROJECT
from gis.store import Store
from layers import RASTERS, LayerSpec

Mode = Literal["replace", "append", "upsert"]
OnError = Literal["reject", "abort"]

MAX_REJECTED_SHARE = 0.5


def read_mapped(
    layer: str | LayerSpec,
    source: str | Path | pd.DataFrame,
    *,
    source_layer: str | None = None,
    source_crs: str | None = None,
    columns: Mapping[str, str] | None = None,
    on_error: OnError = "reject",
    references: References = (),
    progress: Progress | None = None,
    crs: str = STORAGE_CRS,
) -> Mapped:
    """Read a file or a table as rows of a layer, without any store.

    Parameters
    ----------
    layer : id of a declared layer, or the declaration of one that is not stored.
    source : a local file, a FileGDB folder, or a GeoDataFrame or DataFrame, which is treated as a file
        is: its columns are recognised, its shapes reprojected, its rows checked; it stays as it is.
    source_layer : layer, sheet or CAD layer, where the file has several.
    source_crs : `EPSG:n`, `gcj02` or `bd09`; needed where the file names no CRS.
    columns : field (or lon, lat, wkt) -> source column, before the names known to the layer.
    on_error : `reject` leaves out rows that fail a check, `abort` fails on the first.
    references : (name, polygons in EPSG:4548) to look for an undeclared GCJ-02 shift against,
        besides the outlines that come with the program.
    progress : called with (steps done, steps in all, what comes next).
    crs : the metric CRS to bring shapes into; another than EPSG:4548 cannot be stored.

    Raises
    ------
    InputError
        The file or table as a whole is not usable, a row failed and `on_error` is `abort`, or more than
        half of the rows failed.

    Examples
    --------
    In the folder of the sample:

    >>> plants = gis.read_mapped("wastewater_plant", "wastewater_plant.csv", source_crs="EPSG:4326")
    >>> plants.report.rows_rejected, plants.frame.crs.to_epsg()
    (0, 4548)
    >>> plants.frame.attrs["units"]["design_capacity_m3_per_d"]
    'm3/d'
    """
    start = time.perf_counter()
    spec = layer_spec(layer) if isinstance(layer, str) else layer
    given = source if isinstance(source, pd.DataFrame) else Path(source)
    report = ImportReport(layer=spec.id, source=TABLE if isinstance(given, pd.DataFrame) else given.name)
    request = Request(
        given, source_layer, source_crs, columns, references, progress=progress, crs=metric_crs(crs)
    )
    mapped = map_file(request, spec, report)
    judge(report, on_error)
    report.duration_s = time.perf_counter() - start
    return mapped


def import_file(
    store: Store,
    layer_id: str,
    path: str | Path,
    *,
    source_layer: str | None = None,
    source_crs: str | None = None,
    columns: Mapping[str, str] | None = None,
    mode: Mode = "replace",
    on_error: OnError = "reject",
    rejects_file: str | Path | None = None,
    report_file: str | Path | None = None,
    dry_run: bool = False,
    source_name: str | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a file into a layer or raster of the store, whole or not at all.

    Parameters are those of `read_mapped`, and: `mode` replaces the layer, appends to it, or updates
    rows by key; `rejects_file` (.csv or .geojson) takes the refused rows; `report_file` takes the
    report as JSON, also when the import fails; `dry_run` does everything but write the layer;
    `source_name` is told as the name of the file, by default its own. A raster takes the place of
    the one before, whole or not at all, so that `on_error` makes no difference to it.

    Raises
    ------
    InputError
        As `read_mapped`; also for keys that an appended layer already has. The layer is untouched.
    UsageError
        A raster is given options that only features have.
    """
    start = time.perf_counter()
    told = source_name or Path(path).name
    report = ImportReport(layer=layer_id, source=told, mode=mode, dry_run=dry_run)
    with _reported(report, start, report_file):
        if layer_id in RASTERS:
            given = {"--source-layer": source_layer, "--column": columns, "--rejects": rejects_file}
            _refuse_options(layer_id, given | {f"--mode {mode}": mode != "replace"})
            import_raster(store, Path(path), source_crs, report, progress)
            return report
        if rejects_file is not None and Path(rejects_file).suffix.lower() not in (".csv", ".geojson"):
            raise UsageError(f"--rejects {rejects_file}: the name must end in .csv or .geojson.")
        register = RegisterCheck(store) if layer_id == PROJECT else None
        request = Request(
            Path(path),
            source_layer,
            source_crs,
            columns,
            _references(store),
            _next_stored(store, layer_id) if mode == "append" else 1,
            needs_key=mode == "upsert",
            progress=progress,
            check=register,
        )
        mapped = map_file(request, layer_spec(layer_id), report)
        if rejects_file is not None:
            write_rejects(mapped.rejects, mapped.crs, Path(rejects_file))
        judge(report, on_error)
        if register is not None:
            mapped = register.settled(mapped, mode)
        if not dry_run:
            request.step(4, "writing")
            report.duration_s = time.perf_counter() - start
            report.version = store.write_layer(
                layer_id,
                mapped.frame,
                mode=mode,
                source_name=report.source,
                source_sha256=report.source_sha256 or "",
                report=report.to_dict(),
                rejects=mapped.rejects,
                seen=None if register is None else register.seen,
            ).version
        request.step(STEPS, "done")
    return report


def _refuse_options(layer_id: str, given: Mapping[str, object]) -> None:
    """Raise UsageError when a raster is given an option that only features have."""
    names = [name for name, value in given.items() if value]
    if names:
        raise UsageError(
            f"{layer_id} is a raster and has no rows or columns of a table; leave out {', '.join(names)}."
        )


@contextmanager
def _reported(report: ImportReport, start: float, report_file: str | Path | None) -> Iterator[None]:
    """Write the report at the end of what happens inside, good or bad."""
    try:
        yield
    except OSError as error:
        report.error = f"{error.filename or report.source}: {error.strerror or error}."
        raise InputError(report.error) from error
    except BaseException as error:
        report.error = str(error) or type(error).__name__
        raise
    finally:
        report.duration_s = time.perf_counter() - start
        if report_file is not None:
            write_report(report, Path(report_file))


def judge(report: ImportReport, on_error: OnError) -> None:
    """Raise InputError when the rejected rows make the file as a whole unusable."""
    if not report.rejects:
        return
    first = report.rejects[0]
    place = f"row {first.row}: {first.reason}"
    counted = f"{report.rows_rejected:,} of {report.rows_read:,} rows fail"
    if on_error == "abort":
        raise InputError(f"{report.source}: {place}; nothing was imported ({counted}).")
    if report.rows_rejected > MAX_REJECTED_SHARE * report.rows_read:
        raise InputError(f"{report.source}: {counted}, so nothing was imported; {place}.")


def _references(store: Store) -> Iterator[tuple[str, Geometries]]:
    """Give the loaded outlines one by one; a layer is read only when it is asked for."""
    loaded = store.layer_versions()
    for layer_id in ("district", "township"):
        if layer_id in loaded:
            shapes = stack(store.read(layer_id).geometry)
            there = shapes[~shapely.is_missing(shapes)]
            if len(there):
                yield f"the loaded layer {layer_id}", there


def _next_stored(store: Store, layer_id: str) -> int:
    """Return the number after the highest generated key of the stored layer."""
    loaded = layer_id in store.layer_versions()
    return next_number(layer_spec(layer_id), [store.read(layer_id)] if loaded else [])


def next_number(spec: LayerSpec, frames: Iterable[pd.DataFrame]) -> int:
    """Return the number after the highest generated key of rows of a layer."""
    numbers = [f[spec.key].str.extract(rf"^{spec.id}-(\d+)$")[0].dropna().astype("int64") for f in frames]
    return 1 + max((int(n.max()) for n in numbers if len(n)), default=0)
