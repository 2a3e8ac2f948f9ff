"""Filters of parcels as query parameters, and the parcels that pass: counted and drawn from memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Annotated, Literal

from fastapi import Depends, Query, Request, Response
from pydantic import Field

from api.access import check_readable, reading
from api.tile_answers import MVT, Place, answer
from api.tile_versions import tile_versions
from gis.access import RESULTS
from gis.errors import InputError
from gis.store import Store
from gis.store.parcel_filter import ParcelFilter
from gis.store.parcel_table import SCORE_MAX, Bools, ParcelTable, read_table
from gis.vocabulary import Status, Technology
from gis.webmap.filtered_tiles import render_filtered_tile
from gis.webmap.tiles import RESULT_LAYER

_MOST_WORDS = 60
_MOST_CHARS = 60
_KEPT_FILTERS = 8

Word = Annotated[str, Field(min_length=1, max_length=_MOST_CHARS, pattern=r"^[^\x00]+$")]
Score = Annotated[float | None, Query(ge=0, le=SCORE_MAX, allow_inf_nan=False)]


class ParcelTables:
    """The scored parcels that a web process answers filters from, and which of them passed the last few."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._version: str | None = None
        self._table: ParcelTable | None = None
        self._passing: OrderedDict[ParcelFilter, Bools] = OrderedDict()

    def present(self, store: Store) -> ParcelTable | None:
        """Return the parcels of the present results, read when those are new; None before the first run."""
        version = tile_versions(store, (RESULT_LAYER,)).get(RESULT_LAYER)
        return None if version is None else self._of(store, version)

    def _of(self, store: Store, version: str) -> ParcelTable:
        # Those who come meanwhile wait for one reading.
        with self._lock:
            if self._table is None or self._version != version:
                self._table = read_table(store.engine)
                self._version = version
                self._passing.clear()
            return self._table

    def passing(self, table: ParcelTable, wanted: ParcelFilter) -> Bools:
        """Return which parcels of a table pass a filter; the tiles of one view ask the same."""
        with self._lock:
            known = self._passing.get(wanted) if table is self._table else None
        if known is not None:
            return known
        found = table.passing(wanted)
        with self._lock:
            if table is self._table:
                self._passing[wanted] = found
                if len(self._passing) > _KEPT_FILTERS:
                    self._passing.popitem(last=False)
        return found


def _asked(
    district: Annotated[
        list[Word] | None,
        Query(max_length=_MOST_WORDS, description="only of these districts; `none`: district not known"),
    ] = None,
    technology: Annotated[
        list[Technology | Literal["none"]] | None,
        Query(max_length=_MOST_WORDS, description="only with these recommended; `none`: nothing is"),
    ] = None,
    status: Annotated[
        list[Status | Literal["none"]] | None,
        Query(max_length=_MOST_WORDS, description="only with these statuses of what is recommended"),
    ] = None,
    land_use_class: Annotated[
        list[Word] | None,
        Query(max_length=_MOST_WORDS, description="only of these classes of land use; `none`: not known"),
    ] = None,
    score_min: Score = None,
    score_max: Score = None,
) -> ParcelFilter:
    """Return the filter of a request; one in another order is the same."""
    if score_min is not None and score_max is not None and score_min > score_max:
        raise InputError(f"score_min {score_min:g} is above score_max {score_max:g}: exchange them.")
    words = [tuple(sorted(set(of or ()))) for of in (district, technology, status, land_use_class)]
    return ParcelFilter(words[0], words[1], words[2], words[3], score_min, score_max)


Wanted = Annotated[ParcelFilter, Depends(_asked)]


def filtered_tile(request: Request, place: Place, wanted: ParcelFilter, known: str) -> Response:
    """Return a tile of the results with the parcels alone that pass; it needs the parcels to be readable."""
    if place.layer != RESULT_LAYER:
        raise InputError(f"Only tiles of {RESULT_LAYER} take a filter; ask for {place.layer} without one.")
    check_readable(request, "parcel")

    def render() -> bytes:
        store = reading(request)
        tables: ParcelTables = request.app.state.parcel_tables
        table = tables.present(store)
        if table is None:
            return b""
        passing = tables.passing(table, wanted)
        with store.engine.connect() as connection:
            return render_filtered_tile(connection, table, passing, place.z, place.x, place.y)

    return answer(request, place, MVT, render, known)


def passing_ids(request: Request, wanted: ParcelFilter) -> Callable[[Sequence[str]], set[str]] | None:
    """Return what tells of parcel ids those that pass a filter, None where all do.

    Results and parcels have to be readable.
    """
    if wanted.passes_all:
        return None
    check_readable(request, RESULTS)
    check_readable(request, "parcel")

    def among(parcel_ids: Sequence[str]) -> set[str]:
        tables: ParcelTables = request.app.state.parcel_tables
        table = present_table(request) if parcel_ids else None
        return set() if table is None else table.ids_of(tables.passing(table, wanted), parcel_ids)

    return among


def present_table(request: Request) -> ParcelTable | None:
    """Return the scored parcels of the present results, None before the first run."""
    tables: ParcelTables = request.app.state.parcel_tables
    return tables.present(reading(request))
