"""How much heated area has new energy: what parcels could have, what a run serves, what runs already.

Another basis, such as built projects, is one more `BasisId`, its titles here and what `standings` reads of
it; the page and the table show whatever bases there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select

from api.schemas_summary import BasisId
from gis.errors import NotFoundError
from gis.rules import RuleSet
from gis.store import LayerVersion, MatchRecord, RunRecord, Store
from gis.store.place_sums import By, Place
from gis.store.tables import LAYER_TABLES

BASE = "base"
_AIR = "air_source"
_PROJECTS, _OUTLINES = "heat_project", "district"


class Figure(NamedTuple):
    """Heated area in m2, None where not known, and how many parcels or projects are not in it."""

    heated_area_m2: float | None
    unknown_count: int | None


Words = Mapping[str, str]
_UNTOLD = Figure(None, None)


@dataclass(frozen=True)
class Told:
    """The figures of one basis by place; of a city or district that is not in it `otherwise` holds."""

    figures: Mapping[Place, Figure]
    otherwise: Figure = _UNTOLD
    made_at: datetime | None = None
    current: bool | None = None
    missing: Words | None = None


_TITLES: Mapping[BasisId, tuple[Words, Words]] = {
    "potential": (
        {"zh": "组合方案潜力", "en": "Potential of portfolios"},
        {
            "zh": "已导入地块的供热面积乘以其组合方案的新能源装机占比。逐地块测算，同一热源可能为多个地块"
            "重复计入；是潜力，不是已建成规模。",
            "en": "Heated area of the loaded parcels times the share of new energy in their portfolios. "
            "Parcel by parcel: several may count on one source. What could be, not what is built.",
        },
    ),
    "potential_without_air": (
        {"zh": "组合方案潜力，不计空气源", "en": "Potential of portfolios, without air source"},
        {"zh": "同上，不计集中式空气源热泵。", "en": "The same without air source."},
    ),
    "matched": (
        {"zh": "供需匹配可供", "en": "Served by matching"},
        {
            "zh": "匹配方案 base 中新能源承担的热负荷所对应的供热面积，同一热源只分配一次；"
            "是测算，不是已建成规模。",
            "en": "Heated area by the part of its load that new energy serves in the run “base”; every "
            "source is shared out once. What could be, not what is built.",
        },
    ),
    "matched_without_air": (
        {"zh": "供需匹配可供，不计空气源", "en": "Served by matching, without air source"},
        {"zh": "同上，不计集中式空气源热泵。", "en": "The same without air source."},
    ),
    "running": (
        {"zh": "在运项目", "en": "Running projects"},
        {
            "zh": "供热项目图层中在运项目登记的供热面积，按项目全部面积计；项目不限于已导入的地块，"
            "未登记的项目不在其中。",
            "en": "Heated area on record of the projects that run, each as a whole, on loaded parcels or "
            "not. Projects that are not on record are not in it.",
        },
    ),
}
_NO_RUN = {"zh": "还没有匹配方案 base。", "en": "There is no matching run “base” yet."}
_NOT_LOADED = {"zh": "供热项目图层尚未导入。", "en": "The layer of heat projects was never loaded."}


@dataclass(frozen=True)
class Standings:
    """What every basis tells, and what its figures are held against."""

    told: Mapping[BasisId, Told]
    city_area_m2: float
    target_2025_m2: float
    places: frozenset[Place]
    """Places that are known from another basis than the parcels."""

    def bases(self) -> list[dict[str, Any]]:
        """Return what is counted on each basis, and whether there is something to count."""
        return [
            {
                "id": basis,
                "title": _TITLES[basis][0],
                "note": _TITLES[basis][1],
                "made_at": told.made_at,
                "current": told.current,
                "missing": told.missing,
            }
            for basis, told in self.told.items()
        ]

    def of(self, place: Place, loaded_m2: float | None) -> list[dict[str, Any]]:
        """Return the figures of a place whose loaded parcels have that heated area."""
        return [self._standing(basis, place, loaded_m2) for basis in self.told]

    def _standing(self, basis: BasisId, place: Place, loaded_m2: float | None) -> dict[str, Any]:
        told = self.told[basis]
        area, unknown = told.figures.get(place, told.otherwise if len(place) < 2 else _UNTOLD)
        over = {
            "loaded_share_frac": loaded_m2,
            "city_share_frac": self.city_area_m2,
            "target_2025_frac": self.target_2025_m2,
        }
        shares = {name: area / of if area is not None and of else None for name, of in over.items()}
        return {"basis": basis, "heated_area_m2": area, "unknown_count": unknown, **shares}


def standings(
    store: Store,
    run: RunRecord,
    ruleset: RuleSet,
    by: By,
    sums: Mapping[Place, Mapping[str, Any]],
) -> Standings:
    """Return what every basis tells of the city and its places.

    `sums` are those of the stored results by place. Matching and projects are told by district, and of
    townships not at all. Who may read results may read every layer that is loaded, projects among them.
    """
    versions = store.layer_versions()
    by_district = by == "district"
    told: dict[BasisId, Told] = {
        **_potential(sums, run, versions),
        **_matched(store, versions, by_district),
        "running": _running(store, versions, by_district),
    }
    p = ruleset.portfolio.number
    places = frozenset(told["running"].figures) - {()}
    return Standings(told, p("city_heated_area_m2"), p("target_2025_area_m2"), places)


def _current(of: RunRecord | MatchRecord, versions: Mapping[str, LayerVersion]) -> bool:
    return of.layer_versions == {layer: v.version for layer, v in versions.items()}


def _potential(
    sums: Mapping[Place, Mapping[str, Any]], run: RunRecord, versions: Mapping[str, LayerVersion]
) -> dict[BasisId, Told]:
    columns: Mapping[BasisId, str] = {
        "potential": "new_energy_part_m2",
        "potential_without_air": "new_energy_part_without_air_m2",
    }
    current = _current(run, versions)
    return {
        basis: Told(
            {place: Figure(row[column], row["unknown_part_count"]) for place, row in sums.items()},
            made_at=run.finished_at,
            current=current,
        )
        for basis, column in columns.items()
    }


def _matched(store: Store, versions: Mapping[str, LayerVersion], by_district: bool) -> dict[BasisId, Told]:
    try:
        record = store.match(BASE)
    except NotFoundError:
        none = Told({}, missing=_NO_RUN)
        return {"matched": none, "matched_without_air": none}
    rows: dict[Place, Sequence[Mapping[str, Any]]] = {(): record.summary["technologies"]}
    if by_district:
        rows |= {(row["district"],): row["technologies"] for row in record.summary["districts"]}

    current = _current(record, versions)

    def told(left_out: str | None) -> Told:
        figures = {place: Figure(_area(of, left_out), None) for place, of in rows.items()}
        return Told(figures, made_at=record.finished_at, current=current)

    return {"matched": told(None), "matched_without_air": told(_AIR)}


def _area(technologies: Iterable[Mapping[str, Any]], left_out: str | None) -> float:
    return float(sum(t["heated_area_m2"] for t in technologies if t["technology"] != left_out))


def _running(store: Store, versions: Mapping[str, LayerVersion], by_district: bool) -> Told:
    if _PROJECTS not in versions:
        return Told({}, missing=_NOT_LOADED)
    project = LAYER_TABLES[_PROJECTS].c
    # A record that names no district lies in the one whose outline holds it.
    outline = LAYER_TABLES[_OUTLINES].c
    held = select(func.min(outline.name)).where(func.ST_Covers(outline.geom, project.geom))
    place = func.coalesce(project.district, held.scalar_subquery())
    found = select(place.label("district"), project.heated_area_m2).where(project.status == "running")
    running = found.subquery().c
    area = running.heated_area_m2
    query = select(
        running.district, func.grouping(running.district), func.sum(area), func.count(), func.count(area)
    ).group_by(func.rollup(running.district))
    with store.engine.connect() as connection:
        rows = connection.execute(query).tuples().all()
    figures: dict[Place, Figure] = {
        () if whole else (district,): Figure(m2 if count else 0.0, count - known)
        for district, whole, m2, count, known in rows
        if by_district or whole
    }
    # Where the layer was loaded and has no project that runs, that is known to be none.
    return Told(figures, Figure(0.0, 0), made_at=versions[_PROJECTS].loaded_at, current=True)
