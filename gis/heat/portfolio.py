"""Several sources on one load: who runs in which order, and what share of the season's heat each gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gis.compiled import compiled
from gis.heat.constants import Array
from gis.heat.demand import Climate, covered_frac


@dataclass(frozen=True)
class Stack:
    """What is installed of each source, and what share of the load and of the season's heat it carries.

    `installed_kw`, `installed_frac` and `energy_frac` have the shape of the offers (k, n);
    `unmet_kw` is (n,), the load that no source carries.
    """

    installed_kw: Array
    installed_frac: Array
    energy_frac: Array
    unmet_kw: Array


def stack(load_kw: Array, offers_kw: Array, climate: Climate, *, actual_peak_frac: float) -> Stack:
    """Fill the load (kW, (n,)) with the offers (kW, (k, n)) in their order of priority.

    A source is installed up to what the ones before it leave of the load. The first runs as
    base load, the last at the peak: a source's share of the season's heat is `coverage_frac`
    of the shares up to and with it less that without it. An offer is 0 where there is none.
    Load 0 or NaN has NaN shares; a NaN offer leaves itself and all after it unknown.
    """
    installed, energy = np.empty(offers_kw.shape), np.empty(offers_kw.shape)
    unmet = np.empty(load_kw.shape)
    _fill(load_kw, offers_kw, actual_peak_frac, *climate.curve(), installed, energy, unmet)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = installed / np.where(load_kw > 0.0, load_kw, np.nan)
    return Stack(installed, share, energy, unmet)


@compiled
def _fill(
    load_kw: Array,
    offers_kw: Array,
    actual_peak_frac: float,
    season_d: Array,
    peak_d: float,
    b0: float,
    exponent: Array,
    total_d: Array,
    installed_kw: Array,
    energy_frac: Array,
    unmet_kw: Array,
) -> None:
    """Write what is installed of each offer, the share of the heat it gives, and what is left of the load."""
    seasons = len(season_d)
    for i in range(len(load_kw)):
        rest, k = load_kw[i], i % seasons
        whole = rest if rest > 0.0 else np.nan
        sofar = covered = 0.0
        for j in range(len(offers_kw)):
            offer = offers_kw[j, i]
            taken = rest if offer > rest or np.isnan(rest) else offer
            rest -= taken
            installed_kw[j, i] = taken
            own = taken / whole
            if own == 0.0 or covered >= 1.0:
                # The coverage only moves where something is installed and the real peak is not yet reached.
                energy_frac[j, i] = own * 0.0
                continue
            sofar += own
            now = covered_frac(sofar / actual_peak_frac, season_d[k], peak_d, b0, exponent[k], total_d[k])
            energy_frac[j, i] = now - covered
            covered = now
        unmet_kw[i] = rest
