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
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import exp1

from gis.heat.borehole_loops import add_wall, trilinear
from gis.heat.constants import HOURS_PER_YEAR, Array

if TYPE_CHECKING:
    from scipy.interpolate import BSpline

TABLE = Path(__file__).with_name("borehole_table.npz")
MONTH_S = HOURS_PER_YEAR * 3600.0 / 12.0
# Grid of a FieldModel in n, m and diffusivity: even in the logarithm, fine enough for straight lines.
LARGEST_COUNT = 160.0
LARGEST_DIFFUSIVITY_M2_PER_S = 1.6e-6
COUNT_NODES = 64
DIFFUSIVITY_NODES = 20
ROWS_PER_CHUNK = 8192
FIELDS_PER_CHUNK = 256


@dataclass(frozen=True, eq=False)
class GFunctionTable:
    """ln g over (n, m, spacing, depth, diffusivity times time), cubic splines in the logarithms."""

    count: Array
    spacing_m: Array
    depth_m: Array
    diffusion_m2: Array
    radius_m: float
    ln_g: Array

    @cached_property
    def splines(self) -> tuple[BSpline, BSpline, BSpline, BSpline]:
        """For count, spacing, depth and time: what each node weighs at the logarithm of a value."""
        from scipy.interpolate import make_interp_spline  # half a second, which only a field needs

        axes = (self.count, self.spacing_m, self.depth_m, self.diffusion_m2)
        count, spacing, depth, time = (make_interp_spline(np.log(a), np.eye(a.size)) for a in axes)
        return count, spacing, depth, time

    def diffusivity_range_m2_per_s(self, lifetime_a: float) -> tuple[float, float]:
        """Diffusivities for which the table has all months of a lifetime."""
        last = float(self.diffusion_m2[-1] / (12.0 * lifetime_a * MONTH_S))
        return float(self.diffusion_m2[0] / MONTH_S), min(last, LARGEST_DIFFUSIVITY_M2_PER_S)

    def count_weights(self, count: Array) -> Array:
        """Weights of the count nodes, (rows, nodes); from the last two nodes straight on in ln n."""
        x, last = np.log(np.clip(count, 1.0, LARGEST_COUNT)), np.log(self.count[-2:])
        weights = np.asarray(self.splines[0](np.minimum(x, last[1])), dtype=np.float64)
        beyond = np.maximum(x - last[1], 0.0) / (last[1] - last[0])
        weights[:, -1] += beyond
        weights[:, -2] -= beyond
        return weights

    def fields(self, n: Array, m: Array, spacing_m: Array, depth_m: Array) -> Array:
        """ln g of fields at the time nodes, (rows, times); NaN outside of spacings and depths."""
        outside = (spacing_m < self.spacing_m[0]) | (spacing_m > self.spacing_m[-1])
        outside |= (depth_m < self.depth_m[0]) | (depth_m > self.depth_m[-1])
        times = self.diffusion_m2.size
        result = np.empty((n.size, times))
        nodes = self.ln_g.reshape(-1, times)
        for start in range(0, n.size, FIELDS_PER_CHUNK):
            part = slice(start, start + FIELDS_PER_CHUNK)
            counts = _products(self.count_weights(n[part]), self.count_weights(m[part]))
            if n.size <= FIELDS_PER_CHUNK:
                few = _few_nodes(np.stack([spacing_m, depth_m]).tobytes())
                result[part] = (counts[:, None, :] @ few)[:, 0]
            else:
                result[part] = _products(counts, self._weights(spacing_m[part], depth_m[part])) @ nodes
        result[outside] = np.nan
        return result

    def _weights(self, spacing_m: Array, depth_m: Array) -> Array:
        return _products(self.splines[1](np.log(spacing_m)), self.splines[2](np.log(depth_m)))

    def months(self, ln_g: Array, diffusivity_m2_per_s: float, month_count: int) -> Array:
        """g after 1, 2, ... months from ln g at the time nodes: (rows, months)."""
        diffusion = diffusivity_m2_per_s * MONTH_S * np.arange(1.0, month_count + 1.0)
        return np.asarray(np.exp(ln_g @ self.splines[3](np.log(diffusion)).T))


def _products(first: Array, second: Array) -> Array:
    """Every weight of the first with every weight of the second, row by row."""
    return np.asarray((first[:, :, None] * second[:, None, :]).reshape(first.shape[0], -1))


@cache
def load_table() -> GFunctionTable:
    """Read the table that is shipped."""
    with np.load(TABLE) as table:
        size = table["count"].size
        ln_g = np.empty((size, size, *table["ln_g"].shape[1:]))
        first, second = np.triu_indices(size)
        ln_g[first, second] = ln_g[second, first] = table["ln_g"]
        axes = {name: table[name] for name in ("count", "spacing_m", "depth_m", "diffusion_m2")}
        return GFunctionTable(**axes, radius_m=float(table["radius_m"]), ln_g=ln_g)


@lru_cache(maxsize=16)
def _few_nodes(rows: bytes) -> Array:
    """ln g at the nodes of counts and time for a few spacings and depths: (rows, counts, times).

    Kept because the samples of a rule set come again with every parcel.
    """
    table = load_table()
    weights = table._weights(*np.frombuffer(rows).reshape(2, -1))
    size, times = table.count.size, table.diffusion_m2.size
    nodes = table.ln_g.reshape(size * size, -1, times)
    return np.ascontiguousarray(np.einsum("rk,ckt->rct", weights, nodes, optimize=True))


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
        table, weights = load_table(), self.lag_weights(months)
        low, high = table.diffusivity_range_m2_per_s(self.lifetime_a)
        result = np.full((len(ln_g), weights.shape[1]), np.nan)
        for diffusivity in np.unique(diffusivity_m2_per_s):
            if low * (1.0 - 1e-9) <= diffusivity <= high * (1.0 + 1e-9):
                rows = diffusivity_m2_per_s == diffusivity
                result[rows] = table.months(ln_g[rows], float(diffusivity), len(weights)) @ weights
        return result


@dataclass(frozen=True)
class _Ground:
    """Ground, borehole and use: one value for all rows or one for each."""

    conductivity_w_per_m_k: Array
    diffusivity_m2_per_s: Array
    usable_k: Array
    borehole_resistance_m_k_per_w: Array
    borehole_radius_m: Array
    full_load_h: Array
    balance_frac: Array
    peak_h: Array


def _annual_w_per_m(responses: Array, ground: _Ground, factors: Array, load: MonthlyLoad) -> Array:
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


def _rows(*values: float | Array) -> tuple[tuple[int, ...], list[Array]]:
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
    lowest_fluid_degc: float | Array,
    borehole_resistance_m_k_per_w: float | Array,
    borehole_radius_m: float | Array,
    full_load_h: float | Array,
    balance_frac: float | Array,
    peak_h: float | Array,
    months: Array | None = None,
) -> float | Array:
    """As `FieldModel.energy_kwh_per_a`, with spacing and depth by row: about 0.1 ms a row.

    `months` are those that may be the coldest (`FieldModel.months`); all that `load` names by default.
    Spacings and depths outside of the table (3 to 8 m, 80 to 200 m) give NaN.
    """
    shape, rows = _rows(
        *(n, m, spacing_m, depth_m, conductivity_w_per_m_k, heat_capacity_mj_per_m3_k),
        *(ground_temperature_degc, lowest_fluid_degc, borehole_resistance_m_k_per_w),
        *(borehole_radius_m, full_load_h, balance_frac, peak_h),
    )
    full = [np.broadcast_to(row, math.prod(shape)) for row in rows]
    diffusivity = full[4] / (full[5] * 1e6)
    ln_g = load_table().fields(*full[:4])
    months = load.months() if months is None else months
    responses = load.responses(ln_g, diffusivity, months)
    ground = _Ground(full[4], diffusivity, full[6] - full[7], *full[8:])
    result = (
        HOURS_PER_YEAR
        / 1000.0
        * full[3]
        * _annual_w_per_m(responses, ground, load.factors[:, months % 12], load)
    )
    return result.reshape(shape)[()]


@dataclass(frozen=True)
class FieldModel:
    """Fields of one spacing, depth and load: what a rule set fixes, worked out once for many parcels.

    Spacing 3 to 8 m, depth 80 to 200 m, otherwise ValueError. Making the grid takes about a second,
    at the first use.
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

    def _responses(self, count: Array, diffusivities: Array, months: Array) -> Array:
        """h and c of all fields count x count: (counts, counts, diffusivities, 2 x months)."""
        first, second = np.triu_indices(count.size)
        same = np.full(first.size, 1.0)
        ln_g = load_table().fields(count[first], count[second], self.spacing_m * same, self.depth_m * same)
        result = np.empty((count.size, count.size, diffusivities.size, 2 * len(months)))
        for k, diffusivity in enumerate(diffusivities):
            values = self.load.responses(ln_g, diffusivity * same, months)
            result[first, second, k] = result[second, first, k] = values
        return result

    @cached_property
    def months(self) -> Array:
        """The months that are the worst in some field, at some diffusivity and balance."""
        months = self.load.months()
        nodes = self._responses(load_table().count, self.diffusivities_m2_per_s[::6], months)
        heat, cooling = np.split(nodes.reshape(-1, 2 * len(months)), 2, axis=1)
        worst = [np.argmax(heat - beta * cooling, axis=1) for beta in np.linspace(0.0, 1.0, 41)]
        return np.asarray(months[np.unique(worst)])

    @cached_property
    def grid(self) -> Array:
        """h and c in the worst months at the nodes: (counts x counts x diffusivities, 2 x months)."""
        count = np.geomspace(1.0, LARGEST_COUNT, COUNT_NODES)
        nodes = self._responses(count, self.diffusivities_m2_per_s, self.months)
        return nodes.reshape(-1, nodes.shape[-1])

    def _interpolate(self, n: Array, m: Array, diffusivity: Array, rows: int) -> Array:
        """h and c by straight lines in the logarithms: (rows, 2 x months)."""
        nodes = self.diffusivities_m2_per_s
        result = np.empty((rows, self.grid.shape[1]))
        trilinear(self.grid, COUNT_NODES, LARGEST_COUNT, nodes, n, m, diffusivity, result)
        return result

    def energy_kwh_per_a(
        self,
        n: float | Array,
        m: float | Array,
        conductivity_w_per_m_k: float | Array,
        heat_capacity_mj_per_m3_k: float | Array,
        ground_temperature_degc: float | Array,
        *,
        lowest_fluid_degc: float | Array,
        borehole_resistance_m_k_per_w: float | Array,
        borehole_radius_m: float | Array,
        full_load_h: float | Array,
        balance_frac: float | Array,
        peak_h: float | Array,
    ) -> float | Array:
        """Heat from the ground per borehole and year in kWh/a, in a field of n by m boreholes.

        All arguments broadcast; NaN gives NaN. n and m may be fractions (N boreholes as a square:
        n = m = sqrt(N)); below 1 they count as 1. Above 40 ln g goes on straight in ln n up to 160
        and stays there: at 60 x 60 that gives up to 1.4 % more K than pygfunction, so less heat.
        `balance_frac` is heat given back / taken; what is beyond 1 is not counted, for it would warm
        the ground above its own temperature. Where the fluid may not be colder than the ground there
        is no heat. Diffusivities outside of 0.3e-6 to 1.6e-6 m2/s give NaN.
        """
        shape, rows = _rows(
            *(n, m, conductivity_w_per_m_k, heat_capacity_mj_per_m3_k, ground_temperature_degc),
            *(lowest_fluid_degc, borehole_resistance_m_k_per_w, borehole_radius_m, full_load_h),
            *(balance_frac, peak_h),
        )
        size = math.prod(shape)
        result = np.empty(size)
        factors = self.load.factors[:, self.months % 12]
        for start in range(0, size, ROWS_PER_CHUNK):
            part = slice(start, start + ROWS_PER_CHUNK)
            values = [row if row.size == 1 else row[part] for row in rows]
            conductivity, capacity, ground_degc, lowest_degc = values[2:6]
            diffusivity = conductivity / (capacity * 1e6)
            ground = _Ground(conductivity, diffusivity, ground_degc - lowest_degc, *values[6:])
            responses = self._interpolate(values[0], values[1], diffusivity, len(result[part]))
            result[part] = _annual_w_per_m(responses, ground, factors, self.load)
        result *= HOURS_PER_YEAR / 1000.0 * self.depth_m
        return result.reshape(shape)[()]
