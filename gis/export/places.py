"""In which district a row is: by the name that it has, else by where it lies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from gis.crs import Geometries


@dataclass(frozen=True)
class District:
    """A district by its code and name."""

    code: str
    name: str | None


class Districts:
    """The districts of the store, to be looked up by name and by place."""

    def __init__(self, frame: gpd.GeoDataFrame | None) -> None:
        known = gpd.GeoDataFrame({"district_id": [], "name": []}, geometry=[]) if frame is None else frame
        self._codes = pa.array(known["district_id"].to_numpy(dtype=object), pa.string())
        self._names = pa.array(known["name"].to_numpy(dtype=object), pa.string())
        self._shapes = known.geometry.to_numpy()

    def __iter__(self) -> Iterator[District]:
        """Yield the districts in the order of their codes."""
        for code, name in zip(self._codes.to_pylist(), self._names.to_pylist(), strict=True):
            yield District(code, name)

    def of(self, shapes: Geometries, named: pa.Array | None) -> tuple[pa.Array, pa.Array]:
        """Return codes and names of the districts of rows, null where they are in none.

        A row has the district that it names; where it names none that is known, the one that a point
        inside it lies in.
        """
        place = np.full(len(shapes), -1, dtype=np.int64)
        if named is not None:
            found = pc.index_in(named, value_set=self._names, skip_nulls=True)
            place = found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        missing = np.flatnonzero((place < 0) & ~shapely.is_missing(shapes))
        inside, district = self._around(shapes[missing])
        place[missing[inside]] = district
        taken = pa.array(place, mask=place < 0)
        codes, names = self._codes.take(taken), self._names.take(taken)
        # A name stays, be its district not among those that are known.
        return codes, names if named is None else pc.coalesce(names, named)

    def _around(self, shapes: Geometries) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        # Shapes that are asked about are prepared, those in the tree are not: districts have many vertices.
        tree = shapely.STRtree(shapely.point_on_surface(shapes))
        district, row = tree.query(self._shapes, predicate="intersects")
        # On a border the first counts.
        order = np.lexsort((district, row))
        first, at = np.unique(row[order], return_index=True)
        return first, district[order][at]
