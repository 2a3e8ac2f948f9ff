"""What is drawn of rows: shapes in the coordinate system of a package, where they lie, and their areas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from gis.crs import STORAGE_EPSG, Geometries, reproject
from gis.export.ellipsoid import ellipsoidal_area_m2
from gis.export.model import Crs
from gis.export.places import Districts

_STORED = f"EPSG:{STORAGE_EPSG}"


@dataclass(frozen=True, eq=False)
class Drawn:
    """Shapes of rows as WKB with their bounds (n, 4), both in the package's coordinate system.

    `codes` and `names` are those of the districts, `area_m2` is NaN for what is no polygon.
    """

    wkb: pa.Array
    bounds: npt.NDArray[np.float64]
    area_m2: npt.NDArray[np.float64]
    codes: pa.Array
    names: pa.Array

    def taken(self, places: npt.NDArray[np.int64]) -> Drawn:
        """Return what is drawn of some rows."""
        at = pa.array(places)
        return Drawn(
            self.wkb.take(at),
            self.bounds[places],
            self.area_m2[places],
            self.codes.take(at),
            self.names.take(at),
        )


class Drawing:
    """Draws rows for one package; outlines of parcels are worked out once, whatever is told of them."""

    def __init__(self, crs: Crs, districts: Districts) -> None:
        self._crs, self._districts = crs, districts
        self._pieces: list[tuple[pa.Array, Drawn]] = []
        self._parcels: tuple[Mapping[str, int], Drawn] | None = None

    def of(self, shapes: Geometries, named: pa.Array | None) -> Drawn:
        """Return what is drawn of shapes in EPSG:4548, none missing; `named` as `Districts.of` has it."""
        moved = shapes if self._crs == _STORED else reproject(shapes, _STORED, self._crs)
        codes, names = self._districts.of(shapes, named)
        area_m2 = ellipsoidal_area_m2(shapes)
        wkb = pa.array(shapely.to_wkb(_of_parts(moved)), pa.binary())
        return Drawn(wkb, shapely.bounds(moved), area_m2, codes, names)

    def nothing(self, count: int) -> Drawn:
        """Return what is drawn of rows of which nothing is."""
        none = pa.nulls(count, pa.string())
        return Drawn(
            pa.nulls(count, pa.binary()), np.full((count, 4), np.nan), np.full(count, np.nan), none, none
        )

    def keep(self, parcels: pa.Array, drawn: Drawn) -> None:
        """Remember the outlines of parcels."""
        self._pieces.append((parcels, drawn))

    @property
    def knows_parcels(self) -> bool:
        """Whether the outlines of parcels are at hand."""
        return bool(self._pieces)

    def of_parcels(self, parcels: pa.Array) -> tuple[Drawn, npt.NDArray[np.int64]]:
        """Return what is drawn of parcels, and the places of those of them that have an outline."""
        places, drawn = self._all()
        found = np.fromiter((places.get(i, -1) for i in parcels.to_pylist()), np.int64, len(parcels))
        there = np.flatnonzero(found >= 0)
        return drawn.taken(found[there]), there

    def _all(self) -> tuple[Mapping[str, int], Drawn]:
        if self._parcels is None:
            every = [drawn for _, drawn in self._pieces]
            whole = Drawn(
                pa.concat_arrays([d.wkb for d in every]),
                np.concatenate([d.bounds for d in every]),
                np.concatenate([d.area_m2 for d in every]),
                pa.concat_arrays([d.codes for d in every]),
                pa.concat_arrays([d.names for d in every]),
            )
            ids = (parcel_id for piece, _ in self._pieces for parcel_id in piece.to_pylist())
            self._parcels = {parcel_id: place for place, parcel_id in enumerate(ids)}, whole
            self._pieces = [(pa.array([], pa.string()), whole)]
        return self._parcels


def _of_parts(shapes: Geometries) -> Geometries:
    """Return lines and polygons as shapes of parts: a layer has one kind."""
    out = shapes.copy()
    for kind, gathered in ((1, shapely.multilinestrings), (3, shapely.multipolygons)):
        single = np.flatnonzero(shapely.get_type_id(shapes) == kind)
        if len(single):
            gathered(
                shapes[single], indices=np.arange(len(single)), out=(parts := np.empty(len(single), object))
            )
            out[single] = parts
    return out
