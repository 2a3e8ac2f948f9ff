"""Doublets, fields and closed loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.heat import geothermal

seeded = settings(derandomize=True, deadline=None)

WELL = {
    "surface_degc": 14.0,
    "depth_m": 2500.0,
    "inlet_degc": 20.0,
    "mass_flow_kg_per_s": 6.0,
    "well_radius_m": 0.12,
    "well_resistance_m_k_per_w": 0.03,
    "rock_heat_capacity_mj_per_m3_k": 2.5,
    "season_d": 120.0,
    "seasons": 20,
}
ROCK = {
    "porosity_frac": 0.2,
    "rock_heat_capacity_j_per_m3_k": 2650.0 * 850.0,
    "water_heat_capacity_j_per_m3_k": 4186e3,
}


def loop(gradient, conductivity, **changed):
    return geothermal.closed_loop_kw(np.array([gradient]), np.array([conductivity]), **WELL | changed)[0]


def test_closed_loop_declines_as_published():
    decline = 1.0 - loop(30.0, 2.5) / loop(30.0, 2.5, seasons=1)
    # Tsinghua, Energies 2020 13(3) 754: 9.5 % in 20 years; the well's own figures are not in the abstract.
    assert decline == pytest.approx(0.095, abs=0.005)


def test_the_gradient_decides():
    assert 135.0 < loop(20.0, 2.5) < 150.0 < loop(30.0, 2.5)


@seeded
@given(
    gradient=st.floats(15.0, 40.0),
    conductivity=st.floats(1.0, 5.0),
    more=st.floats(1.01, 1.5),
    seasons=st.integers(1, 40),
)
def test_more_never_gives_less(gradient, conductivity, more, seasons):
    now = loop(gradient, conductivity, seasons=seasons)
    assert loop(gradient * more, conductivity, seasons=seasons) > now
    assert loop(gradient, conductivity * more, seasons=seasons) > now
    assert loop(gradient, conductivity, seasons=seasons, depth_m=2500.0 * more) > now
    assert loop(gradient, conductivity, seasons=seasons, mass_flow_kg_per_s=6.0 * more) > now
    assert loop(gradient, conductivity, seasons=seasons, inlet_degc=20.0 * more) < now
    assert loop(gradient, conductivity, seasons=seasons + 1) < now


def test_closed_loops_broadcast_over_parcels_and_samples():
    gradient = np.array([20.0, 25.0, 30.0, np.nan, 30.0])
    conductivity = np.array([2.5, 2.5, 1.9, 2.5, np.nan])
    depth, heat_capacity = np.full(5, 2500.0), np.linspace(2.0, 3.0, 5)
    power = geothermal.closed_loop_kw(
        gradient,
        conductivity,
        **WELL | {"depth_m": depth, "rock_heat_capacity_mj_per_m3_k": heat_capacity},
    )
    alone = [
        loop(g, k, rock_heat_capacity_mj_per_m3_k=c)
        for g, k, c in zip(gradient, conductivity, heat_capacity, strict=True)
    ]
    np.testing.assert_allclose(power, alone, rtol=1e-12)
    assert np.isnan(power[3:]).all()
    assert not np.isnan(power[:3]).any()


def test_ground_colder_than_the_inlet_gives_nothing():
    assert loop(4.0, 2.5) == 0.0


def test_doublet():
    power = geothermal.doublet_kw(np.array([3072.64, 3072.64, 3072.64]), np.array([92.0, 20.0, np.nan]), 25.0)
    assert power[0] == pytest.approx(4187.0 * 3072.64 / 86400.0 * 67.0)
    assert power[1] == 0.0
    assert np.isnan(power[2])
    back = geothermal.rejection_degc(power[:1], np.array([3072.64]), np.array([92.0]))
    assert back == pytest.approx([25.0])


@seeded
@given(
    life=st.floats(5.0, 200.0),
    duty=st.floats(0.1, 1.0),
    thickness=st.floats(10.0, 300.0),
    flow=st.floats(20.0, 300.0),
)
def test_spacing_and_life_are_inverse(life, duty, thickness, flow):
    spacing = geothermal.doublet_spacing_m(
        thickness, flow, ROCK["porosity_frac"], *list(ROCK.values())[1:], life_a=life, duty_frac=duty
    )
    found = geothermal.breakthrough_a(spacing, thickness, flow, **ROCK, duty_frac=duty)
    assert float(found) == pytest.approx(life, rel=1e-12)


def test_a_thicker_reservoir_and_less_water_live_longer():
    life = geothermal.breakthrough_a(500.0, np.array([50.0, 100.0]), np.array([[100.0], [200.0]]), **ROCK)
    assert life[0] == pytest.approx([9.414781, 18.829563], rel=1e-6)
    np.testing.assert_allclose(life[1], life[0] / 2.0)
    seasonal = geothermal.breakthrough_a(500.0, 50.0, 100.0, **ROCK, duty_frac=1.0 / 3.0)
    assert float(seasonal) == pytest.approx(3.0 * 9.414781, rel=1e-6)


def test_heat_in_place():
    stock = geothermal.heat_in_place_j(
        1e6, 100.0, 0.06, 2700.0 * 920.0, 4186e3, np.array([70.0, 10.0, np.nan]), 15.0
    )
    assert stock[0] == pytest.approx(1.422366e16, rel=1e-6)
    assert stock[1] == 0.0
    assert np.isnan(stock[2])
    assert geothermal.recoverable_mw(stock[:1], 0.15, 50.0) == pytest.approx([1.352161761], rel=1e-6)
