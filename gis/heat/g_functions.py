"""The table of g-functions that `build_borehole_table` makes, and what lies between its nodes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path

import numpy as np

from gis.heat.constants import HOURS_PER_YEAR, Array, Bools
from gis.heat.spline import Spline

TABLE = Path(__file__).with_name("borehole_table.npz")
MONTH_S = HOURS_PER_YEAR * 3600.0 / 12.0
LARGEST_COUNT = 160.0
LARGEST_DIFFUSIVITY_M2_PER_S = 1.6e-6
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
    def splines(self) -> tuple[Spline, Spline, Spline, Spline]:
        """For count, spacing, depth and time: what each node weighs at the logarithm of a value."""
        axes = (self.count, self.spacing_m, self.depth_m, self.diffusion_m2)
        count, spacing, depth, time = (Spline(np.log(axis)) for axis in axes)
        return count, spacing, depth, time

    def diffusivity_range_m2_per_s(self, lifetime_a: float) -> tuple[float, float]:
        """Diffusivities for which the table has all months of a lifetime."""
        last = float(self.diffusion_m2[-1] / (12.0 * lifetime_a * MONTH_S))
        return float(self.diffusion_m2[0] / MONTH_S), min(last, LARGEST_DIFFUSIVITY_M2_PER_S)

    def count_weights(self, count: Array) -> Array:
        """Weights of the count nodes, (rows, nodes); from the last two nodes straight on in ln n."""
        x, last = np.log(np.clip(count, 1.0, LARGEST_COUNT)), np.log(self.count[-2:])
        weights = self.splines[0].weights(np.minimum(x, last[1]))
        beyond = np.maximum(x - last[1], 0.0) / (last[1] - last[0])
        weights[:, -1] += beyond
        weights[:, -2] -= beyond
        return weights

    def fields(self, n: Array, m: Array, spacing_m: Array, depth_m: Array) -> Array:
        """ln g of fields at the time nodes, (rows, times); NaN outside of spacings and depths."""
        times = self.diffusion_m2.size
        result = np.empty((n.size, times))
        nodes = self.ln_g.reshape(-1, times)
        for start in range(0, n.size, FIELDS_PER_CHUNK):
            part = slice(start, start + FIELDS_PER_CHUNK)
            first = self.count_weights(n[part])
            square = np.array_equal(n[part], m[part], equal_nan=True)
            counts = _products(first, first if square else self.count_weights(m[part]))
            result[part] = _products(counts, self._weights(spacing_m[part], depth_m[part])) @ nodes
        result[self.outside(spacing_m, depth_m)] = np.nan
        return result

    def outside(self, spacing_m: Array, depth_m: Array) -> Bools:
        """Where the table has no such spacing or depth."""
        outside = (spacing_m < self.spacing_m[0]) | (spacing_m > self.spacing_m[-1])
        outside |= (depth_m < self.depth_m[0]) | (depth_m > self.depth_m[-1])
        return np.asarray(outside)

    def alike(self, n: Array, m: Array, spacing_m: float, depth_m: float) -> Array:
        """ln g of fields of one spacing and depth, both in the table, at the time nodes: (rows, times)."""
        counts = _products(self.count_weights(n), self.count_weights(m))
        nodes = _nodes_at(spacing_m, depth_m)
        return np.asarray((counts[:, None, :] @ nodes)[:, 0])

    def _weights(self, spacing_m: Array, depth_m: Array) -> Array:
        _, spacing, depth, _ = self.splines
        return _products(spacing.weights(np.log(spacing_m)), depth.weights(np.log(depth_m)))

    def months(self, ln_g: Array, diffusivity_m2_per_s: float, month_count: int) -> Array:
        """g after 1, 2, ... months from ln g at the time nodes: (rows, months)."""
        # Row by row: what comes of a field may not depend on which others are worked out with it.
        ln_months = ln_g[:, None, :] @ _month_weights(diffusivity_m2_per_s, month_count).T
        return np.asarray(np.exp(ln_months[:, 0]))


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


@lru_cache(maxsize=64)
def _month_weights(diffusivity_m2_per_s: float, month_count: int) -> Array:
    """What the time nodes weigh after 1, 2, ... months: (months, times); the ground is of few kinds."""
    diffusion = diffusivity_m2_per_s * MONTH_S * np.arange(1.0, month_count + 1.0)
    return load_table().splines[3].weights(np.log(diffusion))


@lru_cache(maxsize=256)
def _nodes_at(spacing_m: float, depth_m: float) -> Array:
    """ln g at the nodes of counts and time for one spacing and depth: (counts, times)."""
    table = load_table()
    weights = table._weights(np.array([spacing_m]), np.array([depth_m]))[0]
    size, times = table.count.size, table.diffusion_m2.size
    nodes = table.ln_g.reshape(size * size, -1, times)
    return np.ascontiguousarray(np.einsum("k,ckt->ct", weights, nodes))
