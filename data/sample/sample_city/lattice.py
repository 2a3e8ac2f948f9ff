"""The street lattice: uneven north-south and east-west lines, bent a little by a smooth warp.

Everything man-made is laid out in lattice coordinates (metres before the warp),
where it is rectangular and therefore free of overlaps, and warped afterwards.
The warp's gradient stays below 1, so it is one to one and overlaps cannot arise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

GRADIENT = 0.09
WAVELENGTHS_M = (26_000.0, 37_000.0, 58_000.0)
LINE_SPACING_M = (450.0, 800.0)


@dataclass(frozen=True)
class Lattice:
    """Street lines `x`, `y` (metres before the warp) and the waves of the warp."""

    x: Floats
    y: Floats
    wave: Floats
    shift: Floats
    phase: Floats
    nodes: Floats

    def warp(self, xy: Floats) -> Floats:
        """Return positions (..., 2) in the storage CRS of positions in lattice coordinates."""
        return _warp(xy, self.wave, self.shift, self.phase)

    def nearest_node(self, x: float, y: float) -> tuple[int, int]:
        """Return the indices of the street crossing nearest to a position in the storage CRS."""
        flat = int(np.argmin(np.hypot(self.nodes[..., 0] - x, self.nodes[..., 1] - y)))
        i, j = np.unravel_index(flat, self.nodes.shape[:2])
        return int(i), int(j)

    def line(self, path: list[tuple[int, int]]) -> shapely.LineString:
        """Return the warped line through street crossings given by their indices."""
        return shapely.LineString([self.nodes[i, j] for i, j in path])


def _warp(xy: Floats, wave: Floats, shift: Floats, phase: Floats) -> Floats:
    out = np.array(xy, dtype=np.float64)
    for w, s, p in zip(wave, shift, phase, strict=True):
        out += s * np.sin(xy[..., :1] * w[0] + xy[..., 1:] * w[1] + p)
    return out


def make_lattice(rng: np.random.Generator, bounds: tuple[float, float, float, float]) -> Lattice:
    """Return a lattice over `bounds` (xmin, ymin, xmax, ymax in metres) with room for the warp."""
    lines = []
    for low, high in ((bounds[0], bounds[2]), (bounds[1], bounds[3])):
        count = int((high - low + 8_000) / LINE_SPACING_M[0])
        at = low - 4_000 + np.cumsum(rng.uniform(*LINE_SPACING_M, count))
        lines.append(at[at < high + 4_000])
    angle = rng.uniform(0, 2 * np.pi, (2, len(WAVELENGTHS_M)))
    number = 2 * np.pi / np.array(WAVELENGTHS_M)
    wave = np.column_stack([np.cos(angle[0]), np.sin(angle[0])]) * number[:, None]
    shift = np.column_stack([np.cos(angle[1]), np.sin(angle[1])]) * (GRADIENT / number)[:, None]
    phase = rng.uniform(0, 2 * np.pi, len(WAVELENGTHS_M))
    grid = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1)
    return Lattice(lines[0], lines[1], wave, shift, phase, _warp(grid, wave, shift, phase))


def walk(
    rng: np.random.Generator, lattice: Lattice, start: tuple[int, int], heading: float, steps: int
) -> list[tuple[int, int]]:
    """Return a path of `steps` street sections from `start`, roughly towards `heading` (radians).

    The path only ever goes in the two directions nearest to the heading, so it
    never crosses itself; it keeps to a street for a few blocks before turning.
    """
    along = (int(np.sign(np.cos(heading))) or 1, int(np.sign(np.sin(heading))) or 1)
    share_x = abs(np.cos(heading)) / (abs(np.cos(heading)) + abs(np.sin(heading)))
    path, on_x = [start], bool(rng.random() < share_x)
    for _ in range(steps):
        i, j = path[-1]
        i, j = (i + along[0], j) if on_x else (i, j + along[1])
        if not (0 <= i < len(lattice.x) and 0 <= j < len(lattice.y)):
            break
        path.append((i, j))
        if rng.random() < 0.4:
            on_x = bool(rng.random() < share_x)
    return path
