"""The loops of the field model over many parcels, compiled."""

from __future__ import annotations

import numpy as np

from gis.compiled import compiled
from gis.heat.constants import Array, Bools


@compiled
def _within(value: float, low: float, high: float) -> float:
    """Return a value no less than `low` and no more than `high`; NaN stays NaN."""
    return low if value < low else (high if value > high else value)


@compiled
def trilinear(
    grid: Array,
    counts: int,
    largest: float,
    diffusivities: Array,
    n: Array,
    m: Array,
    diffusivity: Array,
    result: Array,
    wanted: Bools,
) -> bool:
    """Write the grid's values at (n, m, diffusivity), each one for all or one a row.

    Nodes that are NaN but needed are marked in `wanted`; returns whether there are any.
    """
    missing = False
    steps = int(len(n) > 1), int(len(m) > 1), int(len(diffusivity) > 1)
    last = len(diffusivities) - 1
    per_count = (counts - 1) / np.log(largest)
    per_diffusivity = last / np.log(diffusivities[last] / diffusivities[0])
    for i in range(len(result)):
        x = np.log(_within(n[i * steps[0]], 1.0, largest)) * per_count
        y = np.log(_within(m[i * steps[1]], 1.0, largest)) * per_count
        z = np.log(diffusivity[i * steps[2]] / diffusivities[0]) * per_diffusivity
        # Of the three only the diffusivity can be outside of the grid.
        if np.isnan(x) or np.isnan(y) or not -1e-9 <= z <= last + 1e-9:
            result[i] = np.nan
            continue
        a, b, c = min(int(x), counts - 2), min(int(y), counts - 2), min(max(int(z), 0), last - 1)
        x, y, z = x - a, y - b, z - c
        for k in range(grid.shape[1]):
            value = 0.0
            for da in range(2):
                for db in range(2):
                    row = ((a + da) * counts + b + db) * (last + 1) + c
                    weight = (x if da else 1.0 - x) * (y if db else 1.0 - y)
                    value += weight * ((1.0 - z) * grid[row, k] + z * grid[row + 1, k])
            result[i, k] = value
        if np.isnan(result[i]).any():
            missing = True
            for da in range(2):
                for db in range(2):
                    row = ((a + da) * counts + b + db) * (last + 1) + c
                    wanted[row : row + 2] = True
    return missing


@compiled
def bilinear_each(
    grid: Array,
    largest: float,
    diffusivities: Array,
    n: Array,
    diffusivity: Array,
    result: Array,
    wanted: Bools,
) -> bool:
    """Write for every row what its own table holds at (n, diffusivity), each one for all or one a row.

    `grid` is (row, count, diffusivity, value), `wanted` the first three of it: nodes that are NaN but
    needed are marked in it; returns whether there are any.
    """
    missing = False
    each_n, each_diffusivity = int(len(n) > 1), int(len(diffusivity) > 1)
    rows, counts, nodes, values = grid.shape
    per_count = (counts - 1) / np.log(largest)
    per_diffusivity = (nodes - 1) / np.log(diffusivities[nodes - 1] / diffusivities[0])
    for i in range(rows):
        x = np.log(_within(n[i * each_n], 1.0, largest)) * per_count
        y = np.log(diffusivity[i * each_diffusivity] / diffusivities[0]) * per_diffusivity
        if np.isnan(x) or not -1e-9 <= y <= nodes - 1 + 1e-9:
            result[i] = np.nan
            continue
        a, b = min(int(x), counts - 2), min(max(int(y), 0), nodes - 2)
        x, y = x - a, y - b
        for k in range(values):
            low = (1.0 - y) * grid[i, a, b, k] + y * grid[i, a, b + 1, k]
            high = (1.0 - y) * grid[i, a + 1, b, k] + y * grid[i, a + 1, b + 1, k]
            result[i, k] = (1.0 - x) * low + x * high
        if np.isnan(result[i]).any():
            missing = True
            wanted[i, a : a + 2, b : b + 2] = True
    return missing


@compiled
def add_wall(responses: Array, shift: Array, factors: Array, balance_frac: Array, wall: Array) -> None:
    """Add the largest of h - beta c over the months to `wall`.

    `responses` is (rows, 2 x months), `factors` (2, months); the others are one for all or one a row.
    """
    months = factors.shape[1]
    each_shift, each_balance = int(len(shift) > 1), int(len(balance_frac) > 1)
    for i in range(len(responses)):
        # A balance beyond 1 would warm the ground above its own temperature.
        move, beta = shift[i * each_shift], _within(balance_frac[i * each_balance], 0.0, 1.0)
        largest = -np.inf
        for k in range(months):
            heat = responses[i, k] + move * factors[0, k]
            cooling = responses[i, months + k] + move * factors[1, k]
            value = heat - beta * cooling
            if value > largest or np.isnan(value):
                largest = value
        wall[i] += largest
