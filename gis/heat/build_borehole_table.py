"""Makes `borehole_table.npz`, the g-functions of rectangular borehole fields: needs pygfunction.

Run as `python -m gis.heat.build_borehole_table`; about twenty minutes on one core. What is done
is kept beside the table in a `.part.npz` file, so an interrupted run goes on where it stopped.

Method (pygfunction, Cimmino and Cook 2022, doi 10.22488/okstate.22.000015): all boreholes at one
wall temperature that is uniform along them (UBWT), equivalent boreholes (Prieto and Cimmino 2021,
doi 10.1080/19401493.2021.1968953), eight segments of graded length. Three clusters beyond the least
count: with pygfunction's one, g jumps by up to 1.3 % between neighbouring fields (34 x 10 and 33 x 10);
with three, it is within 0.6 % of the limit of many clusters.
"""

from __future__ import annotations

import os
import sys
from itertools import combinations_with_replacement, product
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from gis.heat.constants import HOURS_PER_YEAR, Array

TARGET = Path(__file__).with_name("borehole_table.npz")
COUNTS = (1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 22, 29, 40)
SPACINGS_M = (3.0, 4.0, 5.0, 6.0, 8.0)
DEPTHS_M = (80.0, 110.0, 150.0, 200.0)
RADIUS_M = 0.075
BURIED_M = 2.0
SEGMENT_COUNT = 8
EXTRA_CLUSTER_COUNT = 3
# One month at the least diffusivity to 50 years at the largest; g is solved at twice the times kept,
# because its error falls with the length of the steps.
DIFFUSIVITIES_M2_PER_S = (0.3e-6, 1.6e-6)
LIFETIME_A = 50.0
TIME_COUNT = 20
FIELDS_PER_SAVE = 100


def time_nodes_m2() -> Array:
    """Diffusivity times time in m2 at which g is solved, equally spaced in the logarithm."""
    year_s = HOURS_PER_YEAR * 3600.0
    ends = np.log(np.array(DIFFUSIVITIES_M2_PER_S) * year_s * np.array([1.0 / 12.0, LIFETIME_A]))
    return np.exp(np.linspace(ends[0], ends[1], 2 * TIME_COUNT - 1))


def solve_ln_g(n: int, m: int, spacing_m: float, depth_m: float, diffusion_m2: Array) -> Array:
    """Logarithm of the g-function of n x m boreholes at the given diffusivity times time."""
    import pygfunction

    rectangle = pygfunction.borefield.Borefield.rectangle_field
    field = rectangle(n, m, spacing_m, spacing_m, depth_m, BURIED_M, RADIUS_M)
    diffusivity = 1e-6
    solution = pygfunction.gfunction.gFunction(
        field,
        diffusivity,
        time=diffusion_m2 / diffusivity,
        boundary_condition="UBWT",
        method="equivalent",
        options={"nSegments": SEGMENT_COUNT, "kClusters": EXTRA_CLUSTER_COUNT},
    )
    return np.asarray(np.log(solution.gFunc), dtype=np.float64)


def save(path: Path, arrays: dict[str, Any]) -> None:
    """Write an npz file whole or not at all."""
    partial = path.with_name(path.name + ".tmp")
    with partial.open("wb") as handle:
        np.savez_compressed(handle, **arrays)
    os.replace(partial, path)


def axes() -> dict[str, Any]:
    """What identifies a table: its axes and the geometry that is one value for all fields."""
    return {
        "count": np.array(COUNTS, dtype=np.float64),
        "spacing_m": np.array(SPACINGS_M),
        "depth_m": np.array(DEPTHS_M),
        "diffusion_m2": time_nodes_m2()[::2],
        "radius_m": np.float64(RADIUS_M),
        "buried_m": np.float64(BURIED_M),
    }


def resume(path: Path, shape: tuple[int, ...]) -> Array:
    """Return what an interrupted run with the same axes has left, NaN where it has not come yet."""
    if path.exists():
        with np.load(path) as left:
            if all(np.array_equal(left[name], value) for name, value in axes().items()):
                return np.asarray(left["ln_g"], dtype=np.float64)
    return np.full(shape, np.nan)


def main() -> int:
    """Solve all fields, smallest first, and write the table."""
    part = TARGET.with_suffix(".part.npz")
    pairs = list(combinations_with_replacement(range(len(COUNTS)), 2))
    ln_g = resume(part, (len(pairs), len(SPACINGS_M), len(DEPTHS_M), TIME_COUNT))
    jobs = [
        job
        for job in product(range(len(pairs)), range(len(SPACINGS_M)), range(len(DEPTHS_M)))
        if np.isnan(ln_g[job]).any()
    ]
    jobs.sort(key=lambda job: COUNTS[pairs[job[0]][0]] * COUNTS[pairs[job[0]][1]])
    times = time_nodes_m2()
    for done, (p, b, h) in enumerate(tqdm(jobs, unit="field"), start=1):
        n, m = (COUNTS[i] for i in pairs[p])
        ln_g[p, b, h] = solve_ln_g(m, n, SPACINGS_M[b], DEPTHS_M[h], times)[::2]
        if done % FIELDS_PER_SAVE == 0:
            save(part, {**axes(), "ln_g": ln_g})
    save(TARGET, {**axes(), "ln_g": ln_g.astype(np.float32)})
    part.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
