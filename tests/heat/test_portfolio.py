"""Several sources on one load."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.heat.demand import Climate, coverage_frac
from gis.heat.portfolio import stack

seeded = settings(derandomize=True, deadline=None)

BEIJING = Climate(121.0, 18.0, -0.7, -7.6, 5.0)


def some_parcels(count, seed=3):
    rng = np.random.default_rng(seed)
    load = rng.uniform(10.0, 5000.0, count)
    offers = load * rng.uniform(0.0, 0.6, (6, count)) * (rng.random((6, count)) < 0.5)
    return load, offers


@seeded
@given(
    offers=st.lists(st.floats(0.0, 2000.0), min_size=1, max_size=6),
    load=st.floats(1.0, 3000.0),
    peak=st.floats(0.6, 1.0),
)
def test_the_stack_adds_up(offers, load, peak):
    offer = np.array(offers)[:, None]
    result = stack(np.array([load]), offer, BEIJING, actual_peak_frac=peak)
    installed = result.installed_kw.sum()
    assert installed == pytest.approx(min(load, sum(offers)))
    assert installed + result.unmet_kw[0] == pytest.approx(load)
    assert (result.installed_kw <= offer).all()
    assert (result.energy_frac >= 0.0).all()
    share = result.installed_frac.sum()
    assert result.energy_frac.sum() == pytest.approx(
        float(coverage_frac(share, BEIJING, actual_peak_frac=peak)), abs=1e-12
    )


def test_energy_is_the_difference_of_the_coverage():
    load, offers = some_parcels(200)
    result = stack(load, offers, BEIJING, actual_peak_frac=0.8)
    upto = np.cumsum(result.installed_frac, axis=0)
    covered = coverage_frac(upto, BEIJING, actual_peak_frac=0.8)
    np.testing.assert_allclose(np.cumsum(result.energy_frac, axis=0), covered, atol=1e-9)


def test_the_first_source_runs_longest():
    result = stack(np.array([100.0]), np.array([[60.0], [60.0]]), BEIJING, actual_peak_frac=1.0)
    assert result.installed_kw[:, 0].tolist() == [60.0, 40.0]
    assert result.energy_frac[0, 0] == pytest.approx(0.795, abs=0.002)
    assert result.energy_frac.sum() == 1.0
    swapped = stack(np.array([100.0]), np.array([[0.0], [60.0]]), BEIJING, actual_peak_frac=1.0)
    assert swapped.energy_frac[:, 0].tolist() == [0.0, result.energy_frac[0, 0]]
    assert swapped.unmet_kw.tolist() == [40.0]


def test_an_offer_without_limit_takes_the_rest():
    result = stack(np.array([100.0]), np.array([[30.0], [np.inf]]), BEIJING, actual_peak_frac=1.0)
    assert result.installed_kw[:, 0].tolist() == [30.0, 70.0]
    assert result.unmet_kw.tolist() == [0.0]


def test_no_load_and_unknown_load_have_no_shares():
    load = np.array([0.0, np.nan, 100.0])
    offers = np.array([[50.0, 50.0, 50.0], [50.0, 50.0, np.nan]])
    result = stack(load, offers, BEIJING, actual_peak_frac=1.0)
    assert np.isnan(result.installed_frac[:, :2]).all()
    assert np.isnan(result.energy_frac[:, :2]).all()
    assert result.installed_kw[:, 0].tolist() == [0.0, 0.0]
    assert result.unmet_kw[0] == 0.0
    assert np.isnan(result.unmet_kw[1:]).all()
    assert result.installed_frac[0, 2] == 0.5
    assert np.isnan(result.energy_frac[1, 2])


def test_a_season_per_parcel_and_chunks():
    load, offers = some_parcels(16_434)
    season_d = np.where(np.arange(len(load)) % 3 == 0, 141.0, 121.0)
    result = stack(load, offers, dataclasses.replace(BEIJING, season_d=season_d), actual_peak_frac=1.0)
    for days in (121.0, 141.0):
        own = season_d == days
        climate = dataclasses.replace(BEIJING, season_d=days)
        alone = stack(load[own], offers[:, own], climate, actual_peak_frac=1.0)
        np.testing.assert_allclose(result.energy_frac[:, own], alone.energy_frac, rtol=1e-12, atol=1e-15)
        np.testing.assert_array_equal(result.installed_kw[:, own], alone.installed_kw)


def test_a_hundred_thousand_parcels_in_a_blink():
    load, offers = some_parcels(100_000)
    begin = time.process_time()
    stack(load, offers, BEIJING, actual_peak_frac=1.0)
    # 0.03 s here; a loop over parcels in Python would take seconds.
    assert time.process_time() - begin < 0.5
