"""Whether a measured seasonal performance can be right, judged alike for one project and for the city."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gis.heat.constants import KELVIN_AT_0_DEGC
from gis.rules.ruleset import Rules
from layers import Text

Floats = npt.NDArray[np.float64]


def least_work_frac(
    supply_degc: float | Floats, return_degc: float | Floats, source_degc: float | Floats
) -> Floats:
    """Return the share of its heat that an ideal heat pump takes as work (1 / COP): Carnot.

    Heat is given at the mean of supply and return, at supply where return is NaN, and taken at the source.
    0 where the source is warm enough, NaN where supply or source is.
    """
    supply, back = np.asarray(supply_degc, dtype=np.float64), np.asarray(return_degc, dtype=np.float64)
    sink = (supply + np.where(np.isnan(back), supply, back)) / 2.0
    share = (sink - source_degc) / (sink + KELVIN_AT_0_DEGC)
    return np.asarray(np.maximum(share, 0.0))


def not_possible(
    cop: float, ideal_cop: float, technology: str | None, limits: Rules
) -> tuple[float, Text] | None:
    """Return the bound that a performance is beyond, and what is to be said of it; None where it may be so.

    `ideal_cop` is that of the measured temperatures, NaN where they are not known.
    """
    least, most = limits.number("possible_cop_least"), limits.number("possible_cop_most")
    zh, en = f"季节能效 {cop:.2f}，", f"the seasonal COP is {cop:.2f}, "
    if cop < least:
        return least, Text(zh=f"{zh}低于 {least:g}", en=f"{en}below {least:g}")
    if cop > ideal_cop:
        return ideal_cop, Text(
            zh=f"{zh}高于实测温度下的卡诺能效 {ideal_cop:.2f}",
            en=f"{en}above Carnot at the measured temperatures ({ideal_cop:.2f})",
        )
    if cop > most and technology in limits.texts("heat_pump_technologies"):
        return most, Text(
            zh=f"{zh}高于热泵可能的 {most:g}", en=f"{en}above the {most:g} that a heat pump may reach"
        )
    return None
