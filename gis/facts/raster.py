"""Means of rasters over parcels: every cell counts by the share of it that a parcel covers.

What counts as what:
- Parcels go to the raster, never the other way: their corners are brought into its coordinate system and
  joined by straight lines there.
- Cells without a value, and ground beyond the raster, are left out of the mean. A parcel that covers no
  cell with a value has none.
- Coverage is exact (exactextract), so that a parcel smaller than a cell has the value of that cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from exactextract import Feature, FeatureSource, Operation, Writer, exact_extract
from exactextract.raster import NumPyRasterSource

from gis.crs import STORAGE_CRS, reproject
from gis.facts.ragged import Floats, Geometries, Shapes
from gis.resources import Raster


def raster_means(rasters: Mapping[str, Raster], shapes: Shapes, crs: str = STORAGE_CRS) -> dict[str, Floats]:
    """Return by raster the mean of its values over every shape (in `crs`), NaN where it has none there.

    Rasters on the same grid are gone through together. Any number of threads may ask at once.
    """
    grids: dict[tuple[Any, ...], list[str]] = {}
    for name, raster in rasters.items():
        grids.setdefault((raster.crs, raster.bounds, raster.values.shape), []).append(name)
    if not grids:
        return {}
    stored = _multipolygons(shapes)
    means: dict[str, Floats] = {}
    for (of_raster, *_), names in grids.items():
        placed = reproject(stored, crs, of_raster)
        # What the coordinate system of a raster cannot show is not on it; GEOS crashes on infinite places.
        placed[~np.isfinite(shapely.bounds(placed)).all(axis=1)] = shapely.MultiPolygon()
        found = statistics({name: rasters[name] for name in names}, placed, ("mean",))
        means |= {name: values for (name, _), values in found.items()}
    return means


def _multipolygons(shapes: Shapes) -> Geometries:
    """Return polygons as geometry objects in their metric CRS."""
    first, last = shapes.shapes[0], shapes.shapes[-1]
    offsets = shapes.rings[first : last + 1]
    xy = shapes.xy[offsets[0] : offsets[-1]] + np.asarray(shapes.origin)
    offsets, held = offsets - offsets[0], shapes.shapes - first
    rings = shapely.linearrings(xy, indices=np.repeat(np.arange(len(offsets) - 1), np.diff(offsets)))
    # A shell is followed by its holes; the first ring of a shape is a shell even if it has no area.
    shells = shapely.is_ccw(rings)
    shells[held[:-1][np.diff(held) > 0]] = True
    parts = np.append(np.flatnonzero(shells), len(rings))
    whole = np.searchsorted(parts, held)
    made = shapely.from_ragged_array(shapely.GeometryType.MULTIPOLYGON, xy, (offsets, parts, whole))
    return np.asarray(made, dtype=object)


def statistics(
    rasters: Mapping[str, Raster], placed: Geometries, wanted: Sequence[str]
) -> dict[tuple[str, str], Floats]:
    """Return statistics of rasters on one grid over shapes in its coordinate system.

    `wanted` are names of exactextract's operations, such as `mean`, `sum` (of values times the covered
    share of their cells) or `count` (of those shares). Keys are raster and operation, values one a shape.
    """
    sources = {name: NumPyRasterSource(r.values, *r.bounds, name=name) for name, r in rasters.items()}
    asked = {f"{name} {what}": (name, what) for name in sources for what in wanted}
    found = _Columns(asked)
    exact_extract(
        list(sources.values()),
        _Outlines(placed),
        [Operation(what, column, sources[name]) for column, (name, what) in asked.items()],
        # Feature by feature it would come back for a window of every raster: several times as slow.
        strategy="raster-sequential",
        output=_Rows(found),
    )
    return {asked[column]: np.array(values, dtype=np.float64) for column, values in found.values.items()}


class _Outline(Feature):  # type: ignore[misc]  # the package has no types
    """One shape, as bytes that need no parsing by Python."""

    def __init__(self, wkb: bytes) -> None:
        super().__init__()
        self._wkb = wkb

    def geometry(self) -> bytes:
        return self._wkb

    def fields(self) -> list[str]:
        return []


class _Outlines(FeatureSource):  # type: ignore[misc]
    """Shapes, which are asked for once, in their order."""

    def __init__(self, shapes: Geometries) -> None:
        super().__init__()
        self._wkb = shapely.to_wkb(shapes)

    def count(self) -> int:
        return len(self._wkb)

    def __iter__(self) -> Iterator[_Outline]:
        return map(_Outline, self._wkb)

    def srs_wkt(self) -> None:
        return None


class _Columns(Feature):  # type: ignore[misc]
    """Takes the results of one shape after the other, by name."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__()
        self.values: dict[str, list[float]] = {name: [] for name in names}
        self._rows = 0

    def set(self, name: str, value: float) -> None:
        self.values[name].append(value)

    def set_geometry(self, geometry: None) -> None:
        """Results have no shape."""

    def close_row(self) -> None:
        """End the results of a shape: those without a value, as the least of no cells, are not told."""
        self._rows += 1
        for values in self.values.values():
            if len(values) < self._rows:
                values.append(np.nan)


class _Rows(Writer):  # type: ignore[misc]
    """Hands on the results, which come in the order of the shapes."""

    def __init__(self, columns: _Columns) -> None:
        super().__init__()
        self._columns = columns

    def add_operation(self, operation: Operation) -> None:
        """Nothing to be done: the columns are there."""

    def write(self, feature: Feature) -> None:
        feature.copy_to(self._columns)
        self._columns.close_row()

    def finish(self) -> None:
        """Nothing to be done."""

    def features(self) -> None:
        """Nothing to be told."""
