"""GHEtool sizes fields for the heat that the field model gives: the depth must come back."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from gis.heat.borehole_field import FieldModel, MonthlyLoad

HEAT = (0.31, 0.22, 0.10, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.10, 0.27)
COOLING = (0.0, 0.0, 0.0, 0.0, 0.0, 0.20, 0.35, 0.30, 0.15, 0.0, 0.0, 0.0)
FULL_LOAD_H = 2192.0
RADIUS_M, BURIED_M = 0.075, 2.0


def rows(model: str) -> list[Any]:
    path = Path(__file__).with_name("borehole_reference_values.csv")
    with path.open(encoding="utf-8", newline="") as handle:
        found = [row for row in csv.DictReader(handle) if row["model"] == model]
    return [
        pytest.param(
            json.loads(row["inputs_json"]), row["case"], float(row["expected"]), float(row["rel_tol"])
        )
        for row in found
    ]


@pytest.fixture(scope="module")
def ghetool() -> Iterator[ModuleType]:
    """GHEtool without torch and its like, which one pipe model and an optimiser would need."""
    absent = {name: ModuleType(name) for name in ("torch", "torch.nn", "joblib", "optuna")}
    absent["torch"].nn = absent["torch.nn"]  # type: ignore[attr-defined]
    absent["torch"].Tensor = absent["torch.nn"].Module = type("Absent", (), {})  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        for name, module in absent.items():
            patch.setitem(sys.modules, name, module)
        import GHEtool
        import GHEtool.Validation.cases

        yield GHEtool


def rectangle(n: int, m: int, spacing_m: float, depth_m: float, buried_m: float) -> Any:
    import pygfunction

    field = pygfunction.borefield.Borefield.rectangle_field
    return field(n, m, spacing_m, spacing_m, depth_m, buried_m, RADIUS_M)


FIRST_WINTER, LAST_WINTER = 3, 4


def sized_depth_m(ghetool: ModuleType, case: dict[str, Any]) -> float:
    """Depth by GHEtool's L3 sizing (month by month over the whole lifetime), in m.

    GHEtool is asked for the winter that decides. Asked for all of them it sizes for the summer first:
    down to a few metres, as the field model has no summer limit, and most of the time goes there.
    """
    annual_kwh = case["kWh_per_bh"] * case["n"] * case["m"]
    peak_kw = np.zeros(12)
    peak_kw[0] = annual_kwh / FULL_LOAD_H
    heat, cooling = annual_kwh * np.array(HEAT), annual_kwh * case["beta"] * np.array(COOLING)
    load = ghetool.MonthlyGeothermalLoadAbsolute(
        heat, cooling, peak_kw, np.zeros(12), simulation_period=case["years"]
    )
    load.start_month = case["start_month"]
    load.peak_heating_duration = case["peak_h"]
    load.all_months_equal = True
    field = ghetool.Borefield(load=load)
    heat_capacity = case["lam"] / case["alpha"]
    field.ground_data = ghetool.GroundConstantTemperature(case["lam"], case["Tg"], heat_capacity)
    field.set_borefield(rectangle(case["n"], case["m"], case["B"], case["H_target"], BURIED_M))
    field.Rb = case["Rb"]
    field.set_min_fluid_temperature(case["Tmin"])
    # The summer limit is not part of the field model.
    field.set_max_fluid_temperature(90.0)
    field.calculate_temperatures(case["H_target"])
    coldest_month = field.results.peak_extraction.argmin()
    field.size(
        case["H_target"], L3_sizing=True, quadrant_sizing=FIRST_WINTER if coldest_month < 12 else LAST_WINTER
    )
    # At that depth no month of the whole lifetime is colder than the limit.
    assert field.results.peak_extraction.min() == pytest.approx(case["Tmin"], abs=0.05)
    return float(field.H)


def model_kwh_per_a(case: dict[str, Any]) -> float:
    load = MonthlyLoad(case["years"], HEAT, COOLING, case["start_month"], first_winter_counts=True)
    model = FieldModel(case["B"], case["H_target"], load)
    energy = model.energy_kwh_per_a(
        case["n"],
        case["m"],
        case["lam"],
        case["lam"] / case["alpha"] / 1e6,
        case["Tg"],
        lowest_fluid_degc=case["Tmin"],
        borehole_resistance_m_k_per_w=case["Rb"],
        borehole_radius_m=RADIUS_M,
        full_load_h=FULL_LOAD_H,
        balance_frac=case["beta"],
        peak_h=case["peak_h"],
    )
    return float(energy)


@pytest.mark.parametrize(("case", "_", "depth_m", "tolerance"), rows("surrogate_vs_ghetool"))
def test_the_depth_of_a_published_load_comes_back(
    ghetool: ModuleType, case: dict[str, Any], _: str, depth_m: float, tolerance: float
):
    assert sized_depth_m(ghetool, case) == pytest.approx(depth_m, rel=tolerance)
    assert model_kwh_per_a(case) == pytest.approx(case["kWh_per_bh"], rel=tolerance)


BASE = {"lam": 1.9, "alpha": 0.9e-6, "Tg": 14.5, "Tmin": 6.0, "Rb": 0.1, "peak_h": 24.0}


@pytest.mark.parametrize(
    "case",
    [
        {"n": 7, "m": 2, "B": 4.5, "H_target": 105.0, "beta": 0.2, "years": 30, "start_month": 11},
        {"n": 5, "m": 9, "B": 6.3, "H_target": 140.0, "beta": 0.9, "years": 50, "start_month": 6},
        # The first winter, which no summer has recharged, decides.
        {"n": 7, "m": 7, "B": 5.0, "H_target": 120.0, "beta": 1.0, "years": 50, "start_month": 11},
    ],
    ids=["line", "started in June", "balanced"],
)
def test_ghetool_sizes_the_load_of_the_model_to_its_depth(ghetool: ModuleType, case: dict[str, Any]):
    case = BASE | case
    case["kWh_per_bh"] = model_kwh_per_a(case)
    assert sized_depth_m(ghetool, case) == pytest.approx(case["H_target"], rel=0.02)


@pytest.mark.parametrize(("case", "name", "depth_m", "tolerance"), rows("ghetool_size"))
def test_ghetool_reproduces_its_own_validation(
    ghetool: ModuleType, case: dict[str, Any], name: str, depth_m: float, tolerance: float
):
    number, level = name.removeprefix("case ").split()
    load = ghetool.Validation.cases.load_case(int(number))
    field = ghetool.Borefield(load=ghetool.MonthlyGeothermalLoadAbsolute(*load))
    field.ground_data = ghetool.GroundConstantTemperature(case["k"], case["Tg"])
    field.set_borefield(rectangle(10, 12, 6.5, 100.0, 4.0))
    field.Rb = case["Rb"]
    field.set_max_fluid_temperature(case["Tmax"])
    field.set_min_fluid_temperature(case["Tmin"])
    field.size(100.0, L2_sizing=level == "L2", L3_sizing=level == "L3")
    assert float(field.H) == pytest.approx(depth_m, rel=tolerance)
