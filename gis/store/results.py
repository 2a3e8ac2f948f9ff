"""Reading results and runs: facts and verdicts by name, from the packed rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa

from gis.errors import InputError, NotFoundError
from gis.facts.columns import named
from gis.store.copy import raw
from gis.store.encode import COLUMNS
from gis.store.layout import CHOICES, LISTS, NUMBERS, PICKED, PLAIN, RECORD, WORDS, variant_of, word_of
from gis.store.records import RunRecord, ScoredParcel
from gis.store.tables import CODE_LIST, RUN, WORD
from gis.store.views import id_sql
from gis.vocabulary import FACTS, VERDICTS, Column

_RUN = tuple(RunRecord.__dataclass_fields__)
_ROWS = f"SELECT {', '.join(COLUMNS)} FROM result.parcel_result WHERE parcel_id = ANY(%s)"


def _used(names: Sequence[str]) -> str:
    return f"ANY(ARRAY[{', '.join(map(id_sql, names))}])"


_SCORED = f"""
SELECT {", ".join(f"run.{name}" for name in _RUN)}, {", ".join(f"found.{name}" for name in COLUMNS)},
  (SELECT json_object_agg(word_id, word) FROM result.word WHERE word_id = {_used(WORDS)}) AS words,
  (SELECT json_object_agg(list_id, codes) FROM result.code_list WHERE list_id = {_used(LISTS)}) AS lists
FROM (SELECT * FROM meta.run ORDER BY run_id DESC LIMIT 1) AS run
LEFT JOIN result.parcel_result AS found ON parcel_id = %s
"""
_CODED = {name: named([None, *words]) for name, words in CHOICES.items()}


def latest_run(connection: sa.Connection) -> RunRecord | None:
    """Return the run whose results are stored, None before the first."""
    query = sa.select(*(RUN.c[name] for name in _RUN)).order_by(RUN.c.run_id.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else RunRecord(**row._mapping)


def scored_parcel(connection: sa.Connection, parcel_id: str) -> ScoredParcel:
    """Return one parcel's results with their run; NotFoundError without a run or without this parcel."""
    with raw(connection).cursor(binary=True) as cursor:
        row = cursor.execute(_SCORED, [parcel_id]).fetchone()
    if row is None:
        raise NotFoundError("There are no results yet; import parcels and run `onemap score`.")
    stored = dict(zip(COLUMNS, row[len(_RUN) : -2], strict=True))
    if stored["parcel_id"] is None:
        raise NotFoundError(f"There is no scored parcel {parcel_id!r}.")
    stored |= zip(RECORD.names or (), np.frombuffer(stored["record"], RECORD)[0].item(), strict=True)
    words, lists = ({int(number): v for number, v in (found or {}).items()} for found in row[-2:])
    values: dict[str, Any] = {n: None if stored[n] != stored[n] else stored[n] for n in NUMBERS}
    values |= {n: words.get(stored[n]) for n in WORDS}
    values |= {n: lists.get(stored[n]) for n in LISTS}
    values |= {n: word_of(n, stored[n]) for n in CHOICES}
    for name, sources in PICKED.items():
        source = sources.get(stored[variant_of(name)])
        values[name] = None if source is None else values[source]
    run = RunRecord(**dict(zip(_RUN, row, strict=False)))
    return ScoredParcel(run, *({"parcel_id": parcel_id} | _in_order(values, c) for c in (FACTS, VERDICTS)))


def _in_order(values: Mapping[str, Any], columns: tuple[Column, ...]) -> dict[str, Any]:
    return {c.name: values[c.name] for c in columns}


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
    record = np.frombuffer(b"".join(row[-1] for row in found), RECORD)
    stored = {name: np.array([row[i] for row in found]) for i, name in enumerate(PLAIN, 1)}
    stored |= {name: record[name] for name in RECORD.names or ()}
    values: dict[str, npt.NDArray[Any]] = {name: stored[name].astype(np.float64) for name in NUMBERS}
    for names, table in ((WORDS, WORD), (LISTS, CODE_LIST)):
        known = _known(connection, table)
        values |= {name: known[stored[name].astype(np.int64)] for name in names}
    values |= {name: _CODED[name][stored[name].astype(np.int64)] for name in CHOICES}
    for name, sources in PICKED.items():
        variant = stored[variant_of(name)]
        missing = np.full(len(found), None if values[sources[1]].dtype == object else np.nan)
        values[name] = np.select(
            [variant == code for code in sources], [values[s] for s in sources.values()], missing
        )
    return values


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
