"""What differs between two scorings of the same city: parcel by parcel, and from technology to technology."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from gis.errors import InputError
from gis.rules import RuleSet
from gis.scoring.result import Result
from gis.units import attributes, units_of
from gis.vocabulary import FACTS, OPTIONS, TECHNOLOGIES, Column, Language, number, word

if TYPE_CHECKING:
    from gis.webmap.parcel_map import ParcelMap

Bools = npt.NDArray[np.bool_]

NONE = "none"
"""Stands for no recommended technology in the tables from technology to technology."""
LISTED = " "
"""Between the names in columns that list several."""
RELATIVE = 1e-9
"""Numbers that differ by less, of their size, are the same."""

_SIDES = (
    word("recommended", "推荐技术", "recommended technology"),
    word("recommended_status", "推荐技术结论", "status of the recommended technology"),
    number("recommended_score", None, "推荐技术得分", "score of the recommended technology"),
    number("recommended_capacity_kw", "kW", "推荐技术供热能力", "capacity of the recommended technology"),
    number("heat_load_kw", "kW", "设计热负荷", "heat load"),
    number("heated_area_m2", "m2", "供热面积", "heated area"),
)
COLUMNS: tuple[Column, ...] = (
    *(
        Column(f"{c.name}_{side}", c.type, c.unit, f"{zh}{c.zh}", f"{c.en}, {side}")
        for c in _SIDES
        for side, zh in (("before", "原"), ("after", "现"))
    ),
    word("changed_options", "结论有变化的技术", "options whose verdict changed"),
    word("changed_facts", "有变化的事实", "facts that changed"),
)
"""What a comparison tells of every parcel that changed."""


class Judged(NamedTuple):
    """Facts, verdicts and shapes of the same parcels, all indexed by parcel_id."""

    facts: pd.DataFrame
    verdicts: pd.DataFrame
    shapes: gpd.GeoSeries


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two scorings held against each other.

    parcels          parcels that changed, with the columns `COLUMNS`, indexed by parcel_id, in the metric
                     CRS; `attrs["units"]` maps column to unit
    counts           parcels in both, from technology (rows) to technology (columns), `none` among them
    heat_load_kw     their heat load before, likewise; NaN where no parcel, or of none the load, is known
    heated_area_m2   their heated area before, likewise
    causes           parameters, order, day and layers that differ: kind, name, before, after, unit
    unchanged_count  parcels in both that did not change
    only_before      ids of parcels that the second lacks
    only_after       ids of parcels that the first lacks
    """

    parcels: gpd.GeoDataFrame
    counts: pd.DataFrame
    heat_load_kw: pd.DataFrame
    heated_area_m2: pd.DataFrame
    causes: pd.DataFrame
    unchanged_count: int
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]

    def map(self, lang: Language = "zh") -> ParcelMap:
        """Return a map of the parcels that changed, by technology after, that needs no network.

        The pointer tells technology and status before and after, and the facts that changed. Raises
        InputError where nothing changed, and for more parcels than a browser draws quickly.
        """
        from gis.webmap.result_maps import comparison_map  # with folium, which scoring does without

        return comparison_map(self.parcels, lang)

    def summary(self) -> dict[str, Any]:
        """Return the counts: parcels compared, changed, with another technology, gained and lost by each."""
        counts = self.counts.to_numpy()
        gained = counts.sum(axis=0) - counts.sum(axis=1)
        return {
            "compared_count": int(counts.sum()),
            "unchanged_count": self.unchanged_count,
            "changed_count": len(self.parcels),
            "other_technology_count": int(counts.sum() - np.trace(counts)),
            "only_before_count": len(self.only_before),
            "only_after_count": len(self.only_after),
            "gained_count": {str(t): int(n) for t, n in zip(self.counts.columns, gained, strict=True) if n},
            "causes": self.causes["name"].tolist(),
        }


def compare(before: Result, after: Result) -> Comparison:
    """Return what differs between two results, be they of a what-if, of other data or of other rules.

    A parcel changed where the recommended technology, or status, score or capacity of any option, differs.
    Raises InputError where they are in different coordinate systems or have no parcel in common.

    >>> import geopandas as gpd
    >>> parcels = gpd.read_parquet("parcel.parquet").iloc[:50]
    >>> around = gis.Resources.from_files({"district": "district.geojson"})
    >>> before = gis.score(parcels, around)
    >>> told = gis.compare(before, before.what_if(gis.WhatIf("no outlines", without=("district",))))
    >>> told.causes[["kind", "name"]].values.tolist()
    [['layer', 'district']]
    >>> told.unchanged_count + len(told.parcels)
    50
    """
    if before.parcels.crs != after.parcels.crs:
        raise InputError(f"one result is in {before.parcels.crs}, the other in {after.parcels.crs}.")
    causes = [*_other_rules(before.ruleset, after.ruleset), *_other_data(before, after)]
    return compare_frames(_judged(before), _judged(after), causes)


def _judged(result: Result) -> Judged:
    keys = pd.Index(result.parcels["parcel_id"].astype(str))
    return Judged(result.facts, result.verdicts, result.parcels.geometry.set_axis(keys))


def compare_frames(before: Judged, after: Judged, causes: Iterable[tuple[Any, ...]] = ()) -> Comparison:
    """Return what differs between two sets of tables; `causes` are rows of `Comparison.causes`.

    Raises InputError where they have no parcel in common.
    """
    first, second = before.facts.index, after.facts.index
    common = first[first.isin(second)]
    if len(common) == 0:
        raise InputError("the two results have no parcel in common, so that there is nothing to compare.")
    old, new = (Judged(*(part.loc[common] for part in side)) for side in (before, after))
    options = {o.id: _other_verdict(old.verdicts, new.verdicts, o.id) for o in OPTIONS}
    changed = np.logical_or.reduce([*options.values(), _differ(old.verdicts, new.verdicts, "recommended")])
    facts = {c.name: _differ(old.facts, new.facts, c.name)[changed] for c in FACTS}
    sides = {"before": _side(old), "after": _side(new)}
    told: dict[str, Any] = {f"{c.name}_{s}": sides[s][c.name][changed] for c in _SIDES for s in sides}
    told["changed_options"] = _listed({o: mask[changed] for o, mask in options.items()}, int(changed.sum()))
    told["changed_facts"] = _listed(facts, int(changed.sum()))
    # Texts stay texts or None, whatever pandas takes them for.
    index = common[changed]
    kinds = {c.name: "float64" if c.type == "float" else "object" for c in COLUMNS}
    table = pd.DataFrame({n: pd.Series(told[n], index=index, dtype=kind) for n, kind in kinds.items()})
    shapes = new.shapes[changed]
    parcels = gpd.GeoDataFrame(table, geometry=shapes.set_axis(table.index), crs=shapes.crs)
    parcels.attrs = attributes(units_of(COLUMNS))
    ways = _way(old), _way(new)
    return Comparison(
        parcels,
        _from_to(*ways, pd.Series(1, index=common)).fillna(0).astype(int),
        _from_to(*ways, old.facts["heat_load_kw"]),
        _from_to(*ways, old.facts["heated_area_m2"]),
        pd.DataFrame(list(causes), columns=["kind", "name", "before", "after", "unit"], dtype=object),
        int((~changed).sum()),
        tuple(first[~first.isin(second)]),
        tuple(second[~second.isin(first)]),
    )


def _way(of: Judged) -> npt.NDArray[Any]:
    """Return the recommended technology of each parcel, `none` where there is none."""
    return np.asarray(of.verdicts["recommended"].fillna(NONE), dtype=object)


def _side(of: Judged) -> dict[str, npt.NDArray[Any]]:
    """Return what is told of parcels on one side."""
    recommended = of.verdicts["recommended"].to_numpy()
    capacity = np.full(len(recommended), np.nan)
    for technology in TECHNOLOGIES:
        there = recommended == technology
        capacity[there] = of.verdicts[f"{technology}_capacity_kw"].to_numpy(dtype=np.float64)[there]
    own = {n: of.verdicts[n].to_numpy() for n in ("recommended_status", "recommended_score")}
    facts = {n: of.facts[n].to_numpy() for n in ("heat_load_kw", "heated_area_m2")}
    return {"recommended": recommended, "recommended_capacity_kw": capacity, **own, **facts}


def _other_verdict(old: pd.DataFrame, new: pd.DataFrame, option: str) -> Bools:
    parts = (_differ(old, new, f"{option}_{part}") for part in ("status", "score", "capacity_kw"))
    return np.asarray(np.logical_or.reduce(list(parts)), dtype=bool)


def _differ(old: pd.DataFrame, new: pd.DataFrame, name: str) -> Bools:
    """Return where two columns differ; missing is the same as missing, and as nothing else."""
    one, other = old[name].to_numpy(), new[name].to_numpy()
    if one.dtype.kind == "f" and other.dtype.kind == "f":
        return np.asarray(~np.isclose(one, other, rtol=RELATIVE, atol=0.0, equal_nan=True))
    lacking = pd.isna(one), pd.isna(other)
    return np.asarray(np.where(lacking[0] | lacking[1], lacking[0] != lacking[1], one != other), dtype=bool)


def _listed(masks: Mapping[str, Bools], count: int) -> list[str | None]:
    """Return for every row the names whose mask holds there, None where none does."""
    found: list[list[str]] = [[] for _ in range(count)]
    for name, mask in masks.items():
        for row in np.flatnonzero(mask):
            found[row].append(name)
    return [LISTED.join(names) or None for names in found]


def _from_to(old: npt.NDArray[Any], new: npt.NDArray[Any], values: pd.Series[Any]) -> pd.DataFrame:
    """Return sums of what is known from technology to technology, NaN where nothing is."""
    order = pd.Index([*TECHNOLOGIES, NONE])
    rows = pd.DataFrame({"before": old, "after": new, "value": values.to_numpy()})
    sums = rows.groupby(["before", "after"])["value"].sum(min_count=1).unstack()
    return sums.reindex(index=order.rename("before"), columns=order.rename("after"))


def _other_rules(old: RuleSet, new: RuleSet) -> Iterator[tuple[Any, ...]]:
    """Give the rule set, where it is another, with the parameters, the order and the day that differ."""
    if old.hash != new.hash:
        yield "rules", new.title.en, old.hash, new.hash, None
    if old.as_of != new.as_of:
        yield "date", "as_of", old.as_of.isoformat(), new.as_of.isoformat(), None
    if old.order != new.order:
        yield "order", "order", LISTED.join(old.order), LISTED.join(new.order), None
    before, after = old.named_parameters(), new.named_parameters()
    for name in dict.fromkeys((*before, *after)):
        one, other = before.get(name), after.get(name)
        if one is None or other is None or one.value != other.value:
            unit = (one or after[name]).unit
            yield "parameter", name, one and one.value, other and other.value, unit


def _other_data(old: Result, new: Result) -> Iterator[tuple[Any, ...]]:
    """Give the layers and rasters that differ by version, or are there on one side only."""
    for id_ in dict.fromkeys((*old.data_versions, *new.data_versions)):
        one, other = old.data_versions.get(id_), new.data_versions.get(id_)
        if one != other:
            yield "layer", id_, one, other, "version"
