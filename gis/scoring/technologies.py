"""From facts to rows that can be judged: what each option could supply, and from where."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from gis.facts.surroundings import Surroundings
from gis.facts.table import Facts, candidates, pick
from gis.heat import geothermal, ground_source, heat_pump
from gis.rules import OptionRules
from gis.scoring.engine import Rows

Floats = npt.NDArray[np.float64]


def _one_row_each(n: int, facts: Facts, capacity_kw: Floats) -> Rows:
    return Rows(np.arange(n), facts, capacity_kw, np.zeros(n))


def _column(frame: pd.DataFrame, name: str) -> npt.NDArray[np.generic]:
    return frame[name].to_numpy()


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


def drillable_area(facts: Facts, parcels_density_frac: Floats, rules: OptionRules) -> Facts:
    """Return the area in m2 that may hold boreholes or wells, on the parcel and in green space nearby."""
    p = rules.number
    free = 1.0 - facts["drilling_exclusion_frac"].astype(np.float64)
    open_m2 = facts["area_m2"] * (1.0 - parcels_density_frac) * p("open_space_usable_frac") * free
    green_m2 = facts["green_space_area_m2"] * p("open_space_usable_frac") * p("green_share_frac")
    return {"drillable_open_area_m2": open_m2, "drillable_green_area_m2": green_m2}


def reclaimed_water(parcels: gpd.GeoDataFrame, facts: Facts, around: Surroundings, rules: OptionRules) -> Rows:
    """Plants and mains in reach: heat of the winter flow, less what is committed."""
    p = rules.number
    layers = {"wastewater_plant": p("plant_reach_m"), "reclaimed_water_pipeline": p("main_reach_m")}
    frame = _source_rows(parcels, around, layers)
    flow, temperature, committed = (np.full(len(frame), np.nan) for _ in range(3))
    medium = np.full(len(frame), None, dtype=object)
    for layer_id in layers:
        here = (frame["layer"] == layer_id).to_numpy()
        feature = frame["feature"].to_numpy()[here]
        if not here.any():
            continue
        flow[here] = around.column(layer_id, "winter_flow_m3_per_d")[feature]
        temperature[here] = around.column(layer_id, "winter_temperature_degc")[feature]
        committed[here] = around.column(layer_id, "committed_kw")[feature]
        if layer_id == "wastewater_plant":
            design = around.column(layer_id, "design_capacity_m3_per_d")[feature] * p("flow_per_capacity_frac")
            flow[here] = np.where(np.isnan(flow[here]), design, flow[here])
            medium[here] = "reclaimed_water"
        else:
            medium[here] = around.texts(layer_id, "medium")[feature]
    source = (frame["feature"] >= 0).to_numpy()
    temperature = np.where(np.isnan(temperature) & source, p("default_temperature_degc"), temperature)
    kelvin = np.clip(temperature - p("least_outlet_degc"), 0.0, p("usable_k"))
    total = heat_pump.delivered_kw(heat_pump.water_source_kw(flow, kelvin), p("cop"))
    remaining = np.maximum(total - np.nan_to_num(committed), 0.0)
    longest = facts["heat_demand_mwh_per_a"][frame["parcel"].to_numpy()] / p("heat_density_mwh_per_m_a")
    row_facts: Facts = {
        **_source_facts(frame, around, "reclaimed"),
        "reclaimed_medium": medium,
        "reclaimed_connection_max_m": longest,
        "reclaimed_flow_m3_per_d": flow,
        "reclaimed_temperature_degc": temperature,
        "reclaimed_remaining_kw": remaining,
    }
    return Rows(frame["parcel"].to_numpy(), row_facts, remaining, frame["distance_m"].to_numpy())


def waste_heat(parcels: gpd.GeoDataFrame, around: Surroundings, rules: OptionRules) -> Rows:
    """Data centres and heat plants in reach: recoverable heat, less what is committed."""
    p = rules.number
    layers = {"data_centre": p("data_centre_reach_m"), "waste_heat_source": p("plant_reach_m")}
    frame = _source_rows(parcels, around, layers, kinds=rules.texts("kinds"))
    total, committed = np.full(len(frame), np.nan), np.full(len(frame), np.nan)
    kind = np.full(len(frame), None, dtype=object)
    for layer_id in layers:
        here = (frame["layer"] == layer_id).to_numpy()
        feature = frame["feature"].to_numpy()[here]
        if not here.any():
            continue
        committed[here] = around.column(layer_id, "committed_kw")[feature]
        if layer_id == "data_centre":
            total[here] = _data_centre_kw(around, rules)[feature]
            kind[here] = "data_centre"
        else:
            total[here] = around.column(layer_id, "recoverable_heat_kw")[feature]
            kind[here] = around.texts(layer_id, "kind")[feature]
    remaining = np.maximum(total - np.nan_to_num(committed), 0.0)
    row_facts: Facts = {
        **_source_facts(frame, around, "waste_heat"),
        "waste_heat_kind": kind,
        "waste_heat_remaining_kw": remaining,
    }
    return Rows(frame["parcel"].to_numpy(), row_facts, remaining, frame["distance_m"].to_numpy())


def _data_centre_kw(around: Surroundings, rules: OptionRules) -> Floats:
    """Heat delivered from each data centre, from monitored electricity where there is any (P182-16)."""
    p, layer = rules.number, "data_centre"

    def or_default(values: Floats, default: float) -> Floats:
        return np.where(np.isnan(values), default, values)

    pue = or_default(around.column(layer, "pue"), p("default_pue"))
    used = around.column(layer, "it_load_kw") * or_default(
        around.column(layer, "utilisation_frac"), p("default_utilisation_frac")
    )
    it_kw = around.column(layer, "monitored_power_kw") / pue
    it_kw = np.where(np.isnan(it_kw), used, it_kw)
    return heat_pump.delivered_kw(it_kw * p("recoverable_frac"), p("cop"))


def hydrothermal(parcels: gpd.GeoDataFrame, facts: Facts, around: Surroundings, rules: OptionRules) -> Rows:
    """Doublets in every field that the parcel lies in, or the nearest field for the reason."""
    p, layer = rules.number, "geothermal_field"
    frame = _source_rows(parcels, around, {layer: 0.0})
    feature = frame["feature"].to_numpy()
    parcel = frame["parcel"].to_numpy()
    overlap_m2 = np.full(len(frame), np.nan)
    if around.loaded(layer):
        pairs = around.index(layer).overlap(np.asarray(parcels.geometry.to_numpy(), dtype=object))
        areas = pd.Series(pairs.measure, index=pd.MultiIndex.from_arrays([pairs.parcel, pairs.feature]))
        overlap_m2 = areas.reindex(pd.MultiIndex.from_arrays([parcel, feature])).fillna(0.0).to_numpy(copy=True)
    share = np.minimum(overlap_m2 / facts["area_m2"][parcel], 1.0)

    def of_field(name: str) -> Floats:
        if not around.loaded(layer):
            return np.full(len(frame), np.nan)
        return pick(around.column(layer, name), feature).astype(np.float64)

    doublets = np.where(
        share >= p("field_least_frac"), np.maximum(np.floor(overlap_m2 / p("doublet_spacing_m") ** 2), 1.0), 0.0
    )
    doublets = np.where(np.isnan(share), np.nan, doublets)
    flow, temperature = of_field("yield_m3_per_d"), of_field("temperature_degc")
    capacity = doublets * heat_pump.delivered_kw(
        geothermal.doublet_kw(flow, temperature, p("reinjection_degc")), p("cop")
    )
    capacity = np.where(doublets == 0, 0.0, capacity)
    row_facts: Facts = {
        "geothermal_field_id": _names(frame, around, "geothermal_field_id"),
        "geothermal_field_name": _names(frame, around, "name"),
        "geothermal_field_overlap_frac": share,
        "geothermal_field_distance_m": frame["distance_m"].to_numpy(),
        "geothermal_temperature_degc": temperature,
        "geothermal_yield_m3_per_d": flow,
        "geothermal_gradient_k_per_km": of_field("gradient_k_per_km"),
        "rock_conductivity_w_per_m_k": of_field("conductivity_w_per_m_k"),
        "doublet_count": doublets,
    }
    return Rows(parcel, row_facts, capacity, frame["distance_m"].to_numpy())


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


def _source_rows(
    parcels: gpd.GeoDataFrame,
    around: Surroundings,
    layers: dict[str, float],
    kinds: tuple[str, ...] | None = None,
) -> pd.DataFrame:
    """Return rows (parcel, layer, feature, distance_m, reach_m) of all sources in reach and the nearest of each layer.

    Where a layer was never loaded every parcel gets a row with an unknown source;
    where all are loaded and empty, one with a source infinitely far away.
    """
    n, parts = len(parcels), []
    for layer_id, reach_m in layers.items():
        if around.loaded(layer_id):
            index, position = around.of_kinds(layer_id, kinds if layer_id == "waste_heat_source" else None)
            found = candidates(parcels, index, reach_m)
            found["feature"] = position[found["feature"]]
        else:
            found = pd.DataFrame({"parcel": np.arange(n), "feature": -1, "distance_m": np.nan})
        parts.append(found.assign(layer=layer_id, reach_m=reach_m))
    rows = pd.concat(parts, ignore_index=True)
    alone = np.setdiff1d(np.arange(n), rows["parcel"].to_numpy())
    if len(alone):
        last = max(layers, key=lambda i: layers[i])
        nothing = pd.DataFrame({"parcel": alone, "feature": -1, "distance_m": np.inf})
        rows = pd.concat([rows, nothing.assign(layer=last, reach_m=layers[last])], ignore_index=True)
    return rows.sort_values("parcel", kind="stable", ignore_index=True)


def _source_facts(frame: pd.DataFrame, around: Surroundings, prefix: str) -> Facts:
    known = (frame["feature"] >= 0).to_numpy()
    return {
        f"{prefix}_source_layer": np.where(known, frame["layer"].to_numpy(dtype=object), None),
        f"{prefix}_source_id": _names(frame, around, "id"),
        f"{prefix}_source_name": _names(frame, around, "name"),
        f"{prefix}_distance_m": frame["distance_m"].to_numpy(),
        f"{prefix}_reach_m": frame["reach_m"].to_numpy(),
    }


def _names(frame: pd.DataFrame, around: Surroundings, name: str) -> npt.NDArray[np.object_]:
    """Return a text column of each row's source; `id` is the key of its layer."""
    out = np.full(len(frame), None, dtype=object)
    for layer_id, rows in frame.groupby("layer", sort=False).indices.items():
        if around.loaded(str(layer_id)):
            column = f"{layer_id}_id" if name == "id" else name
            out[rows] = pick(around.texts(str(layer_id), column), frame["feature"].to_numpy()[rows])
    return out
