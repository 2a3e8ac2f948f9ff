"""The layers and rasters that surround the parcels, as one immutable bundle for the scoring engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import geopandas as gpd
import numpy as np
import numpy.typing as npt

from gis.crs import STORAGE_CRS, is_crs
from gis.errors import InputError
from layers import LAYERS, RASTERS

if TYPE_CHECKING:
    from gis.ingest import ImportReport

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Raster:
    """Values by cell of a grid whose rows run from west to east, the northernmost first.

    values  (rows, columns), float32 or float64; NaN where a cell has no value
    bounds  west, south, east, north of the whole grid, in `crs`
    crs     any text that pyproj understands; x is east
    """

    values: npt.NDArray[np.floating[Any]]
    bounds: tuple[float, float, float, float]
    crs: str


@dataclass(frozen=True, eq=False)
class Resources:
    """Loaded layers and rasters by id, without the parcels.

    A layer that is absent was never loaded and makes what depends on it unknown;
    a layer with no rows was loaded and holds nothing.

    frames    layer -> its rows, with the columns of the `LayerSpec` and `geometry` in `crs`, sorted by key
    versions  layer or raster -> a number that counts up when it changes
    rasters   raster -> its cells
    crs       the metric CRS that all is measured in, `EPSG:n`; a store holds EPSG:4548 only
    reports   layer or raster -> the accounts of what `from_files` read, rejected, repaired and warns of

    Raises InputError for an id that is not declared, a table without its key or shapes, and a table
    in another CRS.
    """

    frames: Mapping[str, gpd.GeoDataFrame]
    versions: Mapping[str, int]
    rasters: Mapping[str, Raster] = field(default_factory=dict)
    crs: str = STORAGE_CRS
    reports: Mapping[str, tuple[ImportReport, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        for layer_id, frame in self.frames.items():
            if layer_id not in LAYERS:
                raise InputError(f"{layer_id!r} is not a layer; the layers are {', '.join(LAYERS)}")
            missing = {LAYERS[layer_id].key, "geometry"} - set(frame.columns)
            if missing:
                raise InputError(f"layer {layer_id}: the table lacks {', '.join(sorted(missing))}")
            if frame.crs is not None and not is_crs(frame.crs, self.crs):
                raise InputError(
                    f"layer {layer_id}: the table is in {frame.crs.to_string()} and the bundle in "
                    f"{self.crs}; reproject it, or give it to Resources.from_files."
                )
        for layer_id in self.rasters:
            if layer_id not in RASTERS:
                raise InputError(f"{layer_id!r} is not a raster; the rasters are {', '.join(RASTERS)}")

    @classmethod
    def from_files(
        cls,
        sources: Mapping[str, Any],
        *,
        crs: str = STORAGE_CRS,
        on_error: Literal["reject", "abort"] = "reject",
        progress: Callable[[int, int, str], None] | None = None,
    ) -> Resources:
        """Read layers and rasters of files or tables into a bundle, without any database.

        Parameters
        ----------
        sources : layer or raster -> where its data is: a path; a GeoDataFrame or DataFrame; a dict of
            `path` (or a table) and any of `source_crs`, `columns`, `source_layer`, as `gis.read_mapped`
            takes them; or a list of such, which are put together. A raster is a path, or a dict of
            `path` and `source_crs`.
        crs : the metric CRS to measure in; EPSG:4548 is that of the store and of Beijing.
        on_error : `reject` leaves out rows that fail a check, `abort` fails on the first.
        progress : called with (sources done, sources in all, what comes next).

        Returns
        -------
        Resources
            With `reports`, which tell what was recognised, repaired, rejected and warned of.

        Raises
        ------
        InputError
            A source is not usable as a whole, a row failed and `on_error` is `abort`, or `crs` is none to
            measure in.
        UsageError
            An id or a key of a dict is not known.

        Examples
        --------
        In the folder of the sample:

        >>> around = gis.Resources.from_files(
        ...     {
        ...         "district": "district.geojson",
        ...         "wastewater_plant": {"path": "wastewater_plant.csv", "source_crs": "EPSG:4326"},
        ...     }
        ... )
        >>> sorted(around.frames), around.crs
        (['district', 'wastewater_plant'], 'EPSG:4548')
        >>> [(report.source, report.rows_rejected) for report in around.reports["district"]]
        [('district.geojson', 0)]
        """
        from gis.ingest.bundle import read_bundle  # on a floor above; only who reads files needs it

        return read_bundle(sources, crs, on_error, progress)

    def without(self, *layer_ids: str) -> Resources:
        """Return the bundle as if `layer_ids` had never been loaded."""

        def kept(held: Mapping[str, T]) -> dict[str, T]:
            return {i: one for i, one in held.items() if i not in layer_ids}

        return replace(
            self,
            frames=kept(self.frames),
            versions=kept(self.versions),
            rasters=kept(self.rasters),
            reports=kept(self.reports),
        )

    def replace(self, layer_id: str, frame: gpd.GeoDataFrame) -> Resources:
        """Return the bundle with `layer_id` holding `frame`, its version counted up."""
        return replace(
            self,
            frames={**self.frames, layer_id: frame},
            versions={**self.versions, layer_id: self.versions.get(layer_id, 0) + 1},
        )
