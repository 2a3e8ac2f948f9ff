"""How far around each parcel its results look: what tells whether a change can touch them.

By parcel it is a box, and by layer of sources a distance: a feature farther away than that
from the box may come, go or change, and the results stay what they are. Rows lie together in
blocks, many thousand parcels in one field, as they are only ever read all together: numbers of
single precision in m from `ORIGIN`, rounded to the safe side, in the stream format of Arrow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from gis.compiled import compiled
from gis.facts.ragged import ORIGIN, Floats, Ints, Shapes
from gis.store.copy import raw
from gis.store.records import Box
from gis.store.tables import INFLUENCE

BLOCK = 32_768
"""Parcels in a block."""

Singles = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

_SIDES = ("west", "south", "east", "north")


@dataclass(frozen=True)
class Around:
    """A box in which a layer changed, and how far that acts: `reach_m`, and by `layer` what parcels add."""

    box: Box
    reach_m: float
    layer: str | None


@dataclass(frozen=True, eq=False)
class Touched:
    """The parcels whose results can be other than before, and the other rows of the blocks they are in."""

    parcel_ids: Sequence[str]
    rest: Mapping[int, pa.RecordBatch]


def influence_rows(parcel_ids: pa.Array, shapes: Shapes, influence_m: Mapping[str, Floats]) -> pa.RecordBatch:
    """Return a row a parcel: its id, its box and its distance by layer; infinite: whatever changes."""
    west, south, east, north = shapes.bounds.T
    columns: dict[str, Any] = {"parcel_id": parcel_ids.cast(pa.large_string())}
    columns |= {"west": _down(west), "south": _down(south), "east": -_down(-east), "north": -_down(-north)}
    columns |= {layer: -_down(-influence_m[layer]) for layer in sorted(influence_m)}
    return pa.record_batch(columns)


def _down(values: Floats) -> Singles:
    return np.nextafter(values.astype(np.float32), np.float32(-np.inf))


def read_blocks(connection: sa.Connection) -> dict[int, pa.RecordBatch]:
    """Return all rows, by block."""
    # As bytes: in a text they would be twice as many.
    with raw(connection).cursor(binary=True) as cursor:
        rows = cursor.execute("SELECT block, content FROM result.influence").fetchall()
    return {block: _opened(content) for block, content in rows}


def _opened(content: bytes) -> pa.RecordBatch:
    with pa.ipc.open_stream(content) as stream:
        return stream.read_next_batch()


def touched(
    blocks: Mapping[int, pa.RecordBatch], around: Sequence[Around], parcel_ids: Sequence[str]
) -> Touched:
    """Return the parcels that changes `around` can touch, and those of `parcel_ids` that have results."""
    named = pa.array(parcel_ids, type=pa.large_string())
    found: list[str] = []
    rest: dict[int, pa.RecordBatch] = {}
    for number, block in blocks.items():
        hit = _reached(block, around)
        if len(named):
            hit |= np.asarray(pc.is_in(block.column("parcel_id"), named))
        if hit.any():
            found += block.column("parcel_id").filter(pa.array(hit)).to_pylist()
            rest[number] = block.filter(pa.array(~hit))
    return Touched(found, rest)


def _reached(block: pa.RecordBatch, around: Sequence[Around]) -> Flags:
    names = [name for name in block.schema.names if name not in ("parcel_id", *_SIDES)]
    boxes, own = (np.column_stack([block.column(n).to_numpy() for n in part]) for part in (_SIDES, names))
    places = np.array([a.box for a in around], dtype=np.float64).reshape(-1, 4) - (*ORIGIN, *ORIGIN)
    layer = np.array([-1 if a.layer is None else names.index(a.layer) for a in around], dtype=np.int64)
    reach_m = np.array([a.reach_m for a in around], dtype=np.float64)
    return _any_near(boxes, own, places, layer, reach_m)


@compiled
def _any_near(boxes: Singles, own_m: Singles, places: Floats, layer: Ints, reach_m: Floats) -> Flags:
    """Return whether any place is no farther from each box than its reach and the box's own for its layer."""
    out = np.zeros(len(boxes), dtype=np.bool_)
    for i in range(len(boxes)):
        for j in range(len(places)):
            far_m = reach_m[j] + (own_m[i, layer[j]] if layer[j] >= 0 else 0.0)
            gap_x = max(places[j, 0] - boxes[i, 2], boxes[i, 0] - places[j, 2], 0.0)
            gap_y = max(places[j, 1] - boxes[i, 3], boxes[i, 1] - places[j, 3], 0.0)
            if gap_x * gap_x + gap_y * gap_y <= far_m * far_m:
                out[i] = True
                break
    return out


def clear(connection: sa.Connection) -> None:
    """Drop all rows."""
    connection.execute(INFLUENCE.delete())


def write(
    connection: sa.Connection, rest: Mapping[int, pa.RecordBatch], fresh: Sequence[pa.RecordBatch]
) -> None:
    """Write new rows, and anew what is left of the blocks that lost some."""
    connection.execute(INFLUENCE.delete().where(INFLUENCE.c.block.in_(list(rest))))
    batches = [batch for batch in (*rest.values(), *fresh) if len(batch)]
    if not batches:
        return
    rows = pa.Table.from_batches(batches).combine_chunks()
    first = int(connection.scalar(sa.select(sa.func.max(INFLUENCE.c.block))) or 0) + 1
    with raw(connection).cursor() as cursor:
        for number, start in enumerate(range(0, len(rows), BLOCK), first):
            content = _closed(rows.slice(start, BLOCK).to_batches()[0])
            cursor.execute("INSERT INTO result.influence (block, content) VALUES (%b, %b)", [number, content])


def _closed(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return bytes(sink.getvalue())
