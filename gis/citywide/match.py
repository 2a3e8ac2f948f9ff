"""Matching a whole city: what limited sources give to whom, with the proof that no more can be had."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from gis.citywide import tables
from gis.citywide.ground import share_ground
from gis.citywide.ledger import sources
from gis.citywide.problem import problem
from gis.citywide.scenario import Scenario
from gis.citywide.segments import segments
from gis.citywide.summary import summary
from gis.errors import InputError
from gis.facts.columns import JUDGED, Attributes, Floats
from gis.facts.ragged import Shapes
from gis.facts.surroundings import Surroundings
from gis.facts.wkb import shapes_of
from gis.matching.allocate import allocate
from gis.matching.worth import worth
from gis.resources import Resources
from gis.rules import RuleSet
from gis.rules.loader import content_json
from gis.scoring.inputs import gather
from gis.scoring.offers import Offers, offers, together
from gis.scoring.supply import FIELD, supply
from gis.staleness import software
from gis.store import MatchRecord, Store

Progress = Callable[[int, int, str], None]
STEP_W = 1_000_000
PIECE = 50_000
"""Parcels whose offers are gathered at once."""


@dataclass(frozen=True, eq=False)
class Match:
    """A matched city.

    sources      the capacity ledger, one row a source
    segments     mains from tap to tap
    parcels      what each parcel gets
    connections  who connects with whom; all frames have the columns of `gis.matching.columns`
    summary      what it comes to in the whole city, the certificate among it
    data_versions  of the layers that it was made from, `parcel` among them where it was read from a store
    """

    scenario: Scenario
    sources: pd.DataFrame
    segments: pd.DataFrame
    parcels: pd.DataFrame
    connections: pd.DataFrame
    summary: dict[str, Any]
    ruleset: RuleSet
    data_versions: Mapping[str, int]


def match(
    parcels: gpd.GeoDataFrame,
    resources: Resources | Surroundings,
    ruleset: RuleSet,
    scenario: Scenario | None = None,
    progress: Progress | None = None,
) -> Match:
    """Allocate the shared sources of a city to its parcels.

    `parcels` has the columns of the layer `parcel` and polygons in EPSG:4548, as for
    `gis.score`. Their order makes no difference. Raises InputError for a repeated or missing
    id, and for a scenario that names a source that is not there.
    """
    around = resources if isinstance(resources, Surroundings) else Surroundings(resources)
    scenario = scenario or Scenario()
    rules = scenario.rules(ruleset)
    pieces = []
    for start in range(0, len(parcels), PIECE):
        _tell(progress, start, len(parcels), "gathering offers")
        piece = parcels.iloc[start : start + PIECE]
        shapes = Shapes.of(np.asarray(piece.geometry, dtype=object), "polygon")
        pieces.append(_offered(Attributes.of(piece), shapes, around, rules))
    ids = parcels["parcel_id"].to_numpy(dtype=object)
    versions = around.resources.versions
    return _matched(ids, pieces, around, ruleset, scenario, versions, progress)


def match_store(
    store: Store, ruleset: RuleSet, scenario: Scenario | None = None, progress: Progress | None = None
) -> Match:
    """Match the stored parcels, keep the run in the place of the last of its scenario, and return it.

    Raises InputError when no parcels were ever imported.
    """
    scenario = scenario or Scenario()
    rules = scenario.rules(ruleset)
    with store.moment() as moment:
        if "parcel" not in moment.versions:
            raise InputError("no parcels are loaded; import some with `onemap import parcel FILE`")
        around = Surroundings(moment.resources())
        count, done = moment.versions["parcel"].feature_count, 0
        ids, pieces = [], []
        with closing(moment.parcels(JUDGED)) as batches:
            for batch in batches:
                _tell(progress, done, count, "gathering offers")
                ids.append(batch.column("parcel_id"))
                shapes = shapes_of(batch.column("geom"), "polygon")
                pieces.append(_offered(Attributes.of_batch(batch), shapes, around, rules))
                done += batch.num_rows
    names = np.array([i for column in ids for i in column.to_pylist()], dtype=object)
    versions = {layer: v.version for layer, v in moment.versions.items()}
    found = _matched(names, pieces, around, ruleset, scenario, versions, progress)
    _tell(progress, 0, 0, "saving the matching run")
    store.save_ruleset(ruleset.hash, ruleset.id, ruleset.as_of, content_json(ruleset))
    parts = {name: getattr(found, name) for name in ("sources", "segments", "parcels", "connections")}
    store.save_match(_record(found), parts)
    return found


def _offered(parcels: Attributes, shapes: Shapes, around: Surroundings, ruleset: RuleSet) -> Offers:
    return offers(gather(parcels, shapes, around, ruleset), shapes, around, ruleset)


def _matched(
    ids: npt.NDArray[np.object_],
    pieces: list[Offers],
    around: Surroundings,
    ruleset: RuleSet,
    scenario: Scenario,
    versions: Mapping[str, int],
    progress: Progress | None,
) -> Match:
    names = pd.Index(ids)
    if names.hasnans or not names.is_unique:
        raise InputError("every parcel needs a parcel_id of its own")
    if not pieces:
        raise InputError("there is no parcel to match")
    # By id, so that the order of rows makes no difference where several answers are equally good.
    order = np.argsort(ids.astype(str), kind="stable")
    offered = together(pieces).taken(order)
    load_kw = np.nan_to_num(offered.demand["heat_load_kw"])
    ground = share_ground(offered, load_kw, around, ruleset)
    field_hours = _field_hours(offered, around)
    supplied = supply(around, ruleset, field_hours)
    asked = problem(offered, ground, supplied, ruleset, scenario)
    allocation = allocate(asked.network, cost=asked.cost, progress=progress)
    _tell(progress, 0, 0, "what one more MW is worth")
    more = worth(asked.network, allocation, STEP_W, less=False)
    solved = tables.Solved(ids[order], offered, ground, supplied, asked, allocation, more, field_hours)
    found = tables.connections(solved, around)
    rows, heat_mwh = tables.parcels(solved, found, ruleset)
    of_technology = pd.Index(ruleset.order).get_indexer(pd.Index(found["technology"]))
    at = found["at"].to_numpy(dtype=np.int64)
    power_kw = rows[[f"{t}_kw" for t in ruleset.order]].to_numpy()[at, of_technology]
    heat = pd.Series(heat_mwh[of_technology, at] * found["allocated_kw"] / power_kw, index=found.index)
    ledger = sources(solved, found, heat, around, ruleset)
    told = summary(solved, ledger, rows, heat_mwh, ruleset)
    mains = segments(solved, found, around, ruleset)
    connected = found.drop(columns=["at", "source"])
    return Match(scenario, ledger, mains, rows, connected, told, ruleset, versions)


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


def _record(found: Match) -> MatchRecord:
    return MatchRecord(
        scenario=found.scenario.name,
        settings=found.scenario.settings(),
        summary=found.summary,
        ruleset_id=found.ruleset.id,
        ruleset_hash=found.ruleset.hash,
        as_of=found.ruleset.as_of,
        layer_versions=dict(found.data_versions),
        finished_at=None,
        software=software(),
    )


def _tell(progress: Progress | None, done: int, total: int, label: str) -> None:
    if progress:
        progress(done, total, label)
