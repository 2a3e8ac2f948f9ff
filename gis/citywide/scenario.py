"""What a matching run assumes other than the map and the rules say: a scenario."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from gis.errors import InputError
from gis.matching.columns import SHARED
from gis.rules import RuleSet
from gis.vocabulary import OPTIONS

Order = Literal["priority", "cost"]
SOURCE_LAYERS = (
    "wastewater_plant", "reclaimed_water_pipeline", "geothermal_field", "data_centre", "waste_heat_source",
)  # fmt: skip
"""Layers of sources that several parcels share."""

NAME = r"[a-z0-9][a-z0-9_-]{0,39}"
_LARGEST = 100.0


@dataclass(frozen=True)
class Scenario:
    """A named set of changes to what is matched.

    order          `priority`: the statutory order of technologies; `cost`: as much as can be served,
                   by the cheapest heat
    capacity_frac  capacity over that of the map, of a technology, a layer, or one source as `layer/id`;
                   where several name a source, the narrowest counts
    reach_frac     reach of sources over that of the rules
    """

    name: str = "base"
    order: Order = "priority"
    capacity_frac: Mapping[str, float] = field(default_factory=dict)
    reach_frac: float = 1.0

    def __post_init__(self) -> None:
        if not re.fullmatch(NAME, self.name):
            raise InputError(
                f"The scenario's name {self.name!r} is not usable: up to 40 of a-z, 0-9, - and _, "
                "the first a letter or digit."
            )
        if self.order not in get_args(Order):
            raise InputError(f"The order {self.order!r} is neither {' nor '.join(get_args(Order))}.")
        for what, value in (("reach", self.reach_frac), *self.capacity_frac.items()):
            if not (math.isfinite(value) and 0.0 <= value <= _LARGEST):
                raise InputError(f"The factor {value} of {what} is not between 0 and {_LARGEST:g}.")
        for what in self.capacity_frac:
            group, slash, one = what.partition("/")
            if group not in (SOURCE_LAYERS if slash else (*SHARED, *SOURCE_LAYERS)) or (slash and not one):
                raise InputError(
                    f"{what!r} is no technology, layer or source whose capacity can be changed: take one of "
                    f"{', '.join((*SHARED, *SOURCE_LAYERS))}, or one source as layer/id."
                )

    def settings(self) -> dict[str, Any]:
        """Return the scenario as it is kept with its run."""
        return {
            "order": self.order,
            "capacity_frac": dict(sorted(self.capacity_frac.items())),
            "reach_frac": self.reach_frac,
        }

    def capacity_factors(
        self, technology: npt.NDArray[Any], layer: npt.NDArray[Any], source_id: npt.NDArray[Any]
    ) -> npt.NDArray[np.float64]:
        """Return what the capacity of every source is multiplied by.

        Raises InputError where the scenario names a source that is not there.
        """
        factors = np.ones(len(layer))
        narrower = {what: factor for what, factor in self.capacity_frac.items() if "/" in what}
        for column, names in ((technology, SHARED), (layer, SOURCE_LAYERS)):
            for name in names:
                if name in self.capacity_frac:
                    factors[column == name] = self.capacity_frac[name]
        for what, factor in narrower.items():
            named = (layer == what.partition("/")[0]) & (source_id == what.partition("/")[2])
            if not named.any():
                raise InputError(f"The scenario changes {what}, but there is no such source on the map.")
            factors[named] = factor
        return factors

    def rules(self, ruleset: RuleSet) -> RuleSet:
        """Return the rule set with the reach of shared sources changed."""
        if self.reach_frac == 1.0:
            return ruleset
        options = dict(ruleset.options)
        for option in (o.id for o in OPTIONS if o.technology in SHARED):
            rules = options[option]
            changed = {
                name: replace(p, value=p.number() * self.reach_frac)
                for name, p in rules.parameters.items()
                if name.endswith("_reach_m") and name in rules.own
            }
            options[option] = replace(rules, parameters={**rules.parameters, **changed})
        return replace(ruleset, options=options)
