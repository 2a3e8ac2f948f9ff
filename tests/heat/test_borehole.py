"""One borehole: G.POT against the superposition it was fitted to, and its monotony."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import exp1

from gis.heat import ashrae, borehole

seeded = settings(derandomize=True, deadline=None)

BASE = borehole.Well(
    depth_m=100.0,
    radius_m=0.075,
    resistance_m_k_per_w=0.1,
    limit_temperature_degc=-2.0,
    season_d=180.0,
    lifetime_a=50.0,
)
BEIJING = replace(BASE, limit_temperature_degc=6.0, depth_m=120.0, season_d=121.0)


def energy(lam, rho_c, ground_degc, well):
    args = [np.atleast_1d(np.asarray(v, dtype=float)) for v in (lam, rho_c, ground_degc)]
    return borehole.gpot_energy_kwh_per_a(*args, well)


def by_line_sources(lam, rho_c, ground_degc, well):
    """Heat a year in kWh: daily line sources superposed under a half-sine load over the lifetime.

    The fluid is coldest in the last season: the wall by what all days before took, the fluid below
    it by the resistance of the borehole times the day's load.
    """
    season, years = int(well.season_d), int(well.lifetime_a)
    year = np.zeros(365)
    year[:season] = np.sin(np.pi * (np.arange(season) + 0.5) / season)
    load = np.tile(year, years)
    step = np.diff(load, prepend=0.0)
    diffusivity = lam / (rho_c * 1e6)
    day = np.arange(1, len(load) + 1)
    g = exp1(well.radius_m**2 / (4.0 * diffusivity * day * 86400.0))
    last = np.arange(len(load) - 365, len(load) - 365 + season)
    wall = np.array([step[: end + 1] @ g[end::-1] for end in last]) / (4.0 * np.pi * lam)
    kelvin_per_w_per_m = (wall + well.resistance_m_k_per_w * load[last]).max()
    peak_w = (ground_degc - well.limit_temperature_degc) * well.depth_m / kelvin_per_w_per_m
    return peak_w * load.mean() * 8.76


@pytest.mark.parametrize(
    ("ground", "well", "kwh_per_a"),
    [((2.0, 2.5, 10.0), BASE, 7353.279498), ((1.9, 2.4, 14.5), BEIJING, 4372.487806)],
)
def test_gpot_agrees_with_superposed_line_sources(ground, well, kwh_per_a):
    superposed = by_line_sources(*ground, well)
    assert superposed == pytest.approx(kwh_per_a, rel=1e-8)
    assert energy(*ground, well)[0] == pytest.approx(superposed, rel=0.01)


@seeded
@given(
    lam=st.floats(1.0, 5.0),
    rho_c=st.floats(1.5, 3.5),
    gap=st.floats(1.0, 20.0),
    season=st.floats(60.0, 200.0),
    more=st.floats(1.01, 2.0),
)
def test_more_never_gives_less(lam, rho_c, gap, season, more):
    well = replace(BASE, season_d=season)
    now = energy(lam, rho_c, gap - 2.0, well)
    assert now > 0.0
    assert energy(lam * more, rho_c, gap - 2.0, well) > now
    assert energy(lam, rho_c, gap * more - 2.0, well) > now
    assert energy(lam, rho_c, gap - 2.0, replace(well, depth_m=100.0 * more)) > now
    assert energy(lam, rho_c, gap - 2.0, replace(well, resistance_m_k_per_w=0.1 * more)) < now
    assert energy(lam, rho_c, gap - 2.0, replace(well, lifetime_a=50.0 * more)) < now


def test_ground_colder_than_the_limit_gives_nothing():
    assert energy(2.0, 2.5, -3.0, BASE) == [0.0]


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_what_is_not_known_stays_not_known(bad):
    values = [2.0, 2.5, 10.0]
    values[bad] = np.nan
    assert np.isnan(energy(*values, BASE)).all()


def test_thermal_balance():
    balance = borehole.thermal_balance_frac(
        np.array([100.0, 0.0, np.nan]), np.array([56.0, 10.0, 5.0]), 3.5, 4.0
    )
    assert balance[0] == pytest.approx(0.98)
    assert np.isnan(balance[1:]).all()


def test_only_whole_boreholes():
    assert borehole.borehole_count(np.array([24.9, 25.0, 110.0]), 5.0).tolist() == [0.0, 1.0, 4.0]
    assert np.isnan(borehole.borehole_count(np.array([np.nan]), 5.0)).all()


def test_the_published_length_of_a_field_is_longer_than_without_neighbours():
    ground, loads = ashrae.Ground(2.25, 0.06757, 12.41), ashrae.Loads(-392250.0, -100000.0, -20000.0)
    bore = {"borehole_radius_m": 0.054, "borehole_resistance_m_k_per_w": 0.1, "fluid_degc": 2.75}
    alone = ashrae.length_m(loads, ground, penalty_k=0.0, **bore)
    field = {"count": 120, "aspect": 1.2}
    wide, dense = (
        ashrae.field_length_m(loads, ground, spacing_m=spacing, **field, **bore) for spacing in (8.0, 6.0)
    )
    assert alone < wide < dense


def test_a_field_too_dense_for_its_load_has_no_length():
    ground, loads = ashrae.Ground(2.25, 0.06757, 3.0), ashrae.Loads(-392250.0, -100000.0, -60000.0)
    length = ashrae.field_length_m(
        loads,
        ground,
        borehole_radius_m=0.054,
        borehole_resistance_m_k_per_w=0.1,
        fluid_degc=2.75,
        spacing_m=3.0,
        count=120,
        aspect=1.2,
    )
    assert np.isnan(length)
