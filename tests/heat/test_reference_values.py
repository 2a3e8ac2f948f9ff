"""The closed forms against published and independently computed numbers.

Sources: G.POT doctests of GRASS r.green.gshp (Casasso and Sethi 2016); When2Heat parameters
(Ruhnau et al. 2019); CJJ 34 annual heat; the closed loop and doublet by hand from their formulas.
"""

from __future__ import annotations

import numpy as np
import pytest

from gis.heat import demand, geothermal, ground_source, heat_pump

BOREHOLE = {
    "limit_temperature_degc": -2.0,
    "depth_m": 100.0,
    "borehole_radius_m": 0.075,
    "borehole_resistance_m_k_per_w": 0.1,
    "season_d": 180.0,
    "lifetime_a": 50.0,
}
WELL = {
    "surface_degc": 14.0,
    "depth_m": 2500.0,
    "inlet_degc": 20.0,
    "mass_flow_kg_per_s": 6.0,
    "well_radius_m": 0.12,
    "well_resistance_m_k_per_w": 0.03,
    "rock_heat_capacity_mj_per_m3_k": 2.5,
    "season_d": 120.0,
}
AIR = (6.0801, -0.0941, 0.0005)
CLIMATE = {
    "design_outdoor_degc": -7.6,
    "mean_outdoor_degc": -0.7,
    "season_d": 123.0,
    "indoor_degc": 18.0,
}


@pytest.mark.parametrize(
    ("conductivity", "kwh_per_a"),
    [(2.0, 7397.577645), (4.13, 11717.30415), (2.66, 8948.170203), (2.17, 7820.19538)],
)
def test_one_borehole(conductivity, kwh_per_a):
    energy = ground_source.borehole_energy_kwh_per_a(
        np.array([conductivity]), np.array([2.5]), np.array([10.0]), **BOREHOLE
    )
    assert energy == pytest.approx([kwh_per_a], rel=1e-6)


def test_one_borehole_in_beijing():
    beijing = BOREHOLE | {"limit_temperature_degc": 6.0, "depth_m": 120.0, "season_d": 121.0}
    energy = ground_source.borehole_energy_kwh_per_a(
        np.array([1.9]), np.array([2.4]), np.array([14.5]), **beijing
    )
    assert energy == pytest.approx([4393.476444], rel=1e-6)


def test_ground_colder_than_the_limit_gives_nothing():
    energy = ground_source.borehole_energy_kwh_per_a(
        np.array([2.0]), np.array([2.5]), np.array([-3.0]), **BOREHOLE
    )
    assert energy == [0.0]


def test_closed_loop_in_its_first_year():
    power = geothermal.closed_loop_kw(np.array([30.0]), np.array([2.5]), seasons=1, **WELL)
    assert power == pytest.approx([250.0427997], rel=1e-6)


def test_closed_loop_declines_by_about_a_tenth_in_twenty_years():
    first, last = (
        geothermal.closed_loop_kw(np.array([30.0]), np.array([2.5]), seasons=n, **WELL)[0] for n in (1, 20)
    )
    # Tsinghua, Energies 2020 13(3) 754: 9.5 % in 20 years.
    assert 1 - last / first == pytest.approx(0.095, abs=0.01)


def test_doublet_of_xiji_1():
    # 3,072.64 m3/d at 92 degC and 8.5 MW imply rejection at 34.9 degC.
    power = geothermal.doublet_kw(np.array([3072.64]), np.array([92.0]), 34.912796)
    assert power == pytest.approx([8500.0], rel=1e-3)


def test_water_source():
    source = heat_pump.water_source_kw(np.array([86400.0]), np.array([5.0]))
    assert source == pytest.approx([20935.0], rel=1e-6)
    assert heat_pump.delivered_kw(source, 4.5) == pytest.approx([26916.42857], rel=1e-6)


@pytest.mark.parametrize(
    ("outdoor", "supply", "factor", "cop"),
    [
        (20.0, 35.0, 1.0, 4.7811),
        (30.0, 35.0, 1.0, 4.7811),
        (-13.6, 35.0, 1.0, 2.68782),
        (-7.6, 35.0, 0.85, 2.532),
    ],
)
def test_air_source(outdoor, supply, factor, cop):
    assert heat_pump.air_source_cop(outdoor, supply, AIR, factor) == pytest.approx(cop, rel=1e-4)


def test_annual_heat_of_beijing():
    hours = demand.full_load_hours(123.0, 18.0, -0.7, -7.6)
    assert hours == pytest.approx(2156.34, rel=1e-5)
    load_kw = demand.heat_load_kw(np.array([1000.0]), np.array([45.0]))
    assert demand.annual_mwh(load_kw, hours) == pytest.approx([97.0], rel=1e-3)


@pytest.mark.parametrize(
    ("share", "covered"),
    [
        (0.0, 0.0),
        (0.3, 0.4040203584),
        (0.4, 0.5386938112),
        (0.6, 0.7948387237),
        (0.8, 0.9491406181),
        (1.0, 1.0),
    ],
)
def test_coverage_of_the_load_duration_curve(share, covered):
    assert demand.coverage_frac(np.array([share]), **CLIMATE) == pytest.approx([covered], abs=1e-4)


def test_thermal_balance():
    balance = ground_source.thermal_balance_frac(np.array([100.0, 0.0]), np.array([56.0, 10.0]), 3.5, 4.0)
    assert balance[0] == pytest.approx(0.98)
    assert np.isnan(balance[1])


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_what_is_not_known_stays_not_known(bad):
    values = [np.array([v]) for v in (2.0, 2.5, 10.0)]
    values[bad] = np.array([np.nan])
    assert np.isnan(ground_source.borehole_energy_kwh_per_a(*values, **BOREHOLE)).all()
    assert np.isnan(heat_pump.water_source_kw(np.array([np.nan]), np.array([5.0]))).all()
    assert np.isnan(geothermal.doublet_kw(np.array([1000.0]), np.array([np.nan]), 25.0)).all()
