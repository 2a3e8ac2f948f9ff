"""The ASHRAE length of a borehole field: a published cross-check, not what verdicts rest on.

Philippe, Bernier and Marchio 2010, Sizing calculation spreadsheet for vertical geothermal
boreholefields, ASHRAE Journal 52(7); after Kavanaugh and Rafferty 1997. Loads in W, injection
into the ground positive. The diffusivity is in m2/d, as in the paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

Period = Literal["6h", "1m", "10y"]

# f = a0 + a1 r + a2 r^2 + a3 alpha + a4 alpha^2 + a5 ln alpha + a6 (ln alpha)^2
#   + a7 r alpha + a8 r ln alpha + a9 alpha ln alpha; table 2 of the paper.
RESISTANCE_TERMS: Mapping[Period, tuple[float, ...]] = {
    "6h": (
        0.6619352, -4.815693, 15.03571, -0.09879421, 0.02917889,
        0.1138498, 0.005610933, 0.7796329, -0.3243880, -0.01824101,
    ),
    "1m": (
        0.4132728, 0.2912981, 0.07589286, 0.1563978, -0.2289355,
        -0.004927554, -0.002694979, -0.6380360, 0.2950815, 0.1493320,
    ),
    "10y": (
        0.3057646, 0.08987446, -0.09151786, -0.03872451, 0.1690853,
        -0.02881681, -0.002886584, -0.1723169, 0.03112034, -0.1188438,
    ),
}  # fmt: skip
# Coefficient and powers of (B/H, ln(t/t_s), number of boreholes, aspect ratio); table 3 of the paper.
PENALTY_TERMS = (
    (7.8189, 0, 0, 0, 0),
    (-64.270, 1, 0, 0, 0), (153.87, 2, 0, 0, 0), (-84.809, 3, 0, 0, 0),
    (3.4610, 0, 1, 0, 0), (-0.94753, 0, 2, 0, 0), (-0.060416, 0, 3, 0, 0),
    (1.5631, 0, 0, 1, 0), (-0.0089416, 0, 0, 2, 0), (1.9061e-5, 0, 0, 3, 0),
    (-2.2890, 0, 0, 0, 1), (0.10187, 0, 0, 0, 2), (0.0065690, 0, 0, 0, 3),
    (-40.918, 1, 1, 0, 0), (15.557, 1, 2, 0, 0), (-19.107, 1, 0, 1, 0), (0.10529, 1, 0, 2, 0),
    (25.501, 1, 0, 0, 1), (-2.1177, 1, 0, 0, 2),
    (77.529, 2, 1, 0, 0), (-50.454, 2, 2, 0, 0), (76.352, 2, 0, 1, 0), (-0.53719, 2, 0, 2, 0),
    (-132.00, 2, 0, 0, 1), (12.878, 2, 0, 0, 2),
    (0.12697, 0, 1, 1, 0), (-4.0284e-4, 0, 1, 2, 0), (-0.072065, 0, 1, 0, 1), (9.5184e-4, 0, 1, 0, 2),
    (-0.024167, 0, 2, 1, 0), (9.6811e-5, 0, 2, 2, 0), (0.028317, 0, 2, 0, 1), (-0.0010905, 0, 2, 0, 2),
    (0.12207, 0, 0, 1, 1), (-0.0071050, 0, 0, 1, 2), (-0.0011129, 0, 0, 2, 1), (-4.5566e-4, 0, 0, 2, 2),
)  # fmt: skip
PENALTY_TIME_D = 3652.5
LENGTH_TOLERANCE_M = 1e-3
MOST_ROUNDS = 100


@dataclass(frozen=True)
class Loads:
    """Ground loads in W: peak hour, mean of the design month, mean of the year."""

    hour_w: float
    month_w: float
    year_w: float


@dataclass(frozen=True)
class Ground:
    """The undisturbed ground."""

    conductivity_w_per_m_k: float
    diffusivity_m2_per_d: float
    temperature_degc: float


def ground_resistance_m_k_per_w(
    period: Period, conductivity_w_per_m_k: float, diffusivity_m2_per_d: float, borehole_radius_m: float
) -> float:
    """Resistance of the ground to a heat pulse of 6 hours, 1 month or 10 years, in m K/W."""
    alpha, log_alpha, r = diffusivity_m2_per_d, float(np.log(diffusivity_m2_per_d)), borehole_radius_m
    terms = (
        1.0, r, r**2, alpha, alpha**2, log_alpha, log_alpha**2,
        r * alpha, r * log_alpha, alpha * log_alpha,
    )  # fmt: skip
    total = sum(a * term for a, term in zip(RESISTANCE_TERMS[period], terms, strict=True))
    return total / conductivity_w_per_m_k


def borehole_resistance_m_k_per_w(
    *,
    grout_conductivity_w_per_m_k: float,
    conductivity_w_per_m_k: float,
    borehole_radius_m: float,
    pipe_outer_radius_m: float,
    pipe_inner_radius_m: float,
    pipe_conductivity_w_per_m_k: float,
    pipe_spacing_m: float,
    convection_w_per_m2_k: float,
) -> float:
    """Resistance of a single U-tube borehole in m K/W: grout (line sources) and half of one pipe's.

    `pipe_spacing_m` is the distance between the axes of the two legs.
    """
    grout_k, r = grout_conductivity_w_per_m_k, borehole_radius_m
    sigma = (grout_k - conductivity_w_per_m_k) / (grout_k + conductivity_w_per_m_k)
    ratio = (2.0 * r / pipe_spacing_m) ** 4
    logs = np.log(r / pipe_outer_radius_m) + np.log(r / pipe_spacing_m)
    grout = (logs + sigma * np.log(ratio / (ratio - 1.0))) / (4.0 * np.pi * grout_k)
    wall = np.log(pipe_outer_radius_m / pipe_inner_radius_m) / (2.0 * np.pi * pipe_conductivity_w_per_m_k)
    film = 1.0 / (2.0 * np.pi * pipe_inner_radius_m * convection_w_per_m2_k)
    return float(grout + (wall + film) / 2.0)


def mean_fluid_degc(
    inlet_degc: float, flow_kg_per_s_kw: float, heat_capacity_j_per_kg_k: float, hour_w: float
) -> float:
    """Mean of the fluid's temperatures into and out of the heat pump; the flow is per kW of peak load."""
    return inlet_degc + float(np.sign(hour_w)) * 1000.0 / (flow_kg_per_s_kw * heat_capacity_j_per_kg_k) / 2.0


def length_m(
    loads: Loads,
    ground: Ground,
    *,
    borehole_radius_m: float,
    borehole_resistance_m_k_per_w: float,
    fluid_degc: float,
    penalty_k: float,
) -> float:
    """Total borehole length in m that carries three superposed pulses.

    (q_h R_b + q_y R_10y + q_m R_1m + q_h R_6h) / (T_m - T_g - T_p); `penalty_k` 0 without
    neighbours. Negative where the fluid is too warm to take heat, or too cold to give it.
    """
    pulses: dict[Period, float] = {"10y": loads.year_w, "1m": loads.month_w, "6h": loads.hour_w}
    gap = fluid_degc - ground.temperature_degc - penalty_k
    kelvin_m = loads.hour_w * borehole_resistance_m_k_per_w
    for period, load_w in pulses.items():
        kelvin_m += load_w * ground_resistance_m_k_per_w(
            period,
            ground.conductivity_w_per_m_k,
            ground.diffusivity_m2_per_d,
            borehole_radius_m,
        )
    return kelvin_m / gap


def temperature_penalty_k(
    year_w: float, ground: Ground, *, spacing_m: float, count: int, aspect: float, total_length_m: float
) -> float:
    """Temperature penalty T_p in K after ten years in a rectangular field of `count` boreholes.

    WARNING: this polynomial overstates the interference of square fields by 19-57 % from 36
    boreholes on against g-functions, and its fit ends at 120. It is here to reproduce published
    lengths and is not used for verdicts.
    """
    depth_m = total_length_m / count
    ln_time = np.log(PENALTY_TIME_D * 9.0 * ground.diffusivity_m2_per_d / depth_m**2)
    table = np.array(PENALTY_TERMS)
    f = (table[:, 0] * ([spacing_m / depth_m, ln_time, count, aspect] ** table[:, 1:]).prod(axis=1)).sum()
    return float(year_w / (2.0 * np.pi * ground.conductivity_w_per_m_k * total_length_m) * f)


def field_length_m(
    loads: Loads,
    ground: Ground,
    *,
    borehole_radius_m: float,
    borehole_resistance_m_k_per_w: float,
    fluid_degc: float,
    spacing_m: float,
    count: int,
    aspect: float,
) -> float:
    """Total length in m of a rectangular field: `length_m` and `temperature_penalty_k` in turn.

    The warning of `temperature_penalty_k` holds. NaN if the two do not settle.
    """
    length, penalty_k = 0.0, 0.0
    for _ in range(MOST_ROUNDS):
        before = length
        length = length_m(
            loads,
            ground,
            borehole_radius_m=borehole_radius_m,
            borehole_resistance_m_k_per_w=borehole_resistance_m_k_per_w,
            fluid_degc=fluid_degc,
            penalty_k=penalty_k,
        )
        if abs(length - before) <= LENGTH_TOLERANCE_M:
            return length
        penalty_k = temperature_penalty_k(
            loads.year_w, ground, spacing_m=spacing_m, count=count, aspect=aspect, total_length_m=length
        )
    return float("nan")
