"""What every parcel may take, and from whom: the demand side of a citywide matching."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from gis.facts.columns import Floats, Ints, Words
from gis.facts.ragged import Shapes
from gis.facts.surroundings import Surroundings
from gis.facts.table import Facts, green_pairs
from gis.rules import RuleSet
from gis.scoring.engine import Judgement, Rows, View, open_to, share_frac
from gis.scoring.evaluate import judge_all, modelled
from gis.scoring.inputs import LAYERS_OF, Inputs
from gis.scoring.kernels import CONDITIONAL
from gis.scoring.technologies import Models, drillable_area

DEMAND = (
    "district", "township", "building_status", "building_density_frac", "area_m2", "heated_area_m2",
    "heat_load_kw", "season_d", "heat_demand_mwh_per_a",
)  # fmt: skip
"""Facts of parcels that a matching needs."""


@dataclass(frozen=True, eq=False)
class Links:
    """Parcels that may connect to features of a layer; arrays of shape (pair,).

    `limit` is the most that the connection may carry, infinite where only the source limits it:
    kW, or m2 of green space.
    """

    parcel: Ints
    feature: Ints
    length_m: Floats
    limit: Floats

    def __len__(self) -> int:
        return len(self.parcel)

    @classmethod
    def together(cls, parts: Sequence[tuple[int, Links]]) -> Self:
        """Return the links of several groups of parcels, each group's parcels counted from a start."""
        columns = {f.name: [getattr(links, f.name) for _, links in parts] for f in fields(cls)}
        columns["parcel"] = [links.parcel + start for start, links in parts]
        return cls(**{name: np.concatenate(values) for name, values in columns.items()})


@dataclass(frozen=True, eq=False)
class Offers:
    """What parcels may take; arrays of shape (parcel,).

    demand         the facts of `DEMAND`
    centre_m       (parcel, 2) the middle of each parcel's extent, EPSG:4548
    ground_kw      what boreholes on the parcel's own ground give; 0 where they may not be
    ground_kw_per_m2  what they give per m2 of ground to drill in
    closed_loop_kw what wells on its own ground give, where no field serves it
    air            whether air source may serve it
    green          its green spaces, with the m2 of each that boreholes may take
    links          by option and layer the sources that it may connect to, with the most it may take (kW)
    """

    demand: Facts
    centre_m: Floats
    ground_kw: Floats
    ground_kw_per_m2: Floats
    closed_loop_kw: Floats
    air: npt.NDArray[np.bool_]
    green: Links
    links: Mapping[tuple[str, str], Links]

    def taken(self, order: Ints) -> Offers:
        """Return the same parcels in another order, a permutation of them all, with links in order too."""
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))

        def moved(links: Links) -> Links:
            parcel = place[links.parcel]
            rows = np.lexsort((links.feature, parcel))
            return Links(parcel[rows], links.feature[rows], links.length_m[rows], links.limit[rows])

        return Offers(
            {name: values[order] for name, values in self.demand.items()},
            self.centre_m[order],
            self.ground_kw[order],
            self.ground_kw_per_m2[order],
            self.closed_loop_kw[order],
            self.air[order],
            moved(self.green),
            {key: moved(links) for key, links in self.links.items()},
        )


def offers(inputs: Inputs, shapes: Shapes, around: Surroundings, ruleset: RuleSet) -> Offers:
    """Return what parcels may take: the options that no check excludes or leaves unknown, source by source.

    The share that a single source could carry plays no part: how much of it is there for
    whom is what matching finds out.
    """
    ground_rules = ruleset.options["shallow_ground_source"]
    facts = dict(inputs.facts)
    facts |= drillable_area(lambda name: facts[name], ground_rules)
    judged = judge_all(facts, inputs.rows, ruleset)
    drillable = facts["drillable_open_area_m2"], facts["drillable_green_area_m2"]
    ground = _capacity(judged["shallow_ground_source"])
    with np.errstate(divide="ignore", invalid="ignore"):
        # A field on less ground keeps more heat per m2: what a part of it gives is not overstated.
        per_m2 = np.where(ground > 0.0, ground / (drillable[0] + drillable[1]), 0.0)
    links: dict[tuple[str, str], Links] = {}
    for option, layers in LAYERS_OF.items():
        links |= _links(option, layers, inputs.rows[option], facts, ruleset)
    served = np.zeros(len(ground), dtype=bool)
    for (option, _), found in links.items():
        if option == "geothermal_hydrothermal":
            served[found.parcel] = True
    return Offers(
        {name: facts[name] for name in DEMAND},
        _centres(shapes),
        np.where(ground > 0.0, per_m2 * drillable[0], 0.0),
        per_m2,
        np.where(served, 0.0, _capacity(judged["geothermal_closed_loop"])),
        judged["air_source"].status >= CONDITIONAL,
        _green(shapes, around, per_m2, ruleset),
        links,
    )


def _centres(shapes: Shapes) -> Floats:
    middle: Floats = (shapes.bounds[:, :2] + shapes.bounds[:, 2:]) / 2.0 + np.array(shapes.origin)
    return middle


def _capacity(verdict: Judgement) -> Floats:
    return np.where(verdict.status >= CONDITIONAL, verdict.capacity_kw, 0.0)


def _links(
    option: str, layers: tuple[str, ...], rows: Rows, facts: Facts, ruleset: RuleSet
) -> dict[tuple[str, str], Links]:
    """Return the rows of an option that are open to it, by the layer of their source."""
    view = View(modelled(option, rows, facts, Models(ruleset)), facts)
    capacity = view("capacity_kw")
    view.rows.facts["installed_share_frac"] = share_frac(capacity, view("heat_load_kw"))
    usable = np.flatnonzero(open_to(view, ruleset.options[option]))
    limit = capacity if option == "geothermal_hydrothermal" else np.full(len(capacity), np.inf)
    parcel, length_m = view.rows.parcel, view.rows.distance_m
    sources, source = rows.features, view.rows.source
    if parcel is None or length_m is None or source is None:
        raise TypeError(f"the rows of {option} are no candidates")
    found = {}
    for code, layer in enumerate(layers):
        here = usable[(sources.layer[source[usable]] == code) & (sources.feature[source[usable]] >= 0)]
        found[option, layer] = Links(parcel[here], sources.feature[source[here]], length_m[here], limit[here])
    return found


def _green(shapes: Shapes, around: Surroundings, per_m2: Floats, ruleset: RuleSet) -> Links:
    """Return the green space that parcels may drill in, of those whom boreholes may serve."""
    rules = ruleset.options["shallow_ground_source"]
    if not around.loaded("green_space"):
        none = np.empty(0, dtype=np.int64)
        return Links(none, none, np.empty(0), np.empty(0))
    near, area_m2 = green_pairs(shapes, around, rules.number("green_reach_m"))
    kept = (per_m2[near.parcel] > 0.0) & (area_m2 > 0.0)
    usable_m2 = area_m2 * rules.number("open_space_usable_frac") * rules.number("green_share_frac")
    return Links(near.parcel[kept], near.feature[kept], near.measure[kept], usable_m2[kept])


def together(parts: Sequence[Offers]) -> Offers:
    """Return the offers of several groups of parcels, one group after another."""
    starts = np.cumsum([0, *(len(p.ground_kw) for p in parts)]).tolist()

    def joined(columns: Sequence[Any]) -> Any:
        return Words.together(columns) if isinstance(columns[0], Words) else np.concatenate(columns)

    def linked(of: Sequence[Links]) -> Links:
        return Links.together(list(zip(starts, of, strict=False)))

    return Offers(
        {name: joined([p.demand[name] for p in parts]) for name in DEMAND},
        joined([p.centre_m for p in parts]),
        joined([p.ground_kw for p in parts]),
        joined([p.ground_kw_per_m2 for p in parts]),
        joined([p.closed_loop_kw for p in parts]),
        joined([p.air for p in parts]),
        linked([p.green for p in parts]),
        {key: linked([p.links[key] for p in parts]) for key in parts[0].links},
    )
