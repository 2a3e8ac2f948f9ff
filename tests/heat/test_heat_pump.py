"""Heat pumps: the COP of air, water and ground sources, and what they deliver."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.heat import air_source, heat_pump
from gis.heat.demand import Climate, outdoor_bins

seeded = settings(derandomize=True, deadline=None)

AIR = (6.0801, -0.0941, 0.0005)
GROUND = (10.288, -0.2084, 0.0012)
WATER = (9.9696, -0.2049, 0.0012)
BEIJING = Climate(123.0, 18.0, -0.7, -7.6, 5.0)


def generic_pumps():
    """The COP of hplib's generic pumps, as the reference table holds them."""
    with (Path(__file__).parent / "reference_values.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["model"] == "cop_hplib":
                yield json.loads(row["inputs_json"]), float(row["expected"])


@pytest.mark.parametrize(("pump", "expected"), generic_pumps())
def test_two_independent_regressions_agree(pump, expected):
    """When2Heat (no field correction) against hplib: within 10 % from -7.6 to -0.7 degC and for water
    and ground; within 25 % at +7 degC, where hplib's inverter pump gains at part load, and at -12 degC.
    """
    coefficients = {1: AIR, 4: AIR, 5: GROUND, 6: WATER}[pump["group"]]
    cop = air_source.cop(pump["t_in_primary"], pump["t_out"], coefficients, 1.0)
    band = 0.25 if pump["t_in_primary"] in (-12, 7) else 0.10
    assert float(cop) == pytest.approx(expected, rel=band)


@seeded
@given(
    source=st.floats(-25.0, 20.0),
    supply=st.floats(25.0, 70.0),
    more=st.floats(0.1, 10.0),
    coefficients=st.sampled_from([AIR, GROUND, WATER]),
)
def test_cop_falls_with_lift_within_the_fit(source, supply, more, coefficients):
    end_of_fit = -coefficients[1] / (2.0 * coefficients[2])
    lift = supply - source
    if lift < air_source.LEAST_LIFT_K or lift + more > end_of_fit:
        return
    now = air_source.cop(source, supply, coefficients, 0.85)
    assert air_source.cop(source, supply + more, coefficients, 0.85) < now
    assert air_source.cop(source - more, supply, coefficients, 0.85) < now


def test_below_the_least_lift_the_cop_stays():
    assert air_source.cop(np.array([20.0, 30.0, 40.0]), 35.0, AIR, 1.0) == pytest.approx([4.7811] * 3)


def test_the_rating_points_of_the_policy():
    # At -7.6 degC floor heating passes 2.5, radiators do not; at -12 degC neither does.
    cop = air_source.cop(np.array([-7.6, -7.6, -12.0, -12.0]), np.array([35.0, 41.0, 35.0, 41.0]), AIR, 0.85)
    assert cop == pytest.approx([2.5319, 2.2846, 2.3476, 2.1227], abs=1e-4)


@seeded
@given(
    least=st.floats(1.0, 4.5),
    outdoor=st.floats(-25.0, 15.0),
    field=st.floats(0.7, 1.0),
    coefficients=st.sampled_from([AIR, GROUND, WATER]),
)
def test_highest_supply_is_where_the_cop_is_just_reached(least, outdoor, field, coefficients):
    a, b, c = coefficients
    highest = float(air_source.highest_supply_degc(least, outdoor, coefficients, field))
    best = float(air_source.cop(outdoor, outdoor, coefficients, field))
    lowest = (a - b**2 / (4.0 * c)) * field
    if np.isnan(highest):
        assert best < least + 1e-9
    elif least <= lowest:
        assert highest - outdoor == pytest.approx(-b / (2.0 * c))
    else:
        assert float(air_source.cop(outdoor, highest, coefficients, field)) == pytest.approx(least, rel=1e-9)


def test_seasonal_cop_is_heat_over_electricity():
    bins = outdoor_bins(BEIJING, 24)
    cops = air_source.cop(bins[0], 41.0, AIR, 0.85)
    seasonal = float(air_source.seasonal_cop(bins, 41.0, AIR, 0.85))
    assert seasonal == pytest.approx(1.0 / np.average(1.0 / cops, weights=bins[1]))
    assert cops[0] < seasonal < cops[-1]
    finer = float(air_source.seasonal_cop(outdoor_bins(BEIJING, 500), 41.0, AIR, 0.85))
    assert seasonal == pytest.approx(finer, rel=1e-3)


def test_seasonal_cop_of_parcels_and_samples():
    bins = outdoor_bins(BEIJING, 24)
    supply = np.array([35.0, 41.0, np.nan])
    seasonal = air_source.seasonal_cop(bins, supply, AIR, np.array([0.85, 0.8, 0.85]))
    assert seasonal[0] == pytest.approx(float(air_source.seasonal_cop(bins, 35.0, AIR, 0.85)))
    assert seasonal[1] == pytest.approx(float(air_source.seasonal_cop(bins, 41.0, AIR, 0.8)))
    assert np.isnan(seasonal[2])


def test_whole_units():
    count = air_source.unit_count(np.array([0.0, 1.0, 600.0, 601.0, np.nan]), 300.0)
    assert count[:4].tolist() == [0.0, 1.0, 2.0, 3.0]
    assert np.isnan(count[4])


@seeded
@given(
    sink=st.floats(35.0, 80.0),
    spread=st.floats(0.0, 15.0),
    lift=st.floats(10.0, 60.0),
    eta=st.floats(0.3, 0.6),
)
def test_lorenz_lies_above_carnot_of_the_extremes(sink, spread, lift, eta):
    source = sink - lift
    lorenz = heat_pump.lorenz_cop(sink - spread, sink, source, source - spread, eta)
    carnot = heat_pump.carnot_cop(sink, source - spread, eta)
    assert lorenz >= carnot * (1.0 - 1e-12)
    assert heat_pump.lorenz_cop(sink - spread, sink, source - 1.0, source - spread - 1.0, eta) < lorenz


def test_log_mean_of_equal_and_nearly_equal_temperatures():
    assert heat_pump.log_mean_k(np.array([20.0, 20.0, 20.0]), np.array([20.0, 20.0 + 1e-9, 40.0])) == (
        pytest.approx([293.15, 293.15 + 5e-10, 20.0 / np.log(313.15 / 293.15)], rel=1e-13)
    )


def test_no_heat_pump_between_a_warm_source_and_a_colder_sink():
    assert np.isnan(heat_pump.carnot_cop(np.array([40.0, 40.0]), np.array([40.0, 50.0]), 0.5)).all()


def test_delivered_heat_is_source_and_electricity():
    delivered = heat_pump.delivered_kw(np.array([300.0, np.nan]), 4.0)
    assert delivered[0] == 400.0 == 300.0 + delivered[0] / 4.0
    assert np.isnan(delivered[1])
