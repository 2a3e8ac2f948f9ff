"""GET /api/summary: counts and sums of the stored results by city, district or township."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    Integer,
    Select,
    Subquery,
    case,
    cast,
    column,
    func,
    literal,
    literal_column,
    select,
    table,
    tuple_,
)

from api.access import reading, reads
from api.problems import documented
from api.responses import ORJSON
from api.schemas_summary import Summary
from api.standings import By, Place, Standings, standings
from api.suitability import Scorer
from api.summary_csv import csv_of
from gis.access import RESULTS
from gis.errors import NotFoundError
from gis.rules import RuleSet
from gis.store import Store
from gis.store.layout import NUMBERS, word_of
from gis.store.tables import WORD
from gis.store.views import code_sql, id_sql, number_sql
from gis.vocabulary import STATUSES, TECHNOLOGIES

router = APIRouter(tags=["results"], dependencies=[reads(RESULTS)])

_SUMS = ("area_m2", "heated_area_m2", "heat_load_kw", "heat_demand_mwh_per_a")
_PLACES: Mapping[By, tuple[str, ...]] = {
    "city": (),
    "district": ("district",),
    "township": ("district", "township"),
}


_OF_PORTFOLIO = (
    "portfolio_installed_share_frac",
    "portfolio_share_without_air_frac",
    "portfolio_co2_saved_t_per_a",
)
_NEW_ENERGY = ("portfolio_co2_saved_t_per_a", "new_energy_heated_area_m2")
_SHARES = {
    "new_energy_share_frac": "new_energy_kw",
    "new_energy_share_without_air_frac": "new_energy_without_air_kw",
}
_RECOMMENDATION = ("recommended", "recommended_status")
_UNKNOWN = ("unknown_heated_area_count", "unknown_heat_load_count")
_KEPT = ("parcel_count", *_SUMS, *_UNKNOWN, *_NEW_ENERGY)
_TARGETS = ("target_2025_area_m2", "target_2025_share_frac", "target_2030_share_frac")
_TARGET_NOTE = {
    "zh": "目标为全市累计，未分解到区。各行是已导入地块按组合方案测算的潜力，不是已建成的新能源供热；"
    "各口径所计内容见口径说明。",
    "en": "The targets are for the whole city, not for its districts. The rows are what the portfolios of "
    "the loaded parcels could give, not what is built; `bases` tell what each figure counts.",
}


def _parcels() -> Subquery:
    """Return what is summed of every parcel, texts by code or id."""
    parts = {name: id_sql(name) for name in _PLACES["township"]}
    parts |= {name: code_sql(name) for name in _RECOMMENDATION}
    parts |= {name: number_sql(name) for name in (*_SUMS, *_OF_PORTFOLIO)}
    parts |= {f"{t}_status": code_sql(f"{t}_status") for t in TECHNOLOGIES}
    columns = (literal_column(sql, Float if n in NUMBERS else Integer).label(n) for n, sql in parts.items())
    # Offset 0 keeps a value that is used twice from being worked out twice.
    return select(*columns).select_from(table("parcel_result", schema="result")).offset(0).subquery()


class _Nothing(dict[str, Any]):
    """The sums of a place without parcels: what is counted is none, what is summed is not known."""

    def __missing__(self, name: str) -> int | None:
        return 0 if name.endswith("_count") or ":" in name else None


_NOTHING = _Nothing()


def _new_energy(parcels: Subquery, least_share_frac: float) -> dict[str, ColumnElement[Any]]:
    """Return the sums on new energy; shares are of the load of the parcels whose portfolio is known."""
    share, without_air, saved = (parcels.c[name] for name in _OF_PORTFOLIO)
    load, area = parcels.c.heat_load_kw, parcels.c.heated_area_m2
    # A parcel that stays below the share adds nothing; one whose share is not known says nothing.
    reached = case((share >= least_share_frac, area), (share < least_share_frac, 0.0))
    # What has no load has no portfolio, and none is missed.
    needed = func.coalesce(load, 1.0) > 0.0
    return {
        "known_load_kw": func.sum(load).filter(share.is_not(None)),
        "new_energy_kw": func.sum(share * load),
        "new_energy_without_air_kw": func.sum(without_air * load),
        "portfolio_co2_saved_t_per_a": func.sum(saved),
        "new_energy_heated_area_m2": func.sum(reached),
        "new_energy_part_m2": func.sum(share * area),
        "new_energy_part_without_air_m2": func.sum(without_air * area),
        "unknown_part_count": func.count().filter(needed & (share * area).is_(None)),
    }


def _sums(parcels: Subquery, least_share_frac: float) -> dict[str, ColumnElement[Any]]:
    """Return all that is counted and summed; what ends in `_count`, or has a colon, is a count."""
    return {
        "parcel_count": func.count(),
        **{name: func.sum(parcels.c[name]) for name in _SUMS},
        "unknown_heated_area_count": func.count() - func.count(parcels.c.heated_area_m2),
        "unknown_heat_load_count": func.count() - func.count(parcels.c.heat_load_kw),
        **_new_energy(parcels, least_share_frac),
        **{
            f"{t}:{status}": func.count().filter(parcels.c[f"{t}_status"] == code)
            for t in TECHNOLOGIES
            for code, status in enumerate(STATUSES, 1)
        },
    }


def _query(by: By, least_share_frac: float) -> Select[Any]:
    """Return the sums of the city and of places (`whole` is 1), and of these by recommendation, in one pass.

    `city` is 1 in rows of the city.
    """
    parcels, keys = _parcels(), (*_PLACES[by], *_RECOMMENDATION)
    sums = _sums(parcels, least_share_frac)
    # One number as key: of several PostgreSQL expects millions of groups, and sorts all parcels.
    key: ColumnElement[int] = literal_column("0", BigInteger)
    for name in keys:
        key = key * (2**8 if name in _RECOMMENDATION else 2**23) + parcels.c[name]
    few = (
        select(
            *(func.min(parcels.c[name]).label(name) for name in keys),
            *(value.label(name) for name, value in sums.items()),
        )
        .group_by(key)
        .subquery()
    )
    place, recommendation = ([few.c[n] for n in part] for part in (_PLACES[by], _RECOMMENDATION))
    names = (select(WORD.c.word).where(WORD.c.word_id == c).scalar_subquery().label(c.name) for c in place)
    sets = [[], recommendation, *([place, [*place, *recommendation]] if place else [])]
    return (
        select(
            *names,
            *recommendation,
            func.grouping(few.c.recommended).label("whole"),
            (func.grouping(place[0]) if place else literal(1)).label("city"),
            *(cast(func.sum(few.c[name]), few.c[name].type).label(name) for name in sums),
        )
        .group_by(func.grouping_sets(*(tuple_(*one) for one in sets)))
        .order_by(*(column(n).nulls_last() for n in _PLACES[by]))
    )


@dataclass(frozen=True)
class Sums:
    """The sums of the stored results by place, and of each place by what is recommended and how."""

    places: Mapping[Place, Mapping[str, Any]]
    recommended: Mapping[Place, Sequence[Mapping[str, Any]]]


def read_sums(store: Store, by: By, ruleset: RuleSet) -> Sums:
    """Return the sums of the city and of all places that hold parcels, in the order of their names.

    `new_energy_heated_area_m2` counts parcels whose portfolio reaches the rule
    set's `new_build_share_frac`, the share that new heating projects must have.
    """
    names = _PLACES[by]
    places: dict[Place, Mapping[str, Any]] = {}
    recommended: dict[Place, list[Mapping[str, Any]]] = {}
    with store.engine.connect() as connection:
        query = _query(by, ruleset.portfolio.number("new_build_share_frac"))
        for row in connection.execute(query).mappings():
            place = () if row["city"] else tuple(row[n] for n in names)
            if not row["whole"]:
                recommended.setdefault(place, []).append(dict(row))
            elif row["parcel_count"]:
                places[place] = dict(row)
    return Sums(places, recommended)


def _rows(sums: Sums, held: Standings, by: By) -> Iterator[dict[str, Any]]:
    """Give the row of every place, the city's alone where that is the place."""
    if by == "city":
        yield from (_row((), sums, held) for place in sums.places if not place)
        return
    # Where something is known but no parcel was loaded, there is a row too.
    further = sorted(held.places - sums.places.keys(), key=lambda place: (place[0] is None, place[0] or ""))
    for place in (*(p for p in sums.places if p), *further):
        yield _row(place, sums, held)


def _row(place: Place, sums: Sums, held: Standings) -> dict[str, Any]:
    total = sums.places.get(place, _NOTHING)
    known_kw = total["known_load_kw"]
    shares = {
        name: total[kw] / known_kw if known_kw and total[kw] is not None else None
        for name, kw in _SHARES.items()
    }
    district, township = (*place, None, None)[:2]
    return {
        "district": district,
        "township": township,
        **{name: total[name] for name in _KEPT},
        **shares,
        "recommended": _recommended(sums.recommended.get(place, ())),
        "status_counts": {t: {s: total[f"{t}:{s}"] for s in STATUSES} for t in TECHNOLOGIES},
        "standings": held.of(place, total["heated_area_m2"]),
    }


def _recommended(groups: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    order = {t: i for i, t in enumerate(TECHNOLOGIES)}
    rows = [
        {
            "technology": word_of("recommended", g["recommended"]),
            "status": word_of("recommended_status", g["recommended_status"]),
            **{name: g[name] for name in ("parcel_count", "heated_area_m2", "heat_load_kw", *_UNKNOWN)},
        }
        for g in groups
    ]
    return sorted(rows, key=lambda r: (order.get(r["technology"], 99), str(r["status"])))


def summary_of(store: Store, by: By, scorer: Scorer) -> dict[str, Any]:
    """Return the body of GET /api/summary; NotFoundError before the first run."""
    run = store.latest_run()
    if run is None:
        raise NotFoundError("There are no results yet; import parcels and run `onemap score`.")
    ruleset = scorer.ruleset(run)
    sums = read_sums(store, by, ruleset)
    held = standings(store, run, ruleset, by, sums.places)
    total = _row((), sums, held)
    return {
        "by": by,
        "as_of": run.as_of,
        "targets": _targets(ruleset, total["heated_area_m2"]),
        "bases": held.bases(),
        "total": total,
        "rows": list(_rows(sums, held, by)),
    }


def _targets(ruleset: RuleSet, loaded_m2: float | None) -> dict[str, Any]:
    parameters = ruleset.portfolio.parameters
    city = parameters["city_heated_area_m2"]
    return {
        **{name: parameters[name].number() for name in _TARGETS},
        "clause_id": parameters[_TARGETS[0]].source.clause,
        "note": _TARGET_NOTE,
        "city_heated_area": {
            "heated_area_m2": city.number(),
            "valid_from": city.valid_from,
            "kind": city.source.kind,
            "source": city.source.text,
            "loaded_share_frac": None if loaded_m2 is None else loaded_m2 / city.number(),
        },
    }


@router.get(
    "/api/summary",
    responses={
        200: {
            "model": Summary,
            "description": "One document, or one line a place as a table in UTF-8",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        },
        **documented(404, 422, 503),
    },
)
def get_summary(
    request: Request,
    by: Annotated[By, Query(description="size of the places", examples=["district"])] = "city",
    format: Annotated[Literal["json", "csv"], Query(description="the document, or a table")] = "json",
) -> Response:
    """Sum the stored results, and hold what could be, is matched and runs against the city's targets."""
    found = summary_of(reading(request), by, request.app.state.scorer)
    if format == "json":
        return ORJSON(found)
    name = f"onemap-summary-{by}-{found['as_of']}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(csv_of(found), media_type="text/csv; charset=utf-8", headers=headers)
