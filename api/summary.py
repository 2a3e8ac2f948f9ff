"""GET /api/summary: counts and sums of the stored results by city, district or township."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from sqlalchemy import ColumnElement, Float, RowMapping, case, column, func, literal, select, table

from api.problems import documented
from api.responses import ORJSON
from api.schemas import Summary
from api.suitability import Scorer
from gis.errors import NotFoundError
from gis.rules import RuleSet
from gis.store import Store
from gis.vocabulary import STATUSES, TECHNOLOGIES

router = APIRouter(tags=["results"])

By = Literal["city", "district", "township"]

_SUMS = ("area_m2", "heated_area_m2", "heat_load_kw", "heat_demand_mwh_per_a")
_FACT = table(
    "parcel_fact",
    *(column(name) for name in ("parcel_id", "district", "township")),
    *(column(name, Float) for name in _SUMS),
    schema="result",
)
_VERDICT = table(
    "parcel_suitability",
    *(column(name) for name in ("parcel_id", "recommended", "recommended_status")),
    *(column(f"{t}_status") for t in TECHNOLOGIES),
    *(column(f"portfolio_{name}", Float) for name in ("installed_share_frac", "share_without_air_frac")),
    column("portfolio_co2_saved_t_per_a", Float),
    schema="result",
)
_PLACES: dict[By, tuple[str, ...]] = {
    "city": (),
    "district": ("district",),
    "township": ("district", "township"),
}


_PORTFOLIO_SUMS = (
    "new_energy_share_frac",
    "new_energy_share_without_air_frac",
    "portfolio_co2_saved_t_per_a",
    "new_energy_heated_area_m2",
)
_TARGETS = ("target_2025_area_m2", "target_2025_share_frac", "target_2030_share_frac")
_TARGET_NOTE = {
    "zh": "各行是已导入地块按组合方案测算的潜力，不是已建成的新能源供热；目标为全市累计。",
    "en": "The rows are what the portfolios of the loaded parcels could give, not what is built; "
    "the targets are for the whole city.",
}


def _known(name: str) -> ColumnElement[float]:
    """Return a fact or verdict column with not-a-number as null, so that sums pass over it."""
    table_ = _FACT if name in _FACT.c else _VERDICT
    return func.nullif(table_.c[name], literal("NaN").cast(Float))


def _portfolio_sums(least_share_frac: float) -> list[ColumnElement[Any]]:
    """Return the columns on new energy; shares are of the load of the parcels whose portfolio is known."""
    share, load = _known("portfolio_installed_share_frac"), _known("heat_load_kw")
    without_air, area = _known("portfolio_share_without_air_frac"), _known("heated_area_m2")
    whole = func.nullif(func.sum(load).filter(share.is_not(None)), 0)
    # A parcel that stays below the share adds nothing; one whose share is not known says nothing.
    reached = case((share >= least_share_frac, area), (share < least_share_frac, 0))
    return [
        (func.sum(share * load) / whole).label("new_energy_share_frac"),
        (func.sum(without_air * load) / whole).label("new_energy_share_without_air_frac"),
        func.sum(_known("portfolio_co2_saved_t_per_a")).label("portfolio_co2_saved_t_per_a"),
        func.sum(reached).label("new_energy_heated_area_m2"),
    ]


def _rows(store: Store, keys: tuple[ColumnElement[Any], ...], values: list[Any]) -> list[RowMapping]:
    query = select(*keys, *values).select_from(
        _FACT.join(_VERDICT, _FACT.c.parcel_id == _VERDICT.c.parcel_id)
    )
    if keys:
        query = query.group_by(*keys).order_by(*(k.nulls_last() for k in keys))
    with store.engine.connect() as connection:
        return list(connection.execute(query).mappings())


def summary_rows(store: Store, by: By, ruleset: RuleSet) -> list[dict[str, Any]]:
    """Return one row a place: parcel count, sums of known values, recommended technologies, status counts.

    `new_energy_heated_area_m2` counts parcels whose portfolio reaches the rule
    set's `new_build_share_frac`, the share that new heating projects must have.
    """
    place = tuple(_FACT.c[name] for name in _PLACES[by])
    names = _PLACES[by]
    totals = _rows(
        store,
        place,
        [
            func.count().label("parcel_count"),
            *(func.sum(_known(name)).label(name) for name in _SUMS),
            (func.count() - func.count(_known("heated_area_m2"))).label("unknown_heated_area_count"),
            *_portfolio_sums(ruleset.portfolio.number("new_build_share_frac")),
            *(
                func.count().filter(_VERDICT.c[f"{t}_status"] == s).label(f"{t}:{s}")
                for t in TECHNOLOGIES
                for s in STATUSES
            ),
        ],
    )
    groups = _rows(
        store,
        (*place, _VERDICT.c.recommended, _VERDICT.c.recommended_status),
        [
            func.count().label("parcel_count"),
            func.sum(_known("heated_area_m2")).label("heated_area_m2"),
            func.sum(_known("heat_load_kw")).label("heat_load_kw"),
        ],
    )
    recommended: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for g in groups:
        recommended.setdefault(tuple(g[n] for n in names), []).append(
            {
                "technology": g["recommended"],
                "status": g["recommended_status"],
                "parcel_count": g["parcel_count"],
                "heated_area_m2": g["heated_area_m2"],
                "heat_load_kw": g["heat_load_kw"],
            }
        )
    return [
        _summary_row(t, recommended.get(tuple(t[n] for n in names), [])) for t in totals if t["parcel_count"]
    ]


def _summary_row(total: RowMapping, recommended: list[dict[str, Any]]) -> dict[str, Any]:
    kept = ("parcel_count", *_SUMS, "unknown_heated_area_count", *_PORTFOLIO_SUMS)
    order = {t: i for i, t in enumerate(TECHNOLOGIES)}
    return {
        "district": total.get("district"),
        "township": total.get("township"),
        **{name: total[name] for name in kept},
        "recommended": sorted(recommended, key=lambda r: (order.get(r["technology"], 99), str(r["status"]))),
        "status_counts": {t: {s: total[f"{t}:{s}"] for s in STATUSES} for t in TECHNOLOGIES},
    }


@router.get("/api/summary", responses={200: {"model": Summary}, **documented(404, 422, 503)})
def get_summary(
    request: Request,
    by: Annotated[By, Query(description="size of the places", examples=["district"])] = "city",
) -> ORJSON:
    """Sum the stored results: by recommended technology and status, and what the portfolios could give."""
    store: Store = request.app.state.store
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
