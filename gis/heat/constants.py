"""Constants of physics and units that the heat models share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SECONDS_PER_DAY = 86400.0
HOURS_PER_DAY = 24.0
DAYS_PER_YEAR = 365.0
HOURS_PER_YEAR = 8760.0
# Geological times count leap years.
SECONDS_PER_JULIAN_YEAR = 365.25 * SECONDS_PER_DAY
KELVIN_AT_0_DEGC = 273.15

# Water at about 20 degC: 4.187 kJ/(kg K) at 1,000 kg/m3.
WATER_C_J_PER_KG_K = 4187.0
WATER_RHO_C_KJ_PER_M3_K = 4187.0
