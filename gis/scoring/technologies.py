"""From facts to what each option could supply: the heat models with the figures of the rule set.

Every function takes the facts of rows and the parameters, and returns further
facts, `capacity_kw` among them. Facts and parameters broadcast: a parameter may
be an array, which is how the spread of a capacity is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from gis.facts.table import Facts
from gis.heat import air_source as air
from gis.heat import borehole, geothermal, heat_pump
from gis.heat import reclaimed_water as water
from gis.heat import waste_heat as waste
from gis.heat.borehole_field import FieldModel, MonthlyLoad
from gis.heat.demand import Climate, outdoor_bins
from gis.heat.square_fields import SquareFields
from gis.rules import RuleSet
from gis.scoring.engine import FactOf

Number = Any  # a float, or an array of samples


class Parameters(Protocol):
    """The numbers of one option."""

    def number(self, name: str) -> Number:
        """Return a number, or an array of samples of it."""

    def numbers(self, name: str) -> tuple[float, ...]:
        """Return a list of numbers."""


@dataclass(frozen=True)
class Models:
    """What the models need beside facts and the option's own parameters."""

    ruleset: RuleSet

    def climate(self, season_d: npt.NDArray[np.float64] | float) -> Climate:
        """Return the load-duration curve of a heating period."""
        number = {n: self.ruleset.parameters[n].number() for n in CLIMATE}
        return Climate(season_d=season_d, **number)


HOURS_PER_JULIAN_YEAR = 365.25 * 24.0
CLIMATE = ("indoor_degc", "mean_outdoor_degc", "design_outdoor_degc", "peak_d")


def full_load_h(fact: FactOf) -> npt.NDArray[np.float64]:
    """Return the hours at full load of every row; NaN where nothing is heated."""
    with np.errstate(divide="ignore", invalid="ignore"):
        hours = fact("heat_demand_mwh_per_a") * 1000.0 / fact("heat_load_kw")
    return np.where(np.isfinite(hours), hours, np.nan)


def drillable_area(fact: FactOf, p: Parameters) -> Facts:
    """Return the area in m2 that may hold boreholes or wells, on the parcel and in green space nearby."""
    usable = p.number("open_space_usable_frac")
    free = 1.0 - fact("drilling_exclusion_frac")
    open_m2 = fact("area_m2") * (1.0 - fact("building_density_frac")) * usable * free
    green_m2 = fact("green_space_area_m2") * usable * p.number("green_share_frac")
    return {"drillable_open_area_m2": open_m2, "drillable_green_area_m2": green_m2}


@lru_cache(maxsize=8)
def _monthly_load(
    lifetime_a: float, heat: tuple[float, ...], cooling: tuple[float, ...], first_month: float
) -> MonthlyLoad:
    return MonthlyLoad(lifetime_a, heat, cooling, int(first_month), first_winter_counts=True)


@lru_cache(maxsize=8)
def _field_model(spacing_m: float, depth_m: float, load: MonthlyLoad) -> FieldModel:
    """Return the model of a rule set's fields: its grid takes a second to make."""
    return FieldModel(spacing_m, depth_m, load)


@lru_cache(maxsize=4)
def _square_fields(model: FieldModel, spacing_m: bytes, depth_m: bytes) -> SquareFields:
    """Return the fields of the samples of a rule set, which are the same for every parcel."""
    spacing, depth = (tuple(np.frombuffer(row).tolist()) for row in (spacing_m, depth_m))
    return SquareFields(spacing, depth, model.load, tuple(model.months.tolist()))


def field_model(p: Parameters) -> FieldModel:
    """Return the model of borehole fields with the spacing, depth, life and loads of the rules."""
    months = p.numbers("heat_month_frac"), p.numbers("cooling_month_frac")
    load = _monthly_load(p.number("lifetime_a"), *months, p.number("first_month"))
    return _field_model(p.number("borehole_spacing_m"), p.number("borehole_depth_m"), load)


def borehole_count(fact: FactOf, p: Parameters, models: Models) -> Facts:
    """Boreholes on open ground and on a share of the green space nearby."""
    area = fact("drillable_open_area_m2") + fact("drillable_green_area_m2")
    return {"borehole_count": borehole.borehole_count(area, p.number("borehole_spacing_m"))}


def thermal_balance(fact: FactOf, p: Parameters, models: Models) -> Facts:
    """Heat given to the ground in summer over heat taken in winter."""
    cooling_h = models.ruleset.demand_parameters["cooling_full_load_h"].number()
    balance = borehole.thermal_balance_frac(
        fact("heat_demand_mwh_per_a"),
        fact("cooling_load_kw") * cooling_h / 1000.0,
        p.number("cop_heating"),
        p.number("cop_cooling"),
    )
    return {"thermal_balance_frac": balance}


def borehole_field(fact: FactOf, p: Parameters, models: Models) -> Facts:
    """The boreholes as one square field."""
    rules = models.ruleset.options["shallow_ground_source"]
    cop, spacing, depth = (p.number(n) for n in ("cop_heating", "borehole_spacing_m", "borehole_depth_m"))
    count, balance = fact("borehole_count"), fact("thermal_balance_frac")
    hours = full_load_h(fact)
    side, model = np.sqrt(count), field_model(rules)
    energy: Callable[..., Number] = partial(model.energy_kwh_per_a, side, side)
    if isinstance(spacing, np.ndarray) or isinstance(depth, np.ndarray):
        fields = _square_fields(model, *(row.tobytes() for row in np.broadcast_arrays(spacing, depth)))
        energy = partial(fields.energy_kwh_per_a, side)
    kwh = energy(
        fact("ground_conductivity_w_per_m_k"),
        fact("ground_heat_capacity_mj_per_m3_k"),
        fact("ground_temperature_degc"),
        lowest_fluid_degc=p.number("inlet_min_degc") + p.number("loop_spread_k") / 2.0,
        borehole_resistance_m_k_per_w=p.number("borehole_resistance_m_k_per_w"),
        borehole_radius_m=p.number("borehole_radius_m"),
        full_load_h=hours,
        balance_frac=balance,
        peak_h=p.number("peak_pulse_h"),
    )
    return {
        "borehole_heat_mwh_per_a": kwh / 1000.0,
        "capacity_kw": heat_pump.delivered_kw(count * kwh / hours, cop),
    }


def reclaimed_source(fact: FactOf, p: Parameters, models: Models) -> Facts:
    """Heat of the winter flow above the lowest outlet, through the heat pump, less what is committed."""
    given = fact("reclaimed_temperature_degc")
    temperature = np.where(np.isnan(given), p.number("default_temperature_degc"), given)
    kelvin = np.clip(temperature - p.number("least_outlet_degc"), 0.0, p.number("usable_k"))
    source_kw = water.water_heat_kw(fact("reclaimed_flow_m3_per_d"), kelvin)
    remaining = _less(heat_pump.delivered_kw(source_kw, p.number("cop")), fact("reclaimed_committed_kw"))
    return {"reclaimed_remaining_kw": remaining, "capacity_kw": remaining}


def reclaimed_connection(fact: FactOf, p: Parameters, models: Models) -> Facts:
    """The longest pipe to a main that the parcel's demand bears."""
    density = p.number("heat_density_mwh_per_m_a")
    return {"reclaimed_connection_max_m": water.connection_max_m(fact("heat_demand_mwh_per_a"), density)}


def _less(total_kw: Number, committed_kw: Number) -> Number:
    """Return what is left of a capacity; a source without a recorded commitment has none."""
    return np.maximum(total_kw - np.where(np.isnan(committed_kw), 0.0, committed_kw), 0.0)


def doublet_life(fact: FactOf, p: Parameters, models: Models) -> Facts:
    """Years until the cold front of a doublet arrives."""
    return {
        "doublet_life_a": geothermal.breakthrough_a(
            p.number("doublet_spacing_m"),
            _thickness_m(fact, p),
            fact("geothermal_yield_m3_per_d") / 24.0,
            p.number("porosity_frac"),
            p.number("rock_heat_capacity_j_per_m3_k"),
            p.number("water_heat_capacity_j_per_m3_k"),
            p.number("duty_frac"),
        )
    }


def field_stock(fact: FactOf, p: Parameters, models: Models) -> Facts:
    """What the whole field can still deliver."""
    return {"geothermal_field_remaining_kw": field_remaining_kw(fact, p)}


def geothermal_hydrothermal(fact: FactOf, p: Parameters, models: Models) -> Facts:
    """Doublets with full reinjection on the part of the parcel in a field, capped by the field's stock."""
    spacing, cop = p.number("doublet_spacing_m"), p.number("cop")
    overlap = fact("geothermal_field_overlap_frac")
    by_spacing = np.maximum(np.floor(overlap * fact("area_m2") / spacing**2), 1.0)
    inside = np.isnan(overlap) | (overlap >= p.number("field_least_frac"))
    doublets = np.where(inside, by_spacing, 0.0)
    source_kw = geothermal.doublet_kw(
        fact("geothermal_yield_m3_per_d"), fact("geothermal_temperature_degc"), p.number("reinjection_degc")
    )
    remaining = fact("geothermal_field_remaining_kw")
    wells_kw = np.where(doublets == 0, 0.0, doublets * heat_pump.delivered_kw(source_kw, cop))
    return {
        "doublet_count": doublets,
        "capacity_kw": np.where(doublets == 0, wells_kw, np.minimum(wells_kw, remaining)),
    }


def _thickness_m(fact: FactOf, p: Parameters) -> Number:
    given = fact("geothermal_thickness_m")
    return np.where(np.isnan(given), p.number("default_thickness_m"), given)


def field_remaining_kw(fact: FactOf, p: Parameters) -> Number:
    """Return what the whole field can deliver over its life by its heat in place, less what is committed."""
    stock_j = geothermal.heat_in_place_j(
        fact("geothermal_field_area_m2"),
        _thickness_m(fact, p),
        p.number("porosity_frac"),
        p.number("rock_heat_capacity_j_per_m3_k"),
        p.number("water_heat_capacity_j_per_m3_k"),
        fact("geothermal_temperature_degc"),
        p.number("reference_degc"),
    )
    mean_kw = geothermal.recoverable_mw(stock_j, p.number("recovery_frac"), p.number("life_a")) * 1000.0
    source_kw = mean_kw * HOURS_PER_JULIAN_YEAR / full_load_h(fact)
    return _less(heat_pump.delivered_kw(source_kw, p.number("cop")), fact("geothermal_committed_kw"))


def closed_loop_well(fact: FactOf, p: Parameters, models: Models) -> Facts:
    """One coaxial well; gradient and conductivity are the field's, else the city's."""
    gradient, conductivity = fact("geothermal_gradient_k_per_km"), fact("rock_conductivity_w_per_m_k")
    per_well = geothermal.closed_loop_kw(
        np.where(np.isnan(gradient), p.number("default_gradient_k_per_km"), gradient),
        np.where(np.isnan(conductivity), p.number("default_conductivity_w_per_m_k"), conductivity),
        surface_degc=p.number("surface_degc"),
        depth_m=p.number("well_depth_m"),
        inlet_degc=p.number("inlet_degc"),
        mass_flow_kg_per_s=p.number("mass_flow_kg_per_s"),
        well_radius_m=p.number("well_radius_m"),
        well_resistance_m_k_per_w=p.number("well_resistance_m_k_per_w"),
        rock_heat_capacity_mj_per_m3_k=p.number("rock_heat_capacity_mj_per_m3_k"),
        season_d=p.number("season_d"),
        seasons=int(p.number("lifetime_a")),
    )
    return {"closed_loop_kw_per_well": per_well}


def geothermal_closed_loop(fact: FactOf, p: Parameters, models: Models) -> Facts:
    """Coaxial wells on drillable ground."""
    per_well = fact("closed_loop_kw_per_well")
    area = fact("drillable_open_area_m2") + fact("drillable_green_area_m2")
    wells = borehole.borehole_count(area, p.number("well_spacing_m"))
    return {
        "closed_loop_well_count": wells,
        "capacity_kw": heat_pump.delivered_kw(wells * per_well, p.number("cop")),
    }


def waste_heat(fact: FactOf, p: Parameters, models: Models) -> Facts:
    """Heat of a data centre's IT power, or of a plant, through the heat pump, less what is committed."""
    from_it = waste.recoverable_kw(fact("waste_heat_it_power_kw"), 1.0, p.number("recoverable_frac"))
    recoverable = np.where(np.isnan(from_it), fact("waste_heat_recoverable_kw"), from_it)
    total = heat_pump.delivered_kw(recoverable, p.number("cop"))
    plant = np.isnan(from_it)
    # What a plant gives is hot enough for a network: only a data centre's heat needs the pump.
    remaining = _less(np.where(plant, recoverable, total), fact("waste_heat_committed_kw"))
    return {
        "waste_heat_recoverable_kw": recoverable,
        "waste_heat_remaining_kw": remaining,
        "capacity_kw": remaining,
    }


def biomass(fact: FactOf, p: Parameters, models: Models) -> Facts:
    """Heat that a biomass or waste-to-energy plant gives, less what is committed."""
    remaining = _less(fact("biomass_recoverable_kw"), fact("biomass_committed_kw"))
    return {"biomass_remaining_kw": remaining, "capacity_kw": remaining}


def air_source_performance(fact: FactOf, p: Parameters, models: Models) -> Facts:
    """COP of the season, in design weather and as rated, and the highest supply temperature."""
    a, b, c = p.numbers("cop_coefficients")
    curve = (a, b, c), p.number("field_frac")
    supply, load = p.number("design_supply_degc"), fact("heat_load_kw")
    season = fact("season_d")
    seasonal = np.full(np.shape(load), np.nan)
    for days in np.unique(season[~np.isnan(season)]):
        bins = outdoor_bins(models.climate(float(days)), int(p.number("bins_count")))
        seasonal[season == days] = air.seasonal_cop(bins, supply, *curve)
    return {
        "air_source_seasonal_cop": seasonal,
        "air_source_cop_design": np.full(
            np.shape(load), air.cop(p.number("design_outdoor_degc"), supply, *curve)
        ),
        "air_source_cop_rating": np.full(
            np.shape(load), air.cop(p.number("rating_outdoor_degc"), p.number("rating_supply_degc"), *curve)
        ),
        "air_source_supply_limit_degc": np.full(
            np.shape(load),
            air.highest_supply_degc(p.number("least_cop"), p.number("rating_outdoor_degc"), *curve),
        ),
    }


def air_source(fact: FactOf, p: Parameters, models: Models) -> Facts:
    """Whole units for the load; capacity has no limit but the units."""
    units = air.unit_count(fact("heat_load_kw"), p.number("unit_kw"))
    return {"air_source_unit_count": units, "capacity_kw": units * p.number("unit_kw")}


Model = Callable[[FactOf, Parameters, Models], Facts]

OF_SOURCE: dict[str, Model] = {
    "reclaimed_water": reclaimed_source,
    "waste_heat": waste_heat,
    "biomass": biomass,
}
"""Of some options the models, or that part of them, that ask of nothing but the source."""

OF_PARCEL: dict[str, tuple[Model, ...]] = {
    "shallow_ground_source": (borehole_count, thermal_balance, borehole_field),
    "reclaimed_water": (reclaimed_connection,),
    "geothermal_hydrothermal": (doublet_life, field_stock, geothermal_hydrothermal),
    "geothermal_closed_loop": (closed_loop_well, geothermal_closed_loop),
    "air_source": (air_source_performance, air_source),
}
"""The models, or the rest of them, that ask of the parcel too; each may ask for what those before it give.

A model asks for the same facts and gives the same ones whatever their values are.
"""


FEW: frozenset[Model] = frozenset({*OF_SOURCE.values(), closed_loop_well})
"""Models that ask only for what belongs to a source or a field: many parcels have it in common."""


def models_of(option: str) -> tuple[Model, ...]:
    """Return all models of an option."""
    of_source = (OF_SOURCE[option],) if option in OF_SOURCE else ()
    return (*of_source, *OF_PARCEL.get(option, ()))


def run(parts: Iterable[Model], fact: FactOf, p: Parameters, models: Models) -> Facts:
    """Return what models add to facts."""
    found: Facts = {}

    def known(name: str) -> Any:
        return found[name] if name in found else fact(name)

    for part in parts:
        found |= part(known, p, models)
    return found
