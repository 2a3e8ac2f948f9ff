"""The exponential integral, which the answer of the ground to a line source is made of."""

from __future__ import annotations

import numpy as np

from gis.compiled import compiled
from gis.heat.constants import Array

EULER = 0.5772156649015328


def exp1(x: float | Array) -> Array:
    """E1(x), the integral of exp(-t) / t from x on; infinite at 0, NaN below and where x is NaN."""
    given = np.asarray(x, dtype=np.float64)
    return _exp1(np.ascontiguousarray(given.ravel())).reshape(given.shape)


@compiled
def _exp1(x: Array) -> Array:
    """Power series up to 1, continued fraction from there on (Abramowitz and Stegun 5.1.11 and 5.1.22)."""
    out = np.empty(len(x))
    for i in range(len(x)):
        if not x[i] > 0.0:
            out[i] = np.inf if x[i] == 0.0 else np.nan
        elif x[i] <= 1.0:
            term, total, k = 1.0, 1.0, 1
            while abs(term) > 1e-17 * abs(total):
                term *= -k * x[i] / (k + 1.0) ** 2
                total += term
                k += 1
            out[i] = -EULER - np.log(x[i]) + x[i] * total
        else:
            rest = 0.0
            for k in range(20 + int(80.0 / x[i]), 0, -1):
                rest = k / (1.0 + k / (x[i] + rest))
            out[i] = np.exp(-x[i]) / (x[i] + rest)
    return out
