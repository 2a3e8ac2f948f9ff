"""The ledger's arithmetic: claims by records and projects, what remains, and what a plant's mains share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.matching.ledger import claims, remaining_kw

NAN = float("nan")


def claimed(own, parent, projects):
    """Return committed and reserved kW; a project is (source, state, kW)."""
    source, state, kw = zip(*projects, strict=True) if projects else ((), (), ())
    found = claims(
        np.array(own, dtype=float),
        np.array(parent),
        np.array(source, dtype=np.int64),
        state,
        np.array(kw, dtype=float),
    )
    return found.committed_kw.tolist(), found.reserved_kw.tolist()


@pytest.mark.parametrize(
    ("own", "projects", "committed", "reserved"),
    [
        (NAN, [], 0.0, 0.0),
        (300.0, [], 300.0, 0.0),
        (300.0, [(0, "running", 100.0)], 300.0, 0.0),  # the record counts its projects in
        (300.0, [(0, "running", 250.0), (0, "approved", 150.0)], 400.0, 0.0),
        (NAN, [(0, "construction", 70.0), (0, None, 5.0)], 75.0, 0.0),
        (NAN, [(0, "ended", 70.0), (0, "idea", 20.0), (-1, "running", 999.0)], 0.0, 20.0),
    ],
)
def test_what_is_claimed_of_one_source(own, projects, committed, reserved):
    assert claimed([own], [-1], projects) == ([committed], [reserved])


def test_a_plant_counts_what_its_mains_give():
    projects = [(1, "running", 40.0), (2, "idea", 7.0), (0, "running", 5.0)]
    committed, reserved = claimed([10.0, NAN, 30.0], [-1, 0, 0], projects)
    assert committed == [75.0, 40.0, 30.0]
    assert reserved == [7.0, 0.0, 7.0]
    assert claimed([500.0, NAN, 30.0], [-1, 0, 0], projects)[0][0] == 500.0


def test_a_project_of_unknown_capacity_leaves_its_source_and_the_plant_unknown():
    committed, _ = claimed([NAN, NAN, NAN], [-1, 0, -1], [(1, "running", NAN)])
    assert np.isnan(committed).tolist() == [True, True, False]


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e6)), min_size=1, max_size=20))
def test_nothing_remains_below_zero_and_parts_add_up(rows):
    exploitable, committed, reserved = (np.array(column) for column in zip(*rows, strict=True))
    found = claims(committed, np.full(len(rows), -1), np.arange(len(rows)), ["idea"] * len(rows), reserved)
    left = remaining_kw(exploitable, found)
    assert (left >= 0).all()
    enough = exploitable >= committed + reserved
    np.testing.assert_allclose((left + committed + reserved)[enough], exploitable[enough], rtol=1e-12)
    assert (left[~enough] == 0).all()
