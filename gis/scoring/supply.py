"""Every shared source of the map with what it can give: the supply side of a citywide matching."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely

from gis.facts.columns import Floats, Ints, Texts
from gis.facts.surroundings import Surroundings
from gis.heat.demand import heat_load_kw
from gis.matching.ledger import Claims, claims
from gis.rules import RuleSet
from gis.scoring.engine import Rows, View
from gis.scoring.inputs import LAYERS_OF, biomass_facts, field_facts, reclaimed_facts, waste_heat_facts
from gis.scoring.sources import Sources
from gis.scoring.technologies import OF_SOURCE, Models, field_remaining_kw
from gis.vocabulary import OPTIONS
from layers import LAYERS

(PLANT, MAIN), (FIELD,) = LAYERS_OF["reclaimed_water"], LAYERS_OF["geothermal_hydrothermal"]
CENTRE, HEAT_PLANT = LAYERS_OF["waste_heat"]
PROJECT = "heat_project"
COLUMNS = ("option", "layer", "feature", "id", "name", "basis", "exploitable_kw")


@dataclass(frozen=True, eq=False)
class Supply:
    """Shared sources in the order of options, layers and keys.

    table    one row a source: the `option` it serves, its `layer`, its place `feature` there, `id`, `name`,
             `basis` (of `gis.matching.columns.BASES`), and `exploitable_kw`, what it can give at the design
             load before anything is taken; None and NaN where not known
    parent   (source,) position of the source whose capacity it draws on besides its own, -1: none
    claimed  what is committed and reserved; a plant's counts the mains' that it feeds
    projects heat projects: `id`, position of the `source` they name (-1: none), `status`, the `kw` they
             take, and where they are (`x`, `y`, EPSG:4548)
    """

    table: pd.DataFrame
    parent: Ints
    claimed: Claims
    projects: pd.DataFrame

    def place(self, option: str, layer: str, feature: Ints) -> Ints:
        """Return the position of features of a layer as sources of an option, -1 where one is none."""
        here = np.flatnonzero(((self.table["option"] == option) & (self.table["layer"] == layer)).to_numpy())
        own = self.table["feature"].to_numpy(dtype=np.int64)[here]
        places = np.full(max(own.max(initial=-1), feature.max(initial=-1)) + 1, -1, dtype=np.int64)
        places[own] = here
        return places[feature]


def supply(around: Surroundings, ruleset: RuleSet, full_load_h: Floats | float) -> Supply:
    """Return all shared sources on the map.

    `full_load_h` are the hours at full load of those whom geothermal fields serve, by field
    or for all: what a field gives in a year is limited, so its kW follow from them.
    """
    parts = [
        _of_option(option, layer, around, ruleset, full_load_h)
        for option, layers in LAYERS_OF.items()
        for layer in layers
        if around.loaded(layer)
    ]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
    table = table.astype({"feature": np.int64, "exploitable_kw": np.float64})
    parent, projects = _parents(around, table), _projects(around, ruleset, table)
    return Supply(table, parent, _claims(around, table, parent, projects), projects)


def _of_option(
    option: str, layer: str, around: Surroundings, ruleset: RuleSet, full_load_h: Floats | float
) -> pd.DataFrame:
    feature = np.arange(len(around.frame(layer)))
    if layer == HEAT_PLANT:
        # One that does not tell its kind counts once, as waste heat.
        kinds, kind = ruleset.options[option].texts("kinds"), around.words(layer, "kind").texts()
        feature = np.flatnonzero([k in kinds or (k is None and option == "waste_heat") for k in kind])
    kw = _exploitable_kw(option, layer, feature, around, ruleset, full_load_h)
    values = (
        option,
        layer,
        feature,
        around.words(layer, LAYERS[layer].key)[feature].texts(),
        around.words(layer, "name")[feature].texts(),
        [
            None if unknown else basis
            for unknown, basis in zip(np.isnan(kw), _basis(layer, around, feature), strict=True)
        ],
        kw,
    )
    return pd.DataFrame(dict(zip(COLUMNS, values, strict=True)))


def _exploitable_kw(
    option: str,
    layer: str,
    feature: Ints,
    around: Surroundings,
    ruleset: RuleSet,
    full_load_h: Floats | float,
) -> Floats:
    """Return what the option's model lets every source give with nothing committed."""
    rules, count = ruleset.options[option], len(feature)
    layers = LAYERS_OF[option]
    sources = Sources(layers, np.full(count, layers.index(layer)), feature, np.zeros(count))
    facts = {
        "reclaimed_water": lambda: reclaimed_facts(sources, around, rules),
        "geothermal_hydrothermal": lambda: field_facts(sources, around),
        "waste_heat": lambda: waste_heat_facts(sources, around, rules),
        "biomass": lambda: biomass_facts(sources, around),
    }[option]()
    facts |= {name: np.full(count, np.nan) for name in facts if name.endswith("_committed_kw")}
    models = Models(ruleset)
    if option in OF_SOURCE:
        return np.asarray(OF_SOURCE[option](View(Rows(None, facts), {}), rules, models)["capacity_kw"])
    hours = np.broadcast_to(full_load_h, count)
    load = {"heat_load_kw": np.ones(count), "heat_demand_mwh_per_a": hours / 1000.0}
    return np.asarray(field_remaining_kw(View(Rows(None, facts), load), rules))


def _basis(layer: str, around: Surroundings, feature: Ints) -> Texts:
    """Return what the capacity of every source of a layer follows from."""
    count = len(feature)
    if layer in (PLANT, MAIN):
        measured = ~np.isnan(around.column(layer, "winter_flow_m3_per_d")[feature])
        return np.where(measured, "winter_flow", "design_capacity").astype(object)
    if layer == CENTRE:
        metered = ~np.isnan(around.column(layer, "monitored_power_kw")[feature])
        return np.where(metered, "monitored_power", "design_load").astype(object)
    return np.full(count, "heat_in_place" if layer == FIELD else "recoverable_heat", dtype=object)


def _parents(around: Surroundings, table: pd.DataFrame) -> Ints:
    """Return the plant that feeds each main, as a position among the sources."""
    parent = np.full(len(table), -1, dtype=np.int64)
    if around.loaded(MAIN) and around.loaded(PLANT):
        layers, ids = table["layer"].to_numpy(), table["id"].to_numpy()
        plants = {ids[i]: i for i in np.flatnonzero(layers == PLANT)}
        mains = np.flatnonzero(layers == MAIN)
        fed_by = around.words(MAIN, "wastewater_plant_id")[table["feature"].to_numpy()[mains]].texts()
        parent[mains] = [plants.get(plant, -1) for plant in fed_by]
    return parent


def _claims(around: Surroundings, table: pd.DataFrame, parent: Ints, projects: pd.DataFrame) -> Claims:
    """Return what is claimed of every source by its own record and by the heat projects that name it."""
    own = np.full(len(table), np.nan)
    for layer, rows in table.groupby("layer"):
        own[rows.index] = around.column(str(layer), "committed_kw")[rows["feature"]]
    status = [None if pd.isna(s) else str(s) for s in projects["status"]]
    source, kw = projects["source"].to_numpy(dtype=np.int64), projects["kw"].to_numpy(dtype=np.float64)
    return claims(own, parent, source, status, kw)


def _projects(around: Surroundings, ruleset: RuleSet, table: pd.DataFrame) -> pd.DataFrame:
    """Return the heat projects and what each takes of which source.

    One that does not tell what it has committed takes what it has installed of the technology that its
    source serves; one that tells its heated area alone, what the mixed heat index makes of it.
    """
    if not around.loaded(PROJECT):
        return pd.DataFrame({"id": [], "source": [], "status": [], "kw": [], "x": [], "y": []})
    position = {pair: i for i, pair in enumerate(zip(table["layer"], table["id"], strict=True))}
    named = (around.words(PROJECT, column).texts() for column in ("source_layer", "source_id"))
    source = np.array([position.get(pair, -1) for pair in zip(*named, strict=True)], dtype=np.int64)
    index = ruleset.demand_parameters[ruleset.demand.mixed_heat_index].number()
    area_m2 = around.column(PROJECT, "heated_area_m2")
    kw = heat_load_kw(area_m2, np.asarray(index))
    for told in (_installed_kw(around, table, source), around.column(PROJECT, "committed_kw")):
        kw = np.where(np.isnan(told), kw, told)
    places = np.asarray(around.frame(PROJECT).geometry, dtype=object)
    return pd.DataFrame(
        {
            "id": around.words(PROJECT, LAYERS[PROJECT].key).texts(),
            "source": source,
            "status": around.words(PROJECT, "status").texts(),
            "kw": kw,
            "x": shapely.get_x(places),
            "y": shapely.get_y(places),
        }
    )


def _installed_kw(around: Surroundings, table: pd.DataFrame, source: Ints) -> Floats:
    """Return what projects have installed of the technology that their source serves, NaN if not told."""
    technology = {o.id: o.technology for o in OPTIONS}
    out, named = np.full(len(source), np.nan), np.flatnonzero(source >= 0)
    serves = table["option"].to_numpy()[source[named]]
    for option in LAYERS_OF:
        mine = named[serves == option]
        out[mine] = around.column(PROJECT, f"{technology[option]}_kw")[mine]
    return out
