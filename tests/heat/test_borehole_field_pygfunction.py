"""The field model against pygfunction, run live on random fields that are not nodes of its table.

The check is written anew: pygfunction's g on its own time grid, the loads of all months superposed
one by one, and all months of the lifetime searched for the lowest temperature.
`python -m tests.heat.test_borehole_field_pygfunction 200` runs 200 fields of all sizes (ten minutes).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import pygfunction
import pytest
from scipy.interpolate import PchipInterpolator
from scipy.special import exp1

from gis.heat.borehole_field import FieldModel, MonthlyLoad, field_energy_kwh_per_a

HEAT = (0.31, 0.22, 0.10, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.10, 0.27)
COOLING = (0.0, 0.0, 0.0, 0.0, 0.0, 0.20, 0.35, 0.30, 0.15, 0.0, 0.0, 0.0)
MONTH_S = 730 * 3600.0


@dataclass(frozen=True)
class Case:
    """One field in its ground, with its use."""

    n: int
    m: int
    spacing_m: float
    depth_m: float
    conductivity: float
    diffusivity: float
    radius_m: float
    resistance: float
    full_load_h: float
    usable_k: float
    balance_frac: float
    lifetime_a: int
    first_month: int
    first_winter_counts: bool

    @property
    def load(self) -> MonthlyLoad:
        return MonthlyLoad(self.lifetime_a, HEAT, COOLING, self.first_month, self.first_winter_counts)

    @property
    def ground(self) -> tuple[float, float, float]:
        return self.conductivity, self.conductivity / self.diffusivity / 1e6, 6.0 + self.usable_k

    @property
    def use(self) -> dict[str, float]:
        return {
            "lowest_fluid_degc": 6.0,
            "borehole_resistance_m_k_per_w": self.resistance,
            "borehole_radius_m": self.radius_m,
            "full_load_h": self.full_load_h,
            "balance_frac": self.balance_frac,
            "peak_h": 24.0,
        }


def random_case(rng: np.random.Generator, largest: int) -> Case:
    """A field with up to `largest` boreholes along a side, more often a small one."""
    n, m = (int(np.exp(rng.uniform(0.0, np.log(largest + 0.999)))) for _ in range(2))
    return Case(
        n=n,
        m=m,
        spacing_m=rng.uniform(4.0, 8.0),
        depth_m=rng.uniform(100.0, 150.0),
        conductivity=rng.uniform(1.2, 2.6),
        diffusivity=rng.uniform(0.4e-6, 1.1e-6),
        radius_m=rng.uniform(0.06, 0.09),
        resistance=rng.uniform(0.06, 0.16),
        full_load_h=rng.uniform(1800.0, 2300.0),
        usable_k=rng.uniform(6.0, 12.0),
        balance_frac=rng.uniform(0.0, 1.0),
        lifetime_a=int(rng.integers(5, 51)),
        first_month=int(rng.choice([6, 11])),
        first_winter_counts=bool(rng.integers(2)),
    )


def live_energy_kwh_per_a(case: Case, clusters: int) -> float:
    """Heat per borehole and year by pygfunction and a superposition month by month."""
    months = 12 * case.lifetime_a
    field = pygfunction.borefield.Borefield.rectangle_field(
        case.n, case.m, case.spacing_m, case.spacing_m, case.depth_m, 2.0, case.radius_m
    )
    grid = np.geomspace(MONTH_S, months * MONTH_S, 45)
    solution = pygfunction.gfunction.gFunction(
        field,
        case.diffusivity,
        time=grid,
        boundary_condition="UBWT",
        method="equivalent",
        options={"nSegments": 8, "kClusters": clusters},
    )
    g = PchipInterpolator(np.log(grid), solution.gFunc)(np.log(MONTH_S * np.arange(1, months + 1)))
    # Net heat taken in each month of operation for a mean of 1 W/m heat.
    load = np.array(
        [
            12.0 * (HEAT[month % 12] - case.balance_frac * COOLING[month % 12])
            for month in range(case.first_month - 1, case.first_month - 1 + months)
        ]
    )
    wall = np.zeros(months)
    before = 0.0
    for month, now in enumerate(load):
        wall[month:] += (now - before) * g[: months - month]
        before = now
    counted = wall if case.first_winter_counts else wall[-12:]
    peak = 8760.0 / case.full_load_h
    pulse = 0.5 * exp1(case.radius_m**2 / (4.0 * case.diffusivity * 86400.0))
    drop_k = (counted.max() + (peak - 12.0 * max(HEAT)) * pulse) / (2.0 * np.pi * case.conductivity)
    drop_k += peak * case.resistance
    return case.usable_k / drop_k * case.depth_m * 8.76


def errors(case: Case, clusters: int) -> tuple[float, float]:
    """Relative error of the rule-set model and of the general function."""
    live = live_energy_kwh_per_a(case, clusters)
    model = FieldModel(case.spacing_m, case.depth_m, case.load)
    fixed = model.energy_kwh_per_a(case.n, case.m, *case.ground, **case.use)
    free = field_energy_kwh_per_a(
        case.n,
        case.m,
        *case.ground,
        spacing_m=case.spacing_m,
        depth_m=case.depth_m,
        load=case.load,
        **case.use,
    )
    return float(fixed / live - 1.0), float(free / live - 1.0)


@pytest.mark.parametrize("seed", range(12))
def test_random_fields_agree_with_pygfunction(seed: int):
    case = random_case(np.random.default_rng(1000 + seed), largest=20)
    assert np.abs(errors(case, clusters=3)).max() < 0.01, case


def main(count: int) -> None:
    """Print the errors of many fields of up to 40 x 40, with two counts of clusters in pygfunction."""
    rng = np.random.default_rng(20240601)
    found = []
    for k in range(count):
        case = random_case(rng, largest=40)
        found.append([*errors(case, clusters=3), errors(case, clusters=1)[0]])
        worst = np.abs(found).max(axis=0)
        print(f"{k + 1:4d} {case.n:3d}x{case.m:<3d} {np.round(np.array(found[-1]) * 100, 3)} %", flush=True)
    mean = np.abs(found).mean(axis=0)
    for name, column in (("model", 0), ("general", 1), ("model, one cluster", 2)):
        print(f"{name}: mean {mean[column]:.3%}, largest {worst[column]:.3%}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
