"""Writing results: one COPY of packed rows, and the words and lists that they name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from types import TracebackType
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt
import psycopg
import pyarrow as pa
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.schema import CreateIndex

from gis.errors import InputError
from gis.facts.arrow import lists_of, words_of
from gis.facts.columns import Words
from gis.store import audit, influence, kept_results
from gis.store.copy import copying, qualified, raw
from gis.store.encode import COLUMNS, SIGNATURE, TRAILER, blocks, keys_of
from gis.store.layout import CHOICES, GROUP, LISTS, NUMBERS, SHARED, WORDS
from gis.store.loading import claim
from gis.store.records import RunRecord
from gis.store.shared import combination, combined, row
from gis.store.tables import CODE_LIST, RUN, SHARED_ROW, SLOTS, WORD
from gis.store.versions import stamp

Ids = npt.NDArray[np.int64]


class _Dictionary:
    """The ids of words, lists or combinations: those in a table, and new ones until they are written."""

    def __init__(
        self, table: sa.Table, key: Callable[..., Any], values: Callable[[Any], tuple[Any, ...]]
    ) -> None:
        """`key` makes of the values of a row what is looked up, `values` the values of a row of that."""
        self._table, self._key, self._values = table, key, values
        self._ids: dict[Any, int] = {}
        self._written = 0

    def load(self, connection: sa.Connection) -> None:
        """Read what the table holds."""
        with raw(connection).cursor(binary=True) as cursor:
            rows = cursor.execute(sql.SQL("TABLE {}").format(qualified(self._table))).fetchall()
        self._ids = {self._key(*values): number for number, *values in rows}
        self._written = len(self._ids)

    def clear(self, connection: sa.Connection) -> None:
        """Empty the table."""
        connection.execute(self._table.delete())
        self._ids, self._written = {}, 0

    def id(self, *values: Any) -> int:
        """Return the id of the values of a row."""
        return self._ids.setdefault(self._key(*values), len(self._ids) + 1)

    def write(self, connection: sa.Connection) -> None:
        """Add the new ones to the table."""
        fresh = islice(self._ids.items(), self._written, None)
        # Thousands of them, and an INSERT costs ten times as much.
        with copying(connection, list(self._table.columns), qualified(self._table)) as copy:
            for key, number in fresh:
                copy.write_row((number, *self._values(key)))
        self._written = len(self._ids)


class ResultWriter:
    """Writes results inside the caller's transaction; made by `Store.writing_results`.

    Rows travel in one COPY that stays open from `add` to `add`: nothing else may use
    the connection meanwhile. Nobody sees anything of it before `finish` and the commit.
    """

    def __init__(self, connection: sa.Connection, empty: Callable[[sa.Table], bool]) -> None:
        claim(connection, "results", "Another run is saving its results: try again when it has finished.")
        self._connection, self._empty = connection, empty
        self._words = _Dictionary(WORD, str, lambda word: (word,))
        self._lists = _Dictionary(CODE_LIST, tuple, lambda codes: (list(codes),))
        self._shared = _Dictionary(SHARED_ROW, combination, row)
        self._dictionaries = (self._words, self._lists, self._shared)
        self._slot: int | None = None
        self._rest: Mapping[int, pa.RecordBatch] = {}
        self._rows: list[pa.RecordBatch] = []
        self._kept: list[kept_results.Kept] = []
        self._copying = ExitStack()
        self._copy: psycopg.Copy | None = None
        self._cleared = self._finished = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._copying.__exit__(kind, error, trace)
        if error is None and self._slot is not None and not self._finished:
            raise RuntimeError("results were written but not finished")

    @property
    def refilled(self) -> sa.Table | None:
        """The table that was filled from nothing, if one was."""
        return SLOTS[self._slot] if self._cleared and self._slot is not None else None

    def clear(self) -> None:
        """Begin with no results; readers see the old ones until the commit."""
        self._close()
        present = self._latest()
        self._slot = 0 if present is None else 1 - present
        self._cleared = True
        if not self._empty(SLOTS[self._slot]):
            self._connection.execute(SLOTS[self._slot].delete())
        for dictionary in self._dictionaries:
            dictionary.clear(self._connection)
        influence.clear(self._connection)

    def remove(self, parcels: influence.Touched) -> None:
        """Remove the results of some parcels."""
        table = SLOTS[self._present()]
        self._close()
        command = sql.SQL("DELETE FROM {} WHERE parcel_id = ANY(%s)").format(qualified(table))
        raw(self._connection).execute(command, [list(parcels.parcel_ids)])
        self._rest = {**self._rest, **parcels.rest}
        self._kept.append(kept_results.gone(list(parcels.parcel_ids)))

    def add(
        self,
        parcel_ids: Any,
        facts: Mapping[str, Any],
        verdicts: Mapping[str, Any],
        influence_rows: pa.RecordBatch | None = None,
        kept: kept_results.Kept | None = None,
    ) -> None:
        """Add results of parcels, an Arrow array or sequence of ids, one value a parcel in every column.

        Columns are those of `gis.vocabulary`: float64 arrays, and `Words` or arrays of
        texts or lists; NaN, infinite and None are missing. Of a technology with variants
        the better one is not looked at: it is told by its variant. `influence_rows` are
        those of `gis.store.influence`, without which the next run works out all; `kept` is what
        `kept_results` makes of the same columns, if the caller had it made. Raises InputError for
        a word that is not in its closed vocabulary, and for a parcel that is there already
        (then or in `finish`).
        """
        self._present()
        both = {**facts, **verdicts}
        columns: dict[str, Any] = {n: np.asarray(both[n], dtype=np.float64) for n in NUMBERS}
        columns |= {n: words_of(both[n]) for n in (*WORDS, *CHOICES)} | {n: lists_of(both[n]) for n in LISTS}
        stored: dict[str, Any] = {n: c for n, c in columns.items() if n in NUMBERS and n not in GROUP}
        stored |= {n: _coded(columns[n], self._words.id) for n in WORDS if n not in GROUP}
        stored |= {n: _coded(columns[n], self._lists.id) for n in LISTS}
        stored |= {n: _coded(columns[n], _choice(n)) for n in CHOICES}
        stored |= {group: combined(group, columns, self._shared.id) for group in SHARED}
        try:
            copy = self._open()
            for block in blocks(keys_of(parcel_ids), stored):
                copy.write(block)
        except psycopg.errors.UniqueViolation as error:
            raise _twice(error) from error
        self._kept.append(kept or kept_results.kept(pa.array(parcel_ids, pa.string()), both))
        if influence_rows is not None:
            self._rows.append(influence_rows)

    def finish(self, run: RunRecord) -> RunRecord:
        """Write words, lists, influences and the record of the run; return it as saved."""
        slot = self._present()
        self._close()
        if self._cleared:
            self._index(SLOTS[slot])
        for dictionary in self._dictionaries:
            dictionary.write(self._connection)
        influence.write(self._connection, self._rest, self._rows)
        run = replace(run, author=audit.actor(), whole=self._cleared)
        if run.finished_at is None:
            run = replace(run, finished_at=stamp(self._connection))
        values = {name: getattr(run, name) for name in RunRecord.__dataclass_fields__ if name != "run_id"}
        saved = RUN.insert().values(**values, slot=slot).returning(RUN.c.run_id)
        self._finished = True
        made = replace(run, run_id=self._connection.scalar(saved))
        kept_results.write(self._connection, int(made.run_id or 0), self._kept)
        audit.write(
            self._connection, "score", "parcel", run_id=made.run_id, ruleset_hash=made.ruleset_hash,
            as_of=made.as_of.isoformat(), scored_count=made.scored_count,
        )  # fmt: skip
        return made

    def _index(self, table: sa.Table) -> None:
        """Make the indexes of a table that was filled without."""
        try:
            for index in table.indexes:
                self._connection.execute(CreateIndex(index, if_not_exists=True))
        except sa.exc.IntegrityError as error:
            raise _twice(cast("psycopg.Error", error.orig)) from error

    def _latest(self) -> int | None:
        return self._connection.scalar(sa.select(RUN.c.slot).order_by(RUN.c.run_id.desc()).limit(1))

    def _present(self) -> int:
        """Return the table to write to: that of the present results unless they were cleared."""
        if self._slot is None:
            self._slot = self._latest()
            if self._slot is None:
                self.clear()
            else:
                for dictionary in self._dictionaries:
                    dictionary.load(self._connection)
        return self._slot or 0

    def _open(self) -> psycopg.Copy:
        if self._copy is None:
            cursor = self._copying.enter_context(raw(self._connection).cursor())
            names = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
            table = qualified(SLOTS[self._present()])
            command = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(table, names)
            self._copy = self._copying.enter_context(cursor.copy(command))
            self._copy.write(SIGNATURE)
        return self._copy

    def _close(self) -> None:
        if self._copy is None:
            return
        copy, self._copy = self._copy, None
        try:
            copy.write(TRAILER)
            self._copying.close()
        except psycopg.errors.UniqueViolation as error:
            raise _twice(error) from error


def _twice(error: psycopg.Error) -> InputError:
    return InputError(f"A parcel occurs more than once in the results ({error.diag.message_detail}).")


def _choice(name: str) -> Callable[[Any], int]:
    codes = {word: code for code, word in enumerate(CHOICES[name], 1)}

    def code(word: Any) -> int:
        if word not in codes:
            raise InputError(f"{word!r} in {name} is none of {', '.join(codes)}.")
        return codes[word]

    return code


def _coded(words: Words, id_of: Callable[[Any], int]) -> tuple[npt.NDArray[Any], Ids]:
    """Return codes and by code the id of every word that occurs, 0 where code -1 points."""
    ids = np.zeros(len(words.names), dtype=np.int64)
    counts = np.bincount(np.add(words.codes, 1, dtype=np.int64), minlength=len(words.names))
    for code in np.flatnonzero(counts[1:]):
        ids[code] = 0 if words.names[code] is None else id_of(words.names[code])
    return words.codes, ids
