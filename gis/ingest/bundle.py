"""Layers and rasters of files as a bundle for the scoring engine, without any store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from gis.crs import metric_crs
from gis.errors import InputError, UsageError
from gis.ingest.frames import TABLE
from gis.ingest.mapping import Mapped, Request, layer_spec, map_file
from gis.ingest.pipeline import OnError, judge, next_number
from gis.ingest.raster import map_raster
from gis.ingest.report import ImportReport
from gis.resources import Raster, Resources
from layers import LAYERS, RASTERS, LayerSpec

_KEYS = ("path", "source_crs", "columns", "source_layer")


def read_bundle(
    sources: Mapping[str, Any],
    crs: str,
    on_error: OnError,
    progress: Callable[[int, int, str], None] | None = None,
) -> Resources:
    """Return the bundle that `Resources.from_files` promises."""
    target = metric_crs(crs)
    frames: dict[str, gpd.GeoDataFrame] = {}
    rasters: dict[str, Raster] = {}
    reports: dict[str, tuple[ImportReport, ...]] = {}
    for done, (id_, given) in enumerate(sources.items()):
        if progress is not None:
            progress(done, len(sources), f"reading {id_}")
        parts = [_asked(id_, one) for one in (given if isinstance(given, list | tuple) else [given])]
        if id_ in RASTERS:
            rasters[id_], reports[id_] = _raster(id_, parts, target)
        else:
            frames[id_], reports[id_] = _layer(_spec(id_), parts, target, on_error)
    if progress is not None:
        progress(len(sources), len(sources), "done")
    return Resources(frames, dict.fromkeys(sources, 1), rasters, target, reports)


def _spec(layer_id: str) -> LayerSpec:
    if layer_id == "parcel":
        raise UsageError(
            "parcels are not resources: give them to gis.score, which reads a table of them as it is, "
            'or read a file of them with gis.read_mapped("parcel", ...).'
        )
    if layer_id not in LAYERS:
        raise UsageError(
            f"{layer_id!r} is neither a layer nor a raster; there are {', '.join((*LAYERS, *RASTERS))}."
        )
    return layer_spec(layer_id)


def _asked(id_: str, given: Any) -> dict[str, Any]:
    """Return a source as a dict of what is asked for."""
    asked = dict(given) if isinstance(given, Mapping) else {"path": given}
    if unknown := [str(k) for k in asked if k not in _KEYS]:
        raise UsageError(f"{id_}: {unknown[0]!r} is not understood; a source has {', '.join(_KEYS)}.")
    if not isinstance(asked.get("path"), str | Path | pd.DataFrame):
        raise UsageError(f"{id_}: a source is a path or a table, or a dict that has one as 'path'.")
    return asked


def _layer(
    spec: LayerSpec, parts: list[dict[str, Any]], target: str, on_error: OnError
) -> tuple[gpd.GeoDataFrame, tuple[ImportReport, ...]]:
    """Return the rows of all parts, by key."""
    found: list[Mapped] = []
    for asked in parts:
        source = asked["path"] if isinstance(asked["path"], pd.DataFrame) else Path(asked["path"])
        report = ImportReport(
            layer=spec.id, source=TABLE if isinstance(source, pd.DataFrame) else source.name
        )
        number = next_number(spec, (m.frame for m in found))
        how = asked.get("source_layer"), asked.get("source_crs"), asked.get("columns")
        request = Request(source, *how, first_number=number, crs=target)
        found.append(map_file(request, spec, report))
        judge(report, on_error)
    frames = [m.frame for m in found]
    if len(frames) == 1:
        return frames[0], (found[0].report,)
    whole = pd.concat(frames).sort_values(spec.key, kind="stable").reset_index(drop=True)
    if (twice := whole[spec.key].duplicated()).any():
        raise InputError(
            f"{spec.id}: the key {whole[spec.key][twice].iloc[0]!r} stands in two of its sources."
        )
    return whole, tuple(m.report for m in found)


def _raster(
    raster_id: str, parts: list[dict[str, Any]], target: str
) -> tuple[Raster, tuple[ImportReport, ...]]:
    asked = parts[0]
    if len(parts) > 1 or isinstance(asked["path"], pd.DataFrame) or not set(asked) <= {"path", "source_crs"}:
        raise UsageError(f"{raster_id} is a raster: one path, or a dict of path and source_crs.")
    path = Path(asked["path"])
    report = ImportReport(layer=raster_id, source=path.name)
    return map_raster(path, asked.get("source_crs"), report, target), (report,)
