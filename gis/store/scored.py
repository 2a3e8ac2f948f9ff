"""The stored results of single parcels, which the service is asked for most: one short statement each.

What rows have in common (words, lists, shared rows, the run itself) is read once a run and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import psycopg
import sqlalchemy as sa

from gis.errors import NotFoundError, StoreError
from gis.store import results
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
    SHARED,
    SHARED_NUMBERS,
    SHARED_WORDS,
    WORDS,
    variant_of,
)
from gis.store.records import RunRecord, ScoredParcel
from gis.vocabulary import FACTS, VERDICTS

IDLE = 4
"""Connections kept for the next parcel; more at once come from the pool and go back to it."""
MOST_KEPT = 100_000
"""Words, lists and shared rows kept of a run: a city has some thousands, but it may have one a parcel."""
FIRST_READ = 20_000
"""How many of each are read at once when a run is new: in most cities that is all of them."""
TRIES = 5

_ROW = f"""
SELECT run_id, finished_at, {", ".join(f"found.{name}" for name in COLUMNS)}
FROM (SELECT run_id, finished_at FROM meta.run WHERE slot IS NOT NULL ORDER BY run_id DESC LIMIT 1) AS run
LEFT JOIN result.parcel_result AS found ON parcel_id = %s
"""
_TABLES = {
    "words": ("SELECT word_id, word FROM result.word", "word_id"),
    "lists": ("SELECT list_id, codes FROM result.code_list", "list_id"),
    "shared": ("SELECT shared_id, numbers, words FROM result.shared", "shared_id"),
}
_OWN_NUMBERS = tuple(n for n in NUMBERS if n not in GROUP)
_OWN_WORDS = tuple(n for n in WORDS if n not in GROUP)
_HEAD = HEAD.names or ()
_CHOSEN = {name: (None, *words) for name, words in CHOICES.items()}
_PICKED = [(name, variant_of(name), sources) for name, sources in PICKED.items()]
_FACTS, _VERDICTS = (("parcel_id", *(c.name for c in columns)) for columns in (FACTS, VERDICTS))


@dataclass
class Common:
    """What the rows of one run have in common, by id, as far as it was asked for."""

    run: RunRecord
    words: dict[int, str | None] = field(default_factory=dict)
    lists: dict[int, list[str] | None] = field(default_factory=dict)
    shared: dict[int, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[Any, ...]:
        """Number and end of the run: a database made anew counts its runs from 1 again."""
        return self.run.run_id, self.run.finished_at

    def missing(self, stored: Mapping[str, Any]) -> dict[str, list[int]]:
        """Return the ids that a row names and that were not asked for before, by the kind of thing."""
        return {
            "words": [stored[n] for n in _OWN_WORDS if stored[n] not in self.words],
            "lists": [stored[n] for n in LISTS if stored[n] not in self.lists],
            "shared": [stored[g] for g in SHARED if stored[g] not in self.shared],
        }


class ParcelReader:
    """Reads single parcels over connections of its own from the pool of an engine; threads may share it."""

    def __init__(
        self, engine: sa.Engine, snapshot: Callable[[], AbstractContextManager[sa.Connection]]
    ) -> None:
        self._engine, self._snapshot = engine, snapshot
        self._idle: list[sa.PoolProxiedConnection] = []
        self._common: Common | None = None

    def close(self) -> None:
        """Give the connections back to the pool."""
        while self._idle:
            _give_back(self._idle.pop())

    def read(self, parcel_id: str) -> ScoredParcel:
        """Return one parcel's results with their run; NotFoundError without a run or without this parcel."""
        for _ in range(TRIES):
            row = self._row(parcel_id)
            if row is None:
                raise NotFoundError("There are no results yet; import parcels and run `onemap score`.")
            stored = dict(zip(COLUMNS, row[2:], strict=True))
            if stored["parcel_id"] is None:
                raise NotFoundError(f"There is no scored parcel {parcel_id!r}.")
            head, packed = unpacked([stored["record"]])
            stored |= zip(_HEAD, head[0].item(), strict=True)
            stored |= zip(PACKED, packed[0].tolist(), strict=True)
            common = self._common_of(row[:2], stored)
            if common is not None:
                return _told(parcel_id, stored, common)
        raise StoreError("The results changed again and again while they were read; try again.")

    def _row(self, parcel_id: str) -> tuple[Any, ...] | None:
        for kept in (True, False):
            try:
                with self._connection(kept) as connection, connection.cursor(binary=True) as cursor:
                    return cursor.execute(_ROW, [parcel_id]).fetchone()
            except psycopg.OperationalError as error:
                # A kept connection may be one to a server that is gone; a new one is looked at first.
                if not kept or isinstance(error, psycopg.errors.QueryCanceled):
                    raise
        raise AssertionError("unreachable")

    @contextmanager
    def _connection(self, kept: bool) -> Iterator[psycopg.Connection]:
        """Give a connection on which every statement stands for itself: no transaction, no look before it."""
        try:
            proxied = self._idle.pop() if kept else None
        except IndexError:
            proxied = None
        if proxied is None:
            proxied = self._engine.raw_connection()
            _driver(proxied).autocommit = True
        try:
            yield _driver(proxied)
        except psycopg.OperationalError:
            proxied.invalidate()
            raise
        except BaseException:
            _give_back(proxied)
            raise
        if len(self._idle) < IDLE:
            self._idle.append(proxied)
        else:
            _give_back(proxied)

    def _common_of(self, run: tuple[Any, ...], stored: Mapping[str, Any]) -> Common | None:
        """Return what a row has in common with others; None where its run has been replaced by now."""
        common = self._common
        if common is not None and common.key == run and not any(common.missing(stored).values()):
            return common
        with self._snapshot() as connection:
            latest = results.latest_run(connection)
            if latest is None or (latest.run_id, latest.finished_at) != run:
                return None
            kept = 0 if common is None else sum(len(getattr(common, part)) for part in _TABLES)
            if common is None or common.key != run or kept > MOST_KEPT:
                common = Common(latest)
                for part, (query, _) in _TABLES.items():
                    _read(connection, f"{query} LIMIT %s", FIRST_READ, getattr(common, part))
            for part, ids in common.missing(stored).items():
                query, key = _TABLES[part]
                if ids:
                    _read(connection, f"{query} WHERE {key} = ANY(%s)", ids, getattr(common, part))
                for id_ in ids:
                    getattr(common, part).setdefault(id_)  # an id that stands for nothing
        self._common = common
        return common


def _read(connection: sa.Connection, query: str, wanted: Any, known: dict[int, Any]) -> None:
    """Add what a query with one parameter finds to what is known, by its first column."""
    with raw(connection).cursor(binary=True) as cursor:
        for row in cursor.execute(query, [wanted]):
            known[row[0]] = row[1] if len(row) == 2 else row[1:]


def _told(parcel_id: str, stored: Mapping[str, Any], common: Common) -> ScoredParcel:
    """Return facts and verdict by name, in their order."""
    values: dict[str, Any] = {"parcel_id": parcel_id}
    values |= {n: None if stored[n] != stored[n] else stored[n] for n in _OWN_NUMBERS}
    values |= {n: common.words[stored[n]] for n in _OWN_WORDS}
    values |= {n: common.lists[stored[n]] for n in LISTS}
    values |= {n: words[stored[n] or 0] for n, words in _CHOSEN.items()}
    for group in SHARED:
        numbers, words = common.shared[stored[group]]
        values |= zip(chain(SHARED_NUMBERS[group], SHARED_WORDS[group]), chain(numbers, words), strict=True)
    for name, variant, sources in _PICKED:
        source = sources.get(stored[variant])
        values[name] = None if source is None else values[source]
    facts, verdict = ({n: values[n] for n in names} for names in (_FACTS, _VERDICTS))
    return ScoredParcel(common.run, facts, verdict)


def _driver(proxied: sa.PoolProxiedConnection) -> psycopg.Connection:
    connection = proxied.driver_connection
    assert isinstance(connection, psycopg.Connection)
    return connection


def _give_back(proxied: sa.PoolProxiedConnection) -> None:
    if not _driver(proxied).closed:
        _driver(proxied).autocommit = False
    proxied.close()
