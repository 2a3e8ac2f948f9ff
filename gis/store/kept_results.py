"""Results as they were: what every run worked out, kept apart from how present results lie.

A whole run begins anew, one that worked out some parcels takes the place of these alone; so the results
of any run are those of the whole run before it with what came later put over them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from gis.errors import NotFoundError
from gis.facts.arrow import TYPES, array_of, coded_path, lists_of, words_of
from gis.store.copy import copying, qualified, raw
from gis.store.history_tables import RESULT_HISTORY
from gis.store.layout import GROUP, PICKED, VARIANTS, variant_of
from gis.store.records import RunRecord
from gis.store.results import framed
from gis.store.tables import RUN
from gis.vocabulary import FACTS, VERDICTS

_KEPT = tuple(c for c in (*FACTS, *VERDICTS) if c.name not in PICKED)
_SCHEMA = pa.schema([pa.field(c.name, TYPES[c.type]) for c in _KEPT])
_REPEATED = [coded_path(c) for c in _KEPT if c.type != "float" or c.name in GROUP]
"""Columns in which few values occur again and again."""
_IDS = pa.schema([pa.field("parcel_id", pa.string())])
_FORMS: dict[str, Callable[[Any], Any]] = {
    # As the store has it: no zero has a sign.
    "float": lambda values: np.asarray(values, dtype=np.float64) + 0.0,
    "text": words_of,
    "text_list": lists_of,
}
_QUICK = pa.ipc.IpcWriteOptions(compression="zstd")


class Kept(NamedTuple):
    """Parcels and what is kept of them; without content they lost their results."""

    parcel_ids: bytes
    content: bytes | None


def kept(parcel_ids: pa.Array, columns: Mapping[str, Any]) -> Kept:
    """Return facts and verdicts of parcels, by name as `ResultWriter.add` takes them, as they are kept."""
    arrays = [array_of(c, _FORMS[c.type](columns[c.name])) for c in _KEPT]
    sink = pa.BufferOutputStream()
    pq.write_table(
        pa.table(arrays, schema=_SCHEMA), sink, compression="zstd", compression_level=1,
        use_dictionary=_REPEATED, write_statistics=False, store_schema=False,
    )  # fmt: skip
    return Kept(_packed_ids(parcel_ids), bytes(sink.getvalue()))


def gone(parcel_ids: Sequence[str]) -> Kept:
    """Return that parcels have no results any more."""
    return Kept(_packed_ids(pa.array(parcel_ids, pa.string())), None)


def _packed_ids(parcel_ids: pa.Array) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, _IDS, options=_QUICK) as stream:
        stream.write_batch(pa.record_batch([parcel_ids.cast(pa.string())], schema=_IDS))
    return bytes(sink.getvalue())


def write(connection: sa.Connection, run_id: int, blocks: Sequence[Kept]) -> None:
    """Keep what a run worked out, in its order."""
    with copying(connection, list(RESULT_HISTORY.columns), qualified(RESULT_HISTORY)) as copy:
        for block, of in enumerate(blocks):
            copy.write_row((run_id, block, of.parcel_ids, of.content))


def rows(
    connection: sa.Connection, run: RunRecord, parcel_ids: Sequence[str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return facts and verdicts as they were after a run, of all parcels or of those asked for, by id.

    Parcels without results are absent; the order is that of the ids. Raises NotFoundError where the
    results of that time are not kept.
    """
    wanted = None if parcel_ids is None else pa.array(sorted(set(parcel_ids)), pa.string())
    tables = [t for t in _blocks(connection, _beginning(connection, run), run, wanted) if len(t)]
    together = pa.concat_tables(tables, promote_options="permissive") if tables else _nothing()
    together = together.take(pc.sort_indices(together.column("parcel_id")))
    index = pd.Index(together.column("parcel_id").to_pylist(), dtype=object, name="parcel_id")
    values = _values(together)
    return framed(values, FACTS, index), framed(values, VERDICTS, index)


def _nothing() -> pa.Table:
    return pa.table({"parcel_id": pa.array([], pa.string())})


def _beginning(connection: sa.Connection, run: RunRecord) -> int:
    """Return the whole run that the results of a run begin with."""
    before = (
        sa.select(RUN.c.run_id, RUN.c.whole).where(RUN.c.run_id <= run.run_id).order_by(RUN.c.run_id.desc())
    )
    for found in connection.execute(before):
        if found.whole is None:
            break
        if found.whole:
            return int(found.run_id)
    raise NotFoundError(
        f"The results of run {run.run_id} are not kept: it ran before this store began to keep them."
    )


def _blocks(connection: sa.Connection, first: int, run: RunRecord, wanted: pa.Array | None) -> list[pa.Table]:
    """Return what stands of every block, the latest first: each parcel once."""
    cursor = raw(connection).cursor(binary=True)
    heads = cursor.execute(
        "SELECT run_id, block, parcel_ids, content IS NULL FROM history.result "
        "WHERE run_id BETWEEN %s AND %s ORDER BY run_id DESC, block DESC",
        [first, run.run_id],
    ).fetchall()
    seen: set[str] = set()
    alone = wanted is not None
    found: list[pa.Table] = []
    for run_id, block, packed, empty in heads:
        ids = pa.ipc.open_stream(packed).read_all().column("parcel_id").combine_chunks()
        here = pc.is_in(ids, wanted) if alone else pa.array(np.ones(len(ids), dtype=bool))
        # What a later run wrote, or took away, stands.
        names = ids.to_pylist() if run.run_id != first or seen else []
        if seen:
            later = pa.array([name not in seen for name in names], pa.bool_())
            here = pc.and_(here, later)
        if run_id != first:
            seen.update(names)
        if empty or not pc.any(here).as_py():
            continue
        content = cursor.execute(
            "SELECT content FROM history.result WHERE run_id = %s AND block = %s", [run_id, block]
        ).fetchone()
        assert content is not None
        table = pq.read_table(pa.BufferReader(content[0])).append_column("parcel_id", ids)
        found.append(table.filter(here))
    return found


def _values(table: pa.Table) -> dict[str, Any]:
    """Return all columns of today's vocabulary: NaN or None where missing, or where it was not kept then."""
    count = len(table)
    values: dict[str, Any] = {}
    for column in _KEPT:
        there = table.column(column.name) if column.name in table.column_names else None
        if column.type == "float":
            values[column.name] = (
                np.full(count, np.nan)
                if there is None
                else there.to_numpy(zero_copy_only=False).astype(np.float64)
            )
        else:
            objects = np.full(count, None, dtype=object)
            for i, value in enumerate([] if there is None else there.to_pylist()):
                objects[i] = value
            values[column.name] = objects
    for name, sources in PICKED.items():
        variant = values[variant_of(name)]
        missing = np.full(count, None if values[sources[1]].dtype == object else np.nan)
        chosen = [variant == VARIANTS[code - 1] for code in sources]
        values[name] = np.select(chosen, [values[s] for s in sources.values()], missing)
    return values
