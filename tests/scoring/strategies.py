"""Parcels, sources and towns of any kind, and the rules under which they are judged."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

import gis
from gis.scoring.engine import ORDERED
from gis.vocabulary import OPTIONS
from tests.scoring.cases import rules_with
from tests.scoring.conftest import TOWN, box, layer, point

IDS = [o.id for o in OPTIONS]
RULES = gis.load_ruleset("beijing")
# Radiators at 55 degC put air source out, so that nothing tops up what the others leave.
NO_AIR = rules_with({"air_source.design_supply_degc": 55})
place = st.integers(-3_000, 3_000)


def often(examples: int) -> settings:
    """Return the settings of a property: the same examples at every run."""
    return settings(
        max_examples=examples, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
    )


@st.composite
def parcels(draw: st.DrawFn, least: int = 1, most: int = 6) -> gpd.GeoDataFrame:
    """Parcels with any attribute missing."""
    rows = []
    for i in range(draw(st.integers(least, most))):
        rows.append(
            {
                "parcel_id": f"P{i}",
                "geometry": box(draw(place), draw(place), draw(st.sampled_from([50, 200, 600]))),
                "land_use_code": draw(st.sampled_from(["0701", "0806", "0901", "1207", "1001", None])),
                "floor_area_ratio": draw(st.sampled_from([0.0, 0.4, 2.5, 12.0, None])),
                "population": draw(st.sampled_from([0.0, 300.0, None])),
                "building_density_frac": draw(st.sampled_from([0.1, 0.6, 1.0, None])),
                "building_status": draw(st.sampled_from(["new", "existing", None])),
            }
        )
    return layer("parcel", *rows)


@st.composite
def plants(draw: st.DrawFn) -> dict[str, Any]:
    """One reclaimed-water plant with any attribute missing."""
    return {
        "geometry": point(draw(place), draw(place)),
        "winter_flow_m3_per_d": draw(st.sampled_from([500.0, 2e4, 3e5, None])),
        "winter_temperature_degc": draw(st.sampled_from([3.0, 12.0, None])),
        "committed_kw": draw(st.sampled_from([0.0, 4e3, None])),
    }


@st.composite
def centres(draw: st.DrawFn) -> dict[str, Any]:
    """One data centre with any attribute missing."""
    return {
        "geometry": point(draw(place), draw(place)),
        "it_load_kw": draw(st.sampled_from([300.0, 2e4, None])),
        "monitored_power_kw": draw(st.sampled_from([9e3, None])),
        "committed_kw": draw(st.sampled_from([0.0, 2e3, None])),
    }


@st.composite
def heat_sources(draw: st.DrawFn) -> dict[str, Any]:
    """One heat plant of any kind with any attribute missing."""
    return {
        "geometry": point(draw(place), draw(place)),
        "kind": draw(st.sampled_from(["gas_chp", "industry", "waste_to_energy", "biomass", "coal", None])),
        "recoverable_heat_kw": draw(st.sampled_from([0.0, 500.0, 3e4, None])),
        "committed_kw": draw(st.sampled_from([0.0, 400.0, None])),
    }


SOURCES = {"wastewater_plant": plants(), "data_centre": centres(), "waste_heat_source": heat_sources()}


@st.composite
def towns(draw: st.DrawFn, most_gone: int = 3) -> gis.Resources:
    """The town with other sources, and any layer never loaded."""
    frames = TOWN | {
        name: layer(name, *draw(st.lists(source, max_size=2))) for name, source in SOURCES.items()
    }
    gone = draw(st.sets(st.sampled_from(sorted(TOWN)), max_size=most_gone))
    return gis.Resources(frames, dict.fromkeys(frames, 1)).without(*gone)


def verdicts(table: gpd.GeoDataFrame, town: gis.Resources, rules: gis.RuleSet = RULES) -> pd.DataFrame:
    """Return the table of verdicts."""
    return gis.score(table, town, rules).verdicts


def rank(statuses: pd.Series) -> np.ndarray:
    """Return statuses as numbers, the best the largest."""
    return np.array([ORDERED.index(s) for s in statuses])


def place_in_order(row: pd.Series) -> int:
    """Return the place of the recommended technology in the order; behind the last where there is none."""
    chosen = row["recommended"]
    return RULES.order.index(chosen) if chosen else len(RULES.order)


def shares(frame: pd.DataFrame, option: str) -> np.ndarray:
    """Return the share that an option can carry where it may take part, 0 where it may not."""
    share = frame[f"{option}_installed_share_frac"].fillna(0.0).to_numpy()
    return np.where(frame[f"{option}_status"].isin(["suitable", "conditional"]), share, 0.0)
