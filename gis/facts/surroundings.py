"""Indexes over a bundle of resources, built once and used for every parcel after."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, TypeVar

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gis.crs import STORAGE_CRS, metric_area
from gis.facts.columns import Floats, Ints, Words, number, words
from gis.facts.index import FeatureIndex
from gis.facts.ragged import ORIGIN, Geometries
from gis.resources import Resources
from layers import LAYERS, TOWNSHIP_SEPARATOR

T = TypeVar("T")

POLYGON = 3
ZONE_CLASSES = ("prohibited", "restricted", "reserve")


@dataclass(frozen=True, eq=False)
class ZoneClass:
    """All zones of one class in force: their polygons, and whether any could not be placed."""

    frame: gpd.GeoDataFrame
    index: FeatureIndex
    incomplete: bool


@dataclass(eq=False)
class Surroundings:
    """Resources with their spatial indexes, made on first use; any number of threads may ask at once."""

    resources: Resources
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _made: dict[tuple[Any, ...], Future[Any]] = field(default_factory=dict, repr=False)

    def _once(self, key: tuple[Any, ...], make: Callable[[], T]) -> T:
        """Return what was made for a key; who asks first makes it, meanwhile others may make other things."""
        with self._lock:
            made: Future[T] | None = self._made.get(key)
            making = made is None
            if made is None:
                made = self._made[key] = Future()
        if making:
            try:
                made.set_result(make())
            except BaseException as error:
                with self._lock:
                    del self._made[key]
                made.set_exception(error)
        return made.result()

    def renewed(self, resources: Resources) -> Surroundings:
        """Return the surroundings of other resources; what was made of layers that are the same is kept."""
        old, new = self.resources.frames, resources.frames
        same = {layer for layer in LAYERS if old.get(layer) is new.get(layer)}
        if self.origin != (renewed := Surroundings(resources)).origin:
            return renewed
        with self._lock:
            made = {key: value for key, value in self._made.items() if same.issuperset(_made_of(key))}
        return Surroundings(resources, _made=made)

    @cached_property
    def origin(self) -> tuple[float, float]:
        """What coordinates are taken from (m, metric CRS of the bundle); of its shapes and of the parcels."""
        if self.resources.crs == STORAGE_CRS:
            return ORIGIN
        boxes = np.array([f.total_bounds for f in self.resources.frames.values() if len(f)]).reshape(-1, 4)
        placed = boxes[np.isfinite(boxes).all(axis=1)]
        west, south, east, north = placed[0] if len(placed) else metric_area(self.resources.crs)
        return round((west + east) / 2, -5), round((south + north) / 2, -5)

    def loaded(self, layer_id: str) -> bool:
        """Return whether the layer was ever loaded, be it empty."""
        return layer_id in self.resources.frames

    def frame(self, layer_id: str) -> gpd.GeoDataFrame:
        """Return the rows of a loaded layer."""
        return self.resources.frames[layer_id]

    def index(self, layer_id: str) -> FeatureIndex:
        """Return the spatial index of a loaded layer."""
        return self._once(("index", layer_id), lambda: self._indexed(layer_id, slice(None)))

    def _indexed(self, layer_id: str, rows: Any) -> FeatureIndex:
        return FeatureIndex(self._geometries(layer_id)[rows], LAYERS[layer_id].geometry, self.origin)

    def centres(self, layer_id: str) -> Geometries:
        """Return the centroids of a loaded layer."""
        made = self._once(("centres", layer_id), lambda: shapely.centroid(self._geometries(layer_id)))
        return np.asarray(made, dtype=object)

    def _geometries(self, layer_id: str) -> Geometries:
        return np.asarray(self.frame(layer_id).geometry.to_numpy(), dtype=object)

    def of_kinds(self, layer_id: str, kinds: tuple[str, ...] | None) -> tuple[FeatureIndex, Ints]:
        """Return an index over the features of some kinds, or of no stated kind, and their positions."""
        if kinds is None:
            return self.index(layer_id), np.arange(len(self.frame(layer_id)))
        kind = self.frame(layer_id)["kind"]
        position = np.flatnonzero((kind.isin(kinds) | kind.isna()).to_numpy())
        made = self._once(("kinds", layer_id, kinds), lambda: self._indexed(layer_id, position))
        return made, position

    @property
    def drillable_green(self) -> FeatureIndex:
        """Public green space without the parts where nothing may be drilled, in the order of its layer."""
        return self._once(("drillable_green",), self._drillable_green)

    def _drillable_green(self) -> FeatureIndex:
        if not self.loaded("drilling_exclusion"):
            return self.index("green_space")
        barred, free = self._geometries("drilling_exclusion"), self._geometries("green_space").copy()
        space, bar = shapely.STRtree(barred).query(free, predicate="intersects")
        touched, first = np.unique(space, return_index=True)
        # Of all that is barred only what lies at a space: the cost of a difference is that of both shapes.
        # Mostly that is one shape, which needs no union.
        own = [
            barred[bars[0]] if len(bars) == 1 else shapely.union_all(barred[bars])
            for bars in np.split(bar, first[1:])
            if len(bars)
        ]
        free[touched] = _polygons(shapely.difference(free[touched], own))
        return FeatureIndex(free, "polygon", self.origin)

    def column(self, layer_id: str, name: str) -> Floats:
        """Return a numeric column of a loaded layer as float64, NaN where missing; not to be written to."""
        return self._once(("column", layer_id, name), lambda: number(self.frame(layer_id), name))

    def words(self, layer_id: str, name: str) -> Words:
        """Return a text column of a loaded layer by codes; not to be written to."""
        return self._once(("words", layer_id, name), lambda: words(self.frame(layer_id), name))

    def intake_zones(self, zone_class: str, as_of: date) -> ZoneClass:
        """Return the water-intake zones of one class that are in force on `as_of`.

        Zones given as townships become the union of those townships; a township
        that is not on the map leaves the class incomplete.
        """
        return self._once(("zones", zone_class, as_of), lambda: self._in_force(zone_class, as_of))

    def _in_force(self, zone_class: str, as_of: date) -> ZoneClass:
        zones = self.frame("water_intake_zone")
        from_date = pd.to_datetime(zones["effective_from"])
        in_force = from_date.isna() | (from_date <= pd.Timestamp(as_of))
        return self._place(zones[(zones["zone_class"] == zone_class) & in_force])

    def _place(self, zones: gpd.GeoDataFrame) -> ZoneClass:
        geometries = np.asarray(zones.geometry.to_numpy(), dtype=object)
        incomplete = False
        for i in np.flatnonzero(shapely.is_missing(geometries)):
            geometries[i], complete = self._townships(zones["townships"].iloc[i])
            incomplete |= not complete
        placed = ~shapely.is_missing(geometries)
        return ZoneClass(zones[placed], FeatureIndex(geometries[placed], "polygon", self.origin), incomplete)

    def _townships(self, text: str | None) -> tuple[shapely.Geometry | None, bool]:
        names = [n.strip() for n in (text or "").split(TOWNSHIP_SEPARATOR) if n.strip()]
        if not self.loaded("township") or not names:
            return None, False
        frame = self.frame("township")
        # A name may stand in several districts; "通州区西集镇" says which one is meant.
        full = frame["district"].fillna("") + frame["name"].fillna("")
        wanted = frame["name"].isin(names) | full.isin(names) | frame["township_id"].isin(names)
        hit = frame[wanted]
        known = set(hit["name"]) | set(full[wanted]) | set(hit["township_id"])
        shape = shapely.union_all(hit.geometry.to_numpy()) if len(hit) else None
        return shape, all(n in known for n in names)


def _made_of(key: tuple[Any, ...]) -> tuple[str, ...]:
    """Return the layers that something is made of."""
    if key[0] == "drillable_green":
        return "green_space", "drilling_exclusion"
    return ("water_intake_zone", "township") if key[0] == "zones" else (key[1],)


def _polygons(shapes: Geometries) -> Geometries:
    """Return the polygons of what differences left, without the lines and points of a touch."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    areal = shapely.get_type_id(parts) == POLYGON
    left = np.full(len(shapes), shapely.MultiPolygon(), dtype=object)
    return np.asarray(shapely.multipolygons(parts[areal], indices=owner[areal], out=left), dtype=object)
