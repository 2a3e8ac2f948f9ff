"""Compile all kernels once: `python -m gis.warm`, part of the set-up, so that no user waits for it.

The machine code is kept beside the modules, or in the user's cache where these may not be
written to. Every kernel is compiled by what calls it: two parcels with one feature of
every layer are scored, explained and packed as the store packs them.
"""

from __future__ import annotations

import shutil
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow as pa
import shapely

from gis.compiled import KEPT_IN, ready
from gis.crs import STORAGE_EPSG
from gis.facts.columns import nothing
from gis.facts.ragged import ORIGIN, Kind
from gis.facts.simple import clearly_valid
from gis.facts.surroundings import Surroundings
from gis.facts.wkb import shapes_of
from gis.matching.allocate import allocate
from gis.matching.network import Network
from gis.matching.siting import Candidates, site
from gis.matching.worth import worth
from gis.resources import Resources
from gis.rules import load_ruleset
from gis.scoring import score
from gis.store import Around, reached
from gis.store.encode import blocks, keys_of
from gis.store.layout import CHOICES, GROUP, LISTS, NUMBERS, SHARED, WORDS
from gis.store.shared import combined
from layers import LAYERS, LayerSpec

_X, _Y = ORIGIN
_SHAPES: dict[Kind, shapely.Geometry] = {
    "point": shapely.Point(_X, _Y),
    "line": shapely.LineString([(_X, _Y), (_X + 90, _Y + 90)]),
    "polygon": shapely.box(_X - 50, _Y - 50, _X + 50, _Y + 50),
}
_FIELDS = {"land_use_code": "0701", "floor_area_ratio": 2.0, "building_density_frac": 0.3}


def _layer(spec: LayerSpec, count: int) -> gpd.GeoDataFrame:
    columns = {field.name: [_FIELDS.get(field.name)] * count for field in spec.fields}
    columns[spec.key] = [str(i) for i in range(count)]
    moved = [shapely.affinity.translate(_SHAPES[spec.geometry], 37.0 * i) for i in range(count)]
    return gpd.GeoDataFrame(columns, geometry=moved, crs=STORAGE_EPSG)


def _match() -> None:
    """Match two parcels with one source, and one more that might be built."""
    none = np.zeros(0, dtype=np.int64)
    network = Network(
        np.array([9, 9]), np.array([3, 3]), np.array([9]), np.array([0]), np.array([-1]), none,
        np.array([0, 1]), np.array([0, 0]), np.array([9, 9]), np.array([1, 2]),
    )  # fmt: skip
    allocation = allocate(network)
    worth(network, allocation)
    site(network, allocation, Candidates(*(np.array([value]) for value in (9, 0, 1, 0, 9, 1))), 1)


def main() -> None:
    """Compile what is not yet compiled, and drop the machine code of other sources."""
    for other in KEPT_IN.parent.glob("kernels-*"):
        if other != KEPT_IN:
            shutil.rmtree(other)
    frames = {layer: _layer(spec, 1) for layer, spec in LAYERS.items() if layer != "parcel"}
    # Aside, or it would bar all green space and leave nothing to be measured.
    barred = frames["drilling_exclusion"]
    frames["drilling_exclusion"] = barred.set_geometry(barred.translate(-70.0))
    parcels = _layer(LAYERS["parcel"], 2)
    around = Surroundings(Resources(frames, dict.fromkeys(frames, 1)))
    result = score(parcels, around, load_ruleset())
    result.explain("0")
    boxes, own_m = np.zeros((1, 4), dtype=np.float32), np.zeros((1, 1), dtype=np.float32)
    reached(["heat_network"], boxes, own_m, [Around((0.0, 0.0, 0.0, 0.0), 0.0, "heat_network")])
    for kind, shape in _SHAPES.items():
        read = shapes_of(pa.array([shapely.to_wkb(shape)]), kind)
    clearly_valid(read)
    columns: dict[str, Any] = {name: np.zeros(2) for name in NUMBERS} | dict.fromkeys(WORDS, nothing(2))
    group = next(iter(SHARED))
    columns |= dict.fromkeys((*WORDS, *LISTS, *CHOICES, *SHARED), combined(group, columns, lambda *_: 1))
    list(blocks(keys_of(["0", "1"]), {name: columns[name] for name in columns if name not in GROUP}))
    _match()
    ready()


if __name__ == "__main__":
    main()
