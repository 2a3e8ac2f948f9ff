"""What changed between two days: which parcels' verdicts, and because of which layer or rule.

What a parcel was judged by on the first day is changed to that of the second one thing at a time, and back
likewise: what alone makes a difference is a cause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

import geopandas as gpd
import numpy as np
import pandas as pd

from gis.errors import NotFoundError, RuleError
from gis.facts.surroundings import Surroundings
from gis.resources import Resources
from gis.rules import RuleSet
from gis.rules.loader import parse_ruleset
from gis.runs import ruleset_of
from gis.scoring import Comparison, Result, compare, score
from gis.scoring.compare import LISTED
from gis.store import Past, RunRecord, Store

V = TypeVar("V")
Progress = Callable[[int, int, str], None]
RULES, DATE, SOFTWARE, TOGETHER = "rules", "as_of", "software", "together"
"""Causes that are no layer: rule files (`rules/FILE`), the day of the rules, the program that judged, and
several that make a difference only with each other."""


@dataclass(frozen=True, eq=False)
class Difference:
    """Two runs held against each other.

    before, after  the runs
    comparison     what differs; its `parcels` have the column `because`: causes in one text
    causes         cause -> how many parcels changed because of it; a parcel may have several
    """

    before: RunRecord
    after: RunRecord
    comparison: Comparison
    causes: Mapping[str, int]

    def moves(self) -> dict[tuple[str, str], int]:
        """Return how many parcels have another technology, by the two; `none` stands for no technology."""
        counts = self.comparison.counts
        return {
            (str(one), str(other)): int(counts.loc[one, other])
            for one in counts.index
            for other in counts.columns
            if one != other and counts.loc[one, other]
        }

    def summary(self) -> dict[str, Any]:
        """Return both runs, counts, technologies before and after, causes, and what differs in the rules."""
        told = self.comparison.summary()
        del told["causes"]
        differing = self.comparison.causes.replace({np.nan: None}).to_dict("records")
        return {
            "before": _told(self.before),
            "after": _told(self.after),
            **told,
            "moves": [
                {"before": one, "after": other, "parcel_count": n} for (one, other), n in self.moves().items()
            ],
            "causes": [{"cause": cause, "parcel_count": n} for cause, n in self.causes.items()],
            "differing": differing,
        }


def _told(run: RunRecord) -> dict[str, Any]:
    assert run.finished_at is not None
    return {
        "run_id": run.run_id,
        "finished_at": run.finished_at.isoformat(),
        "ruleset": {"id": run.ruleset_id, "as_of": run.as_of.isoformat(), "hash": run.ruleset_hash},
        "layer_versions": run.layer_versions,
        "author": run.author,
    }


@dataclass(frozen=True, eq=False)
class _World:
    """What parcels are judged by."""

    parcels: gpd.GeoDataFrame
    around: Surroundings
    ruleset: RuleSet

    def judged(self) -> Result:
        return score(self.parcels, self.around, self.ruleset)


def result_at(store: Store, when: datetime | int) -> Result:
    """Return the results that stood at a time, or those of a run, with the parcels and rules of their run.

    In EPSG:4548; bit for bit what the store told then. Raises NotFoundError where there were none, and
    where they are not kept.
    """
    with store.past(_run(store, when)) as past:
        return _result(store, past)


def difference(
    store: Store, before: datetime | int, after: datetime | int, progress: Progress | None = None
) -> Difference:
    """Return what changed from the results of one time, or run, to those of another, and because of what.

    Raises NotFoundError where there were no results, and where they or the layers they came of are not
    kept; InputError where they have no parcel in common.
    """
    first, second = _run(store, before), _run(store, after)
    with store.past(first) as old, store.past(second) as new:
        one, other = _result(store, old), _result(store, new)
        found = compare(one, other)
        assert old.run is not None
        assert new.run is not None
        ids = [str(i) for i in found.parcels.index]
        because = pd.Series([""] * len(ids), index=found.parcels.index, dtype=object)
        if ids:
            worlds = (_world(one, old.resources(), ids), _world(other, new.resources(), ids))
            because = _because(worlds, (one, other), found.parcels.index, progress)
        parcels = found.parcels.assign(because=because)
        parcels.attrs = found.parcels.attrs
        causes = Counter(cause for text in because for cause in str(text).split(LISTED) if cause)
        return Difference(old.run, new.run, replace(found, parcels=parcels), dict(sorted(causes.items())))


def _run(store: Store, when: datetime | int) -> int:
    with store.past(when) as past:
        if past.run is None or past.run.run_id is None:
            raise NotFoundError("There were no results yet at that time; `onemap versions` lists the runs.")
        return past.run.run_id


def _result(store: Store, past: Past) -> Result:
    assert past.run is not None
    facts, verdicts = past.results()
    parcels = past.layer("parcel")
    there = parcels["parcel_id"].isin(facts.index)
    parcels = parcels[there.to_numpy()].reset_index(drop=True)
    return Result(parcels, facts, verdicts, ruleset_of(store, past.run), past.run.layer_versions)


def _world(result: Result, resources: Resources, ids: list[str]) -> _World:
    parcels = result.parcels[result.parcels["parcel_id"].isin(ids)].reset_index(drop=True)
    return _World(parcels, Surroundings(resources), result.ruleset)


def _because(
    worlds: tuple[_World, _World],
    told: tuple[Result, Result],
    changed: pd.Index[str],
    progress: Progress | None,
) -> pd.Series[str]:
    """Return the causes of every parcel that changed."""
    base = [world.judged() for world in worlds]
    hit = {SOFTWARE: _other(told[0], base[0], changed) | _other(told[1], base[1], changed)}
    causes = list(_causes(*worlds))
    for done, cause in enumerate(causes):
        if progress:
            progress(done, len(causes), "looking for causes")
        there = _other(base[0], _with(worlds[0], worlds[1], cause).judged(), changed)
        back = _other(base[1], _with(worlds[1], worlds[0], cause).judged(), changed)
        hit[cause] = there | back
    if progress:
        progress(len(causes), len(causes), "looking for causes")
    none = ~np.logical_or.reduce(list(hit.values()))
    hit[TOGETHER] = none
    texts = [LISTED.join(cause for cause, mask in hit.items() if mask[i]) for i in range(len(changed))]
    return pd.Series(texts, index=changed, dtype=object)


def _causes(old: _World, new: _World) -> Iterator[str]:
    """Give what differs between two worlds, one thing at a time."""
    if not _same_parcels(old.parcels, new.parcels):
        yield "parcel"
    one, other = old.around.resources.versions, new.around.resources.versions
    yield from (id_ for id_ in dict.fromkeys((*one, *other)) if one.get(id_) != other.get(id_))
    if old.ruleset.hash != new.ruleset.hash:
        files = sorted({*old.ruleset.content, *new.ruleset.content})
        apart = [f for f in files if old.ruleset.content.get(f) != new.ruleset.content.get(f)]
        alone = all(_rules_with(w, o, f) for w, o in ((old, new), (new, old)) for f in apart)
        yield from (f"{RULES}/{file}" for file in apart) if alone else (RULES,)
    if old.ruleset.as_of != new.ruleset.as_of:
        yield DATE


def _same_parcels(one: gpd.GeoDataFrame, other: gpd.GeoDataFrame) -> bool:
    attributes = one.drop(columns="geometry").equals(other.drop(columns="geometry"))
    return attributes and bool((one.geometry.to_wkb() == other.geometry.to_wkb()).all())


def _rules_with(world: _World, other: _World, file: str) -> RuleSet | None:
    """Return the rules of one world with a file of the other's; None where they do not fit together."""
    texts = dict(world.ruleset.content)
    if file in other.ruleset.content:
        texts[file] = other.ruleset.content[file]
    else:
        del texts[file]
    return _parsed(texts, world.ruleset)


def _parsed(texts: Mapping[str, object], of: RuleSet) -> RuleSet | None:
    try:
        return parse_ruleset({name: str(text).encode() for name, text in texts.items()}, of.as_of)
    except RuleError:
        return None


def _with(world: _World, other: _World, cause: str) -> _World:
    """Return a world in which one thing is as it is in the other."""
    if cause == "parcel":
        return replace(world, parcels=other.parcels)
    if cause == RULES:
        rules = parse_ruleset(
            {name: str(text).encode() for name, text in other.ruleset.content.items()}, world.ruleset.as_of
        )
        return replace(world, ruleset=rules)
    if cause == DATE:
        texts = {name: str(text).encode() for name, text in world.ruleset.content.items()}
        return replace(world, ruleset=parse_ruleset(texts, other.ruleset.as_of))
    if cause.startswith(f"{RULES}/"):
        one = _rules_with(world, other, cause.partition("/")[2])
        assert one is not None
        return replace(world, ruleset=one)
    return replace(world, around=world.around.renewed(_switched(world, other, cause)))


def _switched(world: _World, other: _World, id_: str) -> Resources:
    """Return the resources of a world with a layer or raster of the other, or without it."""
    own, its = world.around.resources, other.around.resources
    return replace(
        own,
        frames=_taken(own.frames, its.frames, id_),
        versions=_taken(own.versions, its.versions, id_),
        rasters=_taken(own.rasters, its.rasters, id_),
    )


def _taken(own: Mapping[str, V], its: Mapping[str, V], id_: str) -> dict[str, V]:
    return {**{k: v for k, v in own.items() if k != id_}, **{k: v for k, v in its.items() if k == id_}}


def _other(one: Result, other: Result, ids: pd.Index[str]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which parcels are judged in another way."""
    return np.asarray(ids.isin(compare(_of(one, ids), _of(other, ids)).parcels.index), dtype=np.bool_)


def _of(result: Result, ids: pd.Index[str]) -> Result:
    there = result.parcels["parcel_id"].isin(ids).to_numpy()
    parcels = result.parcels[there].reset_index(drop=True)
    return replace(result, parcels=parcels, facts=result.facts.loc[ids], verdicts=result.verdicts.loc[ids])
