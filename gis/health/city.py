"""The city that layers are held against: its outline, its districts, and points all over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import shapely

from gis.crs import Floats, Geometries, stack
from gis.ingest.datum import built_in_outlines
from gis.store import Moment
from layers import Text

POINTS = 1_000
"""Points of a district, about, on which the share that a layer covers is estimated: to some 2 %."""

_BUILT_IN = Text(zh="程序自带的北京市区界", en="the built-in district outlines of Beijing")
_OUTLINES: Mapping[str, Text] = {
    "district": Text(zh="已导入的区界", en="the districts that are loaded"),
    "township": Text(zh="已导入的乡镇街道", en="the townships that are loaded"),
}
"""Layers whose union may be the city, the first that is loaded."""


@dataclass(frozen=True, eq=False)
class District:
    """One district; `xy` are points of a grid inside it, in m of EPSG:4548."""

    district_id: str
    name: Text
    area_m2: float
    xy: Floats


@dataclass(frozen=True, eq=False)
class City:
    """What is loaded of districts and townships, as shapes in EPSG:4548 by layer; names by layer."""

    shapes: Mapping[str, Geometries]
    names: Mapping[str, frozenset[str]]
    districts: tuple[District, ...]

    @cached_property
    def outline(self) -> tuple[Text, Any] | None:
        """The union of the districts, or else of the townships, with its name; None without either."""
        for layer, name in _OUTLINES.items():
            if len(self.shapes.get(layer, ())):
                whole = shapely.union_all(self.shapes[layer])
                shapely.prepare(whole)
                return name, whole
        return None

    @cached_property
    def xy(self) -> Floats:
        """The points of all districts, one district after the other."""
        return np.concatenate([d.xy for d in self.districts]) if self.districts else np.empty((0, 2))

    def references(self, layer: str) -> list[tuple[str, Geometries]]:
        """Return outlines that those of a layer may follow, by the names that `reference_title` knows."""
        loaded = [(name, shapes) for name, shapes in self.shapes.items() if len(shapes) and name != layer]
        # Townships follow districts, and not the other way round.
        loaded = [] if layer == "district" else loaded
        return [("", built_in_outlines()[1]), *loaded]


def reference_title(name: str) -> Text:
    """Return how outlines of `City.references` are called."""
    return _OUTLINES.get(name, _BUILT_IN)


def city_of(moment: Moment) -> City:
    """Return the city as it is loaded at a moment; what is not loaded is absent."""
    frames = {layer: moment.layer(layer) for layer in _OUTLINES if layer in moment.versions}
    shapes = {layer: _sound(stack(frame.geometry)) for layer, frame in frames.items()}
    names = {layer: frozenset(frame["name"].dropna()) for layer, frame in frames.items()}
    rows = frames["district"].itertuples() if "district" in frames else ()
    return City(shapes, names, tuple(d for row in rows if (d := _district(row)) is not None))


def _sound(shapes: Geometries) -> Geometries:
    """Return the shapes that are there, invalid ones mended: they are told of where they are checked."""
    there = shapes[~shapely.is_missing(shapes)]
    broken = ~shapely.is_valid(there)
    there[broken] = shapely.make_valid(there[broken])
    return np.asarray(there, dtype=object)


def _district(row: Any) -> District | None:
    [shape] = _sound(np.array([row.geometry], dtype=object)) if row.geometry is not None else [None]
    area = float(shapely.area(shape)) if shape is not None else 0.0
    if area <= 0:
        return None
    zh = row.district_id if pd.isna(row.name) else row.name
    name = Text(zh=zh, en=zh if pd.isna(row.name_en) else row.name_en)
    return District(row.district_id, name, area, _grid(shape, area))


def _grid(shape: Any, area_m2: float) -> Floats:
    """Return about `POINTS` points of a square grid inside a shape, one inside of it at least."""
    west, south, east, north = shape.bounds
    pitch = (area_m2 / POINTS) ** 0.5
    x, y = np.meshgrid(np.arange(west + pitch / 2, east, pitch), np.arange(south + pitch / 2, north, pitch))
    shapely.prepare(shape)
    inside = shapely.contains_xy(shape, x, y)
    if not inside.any():
        return np.asarray(shapely.get_coordinates(shapely.point_on_surface(shape)))
    return np.column_stack([x[inside], y[inside]])
