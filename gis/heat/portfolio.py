"""Several sources on one load: who runs in which order, and what share of the season's heat each gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gis.heat.constants import Array
from gis.heat.demand import Climate, coverage_frac

# Parcels at a time: the arrays of one chunk stay in the processor's cache.
CHUNK = 1 << 14


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
    installed = np.empty(offers_kw.shape)
    share, energy = np.empty(offers_kw.shape), np.empty(offers_kw.shape)
    unmet = np.empty(load_kw.shape)
    for start in range(0, len(load_kw), CHUNK):
        part = slice(start, start + CHUNK)
        unmet[part] = _fill(load_kw[part], offers_kw[:, part], installed[:, part])
        with np.errstate(divide="ignore", invalid="ignore"):
            whole = np.where(load_kw[part] > 0.0, load_kw[part], np.nan)
        np.divide(installed[:, part], whole, out=share[:, part])
        _energy(share[:, part], climate.take(part), actual_peak_frac, energy[:, part])
    return Stack(installed, share, energy, unmet)


def _fill(load_kw: Array, offers_kw: Array, installed_kw: Array) -> Array:
    """Write what is installed of each offer; return what is left of the load."""
    rest = load_kw.copy()
    for offer, taken in zip(offers_kw, installed_kw, strict=True):
        np.minimum(offer, rest, out=taken)
        rest -= taken
    return rest


def _energy(share: Array, climate: Climate, actual_peak_frac: float, energy: Array) -> None:
    """Write the share of the season's heat that each share of the load gives."""
    sofar = np.zeros(share.shape[1])
    covered = np.zeros(share.shape[1])
    for own, result in zip(share, energy, strict=True):
        np.multiply(own, 0.0, out=result)
        # The coverage only moves where something is installed and the real peak is not yet reached.
        moved = np.flatnonzero((own > 0.0) & (covered < 1.0))
        sofar += own
        now = coverage_frac(sofar[moved], climate.take(moved), actual_peak_frac=actual_peak_frac)
        result[moved] = now - covered[moved]
        covered[moved] = now
