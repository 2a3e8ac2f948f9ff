"""One row of facts a parcel: what the parcel is, and what lies at, near and over it."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import shapely

from gis.facts.columns import (
    Floats,
    Texts,
    absent,
    nothing,
    number,
    pick,
    picked,
    text,
    words,
)
from gis.facts.spatial import dominant
from gis.facts.surroundings import ZONE_CLASSES, Surroundings

Facts = dict[str, Any]
"""Facts by name: arrays of numbers, arrays of texts, or texts by codes (`Words`)."""


def place_facts(parcels: pd.DataFrame, shapes: Texts, around: Surroundings) -> Facts:
    """Return area, district, township and planning area of every parcel.

    The place is read from the outlines, by largest overlap; where those are not
    loaded, district and township are the parcel's own attributes.
    """
    n = len(shapes)
    facts: Facts = {
        "area_m2": shapely.area(shapes),
        "district": text(parcels, "district"),
        "township": text(parcels, "township"),
        "planning_area": nothing(n),
        "land_use_code": text(parcels, "land_use_code"),
        "building_status": words(parcels, "building_status"),
        "building_density_frac": number(parcels, "building_density_frac"),
    }
    for layer_id in ("district", "township"):
        if around.loaded(layer_id):
            feature, _ = dominant(around.index(layer_id).overlap(shapes), n)
            outline = pick(around.texts(layer_id, "name"), feature)
            facts[layer_id] = np.where(absent(outline), facts[layer_id], outline)
            if layer_id == "district":
                facts["planning_area"] = picked(around.words(layer_id, "planning_area"), feature)
    return facts


def ground_facts(shapes: Texts, around: Surroundings, green_reach_m: float) -> Facts:
    """Return ground properties by largest overlap, drilling exclusions and green space nearby.

    `green_space_area_m2` is the area of public green space within `green_reach_m`
    of the parcel, outside the parcel itself, before it is shared out.
    """
    n = len(shapes)
    unknown, none = np.full(n, np.nan), np.full(n, None, dtype=object)
    facts: Facts = {
        "shallow_geothermal_zone_id": none,
        "shallow_suitability": nothing(n),
        "ground_conductivity_w_per_m_k": unknown,
        "ground_heat_capacity_mj_per_m3_k": unknown,
        "ground_temperature_degc": unknown,
        "drilling_exclusion_frac": unknown,
        "green_space_area_m2": unknown,
    }
    layer = "shallow_geothermal_zone"
    if around.loaded(layer):
        feature, _ = dominant(around.index(layer).overlap(shapes), n)
        facts["shallow_geothermal_zone_id"] = pick(around.texts(layer, layer + "_id"), feature)
        facts["shallow_suitability"] = picked(around.words(layer, "suitability"), feature)
        for name in ("conductivity_w_per_m_k", "heat_capacity_mj_per_m3_k", "ground_temperature_degc"):
            fact = name if name.startswith("ground") else f"ground_{name}"
            facts[fact] = pick(around.column(layer, name), feature)
    if around.loaded("drilling_exclusion"):
        covered = around.index("drilling_exclusion").covered_m2(shapes)
        facts["drilling_exclusion_frac"] = np.minimum(covered / shapely.area(shapes), 1.0)
    if around.loaded("green_space"):
        facts["green_space_area_m2"] = _green_area(shapes, around, green_reach_m)
    return facts


def _green_area(shapes: Texts, around: Surroundings, reach_m: float) -> Floats:
    """Usable green space within reach: each space counts at its own usable fraction where it has one."""
    n = len(shapes)
    index = around.drillable_green
    near = index.within(shapes, reach_m)
    if len(near) == 0:
        return np.zeros(n)
    needed = np.unique(near.parcel)
    halo = np.full(n, None, dtype=object)
    halo[needed] = shapely.difference(shapely.buffer(shapes[needed], reach_m, quad_segs=8), shapes[needed])
    area = shapely.area(shapely.intersection(halo[near.parcel], index.geometries[near.feature]))
    usable = around.column("green_space", "usable_frac")[near.feature]
    weights = area * np.where(np.isnan(usable), 1.0, usable)
    return np.bincount(near.parcel, weights=weights, minlength=n).astype(np.float64)


def intake_facts(shapes: Texts, around: Surroundings, as_of: date) -> Facts:
    """Return the share of every parcel in each class of water-intake zone, and the document that draws it.

    A class whose zones could not all be placed gives a lower bound where it
    covers something, and unknown where it covers nothing.
    """
    n = len(shapes)
    facts: Facts = {"intake_document_no": np.full(n, None, dtype=object)}
    document = facts["intake_document_no"]
    for zone_class in ZONE_CLASSES:
        share = np.full(n, np.nan)
        if around.loaded("water_intake_zone"):
            zones = around.intake_zones(zone_class, as_of)
            share = np.minimum(zones.index.covered_m2(shapes) / shapely.area(shapes), 1.0)
            if zones.incomplete:
                share[share == 0] = np.nan
            feature, _ = dominant(zones.index.overlap(shapes), n)
            drawn = pick(text(zones.frame, "document_no"), feature)
            document[:] = np.where(absent(document), drawn, document)
        facts[f"intake_{zone_class}_frac"] = share
    return facts


def network_facts(shapes: Texts, around: Surroundings) -> Facts:
    """Return the distance in m to the nearest heat network; NaN where none is known."""
    distance = np.full(len(shapes), np.nan)
    if around.loaded("heat_network"):
        pairs = around.index("heat_network").nearest(shapes)
        distance[pairs.parcel] = pairs.measure
    return {"heat_network_distance_m": distance}
