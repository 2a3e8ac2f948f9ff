"""GET /api/summary: counts and sums of the stored results by city, district or township."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from sqlalchemy import ColumnElement, Float, RowMapping, column, func, literal, select, table

from api.problems import documented
from api.responses import ORJSON
from api.schemas import Summary
from gis.errors import NotFoundError
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
    schema="result",
)
_PLACES: dict[By, tuple[str, ...]] = {
    "city": (),
    "district": ("district",),
    "township": ("district", "township"),
}


def _known(name: str) -> ColumnElement[float]:
    """Return a fact column with not-a-number as null, so that sums pass over it."""
    return func.nullif(_FACT.c[name], literal("NaN").cast(Float))


def _rows(store: Store, keys: tuple[ColumnElement[Any], ...], values: list[Any]) -> list[RowMapping]:
    query = select(*keys, *values).select_from(
        _FACT.join(_VERDICT, _FACT.c.parcel_id == _VERDICT.c.parcel_id)
    )
    if keys:
        query = query.group_by(*keys).order_by(*(k.nulls_last() for k in keys))
    with store.engine.connect() as connection:
        return list(connection.execute(query).mappings())


def summary_rows(store: Store, by: By) -> list[dict[str, Any]]:
    """Return one row a place: parcel count, sums of known values, recommended technologies, status counts."""
    place = tuple(_FACT.c[name] for name in _PLACES[by])
    names = _PLACES[by]
    totals = _rows(
        store,
        place,
        [
            func.count().label("parcel_count"),
            *(func.sum(_known(name)).label(name) for name in _SUMS),
            (func.count() - func.count(_known("heated_area_m2"))).label("unknown_heated_area_count"),
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
    kept = ("parcel_count", *_SUMS, "unknown_heated_area_count")
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
    """Sum the stored results: parcels, heated area and heat load by recommended technology and status."""
    store: Store = request.app.state.store
    run = store.latest_run()
    if run is None:
        raise NotFoundError("There are no results yet; import parcels and run `onemap score`.")
    return ORJSON({"by": by, "as_of": run.as_of, "rows": summary_rows(store, by)})
