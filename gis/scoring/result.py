"""From parcels and their surroundings to one row of facts and one row of verdicts a parcel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gis.crs import STORAGE_EPSG
from gis.errors import InputError, NotFoundError
from gis.facts.columns import Texts, absent, text
from gis.facts.surroundings import Surroundings
from gis.facts.table import Facts, ground_facts, intake_facts, network_facts, place_facts
from gis.heat.demand import coverage_frac
from gis.resources import Resources
from gis.rules import RuleSet
from gis.scoring import technologies
from gis.scoring.demand import demand_facts
from gis.scoring.document import suitability_document
from gis.scoring.engine import CONDITIONAL, ORDERED, SUITABLE, UNKNOWN, Judgement, Rows, judge
from gis.vocabulary import FACTS, OPTIONS, VERDICTS, Column


@dataclass(frozen=True, eq=False)
class Result:
    """Facts and verdicts, one row a parcel, indexed by parcel_id; columns as in `gis.vocabulary`."""

    parcels: gpd.GeoDataFrame
    facts: pd.DataFrame
    verdicts: pd.DataFrame
    ruleset: RuleSet
    data_versions: Mapping[str, int]

    def explain(self, parcel_id: str) -> dict[str, Any]:
        """Return the suitability document of one parcel; NotFoundError when it is not in the result."""
        if parcel_id not in self.facts.index:
            raise NotFoundError(f"there is no parcel {parcel_id!r} in this result")
        at = int(self.facts.index.get_indexer(pd.Index([parcel_id]))[0])
        return suitability_document(
            self.facts.iloc[at], self.verdicts.iloc[at], self.ruleset, self.data_versions
        )

    def to_geodataframe(self) -> gpd.GeoDataFrame:
        """Return the verdicts with the parcels' geometry in EPSG:4548."""
        shapes = self.parcels.set_index("parcel_id").geometry
        return gpd.GeoDataFrame(
            self.verdicts.copy(), geometry=shapes.reindex(self.verdicts.index), crs=shapes.crs
        )


def score(parcels: gpd.GeoDataFrame, resources: Resources | Surroundings, ruleset: RuleSet) -> Result:
    """Judge every parcel for every option.

    `parcels` has the columns of the layer `parcel` (any may be absent but
    `parcel_id`) and polygons in EPSG:4548. Every parcel is judged by itself:
    neither the order nor the number of parcels changes an answer.
    Raises InputError for another CRS, duplicate ids or missing geometry.
    """
    around = resources if isinstance(resources, Surroundings) else Surroundings(resources)
    if parcels.crs is None or parcels.crs.to_epsg() != STORAGE_EPSG:
        raise InputError(f"parcels must be in EPSG:4548 for scoring, not {parcels.crs}; reproject them first")
    facts, verdicts = _columns(parcels, np.asarray(parcels.geometry, dtype=object), around, ruleset)
    index = pd.Index(parcels["parcel_id"].astype(str), name="parcel_id")
    tables = _frame(facts, FACTS, index), _frame(verdicts, VERDICTS, index)
    return Result(parcels, *tables, ruleset, around.resources.versions)


def suitability_documents(
    parcels: pd.DataFrame, shapes: Texts, around: Surroundings, ruleset: RuleSet
) -> list[dict[str, Any]]:
    """Return what `score` explains of every parcel, in their order, without making tables of it.

    `parcels` holds their attributes, `shapes` their polygons in EPSG:4548.
    """
    facts, verdicts = _columns(parcels, shapes, around, ruleset)
    documents = []
    for i, parcel_id in enumerate(parcels["parcel_id"]):
        fact_row = {"parcel_id": str(parcel_id)} | {c.name: facts[c.name][i] for c in FACTS}
        verdict_row = {c.name: verdicts[c.name][i] for c in VERDICTS}
        documents.append(suitability_document(fact_row, verdict_row, ruleset, around.resources.versions))
    return documents


def _columns(
    parcels: pd.DataFrame, shapes: Texts, around: Surroundings, ruleset: RuleSet
) -> tuple[Facts, dict[str, Any]]:
    """Return the columns of facts and of verdicts, one value a parcel."""
    _check(text(parcels, "parcel_id"), shapes)
    with around.lock:
        facts = _facts(parcels, shapes, around, ruleset)
        return facts, _verdicts(_judge_all(shapes, facts, around, ruleset), ruleset)


def _check(parcel_ids: Texts, shapes: Texts) -> None:
    if absent(parcel_ids).any() or len(set(parcel_ids)) < len(parcel_ids):
        raise InputError("every parcel needs a parcel_id of its own")
    bad = np.flatnonzero(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    if len(bad):
        raise InputError(f"parcel {parcel_ids[bad[0]]} has no geometry")


def _facts(parcels: pd.DataFrame, shapes: Texts, around: Surroundings, ruleset: RuleSet) -> Facts:
    ground_rules = ruleset.options["shallow_ground_source"]
    facts = place_facts(parcels, shapes, around)
    facts |= demand_facts(parcels, facts["area_m2"].astype(np.float64), ruleset)
    facts |= ground_facts(shapes, around, ground_rules.number("green_reach_m"))
    facts |= technologies.drillable_area(facts, ground_rules)
    facts |= intake_facts(shapes, around, ruleset.as_of)
    facts |= network_facts(shapes, around)
    return facts


def _judge_all(shapes: Texts, facts: Facts, around: Surroundings, ruleset: RuleSet) -> dict[str, Judgement]:
    """Judge the options in the statutory order; the facts of the winning rows join `facts`."""
    rows_of = {
        "shallow_ground_source": lambda r: technologies.shallow_ground_source(facts, r),
        "reclaimed_water": lambda r: technologies.reclaimed_water(shapes, facts, around, r),
        "geothermal_hydrothermal": lambda r: technologies.hydrothermal(shapes, facts, around, r),
        "geothermal_closed_loop": lambda r: technologies.closed_loop(facts, r),
        "waste_heat": lambda r: technologies.waste_heat(shapes, around, r),
        "air_source": lambda r: technologies.air_source(facts, r),
    }
    n = len(shapes)
    suitable, unknown = np.zeros(n), np.zeros(n)
    judged: dict[str, Judgement] = {}
    for technology in ruleset.order:
        best = np.zeros(n, dtype=np.int64)
        # The closed loop uses the field that the hydrothermal variant settled on, so OPTIONS' order counts.
        for option in (o.id for o in OPTIONS if o.technology == technology):
            rules = ruleset.options[option]
            rows: Rows = rows_of[option](rules)
            local: Facts = {"earlier_suitable_count": suitable, "earlier_unknown_count": unknown}
            judged[option] = judge(rows, facts, local, rules)
            facts |= {name: values[judged[option].row] for name, values in rows.facts.items()}
            best = np.maximum(best, judged[option].status)
        suitable = suitable + (best == SUITABLE)
        unknown = unknown + (best == UNKNOWN)
    return judged


def _verdicts(judged: Mapping[str, Judgement], ruleset: RuleSet) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for option, verdict in judged.items():
        columns |= _option_columns(option, verdict, ruleset)
    better = _better(judged["geothermal_hydrothermal"], judged["geothermal_closed_loop"])
    for part in ("status", "score", "capacity_kw", "installed_share_frac", "energy_share_frac", "reasons"):
        pair = columns[f"geothermal_hydrothermal_{part}"], columns[f"geothermal_closed_loop_{part}"]
        columns[f"geothermal_{part}"] = np.where(better == 0, *pair)
    columns["geothermal_variant"] = np.where(better == 0, "hydrothermal", "closed_loop").astype(object)
    return columns | _recommendation(columns, ruleset)


def _option_columns(prefix: str, verdict: Judgement, ruleset: RuleSet) -> dict[str, Any]:
    climate = ("design_outdoor_degc", "mean_outdoor_degc", "season_d", "indoor_degc")
    energy_share = coverage_frac(verdict.share_frac, **{n: ruleset.parameters[n].number() for n in climate})
    return {
        f"{prefix}_status": np.asarray(ORDERED, dtype=object)[verdict.status],
        f"{prefix}_score": verdict.score,
        f"{prefix}_capacity_kw": verdict.capacity_kw,
        f"{prefix}_installed_share_frac": verdict.share_frac,
        f"{prefix}_energy_share_frac": energy_share,
        f"{prefix}_reasons": verdict.reasons,
    }


def _better(first: Judgement, second: Judgement) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return 0 where the first variant is at least as good, 1 where the second is better."""
    a, b = np.nan_to_num(first.score, nan=-1.0), np.nan_to_num(second.score, nan=-1.0)
    worse = second.status < first.status
    return np.where(worse | ((second.status == first.status) & (b <= a)), 0, 1).astype(np.int64)


def _recommendation(columns: Mapping[str, Any], ruleset: RuleSet) -> dict[str, Any]:
    """First technology in the order that is suitable or conditional and reaches the least share."""
    n = len(columns["air_source_status"])
    least = ruleset.parameters["minimum_share_frac"].number()
    out = {
        "recommended": np.full(n, None, dtype=object),
        "recommended_variant": np.full(n, None, dtype=object),
        "recommended_status": np.full(n, None, dtype=object),
        "recommended_score": np.full(n, np.nan),
    }
    open_ = np.ones(n, dtype=bool)
    unknown_before: list[tuple[str, Any]] = []
    for technology in ruleset.order:
        status = columns[f"{technology}_status"]
        eligible = (status == ORDERED[SUITABLE]) | (status == ORDERED[CONDITIONAL])
        take = open_ & eligible & (np.nan_to_num(columns[f"{technology}_installed_share_frac"]) >= least)
        out["recommended"][take] = technology
        out["recommended_status"][take] = status[take]
        out["recommended_score"][take] = columns[f"{technology}_score"][take]
        if technology == "geothermal":
            out["recommended_variant"][take] = columns["geothermal_variant"][take]
        open_ &= ~take
        unknown_before.append((technology, open_ & (status == ORDERED[UNKNOWN])))
    return out | {"undecided": _lists(unknown_before, n)}


def _lists(flags: list[tuple[str, Any]], n: int) -> Any:
    """Return, for each parcel, the names whose flag is set; equal combinations share one list."""
    key = np.zeros(n, dtype=np.int64)
    for bit, (_, flag) in enumerate(flags):
        key += flag.astype(np.int64) << bit
    kinds, inverse = np.unique(key, return_inverse=True)
    lists = np.empty(len(kinds), dtype=object)
    for i, kind in enumerate(kinds):
        lists[i] = [name for bit, (name, _) in enumerate(flags) if int(kind) >> bit & 1]
    return lists[inverse]


def _frame(values: Mapping[str, Any], columns: tuple[Column, ...], index: pd.Index[str]) -> pd.DataFrame:
    """Return the declared columns; text stays text or None, and a source that is nowhere has no distance."""
    floats = [c.name for c in columns if c.type == "float"]
    others = [c.name for c in columns if c.type != "float"]
    numbers = np.empty((len(index), len(floats)))
    for i, name in enumerate(floats):
        numbers[:, i] = values[name]
    numbers[~np.isfinite(numbers)] = np.nan
    words = np.empty((len(index), len(others)), dtype=object)
    for i, name in enumerate(others):
        words[:, i] = values[name]
    # Two blocks instead of a hundred columns: a single parcel is answered in half the time.
    parts = (
        pd.DataFrame(numbers, index=index, columns=floats),
        pd.DataFrame(words, index=index, columns=others, dtype=object),
    )
    return pd.concat(parts, axis=1)[[c.name for c in columns]]
