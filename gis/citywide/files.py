"""Matching runs and sites as files: a GeoPackage for maps, tables for a spreadsheet, a summary as JSON."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gis.citywide.match import Match
from gis.citywide.sites import Sites
from gis.crs import STORAGE_EPSG
from gis.errors import InputError
from gis.export.formats import UNWRITABLE
from gis.resources import Resources
from layers import LAYERS

GEOPACKAGE, SUMMARY = "match.gpkg", "summary.json"
SourceShapes = dict[tuple[str, str], Any]


def write_files(found: Match, parcels: gpd.GeoDataFrame, resources: Resources, folder: Path) -> list[Path]:
    """Write a run into a new or empty folder, whole or not at all; return the files.

    match.gpkg holds `match_parcel` (polygons), `match_connection` (from the parcel straight to
    its source) and `match_source` (a point on each), in EPSG:4548; sources.csv and parcels.csv
    the same rows without shapes, segments.csv the mains from tap to tap, in UTF-8 with a mark for
    spreadsheets. `parcels` has the outlines of the matched parcels. Raises InputError when the
    folder holds something or cannot be written.
    """
    return filled(folder, lambda beside: _write(found, parcels, resources, beside))


def filled(folder: Path, write: Callable[[Path], None]) -> list[Path]:
    """Make a folder of what `write` puts into one beside it, whole or not at all; return the files.

    Raises InputError when the folder holds something or cannot be written.
    """
    refuse_filled(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            write(beside)
            beside.chmod(0o755)
            beside.replace(folder)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
    except UNWRITABLE as error:
        told = getattr(error, "strerror", None) or error
        raise InputError(f"{folder} cannot be written: {told}.") from error
    return sorted(folder.iterdir())


def refuse_filled(folder: Path) -> None:
    """Raise InputError where something else than an empty folder is there."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there already and not an empty folder: choose another name.")


def _write(found: Match, parcels: gpd.GeoDataFrame, resources: Resources, folder: Path) -> None:
    outlines = parcels.set_index("parcel_id").geometry
    places = _source_shapes(resources)
    target = folder / GEOPACKAGE
    layers = {
        "match_parcel": _shaped(found.parcels, outlines.reindex(found.parcels["parcel_id"]), parcels),
        "match_connection": _connections(found, outlines, places, parcels),
        "match_source": _shaped(
            found.sources, shapely.point_on_surface(_of_sources(found.sources, places)), parcels
        ),
    }
    for name, frame in layers.items():
        frame.to_file(target, driver="GPKG", engine="pyogrio", layer=name)
    found.sources.to_csv(folder / "sources.csv", index=False, encoding="utf-8-sig")
    found.segments.to_csv(folder / "segments.csv", index=False, encoding="utf-8-sig")
    found.parcels.to_csv(folder / "parcels.csv", index=False, encoding="utf-8-sig")
    _write_summary(found, {}, folder)


def write_sites(found: Sites, folder: Path) -> list[Path]:
    """Write sites into a new or empty folder, whole or not at all; return the files.

    sites.gpkg holds all candidates as points in EPSG:4548 in the layer `site`, sites.csv the same rows in
    UTF-8 with a mark for spreadsheets, summary.json what they come to. Raises InputError as `write_files`.
    """

    def write(beside: Path) -> None:
        rows = found.places
        points = gpd.GeoDataFrame(rows, geometry=shapely.points(rows[["x_m", "y_m"]]), crs=STORAGE_EPSG)
        points.to_file(beside / "sites.gpkg", driver="GPKG", engine="pyogrio", layer="site")
        rows.to_csv(beside / "sites.csv", index=False, encoding="utf-8-sig")
        _write_summary(found, {"plan": found.plan.settings()}, beside)

    return filled(folder, write)


def _write_summary(found: Match | Sites, more: dict[str, Any], folder: Path) -> None:
    told = {
        "scenario": found.scenario.name,
        "settings": found.scenario.settings(),
        **more,
        "ruleset": {
            "id": found.ruleset.id,
            "as_of": found.ruleset.as_of.isoformat(),
            "hash": found.ruleset.hash,
        },
        "data_versions": dict(found.data_versions),
        **found.summary,
    }
    (folder / SUMMARY).write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _shaped(rows: pd.DataFrame, shapes: object, parcels: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(rows.reset_index(drop=True), geometry=np.asarray(shapes), crs=parcels.crs)


def _source_shapes(resources: Resources) -> SourceShapes:
    """Return the outlines of all features by layer and key."""
    return {
        (layer, key): shape
        for layer, frame in resources.frames.items()
        for key, shape in zip(frame[LAYERS[layer].key], frame.geometry, strict=True)
    }


def _of_sources(rows: pd.DataFrame, places: SourceShapes) -> npt.NDArray[np.object_]:
    found = np.full(len(rows), None, dtype=object)
    found[:] = [places.get(key) for key in zip(rows["source_layer"], rows["source_id"], strict=True)]
    return found


def _connections(
    found: Match, outlines: gpd.GeoSeries, places: SourceShapes, parcels: gpd.GeoDataFrame
) -> gpd.GeoDataFrame:
    rows = found.connections
    ends = np.asarray(outlines.reindex(rows["parcel_id"]), dtype=object)
    return _shaped(rows, shapely.shortest_line(ends, _of_sources(rows, places)), parcels)
