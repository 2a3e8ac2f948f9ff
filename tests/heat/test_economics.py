"""Money, carbon, subsidy, storage and waste heat."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.heat import economics, storage, waste_heat

seeded = settings(derandomize=True, deadline=None)

TIERS = {"full_from_frac": 0.6, "part_from_frac": 0.3, "full_frac": 0.3, "part_frac": 0.2}
COSTS = {"capital_recovery_frac": 0.087, "om_frac": 0.02, "electricity_cny_per_kwh": 0.75}


def test_the_tiers_of_subsidy_begin_at_their_bounds():
    share = np.array([0.0, 0.2999, 0.3, 0.5999, 0.6, 1.0, np.nan])
    single = economics.subsidy_frac(share, np.zeros(7, dtype=bool), **TIERS)
    several = economics.subsidy_frac(share, np.ones(7, dtype=bool), **TIERS)
    assert single[:6].tolist() == [0.0, 0.0, 0.2, 0.2, 0.3, 0.3]
    assert several[:6].tolist() == [0.0, 0.0, 0.3, 0.3, 0.3, 0.3]
    assert np.isnan([single[6], several[6]]).all()


@seeded
@given(rate=st.floats(0.001, 0.2), years=st.floats(1.0, 60.0))
def test_the_annuity_repays_the_capital(rate, years):
    annuity = economics.capital_recovery_frac(rate, years)
    assert annuity * (1.0 - (1.0 + rate) ** -years) / rate == pytest.approx(1.0, rel=1e-9)
    assert annuity > 1.0 / years


def test_without_interest_the_annuity_is_the_share_of_a_year():
    assert economics.capital_recovery_frac(0.0, 20.0) == 0.05
    assert economics.capital_recovery_frac(1e-6, 20.0) == pytest.approx(0.05, rel=1e-4)


def test_what_makes_heat_cheaper():
    def cost(**changed):
        case = {"subsidy_frac": 0.2, "full_load_h": 2000.0, "scop": 3.0, **COSTS} | changed
        return float(economics.lcoh_cny_per_kwh(3000.0, **case))

    assert cost(subsidy_frac=0.3) < cost()
    assert cost(full_load_h=2200.0) < cost()
    assert cost(scop=3.5) < cost()
    # All of the investment paid leaves operation and electricity.
    assert cost(subsidy_frac=1.0) == pytest.approx(3000.0 * 0.02 / 2000.0 + 0.25)
    unknown = economics.lcoh_cny_per_kwh(3000.0, subsidy_frac=0.0, full_load_h=2000.0, scop=np.nan, **COSTS)
    assert np.isnan(unknown)


def test_at_the_break_even_both_emit_the_same():
    cop = economics.breakeven_cop(0.5580, 0.202, 0.92)
    assert cop == pytest.approx(2.54, abs=0.005)
    assert 0.5580 / cop == pytest.approx(economics.boiler_kg_per_kwh(0.202, 0.92))


def test_a_store_levels_the_day():
    store = storage.daily_storage(np.array([1200.0, np.nan]), daily_peak_frac=1.2, hours_h=6.0, spread_k=10.0)
    assert store.peak_cut_kw[0] == pytest.approx(200.0)
    assert store.energy_kwh[0] == pytest.approx(1200.0)
    # 1 m3 over 10 K holds 11.63 kWh.
    assert store.volume_m3[0] == pytest.approx(1200.0 / 11.6306, rel=1e-5)
    assert np.isnan([store.peak_cut_kw[1], store.energy_kwh[1], store.volume_m3[1]]).all()
    flat = storage.daily_storage(np.array([1200.0]), daily_peak_frac=1.0, hours_h=6.0, spread_k=10.0)
    assert flat.volume_m3.tolist() == [0.0]


def test_waste_heat_of_a_data_centre():
    it_kw = waste_heat.it_load_from_meter_kw(np.array([13000.0, np.nan]), 1.3)
    assert it_kw[0] == pytest.approx(10000.0)
    heat = waste_heat.recoverable_kw(it_kw, 0.6, 0.65)
    assert heat[0] == pytest.approx(3900.0)
    assert np.isnan(heat[1])
