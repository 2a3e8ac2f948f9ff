"""All scored parcels as a few columns in memory, to be filtered and counted in milliseconds.

Half a million parcels are some 30 MB. PostgreSQL needs seconds for a count of so many, as it has to go
through every packed row; so a process that answers filters reads the columns once a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from gis.store.arrow import snapshot_reader
from gis.store.connection import clear_errors
from gis.store.layout import CHOICES, SHARED_WORDS
from gis.store.parcel_filter import FACETS, NONE, ParcelFilter
from gis.store.tables import SHARED_ROW, WORD
from gis.store.views import id_sql

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.unsignedinteger[Any]]

SCORE_BINS = 20
SCORE_MAX = 100.0

_LAND_USE = SHARED_WORDS["land_use"].index("land_use_class")
_QUERY = f"""
SELECT parcel_id, recommended AS technology, recommended_status AS status,
  district, {id_sql("land_use")} AS land_use, recommended_score AS score, heated_area_m2, heat_load_kw,
  (ST_XMin(geom) + ST_XMax(geom)) / 2 AS x_m, (ST_YMin(geom) + ST_YMax(geom)) / 2 AS y_m,
  greatest(ST_XMax(geom) - ST_XMin(geom), ST_YMax(geom) - ST_YMin(geom)) / 2 AS reach_m,
  ST_Area(geom) AS shape_m2
FROM result.parcel_result LEFT JOIN result.parcel_tile USING (parcel_id)"""
_CODES = ("technology", "status", "district", "land_use")
_NUMBERS = ("score", "heated_area_m2", "heat_load_kw", "x_m", "y_m", "reach_m", "shape_m2")
_NO_ROWS = pa.schema(
    [
        ("parcel_id", pa.string()),
        *((name, pa.int32()) for name in _CODES),
        *((name, pa.float64()) for name in _NUMBERS),
    ]
)


@dataclass(frozen=True, eq=False)
class ParcelTable:
    """The scored parcels of one run, a place in every array each; numbers are NaN where missing.

    `codes` has for each of `FACETS` the place of a parcel's word in `words`, whose first is `NONE`; those of
    technology and status are as stored.
    `x_m` and `y_m` are the middle of the drawn shape's box, `reach_m` is half its longer side, and `shape_m2`
    the shape's area, in EPSG:3857. Parcels are in the order of `x_m`, those without a shape last.
    """

    parcel_id: pa.ChunkedArray
    words: Mapping[str, tuple[str, ...]]
    codes: Mapping[str, Codes]
    score: Floats
    heated_area_m2: Floats
    heat_load_kw: Floats
    x_m: Floats
    y_m: Floats
    reach_m: Floats
    shape_m2: Floats

    @cached_property
    def longest_reach_m(self) -> float:
        """How far the box of any shape reaches from its middle; 0 without shapes."""
        return float(np.max(self.reach_m, initial=0.0, where=~np.isnan(self.reach_m)))

    def between(self, west_m: float, east_m: float) -> slice:
        """Return the places of the parcels whose `x_m` lies between two, both within."""
        return slice(*np.searchsorted(self.x_m, [west_m, np.nextafter(east_m, np.inf)]))

    def passing(self, wanted: ParcelFilter) -> Bools:
        """Return which parcels pass a filter."""
        found = np.ones(len(self.score), dtype=bool)
        for part in self._parts(wanted).values():
            found &= part
        return found

    def ids_of(self, found: Bools, among: Sequence[str]) -> set[str]:
        """Return those of some parcel ids that `found`, which are places in this table, has."""
        asked = pc.is_in(self.parcel_id, value_set=pa.array(among, pa.string())).to_numpy()
        return set(self.parcel_id.take(np.flatnonzero(asked & found)).to_pylist())

    def counts(self, wanted: ParcelFilter) -> dict[str, Any]:
        """Return number and sums of the parcels that pass, and what else could be chosen.

        `recommended` has number and sums by technology and status; `facets` the number by each word of a
        facet, and `scores` by bins of the score (`SCORE_BINS` from 0 to `SCORE_MAX`, each without its upper
        end but the last), of the parcels that pass all other parts of the filter.
        """
        parts = self._parts(wanted)
        failed = np.zeros(len(self.score), dtype=np.uint8)
        for part in parts.values():
            failed += ~part
        passed = np.equal(failed, 0)

        def others(name: str) -> Bools:
            return np.equal(failed, ~parts[name]) if name in parts else passed

        return {
            **self._amount(passed),
            "recommended": self._recommended(passed),
            "facets": {facet: self._facet(facet, others(facet)) for facet in FACETS},
            "scores": self._scores(others("score")),
        }

    def _parts(self, wanted: ParcelFilter) -> dict[str, Bools]:
        """Return which parcels pass each part of a filter that has something to say."""
        found = {
            facet: np.isin(self.words[facet], wanted.wanted(facet))[self.codes[facet]]
            for facet in FACETS
            if wanted.wanted(facet)
        }
        if wanted.by_score:
            low = -np.inf if wanted.score_min is None else wanted.score_min
            high = np.inf if wanted.score_max is None else wanted.score_max
            found["score"] = (self.score >= low) & (self.score <= high)
        return found

    def _amount(self, passed: Bools) -> dict[str, Any]:
        sums = {name: getattr(self, name)[passed] for name in ("heated_area_m2", "heat_load_kw")}
        return {
            "parcel_count": int(np.count_nonzero(passed)),
            **{name: _sum(values) for name, values in sums.items()},
            "unknown_heated_area_count": int(np.count_nonzero(np.isnan(sums["heated_area_m2"]))),
            "unknown_heat_load_count": int(np.count_nonzero(np.isnan(sums["heat_load_kw"]))),
        }

    def _recommended(self, passed: Bools) -> list[dict[str, Any]]:
        words = [self.words[name] for name in ("technology", "status")]
        pairs = self.codes["technology"][passed].astype(np.int64) * len(words[1])
        pairs += self.codes["status"][passed]
        least = len(words[0]) * len(words[1])
        count, sums = np.bincount(pairs, minlength=least), {}
        for name in ("heated_area_m2", "heat_load_kw"):
            values = getattr(self, name)[passed]
            known = ~np.isnan(values)
            total = np.bincount(pairs[known], values[known], least)
            sums[name] = np.where(np.bincount(pairs[known], minlength=least) > 0, total, np.nan)
        return [
            {
                "technology": None if pair < len(words[1]) else words[0][pair // len(words[1])],
                "status": None if pair % len(words[1]) == 0 else words[1][pair % len(words[1])],
                "parcel_count": int(count[pair]),
                **{name: None if np.isnan(of[pair]) else float(of[pair]) for name, of in sums.items()},
            }
            # Without a recommendation comes last.
            for pair in sorted(np.flatnonzero(count).tolist(), key=lambda p: (p < len(words[1]), p))
        ]

    def _facet(self, facet: str, passed: Bools) -> list[dict[str, Any]]:
        words = self.words[facet]
        counts = np.bincount(self.codes[facet][passed], minlength=len(words)).tolist()
        present = np.bincount(self.codes[facet], minlength=len(words)).tolist()
        told = [
            {"value": word, "parcel_count": count}
            for word, count, ever in zip(words, counts, present, strict=True)
            if ever
        ]
        return sorted(told, key=lambda one: one["value"] == NONE)

    def _scores(self, passed: Bools) -> dict[str, Any]:
        scores = self.score[passed]
        known = scores[~np.isnan(scores)]
        places = np.clip(known * (SCORE_BINS / SCORE_MAX), 0, SCORE_BINS - 1).astype(np.int64)
        return {
            "bin_width": SCORE_MAX / SCORE_BINS,
            "parcel_counts": np.bincount(places, minlength=SCORE_BINS).tolist(),
            "unscored_count": len(scores) - len(known),
        }


def _sum(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.sum()) if len(known) else None


def read_table(engine: sa.Engine) -> ParcelTable:
    """Return the scored parcels of the present run, all of one moment; StoreError where that fails."""
    what = "Reading the results failed"
    with clear_errors(what), engine.begin() as connection:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        with snapshot_reader(connection, what) as read:
            batches = list(read(_QUERY))
        rows = pa.Table.from_batches(batches, None if batches else _NO_ROWS)
        return _table(connection, rows)


def _table(connection: sa.Connection, rows: pa.Table) -> ParcelTable:
    # What lies side by side is asked for together: tiles look at a slice of it.
    rows = rows.take(np.argsort(rows["x_m"].to_numpy(), kind="stable"))
    columns = {name: rows[name].to_numpy() for name in (*_CODES, *_NUMBERS)}
    found = {
        "district": _named(columns["district"], _words(connection, columns["district"])),
        "technology": _coded(columns["technology"], "recommended"),
        "status": _coded(columns["status"], "recommended_status"),
        "land_use_class": _named(columns["land_use"], _land_uses(connection, columns["land_use"])),
    }
    return ParcelTable(
        parcel_id=rows["parcel_id"],
        words={facet: words for facet, (words, _) in found.items()},
        codes={facet: codes for facet, (_, codes) in found.items()},
        **{name: columns[name].astype(np.float64, copy=False) for name in _NUMBERS},
    )


def _coded(stored: npt.NDArray[Any], name: str) -> tuple[tuple[str, ...], Codes]:
    """Return the words of a closed vocabulary, and its codes as stored, 0 where missing."""
    return (NONE, *CHOICES[name]), stored.astype(np.uint8)


def _named(stored: npt.NDArray[Any], word_of: Mapping[int, str]) -> tuple[tuple[str, ...], Codes]:
    """Return words, sorted, and the codes of stored ids; an id without a word is missing."""
    words = (NONE, *sorted({word for word in word_of.values() if word != NONE}))
    ids, places = np.unique(stored, return_inverse=True)
    at = {word: place for place, word in enumerate(words)}
    codes = [at[word_of.get(id_, NONE)] for id_ in ids.tolist()]
    return words, np.array(codes, dtype=np.min_scalar_type(len(words)))[places]


def _words(connection: sa.Connection, ids: npt.NDArray[Any]) -> dict[int, str]:
    query = sa.select(WORD.c.word_id, WORD.c.word).where(WORD.c.word_id.in_(np.unique(ids).tolist()))
    return dict(connection.execute(query).tuples().all())


def _land_uses(connection: sa.Connection, ids: npt.NDArray[Any]) -> dict[int, str]:
    query = sa.select(SHARED_ROW.c.shared_id, SHARED_ROW.c.words).where(
        SHARED_ROW.c.shared_id.in_(np.unique(ids).tolist())
    )
    rows = connection.execute(query).tuples()
    return {id_: words[_LAND_USE] for id_, words in rows if words[_LAND_USE] is not None}
