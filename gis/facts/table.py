"""One row of facts a parcel: what the parcel is, and what lies at, near and over it."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from gis.facts.columns import Attributes, Floats, Ints, nothing, pick, picked, words
from gis.facts.halo import halo_areas
from gis.facts.index import Pairs, dominant
from gis.facts.ragged import Shapes
from gis.facts.surroundings import ZONE_CLASSES, Surroundings
from layers import RASTERS

Facts = dict[str, Any]
"""Facts by name: arrays of numbers, or texts by codes (`Words`)."""


def place_facts(parcels: Attributes, shapes: Shapes, around: Surroundings) -> Facts:
    """Return area, district, township and planning area of every parcel.

    The place is read from the outlines, by largest overlap; where those are not
    loaded, district and township are the parcel's own attributes.
    """
    n = len(shapes)
    facts: Facts = {
        "area_m2": shapes.area_m2,
        "district": parcels.words("district"),
        "township": parcels.words("township"),
        "planning_area": nothing(n),
        "land_use_code": parcels.words("land_use_code"),
        "building_status": parcels.words("building_status"),
        "building_density_frac": parcels.number("building_density_frac"),
    }
    for layer_id in ("district", "township"):
        if around.loaded(layer_id):
            feature, _ = dominant(around.index(layer_id).overlap(shapes), n)
            outline = picked(around.words(layer_id, "name"), feature)
            facts[layer_id] = facts[layer_id].instead(outline.codes >= 0, outline)
            if layer_id == "district":
                facts["planning_area"] = picked(around.words(layer_id, "planning_area"), feature)
    return facts


def ground_facts(shapes: Shapes, around: Surroundings) -> Facts:
    """Return ground properties and drilling exclusions.

    Properties are those of the zone of largest overlap; where a raster of one is loaded
    and has a value at the parcel, its mean over the parcel goes before.
    """
    n = len(shapes)
    unknown = np.full(n, np.nan)
    facts: Facts = {
        "shallow_geothermal_zone_id": nothing(n),
        "shallow_suitability": nothing(n),
        "ground_conductivity_w_per_m_k": unknown,
        "ground_heat_capacity_mj_per_m3_k": unknown,
        "ground_temperature_degc": unknown,
        "drilling_exclusion_frac": unknown,
    }
    layer = "shallow_geothermal_zone"
    if around.loaded(layer):
        feature, _ = dominant(around.index(layer).overlap(shapes), n)
        facts["shallow_geothermal_zone_id"] = picked(around.words(layer, layer + "_id"), feature)
        facts["shallow_suitability"] = picked(around.words(layer, "suitability"), feature)
        for name in ("conductivity_w_per_m_k", "heat_capacity_mj_per_m3_k", "ground_temperature_degc"):
            fact = name if name.startswith("ground") else f"ground_{name}"
            facts[fact] = pick(around.column(layer, name), feature)
    for name, mean in _raster_facts(shapes, around).items():
        facts[name] = np.where(np.isnan(mean), facts[name], mean)
    if around.loaded("drilling_exclusion"):
        covered = around.index("drilling_exclusion").covered_m2(shapes)
        facts["drilling_exclusion_frac"] = _share(covered, shapes)
    return facts


def _raster_facts(shapes: Shapes, around: Surroundings) -> dict[str, Floats]:
    """Return the facts that loaded rasters give, NaN where they have no value."""
    rasters = around.resources.rasters
    if not rasters:
        return {}
    from gis.facts.raster import raster_means  # with exactextract, which most runs do without

    return {
        RASTERS[name].fact: mean for name, mean in raster_means(rasters, shapes, around.resources.crs).items()
    }


def _share(covered_m2: Floats, shapes: Shapes) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.minimum(covered_m2 / shapes.area_m2, 1.0)


def green_facts(shapes: Shapes, around: Surroundings, reach_m: float) -> Facts:
    """Return the area of public green space within reach of the parcel and outside it, not yet shared out.

    Each space counts at its own usable fraction where it has one.
    """
    if not around.loaded("green_space"):
        return {"green_space_area_m2": np.full(len(shapes), np.nan)}
    near, area_m2 = green_pairs(shapes, around, reach_m)
    return {"green_space_area_m2": _sums(near.parcel, area_m2, len(shapes))}


def green_pairs(shapes: Shapes, around: Surroundings, reach_m: float) -> tuple[Pairs, Floats]:
    """Return the green spaces within reach of parcels, and the usable area in m2 of each in that reach."""
    index = around.drillable_green
    near = index.within(shapes, reach_m)
    area = halo_areas(shapes, index.shapes, near.parcel, near.feature, reach_m)
    return near, area * green_usable_frac(around)[near.feature]


def green_usable_frac(around: Surroundings) -> Floats:
    """Return the part of every green space that may be used: all where nothing is told."""
    usable = around.column("green_space", "usable_frac")
    return np.where(np.isnan(usable), 1.0, usable)


def _sums(parcel: Ints, values: Floats, n: int) -> Floats:
    return np.bincount(parcel, weights=values, minlength=n).astype(np.float64)


def intake_facts(shapes: Shapes, around: Surroundings, as_of: date) -> Facts:
    """Return the share of every parcel in each class of water-intake zone, and the document that draws it.

    A class whose zones could not all be placed gives a lower bound where it
    covers something, and unknown where it covers nothing.
    """
    n = len(shapes)
    document = nothing(n)
    facts: Facts = {}
    for zone_class in ZONE_CLASSES:
        share = np.full(n, np.nan)
        if around.loaded("water_intake_zone"):
            zones = around.intake_zones(zone_class, as_of)
            share = _share(zones.index.covered_m2(shapes), shapes)
            if zones.incomplete:
                share[share == 0] = np.nan
            feature, _ = dominant(zones.index.overlap(shapes), n)
            drawn = picked(words(zones.frame, "document_no"), feature)
            document = document.instead(document.codes < 0, drawn)
        facts[f"intake_{zone_class}_frac"] = share
    return facts | {"intake_document_no": document}


def network_facts(shapes: Shapes, around: Surroundings) -> Facts:
    """Return the distance in m to the nearest heat network: infinite in an empty layer, NaN without one."""
    loaded = around.loaded("heat_network")
    distance = np.full(len(shapes), np.inf if loaded else np.nan)
    if loaded:
        pairs = around.index("heat_network").nearest(shapes)
        distance[pairs.parcel] = pairs.measure
    return {"heat_network_distance_m": distance}
