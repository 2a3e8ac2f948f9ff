"""From supply to the network: which sources draw on one plant."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gis.citywide.problem import groups


@st.composite
def sources(draw):
    """Return the parent (-1: none) and what is left of plants and mains, in any order; some not known."""
    plants = draw(st.integers(1, 8))
    mains = draw(st.lists(st.integers(-1, plants - 1), max_size=30))
    order = np.array(draw(st.permutations(range(plants + len(mains)))))
    place = np.argsort(order)
    parent = np.full(len(order), -1)
    parent[place[plants:]] = [place[plant] if plant >= 0 else -1 for plant in mains]
    left_kw = draw(st.lists(st.sampled_from([0.0, 5.0, np.nan]), min_size=len(order), max_size=len(order)))
    return parent, np.array(left_kw)


@given(sources())
def test_a_plant_and_its_mains_are_a_group(drawn):
    parent, left_kw = drawn
    group, group_left_kw = groups(parent, left_kw)
    expected, expected_kw = np.full(len(parent), -1), []
    for head in range(len(parent)):
        fed = np.flatnonzero(parent == head)
        if len(fed) and not np.isnan(left_kw[head]):
            expected[[head, *fed]] = len(expected_kw)
            expected_kw.append(left_kw[head])
    assert group.tolist() == expected.tolist()
    assert group_left_kw.tolist() == expected_kw


def test_where_nothing_is_fed_there_is_no_group():
    for parent in (np.full(3, -1), np.empty(0, dtype=np.int64)):
        group, left_kw = groups(parent, np.ones(len(parent)))
        assert (group == -1).all()
        assert len(group) == len(parent)
        assert len(left_kw) == 0
