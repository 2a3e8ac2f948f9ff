"""Where new sources may stand: places of a file, or a grid over what is not met, held against the map."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gis.citywide.problem import W_PER_KW
from gis.citywide.scenario import Scenario
from gis.citywide.site_plan import SitePlan
from gis.citywide.tables import Solved
from gis.errors import InputError
from gis.facts.columns import Floats, Ints
from gis.facts.surroundings import Surroundings
from gis.heat.geothermal import doublet_kw
from gis.heat.heat_pump import delivered_kw
from gis.heat.reclaimed_water import water_heat_kw
from gis.rules import RuleSet
from gis.scoring.supply import FIELD

OPTION_OF: dict[str, str] = {
    "reclaimed_water": "reclaimed_water",
    "geothermal": "geothermal_hydrothermal",
    "waste_heat": "waste_heat",
    "biomass": "biomass",
}
"""The option that a new source of a technology serves."""

MOST_PLACES = 300
"""Places that a grid gives at most: those with most load that is not met."""

ZONES = {"restricted": "restricted_zone", "reserve": "reserve_zone"}
Texts = npt.NDArray[np.object_]


def given_places(places: gpd.GeoDataFrame, plan: SitePlan) -> pd.DataFrame:
    """Return places of `read_places` as candidates; what they do not tell is as the plan says.

    Raises InputError where two places have the same id.
    """
    places = places.reset_index(drop=True)
    if not places["site_id"].is_unique:
        raise InputError("every place needs a site_id of its own")
    kw = places["capacity_kw"].to_numpy(dtype=np.float64)
    default_kw = np.nan if plan.capacity_kw is None else plan.capacity_kw
    technology = places["technology"].astype(object)
    return pd.DataFrame(
        {
            "site_id": places["site_id"].astype(object),
            "site_name": places["name"].astype(object),
            "technology": technology.where(technology.notna(), plan.technology),
            "parcel_id": None,
            "x_m": shapely.get_x(places.geometry.to_numpy()),
            "y_m": shapely.get_y(places.geometry.to_numpy()),
            "capacity_kw": np.where(np.isnan(kw), default_kw, kw),
        }
    )


def grid_places(
    solved: Solved, plan: SitePlan, spacing_m: float, around: Surroundings, ruleset: RuleSet
) -> pd.DataFrame:
    """Return a candidate in every cell of a grid that has load not met, the most of it first.

    It stands in the middle of a heated parcel of the cell with enough open ground: on one of a new project
    where there is one, as those must reserve land (P1309-3.2-b), and there on the one with most ground. A
    well also needs a field under it, outside the zones where water may not be taken. Cells are squares of
    `spacing_m` whose corners are multiples of it in EPSG:4548. Raises InputError where no cell has a place.
    """
    demand, centre_m = solved.offers.demand, solved.offers.centre_m
    open_m2 = demand["area_m2"] * (1.0 - demand["building_density_frac"])
    hosts = np.flatnonzero(
        (open_m2 >= ruleset.parameters["site_land_m2"].number()) & (demand["heat_load_kw"] > 0.0)
    )
    if plan.technology == "geothermal":
        ground = _ground(centre_m[hosts], around, ruleset)
        hosts = hosts[[e is None for e in ground.exclusion]]
    _, cell = np.unique(np.floor(centre_m / spacing_m), axis=0, return_inverse=True)
    unmet_w = np.zeros(int(cell.max(initial=-1)) + 1, dtype=np.int64)
    np.add.at(unmet_w, cell, solved.allocation.unmet_w)
    new = np.isin(demand["building_status"].texts(), list(ruleset.portfolio.texts("new_build")))
    best = hosts[np.lexsort((hosts, -open_m2[hosts], ~new[hosts], cell[hosts]))]
    cells, first = np.unique(cell[best], return_index=True)
    chosen = first[np.lexsort((cells, -unmet_w[cells]))]
    chosen = best[chosen[unmet_w[cell[best[chosen]]] > 0][:MOST_PLACES]]
    if not len(chosen):
        raise InputError(
            "no parcel with open ground for such a source stands where load is not met: "
            "give places of your own as candidates"
        )
    return pd.DataFrame(
        {
            "site_id": [f"S-{n + 1:03d}" for n in range(len(chosen))],
            "site_name": None,
            "technology": plan.technology,
            "parcel_id": solved.ids[chosen],
            "x_m": centre_m[chosen, 0],
            "y_m": centre_m[chosen, 1],
            "capacity_kw": np.nan if plan.capacity_kw is None else plan.capacity_kw,
        }
    )


def judged_places(
    places: pd.DataFrame,
    solved: Solved,
    plan: SitePlan,
    around: Surroundings,
    ruleset: RuleSet,
    scenario: Scenario,
) -> pd.DataFrame:
    """Return candidates with their capacity, `reach_m`, `field`, `condition` and `exclusion`.

    `field` is the place in its layer of the geothermal field under a well, else -1.
    A well without a stated capacity is one doublet of its field; other sources have what the rules take
    for one. Wells of a field that exceed what matching left of it are excluded, in the order of the rows.
    """
    technology = places["technology"].to_numpy(dtype=object)
    kw = places["capacity_kw"].to_numpy(dtype=np.float64).copy()
    wells = np.flatnonzero(technology == "geothermal")
    others = np.flatnonzero(technology != "geothermal")
    kw[others] = np.where(np.isnan(kw[others]), ruleset.parameters["site_capacity_kw"].number(), kw[others])
    exclusion, condition = np.full(len(places), None, dtype=object), np.full(len(places), None, dtype=object)
    small = (technology == "reclaimed_water") & (kw < _least_water_kw(ruleset))
    exclusion[small] = "too_small"
    field_of = np.full(len(places), -1, dtype=np.int64)
    if len(wells):
        ground = _ground(places[["x_m", "y_m"]].to_numpy()[wells], around, ruleset)
        kw[wells] = np.where(np.isnan(kw[wells]), ground.doublet_kw, kw[wells])
        exclusion[wells], condition[wells], field_of[wells] = ground.exclusion, ground.condition, ground.field
        exclusion[wells[pd.isna(exclusion[wells]) & np.isnan(kw[wells])]] = "unknown_place"
        _keep_stock(exclusion, field_of, kw, solved)
    reach = {t: reach_m(t, plan, ruleset, scenario) for t in set(technology)}
    return places.assign(
        capacity_kw=kw,
        reach_m=[reach[t] for t in technology],
        field=field_of,
        condition=condition,
        exclusion=exclusion,
    )


def reach_m(technology: str, plan: SitePlan, ruleset: RuleSet, scenario: Scenario) -> float:
    """Return how far (m) a new source reaches: as planned, or as the rules and the scenario say."""
    if plan.reach_m is not None:
        return plan.reach_m
    if technology == "geothermal":
        return ruleset.parameters["site_well_reach_m"].number() * scenario.reach_frac
    return scenario.rules(ruleset).options[OPTION_OF[technology]].number("plant_reach_m")


def _least_water_kw(ruleset: RuleSet) -> float:
    """Return what the least flow gives that counts as a source of reclaimed water (P1309-3.2-a)."""
    rules = ruleset.options["reclaimed_water"]
    kelvin = min(
        rules.number("default_temperature_degc") - rules.number("least_outlet_degc"), rules.number("usable_k")
    )
    heat_kw = water_heat_kw(rules.number("flow_min_m3_per_d"), kelvin)
    return float(delivered_kw(heat_kw, rules.number("cop")))


@dataclass(frozen=True, eq=False)
class _Ground:
    """What lies under points where wells might be; arrays of shape (point,)."""

    field: Ints
    doublet_kw: Floats
    exclusion: Texts
    condition: Texts


def _ground(xy_m: Floats, around: Surroundings, ruleset: RuleSet) -> _Ground:
    """Return the field under every point, and what the water-intake zones say."""
    count = len(xy_m)
    tree = shapely.STRtree(shapely.points(xy_m))
    field_of, doublet = np.full(count, -1, dtype=np.int64), np.full(count, np.nan)
    exclusion, condition = np.full(count, None, dtype=object), np.full(count, None, dtype=object)
    if around.loaded(FIELD):
        place, point = tree.query(np.asarray(around.frame(FIELD).geometry, dtype=object), "intersects")
        # Of several fields at a point the first.
        field_of[point[::-1]] = place[::-1]
        rules = ruleset.options["geothermal_hydrothermal"]
        heat_kw = doublet_kw(
            around.column(FIELD, "yield_m3_per_d"),
            around.column(FIELD, "temperature_degc"),
            rules.number("reinjection_degc"),
        )
        doublet = np.where(
            field_of < 0, np.nan, np.append(delivered_kw(heat_kw, rules.number("cop")), np.nan)[field_of]
        )
    exclusion[field_of < 0] = "outside_fields" if around.loaded(FIELD) else "unknown_place"
    if not around.loaded("water_intake_zone"):
        exclusion[field_of >= 0] = "unknown_place"
        return _Ground(field_of, doublet, exclusion, condition)
    inside = {}
    for zone_class in ("prohibited", *ZONES):
        zones = around.intake_zones(zone_class, ruleset.as_of)
        inside[zone_class] = np.zeros(count, dtype=bool)
        inside[zone_class][tree.query(zones.index.geometries, "intersects")[1]] = True
        if zones.incomplete:
            exclusion[~inside[zone_class] & (field_of >= 0)] = "unknown_place"
    for zone_class, name in reversed(ZONES.items()):
        condition[inside[zone_class]] = name
    exclusion[inside["prohibited"]] = "prohibited_zone"
    return _Ground(field_of, doublet, exclusion, condition)


def _keep_stock(exclusion: Texts, field_of: Ints, kw: Floats, solved: Solved) -> None:
    """Exclude wells that with those before them take more than matching left of their field."""
    network, allocation = solved.problem.network, solved.allocation
    used_w = np.maximum(
        allocation.used_w, network.sum_by(network.source, allocation.relaxed_flow_w, len(network.supply_w))
    )
    left_kw = solved.problem.remaining_kw - used_w[: len(solved.problem.remaining_kw)] / W_PER_KW
    wells = np.flatnonzero((field_of >= 0) & pd.isna(exclusion))
    for at, source in zip(wells, field_source(solved, field_of[wells]), strict=True):
        if np.isnan(left_kw[source]):
            exclusion[at] = "unknown_place"
        elif not 0.0 < kw[at] <= left_kw[source]:
            exclusion[at] = "field_used_up"
        else:
            left_kw[source] -= kw[at]


def field_source(solved: Solved, field_of: Ints) -> Ints:
    """Return the sources of the network that are geothermal fields, by their places in the layer."""
    return solved.supply.place("geothermal_hydrothermal", FIELD, field_of)
