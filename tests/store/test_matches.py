"""Matching runs in the database, written from seeded frames and read again."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from gis.errors import NotFoundError
from gis.matching.columns import CONNECTION_COLUMNS, PARCEL_COLUMNS, SEGMENT_COLUMNS, SOURCE_COLUMNS
from gis.store import MatchRecord, Store
from gis.vocabulary import TECHNOLOGIES, Column

SERVED = [*TECHNOLOGIES[:3], None]
SOURCES = ["S1", "S2", "it's", "乙"]


def empty(columns: tuple[Column, ...], count: int) -> pd.DataFrame:
    """Return rows in which nothing is known."""
    missing: dict[str, Any] = {"float": np.nan, "text": None}
    return pd.DataFrame({c.name: np.full(count, missing[c.type]) for c in columns})


def run(seed: int, ids: list[str]) -> dict[str, pd.DataFrame]:
    """Return the parts of a made-up run: who holds what is drawn, with sizes that repeat."""
    rng = np.random.default_rng(seed)
    parcels, sources = empty(PARCEL_COLUMNS, len(ids)), empty(SOURCE_COLUMNS, len(SOURCES))
    parcels["parcel_id"], parcels["heat_load_kw"] = ids, float(seed)
    served = rng.choice(np.array(SERVED, dtype=object), len(ids))
    parcels["matched"] = pd.Series(served, dtype=object)
    full = rng.random(len(ids)) < 0.5
    parcels["displaced_id"] = np.where(full, rng.choice(SOURCES, len(ids)), None)
    parcels["displaced_layer"] = np.where(full, "data_centre", None)
    sources["source_layer"], sources["source_id"] = "data_centre", SOURCES
    pairs = [(i, s) for i in ids for s in SOURCES if rng.random() < 0.6]
    connections = empty(CONNECTION_COLUMNS, len(pairs))
    connections["parcel_id"], connections["source_id"] = [i for i, _ in pairs], [s for _, s in pairs]
    connections["technology"], connections["source_layer"] = "waste_heat", "data_centre"
    connections["allocated_kw"] = rng.integers(1, 6, len(pairs)) * 100.0
    connections["length_m"] = float(seed)
    return {
        "sources": sources,
        "segments": empty(SEGMENT_COLUMNS, 0),
        "parcels": parcels,
        "connections": connections,
    }


def record(scenario: str) -> MatchRecord:
    """Return the record of a made-up run."""
    return MatchRecord(scenario, {}, {}, "beijing", "ab", dt.date(2026, 6, 1), {"parcel": 1}, None, "test")


IDS = [f"P-{i:02d}" for i in range(40)]


@pytest.fixture
def runs(empty_store: Store) -> dict[str, dict[str, pd.DataFrame]]:
    """The parts of two stored runs; each has parcels that the other lacks."""
    made = {"base": run(1, IDS[:36]), "dry": run(2, IDS[3:])}
    for scenario, parts in made.items():
        empty_store.save_match(record(scenario), parts)
    return made


def test_a_run_takes_the_place_of_the_last_of_its_scenario_alone(
    empty_store: Store, runs: dict[str, dict[str, pd.DataFrame]]
) -> None:
    again = run(3, IDS[10:20])
    first = empty_store.match("base")
    saved = empty_store.save_match(record("base"), again)
    assert saved == empty_store.match("base") != first
    assert [r.scenario for r in empty_store.matches()] == ["base", "dry"]
    for scenario, parts in (("base", again), ("dry", runs["dry"])):
        for name, frame in parts.items():
            stored, expected = (
                f.astype(object).where(f.notna(), None)
                for f in (empty_store.match_part(name, scenario), frame)
            )
            pd.testing.assert_frame_equal(stored, expected, check_index_type=False)


@pytest.mark.parametrize("most", [3, 100])
def test_a_parcel_is_told_with_its_sources_and_who_holds_the_full_one(
    empty_store: Store, runs: dict[str, dict[str, pd.DataFrame]], most: int
) -> None:
    rows, held = runs["dry"]["parcels"].set_index("parcel_id"), runs["dry"]["connections"]
    for parcel_id in IDS[3:]:
        found = empty_store.matched_parcel("dry", parcel_id, most)
        assert found.parcel["parcel_id"].tolist() == [parcel_id]
        own = held[held["parcel_id"] == parcel_id]
        assert sorted(found.connections["source_id"]) == sorted(own["source_id"])
        full = held[(held["source_id"] == rows["displaced_id"][parcel_id]) & (held["parcel_id"] != parcel_id)]
        wanted = sorted((-kw, name) for kw, name in zip(full["allocated_kw"], full["parcel_id"], strict=True))
        got = found.holders
        assert list(zip(-got["allocated_kw"], got["parcel_id"], strict=True)) == wanted[:most]
    assert rows["displaced_id"].isna().any()
    assert rows["displaced_id"].notna().any()


def test_a_parcel_is_told_of_one_moment(empty_store: Store, runs: dict[str, dict[str, pd.DataFrame]]) -> None:
    full = runs["base"]["parcels"].dropna(subset="displaced_id")
    parcel_id = next(i for i in full["parcel_id"] if i in set(runs["base"]["connections"]["parcel_id"]))
    replaced: list[str] = []

    def replace(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "FROM result.match_parcel" in statement and statement.startswith("SELECT") and not replaced:
            replaced.append(statement)
            empty_store.save_match(record("base"), run(7, IDS))

    sa.event.listen(empty_store.engine, "after_cursor_execute", replace)
    try:
        found = empty_store.matched_parcel("base", parcel_id, 20)
    finally:
        sa.event.remove(empty_store.engine, "after_cursor_execute", replace)
    assert replaced
    assert empty_store.match_part("parcels", "base")["heat_load_kw"].unique().tolist() == [7.0]
    assert found.parcel["heat_load_kw"].tolist() == [1.0]
    assert set(found.connections["length_m"]) == set(found.holders["length_m"]) == {1.0}


def test_runs_are_held_against_each_other_parcel_by_parcel(
    empty_store: Store, runs: dict[str, dict[str, pd.DataFrame]]
) -> None:
    before, after = (
        runs[name]["parcels"].set_index("parcel_id")["matched"].to_dict() for name in ("base", "dry")
    )
    counts: dict[tuple[str | None, str | None, bool], int] = {}
    for parcel_id in before.keys() | after.keys():
        both = parcel_id in before and parcel_id in after
        key = (before.get(parcel_id), after.get(parcel_id), both)
        counts[key] = counts.get(key, 0) + 1
    found = empty_store.match_changes("dry", "base")
    assert {(c.before, c.after, c.in_both): c.parcel_count for c in found} == counts
    assert len(found) == len(counts)
    assert [c.parcel_count for c in found] == sorted(counts.values(), reverse=True)
    itself = empty_store.match_changes("base", "base")
    assert all(c.in_both and c.before == c.after for c in itself)
    assert sum(c.parcel_count for c in itself) == len(before)


def test_what_is_not_there_is_said(empty_store: Store, runs: dict[str, dict[str, pd.DataFrame]]) -> None:
    with pytest.raises(NotFoundError, match="no matching run 'none'"):
        empty_store.matched_parcel("none", IDS[5], 20)
    with pytest.raises(NotFoundError, match="no parcel 'P-39'"):
        empty_store.matched_parcel("base", IDS[39], 20)
    for names in (("none", "base"), ("base", "none")):
        with pytest.raises(NotFoundError, match="no matching run 'none'"):
            empty_store.match_changes(*names)
