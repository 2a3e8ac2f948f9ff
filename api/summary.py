"""GET /api/summary: counts and sums of the stored results by city, district or township."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    Integer,
    RowMapping,
    Select,
    Subquery,
    case,
    cast,
    column,
    func,
    literal_column,
    select,
    table,
    tuple_,
)

from api.access import reading, reads
from api.problems import documented
from api.responses import ORJSON
from api.schemas import Summary
from api.suitability import Scorer
from gis.access import RESULTS
from gis.errors import NotFoundError
from gis.rules import RuleSet
from gis.store import Store
from gis.store.layout import NUMBERS, word_of
from gis.store.tables import WORD
from gis.store.views import code_sql, id_sql, number_sql
from gis.vocabulary import STATUSES, TECHNOLOGIES

router = APIRouter(tags=["results"], dependencies=[reads(RESULTS)])

By = Literal["city", "district", "township"]

_SUMS = ("area_m2", "heated_area_m2", "heat_load_kw", "heat_demand_mwh_per_a")
_PLACES: dict[By, tuple[str, ...]] = {
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
_TARGETS = ("target_2025_area_m2", "target_2025_share_frac", "target_2030_share_frac")
_TARGET_NOTE = {
    "zh": "各行是已导入地块按组合方案测算的潜力，不是已建成的新能源供热；目标为全市累计。",
    "en": "The rows are what the portfolios of the loaded parcels could give, not what is built; "
    "the targets are for the whole city.",
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


def _new_energy(parcels: Subquery, least_share_frac: float) -> dict[str, ColumnElement[Any]]:
    """Return the sums on new energy; shares are of the load of the parcels whose portfolio is known."""
    share, without_air, saved = (parcels.c[name] for name in _OF_PORTFOLIO)
    load, area = parcels.c.heat_load_kw, parcels.c.heated_area_m2
    # A parcel that stays below the share adds nothing; one whose share is not known says nothing.
    reached = case((share >= least_share_frac, area), (share < least_share_frac, 0.0))
    return {
        "known_load_kw": func.sum(load).filter(share.is_not(None)),
        "new_energy_kw": func.sum(share * load),
        "new_energy_without_air_kw": func.sum(without_air * load),
        "portfolio_co2_saved_t_per_a": func.sum(saved),
        "new_energy_heated_area_m2": func.sum(reached),
    }


def _query(by: By, least_share_frac: float) -> Select[Any]:
    """Return the sums of places (`whole` is 1) and of a place by recommendation, in one pass."""
    parcels, keys = _parcels(), (*_PLACES[by], *_RECOMMENDATION)
    sums = {
        "parcel_count": func.count(),
        **{name: func.sum(parcels.c[name]) for name in _SUMS},
        "unknown_heated_area_count": func.count() - func.count(parcels.c.heated_area_m2),
        **_new_energy(parcels, least_share_frac),
        **{
            f"{t}:{status}": func.count().filter(parcels.c[f"{t}_status"] == code)
            for t in TECHNOLOGIES
            for code, status in enumerate(STATUSES, 1)
        },
    }
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
    return (
        select(
            *names,
            *recommendation,
            func.grouping(few.c.recommended).label("whole"),
            *(cast(func.sum(few.c[name]), few.c[name].type).label(name) for name in sums),
        )
        .group_by(func.grouping_sets(tuple_(*place), tuple_(*place, *recommendation)))
        .order_by(*(column(n).nulls_last() for n in _PLACES[by]))
    )


def summary_rows(store: Store, by: By, ruleset: RuleSet) -> list[dict[str, Any]]:
    """Return one row a place: parcel count, sums of known values, recommended technologies, status counts.

    `new_energy_heated_area_m2` counts parcels whose portfolio reaches the rule
    set's `new_build_share_frac`, the share that new heating projects must have.
    """
    names = _PLACES[by]
    with store.engine.connect() as connection:
        query = _query(by, ruleset.portfolio.number("new_build_share_frac"))
        found = list(connection.execute(query).mappings())
    recommended: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for g in (row for row in found if not row["whole"]):
        recommended.setdefault(tuple(g[n] for n in names), []).append(
            {
                "technology": word_of("recommended", g["recommended"]),
                "status": word_of("recommended_status", g["recommended_status"]),
                "parcel_count": g["parcel_count"],
                "heated_area_m2": g["heated_area_m2"],
                "heat_load_kw": g["heat_load_kw"],
            }
        )
    totals = [row for row in found if row["whole"] and row["parcel_count"]]
    return [_summary_row(t, recommended.get(tuple(t[n] for n in names), [])) for t in totals]


def _summary_row(total: RowMapping, recommended: list[dict[str, Any]]) -> dict[str, Any]:
    kept = ("parcel_count", *_SUMS, "unknown_heated_area_count", *_NEW_ENERGY)
    known_kw = total["known_load_kw"]
    shares = {
        name: total[kw] / known_kw if known_kw and total[kw] is not None else None
        for name, kw in _SHARES.items()
    }
    order = {t: i for i, t in enumerate(TECHNOLOGIES)}
    return {
        "district": total.get("district"),
        "township": total.get("township"),
        **{name: total[name] for name in kept},
        **shares,
        "recommended": sorted(recommended, key=lambda r: (order.get(r["technology"], 99), str(r["status"]))),
        "status_counts": {t: {s: total[f"{t}:{s}"] for s in STATUSES} for t in TECHNOLOGIES},
    }


@router.get("/api/summary", responses={200: {"model": Summary}, **documented(404, 422, 503)})
def get_summary(
    request: Request,
    by: Annotated[By, Query(description="size of the places", examples=["district"])] = "city",
) -> ORJSON:
    """Sum the stored results: by recommended technology and status, and what the portfolios could give."""
    store = reading(request)
    run = store.latest_run()
    if run is None:
        raise NotFoundError("There are no results yet; import parcels and run `onemap score`.")
    scorer: Scorer = request.app.state.scorer
    ruleset = scorer.ruleset(run)
    targets = {name: ruleset.portfolio.number(name) for name in _TARGETS} | {
        "clause_id": ruleset.portfolio.parameters[_TARGETS[0]].source.clause,
        "note": _TARGET_NOTE,
    }
    rows = summary_rows(store, by, ruleset)
    return ORJSON({"by": by, "as_of": run.as_of, "targets": targets, "rows": rows})
