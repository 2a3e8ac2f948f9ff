"""What is read from the map before any model runs: one row of facts a parcel, and the sources around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from gis.compiled import workers
from gis.facts.columns import Attributes, Floats
from gis.facts.ragged import Shapes
from gis.facts.surroundings import Surroundings
from gis.facts.table import Facts, green_facts, ground_facts, intake_facts, network_facts, place_facts
from gis.heat.waste_heat import it_load_from_meter_kw
from gis.rules import OptionRules, RuleSet
from gis.scoring.areas import area_facts
from gis.scoring.demand import demand_facts
from gis.scoring.engine import Rows
from gis.scoring.sources import Candidates, Sources, find_candidates
from gis.vocabulary import OPTIONS


@dataclass(frozen=True, eq=False)
class Inputs:
    """Facts with one value a parcel, and for every option its rows with the facts of their sources."""

    facts: Facts
    rows: dict[str, Rows]

    def influence_m(self) -> dict[str, Floats]:
        """Return, by layer of sources, how near to each parcel (m) a change would change its inputs.

        A feature farther away, before and after, may change, come or go unnoticed. Infinite where
        the layer holds nothing: its first feature is noticed wherever it is.
        """
        distance_m = self.facts["heat_network_distance_m"]
        found: dict[str, Floats] = {"heat_network": np.where(np.isnan(distance_m), np.inf, distance_m)}
        for rows in self.rows.values():
            for layer_id, influence_m in rows.influence_m.items():
                found[layer_id] = np.maximum(found.get(layer_id, 0.0), influence_m)
        return found


def gather(parcels: Attributes, shapes: Shapes, around: Surroundings, ruleset: RuleSet) -> Inputs:
    """Return all that the models and rules need to know of the parcels."""
    facts: Facts = {}
    for read in _facts_of(parcels, shapes, around, ruleset):
        facts |= read()
    facts |= area_facts(shapes, facts, around, ruleset.areas)
    facts |= demand_facts(parcels, facts, ruleset)
    rows = {o.id: Rows(None, {}) for o in OPTIONS}
    rows |= {option: read() for option, read in _rows_of(shapes, around, ruleset).items()}
    return Inputs(facts, rows)


def prepare(around: Surroundings, ruleset: RuleSet) -> None:
    """Make, on all cores, the indexes that `gather` looks into: its parts are asked about no parcels."""
    parcels, shapes = Attributes(0, {}), _no_shapes(around)
    parts = (*_facts_of(parcels, shapes, around, ruleset), *_rows_of(shapes, around, ruleset).values())
    with workers() as pool:
        for made in [pool.submit(part) for part in parts]:
            made.result()


def prepare_green(around: Surroundings, ruleset: RuleSet) -> None:
    """Make what `prepare` makes of the layers of `GREEN` alone."""
    green_facts(_no_shapes(around), around, _green_reach_m(ruleset))


GREEN = ("drilling_exclusion", "green_space")


def _no_shapes(around: Surroundings) -> Shapes:
    return Shapes.of(np.empty(0, dtype=object), "polygon", around.origin)


def _green_reach_m(ruleset: RuleSet) -> float:
    return ruleset.options["shallow_ground_source"].number("green_reach_m")


def _facts_of(
    parcels: Attributes, shapes: Shapes, around: Surroundings, ruleset: RuleSet
) -> tuple[Callable[[], Facts], ...]:
    """Return what reads facts from the map, what takes longest to prepare first."""
    return (
        partial(green_facts, shapes, around, _green_reach_m(ruleset)),
        partial(ground_facts, shapes, around),
        partial(place_facts, parcels, shapes, around),
        partial(intake_facts, shapes, around, ruleset.as_of),
        partial(network_facts, shapes, around),
    )


def _rows_of(shapes: Shapes, around: Surroundings, ruleset: RuleSet) -> dict[str, Callable[[], Rows]]:
    """Return what reads the sources from the map, by option."""
    options = ruleset.options
    return {
        "reclaimed_water": partial(reclaimed_water, shapes, around, options["reclaimed_water"]),
        "geothermal_hydrothermal": partial(geothermal_fields, shapes, around),
        "waste_heat": partial(waste_heat, shapes, around, options["waste_heat"]),
        "biomass": partial(biomass, shapes, around, options["biomass"]),
    }


def reclaimed_water(shapes: Shapes, around: Surroundings, rules: OptionRules) -> Rows:
    """Plants and mains in reach."""
    plant, main = LAYERS_OF["reclaimed_water"]
    reach = {plant: rules.number("plant_reach_m"), main: rules.number("main_reach_m")}
    found = find_candidates(shapes, around, reach)
    return _rows(
        found, {"reclaimed_distance_m": found.distance_m}, reclaimed_facts(found.sources, around, rules)
    )


LAYERS_OF: dict[str, tuple[str, ...]] = {
    "reclaimed_water": ("wastewater_plant", "reclaimed_water_pipeline"),
    "geothermal_hydrothermal": ("geothermal_field",),
    "waste_heat": ("data_centre", "waste_heat_source"),
    "biomass": ("waste_heat_source",),
}
"""The layers of sources of the options whose sources several parcels share."""


def reclaimed_facts(sources: Sources, around: Surroundings, rules: OptionRules) -> Facts:
    """Return winter flow and temperature, medium and what is committed of plants and mains."""
    plant, main = LAYERS_OF["reclaimed_water"]
    flow = sources.numbers(around, "winter_flow_m3_per_d", plant, main)
    capacity = sources.numbers(around, "design_capacity_m3_per_d", plant)
    by_design = capacity * rules.number("flow_per_capacity_frac")
    return {
        **sources.facts(around, "reclaimed"),
        "reclaimed_medium": sources.words(around, "medium", {plant: "reclaimed_water"}),
        "reclaimed_flow_m3_per_d": np.where(np.isnan(flow), by_design, flow),
        "reclaimed_temperature_degc": sources.numbers(around, "winter_temperature_degc", plant, main),
        "reclaimed_committed_kw": sources.numbers(around, "committed_kw", plant, main),
    }


def _rows(found: Candidates, facts: Facts, source_facts: Facts) -> Rows:
    rows = found.parcel, facts, found.distance_m, found.source, source_facts
    return Rows(*rows, found.influence_m, found.sources)


def waste_heat(shapes: Shapes, around: Surroundings, rules: OptionRules) -> Rows:
    """Data centres and heat plants in reach."""
    centre, plant = LAYERS_OF["waste_heat"]
    reach = {centre: rules.number("data_centre_reach_m"), plant: rules.number("plant_reach_m")}
    found = find_candidates(shapes, around, reach, {plant: rules.texts("kinds")})
    return _rows(
        found, {"waste_heat_distance_m": found.distance_m}, waste_heat_facts(found.sources, around, rules)
    )


def waste_heat_facts(sources: Sources, around: Surroundings, rules: OptionRules) -> Facts:
    """Return kind, heat and what is committed of sources; the IT power is monitored where it is (P182-16)."""
    centre, plant = LAYERS_OF["waste_heat"]
    monitored = sources.numbers(around, "monitored_power_kw", centre)
    load, used = (sources.numbers(around, name, centre) for name in ("it_load_kw", "utilisation_frac"))
    pue = sources.numbers(around, "pue", centre)
    metered = it_load_from_meter_kw(monitored, np.where(np.isnan(pue), rules.number("default_pue"), pue))
    designed = load * np.where(np.isnan(used), rules.number("default_utilisation_frac"), used)
    return {
        **sources.facts(around, "waste_heat"),
        "waste_heat_kind": sources.words(around, "kind", {centre: centre}),
        "waste_heat_it_power_kw": np.where(np.isnan(metered), designed, metered),
        "waste_heat_recoverable_kw": sources.numbers(around, "recoverable_heat_kw", plant),
        "waste_heat_committed_kw": sources.numbers(around, "committed_kw", centre, plant),
    }


def biomass(shapes: Shapes, around: Surroundings, rules: OptionRules) -> Rows:
    """Biomass and waste-to-energy plants in reach."""
    (plant,) = LAYERS_OF["biomass"]
    reach, kinds = {plant: rules.number("plant_reach_m")}, {plant: rules.texts("kinds")}
    found = find_candidates(shapes, around, reach, kinds)
    return _rows(found, {"biomass_distance_m": found.distance_m}, biomass_facts(found.sources, around))


def biomass_facts(sources: Sources, around: Surroundings) -> Facts:
    """Return kind, heat and what is committed of biomass and waste-to-energy plants."""
    (plant,) = LAYERS_OF["biomass"]
    return {
        **sources.facts(around, "biomass"),
        "biomass_kind": sources.words(around, "kind"),
        "biomass_recoverable_kw": sources.numbers(around, "recoverable_heat_kw", plant),
        "biomass_committed_kw": sources.numbers(around, "committed_kw", plant),
    }


def geothermal_fields(shapes: Shapes, around: Surroundings) -> Rows:
    """Every field that the parcel lies in, or the nearest field for the reason."""
    (layer,) = LAYERS_OF["geothermal_hydrothermal"]
    found = find_candidates(shapes, around, {layer: 0.0})
    sources = found.sources
    # Nothing of an absent layer is known; outside every field of a loaded one the overlap is nil.
    overlap_m2 = np.full(len(found.parcel), 0.0 if around.loaded(layer) else np.nan)
    if (sources.feature >= 0).any():
        fields = around.index(layer).shapes
        shared = around.index(layer).overlap(shapes)
        # Both by parcel, then by field; a row without a field is alone and shares nothing.
        pair = found.parcel * len(fields) + np.maximum(sources.feature, 0)[found.source]
        overlap_m2[np.searchsorted(pair, shared.parcel * len(fields) + shared.feature)] = shared.measure
    row_facts: Facts = {
        "geothermal_field_overlap_frac": np.minimum(overlap_m2 / shapes.area_m2[found.parcel], 1.0),
        "geothermal_field_distance_m": found.distance_m,
    }
    return _rows(found, row_facts, field_facts(sources, around))


def field_facts(sources: Sources, around: Surroundings) -> Facts:
    """Return name, area and reservoir of fields, and what is committed of them."""
    (layer,) = LAYERS_OF["geothermal_hydrothermal"]
    area_m2 = np.full(len(sources), np.nan)
    places, feature = sources.of_layer(layer)
    if len(places):
        area_m2[places] = around.index(layer).shapes.area_m2[feature]
    return {
        "geothermal_field_id": sources.words(around, "id"),
        "geothermal_field_name": sources.words(around, "name"),
        "geothermal_field_area_m2": area_m2,
        **{fact: sources.numbers(around, column, layer) for fact, column in FIELD_COLUMNS.items()},
    }


FIELD_COLUMNS = {
    "geothermal_temperature_degc": "temperature_degc",
    "geothermal_yield_m3_per_d": "yield_m3_per_d",
    "geothermal_thickness_m": "reservoir_thickness_m",
    "geothermal_gradient_k_per_km": "gradient_k_per_km",
    "rock_conductivity_w_per_m_k": "conductivity_w_per_m_k",
    "geothermal_committed_kw": "committed_kw",
}
