"""Heat that a borehole of a rectangular field may take from the ground, year after year.

A field is not n boreholes: over the years neighbours eat each other's heat. The g-functions of
fields of n x m boreholes come from a table made with pygfunction (`build_borehole_table`); the
loads of the months of the whole lifetime are superposed on them (Eskilson 1987, Thermal analysis of
heat extraction boreholes, Lund University), and the fluid may reach its lowest temperature once.

With q the heat taken per metre and dT = T0 - lowest mean fluid temperature:

    q = dT / ( [K + (P - f) g1] / (2 pi lambda) + P R_b )        E = 8.76 q H

q mean of the year in W/m; P = 8760 / full-load hours, the peak over the mean of the year; f the load
of the busiest month over the mean of the year; g1 = E1(r_b^2 / (4 a t)) / 2 the answer of one borehole
to the peak of t hours, the infinite line source; R_b the resistance of the borehole; E kWh/a.
K = max over months of (h - beta c): h and c are the sums of load steps times g for the heat taken and
the heat given back, both for one unit a year, so K is exact in the balance beta = given back / taken.

Against pygfunction run live on 200 random fields of 1 to 40 by 1 to 40 boreholes the heat is 0.1 % off
in the mean and 1.2 % at most (37 x 34), the scatter of pygfunction's own clusters.
Not in it: groundwater flow, fields of neighbours, the highest temperature in summer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypedDict, Unpack, cast

import numpy as np

from gis.heat.borehole_loops import add_wall, trilinear
from gis.heat.constants import HOURS_PER_YEAR, Array, Bools
from gis.heat.g_functions import LARGEST_COUNT, load_table
from gis.heat.line_source import exp1

# Grid of a FieldModel in n, m and diffusivity: even in the logarithm, fine enough for straight lines.
COUNT_NODES = 64
DIFFUSIVITY_NODES = 20
ROWS_PER_CHUNK = 8192


@dataclass(frozen=True)
class MonthlyLoad:
    """How heat and cooling spread over the year, and how many whole years a field has to last.

    `heat_month_frac` and `cooling_month_frac` are the shares of January to December in the heat of a
    year, each 1 in all. `first_month` (1 to 12) is the month in which the field starts. The last year
    decides; with `first_winter_counts` the first year does too: what starts in autumn goes through
    one winter that no summer has recharged, and with a balance near 1 that winter is the hardest.
    """

    lifetime_a: float
    heat_month_frac: tuple[float, ...]
    cooling_month_frac: tuple[float, ...]
    first_month: int
    first_winter_counts: bool

    def __post_init__(self) -> None:
        if not (self.lifetime_a >= 1 and float(self.lifetime_a).is_integer()):
            raise ValueError(f"lifetime_a must be whole years, not {self.lifetime_a}")
        if not 1 <= self.first_month <= 12:
            raise ValueError(f"first_month {self.first_month} is not a month")
        for name in ("heat_month_frac", "cooling_month_frac"):
            shares = getattr(self, name)
            if len(shares) != 12 or min(shares) < 0.0 or abs(sum(shares) - 1.0) > 1e-6:
                raise ValueError(f"{name} must be twelve shares that add up to 1, not {shares}")

    @cached_property
    def busiest_month_factor(self) -> float:
        """Heat load of the busiest month over the mean of the year."""
        return 12.0 * max(self.heat_month_frac)

    @cached_property
    def factors(self) -> Array:
        """Load of a month over the mean of the year, in the order of operation: (heat or cooling, 12)."""
        shares = np.array([self.heat_month_frac, self.cooling_month_frac])
        return 12.0 * np.roll(shares, 1 - self.first_month, axis=1)

    def months(self) -> Array:
        """Months of operation, from 0, in which the fluid may be at its coldest."""
        last = 12 * int(self.lifetime_a) - 12
        first = range(12) if self.first_winter_counts and last else range(0)
        return np.array([*first, *range(last, last + 12)])

    def lag_weights(self, months: Array) -> Array:
        """Load steps by the months that have gone since: (months of life, 2 x months), heat first.

        The wall in month k is the sum over j of (q_j - q_(j-1)) g(k - j + 1 months).
        """
        steps = np.diff(np.tile(self.factors, int(self.lifetime_a)), axis=1, prepend=0.0)
        weights = np.zeros((steps.shape[1], 2, len(months)))
        for column, month in enumerate(months):
            weights[: month + 1, :, column] = steps[:, month::-1].T
        return weights.reshape(len(weights), -1)

    def responses(self, ln_g: Array, diffusivity_m2_per_s: Array, months: Array) -> Array:
        """h and c of fields in `months`: (rows, 2 x months); NaN where the table has no diffusivity."""
        table, weights = load_table(), _lag_weights(self, tuple(months.tolist()))
        low, high = table.diffusivity_range_m2_per_s(self.lifetime_a)
        result = np.full((len(ln_g), weights.shape[1]), np.nan)
        for diffusivity in np.unique(diffusivity_m2_per_s):
            if low * (1.0 - 1e-9) <= diffusivity <= high * (1.0 + 1e-9):
                rows = diffusivity_m2_per_s == diffusivity
                g = table.months(ln_g[rows], float(diffusivity), len(weights))
                result[rows] = (g[:, None, :] @ weights)[:, 0]  # row by row, as in `months`
        return result


@lru_cache(maxsize=8)
def _lag_weights(load: MonthlyLoad, months: tuple[int, ...]) -> Array:
    return load.lag_weights(np.array(months))


@dataclass(frozen=True)
class Ground:
    """Ground, borehole and use: one value for all rows or one for each."""

    conductivity_w_per_m_k: Array
    diffusivity_m2_per_s: Array
    usable_k: Array
    borehole_resistance_m_k_per_w: Array
    borehole_radius_m: Array
    full_load_h: Array
    balance_frac: Array
    peak_h: Array


class Use(TypedDict):
    """How a field is built and used beside its size and ground, each one value or one a row."""

    lowest_fluid_degc: float | Array
    borehole_resistance_m_k_per_w: float | Array
    borehole_radius_m: float | Array
    full_load_h: float | Array
    balance_frac: float | Array
    peak_h: float | Array


def in_order(use: Use) -> list[float | Array]:
    """Return the values of a use in the order of `Use`, which is that of `Ground` after `usable_k`."""
    values = dict(use)
    if unknown := values.keys() ^ Use.__annotations__.keys():
        raise TypeError(f"these are wrong or missing: {', '.join(sorted(unknown))}")
    return [cast("float | Array", values[name]) for name in Use.__annotations__]


def annual_w_per_m(responses: Array, ground: Ground, factors: Array, load: MonthlyLoad) -> Array:
    """Mean heat of the year per metre from h and c, (rows, 2 x months); see the top of the module."""
    # Another radius moves all of g by the logarithm of the ratio.
    shift = np.log(load_table().radius_m / ground.borehole_radius_m)
    peak = np.maximum(HOURS_PER_YEAR / ground.full_load_h, load.busiest_month_factor)
    diffusion = 4.0 * ground.diffusivity_m2_per_s * 3600.0 * ground.peak_h
    pulse = 0.5 * exp1(ground.borehole_radius_m**2 / diffusion)
    wall = np.empty(len(responses))
    wall[:] = (peak - load.busiest_month_factor) * pulse
    add_wall(responses, shift, factors, ground.balance_frac, wall)
    resistance = wall / (2.0 * np.pi * ground.conductivity_w_per_m_k)
    resistance = resistance + peak * ground.borehole_resistance_m_k_per_w
    return np.asarray(np.maximum(ground.usable_k, 0.0) / resistance)


def rows_of(*values: float | Array) -> tuple[tuple[int, ...], list[Array]]:
    """The common shape, and each value flat: one element, or as many as the shape has."""
    arrays = [np.asarray(value, dtype=np.float64) for value in values]
    shape = np.broadcast(*arrays).shape
    full = (a if a.size == 1 or a.shape == shape else np.broadcast_to(a, shape) for a in arrays)
    return shape, [a.ravel() for a in full]


def field_energy_kwh_per_a(
    n: float | Array,
    m: float | Array,
    conductivity_w_per_m_k: float | Array,
    heat_capacity_mj_per_m3_k: float | Array,
    ground_temperature_degc: float | Array,
    *,
    spacing_m: float | Array,
    depth_m: float | Array,
    load: MonthlyLoad,
    months: Array | None = None,
    **use: Unpack[Use],
) -> float | Array:
    """As `FieldModel.energy_kwh_per_a`, with spacing and depth by row: about 0.1 ms a row.

    `months` are those that may be the coldest (`FieldModel.months`); all that `load` names by default.
    Spacings and depths outside of the table (3 to 8 m, 80 to 200 m) give NaN.
    """
    shape, rows = rows_of(
        *(n, m, spacing_m, depth_m, conductivity_w_per_m_k, heat_capacity_mj_per_m3_k),
        *(ground_temperature_degc, *in_order(use)),
    )
    size = math.prod(shape)
    full = [row if row.size == size else np.full(size, row) for row in rows]
    diffusivity = full[4] / (full[5] * 1e6)
    ln_g = load_table().fields(*full[:4])
    months = load.months() if months is None else months
    responses = load.responses(ln_g, diffusivity, months)
    ground = Ground(full[4], diffusivity, full[6] - full[7], *full[8:])
    result = (
        HOURS_PER_YEAR
        / 1000.0
        * full[3]
        * annual_w_per_m(responses, ground, load.factors[:, months % 12], load)
    )
    return result.reshape(shape)[()]


@dataclass(frozen=True)
class FieldModel:
    """Fields of one spacing, depth and load: what a rule set fixes, worked out once for many parcels.

    Spacing 3 to 8 m, depth 80 to 200 m, otherwise ValueError. A grid is interpolated, whose nodes are
    made when a field first needs them.
    """

    spacing_m: float
    depth_m: float
    load: MonthlyLoad

    def __post_init__(self) -> None:
        table = load_table()
        for name in ("spacing_m", "depth_m"):
            axis, value = getattr(table, name), getattr(self, name)
            if not axis[0] <= value <= axis[-1]:
                raise ValueError(f"{name} {value:g} is not in {axis[0]:g} to {axis[-1]:g}")

    @cached_property
    def diffusivities_m2_per_s(self) -> Array:
        """Nodes of the grid in the diffusivity."""
        low, high = load_table().diffusivity_range_m2_per_s(self.load.lifetime_a)
        return np.asarray(np.geomspace(low, high, DIFFUSIVITY_NODES))

    def _responses(self, n: Array, m: Array, diffusivity: Array, months: Array) -> Array:
        """h and c of fields: (rows, 2 x months)."""
        ln_g = load_table().alike(n, m, self.spacing_m, self.depth_m)
        return self.load.responses(ln_g, diffusivity, months)

    @cached_property
    def months(self) -> Array:
        """The months that are the worst in some field, at some diffusivity and balance."""
        months, count = self.load.months(), load_table().count
        first, second = np.triu_indices(count.size)
        some = self.diffusivities_m2_per_s[::6]
        n, m = (np.tile(count[each], some.size) for each in (first, second))
        nodes = self._responses(n, m, np.repeat(some, first.size), months)
        heat, cooling = np.split(nodes, 2, axis=1)
        worst = [np.argmax(heat - beta * cooling, axis=1) for beta in np.linspace(0.0, 1.0, 41)]
        return np.asarray(months[np.unique(worst)])

    @cached_property
    def _grid(self) -> Array:
        """h and c in the worst months at the nodes: (counts x counts x diffusivities, 2 x months).

        NaN where no field has asked for a node yet: a city needs some hundred of the eighty thousand.
        """
        return np.full((COUNT_NODES * COUNT_NODES * DIFFUSIVITY_NODES, 2 * len(self.months)), np.nan)

    def _fill(self, grid: Array, wanted: Bools) -> None:
        """Write the nodes of the grid that are wanted."""
        count = np.geomspace(1.0, LARGEST_COUNT, COUNT_NODES)
        nodes = np.flatnonzero(wanted)
        a, b, c = np.unravel_index(nodes, (COUNT_NODES, COUNT_NODES, DIFFUSIVITY_NODES))
        grid[nodes] = self._responses(count[a], count[b], self.diffusivities_m2_per_s[c], self.months)

    def _interpolate(self, n: Array, m: Array, diffusivity: Array, rows: int) -> Array:
        """h and c by straight lines in the logarithms: (rows, 2 x months)."""
        grid, nodes = self._grid, self.diffusivities_m2_per_s
        result, wanted = np.empty((rows, grid.shape[1])), np.zeros(len(grid), dtype=np.bool_)
        # Threads share the grid without a lock: a number is there or not, and the same whoever made it.
        while trilinear(grid, COUNT_NODES, LARGEST_COUNT, nodes, n, m, diffusivity, result, wanted):
            self._fill(grid, wanted)
            wanted[:] = False
        return result

    def energy_kwh_per_a(
        self,
        n: float | Array,
        m: float | Array,
        conductivity_w_per_m_k: float | Array,
        heat_capacity_mj_per_m3_k: float | Array,
        ground_temperature_degc: float | Array,
        **use: Unpack[Use],
    ) -> float | Array:
        """Heat from the ground per borehole and year in kWh/a, in a field of n by m boreholes.

        All arguments broadcast; NaN gives NaN. n and m may be fractions (N boreholes as a square:
        n = m = sqrt(N)); below 1 they count as 1. Above 40 ln g goes on straight in ln n up to 160
        and stays there: at 60 x 60 that gives up to 1.4 % more K than pygfunction, so less heat.
        `balance_frac` is heat given back / taken; what is beyond 1 is not counted, for it would warm
        the ground above its own temperature. Where the fluid may not be colder than the ground there
        is no heat. Diffusivities outside of 0.3e-6 to 1.6e-6 m2/s give NaN.
        """
        shape, rows = rows_of(
            *(n, m, conductivity_w_per_m_k, heat_capacity_mj_per_m3_k, ground_temperature_degc),
            *in_order(use),
        )
        size = math.prod(shape)
        result = np.empty(size)
        factors = self.load.factors[:, self.months % 12]
        for start in range(0, size, ROWS_PER_CHUNK):
            part = slice(start, start + ROWS_PER_CHUNK)
            values = [row if row.size == 1 else row[part] for row in rows]
            conductivity, capacity, ground_degc, lowest_degc = values[2:6]
            diffusivity = conductivity / (capacity * 1e6)
            ground = Ground(conductivity, diffusivity, ground_degc - lowest_degc, *values[6:])
            responses = self._interpolate(values[0], values[1], diffusivity, len(result[part]))
            result[part] = annual_w_per_m(responses, ground, factors, self.load)
        result *= HOURS_PER_YEAR / 1000.0 * self.depth_m
        return result.reshape(shape)[()]
