"""Square fields of boreholes, each of its own spacing and depth: what samples of a rule set ask for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Unpack

import numpy as np

from gis.heat.borehole_field import (
    COUNT_NODES,
    DIFFUSIVITY_NODES,
    Ground,
    MonthlyLoad,
    Use,
    annual_w_per_m,
    in_order,
    rows_of,
)
from gis.heat.borehole_loops import bilinear_each
from gis.heat.constants import HOURS_PER_YEAR, Array, Bools
from gis.heat.g_functions import LARGEST_COUNT, load_table


@dataclass(frozen=True)
class SquareFields:
    """Fields that come again with every parcel in other numbers of boreholes and other ground.

    `spacing_m` (3 to 8) and `depth_m` (80 to 200) have one value a field. As in `FieldModel` a grid is
    interpolated, whose nodes are made when one of the fields first needs them; `months` are those in
    which the fluid may be at its coldest.
    """

    spacing_m: tuple[float, ...]
    depth_m: tuple[float, ...]
    load: MonthlyLoad
    months: tuple[int, ...]

    @cached_property
    def _nodes(self) -> Array:
        """Nodes of the grid in the diffusivity (m2/s)."""
        low, high = load_table().diffusivity_range_m2_per_s(self.load.lifetime_a)
        return np.asarray(np.geomspace(low, high, DIFFUSIVITY_NODES))

    @cached_property
    def _outside(self) -> Bools:
        return load_table().outside(np.array(self.spacing_m), np.array(self.depth_m))

    @cached_property
    def _grid(self) -> Array:
        """h and c of the fields at the nodes: (field, count, diffusivity, 2 x months); NaN where not made."""
        shape = len(self.spacing_m), COUNT_NODES, DIFFUSIVITY_NODES, 2 * len(self.months)
        return np.full(shape, np.nan)

    def _fill(self, grid: Array, wanted: Bools) -> None:
        """Write the nodes of the grid that are wanted."""
        count = np.geomspace(1.0, LARGEST_COUNT, COUNT_NODES)
        table, months = load_table(), np.array(self.months)
        for i in np.flatnonzero(wanted.any(axis=(1, 2))):
            a, b = np.nonzero(wanted[i])
            ln_g = table.alike(count[a], count[a], self.spacing_m[i], self.depth_m[i])
            grid[i, a, b] = self.load.responses(ln_g, self._nodes[b], months)

    def energy_kwh_per_a(
        self,
        n: float | Array,
        conductivity_w_per_m_k: float | Array,
        heat_capacity_mj_per_m3_k: float | Array,
        ground_temperature_degc: float | Array,
        **use: Unpack[Use],
    ) -> Array:
        """Heat from the ground per borehole and year in kWh/a, in fields of n by n boreholes: (fields,).

        As `FieldModel.energy_kwh_per_a`, one value for all fields or one a field. Spacings and depths
        outside of the table give NaN.
        """
        _, (side, conductivity, capacity, ground_degc, lowest_degc, *rest) = rows_of(
            *(n, conductivity_w_per_m_k, heat_capacity_mj_per_m3_k, ground_temperature_degc),
            *in_order(use),
        )
        diffusivity = conductivity / (capacity * 1e6)
        ground = Ground(conductivity, diffusivity, ground_degc - lowest_degc, *rest)
        factors = self.load.factors[:, np.array(self.months) % 12]
        mean_w_per_m = annual_w_per_m(self._responses(side, diffusivity), ground, factors, self.load)
        return np.asarray(HOURS_PER_YEAR / 1000.0 * np.array(self.depth_m) * mean_w_per_m)

    def _responses(self, n: Array, diffusivity: Array) -> Array:
        """h and c by straight lines in the logarithms: (fields, 2 x months)."""
        grid, nodes = self._grid, self._nodes
        result, wanted = np.empty((len(grid), grid.shape[-1])), np.zeros(grid.shape[:3], dtype=np.bool_)
        # As in `FieldModel` threads share the grid without a lock.
        while bilinear_each(grid, LARGEST_COUNT, nodes, n, diffusivity, result, wanted):
            self._fill(grid, wanted)
            wanted[:] = False
        result[self._outside] = np.nan
        return result
