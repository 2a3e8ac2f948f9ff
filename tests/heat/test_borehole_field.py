"""Fields of boreholes: reference values, and how heat answers to what goes in.

Reference rows are for the last year of 50 with start in November, as their table was; their g-functions
have eight segments of graded length (pygfunction's default).
"""

from __future__ import annotations

import csv
import dataclasses
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import exp1

from gis.heat.borehole_field import FieldModel, MonthlyLoad, field_energy_kwh_per_a
from gis.heat.g_functions import load_table
from gis.heat.square_fields import SquareFields

HEAT = (0.31, 0.22, 0.10, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.10, 0.27)
COOLING = (0.0, 0.0, 0.0, 0.0, 0.0, 0.20, 0.35, 0.30, 0.15, 0.0, 0.0, 0.0)
LAST_YEAR = MonthlyLoad(50, HEAT, COOLING, first_month=11, first_winter_counts=False)
WHOLE_LIFE = MonthlyLoad(50, HEAT, COOLING, first_month=11, first_winter_counts=True)
MODEL = FieldModel(5.0, 120.0, WHOLE_LIFE)
GROUND = (1.9, 2.1, 14.5)
USE = {
    "lowest_fluid_degc": 6.0,
    "borehole_resistance_m_k_per_w": 0.1,
    "borehole_radius_m": 0.075,
    "full_load_h": 2192.0,
    "balance_frac": 0.0,
    "peak_h": 24.0,
}


def rows(model: str) -> list[Any]:
    path = Path(__file__).with_name("borehole_reference_values.csv")
    with path.open(encoding="utf-8", newline="") as handle:
        found = [row for row in csv.DictReader(handle) if row["model"] == model]
    assert found
    return [
        pytest.param(
            json.loads(row["inputs_json"]), row["case"], float(row["expected"]), float(row["rel_tol"])
        )
        for row in found
    ]


def pygfunction_g(case: dict[str, Any], name: str) -> float:
    """g of a field that the table does not hold, at ln(t / t_s)."""
    import pygfunction

    rectangle = pygfunction.borefield.Borefield.rectangle_field
    field = rectangle(case["n"], case["m"], case["B"], case["B"], case["H"], case["D"], case["rb"])
    # The rows were made in these four steps; more of them move g by up to 0.7 %.
    steps = np.array([-4.0, -2.0, 0.0, 2.0])
    diffusivity = 1e-6
    solution = pygfunction.gfunction.gFunction(
        field,
        diffusivity,
        time=case["H"] ** 2 / (9.0 * diffusivity) * np.exp(steps),
        boundary_condition="UBWT",
        method=name.split()[-1],
    )
    return float(solution.gFunc[steps == case["ln_t_ts"]][0])


@pytest.mark.parametrize(("case", "name", "expected", "tolerance"), rows("gfunction"))
def test_g_functions(case: dict[str, Any], name: str, expected: float, tolerance: float):
    if "ln_t_ts" in case:
        assert pygfunction_g(case, name) == pytest.approx(expected, rel=tolerance)
        return
    assert (case["D"], case["rb"]) == (2, load_table().radius_m)
    table = load_table()
    ln_g = table.fields(*(np.array([float(case[key])]) for key in ("n", "m", "B", "H")))
    g = table.months(ln_g, case["alpha"], 12 * case["t_years"])[0, -1]
    assert g == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize(("case", "_", "expected", "tolerance"), rows("field_extraction"))
def test_heat_of_fields(case: dict[str, Any], _: str, expected: float, tolerance: float):
    shares = dict(zip((11, 12, 1, 2, 3), case["heat_share_NovMar"], strict=True))
    assert [shares.get(month, 0.0) for month in range(1, 13)] == list(HEAT)
    use = USE | {"full_load_h": case["FLH"], "balance_frac": case["beta"]}
    ground = (case["lam"], case["lam"] / case["alpha"] / 1e6, 6.0 + case["dT_allow"])
    energy = field_energy_kwh_per_a(
        case["n"], case["m"], *ground, spacing_m=case["B"], depth_m=case["H"], load=LAST_YEAR, **use
    )
    assert energy == pytest.approx(expected, rel=tolerance)


def random_rows(size: int) -> tuple[list[np.ndarray], dict[str, Any]]:
    rng = np.random.default_rng(7)
    count = [np.exp(rng.uniform(0.0, np.log(40.0), size)) for _ in range(2)]
    ground = [rng.uniform(1.2, 2.5, size), rng.uniform(2.2, 2.8, size), rng.uniform(12.0, 16.0, size)]
    return count + ground, USE | {"balance_frac": rng.uniform(0.0, 1.0, size)}


@pytest.mark.parametrize("load", [LAST_YEAR, WHOLE_LIFE], ids=["last year", "whole life"])
def test_the_grid_of_a_rule_set_agrees_with_the_general_function(load: MonthlyLoad):
    values, use = random_rows(300)
    fast = FieldModel(5.0, 120.0, load).energy_kwh_per_a(*values, **use)
    slow = field_energy_kwh_per_a(*values, spacing_m=5.0, depth_m=120.0, load=load, **use)
    assert np.abs(fast / slow - 1.0).max() < 0.004


@pytest.mark.parametrize("seed", range(3))
def test_square_fields_agree_with_the_general_function(seed: int):
    """Fields of many spacings and depths at once, each asked for in any order: as one by one."""
    rng = np.random.default_rng(seed)
    spacing, depth = rng.uniform(3.0, 8.0, 64), rng.uniform(80.0, 200.0, 64)
    fields = SquareFields(tuple(spacing), tuple(depth), WHOLE_LIFE, tuple(WHOLE_LIFE.months().tolist()))
    for _ in range(4):
        (_, _, *ground), use = random_rows(64)
        use["balance_frac"] = rng.uniform(0.0, 1.0, 64)
        side = rng.uniform(0.5, 200.0, 64)
        one = [values[0] for values in ground]
        fast = fields.energy_kwh_per_a(side, *one, **use)
        slow = field_energy_kwh_per_a(
            side, side, *one, spacing_m=spacing, depth_m=depth, load=WHOLE_LIFE, **use
        )
        assert np.abs(fast / slow - 1.0).max() < 0.006


def test_square_fields_make_nothing_up():
    spacing, depth = (2.9, 3.0, 8.0, 8.1, 5.0), (120.0, 80.0, 200.0, 120.0, 79.0)
    fields = SquareFields(spacing, depth, WHOLE_LIFE, (0, 1))
    found = fields.energy_kwh_per_a(4.0, *GROUND, **USE)
    assert np.isnan(found).tolist() == [True, False, False, True, True]
    assert np.isnan(fields.energy_kwh_per_a(np.nan, *GROUND, **USE)).all()
    assert np.isnan(fields.energy_kwh_per_a(4.0, 1.9, 1.9 / 1.7, 14.5, **USE)).all()


def test_one_borehole_keeps_the_infinite_line_source_in_its_first_year():
    """Short times know no neighbours and no ends: E1 superposed by hand gives the same."""
    load = MonthlyLoad(1, HEAT, COOLING, first_month=11, first_winter_counts=True)
    energy = field_energy_kwh_per_a(1, 1, *GROUND, spacing_m=6.0, depth_m=200.0, load=load, **USE)
    diffusivity = 1.9 / 2.1e6

    def line(hours: float) -> float:
        return 0.5 * float(exp1(0.075**2 / (4.0 * diffusivity * hours * 3600.0)))

    wall = 1.2 * line(3 * 730) + (3.24 - 1.2) * line(2 * 730) + (3.72 - 3.24) * line(730)
    peak = 8760.0 / 2192.0
    drop_k = (wall + (peak - 3.72) * line(24)) / (2.0 * np.pi * 1.9) + peak * 0.1
    assert energy == pytest.approx(8.5 / drop_k * 200.0 * 8.76, rel=0.006)


def test_nan_stays_nan_and_only_there():
    names = list(USE)
    for position in range(5 + len(names)):
        values = [np.full(3, x) for x in (4.0, 5.0, *GROUND, *USE.values())]
        values[position][1] = np.nan
        energy = MODEL.energy_kwh_per_a(*values[:5], **dict(zip(names, values[5:], strict=True)))
        assert np.isnan(energy).tolist() == [False, True, False]
        slow = field_energy_kwh_per_a(
            *values[:5],
            spacing_m=5.0,
            depth_m=120.0,
            load=WHOLE_LIFE,
            **dict(zip(names, values[5:], strict=True)),
        )
        assert np.isnan(slow).tolist() == [False, True, False]


def test_arguments_broadcast_and_rows_are_independent_of_chunks():
    counts, depth_rows = np.array([[1.0], [7.3], [40.0]]), np.linspace(1.0, 40.0, 4000)
    both = MODEL.energy_kwh_per_a(counts, depth_rows, *GROUND, **USE)
    assert both.shape == (3, 4000)
    assert both[1, 3777] == MODEL.energy_kwh_per_a(7.3, depth_rows[3777], *GROUND, **USE)
    assert np.ndim(MODEL.energy_kwh_per_a(3, 3, *GROUND, **USE)) == 0
    assert MODEL.energy_kwh_per_a(np.empty(0), 3, *GROUND, **USE).shape == (0,)
    slow = field_energy_kwh_per_a(
        3, 4, *GROUND, spacing_m=np.array([[4.0], [6.0]]), depth_m=120.0, load=WHOLE_LIFE, **USE
    )
    assert slow.shape == (2, 1)
    assert slow[0, 0] < slow[1, 0]


def test_a_field_is_symmetric_and_below_one_borehole_counts_as_one():
    assert MODEL.energy_kwh_per_a(3, 17, *GROUND, **USE) == pytest.approx(
        MODEL.energy_kwh_per_a(17, 3, *GROUND, **USE)
    )
    assert MODEL.energy_kwh_per_a(0, 0.4, *GROUND, **USE) == MODEL.energy_kwh_per_a(1, 1, *GROUND, **USE)


def test_heat_answers_to_each_input_in_the_right_direction():
    def heat(n: Any = 9, **changed: Any) -> np.ndarray:
        use = USE | {"balance_frac": 0.3} | changed
        return np.asarray(MODEL.energy_kwh_per_a(n, n, *GROUND, **use))

    assert (np.diff(heat(np.geomspace(1.0, 160.0, 500))) < 0.0).all()
    assert (np.diff(heat(balance_frac=np.linspace(0.0, 1.0, 50))) >= 0.0).all()
    assert (np.diff(heat(balance_frac=np.linspace(0.0, 0.6, 50))) > 0.0).all()
    assert (np.diff(heat(borehole_resistance_m_k_per_w=np.linspace(0.05, 0.2, 20))) < 0.0).all()
    assert (np.diff(heat(borehole_radius_m=np.linspace(0.05, 0.1, 20))) > 0.0).all()
    assert (np.diff(heat(full_load_h=np.linspace(1500.0, 2300.0, 20))) > 0.0).all()
    assert (np.diff(heat(peak_h=np.linspace(6.0, 72.0, 20))) < 0.0).all()
    assert heat(lowest_fluid_degc=14.5 - 4.0) == pytest.approx(float(heat()) * 4.0 / 8.5)
    assert heat(lowest_fluid_degc=20.0) == 0.0


def test_the_balance_is_kept_between_none_and_all():
    def heat(balance_frac: float) -> float:
        return float(MODEL.energy_kwh_per_a(9, 9, *GROUND, **USE | {"balance_frac": balance_frac}))

    assert heat(-0.5) == heat(0.0)
    assert heat(1.7) == heat(1.0)


def test_the_first_winter_decides_a_balanced_field_that_starts_in_autumn():
    use = USE | {"balance_frac": 1.0}
    last = FieldModel(5.0, 120.0, LAST_YEAR).energy_kwh_per_a(10, 10, *GROUND, **use)
    whole = MODEL.energy_kwh_per_a(10, 10, *GROUND, **use)
    one_year = MonthlyLoad(1, HEAT, COOLING, first_month=11, first_winter_counts=True)
    first = FieldModel(5.0, 120.0, one_year).energy_kwh_per_a(10, 10, *GROUND, **use)
    assert whole == pytest.approx(first, rel=0.003)
    assert whole < 0.9 * last
    june = dataclasses.replace(WHOLE_LIFE, first_month=6)
    assert FieldModel(5.0, 120.0, june).energy_kwh_per_a(10, 10, *GROUND, **use) > whole
    # Without balance the last winter decides, whenever the field starts.
    assert MODEL.energy_kwh_per_a(10, 10, *GROUND, **USE) == pytest.approx(
        FieldModel(5.0, 120.0, LAST_YEAR).energy_kwh_per_a(10, 10, *GROUND, **USE)
    )


def test_a_peak_is_never_less_than_the_mean_of_the_busiest_month():
    short = MODEL.energy_kwh_per_a(3, 3, *GROUND, **USE | {"full_load_h": 8760.0 / 3.72})
    assert MODEL.energy_kwh_per_a(3, 3, *GROUND, **USE | {"full_load_h": 4000.0}) == pytest.approx(short)


def test_outside_of_the_table_nothing_is_made_up():
    capacity = np.array([1.9 / 0.29, 1.9 / 0.31, 1.9 / 1.59, 1.9 / 1.61])
    expected = [True, False, False, True]
    assert np.isnan(MODEL.energy_kwh_per_a(3, 3, 1.9, capacity, 14.5, **USE)).tolist() == expected
    spacing = np.array([2.9, 3.0, 8.0, 8.1])
    depth = np.array([120.0, 80.0, 200.0, 120.0])
    energy = field_energy_kwh_per_a(3, 3, *GROUND, spacing_m=spacing, depth_m=depth, load=WHOLE_LIFE, **USE)
    assert np.isnan(energy).tolist() == expected
    for spacing_m, depth_m in ((2.9, 120.0), (5.0, 79.0), (float("nan"), 120.0)):
        with pytest.raises(ValueError, match="is not in"):
            FieldModel(spacing_m, depth_m, WHOLE_LIFE)


@pytest.mark.parametrize(
    "change",
    [
        {"lifetime_a": 0},
        {"first_month": 13},
        {"heat_month_frac": HEAT[:11]},
        {"heat_month_frac": (0.5, *HEAT[1:])},
        {"cooling_month_frac": (-0.2, 0.2, *COOLING[2:])},
    ],
)
def test_a_load_that_cannot_be_is_refused(change: dict[str, Any]):
    with pytest.raises(ValueError, match=next(iter(change))):
        dataclasses.replace(WHOLE_LIFE, **change)


def test_what_was_asked_before_or_at_once_changes_no_answer():
    values, use = random_rows(2000)
    alone = FieldModel(5.0, 120.0, WHOLE_LIFE)
    first = use | {"balance_frac": use["balance_frac"][:1]}
    one = alone.energy_kwh_per_a(*(v[:1] for v in values), **first)
    after = alone.energy_kwh_per_a(*values, **use)
    with ThreadPoolExecutor(4) as pool:
        shared = FieldModel(5.0, 120.0, WHOLE_LIFE)
        asked = [pool.submit(shared.energy_kwh_per_a, *values, **use) for _ in range(4)]
        for answer in asked:
            np.testing.assert_array_equal(answer.result(), after)
    assert one == np.asarray(after)[:1]


def test_a_large_city_takes_a_moment():
    """Measured 0.25 s a million on a free core; the bounds leave room for a busy machine."""
    values, use = random_rows(1_000_000)
    MODEL.energy_kwh_per_a(*values, **use)
    start = time.process_time()
    assert np.isfinite(MODEL.energy_kwh_per_a(*values, **use)).all()
    assert time.process_time() - start < 2.5
