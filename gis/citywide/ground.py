"""What the ground gives before anything is shared citywide: boreholes on parcels, and green space by parts.

Green space within reach of several parcels is shared among them as an allocation of its area: most
of it in all, then nearest first. A parcel whose boreholes would stay below the least share of its load
gets none of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gis.facts.columns import Floats
from gis.facts.surroundings import Surroundings
from gis.facts.table import green_usable_frac
from gis.matching.allocate import allocate
from gis.matching.network import Network
from gis.rules import RuleSet
from gis.scoring.offers import Offers

CM2 = 10_000
"""Area is shared in whole square centimetres: they take the place of the network's watts."""


@dataclass(frozen=True, eq=False)
class Ground:
    """Ground source of parcels: kW in all (parcel,), and of `Offers.green` the m2 and kW of each pair.

    `supply_m2` is what boreholes may take of every green space.
    """

    kw: Floats
    green_m2: Floats
    green_kw: Floats
    supply_m2: Floats


def share_ground(offers: Offers, load_kw: Floats, around: Surroundings, ruleset: RuleSet) -> Ground:
    """Return what ground source carries of every load (kW), 0 below the least share."""
    least_frac = ruleset.parameters["minimum_share_frac"].number()
    per_m2, green = offers.ground_kw_per_m2, offers.green
    own_kw = np.minimum(offers.ground_kw, load_kw)
    supply_m2 = _supply_m2(around, ruleset)
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted_m2 = np.where(per_m2 > 0.0, (load_kw - own_kw) / per_m2, 0.0)
        least_m2 = np.where(per_m2 > 0.0, np.maximum(least_frac * load_kw - own_kw, 0.0) / per_m2, 0.0)
    none = np.empty(0, dtype=np.int64)
    order = np.lexsort((green.feature, green.parcel))
    network = Network(
        load_w=np.floor(wanted_m2 * CM2).astype(np.int64),
        least_w=np.ceil(least_m2 * CM2).astype(np.int64),
        supply_w=np.floor(supply_m2 * CM2).astype(np.int64),
        tier=np.zeros(len(supply_m2), dtype=np.int64),
        group=np.full(len(supply_m2), -1, dtype=np.int64),
        group_supply_w=none,
        parcel=green.parcel[order],
        source=green.feature[order],
        limit_w=np.floor(green.limit[order] * CM2).astype(np.int64),
        length_m=np.round(green.length_m[order]).astype(np.int64),
    )
    green_m2 = np.zeros(len(green))
    green_m2[order] = allocate(network).flow_w / CM2
    green_kw = green_m2 * per_m2[green.parcel]
    kw = own_kw + np.bincount(green.parcel, weights=green_kw, minlength=len(load_kw))
    kept = kw >= least_frac * load_kw * (1.0 - 1e-9)
    return Ground(
        np.where(kept, np.minimum(kw, load_kw), 0.0),
        np.where(kept[green.parcel], green_m2, 0.0),
        np.where(kept[green.parcel], green_kw, 0.0),
        supply_m2,
    )


def _supply_m2(around: Surroundings, ruleset: RuleSet) -> Floats:
    """Return what boreholes may take of every green space, without the parts where nothing may be drilled."""
    if not around.loaded("green_space"):
        return np.empty(0)
    rules = ruleset.options["shallow_ground_source"]
    area_m2 = around.drillable_green.shapes.area_m2 * green_usable_frac(around)
    usable: Floats = area_m2 * rules.number("open_space_usable_frac") * rules.number("green_share_frac")
    return usable
