"""A city up to its allocation: what parcels may take and sources can give, and who gets what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from gis.citywide.ground import share_ground
from gis.citywide.problem import problem
from gis.citywide.scenario import Scenario
from gis.citywide.tables import Solved
from gis.crs import STORAGE_CRS
from gis.errors import InputError
from gis.facts.columns import JUDGED, Attributes, Floats, Ints
from gis.facts.ragged import Shapes
from gis.facts.surroundings import Surroundings
from gis.facts.wkb import shapes_of
from gis.matching.allocate import allocate
from gis.matching.worth import worth
from gis.rules import RuleSet
from gis.scoring.inputs import gather
from gis.scoring.offers import Offers, offers, together
from gis.scoring.supply import FIELD, supply
from gis.store.moment import Moment

Progress = Callable[[int, int, str], None]
Ids = npt.NDArray[np.object_]
Pieces = Iterator[tuple[Ids, Attributes, Shapes]]
STEP_W = 1_000_000
PIECE = 50_000
"""Parcels whose offers are gathered at once."""


@dataclass(frozen=True, eq=False)
class City:
    """Parcels that can be read piece by piece, any number of times, and what surrounds them.

    `versions` are those of the layers, `parcel` among them where it was read from a store.
    """

    count: int
    around: Surroundings
    pieces: Callable[[], Pieces]
    versions: Mapping[str, int]


def given_city(parcels: gpd.GeoDataFrame, around: Surroundings) -> City:
    """Return a city of parcels with the columns of the layer `parcel` and polygons in EPSG:4548."""

    if around.resources.crs != STORAGE_CRS:
        raise InputError(
            f"the resources are in {around.resources.crs}; cities are matched in {STORAGE_CRS} only, in "
            "other systems parcels can be scored."
        )

    def pieces() -> Pieces:
        for start in range(0, len(parcels), PIECE):
            piece = parcels.iloc[start : start + PIECE]
            shapes = Shapes.of(np.asarray(piece.geometry, dtype=object), "polygon")
            yield piece["parcel_id"].to_numpy(dtype=object), Attributes.of(piece), shapes

    return City(len(parcels), around, pieces, around.resources.versions)


def stored_city(moment: Moment) -> City:
    """Return the stored city, to be read while the moment lasts.

    Raises InputError when no parcels were ever imported.
    """
    if "parcel" not in moment.versions:
        raise InputError("no parcels are loaded; import some with `onemap import parcel FILE`")

    def pieces() -> Pieces:
        with closing(moment.parcels(JUDGED)) as batches:
            for batch in batches:
                ids = np.array(batch.column("parcel_id").to_pylist(), dtype=object)
                yield ids, Attributes.of_batch(batch), shapes_of(batch.column("geom"), "polygon")

    around = Surroundings(moment.resources())
    versions = {layer: v.version for layer, v in moment.versions.items()}
    return City(moment.versions["parcel"].feature_count, around, pieces, versions)


@dataclass(frozen=True, eq=False)
class Gathered:
    """Parcel ids and what each parcel may take, in the order in which the parcels were read."""

    ids: Ids
    offers: list[Offers]


def gathered(city: City, ruleset: RuleSet, scenario: Scenario, progress: Progress | None) -> Gathered:
    """Return what all parcels may take.

    Raises InputError for a repeated or missing id, and where there is no parcel.
    """
    rules = scenario.rules(ruleset)
    ids: list[Ids] = []
    found: list[Offers] = []
    done = 0
    for names, parcels, shapes in city.pieces():
        tell(progress, done, city.count, "gathering offers")
        ids.append(names)
        found.append(offers(gather(parcels, shapes, city.around, rules), shapes, city.around, rules))
        done += len(names)
    if not found:
        raise InputError("there is no parcel to match")
    together_ids = np.concatenate(ids)
    index = pd.Index(together_ids)
    if index.hasnans or not index.is_unique:
        raise InputError("every parcel needs a parcel_id of its own")
    return Gathered(together_ids, found)


def solved(
    found: Gathered,
    around: Surroundings,
    ruleset: RuleSet,
    scenario: Scenario,
    progress: Progress | None,
    *,
    priced: bool = True,
) -> Solved:
    """Return the allocation of the shared sources to the parcels, with all that it was made from.

    `priced` asks what one more MW of every source is worth, which takes a while.
    """
    # By id, so that the order of rows makes no difference where several answers are equally good.
    order = np.argsort(found.ids.astype(str), kind="stable")
    offered = together(found.offers).taken(order)
    load_kw = np.nan_to_num(offered.demand["heat_load_kw"])
    ground = share_ground(offered, load_kw, around, ruleset)
    field_hours = _field_hours(offered, around)
    supplied = supply(around, ruleset, field_hours)
    asked = problem(offered, ground, supplied, ruleset, scenario)
    allocation = allocate(asked.network, cost=asked.cost, progress=progress)
    if priced:
        tell(progress, 0, 0, "what one more MW is worth")
    rows: Ints | None = None if priced else np.empty(0, dtype=np.int64)
    more = worth(asked.network, allocation, STEP_W, rows=rows, less=False)
    return Solved(found.ids[order], offered, ground, supplied, asked, allocation, more, field_hours)


def _field_hours(offered: Offers, around: Surroundings) -> Floats:
    """Return the hours at full load of the parcels on every geothermal field, the city's where none are."""
    count = len(around.frame(FIELD)) if around.loaded(FIELD) else 0
    load_kw = np.nan_to_num(offered.demand["heat_load_kw"])
    demand_mwh = np.nan_to_num(offered.demand["heat_demand_mwh_per_a"])
    links = offered.links.get(("geothermal_hydrothermal", FIELD))
    place = links.feature if links is not None else np.empty(0, dtype=np.int64)
    here = links.parcel if links is not None else place
    kw = np.bincount(place, weights=load_kw[here], minlength=count)
    mwh = np.bincount(place, weights=demand_mwh[here], minlength=count)
    with np.errstate(divide="ignore", invalid="ignore"):
        city = demand_mwh.sum() * 1000.0 / load_kw.sum() if load_kw.sum() > 0 else np.nan
        return np.where(kw > 0.0, mwh * 1000.0 / kw, city)


def tell(progress: Progress | None, done: int, total: int, label: str) -> None:
    """Tell how far a run is, where somebody asks."""
    if progress:
        progress(done, total, label)
