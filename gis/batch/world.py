"""What all parcels of a run are judged by: in memory, or in a file that the workers of a machine share.

The indexes of a large region take long to make and gigabytes to hold. They are made once, by who starts the
run, and kept as plain arrays that workers map into memory: only what their parcels lie near is read.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import pickle
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa

from gis.errors import InputError
from gis.facts.columns import Attributes
from gis.facts.ragged import Shapes
from gis.facts.surroundings import Surroundings
from gis.resources import Raster, Resources
from gis.rules import RuleSet
from gis.rules.loader import content_json, parse_ruleset
from gis.scoring.inputs import gather, prepare
from gis.staleness import software
from gis.writing import replacing

T = TypeVar("T")
ARRAYS, REST = "world.arrays", "world.pickle"
_ALIGNED = 64  # bytes: compiled loops know arrays that begin at such a place


@dataclass(frozen=True, eq=False)
class World:
    """Surroundings and rules of a run."""

    around: Surroundings
    ruleset: RuleSet

    @classmethod
    def of(cls, resources: Resources, ruleset: RuleSet) -> World:
        """Return them with all indexes made ready."""
        around = Surroundings(resources)
        prepare(around, ruleset)
        if around.loaded("district"):
            around.centres("district")
        nobody = Shapes.of(np.empty(0, dtype=object), "polygon", around.origin)
        gather(Attributes(0, {}), nobody, around, ruleset)
        return cls(around, ruleset)

    @property
    def said(self) -> dict[str, Any]:
        """What results tell of how they came about."""
        return {
            "ruleset": self.ruleset.told(),
            "data_versions": dict(self.around.resources.versions),
            "software": software(),
        }


def digests(resources: Resources) -> dict[str, str]:
    """Return by layer and raster the SHA-256 of its content."""
    sums = {layer: _table_digest(frame) for layer, frame in resources.frames.items()}
    return dict(sorted((sums | {name: _raster_digest(r) for name, r in resources.rasters.items()}).items()))


def keep(world: World, folder: Path) -> None:
    """Write a world into a folder, whole or not at all."""
    around, ruleset = world.around, world.ruleset
    state = {
        "made": [(key, made.result()) for key, made in around._made.items()],
        "tables": {layer: _lean(frame) for layer, frame in around.resources.frames.items()},
        "versions": dict(around.resources.versions),
        "crs": around.resources.crs,
        "origin": around.origin,
        "rasters": dict(around.resources.rasters),
        "software": software("batch"),
        "rules": content_json(ruleset),
        "as_of": ruleset.as_of.isoformat(),
    }
    buffers: list[pickle.PickleBuffer] = []
    content = pickle.dumps(state, protocol=5, buffer_callback=buffers.append)
    places: list[tuple[int, int]] = []
    with replacing(folder / ARRAYS) as temporary, temporary.open("wb") as out:
        for buffer in buffers:
            out.write(bytes(-out.tell() % _ALIGNED))
            places.append((out.tell(), out.write(buffer.raw())))
        out.write(bytes(_ALIGNED))  # an empty file cannot be mapped
    with replacing(folder / REST) as temporary:
        temporary.write_bytes(pickle.dumps((places, content), protocol=5))


@lru_cache(maxsize=1)
def kept(folder: Path, _digest: str) -> World:
    """Return what was kept in a folder; a process reads it once. The digest tells contents apart.

    Raises InputError where another version of the program kept it: its verdicts may differ.
    """
    places, content = pickle.loads((folder / REST).read_bytes())
    with (folder / ARRAYS).open("rb") as file:
        # A private map: arrays may be written to, as everywhere, and no other worker sees it.
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    state = pickle.loads(content, buffers=[mapped[at : at + length] for at, length in places])
    if state["software"] != (ours := software("batch")):
        raise InputError(
            f"The run was started by {state['software']}, and a worker is {ours}; give all the same."
        )
    texts = {name: text.encode() for name, text in state["rules"].items()}
    crs = state["crs"]
    frames = {layer: _without_outlines(table, crs) for layer, table in state["tables"].items()}
    around = Prepared(Resources(frames, state["versions"], state["rasters"], crs), state["origin"])
    for key, value in state["made"]:
        around._made[key] = Future()
        around._made[key].set_result(value)
    return World(around, parse_ruleset(texts, date.fromisoformat(state["as_of"])))


class Prepared(Surroundings):
    """Surroundings that were kept: all indexes are there, the outlines that they were made of are not."""

    def __init__(self, resources: Resources, origin: tuple[float, float]) -> None:
        super().__init__(resources)
        self.origin = origin

    def _once(self, key: tuple[Any, ...], make: Callable[[], T]) -> T:
        if key not in self._made and key[0] not in ("column", "words"):
            raise LookupError(f"{key} is not among what was made ready for the workers")
        return super()._once(key, make)


def _lean(frame: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the columns of a layer without outlines, texts as arrays of bytes."""
    table = pd.DataFrame(frame.drop(columns="geometry"))
    texts = [name for name in table if pd.api.types.infer_dtype(table[name], skipna=True) == "string"]
    return table.astype(dict.fromkeys(texts, "str"))


def _without_outlines(table: pd.DataFrame, crs: str) -> gpd.GeoDataFrame:
    nowhere = gpd.GeoSeries(np.full(len(table), None), index=table.index, crs=crs)
    return gpd.GeoDataFrame(table, geometry=nowhere)


class _Digest:
    """What is written to it, as SHA-256."""

    closed = False

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def write(self, content: bytes) -> int:
        self._digest.update(content)
        return len(content)

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def _table_digest(frame: gpd.GeoDataFrame) -> str:
    digest = _Digest()
    table = pa.table(frame.to_arrow(index=False, geometry_encoding="WKB")).replace_schema_metadata()
    with pa.ipc.new_stream(pa.PythonFile(digest, mode="w"), table.schema) as stream:
        stream.write_table(table)
    return digest.hexdigest()


def _raster_digest(raster: Raster) -> str:
    said = json.dumps([raster.crs, raster.bounds, raster.values.shape, raster.values.dtype.name])
    return hashlib.sha256(said.encode() + np.ascontiguousarray(raster.values).tobytes()).hexdigest()
