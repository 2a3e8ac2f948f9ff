"""Reclaimed water: the taps of one main share its kelvins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.heat.reclaimed_water import connection_max_m, walk_main, water_heat_kw

seeded = settings(derandomize=True, deadline=None)

LIMITS = {"least_degc": 4.0, "usable_k": 5.0}

flows = st.floats(1_000.0, 500_000.0)
inlets = st.floats(0.0, 20.0)
taps = st.lists(st.floats(0.0, 20_000.0), min_size=1, max_size=12).map(np.array)


@seeded
@given(flow=flows, inlet=inlets, taps_kw=taps)
def test_the_taps_never_take_more_than_the_water_has(flow, inlet, taps_kw):
    taken, after = walk_main(flow, inlet, taps_kw, **LIMITS)
    limit = float(water_heat_kw(flow, max(min(5.0, inlet - 4.0), 0.0)))
    assert taken.sum() <= limit * (1.0 + 1e-9)
    assert (taken >= 0.0).all()
    assert (taken <= taps_kw).all()
    assert (after >= min(inlet, max(4.0, inlet - 5.0)) - 1e-9).all()
    # No tap goes short while heat is left.
    short = taken < taps_kw - 1e-6
    assert not short.any() or taken.sum() == pytest.approx(limit, rel=1e-9, abs=1e-6)


@seeded
@given(flow=flows, inlet=inlets, taps_kw=taps)
def test_the_temperature_falls_by_what_is_taken(flow, inlet, taps_kw):
    taken, after = walk_main(flow, inlet, taps_kw, **LIMITS)
    temperature = inlet
    for heat, found in zip(taken, after, strict=True):
        temperature -= heat / (4187.0 * flow / 86400.0)
        assert found == pytest.approx(temperature, abs=1e-6)


@seeded
@given(flow=flows, inlet=inlets, taps_kw=taps, first=st.floats(0.0, 20_000.0))
def test_a_tap_upstream_never_leaves_more_downstream(flow, inlet, taps_kw, first):
    without, cold = walk_main(flow, inlet, taps_kw, **LIMITS)
    taken, colder = walk_main(flow, inlet, np.array([first, *taps_kw]), **LIMITS)
    assert (taken[1:] <= without + 1e-6).all()
    assert (colder[1:] <= cold + 1e-9).all()


@seeded
@given(flow=flows, inlet=inlets, taps_kw=taps, more=st.floats(1.0, 3.0))
def test_more_flow_or_warmer_water_never_gives_less(flow, inlet, taps_kw, more):
    now = walk_main(flow, inlet, taps_kw, **LIMITS)[0].sum()
    assert walk_main(flow * more, inlet, taps_kw, **LIMITS)[0].sum() >= now - 1e-6
    assert walk_main(flow, inlet + more, taps_kw, **LIMITS)[0].sum() >= now - 1e-6


def test_a_main_that_is_sold_out():
    # 86,400 m3/d cooled by 5 K hold 20,935 kW.
    taken, after = walk_main(86400.0, 13.0, np.array([15000.0, 10000.0, 1000.0]), **LIMITS)
    assert taken == pytest.approx([15000.0, 5935.0, 0.0])
    assert after == pytest.approx([13.0 - 15000.0 / 4187.0, 8.0, 8.0])


def test_what_is_not_known_stays_not_known():
    wanted = np.array([100.0, 200.0])
    for flow, inlet in ((np.nan, 13.0), (50_000.0, np.nan)):
        taken, after = walk_main(flow, inlet, wanted, **LIMITS)
        assert np.isnan(taken).all()
        assert np.isnan(after).all()
    taken, after = walk_main(50_000.0, 13.0, np.array([100.0, np.nan, 100.0]), **LIMITS)
    assert taken[0] == 100.0
    assert np.isnan(taken[1:]).all()
    assert np.isnan(after[1:]).all()


def test_no_water_gives_no_heat():
    taken, after = walk_main(0.0, 13.0, np.array([100.0]), **LIMITS)
    assert taken.tolist() == [0.0]
    assert after.tolist() == [13.0]


def test_longest_connection():
    assert connection_max_m(np.array([776.0]), 1.5) == pytest.approx([517.33], abs=0.01)
    assert water_heat_kw(np.array([86400.0]), 5.0) == pytest.approx([20935.0])
