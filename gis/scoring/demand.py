"""From parcel attributes to heat and cooling demand, by the figures of the rule set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from gis.facts.columns import Attributes, Floats, Words, named
from gis.facts.table import Facts
from gis.heat import demand as heat
from gis.rules import ParameterValue, RuleSet


def demand_facts(parcels: Attributes, place: Facts, ruleset: RuleSet) -> Facts:
    """Return heated area with its basis, indices, loads and annual demands; NaN where an input is missing.

    The heated area is the first of: heated area, floor area, floor area ratio,
    population (times floor area per person, an assumption). Land that is not
    heated has a demand of 0; a code without an index leaves demand unknown.
    """
    land_use, use_names = _land_use(parcels, ruleset)
    heated_m2, basis = _heated_area(parcels, place["area_m2"], ruleset)
    unheated = land_use == use_names.index("not_heated") if "not_heated" in use_names else land_use < -1
    heated_m2 = np.where(unheated, 0.0, heated_m2)
    basis[unheated] = BASES.index("not_heated")
    from_population = basis == BASES.index("population")
    heat_index = _heat_index(land_use, use_names, parcels, from_population, ruleset)
    load_kw = heat.heat_load_kw(heated_m2, heat_index)
    cooling_kw = heat.heat_load_kw(heated_m2, _cooling_index(land_use, use_names, ruleset))
    shared = {n: ruleset.parameters[n].number() for n in CLIMATE}
    season_d = _season(place["district"], ruleset)
    # Buildings that do not reach the design index use less all season long.
    hours = heat.full_load_hours(season_d, *shared.values()) * ruleset.parameters["actual_peak_frac"].number()
    cooling_hours = ruleset.demand_parameters["cooling_full_load_h"].number()
    return {
        "land_use_class": Words(land_use, named(use_names)),
        "heated_area_m2": heated_m2,
        "heated_area_basis": Words(basis, named(BASES)),
        "heat_index_w_per_m2": np.where(unheated, np.nan, heat_index),
        "heat_load_kw": np.where(unheated, 0.0, load_kw),
        "season_d": season_d,
        "heat_demand_mwh_per_a": np.where(unheated, 0.0, heat.annual_mwh(load_kw, hours)),
        "cooling_load_kw": np.where(unheated, 0.0, cooling_kw),
        "cooling_demand_mwh_per_a": np.where(unheated, 0.0, heat.annual_mwh(cooling_kw, cooling_hours)),
    }


BASES = ("heated_area", "floor_area", "floor_area_ratio", "population", "not_heated")
CLIMATE = ("indoor_degc", "mean_outdoor_degc", "design_outdoor_degc")


def _season(district: Words, ruleset: RuleSet) -> Floats:
    """Return the days of the heating period: the district's own where it has one, else the city's."""
    city = ruleset.parameters["season_d"].number()
    own = ruleset.by_district("season_by_district_d")
    days: Floats = np.array([own.get(name, city) for name in district.names])
    return days[district.codes]


def _land_use(parcels: Attributes, ruleset: RuleSet) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Return the class of every land-use code by its longest listed prefix; -1 where there is none."""
    classes = ruleset.demand.land_use
    names = list(classes)
    prefixes = {c: names.index(name) for name, use in classes.items() for c in use.codes}
    ranked = sorted(prefixes, key=len, reverse=True)
    given = parcels.words("land_use_code")
    known = [next((prefixes[p] for p in ranked if code.startswith(p)), -1) for code in given.names[:-1]]
    return np.array([*known, -1], dtype=np.int64)[given.codes], names


def _heated_area(
    parcels: Attributes, area_m2: Floats, ruleset: RuleSet
) -> tuple[Floats, npt.NDArray[np.int64]]:
    share = ruleset.demand_parameters["heated_share_frac"].number()
    per_person = ruleset.demand_parameters["floor_area_per_person_m2"].number()
    candidates = (  # in the order of BASES
        parcels.number("heated_area_m2"),
        parcels.number("floor_area_m2") * share,
        parcels.number("floor_area_ratio") * area_m2 * share,
        parcels.number("population") * per_person * share,
    )
    heated = np.full(parcels.count, np.nan)
    basis = np.full(parcels.count, -1, dtype=np.int64)
    for code, values in enumerate(candidates):
        use = np.isnan(heated) & ~np.isnan(values)
        heated[use], basis[use] = values[use], code
    return heated, basis


def _heat_index(
    land_use: npt.NDArray[np.int64],
    use_names: list[str],
    parcels: Attributes,
    from_population: npt.NDArray[np.bool_],
    ruleset: RuleSet,
) -> Floats:
    """Return the index of every parcel by its class and standard: one look-up in a small table."""
    values, default = ruleset.demand_parameters, ruleset.demand.default_standard
    standard = parcels.words("building_standard")
    levels = standard.names[:-1]
    table = np.full((len(use_names) + 1, len(levels) + 1), np.nan)
    for row, name in enumerate(use_names):
        index = ruleset.demand.land_use[name].heat_index
        for column, level in enumerate([*levels, default]):
            parameter = index.get(level) or index.get(default)
            if parameter:
                table[row, column] = values[parameter].number()
    found: Floats = table[land_use, standard.codes]
    mixed = values[ruleset.demand.mixed_heat_index].number()
    return np.where((land_use < 0) & from_population, mixed, found)


def _cooling_index(land_use: npt.NDArray[np.int64], use_names: list[str], ruleset: RuleSet) -> Floats:
    parameters = [ruleset.demand.land_use[name].cooling_index for name in use_names]
    values = [ruleset.demand_parameters[p].number() if p else np.nan for p in parameters]
    found: Floats = np.array([*values, np.nan])[land_use]
    return found


def heat_index(facts: Mapping[str, Any], ruleset: RuleSet) -> ParameterValue | None:
    """Return the parameter that one parcel's heat index was read from; None where it is not heated."""
    values, used = ruleset.demand_parameters, facts["heat_index_w_per_m2"]
    if used is None:
        return None
    if facts["land_use_class"] is None:
        return values[ruleset.demand.mixed_heat_index]
    names = ruleset.demand.land_use[facts["land_use_class"]].heat_index.values()
    return next((values[name] for name in names if values[name].value == used), None)
