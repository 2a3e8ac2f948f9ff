"""From parcel attributes to heat and cooling demand, by the figures of the rule set."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from gis.facts.columns import absent, number, text
from gis.facts.table import Facts
from gis.heat import demand as heat
from gis.rules import RuleSet

Floats = npt.NDArray[np.float64]


def demand_facts(parcels: pd.DataFrame, area_m2: Floats, ruleset: RuleSet) -> Facts:
    """Return heated area with its basis, indices, loads and annual demands; NaN where an input is missing.

    The heated area is the first of: heated area, floor area, floor area ratio,
    population (times floor area per person, an assumption). Land that is not
    heated has a demand of 0; a code without an index leaves demand unknown.
    """
    land_use = land_use_class(text(parcels, "land_use_code"), ruleset)
    heated_m2, basis = _heated_area(parcels, area_m2, ruleset)
    unheated = land_use == "not_heated"
    heated_m2 = np.where(unheated, 0.0, heated_m2)
    basis = np.where(unheated, "not_heated", basis)
    standard = text(parcels, "building_standard")
    heat_index = _heat_index(land_use, standard, np.asarray(basis == "population", dtype=bool), ruleset)
    cooling_index = _cooling_index(land_use, ruleset)
    load_kw = heat.heat_load_kw(heated_m2, heat_index)
    cooling_kw = heat.heat_load_kw(heated_m2, cooling_index)
    number_of = {n: p.number() for n, p in ruleset.parameters.items()}
    hours = heat.full_load_hours(
        number_of["season_d"],
        number_of["indoor_degc"],
        number_of["mean_outdoor_degc"],
        number_of["design_outdoor_degc"],
    )
    cooling_hours = ruleset.demand_parameters["cooling_full_load_h"].number()
    return {
        "heated_area_m2": heated_m2,
        "heated_area_basis": basis,
        "heat_index_w_per_m2": np.where(unheated, np.nan, heat_index),
        "heat_load_kw": np.where(unheated, 0.0, load_kw),
        "heat_demand_mwh_per_a": np.where(unheated, 0.0, heat.annual_mwh(load_kw, hours)),
        "cooling_load_kw": np.where(unheated, 0.0, cooling_kw),
        "cooling_demand_mwh_per_a": np.where(unheated, 0.0, heat.annual_mwh(cooling_kw, cooling_hours)),
    }


def land_use_class(codes: npt.NDArray[np.object_], ruleset: RuleSet) -> npt.NDArray[np.object_]:
    """Return the class of every code by its longest listed prefix; None where there is none."""
    prefixes = {c: name for name, use in ruleset.demand.land_use.items() for c in use.codes}
    ranked = sorted(prefixes, key=len, reverse=True)
    known = {c: next((prefixes[p] for p in ranked if c.startswith(p)), None) for c in set(codes) - {None}}
    return np.array([known.get(c) for c in codes], dtype=object)


def _heated_area(
    parcels: pd.DataFrame, area_m2: Floats, ruleset: RuleSet
) -> tuple[Floats, npt.NDArray[np.object_]]:
    share = ruleset.demand_parameters["heated_share_frac"].number()
    per_person = ruleset.demand_parameters["floor_area_per_person_m2"].number()
    candidates = {
        "heated_area": number(parcels, "heated_area_m2"),
        "floor_area": number(parcels, "floor_area_m2") * share,
        "floor_area_ratio": number(parcels, "floor_area_ratio") * area_m2 * share,
        "population": number(parcels, "population") * per_person * share,
    }
    heated = np.full(len(parcels), np.nan)
    basis = np.full(len(parcels), None, dtype=object)
    for name, values in candidates.items():
        use = np.isnan(heated) & ~np.isnan(values)
        heated[use], basis[use] = values[use], name
    return heated, basis


def _heat_index(
    land_use: npt.NDArray[np.object_],
    standard: npt.NDArray[np.object_],
    from_population: npt.NDArray[np.bool_],
    ruleset: RuleSet,
) -> Floats:
    index = np.full(len(land_use), np.nan)
    values = ruleset.demand_parameters
    default = ruleset.demand.default_standard
    for class_name, use in ruleset.demand.land_use.items():
        here = land_use == class_name
        if default in use.heat_index:
            index[here] = values[use.heat_index[default]].number()
        for level, parameter in use.heat_index.items():
            index[here & (standard == level)] = values[parameter].number()
    mixed = absent(land_use) & from_population
    index[mixed] = values[ruleset.demand.mixed_heat_index].number()
    return index


def _cooling_index(land_use: npt.NDArray[np.object_], ruleset: RuleSet) -> Floats:
    index = np.full(len(land_use), np.nan)
    for class_name, use in ruleset.demand.land_use.items():
        if use.cooling_index:
            index[land_use == class_name] = ruleset.demand_parameters[use.cooling_index].number()
    return index
