"""Indexes over a bundle of resources, built once and used for every parcel after."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import date

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gis.facts.columns import Floats, Texts, Words, number, text
from gis.facts.spatial import FeatureIndex
from gis.resources import Resources
from layers import TOWNSHIP_SEPARATOR

ZONE_CLASSES = ("prohibited", "restricted", "reserve")


@dataclass(frozen=True, eq=False)
class ZoneClass:
    """All zones of one class in force: their polygons, and whether any could not be placed."""

    frame: gpd.GeoDataFrame
    index: FeatureIndex
    incomplete: bool


@dataclass(eq=False)
class Surroundings:
    """Resources with their spatial indexes, made on first use.

    `lock` must be held while indexes are queried: they are not thread-safe.
    """

    resources: Resources
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _indexes: dict[str, FeatureIndex] = field(default_factory=dict, repr=False)
    _zones: dict[tuple[str, date], ZoneClass] = field(default_factory=dict, repr=False)
    _columns: dict[tuple[str, str], Floats] = field(default_factory=dict, repr=False)
    _texts: dict[tuple[str, str], Texts] = field(default_factory=dict, repr=False)
    _words: dict[tuple[str, str], Words] = field(default_factory=dict, repr=False)

    def loaded(self, layer_id: str) -> bool:
        """Return whether the layer was ever loaded, be it empty."""
        return layer_id in self.resources.frames

    def frame(self, layer_id: str) -> gpd.GeoDataFrame:
        """Return the rows of a loaded layer."""
        return self.resources.frames[layer_id]

    def index(self, layer_id: str) -> FeatureIndex:
        """Return the spatial index of a loaded layer."""
        if layer_id not in self._indexes:
            shapes = np.asarray(self.frame(layer_id).geometry.to_numpy(), dtype=object)
            self._indexes[layer_id] = FeatureIndex(shapes)
        return self._indexes[layer_id]

    def of_kinds(
        self, layer_id: str, kinds: tuple[str, ...] | None
    ) -> tuple[FeatureIndex, npt.NDArray[np.int64]]:
        """Return an index over the features of some kinds, or of no stated kind, and their positions."""
        if kinds is None:
            return self.index(layer_id), np.arange(len(self.frame(layer_id)))
        key = f"{layer_id}:{','.join(kinds)}"
        kind = self.frame(layer_id)["kind"]
        position = np.flatnonzero((kind.isin(kinds) | kind.isna()).to_numpy())
        if key not in self._indexes:
            self._indexes[key] = FeatureIndex(self.index(layer_id).geometries[position])
        return self._indexes[key], position

    @property
    def drillable_green(self) -> FeatureIndex:
        """Public green space without the parts where nothing may be drilled, in the order of its layer."""
        if "drillable_green" not in self._indexes:
            spaces = self.index("green_space")
            if self.loaded("drilling_exclusion") and len(self.index("drilling_exclusion").geometries):
                barred = shapely.union_all(self.index("drilling_exclusion").geometries)
                shapely.prepare(barred)
                touched = shapely.intersects(barred, spaces.geometries)
                free = spaces.geometries.copy()
                free[touched] = shapely.difference(free[touched], barred)
                spaces = FeatureIndex(free)
            self._indexes["drillable_green"] = spaces
        return self._indexes["drillable_green"]

    def column(self, layer_id: str, name: str) -> Floats:
        """Return a numeric column of a loaded layer as float64, NaN where missing; not to be written to."""
        key = (layer_id, name)
        if key not in self._columns:
            self._columns[key] = number(self.frame(layer_id), name)
        return self._columns[key]

    def texts(self, layer_id: str, name: str) -> npt.NDArray[np.object_]:
        """Return a text column of a loaded layer, None where missing; not to be written to."""
        key = (layer_id, name)
        if key not in self._texts:
            self._texts[key] = text(self.frame(layer_id), name)
        return self._texts[key]

    def words(self, layer_id: str, name: str) -> Words:
        """Return a text column of a loaded layer by codes; not to be written to."""
        key = (layer_id, name)
        if key not in self._words:
            self._words[key] = Words.of(self.texts(layer_id, name))
        return self._words[key]

    def intake_zones(self, zone_class: str, as_of: date) -> ZoneClass:
        """Return the water-intake zones of one class that are in force on `as_of`.

        Zones given as townships become the union of those townships; a township
        that is not on the map leaves the class incomplete.
        """
        key = (zone_class, as_of)
        if key not in self._zones:
            zones = self.frame("water_intake_zone")
            from_date = pd.to_datetime(zones["effective_from"])
            in_force = from_date.isna() | (from_date <= pd.Timestamp(as_of))
            self._zones[key] = self._place(zones[(zones["zone_class"] == zone_class) & in_force])
        return self._zones[key]

    def _place(self, zones: gpd.GeoDataFrame) -> ZoneClass:
        geometries = np.asarray(zones.geometry.to_numpy(), dtype=object)
        incomplete = False
        for i in np.flatnonzero(shapely.is_missing(geometries)):
            geometries[i], complete = self._townships(zones["townships"].iloc[i])
            incomplete |= not complete
        placed = ~shapely.is_missing(geometries)
        return ZoneClass(zones[placed], FeatureIndex(geometries[placed]), incomplete)

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
