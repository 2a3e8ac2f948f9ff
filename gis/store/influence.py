"""How far around each parcel its results look: what tells whether a change can touch them.

By parcel it is a box, and by layer of sources a distance: a feature farther away than that
from the box may come, go or change, and the results stay what they are. Rows lie together in
blocks, many thousand parcels in one field, in the stream format of Arrow: boxes of single
precision in m from `ORIGIN`, distances as the upper half of such a number, both rounded to the
safe side. Beside it stands how far a block reaches in all: of those out of reach nothing is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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

STRIP_M = 5000.0
"""Height of the strips of ground that blocks are filled from."""

Singles = npt.NDArray[np.float32]
Halves = npt.NDArray[np.uint16]
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
    columns: dict[str, Any] = {"parcel_id": parcel_ids.cast(pa.string())}
    columns |= {"west": _down(west), "south": _down(south), "east": -_down(-east), "north": -_down(-north)}
    columns |= {layer: _halved(influence_m[layer]) for layer in sorted(influence_m)}
    return pa.record_batch(columns)


def _down(values: Floats) -> Singles:
    return np.nextafter(values.astype(np.float32), np.float32(-np.inf))


def _halved(values_m: Floats) -> Halves:
    """Return the upper halves of single precision, up to a 128th more; infinity stays what it is."""
    return ((-_down(-values_m)).view(np.uint32) + np.uint32(0xFFFF) >> 16).astype(np.uint16)


def _singles(column: pa.Array) -> Singles:
    values: npt.NDArray[Any] = column.to_numpy()
    return values if values.dtype == np.float32 else (values.astype(np.uint32) << 16).view(np.float32)


def parcel_count(connection: sa.Connection) -> int:
    """Return of how many parcels it is known."""
    return int(connection.scalar(sa.select(sa.func.sum(INFLUENCE.c.parcel_count))) or 0)


def touched(connection: sa.Connection, around: Sequence[Around], parcel_ids: Sequence[str]) -> Touched:
    """Return the parcels that changes `around` can touch, and those of `parcel_ids` that have results."""
    named = pa.array(parcel_ids, type=pa.string())
    found: list[str] = []
    rest: dict[int, pa.RecordBatch] = {}
    for number, block in _blocks(connection, around, bool(parcel_ids)):
        hit = reached(*_columns(block), around)
        if len(named):
            hit |= np.asarray(pc.is_in(block.column("parcel_id"), named))
        if hit.any():
            found += block.column("parcel_id").filter(pa.array(hit)).to_pylist()
            rest[number] = block.filter(pa.array(~hit))
    return Touched(found, rest)


def _blocks(
    connection: sa.Connection, around: Sequence[Around], everyone: bool
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield the blocks that changes can touch, or all; by number."""
    wanted: list[int] = []
    for block, layers, reach in connection.execute(
        sa.select(INFLUENCE.c.block, INFLUENCE.c.layers, INFLUENCE.c.reach).order_by(INFLUENCE.c.block)
    ):
        sides = np.array([reach], dtype=np.float32)
        if everyone or reached(layers, sides[:, :4], sides[:, 4:], around)[0]:
            wanted.append(block)
    # As bytes: in a text they would be twice as many.
    with raw(connection).cursor(binary=True) as cursor:
        for number in wanted:
            query = "SELECT content FROM result.influence WHERE block = %s"
            content = cursor.execute(query, [number]).fetchone()
            if content is not None:
                yield number, _opened(content[0])


def _opened(content: bytes) -> pa.RecordBatch:
    with pa.ipc.open_stream(content) as stream:
        return stream.read_next_batch()


def _columns(block: pa.RecordBatch) -> tuple[list[str], Singles, Singles]:
    """Return the layers of a block, and by row the box and the distance by layer."""
    names = [name for name in block.schema.names if name not in ("parcel_id", *_SIDES)]
    boxes, own = (
        np.column_stack([_singles(block.column(n)) for n in part] or [np.empty((len(block), 0), np.float32)])
        for part in (_SIDES, names)
    )
    return names, boxes, own


def reached(layers: Sequence[str], boxes: Singles, own_m: Singles, around: Sequence[Around]) -> Flags:
    """Return which boxes changes can touch; `own_m` has their distances, a column a layer."""
    places = np.array([a.box for a in around], dtype=np.float64).reshape(-1, 4) - (*ORIGIN, *ORIGIN)
    layer = np.array([-1 if a.layer is None else layers.index(a.layer) for a in around], dtype=np.int64)
    reach_m = np.array([a.reach_m for a in around], dtype=np.float64)
    near: Flags = _any_near(np.ascontiguousarray(boxes), np.ascontiguousarray(own_m), places, layer, reach_m)
    return near


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
    rows = _by_place(pa.Table.from_batches(batches).combine_chunks())
    first = int(connection.scalar(sa.select(sa.func.max(INFLUENCE.c.block))) or 0) + 1
    command = (
        "INSERT INTO result.influence (block, parcel_count, layers, reach, content) "
        "VALUES (%s, %s, %s, %s, %b)"
    )
    with raw(connection).cursor() as cursor:
        for number, start in enumerate(range(0, len(rows), BLOCK), first):
            block = rows.slice(start, BLOCK).to_batches()[0]
            layers, boxes, own_m = _columns(block)
            reach = np.concatenate((boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0), own_m.max(axis=0)))
            cursor.execute(command, [number, len(block), layers, reach.tolist(), _closed(block)])


def _by_place(rows: pa.Table) -> pa.Table:
    """Return rows with neighbours together, so that a change reaches few blocks."""
    west, south = (rows.column(side).to_numpy().astype(np.float64) for side in ("west", "south"))
    along = np.floor(south / STRIP_M) * 2.0**24 + west  # strip after strip, as none is that long
    return rows.take(pa.array(np.argsort(along, kind="stable")))


def _closed(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return bytes(sink.getvalue())
