"""Demand and the load-duration curve."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.heat import demand
from gis.heat.demand import Climate, coverage_frac, outdoor_bins

seeded = settings(derandomize=True, deadline=None)

BEIJING = Climate(
    season_d=123.0, indoor_degc=18.0, mean_outdoor_degc=-0.7, design_outdoor_degc=-7.6, peak_d=5.0
)
SHARES = np.linspace(0.0, 1.0, 201)

climates = st.builds(
    Climate,
    season_d=st.floats(90.0, 200.0),
    indoor_degc=st.floats(16.0, 22.0),
    mean_outdoor_degc=st.floats(-3.0, 2.0),
    design_outdoor_degc=st.floats(-15.0, -5.5),
    peak_d=st.just(5.0),
)


def by_integration(share, climate, days=200_000):
    """The area below the curve and below the share, by summing strips."""
    n = (np.arange(days) + 0.5) / days * climate.season_d
    r = np.maximum(n - climate.peak_d, 0.0) / (climate.season_d - climate.peak_d)
    q = 1.0 - climate.b0 * r**climate.exponent
    return np.minimum(q, share).sum() / q.sum()


@pytest.mark.parametrize("share", [0.05, 0.4, 0.5078125, 0.55, 0.7, 0.95, 0.999])
def test_coverage_is_the_area_below_the_curve(share):
    for climate in (BEIJING, dataclasses.replace(BEIJING, season_d=141.0, design_outdoor_degc=-12.0)):
        covered = coverage_frac(share, climate, actual_peak_frac=1.0)
        assert float(covered) == pytest.approx(by_integration(share, climate), abs=2e-6)


@seeded
@given(climate=climates, peak=st.floats(0.5, 1.0))
def test_coverage_rises_ever_more_slowly_from_nothing_to_all(climate, peak):
    covered = coverage_frac(SHARES * peak, climate, actual_peak_frac=peak)
    steps = np.diff(covered)
    assert covered[0] == 0.0
    assert covered[-1] == 1.0
    assert (steps > 0.0).all()
    assert (np.diff(steps) < 1e-12).all()


def test_a_lower_real_peak_covers_more():
    assert (
        coverage_frac(SHARES[1:120], BEIJING, actual_peak_frac=0.8)
        > coverage_frac(SHARES[1:120], BEIJING, actual_peak_frac=1.0)
    ).all()
    assert float(coverage_frac(0.85, BEIJING, actual_peak_frac=0.8)) == 1.0


def test_each_parcel_has_its_own_season():
    season_d = np.array([121.0, 141.0, 121.0])
    share = np.array([0.6, 0.6, np.nan])
    together = coverage_frac(share, dataclasses.replace(BEIJING, season_d=season_d), actual_peak_frac=1.0)
    alone = [
        float(coverage_frac(x, dataclasses.replace(BEIJING, season_d=d), actual_peak_frac=1.0))
        for x, d in zip(share, season_d, strict=True)
    ]
    np.testing.assert_array_equal(together, alone)
    assert together[0] != together[1]
    assert np.isnan(together[2])


def test_shares_outside_the_curve():
    covered = coverage_frac(np.array([-0.2, 1.0, 3.0, np.inf]), BEIJING, actual_peak_frac=1.0)
    assert covered.tolist() == [0.0, 1.0, 1.0, 1.0]


@seeded
@given(climate=climates, count=st.integers(1, 60))
def test_bins_hold_the_whole_season(climate, count):
    outdoor, heat = outdoor_bins(climate, count)
    load = (climate.indoor_degc - outdoor) / (climate.indoor_degc - climate.design_outdoor_degc)
    assert outdoor.shape == heat.shape == (count,)
    assert heat.sum() == pytest.approx(1.0, rel=1e-12)
    assert load.mean() == pytest.approx(climate.load_factor, rel=1e-9)
    assert (np.diff(outdoor) > -1e-9).all()
    np.testing.assert_allclose(heat, load / load.sum(), rtol=1e-9)


def test_bins_begin_at_the_design_temperature_and_end_where_heating_ends():
    outdoor, _ = outdoor_bins(BEIJING, 1000)
    assert outdoor[0] == pytest.approx(-7.6)
    assert outdoor[-1] == pytest.approx(5.0, abs=0.02)


def test_bins_of_several_seasons():
    outdoor, heat = outdoor_bins(dataclasses.replace(BEIJING, season_d=np.array([121.0, 141.0])), 8)
    alone = outdoor_bins(dataclasses.replace(BEIJING, season_d=141.0), 8)
    np.testing.assert_allclose(outdoor[:, 1], alone[0], rtol=1e-12)
    np.testing.assert_allclose(heat[:, 1], alone[1], rtol=1e-12)


def test_annual_heat_of_a_season_per_parcel():
    hours = demand.full_load_hours(np.array([123.0, 141.0]), 18.0, -0.7, -7.6)
    assert hours == pytest.approx([2156.34375, 2156.34375 * 141 / 123])
    load = demand.heat_load_kw(np.array([1000.0, np.nan]), np.array([45.0, 45.0]))
    assert demand.annual_mwh(load, hours)[0] == pytest.approx(97.03546875)
    assert np.isnan(demand.annual_mwh(load, hours)[1])
