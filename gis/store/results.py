"""Reading results and runs: facts and verdicts by name, from the packed rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa

from gis.errors import InputError
from gis.facts.columns import named
from gis.store.copy import raw
from gis.store.decode import unpacked
from gis.store.encode import COLUMNS
from gis.store.layout import (
    CHOICES,
    GROUP,
    HEAD,
    LISTS,
    NUMBERS,
    PACKED,
    PICKED,
    PLAIN,
    SHARED,
    SHARED_NUMBERS,
    SHARED_WORDS,
    WORDS,
    variant_of,
)
from gis.store.records import RunRecord
from gis.store.tables import CODE_LIST, RUN, WORD
from gis.vocabulary import FACTS, VERDICTS, Column

_RUN = tuple(RunRecord.__dataclass_fields__)
_ROWS = f"SELECT {', '.join(COLUMNS)} FROM result.parcel_result WHERE parcel_id = ANY(%s)"


_OWN_WORDS = tuple(n for n in WORDS if n not in GROUP)
_CODED = {name: named([None, *words]) for name, words in CHOICES.items()}


def latest_run(connection: sa.Connection) -> RunRecord | None:
    """Return the run whose results are stored, None before the first."""
    query = sa.select(*(RUN.c[name] for name in _RUN)).order_by(RUN.c.run_id.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else RunRecord(**row._mapping)


def rows(connection: sa.Connection, parcel_ids: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return facts and verdicts of parcels in the order asked for, by parcel_id; unknown are absent."""
    wanted = list(dict.fromkeys(str(i) for i in parcel_ids))
    with raw(connection).cursor(binary=True) as cursor:
        found = cursor.execute(_ROWS, [wanted]).fetchall()
    place = {parcel_id: i for i, parcel_id in enumerate(wanted)}
    found.sort(key=lambda row: place[row[0]])
    values = _values(connection, found)
    index = pd.Index([row[0] for row in found], dtype=object, name="parcel_id")
    return _frame(values, FACTS, index), _frame(values, VERDICTS, index)


def _values(connection: sa.Connection, found: Sequence[tuple[Any, ...]]) -> dict[str, npt.NDArray[Any]]:
    """Return every column of facts and verdicts of stored rows: NaN or None where missing."""
    head, packed = unpacked([row[-1] for row in found])
    stored = {name: np.array([row[i] for row in found]) for i, name in enumerate(PLAIN, 1)}
    stored |= {name: head[name] for name in HEAD.names or ()} | dict(zip(PACKED, packed.T, strict=True))
    own = (n for n in NUMBERS if n not in GROUP)
    values: dict[str, npt.NDArray[Any]] = {name: stored[name].astype(np.float64) for name in own}
    for names, table in ((_OWN_WORDS, WORD), (LISTS, CODE_LIST)):
        known = _known(connection, table)
        values |= {name: known[stored[name].astype(np.int64)] for name in names}
    values |= {name: _CODED[name][stored[name].astype(np.int64)] for name in CHOICES}
    for group in SHARED:
        values |= _shared(connection, group, stored[group])
    for name, sources in PICKED.items():
        variant = stored[variant_of(name)]
        missing = np.full(len(found), None if values[sources[1]].dtype == object else np.nan)
        values[name] = np.select(
            [variant == code for code in sources], [values[s] for s in sources.values()], missing
        )
    return values


def _shared(connection: sa.Connection, group: str, ids: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of a group by the ids of its rows."""
    wanted, kinds = np.unique(ids, return_inverse=True)
    query = "SELECT numbers, words FROM result.shared WHERE shared_id = ANY(%s) ORDER BY shared_id"
    with raw(connection).cursor(binary=True) as cursor:
        rows = cursor.execute(query, [wanted.tolist()]).fetchall()
    out: dict[str, npt.NDArray[Any]] = {}
    for part, (names, dtype) in enumerate(
        ((SHARED_NUMBERS[group], np.float64), (SHARED_WORDS[group], object))
    ):
        values = np.array([row[part] for row in rows], dtype=dtype).reshape(len(rows), len(names))
        out |= {name: values[kinds, i] for i, name in enumerate(names)}
    return out


def checked(frame: pd.DataFrame, columns: tuple[Column, ...]) -> dict[str, npt.NDArray[Any]]:
    """Return the declared columns of a frame; InputError unless it has exactly these."""
    declared = {c.name: c.type for c in columns}
    for name in sorted(declared.keys() ^ set(frame.columns)):
        problem = "is missing from" if name in declared else "is not declared for"
        raise InputError(f"The column {name} {problem} the results.")
    numbers = {
        n: frame[n].to_numpy(np.float64, na_value=np.nan) for n, kind in declared.items() if kind == "float"
    }
    return {n: numbers[n] if n in numbers else frame[n].to_numpy(dtype=object) for n in declared}


def _known(connection: sa.Connection, table: sa.Table) -> npt.NDArray[np.object_]:
    """Return all words or lists by their id; None where there is none."""
    entries = list(connection.execute(table.select()))
    out: npt.NDArray[np.object_] = np.full(max((i for i, _ in entries), default=0) + 1, None, dtype=object)
    for i, value in entries:  # one by one: a list is a value, not a row
        out[i] = value
    return out


def _frame(values: Mapping[str, Any], columns: tuple[Column, ...], index: pd.Index[str]) -> pd.DataFrame:
    """Return the declared columns, built as two blocks: one Series a column costs 0.2 ms each."""
    blocks = []
    for dtype in ("float64", "object"):
        names = [c.name for c in columns if (c.type == "float") == (dtype == "float64")]
        block = np.empty((len(index), len(names)), dtype=dtype)
        for j, name in enumerate(names):
            block[:, j] = values[name]
        blocks.append(pd.DataFrame(block, index=index, columns=pd.Index(names), dtype=dtype))
    return pd.concat(blocks, axis=1)[[c.name for c in columns]]
