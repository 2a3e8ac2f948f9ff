"""From facts to rows that can be judged: what each option could supply, and from where."""

from __future__ import annotations

import numpy as np
import shapely

from gis.facts.columns import Floats, Texts
from gis.facts.surroundings import Surroundings
from gis.facts.table import Facts
from gis.heat import geothermal, ground_source, heat_pump
from gis.rules import OptionRules
from gis.scoring.engine import Rows
from gis.scoring.sources import find_candidates


def _one_row_each(n: int, facts: Facts, capacity_kw: Floats) -> Rows:
    return Rows(np.arange(n), facts, capacity_kw, np.zeros(n))


def _or_default(values: Floats, default: float) -> Floats:
    return np.where(np.isnan(values), default, values)


def shallow_ground_source(facts: Facts, rules: OptionRules) -> Rows:
    """Boreholes on open ground and on a share of the green space nearby, each as if alone (G.POT)."""
    p = rules.number
    count = ground_source.borehole_count(
        facts["drillable_open_area_m2"] + facts["drillable_green_area_m2"], p("borehole_spacing_m")
    )
    energy_kwh = ground_source.borehole_energy_kwh_per_a(
        facts["ground_conductivity_w_per_m_k"],
        facts["ground_heat_capacity_mj_per_m3_k"],
        facts["ground_temperature_degc"],
        limit_temperature_degc=p("limit_temperature_degc"),
        depth_m=p("borehole_depth_m"),
        borehole_radius_m=p("borehole_radius_m"),
        borehole_resistance_m_k_per_w=p("borehole_resistance_m_k_per_w"),
        season_d=p("season_d"),
        lifetime_a=p("lifetime_a"),
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        hours = facts["heat_demand_mwh_per_a"] * 1000.0 / facts["heat_load_kw"]
    balance = ground_source.thermal_balance_frac(
        facts["heat_demand_mwh_per_a"], facts["cooling_demand_mwh_per_a"], p("cop_heating"), p("cop_cooling")
    )
    capacity = heat_pump.delivered_kw(count * energy_kwh / hours, p("cop_heating"))
    return _one_row_each(len(count), {"borehole_count": count, "thermal_balance_frac": balance}, capacity)


def drillable_area(facts: Facts, rules: OptionRules) -> Facts:
    """Return the area in m2 that may hold boreholes or wells, on the parcel and in green space nearby."""
    p = rules.number
    free = 1.0 - facts["drilling_exclusion_frac"].astype(np.float64)
    open_m2 = facts["area_m2"] * (1.0 - facts["building_density_frac"]) * p("open_space_usable_frac") * free
    green_m2 = facts["green_space_area_m2"] * p("open_space_usable_frac") * p("green_share_frac")
    return {"drillable_open_area_m2": open_m2, "drillable_green_area_m2": green_m2}


def reclaimed_water(shapes: Texts, facts: Facts, around: Surroundings, rules: OptionRules) -> Rows:
    """Plants and mains in reach: heat of the winter flow, less what is committed."""
    p = rules.number
    sources = find_candidates(
        shapes,
        around,
        {"wastewater_plant": p("plant_reach_m"), "reclaimed_water_pipeline": p("main_reach_m")},
    )
    n = len(sources.parcel)
    flow, temperature, committed = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    medium = np.full(n, None, dtype=object)
    for layer_id in sources.layers:
        rows, feature = sources.of_layer(layer_id)
        if not len(rows):
            continue
        flow[rows] = around.column(layer_id, "winter_flow_m3_per_d")[feature]
        given = around.column(layer_id, "winter_temperature_degc")[feature]
        temperature[rows] = _or_default(given, p("default_temperature_degc"))
        committed[rows] = around.column(layer_id, "committed_kw")[feature]
        if layer_id == "wastewater_plant":
            design = around.column(layer_id, "design_capacity_m3_per_d")[feature] * p(
                "flow_per_capacity_frac"
            )
            flow[rows] = np.where(np.isnan(flow[rows]), design, flow[rows])
            medium[rows] = "reclaimed_water"
        else:
            medium[rows] = around.texts(layer_id, "medium")[feature]
    kelvin = np.clip(temperature - p("least_outlet_degc"), 0.0, p("usable_k"))
    total = heat_pump.delivered_kw(heat_pump.water_source_kw(flow, kelvin), p("cop"))
    remaining = np.maximum(total - np.nan_to_num(committed), 0.0)
    row_facts: Facts = {
        **sources.facts(around, "reclaimed"),
        "reclaimed_medium": medium,
        "reclaimed_connection_max_m": facts["heat_demand_mwh_per_a"][sources.parcel]
        / p("heat_density_mwh_per_m_a"),
        "reclaimed_flow_m3_per_d": flow,
        "reclaimed_temperature_degc": temperature,
        "reclaimed_remaining_kw": remaining,
    }
    return Rows(sources.parcel, row_facts, remaining, sources.distance_m)


def waste_heat(shapes: Texts, around: Surroundings, rules: OptionRules) -> Rows:
    """Data centres and heat plants in reach: recoverable heat, less what is committed."""
    p = rules.number
    sources = find_candidates(
        shapes,
        around,
        {"data_centre": p("data_centre_reach_m"), "waste_heat_source": p("plant_reach_m")},
        {"waste_heat_source": rules.texts("kinds")},
    )
    n = len(sources.parcel)
    total, committed = np.full(n, np.nan), np.full(n, np.nan)
    kind = np.full(n, None, dtype=object)
    for layer_id in sources.layers:
        rows, feature = sources.of_layer(layer_id)
        if not len(rows):
            continue
        committed[rows] = around.column(layer_id, "committed_kw")[feature]
        if layer_id == "data_centre":
            total[rows] = _data_centre_kw(around, rules)[feature]
            kind[rows] = "data_centre"
        else:
            total[rows] = around.column(layer_id, "recoverable_heat_kw")[feature]
            kind[rows] = around.texts(layer_id, "kind")[feature]
    remaining = np.maximum(total - np.nan_to_num(committed), 0.0)
    row_facts: Facts = {
        **sources.facts(around, "waste_heat"),
        "waste_heat_kind": kind,
        "waste_heat_remaining_kw": remaining,
    }
    return Rows(sources.parcel, row_facts, remaining, sources.distance_m)


def _data_centre_kw(around: Surroundings, rules: OptionRules) -> Floats:
    """Heat delivered from each data centre, from monitored electricity where there is any (P182-16)."""
    p, layer = rules.number, "data_centre"

    pue = _or_default(around.column(layer, "pue"), p("default_pue"))
    used = around.column(layer, "it_load_kw") * _or_default(
        around.column(layer, "utilisation_frac"), p("default_utilisation_frac")
    )
    it_kw = around.column(layer, "monitored_power_kw") / pue
    it_kw = np.where(np.isnan(it_kw), used, it_kw)
    return heat_pump.delivered_kw(it_kw * p("recoverable_frac"), p("cop"))


def hydrothermal(shapes: Texts, facts: Facts, around: Surroundings, rules: OptionRules) -> Rows:
    """Doublets in every field that the parcel lies in, or the nearest field for the reason."""
    p, layer = rules.number, "geothermal_field"
    sources = find_candidates(shapes, around, {layer: 0.0})
    rows, feature = sources.of_layer(layer)
    n = len(sources.parcel)
    # Nothing of an absent layer is known; outside every field of a loaded one the overlap is nil.
    overlap_m2 = np.full(n, 0.0 if around.loaded(layer) else np.nan)
    attributes = {}
    for name in ("yield_m3_per_d", "temperature_degc", "gradient_k_per_km", "conductivity_w_per_m_k"):
        attributes[name] = np.full(n, np.nan)
        if len(rows):
            attributes[name][rows] = around.column(layer, name)[feature]
    if len(rows):
        fields = around.index(layer).geometries[feature]
        inside = sources.distance_m[rows] == 0
        shared = shapely.intersection(shapes[sources.parcel[rows[inside]]], fields[inside])
        overlap_m2[rows[inside]] = shapely.area(shared)
    share = np.minimum(overlap_m2 / facts["area_m2"][sources.parcel], 1.0)
    by_spacing = np.maximum(np.floor(overlap_m2 / p("doublet_spacing_m") ** 2), 1.0)
    doublets = np.where(np.isnan(share) | (share >= p("field_least_frac")), by_spacing, 0.0)
    source_kw = geothermal.doublet_kw(
        attributes["yield_m3_per_d"], attributes["temperature_degc"], p("reinjection_degc")
    )
    capacity = np.where(doublets == 0, 0.0, doublets * heat_pump.delivered_kw(source_kw, p("cop")))
    row_facts: Facts = {
        "geothermal_field_id": sources.texts(around, "id"),
        "geothermal_field_name": sources.texts(around, "name"),
        "geothermal_field_overlap_frac": share,
        "geothermal_field_distance_m": sources.distance_m,
        "geothermal_temperature_degc": attributes["temperature_degc"],
        "geothermal_yield_m3_per_d": attributes["yield_m3_per_d"],
        "geothermal_gradient_k_per_km": attributes["gradient_k_per_km"],
        "rock_conductivity_w_per_m_k": attributes["conductivity_w_per_m_k"],
        "doublet_count": doublets,
    }
    return Rows(sources.parcel, row_facts, capacity, sources.distance_m)


def closed_loop(facts: Facts, rules: OptionRules) -> Rows:
    """Coaxial wells on drillable ground; gradient and conductivity are the field's, else the city's."""
    p = rules.number
    gradient = facts["geothermal_gradient_k_per_km"].astype(np.float64)
    gradient = np.where(np.isnan(gradient), p("default_gradient_k_per_km"), gradient)
    conductivity = facts["rock_conductivity_w_per_m_k"].astype(np.float64)
    conductivity = np.where(np.isnan(conductivity), p("default_conductivity_w_per_m_k"), conductivity)
    per_well = geothermal.closed_loop_kw(
        gradient,
        conductivity,
        surface_degc=p("surface_degc"),
        depth_m=p("well_depth_m"),
        inlet_degc=p("inlet_degc"),
        mass_flow_kg_per_s=p("mass_flow_kg_per_s"),
        well_radius_m=p("well_radius_m"),
        well_resistance_m_k_per_w=p("well_resistance_m_k_per_w"),
        rock_heat_capacity_mj_per_m3_k=p("rock_heat_capacity_mj_per_m3_k"),
        season_d=p("season_d"),
        seasons=int(p("lifetime_a")),
    )
    area = facts["drillable_open_area_m2"] + facts["drillable_green_area_m2"]
    wells = ground_source.borehole_count(area, p("well_spacing_m"))
    row_facts: Facts = {
        "geothermal_gradient_k_per_km": gradient,
        "closed_loop_kw_per_well": per_well,
        "closed_loop_well_count": wells,
    }
    return _one_row_each(len(area), row_facts, heat_pump.delivered_kw(wells * per_well, p("cop")))


def air_source(facts: Facts, rules: OptionRules) -> Rows:
    """Whole units for the load; capacity has no limit but the units."""
    p = rules.number
    a, b, c = rules.numbers("cop_coefficients")
    n = len(facts["area_m2"])
    design, rating = (
        heat_pump.air_source_cop(p(outdoor), p(supply), (a, b, c), p("field_frac"))
        for outdoor, supply in (
            ("design_outdoor_degc", "design_supply_degc"),
            ("rating_outdoor_degc", "rating_supply_degc"),
        )
    )
    units = np.ceil(facts["heat_load_kw"].astype(np.float64) / p("unit_kw"))
    row_facts: Facts = {
        "air_source_cop_design": np.full(n, design),
        "air_source_cop_rating": np.full(n, rating),
        "air_source_unit_count": units,
    }
    return _one_row_each(n, row_facts, units * p("unit_kw"))
