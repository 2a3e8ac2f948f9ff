"""Matching a whole city: what limited sources give to whom, with the proof that no more can be had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from gis.citywide import tables
from gis.citywide.city import City, Progress, gathered, given_city, solved, stored_city, tell
from gis.citywide.ledger import sources
from gis.citywide.scenario import Scenario
from gis.citywide.segments import segments
from gis.citywide.summary import summary
from gis.facts.columns import Floats
from gis.facts.surroundings import Surroundings
from gis.matching.columns import CONNECTION_COLUMNS, PARCEL_COLUMNS, SEGMENT_COLUMNS, SOURCE_COLUMNS
from gis.resources import Resources
from gis.rules import RuleSet
from gis.rules.loader import content_json
from gis.staleness import software
from gis.store import MatchRecord, Store
from gis.units import attributes, units_of
from gis.vocabulary import Language

if TYPE_CHECKING:
    from gis.webmap.parcel_map import ParcelMap


@dataclass(frozen=True, eq=False)
class Match:
    """A matched city: who connects with which shared source, in tables without shapes.

    Places (`x_m`, `y_m`) and lengths are in m of EPSG:4548.

    scenario     what was asked for
    ruleset      the rules
    sources      the capacity ledger, one row a source
    segments     mains from tap to tap
    parcels      what each parcel gets
    connections  who connects with whom; all frames have the columns of `gis.matching.columns`, and in
                 `attrs` their `units` (column -> unit), `ruleset` and `data_versions`
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

    def __post_init__(self) -> None:
        told = self.ruleset.told(), self.data_versions
        for frame, columns in (
            (self.sources, SOURCE_COLUMNS),
            (self.segments, SEGMENT_COLUMNS),
            (self.parcels, PARCEL_COLUMNS),
            (self.connections, CONNECTION_COLUMNS),
        ):
            frame.attrs = attributes(units_of(columns), *told)

    def map(self, parcels: gpd.GeoDataFrame, lang: Language = "zh") -> ParcelMap:
        """Return a map of the parcels by the technology that carries most of them; it needs no network.

        `parcels` are those that were matched, of which a match keeps no shapes. Raises InputError for
        more than a browser draws quickly.
        """
        from gis.webmap.result_maps import match_map  # with folium, which matching does without

        return match_map(self.parcels, parcels, lang)


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

    >>> parcels = gis.read_mapped("parcel", "parcel.parquet").frame.iloc[:50]
    >>> plants = {"path": "wastewater_plant.csv", "source_crs": "EPSG:4326"}
    >>> around = gis.Resources.from_files({"district": "district.geojson", "wastewater_plant": plants})
    >>> found = gis.match(parcels, around, gis.load_ruleset())
    >>> len(found.parcels), found.parcels.attrs["units"]["unmet_kw"]
    (50, 'kW')
    """
    around = resources if isinstance(resources, Surroundings) else Surroundings(resources)
    scenario = scenario or Scenario()
    city = given_city(parcels, around)
    found = gathered(city, ruleset, scenario, progress)
    return _told(solved(found, around, ruleset, scenario, progress), city, ruleset, scenario)


def match_store(
    store: Store, ruleset: RuleSet, scenario: Scenario | None = None, progress: Progress | None = None
) -> Match:
    """Match the stored parcels, keep the run in the place of the last of its scenario, and return it.

    Raises InputError when no parcels were ever imported.
    """
    scenario = scenario or Scenario()
    with store.moment() as moment:
        city = stored_city(moment)
        offered = gathered(city, ruleset, scenario, progress)
    found = _told(solved(offered, city.around, ruleset, scenario, progress), city, ruleset, scenario)
    tell(progress, 0, 0, "saving the matching run")
    store.save_ruleset(ruleset.hash, ruleset.id, ruleset.as_of, content_json(ruleset))
    parts = {name: getattr(found, name) for name in ("sources", "segments", "parcels", "connections")}
    store.save_match(_record(found), parts)
    return found


def _told(done: tables.Solved, city: City, ruleset: RuleSet, scenario: Scenario) -> Match:
    around = city.around
    found = tables.connections(done, around)
    rows, heat_mwh = tables.parcels(done, found, ruleset)
    heat = connection_mwh(found, rows, heat_mwh, ruleset)
    ledger = sources(done, found, heat, around, ruleset)
    told = summary(done, ledger, rows, heat_mwh, ruleset)
    mains = segments(done, found, around, ruleset)
    connected = found.drop(columns=["at", "source"])
    return Match(scenario, ledger, mains, rows, connected, told, ruleset, city.versions)


def connection_mwh(
    found: pd.DataFrame, rows: pd.DataFrame, heat_mwh: Floats, ruleset: RuleSet
) -> pd.Series[float]:
    """Return a year's heat of every connection: its share of what its technology gives its parcel."""
    of_technology = pd.Index(ruleset.order).get_indexer(pd.Index(found["technology"]))
    at = found["at"].to_numpy(dtype=np.int64)
    power_kw = rows[[f"{t}_kw" for t in ruleset.order]].to_numpy()[at, of_technology]
    return pd.Series(heat_mwh[of_technology, at] * found["allocated_kw"] / power_kw, index=found.index)


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
