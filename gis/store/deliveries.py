"""What was delivered of measured values, what of it was refused, and how far measurement reaches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from gis.store.monitoring_tables import BLOCK, DELIVERY, QUARANTINE


@dataclass(frozen=True)
class Delivery:
    """A delivery; `finished_at` is None of one that was not taken to its end, `told` has its counts."""

    delivery_id: int
    name: str
    author: str
    started_at: datetime
    finished_at: datetime | None
    told: dict[str, Any]


@dataclass(frozen=True)
class Refusal:
    """A value that was not taken, as it was delivered; `reason` is one of `gis.monitoring.pieces.REASONS`."""

    delivery_id: int
    row: int
    variable: str
    layer: str
    feature_id: str | None
    time: str | None
    value: str | None
    unit: str | None
    reason: str


@dataclass(frozen=True)
class Reach:
    """How much is known of a variable of a layer: features, values, and the months of the first and last."""

    variable: str
    feature_count: int
    value_count: int
    first_month: date
    last_month: date


def deliveries(connection: sa.Connection, limit: int) -> list[Delivery]:
    """Return the last deliveries, the newest first."""
    columns = (DELIVERY.c[name] for name in Delivery.__dataclass_fields__)
    query = sa.select(*columns).order_by(DELIVERY.c.delivery_id.desc()).limit(limit)
    return [Delivery(**row._mapping) for row in connection.execute(query)]


def refusals(
    connection: sa.Connection, layer: str, delivery_id: int, limit: int, after: tuple[int, str] = (0, "")
) -> list[Refusal]:
    """Return values of a delivery that were refused, in the order of its rows and from a place on."""
    q = QUARANTINE.c
    query = (
        sa.select(*(q[name] for name in Refusal.__dataclass_fields__))
        .where(q.delivery_id == delivery_id, q.layer == layer, sa.tuple_(q.row, q.variable) > after)
        .order_by(q.row, q.variable)
        .limit(limit)
    )
    return [Refusal(**row._mapping) for row in connection.execute(query)]


def reach(connection: sa.Connection, layer: str) -> list[Reach]:
    """Return what is measured at a layer, a line a variable."""
    table = BLOCK[layer].c
    query = (
        sa.select(
            table.variable,
            sa.func.count(table.feature_id.distinct()),
            sa.cast(sa.func.sum(table.value_count), sa.BigInteger),
            sa.func.min(table.month),
            sa.func.max(table.month),
        )
        .group_by(table.variable)
        .order_by(table.variable)
    )
    return [Reach(*row) for row in connection.execute(query)]
