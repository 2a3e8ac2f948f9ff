"""Cubic splines through values at given nodes, as weights of these values."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from gis.heat.constants import Array


class Spline:
    """The cubic spline over four nodes or more that has no knot at the last but one on either side.

    De Boor 1978, A practical guide to splines, chapter IV; beyond the ends the outer cubics go on.
    """

    def __init__(self, nodes: Array) -> None:
        self.nodes = nodes

    @cached_property
    def _bends(self) -> Array:
        """Second derivative at each node (rows) when the value is 1 at one of them (columns), else 0."""
        step = np.diff(self.nodes)
        inner = np.arange(1, len(step))
        slopes = np.diff(np.eye(len(self.nodes)), axis=0) / step[:, None]
        system, right = np.zeros((2, len(self.nodes), len(self.nodes)))
        system[inner, inner - 1], system[inner, inner + 1] = step[:-1], step[1:]
        system[inner, inner] = 2.0 * (step[:-1] + step[1:])
        right[1:-1] = 6.0 * np.diff(slopes, axis=0)
        # No knot: the third derivative goes on.
        system[0, :3] = step[1], -step[0] - step[1], step[0]
        system[-1, -3:] = step[-1], -step[-1] - step[-2], step[-2]
        return np.asarray(np.linalg.solve(system, right))

    def weights(self, x: Array) -> Array:
        """What the value at each node counts for at `x`: (rows, nodes), 1 in all."""
        i = np.clip(np.searchsorted(self.nodes, x, side="right") - 1, 0, len(self.nodes) - 2)
        step, unit = self.nodes[i + 1] - self.nodes[i], np.eye(len(self.nodes))
        left, right = (self.nodes[i + 1] - x) / step, (x - self.nodes[i]) / step
        straight = left[:, None] * unit[i] + right[:, None] * unit[i + 1]
        bend = [(((part**3 - part) * step**2) / 6.0)[:, None] for part in (left, right)]
        return np.asarray(straight + bend[0] * self._bends[i] + bend[1] * self._bends[i + 1])
