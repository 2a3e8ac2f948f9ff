"""/api/monitoring: measured values of heat projects and data centres, sent and read."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
from fastapi import APIRouter, Depends, Path, Query, Request

from api.access import caller, check_readable, needs, readable, reading
from api.logs import REQUEST_ID
from api.parameters import FeatureId
from api.problems import documented
from api.responses import ORJSON
from api.schemas_monitoring import Delivered, FeatureSeries, Monitoring, NewValues, Refusals
from gis.access import Caller
from gis.errors import BodyError, NotFoundError
from gis.monitoring.deliver import deliver_rows
from gis.monitoring.pieces import REASONS
from gis.monitoring.variables import VARIABLES
from gis.store import Store, audit
from gis.store.connection import clear_errors
from gis.store.deliveries import Delivery, Refusal, deliveries, reach, refusals
from gis.store.monitoring_tables import MONITORED
from gis.store.series import Series, read_series

router = APIRouter(tags=["monitoring"])

_TOLD_REFUSED = 100
_PAGE = 1_000
_MOST_MONTHS = 26
_FAILED = "Reading measured values failed"

Layer = Annotated[str, Path(max_length=60, description="layer that is measured", examples=["heat_project"])]


def _layer(layer: str) -> str:
    if layer not in MONITORED:
        raise NotFoundError(f"{layer[:60]!r} is not measured; those that are: {', '.join(MONITORED)}.")
    return layer


@router.post(
    "/api/monitoring/{layer}",
    responses={200: {"model": Delivered}, **documented(400, 404, 409, 413, 422, 503)},
)
def post_values(
    request: Request, who: Annotated[Caller, needs("measure")], layer: Layer, body: NewValues
) -> ORJSON:
    """Take measured values. The same body twice changes nothing; a later one corrects, and is told so.

    Values that cannot be taken are listed with the reason and kept in quarantine; the others are taken.
    """
    store: Store = request.app.state.store
    rows = [value.model_dump() for value in body.values]
    for place, row in enumerate(rows):
        if any("\0" in text for text in row.values() if isinstance(text, str)):
            raise BodyError("A text holds a zero byte.", f"/values/{place}")
    with audit.acting(who.name, REQUEST_ID.get()):
        done = deliver_rows(store, _layer(layer), pa.Table.from_pylist(rows, _SCHEMA), who.name, body.period)
    with store.engine.connect() as connection:
        refused = refusals(connection, layer, done.delivery_id, _TOLD_REFUSED)
    return ORJSON(
        {
            "delivery_id": done.delivery_id,
            "repeated": done.repeated,
            "period": done.period,
            "counts": done.counts,
            "refused": [_refused(one) for one in refused],
        }
    )


_SCHEMA = pa.schema(
    [(name, pa.float64() if name == "value" else pa.string()) for name in
     ("feature_id", "time", "variable", "value", "unit")]
)  # fmt: skip


def _refused(one: Refusal) -> dict[str, Any]:
    told = {name: getattr(one, name) for name in ("row", "variable", "feature_id", "time", "value", "unit")}
    return told | {"reason": one.reason, "title": REASONS[one.reason].model_dump()}


@router.get("/api/monitoring/{layer}", responses={200: {"model": Monitoring}, **documented(404, 422, 503)})
def get_monitoring(
    request: Request,
    who: Annotated[Caller, Depends(caller)],
    layer: Layer,
    limit: Annotated[int, Query(ge=1, le=1000, description="the last so many deliveries")] = 20,
) -> ORJSON:
    """Tell what is measured at a layer and how far it reaches; the deliveries to callers who are known."""
    check_readable(request, _layer(layer))
    with clear_errors(_FAILED), reading(request).engine.connect() as connection:
        found = reach(connection, layer)
    told: list[Delivery] = []
    # Their names may tell of any layer that is measured.
    if who.known and readable(request).issuperset(MONITORED):
        with clear_errors(_FAILED), request.app.state.store.engine.connect() as connection:
            told = deliveries(connection, limit)
    return ORJSON(
        {
            "layer": layer,
            "reach": [vars(one) | _titled(one.variable) for one in found],
            "deliveries": [_delivery(one) for one in told],
        }
    )


def _titled(variable: str) -> dict[str, Any]:
    declared = VARIABLES[variable]
    return {"title": declared.title.model_dump(), "unit": declared.unit}


def _delivery(one: Delivery) -> dict[str, Any]:
    return {name: value for name, value in vars(one).items() if name != "told"} | {
        "counts": one.told.get("counts")
    }


@router.get(
    "/api/monitoring/{layer}/deliveries/{delivery_id}/quarantine",
    responses={200: {"model": Refusals}, **documented(404, 422, 503)},
)
def get_quarantine(
    request: Request,
    who: Annotated[Caller, needs("measure")],
    layer: Layer,
    delivery_id: Annotated[int, Path(ge=1, le=2**31 - 1)],
    after: Annotated[
        str,
        Query(max_length=80, pattern=r"^[0-9]{1,15}( .*)?$", description="`next_after` of the page before"),
    ] = "0",
) -> ORJSON:
    """List the values of a delivery that were refused, as they were sent and why, a thousand at a time."""
    check_readable(request, _layer(layer))
    row, _, variable = after.replace("\0", "").partition(" ")
    with request.app.state.store.engine.connect() as connection:
        found = refusals(connection, layer, delivery_id, _PAGE + 1, (int(row), variable))
    page = found[:_PAGE]
    more = f"{page[-1].row} {page[-1].variable}" if len(found) > _PAGE else None
    return ORJSON(
        {"delivery_id": delivery_id, "refused": [_refused(one) for one in page], "next_after": more}
    )


@router.get(
    "/api/monitoring/{layer}/features/{feature_id}",
    responses={200: {"model": FeatureSeries}, **documented(404, 422, 503)},
)
def get_series(
    request: Request,
    layer: Layer,
    feature_id: FeatureId,
    start: Annotated[dt.date, Query(alias="from", description="first day", examples=["2024-11-15"])],
    end: Annotated[dt.date, Query(alias="to", description="last day", examples=["2025-03-15"])],
    variable: Annotated[
        list[Annotated[str, Query(max_length=64)]] | None, Query(max_length=20, description="all by default")
    ] = None,
) -> ORJSON:
    """Return what was measured at a feature from one day to another, step by step; gaps are null."""
    check_readable(request, _layer(layer))
    wanted = variable or [v.name for v in VARIABLES.values() if layer in v.layers]
    for name in wanted:
        if name not in VARIABLES:
            raise NotFoundError(f"There is no variable {name!r}; there are {', '.join(VARIABLES)}.")
    months = (end.year - start.year) * 12 + end.month - start.month
    if not 0 <= months <= _MOST_MONTHS or end < start:
        raise BodyError(
            f"`to` is not before `from`, and at most {_MOST_MONTHS} months after it.", "/query/to"
        )
    with clear_errors(_FAILED), reading(request).engine.connect() as connection:
        found = read_series(connection, layer, feature_id, list(dict.fromkeys(wanted)), start, end)
    first, last = np.datetime64(start, "s"), np.datetime64(end, "s") + np.timedelta64(1, "D")
    return ORJSON(
        {
            "layer": layer,
            "feature_id": feature_id,
            "series": [_series(one.between(first, last)) for one in found],
        }
    )


def _series(one: Series) -> dict[str, Any]:
    declared = VARIABLES[one.variable]
    return {
        "variable": one.variable,
        **_titled(one.variable),
        "kind": declared.kind,
        "period": one.period,
        "start": str(one.start.astype("datetime64[s]")),
        "values": [None if np.isnan(value) else float(value) for value in one.values],
    }
