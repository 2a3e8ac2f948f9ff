"""What a hectare of open ground gives by boreholes: the shallow option judged for ground without a parcel.

A map of the ground must not know another truth than the verdicts. So every place is judged as a parcel
of one hectare by the models and checks of `shallow_ground_source` themselves; only what a parcel would
bring along is given by a `Reference`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from gis.facts.table import Facts
from gis.heat.constants import Array, Bools
from gis.heat.demand import full_load_hours
from gis.rules import OptionRules, RuleSet
from gis.scoring.demand import CLIMATE
from gis.scoring.engine import Rows, View, open_to, outcome, share_frac
from gis.scoring.evaluate import modelled
from gis.scoring.kernels import FAILED
from gis.scoring.technologies import Models, drillable_area

OPTION = "shallow_ground_source"
GROUND = (
    "shallow_suitability", "ground_conductivity_w_per_m_k", "ground_heat_capacity_mj_per_m3_k",
    "ground_temperature_degc", "drilling_exclusion_frac",
)  # fmt: skip
"""Facts of the ground that the potential follows from, as `ground_facts` gives them."""

HECTARE_M2 = 10_000.0


@dataclass(frozen=True)
class Reference:
    """The use that one hectare of open ground is judged for.

    The hectare has no buildings and no green space nearby; boreholes are those of the rule set.

    full_load_h   hours of the year at full load that give the year's heat
    balance_frac  heat given back to the ground in summer over heat taken in winter
    """

    full_load_h: float
    balance_frac: float

    @classmethod
    def of(cls, ruleset: RuleSet, balance_frac: float | None = None) -> Self:
        """Return the use that a rule set implies: the city's season, and the least balance that it accepts.

        Below `balance_min_frac` every project is asked for measures first (GB 50366 4.3.2): what the
        ground gives without them is told by a `balance_frac` of 0.
        """
        season_d = ruleset.parameters["season_d"].number()
        hours = full_load_hours(season_d, *(ruleset.parameters[name].number() for name in CLIMATE))
        if balance_frac is None:
            balance_frac = ruleset.options[OPTION].number("balance_min_frac")
        return cls(float(hours) * ruleset.parameters["actual_peak_frac"].number(), balance_frac)


def ground_heat(ground: Facts, ruleset: RuleSet, reference: Reference) -> dict[str, Array]:
    """Return what one hectare of open ground gives at every place.

    `ground` has the facts of `GROUND`, one value a place: numbers as arrays, the suitability as `Words`.
    Keys of the answer, arrays of shape (place,):

    borehole_heat_mwh_per_a   heat from the ground per borehole, in the field that the hectare holds;
                              NaN too where the rules exclude boreholes, for there is none
    ground_heat_mwh_per_ha_a  heat from the ground of all boreholes of the hectare; 0 where excluded
    capacity_kw_per_ha        what heat pumps on them deliver at full load; 0 where excluded

    Where the checks of the rules find something missing, all are NaN.
    """
    rules, n = ruleset.options[OPTION], len(ground["drilling_exclusion_frac"])
    facts = _hectares(n, ruleset, reference) | {name: ground[name] for name in GROUND}
    facts |= drillable_area(lambda name: facts[name], rules)
    view = View(modelled(OPTION, Rows(None, {}), facts, Models(ruleset)), facts)
    view.rows.facts["installed_share_frac"] = share_frac(view("capacity_kw"), view("heat_load_kw"))
    opened, excluded = open_to(view, rules), _excluded(view, rules)
    per_borehole, count = view("borehole_heat_mwh_per_a"), view("borehole_count")

    def told(values: Array) -> Array:
        return np.where(opened, values, np.where(excluded, 0.0, np.nan))

    return {
        "borehole_heat_mwh_per_a": np.where(opened, per_borehole, np.nan),
        "ground_heat_mwh_per_ha_a": told(count * per_borehole),
        "capacity_kw_per_ha": told(view("capacity_kw")),
    }


def _hectares(n: int, ruleset: RuleSet, reference: Reference) -> Facts:
    """Return what the models and checks ask of a parcel: one hectare of open ground in use as told."""
    rules, load_kw = ruleset.options[OPTION], 1000.0
    cooling_h = ruleset.demand_parameters["cooling_full_load_h"].number()
    heat_mwh = load_kw * reference.full_load_h / 1000.0
    taken_mwh = heat_mwh * (1.0 - 1.0 / rules.number("cop_heating"))
    cooling_mwh = reference.balance_frac * taken_mwh / (1.0 + 1.0 / rules.number("cop_cooling"))
    given = {
        "area_m2": HECTARE_M2,
        "building_density_frac": 0.0,
        "green_space_area_m2": 0.0,
        "heat_load_kw": load_kw,
        "heat_demand_mwh_per_a": heat_mwh,
        "cooling_load_kw": cooling_mwh * 1000.0 / cooling_h,
    }
    return {name: np.full(n, value) for name, value in given.items()}


def _excluded(view: View, rules: OptionRules) -> Bools:
    """Return where a check excludes the option: that goes before what is missing, as in verdicts."""
    failed = [outcome(check, rules, view) == FAILED for check in rules.checks if check.effect == "excludes"]
    return np.asarray(np.logical_or.reduce(failed), dtype=np.bool_)
