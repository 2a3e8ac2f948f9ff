"""What changed between two days is what a comparison of all results finds, and each change has its cause."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from gis.dated import SOFTWARE, TOGETHER, difference, result_at
from gis.errors import NotFoundError
from gis.store import Store, when
from gis.vocabulary import OPTIONS
from tests.runs.days import Told

JUDGED = ["recommended", *(f"{o.id}_{p}" for o in OPTIONS for p in ("status", "score", "capacity_kw"))]


def changed(before: Told, after: Told) -> set[str]:
    """Return the parcels in both whose verdicts are not the same, value by value."""
    old, new = before.results[1], after.results[1]
    both = old.index.intersection(new.index)
    found = set()
    for name in JUDGED:
        one, other = old.loc[both, name], new.loc[both, name]
        if one.dtype == object:
            apart = (one != other) & ~(one.isna() & other.isna())
        else:
            apart = ~np.isclose(one, other, rtol=1e-9, atol=0, equal_nan=True)
        found |= set(both[np.asarray(apart, dtype=bool)])
    return found


@pytest.mark.parametrize(("first", "last"), [(0, 20), (4, 13), (13, 4), (7, 8)])
def test_the_changes_are_those_of_a_full_comparison(
    past_city: Store, days: list[Told], first: int, last: int
) -> None:
    before, after = days[first], days[last]
    found = difference(past_city, before.at, after.at)
    assert set(found.comparison.parcels.index) == changed(before, after)
    old, new = before.results[1].index, after.results[1].index
    assert set(found.comparison.only_before) == set(old) - set(new)
    assert set(found.comparison.only_after) == set(new) - set(old)
    assert (found.before, found.after) == (before.run, after.run)


def test_every_change_has_the_cause_that_was_made(past_city: Store, days: list[Told]) -> None:
    told = 0
    for before, after in pairwise(days):
        if before.run == after.run:
            continue
        made = {"rules/reclaimed_water.yaml" if d == "rules" else d.split(" ")[1] for d in after.done}
        found = difference(past_city, int(before.run.run_id or 0), int(after.run.run_id or 0))
        parcels = found.comparison.parcels
        for because in parcels["because"]:
            assert because
            assert set(because.split(" ")) <= made, (because, after.done)
        assert sum(found.causes.values()) >= len(parcels)
        told += len(parcels)
    assert told > 50


def test_causes_are_told_apart(past_city: Store, days: list[Told]) -> None:
    found = difference(past_city, days[0].at, days[-1].at)
    texts = found.comparison.parcels["because"]
    assert {SOFTWARE, TOGETHER} & set(found.causes) <= {TOGETHER}
    assert "rules/reclaimed_water.yaml" in found.causes
    assert len(found.causes) > 3
    assert found.causes == {
        cause: int(texts.str.split(" ").map(lambda held, c=cause: c in held).sum()) for cause in found.causes
    }


def test_nothing_changed_between_a_day_and_itself(past_city: Store, days: list[Told]) -> None:
    found = difference(past_city, days[5].at, days[5].at)
    assert (len(found.comparison.parcels), found.causes) == (0, {})
    assert found.comparison.unchanged_count == len(days[5].results[0])


def test_results_of_a_day_are_results(past_city: Store, days: list[Told]) -> None:
    result = result_at(past_city, days[6].at)
    pd.testing.assert_frame_equal(result.verdicts, days[6].results[1], check_exact=True)
    key = str(result.verdicts.index[3])
    assert result.explain(key)["ruleset"]["hash"] == days[6].run.ruleset_hash
    assert len(result.to_geodataframe()) == days[6].run.parcel_count


def test_without_results_there_is_nothing_to_compare(empty_store: Store) -> None:
    with pytest.raises(NotFoundError, match="no run 1"):
        difference(empty_store, 1, 2)
    with pytest.raises(NotFoundError, match="were no results yet at that time"):
        result_at(empty_store, when("2026-11-01"))
